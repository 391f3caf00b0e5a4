/** Who asks: what authentication found out, and what reviews, admission and authorization go by. */

/** As `authentication.k8s.io/v1` UserInfo has it. */
export interface User {
  readonly username: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** The group that may do everything, whatever roles say. */
export const MASTERS = 'system:masters';
export const AUTHENTICATED = 'system:authenticated';
export const UNAUTHENTICATED = 'system:unauthenticated';

/** Whoever reaches a server without TLS, which listens on loopback only. */
export const LOOPBACK_USER: User = { username: 'kouplet:loopback', groups: [MASTERS, AUTHENTICATED] };
/** Whoever brings the token of the kubeconfig. */
export const ADMIN_USER: User = { username: 'kouplet:admin', groups: [MASTERS, AUTHENTICATED] };
/** Whoever brings nothing to a server with TLS. */
export const ANONYMOUS_USER: User = { username: 'system:anonymous', groups: [UNAUTHENTICATED] };

/** @param namespace of the ServiceAccount @param name its name @param uid its uid */
export function serviceAccountUser(namespace: string, name: string, uid: string, extra: User['extra'] = {}): User {
  return {
    username: `system:serviceaccount:${namespace}:${name}`,
    uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, AUTHENTICATED],
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}
