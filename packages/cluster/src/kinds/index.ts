/** Every kind that the embedded cluster serves, in the order of discovery. */
import { ageOf } from './ages.ts';
import type { Kind, Subresource } from './kind.ts';
import { ageColumn, allVerbs, nameColumn, scaleSubresource, statusSubresource } from './shape.ts';

type Extra = Partial<Kind> & { withStatus?: boolean; withScale?: boolean; more?: Subresource[] };

function plain(
  group: string,
  version: string,
  kind: string,
  plural: string,
  namespaced: boolean,
  schema: string,
  { withStatus, withScale, more, ...extra }: Extra = {},
): Kind {
  const subresources = [...(more ?? [])];
  if (withScale) subresources.push(scaleSubresource);
  if (withStatus) subresources.push(statusSubresource({ group, version, kind }));
  return {
    group,
    version,
    kind,
    plural,
    singular: kind.toLowerCase(),
    namespaced,
    verbs: allVerbs,
    subresources,
    schema,
    hasGeneration: false,
    allowsUnconditionalUpdate: true,
    columns: [nameColumn, ageColumn],
    row: (object, now) => [object.metadata.name, ageOf(object.metadata.creationTimestamp, now)],
    prepareUpdate: (draft, old) => {
      if (withStatus) draft.status = old.status;
    },
    ...extra,
  };
}

const core = (kind: string, plural: string, schema: string, namespaced: boolean, extra?: Extra): Kind =>
  plain('', 'v1', kind, plural, namespaced, schema, extra);

export const kinds: readonly Kind[] = [
  core('ConfigMap', 'configmaps', 'V1ConfigMap', true, { shortNames: ['cm'] }),
  core('Event', 'events', 'CoreV1Event', true, { shortNames: ['ev'] }),
  core('Namespace', 'namespaces', 'V1Namespace', false, {
    shortNames: ['ns'],
    withStatus: true,
    verbs: allVerbs.filter((verb) => verb !== 'deletecollection'),
    more: [{ name: 'finalize', verbs: ['update'], responseKind: { group: '', version: 'v1', kind: 'Namespace' } }],
    prepareCreate: (draft) => {
      draft.spec = { finalizers: ['kubernetes'] };
      draft.status = { phase: 'Active' };
    },
  }),
  core('Node', 'nodes', 'V1Node', false, { shortNames: ['no'], withStatus: true }),
  core('Pod', 'pods', 'V1Pod', true, {
    shortNames: ['po'],
    categories: ['all'],
    withStatus: true,
    hasGeneration: true,
    deleteAnswersObject: true,
    fieldSelectors: {
      'spec.nodeName': (pod) => pod.spec?.nodeName ?? '',
      'status.phase': (pod) => pod.status?.phase ?? '',
    },
    prepareCreate: (draft) => {
      draft.status = { phase: 'Pending', qosClass: 'BestEffort' };
    },
    deletionGraceSeconds: (pod, requested) =>
      !pod.spec?.nodeName || ['Succeeded', 'Failed'].includes(pod.status?.phase)
        ? 0
        : (requested ?? pod.spec?.terminationGracePeriodSeconds ?? 30),
    more: [
      { name: 'binding', verbs: ['create'], responseKind: { group: '', version: 'v1', kind: 'Binding' } },
      { name: 'eviction', verbs: ['create'], responseKind: { group: 'policy', version: 'v1', kind: 'Eviction' } },
    ],
  }),
  core('ServiceAccount', 'serviceaccounts', 'V1ServiceAccount', true, { shortNames: ['sa'] }),
  plain('apps', 'v1', 'Deployment', 'deployments', true, 'V1Deployment', {
    shortNames: ['deploy'],
    categories: ['all'],
    withStatus: true,
    withScale: true,
    hasGeneration: true,
    prepareCreate: (draft) => {
      draft.status = {};
    },
  }),
  plain('apps', 'v1', 'ReplicaSet', 'replicasets', true, 'V1ReplicaSet', {
    shortNames: ['rs'],
    categories: ['all'],
    withStatus: true,
    withScale: true,
    hasGeneration: true,
    prepareCreate: (draft) => {
      draft.status = { replicas: 0 };
    },
  }),
  plain('coordination.k8s.io', 'v1', 'Lease', 'leases', true, 'V1Lease', { allowsUnconditionalUpdate: false }),
];
