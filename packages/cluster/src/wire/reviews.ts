/**
 * The small create-only resources by which a client asks who it is and what it may do. The answers are those of `security/access.ts`: whom
 * it knows, and what it would decide.
 */
import { isRecord } from '../json.ts';
import type { FieldError } from '../kinds/kind.ts';
import { timestamp } from '../rest/ground.ts';
import type { Attempted } from '../security/access.ts';
import { MASTERS, type User } from '../security/user.ts';
import { badRequest, invalid } from '../status.ts';
import { contentType, readBody } from './body.ts';
import type { Exchange } from './exchange.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What a review is asked with. */
interface Question {
  readonly exchange: Exchange;
  readonly spec: Fields;
  /** Of the path; '' for a review of the cluster. */
  readonly namespace: string;
}

export interface Review {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** @throws ApiError 400, 422 for a question that is none */
  status(question: Question): unknown;
}

const recordOf = (value: unknown): Fields => (isRecord(value) ? value : {});
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];

/**
 * What a member of system:masters is told by a real 1.34, order and all: everything, and besides what everybody may.
 */
const PUBLIC_PATHS = ['/healthz', '/livez', '/readyz', '/version', '/version/'];
const DISCOVERY_PATHS = ['/api', '/api/*', '/apis', '/apis/*', '/healthz', '/livez', '/openapi', '/openapi/*'];
const RULES = {
  resourceRules: [
    { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
    {
      verbs: ['create'],
      apiGroups: ['authorization.k8s.io'],
      resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
    },
    { verbs: ['create'], apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'] },
  ],
  nonResourceRules: [
    { verbs: ['get'], nonResourceURLs: [...DISCOVERY_PATHS, '/readyz', '/version', '/version/'] },
    { verbs: ['get'], nonResourceURLs: PUBLIC_PATHS },
    { verbs: ['*'], nonResourceURLs: ['*'] },
  ],
  incomplete: false,
};

const authorization = { group: 'authorization.k8s.io', version: 'v1' } as const;
const authentication = { group: 'authentication.k8s.io', version: 'v1' } as const;

export const reviews: readonly Review[] = [
  {
    ...authentication,
    plural: 'selfsubjectreviews',
    kind: 'SelfSubjectReview',
    namespaced: false,
    status: ({ exchange }) => ({ userInfo: exchange.user }),
  },
  { ...authentication, plural: 'tokenreviews', kind: 'TokenReview', namespaced: false, status: reviewToken },
  {
    ...authorization,
    plural: 'localsubjectaccessreviews',
    kind: 'LocalSubjectAccessReview',
    namespaced: true,
    status: (question) => {
      const { namespace } = recordOf(question.spec.resourceAttributes);
      if (textOf(namespace) !== question.namespace) {
        throw unclear('spec.resourceAttributes.namespace', namespace ?? '', 'must match metadata.namespace');
      }
      return reviewAccess(question, namedUser(question.spec));
    },
  },
  {
    ...authorization,
    plural: 'selfsubjectaccessreviews',
    kind: 'SelfSubjectAccessReview',
    namespaced: false,
    status: (question) => reviewAccess(question, question.exchange.user),
  },
  {
    ...authorization,
    plural: 'selfsubjectrulesreviews',
    kind: 'SelfSubjectRulesReview',
    namespaced: false,
    status: ({ exchange: { access, user }, spec }) => {
      const namespace = textOf(spec.namespace);
      if (namespace === '') throw badRequest('no namespace on request');
      return user.groups.includes(MASTERS) ? RULES : { ...access.rulesOf(user, namespace), incomplete: false };
    },
  },
  {
    ...authorization,
    plural: 'subjectaccessreviews',
    kind: 'SubjectAccessReview',
    namespaced: false,
    status: (question) => reviewAccess(question, namedUser(question.spec)),
  },
];

function reviewToken({ exchange, spec }: Question): unknown {
  const token = textOf(spec.token);
  if (token === '') throw badRequest('token is required for TokenReview in authentication');
  const found = exchange.access.userOf(token, textsOf(spec.audiences));
  if (found === undefined) return { user: {}, error: 'invalid bearer token' };
  const { user, audiences } = found;
  return { authenticated: true, user, ...(audiences.length === 0 ? {} : { audiences }) };
}

function namedUser(spec: Fields): User {
  const username = textOf(spec.user);
  const groups = textsOf(spec.groups);
  if (username === '' && groups.length === 0) {
    throw unclear('spec.user', '', 'at least one of user or group must be specified');
  }
  return { username, groups };
}

function reviewAccess({ exchange, spec }: Question, user: User): unknown {
  const { allowed, reason } = exchange.access.authorize(user, attemptedOf(spec));
  return { allowed, ...(reason === '' ? {} : { reason }) };
}

function attemptedOf({ resourceAttributes, nonResourceAttributes }: Fields): Attempted {
  if (isRecord(nonResourceAttributes)) {
    const { path, verb } = nonResourceAttributes;
    if (isRecord(resourceAttributes)) {
      const value = { Path: textOf(path), Verb: textOf(verb) };
      throw unclear('spec.nonResourceAttributes', value, 'cannot be specified in combination with resourceAttributes');
    }
    return { kind: 'path', verb: textOf(verb), path: textOf(path) };
  }
  if (!isRecord(resourceAttributes)) {
    const detail = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
    throw unclear('spec.resourceAttributes', null, detail);
  }
  const { verb, group, version, resource, subresource, namespace, name } = resourceAttributes;
  return {
    kind: 'resource',
    verb: textOf(verb),
    group: textOf(group),
    version: textOf(version),
    resource: textOf(resource),
    subresource: textOf(subresource),
    namespace: textOf(namespace),
    name: textOf(name),
  };
}

/** Sic: a real server forgets the kind here (`.authorization.k8s.io "" is invalid: …`). */
function unclear(field: string, value: unknown, detail: string): Error {
  const error: FieldError = { field, type: 'Invalid value', value, detail };
  return invalid({ group: 'authorization.k8s.io', plural: '', kind: '' }, '', [error]);
}

export function findReview(group: string, version: string, segments: readonly string[]): Review | undefined {
  const plural = segments[0] === 'namespaces' && segments.length === 3 ? segments[2] : segments[0];
  return reviews.find((one) => one.group === group && one.version === version && one.plural === plural);
}

/** POST of a review; it is answered and not kept. @throws ApiError 400, 415, 422 */
export async function serveReview(exchange: Exchange, review: Review, now: number, namespace = ''): Promise<void> {
  const { value } = readBody(await exchange.body(), contentType(exchange.header('content-type')), review);
  const spec = recordOf(value.spec);
  const isSelf = review.kind === 'SelfSubjectReview';
  const metadata = { ...recordOf(value.metadata), ...(isSelf ? { creationTimestamp: timestamp(now) } : {}) };
  exchange.sendJson(
    201,
    JSON.stringify({
      kind: review.kind,
      apiVersion: `${review.group}/${review.version}`,
      metadata,
      ...(isSelf ? {} : { spec }),
      status: review.status({ exchange, spec, namespace }),
    }),
  );
}
