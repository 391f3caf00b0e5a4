/**
 * Asked once at the start: does the API answer, who are we to it, and may we do what we need. A right that is missing would
 * otherwise show as a fleet that never comes up.
 */
import { nodeLeaseNamespace } from '@kouplet/core';
import { type ApiOutcome, describeOutcome, isRecord, type Transport } from '@kouplet/kube';

/**
 * - `api-unreachable`: no answer, or none of a Kubernetes API
 * - `api-refuses`: it does not accept our credentials
 * - `missing-rights`: it does, but rights are missing; the message names them
 */
export type AccessProblem = 'api-unreachable' | 'api-refuses' | 'missing-rights';

export class AccessError extends Error {
  readonly code: AccessProblem;
  constructor(code: AccessProblem, message: string) {
    super(message);
    this.name = 'AccessError';
    this.code = code;
  }
}

interface Right {
  readonly verbs: readonly string[];
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
}

const rightsOfPeers: readonly Right[] = [
  { verbs: ['list', 'watch'], group: 'apps', resource: 'deployments' },
  { verbs: ['patch'], group: 'apps', resource: 'deployments', subresource: 'scale' },
];

/** A log is that of the base's own Pod; who asks for it is looked up. */
function rightsOfLogs(namespaces: readonly string[]): readonly Right[] {
  const log = { verbs: ['get'], group: '', resource: 'pods', subresource: 'log' };
  return [
    { verbs: ['create'], group: 'authentication.k8s.io', resource: 'tokenreviews' },
    { verbs: ['create'], group: 'authorization.k8s.io', resource: 'subjectaccessreviews' },
    ...(namespaces.length === 0 ? [log] : namespaces.map((namespace) => ({ ...log, namespace }))),
  ];
}

/** What only some controllers do. */
export interface Features {
  /** Serves the logs of bases whose Pods are in these namespaces; of none: in any. */
  readonly logsOf?: readonly string[];
  /** Sizes Deployments by the number of bases. */
  readonly hasPeers?: boolean;
  /** Writes nothing, so that not even its rights are asked for, which takes a POST: what it may not read, its lists say. */
  readonly isObserver?: boolean;
}

/** Everything that the controller asks of the API: what samples and docs grant must cover it. */
export function rightsNeeded(namespace: string, features: Features = {}): readonly Right[] {
  return [
    ...(features.hasPeers === true ? rightsOfPeers : []),
    ...(features.logsOf === undefined ? [] : rightsOfLogs(features.logsOf)),
    { verbs: ['list', 'watch', 'get', 'create', 'patch', 'delete'], group: '', resource: 'nodes' },
    { verbs: ['patch'], group: '', resource: 'nodes', subresource: 'status' },
    { verbs: ['list', 'watch', 'delete'], group: '', resource: 'pods' },
    { verbs: ['patch'], group: '', resource: 'pods', subresource: 'status' },
    { verbs: ['create', 'patch'], group: '', resource: 'events' },
    { verbs: ['list', 'watch', 'get', 'create', 'update', 'delete'], group: '', resource: 'configmaps', namespace },
    ...[...new Set([nodeLeaseNamespace, namespace])].map((each) => ({
      verbs: ['list', 'watch', 'get', 'create', 'update', 'delete'],
      group: 'coordination.k8s.io',
      resource: 'leases',
      namespace: each,
    })),
  ];
}

/** @throws AccessError */
export async function checkAccess(transport: Transport, namespace: string, features: Features = {}): Promise<void> {
  const { server, context } = transport.access;
  const probe = await transport.request({ method: 'GET', path: '/version', timeoutMs: 10_000 });
  if (probe.kind === 'unauthorized') {
    throw new AccessError(
      'api-refuses',
      `the Kubernetes API at ${server} (context ${context}) does not accept the credentials: ${describeOutcome(probe)}`,
    );
  }
  // 403 on /version is an answer of an API all the same.
  if (probe.kind !== 'ok' && probe.status !== 403) {
    throw new AccessError(
      'api-unreachable',
      `no Kubernetes API answers at ${server} (context ${context}): ${describeOutcome(probe)}`,
    );
  }
  if (features.isObserver === true) return;
  const asked = rightsNeeded(namespace, features).flatMap((right) => right.verbs.map((verb) => ({ right, verb })));
  const answers = await Promise.all(asked.map(({ right, verb }) => review(transport, right, verb)));
  const missing = asked
    .filter((_, index) => answers[index] === 'denied')
    .map(({ right, verb }) => wordsFor(right, verb));
  const refused = answers.find((answer) => answer === 'unauthorized');
  if (refused !== undefined) {
    throw new AccessError(
      'api-refuses',
      `the Kubernetes API at ${server} (context ${context}) does not accept the credentials`,
    );
  }
  if (missing.length > 0) {
    throw new AccessError(
      'missing-rights',
      `the Kubernetes API at ${server} (context ${context}) denies what is needed: ${merged(missing)}`,
    );
  }
}

type Answer = 'allowed' | 'denied' | 'unauthorized' | 'unknown';

async function review(transport: Transport, right: Right, verb: string): Promise<Answer> {
  const { group, resource, subresource, namespace } = right;
  const answer = await transport.request({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    timeoutMs: 10_000,
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: {
        resourceAttributes: {
          verb,
          group,
          resource,
          ...(subresource === undefined ? {} : { subresource }),
          ...(namespace === undefined ? {} : { namespace }),
        },
      },
    },
  });
  return answerOf(answer);
}

/** A server without reviews (the embedded one, some proxies) has nothing to say: then the first refusal will tell. */
function answerOf(answer: ApiOutcome): Answer {
  if (answer.kind === 'unauthorized') return 'unauthorized';
  if (answer.kind !== 'ok' || !isRecord(answer.body) || !isRecord(answer.body.status)) return 'unknown';
  return answer.body.status.allowed === true ? 'allowed' : 'denied';
}

interface Words {
  readonly verb: string;
  readonly of: string;
}

function wordsFor(right: Right, verb: string): Words {
  const name = right.subresource === undefined ? right.resource : `${right.resource}/${right.subresource}`;
  const full = right.group === '' ? name : `${name}.${right.group}`;
  return { verb, of: right.namespace === undefined ? full : `${full} in namespace ${right.namespace}` };
}

/** `create, patch events; patch nodes/status`. */
function merged(missing: readonly Words[]): string {
  const verbs = new Map<string, string[]>();
  for (const { verb, of } of missing) verbs.set(of, [...(verbs.get(of) ?? []), verb]);
  return [...verbs].map(([of, list]) => `${list.join(', ')} ${of}`).join('; ');
}
