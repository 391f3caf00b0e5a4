/**
 * Who may say and hear what. Pure; the topic grammar is `@kouplet/protocol`'s.
 *
 * | role       | publishes                         | subscribes to                                              |
 * |------------|-----------------------------------|------------------------------------------------------------|
 * | base       | `P/<own identity>/base/<channel>` | `P/<own identity>/+`, one command of it, `…/base/baseline` |
 * | controller | anything but `$…`                 | anything but `$…`                                          |
 *
 * `P` is `koupleless_<env>` or the seed's `koupleless`. Nothing is ever retained, whoever asks.
 */
import { type BaseId, isBaseId, listenerOf, publisherOf } from '@kouplet/protocol';

export type Access = { readonly role: 'base'; readonly baseId: BaseId } | { readonly role: 'controller' };

/** Client ids of our own controllers at an external broker start so; a broker without users tells them from bases by it. */
export const controllerClientPrefix = 'kouplet-controller@@@';

/**
 * The identity in a client id: what follows the first `@@@` (upstream's form is `<prefix>@@@<identity>`).
 *
 * @returns undefined where there is none, or it can be no identity (it would be no topic segment)
 */
export function identityOf(clientId: string): BaseId | undefined {
  const at = clientId.indexOf('@@@');
  if (at < 0) return undefined;
  const identity = clientId.slice(at + 3);
  return isBaseId(identity) ? identity : undefined;
}

/** Whether a client may publish to a topic. [SPEC I12] */
export function mayPublish(access: Access, topic: string): boolean {
  switch (access.role) {
    case 'base':
      return publisherOf(topic)?.baseId === access.baseId;
    case 'controller':
      return !topic.startsWith('$');
    default:
      return access satisfies never;
  }
}

/** Whether a client may subscribe to a filter. [SPEC I12] */
export function maySubscribe(access: Access, filter: string): boolean {
  switch (access.role) {
    case 'base':
      return listenerOf(filter)?.baseId === access.baseId;
    case 'controller':
      return !filter.startsWith('$');
    default:
      return access satisfies never;
  }
}

/** Whether a pattern of the users file covers an identity: `*` stands for any run of characters, everything else for itself. */
export function matchesPattern(pattern: string, identity: string): boolean {
  const [head = '', ...rest] = pattern.split('*');
  const tail = rest.pop();
  if (tail === undefined) return identity === pattern;
  if (!identity.startsWith(head) || !identity.endsWith(tail) || identity.length < head.length + tail.length)
    return false;
  let at = head.length;
  const end = identity.length - tail.length;
  for (const part of rest) {
    const found = identity.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
