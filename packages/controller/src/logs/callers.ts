/**
 * Who asks for a log, and whether he may: as a kubelet decides it. A client certificate of the cluster's authority, or a bearer token
 * that the API server knows (TokenReview); then the right to the Node's `proxy` or `log` (SubjectAccessReview). [SPEC E41] [SPEC E42]
 */
import { createHash } from 'node:crypto';
import { describeOutcome, type Transport } from '@kouplet/kube';
import type { EdgeClock } from '../clock.ts';
import { list, record, text } from '../projection/json.ts';
import { KeptAnswers } from './kept-answers.ts';

export interface Caller {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, unknown>>;
}

export type Recognised =
  | { readonly kind: 'known'; readonly caller: Caller }
  | { readonly kind: 'unknown' }
  /** The API server did not say. */
  | { readonly kind: 'unanswered'; readonly message: string };

export type Permission =
  | { readonly kind: 'allowed' }
  | { readonly kind: 'denied' }
  | { readonly kind: 'unanswered'; readonly message: string };

/** A kubelet holds what is granted for minutes; a right that was taken away should end sooner. */
const grantedMs = 60_000;
/** Long enough that a flood of bad tokens is no flood of reviews of each. */
const refusedMs = 10_000;
/** Of each kind: what strangers can cause is the API server's load. */
const reviewsAtOnce = 16;
const reviewTimeoutMs = 10_000;
/** What a request header holds at most is more than any token. */
const longestToken = 16_384;

export class Callers {
  readonly #transport: Transport;
  readonly #recognised: KeptAnswers<Recognised>;
  readonly #permissions: KeptAnswers<Permission>;
  /** Counted apart: strangers' tokens must not stand before the rights of those who are known. */
  readonly #underWay = { TokenReview: 0, SubjectAccessReview: 0 };

  constructor(transport: Transport, clock: EdgeClock) {
    this.#transport = transport;
    this.#recognised = new KeptAnswers(clock, ({ kind }) => heldMs(kind));
    this.#permissions = new KeptAnswers(clock, ({ kind }) => heldMs(kind));
  }

  /** Whose token an `Authorization` header holds. Never rejects. */
  ofToken(authorization: string | undefined): Promise<Recognised> {
    const token = /^Bearer +([^\s]+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined || token.length > longestToken) return Promise.resolve({ kind: 'unknown' });
    // The token itself is nowhere kept.
    return this.#recognised.get(createHash('sha256').update(token).digest('base64'), () => this.#reviewToken(token));
  }

  /**
   * Whether he may read logs there. `nodes/proxy` is what a kubelet asks for; `nodes/log` grants the files of logs there.
   *
   * @param nodeName empty: of any Node
   */
  async mayRead(caller: Caller, nodeName: string): Promise<Permission> {
    const proxy = await this.#permission(caller, nodeName, 'proxy');
    return proxy.kind === 'denied' ? this.#permission(caller, nodeName, 'log') : proxy;
  }

  #permission(caller: Caller, nodeName: string, subresource: string): Promise<Permission> {
    const key = JSON.stringify([nodeName, subresource, caller]);
    return this.#permissions.get(key, () => this.#reviewAccess(caller, nodeName, subresource));
  }

  async #reviewToken(token: string): Promise<Recognised> {
    const reviewed = await this.#review('authentication.k8s.io', 'TokenReview', { token });
    if (typeof reviewed === 'string') return { kind: 'unanswered', message: reviewed };
    const user = record(reviewed.user);
    const name = text(user.username);
    if (reviewed.authenticated !== true || name === undefined || name === '') return { kind: 'unknown' };
    const uid = text(user.uid);
    return {
      kind: 'known',
      caller: {
        name,
        ...(uid === undefined ? {} : { uid }),
        groups: list(user.groups).filter((group) => typeof group === 'string'),
        extra: record(user.extra),
      },
    };
  }

  async #reviewAccess(caller: Caller, nodeName: string, subresource: string): Promise<Permission> {
    const { name, uid, groups, extra } = caller;
    const reviewed = await this.#review('authorization.k8s.io', 'SubjectAccessReview', {
      user: name,
      ...(uid === undefined ? {} : { uid }),
      groups,
      ...(extra === undefined ? {} : { extra }),
      resourceAttributes: {
        verb: 'get',
        group: '',
        version: 'v1',
        resource: 'nodes',
        subresource,
        ...(nodeName === '' ? {} : { name: nodeName }),
      },
    });
    if (typeof reviewed === 'string') return { kind: 'unanswered', message: reviewed };
    return { kind: reviewed.allowed === true ? 'allowed' : 'denied' };
  }

  /** @returns the review's status, or why there is none */
  async #review(
    group: string,
    kind: 'TokenReview' | 'SubjectAccessReview',
    spec: object,
  ): Promise<Readonly<Record<string, unknown>> | string> {
    if (this.#underWay[kind] >= reviewsAtOnce) return `${reviewsAtOnce} callers are being looked up already`;
    this.#underWay[kind] += 1;
    const outcome = await this.#transport.request({
      method: 'POST',
      path: `/apis/${group}/v1/${kind.toLowerCase()}s`,
      timeoutMs: reviewTimeoutMs,
      body: { apiVersion: `${group}/v1`, kind, spec },
    });
    this.#underWay[kind] -= 1;
    if (outcome.kind !== 'ok') return `the ${kind} was not answered: ${describeOutcome(outcome)}`;
    return record(record(outcome.body).status);
  }
}

function heldMs(kind: Recognised['kind'] | Permission['kind']): number {
  switch (kind) {
    case 'known':
    case 'allowed':
      return grantedMs;
    case 'unknown':
    case 'denied':
      return refusedMs;
    case 'unanswered':
      return 0;
    default:
      return kind satisfies never;
  }
}
