/**
 * Who may come in and what he may do: the two questions that are asked of every request, in this order.
 *
 *   Authorization header ─ authenticate ─► User ─ authorize ─► yes | no with a reason
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { ApiError } from '../api.ts';
import { failure, forbidden } from '../status.ts';
import { impersonatedBy } from './impersonation.ts';
import type { KnownRules, Roles } from './roles.ts';
import type { ServiceAccountTokens } from './service-account-tokens.ts';
import { ADMIN_USER, ANONYMOUS_USER, LOOPBACK_USER, MASTERS, type User } from './user.ts';

/** What a request wants to do with a resource, or with a path that is none. */
export type Attempted =
  | {
      readonly kind: 'resource';
      readonly verb: string;
      readonly group: string;
      readonly version: string;
      readonly resource: string;
      readonly subresource: string;
      /** '' = all, and for kinds of the cluster. */
      readonly namespace: string;
      /** '' = the collection. */
      readonly name: string;
    }
  | { readonly kind: 'path'; readonly verb: string; readonly path: string };

export interface Decision {
  readonly allowed: boolean;
  readonly reason: string;
}

export interface AccessOptions {
  /** The token of the kubeconfig; without one everybody who reaches the server is its master. */
  readonly token?: string;
  readonly tokens: ServiceAccountTokens;
  /** Who may do what; without them everybody may do everything. */
  readonly roles?: Roles;
}

/** Paths that need no one's name, as a real server's `system:public-info-viewer` has them. */
const PUBLIC = /^\/(?:healthz|livez|readyz|version)(?:\/|$)/;

export class Access {
  /** Issues and reads tokens of ServiceAccounts. */
  readonly tokens: ServiceAccountTokens;
  readonly #digest: Buffer | undefined;
  readonly #roles: Roles | undefined;

  constructor(options: AccessOptions) {
    this.tokens = options.tokens;
    this.#roles = options.roles;
    this.#digest = options.token === undefined ? undefined : digestOf(options.token);
  }

  /** True where only who brings a token is known. */
  get isClosed(): boolean {
    return this.#digest !== undefined;
  }

  /**
   * Who asks.
   *
   * @param authorization the header of that name
   * @param path  without its query
   * @throws ApiError 401 for a token that is no good, and for none where one is needed
   */
  authenticate(authorization: string | undefined, path: string): User {
    const token = bearer(authorization);
    if (token === undefined) {
      if (!this.isClosed) return LOOPBACK_USER;
      if (PUBLIC.test(path)) return ANONYMOUS_USER;
      throw unauthorized();
    }
    const user = this.userOf(token)?.user;
    if (user === undefined) throw unauthorized();
    return user;
  }

  /** Whom a token speaks for; `audiences` as in a TokenReview. */
  userOf(token: string, audiences: readonly string[] = []): { user: User; audiences: readonly string[] } | undefined {
    // Digests have one length, so that the time of the comparison tells nothing of the token.
    if (this.#digest !== undefined && timingSafeEqual(this.#digest, digestOf(token))) {
      return { user: ADMIN_USER, audiences };
    }
    return this.tokens.read(token, audiences);
  }

  /**
   * Whom the user speaks for by his `Impersonate-*` headers (`kubectl --as`); himself without them.
   *
   * @param headers each with all its values
   * @throws ApiError 403 where he may not
   */
  impersonated(user: User, headers: Readonly<Record<string, readonly string[] | undefined>>): User {
    const wanted = impersonatedBy(headers);
    if (wanted === undefined) return user;
    for (const attempted of wanted.attempted) this.check(user, () => attempted);
    return wanted.user;
  }

  /** Whether the user may. */
  authorize(user: User, attempted: Attempted): Decision {
    return this.#roles?.authorize(user, attempted) ?? { allowed: true, reason: '' };
  }

  /** @throws ApiError 403 in the words of a real server */
  check(user: User, attempted: () => Attempted): void {
    // Nearly every request is the master's: he is not asked what he wants.
    if (user.groups.includes(MASTERS)) return;
    const wanted = attempted();
    const { allowed, reason } = this.authorize(user, wanted);
    if (!allowed) throw refusal(user, wanted, reason);
  }

  /** What the user may do in a namespace. */
  rulesOf(user: User, namespace: string): KnownRules {
    return this.#roles?.rulesOf(user, namespace) ?? { resourceRules: [], nonResourceRules: [] };
  }
}

function refusal(user: User, attempted: Attempted, reason: string): ApiError {
  const more = reason === '' ? '' : `: ${reason}`;
  const { verb } = attempted;
  const who = `User ${JSON.stringify(user.username)} cannot ${verb}`;
  if (attempted.kind === 'path') {
    return failure(403, 'Forbidden', `forbidden: ${who} path ${JSON.stringify(attempted.path)}${more}`, {});
  }
  const { group, resource, subresource, namespace, name } = attempted;
  const whole = subresource === '' ? resource : `${resource}/${subresource}`;
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`;
  const what = `${who} resource ${JSON.stringify(whole)} in API group ${JSON.stringify(group)} ${where}${more}`;
  return forbidden({ group, plural: resource, kind: resource }, name, what);
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** As apiserver's bearertoken: other schemes, and an empty token, count as nothing given. */
function bearer(header: string | undefined): string | undefined {
  const [scheme, token] = (header ?? '').trim().split(' ', 3);
  return scheme?.toLowerCase() === 'bearer' && token !== undefined && token !== '' ? token : undefined;
}

/** In the words of a real server. */
export function unauthorized(): ApiError {
  return failure(401, 'Unauthorized', 'Unauthorized');
}
