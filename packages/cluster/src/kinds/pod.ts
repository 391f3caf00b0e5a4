/** v1 Pod. */
import { validateImageBlanks } from './container-validation.ts';
import { defineKind, ensure } from './define-kind.ts';
import { forbidden } from './field-errors.ts';
import { type Fields, fieldsOf, listOf } from './json.ts';
import type { FieldError, KubeObject, Subresource } from './kind.ts';
import { podCells } from './pod-cells.ts';
import { defaultPodOnly, defaultPodSpec } from './pod-spec-defaults.ts';
import { validatePodAnnotations, validatePodSpec } from './pod-spec-validation.ts';
import { validatePodChange, validatePodStatus } from './pod-update.ts';
import { quantityOf } from './quantity.ts';
import { ageColumn, column, nameColumn, wideColumn } from './shape.ts';

const subresources: Subresource[] = [
  { name: 'binding', verbs: ['create'], responseKind: { group: '', version: 'v1', kind: 'Binding' } },
  { name: 'eviction', verbs: ['create'], responseKind: { group: 'policy', version: 'v1', kind: 'Eviction' } },
  { name: 'log', verbs: ['get'], responseKind: { group: '', version: 'v1', kind: 'Pod' } },
];

export const pod = defineKind({
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  shortNames: ['po'],
  categories: ['all'],
  namespaced: true,
  schema: 'V1Pod',
  subresources,
  hasGeneration: true,
  deleteAnswersObject: true,
  status: () => ({}),
  revalidatesMetadata: true,
  defaults: (draft) => {
    const spec = ensure(draft, 'spec');
    defaultPodOnly(spec);
    defaultPodSpec(spec);
    alignAddress(fieldsOf(draft.status));
    printNullTimes(draft.status);
  },
  prepareCreate: (draft, now) => {
    draft.status = { phase: 'Pending', qosClass: qosClass(fieldsOf(draft.spec)) };
    if (listOf(fieldsOf(draft.spec).schedulingGates).length === 0) return;
    draft.status.conditions = [
      {
        type: 'PodScheduled',
        status: 'False',
        lastProbeTime: null,
        lastTransitionTime: now === undefined ? null : `${new Date(now).toISOString().slice(0, 19)}Z`,
        reason: 'SchedulingGated',
        message: 'Scheduling is blocked due to non-empty scheduling gates',
      },
    ];
  },
  prepareStatusUpdate: (draft, old) => {
    draft.spec = old.spec;
    if (old.metadata.ownerReferences === undefined) delete draft.metadata.ownerReferences;
    else draft.metadata.ownerReferences = old.metadata.ownerReferences;
    // Old kubelets leave it out; nobody may change it.
    ensure(draft, 'status').qosClass ||= old.status?.qosClass;
  },
  deletionGraceSeconds: graceOf,
  validate: (draft, old) => (old === undefined ? validateNewPod(draft) : validateAnyPod(draft)),
  validateChange: validatePodChange,
  validateStatus: validatePodStatus,
  fieldSelectors: {
    'spec.nodeName': (object) => String(object.spec?.nodeName ?? ''),
    'spec.restartPolicy': (object) => String(object.spec?.restartPolicy ?? ''),
    'spec.schedulerName': (object) => String(object.spec?.schedulerName ?? ''),
    'spec.serviceAccountName': (object) => String(object.spec?.serviceAccountName ?? ''),
    'spec.hostNetwork': (object) => String(object.spec?.hostNetwork ?? false),
    'status.phase': (object) => String(object.status?.phase ?? ''),
    'status.podIP': (object) => String(object.status?.podIP ?? ''),
    'status.podIPs': (object) => String(object.status?.podIP ?? ''),
    'status.nominatedNodeName': (object) => String(object.status?.nominatedNodeName ?? ''),
  },
  columns: [
    nameColumn,
    column('Ready', 'string', 'The aggregate readiness state of this pod for accepting traffic.'),
    column('Status', 'string', 'The aggregate status of the containers in this pod.'),
    column(
      'Restarts',
      'string',
      'The number of times the containers in this pod have been restarted and when the last container in this pod has restarted.',
    ),
    ageColumn,
    wideColumn(
      'IP',
      'string',
      'podIP address allocated to the pod. Routable at least within the cluster. Empty if not yet allocated.',
    ),
    wideColumn(
      'Node',
      'string',
      'NodeName indicates in which node this pod is scheduled. If empty, this pod is a candidate for scheduling by the scheduler defined in schedulerName. Once this field is set, the kubelet for this node becomes responsible for the lifecycle of this pod. This field should not be used to express a desire for the pod to be scheduled on a specific node. https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#nodename',
    ),
    wideColumn(
      'Nominated Node',
      'string',
      'nominatedNodeName is set only when this pod preempts other pods on the node, but it cannot be scheduled right away as preemption victims receive their graceful termination periods. This field does not guarantee that the pod will be scheduled on this node. Scheduler may decide to place the pod elsewhere if other nodes become available sooner. Scheduler may also decide to give the resources on this node to a higher priority pod that is created after preemption. As a result, this field may be different than PodSpec.nodeName when the pod is scheduled.',
    ),
    wideColumn(
      'Readiness Gates',
      'string',
      'If specified, all readiness gates will be evaluated for pod readiness. A pod is ready when all its containers are ready AND all conditions specified in the readiness gates have status equal to "True" More info: https://git.k8s.io/enhancements/keps/sig-network/580-pod-readiness-gates',
    ),
  ],
  row: podCells,
});

