/** Speaking for another (`kubectl --as`): whom the headers name, and what one must be allowed for it. */
import { badRequest } from '../status.ts';
import type { Attempted } from './access.ts';
import { AUTHENTICATED, UNAUTHENTICATED, type User } from './user.ts';

export interface Impersonated {
  readonly user: User;
  /** All of it must be allowed. */
  readonly attempted: readonly Attempted[];
}

const EXTRA = 'impersonate-extra-';

/** @param headers each with all its values @throws ApiError 400 for groups and the like of nobody */
export function impersonatedBy(
  headers: Readonly<Record<string, readonly string[] | undefined>>,
): Impersonated | undefined {
  const username = headers['impersonate-user']?.[0] ?? '';
  const groups = headers['impersonate-group'] ?? [];
  const uid = headers['impersonate-uid']?.[0];
  const extra = Object.keys(headers).filter((name) => name.startsWith(EXTRA));
  if (username === '') {
    if (groups.length === 0 && uid === undefined && extra.length === 0) return undefined;
    throw badRequest('groups, a uid or extra fields are impersonated only with a user (Impersonate-User)');
  }
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(username);
  const attempted = [
    account === null
      ? impersonate('users', '', username)
      : impersonate('serviceaccounts', account[1] ?? '', account[2] ?? ''),
    ...groups.map((group) => impersonate('groups', '', group)),
    ...(uid === undefined ? [] : [impersonate('uids', '', uid, 'authentication.k8s.io')]),
    ...extra.flatMap((header) =>
      (headers[header] ?? []).map((value) => ({
        ...impersonate('userextras', '', value, 'authentication.k8s.io'),
        subresource: extraKey(header),
      })),
    ),
  ];
  return { user: userOf(username, groups, account?.[1], uid, extra, headers), attempted };
}

function userOf(
  username: string,
  groups: readonly string[],
  namespace: string | undefined,
  uid: string | undefined,
  extra: readonly string[],
  headers: Readonly<Record<string, readonly string[] | undefined>>,
): User {
  const own =
    namespace !== undefined && groups.length === 0
      ? ['system:serviceaccounts', `system:serviceaccounts:${namespace}`]
      : groups;
  const everyone = username === 'system:anonymous' ? UNAUTHENTICATED : AUTHENTICATED;
  return {
    username,
    ...(uid === undefined ? {} : { uid }),
    groups: own.includes(everyone) ? own : [...own, everyone],
    ...(extra.length === 0
      ? {}
      : { extra: Object.fromEntries(extra.map((header) => [extraKey(header), headers[header] ?? []])) }),
  };
}

function extraKey(header: string): string {
  const key = header.slice(EXTRA.length);
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

function impersonate(resource: string, namespace: string, name: string, group = '') {
  return {
    kind: 'resource',
    verb: 'impersonate',
    group,
    version: 'v1',
    resource,
    subresource: '',
    namespace,
    name,
  } as const;
}
