/**
 * The small create-only resources by which a client asks about itself. There are no users here: whoever reaches the loopback port may
 * do everything, and every review says so.
 */
import { isRecord } from '../json.ts';
import { contentType, readBody } from './body.ts';
import type { Exchange } from './exchange.ts';

export interface Review {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  status(spec: Readonly<Record<string, unknown>>): unknown;
}

const USER = { username: 'kouplet:loopback', groups: ['system:masters', 'system:authenticated'] };
const ALLOWED = { allowed: true, reason: 'the embedded cluster has no authorization' };
const EVERYTHING = {
  resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
  nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
  incomplete: false,
};

const authorization = (plural: string, kind: string, status: unknown, namespaced = false): Review => ({
  group: 'authorization.k8s.io',
  version: 'v1',
  plural,
  kind,
  namespaced,
  status: () => status,
});

export const reviews: readonly Review[] = [
  {
    group: 'authentication.k8s.io',
    version: 'v1',
    plural: 'selfsubjectreviews',
    kind: 'SelfSubjectReview',
    namespaced: false,
    status: () => ({ userInfo: USER }),
  },
  {
    group: 'authentication.k8s.io',
    version: 'v1',
    plural: 'tokenreviews',
    kind: 'TokenReview',
    namespaced: false,
    status: () => ({ authenticated: true, user: USER }),
  },
  authorization('localsubjectaccessreviews', 'LocalSubjectAccessReview', ALLOWED, true),
  authorization('selfsubjectaccessreviews', 'SelfSubjectAccessReview', ALLOWED),
  authorization('selfsubjectrulesreviews', 'SelfSubjectRulesReview', EVERYTHING),
  authorization('subjectaccessreviews', 'SubjectAccessReview', ALLOWED),
];

export function findReview(group: string, version: string, segments: readonly string[]): Review | undefined {
  const plural = segments[0] === 'namespaces' && segments.length === 3 ? segments[2] : segments[0];
  return reviews.find((one) => one.group === group && one.version === version && one.plural === plural);
}

/** POST of a review. @throws ApiError 400, 415 */
export async function serveReview(exchange: Exchange, review: Review): Promise<void> {
  const { value } = readBody(await exchange.body(), contentType(exchange.header('content-type')), review);
  const spec = isRecord(value.spec) ? value.spec : {};
  const metadata = isRecord(value.metadata) ? { creationTimestamp: null, ...value.metadata } : {};
  exchange.sendJson(
    201,
    JSON.stringify({
      kind: review.kind,
      apiVersion: `${review.group}/${review.version}`,
      metadata,
      spec,
      status: review.status(spec),
    }),
  );
}