/** None where no kubelet could confirm the end; else as asked, as the spec says, at least a second for a negative one. */
function graceOf({ spec, status }: KubeObject, requested: number | undefined): number {
  if (!spec?.nodeName || status?.phase === 'Succeeded' || status?.phase === 'Failed') return 0;
  const seconds = requested ?? Number(spec.terminationGracePeriodSeconds ?? 0);
  return seconds < 0 ? 1 : seconds;
}

function validateAnyPod(draft: KubeObject): FieldError[] {
  const spec = fieldsOf(draft.spec);
  return [
    ...validatePodAnnotations(draft.metadata.annotations, spec, 'metadata.annotations'),
    ...validatePodSpec(spec, 'spec', { isPod: true }),
    ...validateImageBlanks(listOf(spec.containers), 'spec.containers'),
    ...validateImageBlanks(listOf(spec.initContainers), 'spec.initContainers'),
  ];
}

function validateNewPod(draft: KubeObject): FieldError[] {
  const spec = fieldsOf(draft.spec);
  const errors = validateAnyPod(draft);
  if (listOf(spec.ephemeralContainers).length > 0) {
    errors.push(forbidden('spec.ephemeralContainers', 'cannot be set on create'));
  }
  if (spec.nodeName && listOf(spec.schedulingGates).length > 0) {
    errors.push(forbidden('spec.nodeName', 'cannot be set until all schedulingGates have been cleared'));
  }
  return errors;
}

/**
 * The singular field came first, the list later: both say the same, and where they differ the singular one is right
 * (pkg/apis/core/v1/conversion.go).
 */
function alignAddress(status: Fields): void {
  const [first] = listOf(status.podIPs);
  if (status.podIP && first?.ip !== status.podIP) status.podIPs = [{ ip: status.podIP }];
  else if (!status.podIP && first !== undefined) status.podIP = first.ip;
}

/** Times that are always printed, as null where there is none. */
function printNullTimes(status: unknown): void {
  for (const condition of listOf(fieldsOf(status).conditions)) {
    condition.lastProbeTime ??= null;
    condition.lastTransitionTime ??= null;
  }
}

const qosResources = ['cpu', 'memory'];

/** Guaranteed, Burstable or BestEffort (component-helpers, qos.go). */
function qosClass(spec: Fields): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const containers = [...listOf(spec.initContainers), ...listOf(spec.containers)];
  let asksForAnything = false;
  let isGuaranteed = containers.length > 0;
  for (const { resources } of containers) {
    const { limits, requests } = fieldsOf(resources);
    for (const name of qosResources) {
      const limit = quantityOf(fieldsOf(limits)[name]);
      const request = quantityOf(fieldsOf(requests)[name]);
      if (limit.nanos > 0n || request.nanos > 0n) asksForAnything = true;
      if (limit.nanos === 0n || limit.nanos !== request.nanos) isGuaranteed = false;
    }
  }
  if (!asksForAnything) return 'BestEffort';
  return isGuaranteed ? 'Guaranteed' : 'Burstable';
}
