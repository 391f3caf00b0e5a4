/**
 * Settings from the environment: `KOUPLET_<FLAG>` for every flag, and upstream's variables where they mean something here.
 * Precedence: flag, then `KOUPLET_…`, then upstream's variable, then the default.
 */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { wrongUse } from './failure.ts';

export type Environment = Record<string, string | undefined>;

/** `--api-port` → `KOUPLET_API_PORT`. */
export function variableOf(option: Option): string {
  return `KOUPLET_${option.name().replaceAll('-', '_').toUpperCase()}`;
}

/** An option that can also be given as a variable; its help says which. */
export function option<T>(
  flags: string,
  description: string,
  settings: {
    readonly parse?: (value: string) => T;
    readonly default?: T;
    readonly choices?: readonly string[];
    readonly shown?: string;
  } = {},
): Option {
  const made = new Option(flags, description);
  const { parse } = settings;
  if (parse !== undefined) made.argParser(parse);
  if (settings.choices !== undefined) made.choices(settings.choices);
  if (settings.default !== undefined) made.default(settings.default, settings.shown);
  return made.env(variableOf(made));
}

const yes = new Set(['1', 'true', 'yes', 'on']);
const no = new Set(['', '0', 'false', 'no', 'off']);

/**
 * Makes the variables of a command's options mean what a person means by them: empty is unset, and a switch is on only for
 * true, 1, yes or on (Commander would take `KOUPLET_ENV_TAINT=false` for a yes). Changes `environment` in place, before parsing.
 */
export function normaliseVariables(commands: readonly Command[], environment: Environment): void {
  for (const { envVar, name, isSwitch } of commands.flatMap(switchesAndValues)) {
    const value = environment[envVar];
    if (value === undefined) continue;
    if (value === '') delete environment[envVar];
    if (!isSwitch) continue;
    if (no.has(value.toLowerCase())) delete environment[envVar];
    else if (!yes.has(value.toLowerCase())) {
      throw wrongUse(
        `${envVar}: "${value}" is neither true nor false`,
        `It stands for ${name}: say true, or leave it out.`,
      );
    }
  }
}

function switchesAndValues(command: Command) {
  return command.options.flatMap(({ envVar, long, required, optional }) =>
    envVar === undefined ? [] : [{ envVar, name: long ?? envVar, isSwitch: !required && !optional }],
  );
}

/** What of upstream's variables (koupleless/module-controller v2.2.0) is set and not empty. */
export interface Upstream {
  readonly env?: string;
  readonly clientId?: string;
  readonly namespace?: string;
  readonly broker?: string;
  readonly username?: string;
  readonly password?: string;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  /** Peer Deployments are switched on. */
  readonly hasPeers?: true;
  /** Logs of modules are served. */
  readonly hasLogs?: true;
  readonly logsPort?: string;
  /** Started as upstream is started: its variables choose the tunnel. Nodes then carry upstream's env taint. */
  readonly isUpstreamStyle: boolean;
}

/** @throws Failure where a variable asks for something that is not here, rather than ignoring it */
export function readUpstream(environment: Environment): Upstream {
  if (isTrue(environment.ENABLE_HTTP_TUNNEL)) {
    throw wrongUse(
      'ENABLE_HTTP_TUNNEL: bases over HTTP are not served here, only over MQTT',
      'Unset it and connect the bases by MQTT (koupleless.arklet.mqtt.*).',
    );
  }
  for (const name of ['REPORT_HOOKS', 'TRACKER_CONFIG_PATH']) {
    if ((environment[name] ?? '') === '') continue;
    throw wrongUse(
      `${name}: nothing is reported to hooks or by a tracker here`,
      'Unset it: what happens is told in Events of Pods and Nodes, in /metrics and in the log, which alerts can be made of.',
    );
  }
  const { MQTT_BROKER: host = '', MQTT_PORT: port = '', MQTT_CA_PATH: ca = '' } = environment;
  if (isTrue(environment.ENABLE_MQTT_TUNNEL) && host === '') {
    throw wrongUse(
      'ENABLE_MQTT_TUNNEL is set, but MQTT_BROKER is not',
      'Set MQTT_BROKER to the host, or use --broker or --listen.',
    );
  }
  if (port !== '' && !/^\d{1,5}$/.test(port)) {
    throw wrongUse(`MQTT_PORT: "${port}" is no port`, 'Say a number such as 1883.');
  }
  const isUpstreamStyle = host !== '' || isTrue(environment.ENABLE_MQTT_TUNNEL);
  return {
    isUpstreamStyle,
    ...(isTrue(environment.ENABLE_MODULE_REPLICAS_SYNC_WITH_BASE) ? { hasPeers: true } : {}),
    ...(isTrue(environment.KUBELET_PROXY_ENABLED) ? { hasLogs: true } : {}),
    ...field('logsPort', environment.KUBELET_PROXY_PORT),
    ...field('env', environment.ENV),
    ...field('clientId', environment.CLIENT_ID),
    ...field('namespace', environment.NAMESPACE),
    ...(host === '' ? {} : { broker: `${ca === '' ? 'mqtt' : 'mqtts'}://${host}:${port === '' ? '1883' : port}` }),
    ...field('username', environment.MQTT_USERNAME),
    ...field('password', environment.MQTT_PASSWORD),
    ...field('caFile', ca),
    ...field('certFile', environment.MQTT_CLIENT_CRT_PATH),
    ...field('keyFile', environment.MQTT_CLIENT_KEY_PATH),
  };
}

/** The option's value, or upstream's where neither flag nor variable gave one. `parse` names the variable in its error. */
export function orUpstream<T>(
  command: Command,
  name: string,
  upstream: string | undefined,
  variable: string,
  parse: (value: string) => T,
): T {
  const source = command.getOptionValueSource(name);
  if (upstream === undefined || source === 'cli' || source === 'env') return command.getOptionValue(name);
  try {
    return parse(upstream);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw wrongUse(
      `${variable}: ${error.message}`,
      `Set it right, or use the flag or ${`KOUPLET_${variable}`} in its place.`,
    );
  }
}

function isTrue(value: string | undefined): boolean {
  return value?.toLowerCase() === 'true';
}

function field<K extends string>(key: K, value: string | undefined): { [P in K]?: string } {
  const made: { [P in K]?: string } = {};
  if (value !== undefined && value !== '') made[key] = value;
  return made;
}
