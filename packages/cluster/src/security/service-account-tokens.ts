/**
 * Tokens of ServiceAccounts: signed JWTs with the claims of a real server, good until they expire or the account (or the Pod, Secret or
 * Node they are bound to) is no longer the one they were made for.
 */
import { createPublicKey, generateKeyPairSync, type KeyObject, randomUUID, sign, verify } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { isRecord } from '../json.ts';
import type { KubeObject } from '../kinds/kind.ts';
import { serviceAccountUser, type User } from './user.ts';

/** The issuer of a cluster that names none, and the audience of a token that is for the API server itself. */
export const ISSUER = 'https://kubernetes.default.svc.cluster.local';
/** A JWT of ours has some 900 characters; nobody sends a long one in good faith. */
const MAX_TOKEN_LENGTH = 16 * 1024;

/** What a token may be bound to, besides its account. */
export interface BoundObject {
  readonly kind: 'Pod' | 'Secret' | 'Node';
  readonly name: string;
  readonly uid: string;
}

export interface TokenWish {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Empty: for the API server. */
  readonly audiences: readonly string[];
  readonly expirationSeconds: number;
  readonly bound?: BoundObject;
}

export interface IssuedToken {
  readonly token: string;
  /** RFC 3339, whole seconds. */
  readonly expirationTimestamp: string;
  readonly audiences: readonly string[];
}

/** A token that was found good, and for whom. */
export interface ReadToken {
  readonly user: User;
  readonly audiences: readonly string[];
}

export interface TokenGround {
  readonly clock: Clock;
  /** The present object; `pods`, `serviceaccounts`, `secrets`, `nodes`. */
  find(resource: string, name: string, namespace: string): KubeObject | undefined;
}

const RESOURCE_OF: Readonly<Record<BoundObject['kind'], string>> = { Pod: 'pods', Secret: 'secrets', Node: 'nodes' };

export function newSigningKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

/** Issues and reads the tokens of ServiceAccounts. */
export class ServiceAccountTokens {
  readonly #ground: TokenGround;
  readonly #givenKey: () => KeyObject;
  #keys: { readonly own: KeyObject; readonly shown: KeyObject; readonly id: string } | undefined;

  /** @param key  private key, EC P-256, asked for when it is first needed; without it one is made that ends with the process */
  constructor(ground: TokenGround, key: () => KeyObject = newSigningKey) {
    this.#ground = ground;
    this.#givenKey = key;
  }

  /** A new token. Whether the account is there, and how long a token may live, is the caller's to check. */
  issue(wish: TokenWish): IssuedToken {
    const now = Math.floor(this.#ground.clock.now() / 1000);
    const exp = now + wish.expirationSeconds;
    const audiences = wish.audiences.length === 0 ? [ISSUER] : [...wish.audiences];
    const { bound, namespace, name, uid } = wish;
    const claims = {
      aud: audiences,
      exp,
      iat: now,
      iss: ISSUER,
      jti: randomUUID(),
      'kubernetes.io': {
        namespace,
        ...(bound === undefined ? {} : { [bound.kind.toLowerCase()]: { name: bound.name, uid: bound.uid } }),
        serviceaccount: { name, uid },
      },
      nbf: now,
      sub: `system:serviceaccount:${namespace}:${name}`,
    };
    const { own, id } = this.#pair();
    const text = `${part({ alg: 'ES256', kid: id })}.${part(claims)}`;
    const signature = sign('sha256', Buffer.from(text), { key: own, dsaEncoding: 'ieee-p1363' });
    const expirationTimestamp = `${new Date(exp * 1000).toISOString().slice(0, 19)}Z`;
    return { token: `${text}.${signature.toString('base64url')}`, expirationTimestamp, audiences };
  }

  /**
   * Who a token speaks for; undefined where it is none of ours, expired, for others, or of an account that is gone.
   *
   * @param audiences whom it must be for, one of them at least; empty: the API server
   */
  read(token: string, audiences: readonly string[] = []): ReadToken | undefined {
    const claims = this.#verified(token);
    if (claims === undefined || claims.iss !== ISSUER) return undefined;
    const now = this.#ground.clock.now() / 1000;
    if (typeof claims.exp !== 'number' || claims.exp <= now) return undefined;
    const meant = new Set(audiences.length === 0 ? [ISSUER] : audiences);
    const shared = (Array.isArray(claims.aud) ? claims.aud : []).filter(
      (one): one is string => typeof one === 'string' && meant.has(one),
    );
    if (shared.length === 0) return undefined;
    const about = claims['kubernetes.io'];
    if (!isRecord(about) || typeof about.namespace !== 'string' || !isNamed(about.serviceaccount)) return undefined;
    const { namespace, serviceaccount } = about;
    if (!this.#isThere('serviceaccounts', serviceaccount, namespace)) return undefined;
    const extra: Record<string, readonly string[]> = {
      'authentication.kubernetes.io/credential-id': [`JTI=${String(claims.jti)}`],
    };
    for (const [kind, resource] of Object.entries(RESOURCE_OF)) {
      const bound = about[kind.toLowerCase()];
      if (bound === undefined) continue;
      if (!isNamed(bound) || !this.#isThere(resource, bound, kind === 'Node' ? '' : namespace)) return undefined;
      if (kind === 'Secret') continue;
      extra[`authentication.kubernetes.io/${kind.toLowerCase()}-name`] = [bound.name];
      extra[`authentication.kubernetes.io/${kind.toLowerCase()}-uid`] = [bound.uid];
    }
    return { user: serviceAccountUser(namespace, serviceaccount.name, serviceaccount.uid, extra), audiences: shared };
  }

  #isThere(resource: string, { name, uid }: { name: string; uid: string }, namespace: string): boolean {
    return this.#ground.find(resource, name, namespace)?.metadata.uid === uid;
  }

  #verified(token: string): Record<string, unknown> | undefined {
    const [head, body, signature, ...more] = token.length > MAX_TOKEN_LENGTH ? [] : token.split('.');
    if (head === undefined || body === undefined || signature === undefined || more.length > 0) return undefined;
    const { shown, id } = this.#pair();
    const header = parsed(head);
    // The algorithm is ours to say, not the token's.
    if (header?.alg !== 'ES256' || header.kid !== id) return undefined;
    const bytes = Buffer.from(signature, 'base64url');
    const options = { key: shown, dsaEncoding: 'ieee-p1363' } as const;
    return verify('sha256', Buffer.from(`${head}.${body}`), options, bytes) ? parsed(body) : undefined;
  }

  #pair() {
    if (this.#keys === undefined) {
      const own = this.#givenKey();
      const shown = createPublicKey(own);
      const id = shown.export({ type: 'spki', format: 'der' }).toString('base64url').slice(-43);
      this.#keys = { own, shown, id };
    }
    return this.#keys;
  }
}

function part(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isNamed(value: unknown): value is { name: string; uid: string } {
  return isRecord(value) && typeof value.name === 'string' && typeof value.uid === 'string';
}
