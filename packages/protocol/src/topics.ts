/**
 * The topic grammar, once, for both generations (koupleless/runtime arklet-tunnel-mqtt; koupleless/module-controller
 * module_tunnels/koupleless_mqtt_tunnel):
 *
 * ```
 * P = koupleless_<env>/<identity>      current
 * P = koupleless/<identity>            seed, without env
 * P/base/<channel>                     a base speaks
 * P/<command>, P/base/baseline         a base is spoken to
 * ```
 *
 * The environment is normalised here and nowhere else: lower case, as every base does with its own. A topic that came in with
 * an upper-case env is read as the lower-case one (upstream controllers use their `ENV` verbatim, bases never do); what we
 * subscribe to and publish is lower case, since MQTT itself compares bytes.
 */
import { type BaseId, err, ok, type Result } from './ids.ts';
import type { ArkletCommand, Origin, TopicGeneration } from './messages.ts';

/** Last segment of `P/base/<channel>`: what a base publishes. `biz` is the list of bases up to 1.3.1. */
export const baseChannels = [
  'heart',
  'health',
  'biz',
  'simpleBiz',
  'bizOperation',
  'queryBaseline',
  'batchInstallBizResponse',
] as const;
export type BaseChannel = (typeof baseChannels)[number];

/** What a base listens to: `P/<command>`, and `P/base/baseline`. Anything else under `P/+` it logs as unsupported. */
export const commandKinds = ['installBiz', 'uninstallBiz', 'health', 'queryAllBiz', 'baseline'] as const;
export type CommandKind = (typeof commandKinds)[number] & ArkletCommand['kind'];

/** Origin of a topic with the identity branded: the topic is the one proof of it. */
export type TopicOrigin = Origin & { readonly baseId: BaseId };

export type ClassifiedTopic =
  | { readonly direction: 'from-base'; readonly origin: TopicOrigin; readonly channel: BaseChannel }
  | { readonly direction: 'to-base'; readonly origin: TopicOrigin; readonly channel: CommandKind };

/** Identities longer than this are no topics of ours: a Node name holds 253 characters, and a name that long is no name. */
const longestBaseId = 253;

/** The env where none is given, as bases and upstream have it. */
export const defaultEnv = 'dev';

/**
 * The one normalisation of an environment's name: trimmed, lower case, empty means `dev`.
 *
 * @returns the env, or a sentence for the user when it can be none: it is the last part of a Node's name (`vnode.<identity>.<env>`)
 *   and a topic segment, so lower-case letters, digits and `-` only, at most 63 characters, no dot. [SPEC P1]
 */
export function parseEnv(text: string): Result<string, string> {
  const env = text.trim().toLowerCase() || defaultEnv;
  return /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(env)
    ? ok(env)
    : err(`env ${JSON.stringify(text.slice(0, 80))} must be letters, digits and "-" (at most 63, no dot)`);
}

/** Whether a text can be a base's identity: 1 to 253 characters, none of `/`, `+`, `#`, and no control character. [SPEC P2] */
export function isBaseId(text: string): text is BaseId {
  return text.length > 0 && text.length <= longestBaseId && !hasForbidden(text);
}

/** What a topic is, in either direction; undefined for anything that is no topic of Koupleless. Never throws. [SPEC P2] */
export function classifyTopic(topic: string): ClassifiedTopic | undefined {
  const read = splitTopic(topic);
  if (read === undefined) return undefined;
  const { origin, rest } = read;
  const [first, second] = rest;
  if (rest.length === 1) {
    const command = commandKinds.find((kind) => kind === first && kind !== 'baseline');
    return command && { direction: 'to-base', origin, channel: command };
  }
  if (rest.length !== 2 || first !== 'base') return undefined;
  if (second === 'baseline') return { direction: 'to-base', origin, channel: 'baseline' };
  const channel = baseChannels.find((name) => name === second);
  return channel && { direction: 'from-base', origin, channel };
}

/** A topic that a base publishes to; undefined for every other, command topics included. [SPEC P2] */
export function parseTopic(topic: string): { readonly origin: TopicOrigin; readonly channel: BaseChannel } | undefined {
  const found = classifyTopic(topic);
  return found?.direction === 'from-base' ? { origin: found.origin, channel: found.channel } : undefined;
}

/** A topic that commands go to; for retained leftovers of upstream, which are cleared there. [SPEC P2] */
export function parseCommandTopic(
  topic: string,
): { readonly origin: TopicOrigin; readonly channel: CommandKind } | undefined {
  const found = classifyTopic(topic);
  return found?.direction === 'to-base' ? { origin: found.origin, channel: found.channel } : undefined;
}

/**
 * Whose voice a topic is: the owner of `P/base/<anything>`, channels of bases to come included, but never of `P/base/baseline`
 * (that is spoken to a base). What authorisation of a publish asks. Names with wildcards are no topics. [SPEC P3]
 */
export function publisherOf(topic: string): TopicOrigin | undefined {
  const read = splitTopic(topic);
  const [first, channel = ''] = read?.rest ?? [];
  const isVoice = read?.rest.length === 2 && first === 'base' && channel !== 'baseline' && channel !== '';
  return isVoice && !hasForbidden(channel) ? read?.origin : undefined;
}

/**
 * Whose ear a filter is: a base may subscribe to `P/+`, `P/<one command>` and `P/base/baseline` of its own identity, no more.
 * What authorisation of a subscription asks. [SPEC P3]
 */
export function listenerOf(filter: string): TopicOrigin | undefined {
  const read = splitTopic(filter);
  if (read === undefined) return undefined;
  const { origin, rest } = read;
  if (rest.length === 1 && rest[0] === '+') return origin;
  return classifyTopic(filter)?.direction === 'to-base' ? origin : undefined;
}

/** Wildcards that hear every base of an env and of the seed's generation. [SPEC P4] */
export function subscriptionsOf(env: string): string[] {
  return prefixesOf(env).map((prefix) => `${prefix}/+/base/+`);
}

/** Wildcards under which retained commands left behind by upstream show themselves, once, after subscribing. [SPEC P4] */
export function commandSubscriptionsOf(env: string): string[] {
  return prefixesOf(env).flatMap((prefix) => [`${prefix}/+/+`, `${prefix}/+/base/baseline`]);
}

/** The two filters a base subscribes to, QoS 1. [SPEC P4] */
export function baseSubscriptionsOf(env: string, baseId: string, generation: TopicGeneration): string[] {
  const prefix = prefixOf(env, generation);
  return [`${prefix}/${baseId}/+`, `${prefix}/${baseId}/base/baseline`];
}

/** Where a command of one kind goes to one base. [SPEC P4] */
export function commandTopicOf(env: string, baseId: string, generation: TopicGeneration, kind: CommandKind): string {
  const own = `${prefixOf(env, generation)}/${baseId}`;
  return kind === 'baseline' ? `${own}/base/baseline` : `${own}/${kind}`;
}

/** Where a base publishes one kind of message. [SPEC P4] */
export function baseTopicOf(env: string, baseId: string, generation: TopicGeneration, channel: BaseChannel): string {
  return `${prefixOf(env, generation)}/${baseId}/base/${channel}`;
}

function prefixesOf(env: string): string[] {
  return [prefixOf(env, 'current'), prefixOf(env, 'seed')];
}

function prefixOf(env: string, generation: TopicGeneration): string {
  return generation === 'seed' ? 'koupleless' : `koupleless_${env.toLowerCase()}`;
}

/** Prefix and identity read off a topic or a filter; the rest are the segments after them. */
function splitTopic(topic: string): { readonly origin: TopicOrigin; readonly rest: readonly string[] } | undefined {
  const [prefix = '', baseId = '', ...rest] = topic.split('/', 5);
  if (!isBaseId(baseId)) return undefined;
  if (prefix === 'koupleless') return { origin: { generation: 'seed', baseId }, rest };
  if (!prefix.startsWith('koupleless_') || hasForbidden(prefix)) return undefined;
  const env = prefix.slice('koupleless_'.length).toLowerCase();
  return env === '' ? undefined : { origin: { generation: 'current', env, baseId }, rest };
}

/** Wildcards, separators and control characters, none of which belongs in a name. */
function hasForbidden(text: string): boolean {
  return /[/+#\p{Cc}]/u.test(text);
}
