/**
 * An object of each kind before anybody wrote to it, as Go has it: the structs and the required fields that are there although
 * nobody set them. A creation is a change from this; hence `f:spec` of a Pod is nobody's by itself, and `f:labels` is.
 */
import type { FieldedKind } from './kind-atoms.ts';

type Blank = Readonly<Record<string, unknown>>;

const podSpec = { containers: null };
const template = { metadata: {}, spec: podSpec };
const selected = { selector: null, template };
const loadBalanced = { spec: {}, status: { loadBalancer: {} } };
const autoscaler = { spec: { scaleTargetRef: { kind: '', name: '' }, maxReplicas: 0 }, status: {} };

/** By the type of the schema; without `metadata`, which all have. */
const PARTS: Readonly<Record<string, Blank>> = {
  V1Pod: { spec: podSpec, status: {} },
  V1Node: { spec: {}, status: {} },
  V1Namespace: { spec: {}, status: {} },
  V1Service: loadBalanced,
  V1Ingress: loadBalanced,
  V1LimitRange: { spec: { limits: null } },
  V1ResourceQuota: { spec: {}, status: {} },
  V1PersistentVolume: { spec: {}, status: {} },
  V1PersistentVolumeClaim: { spec: { resources: {} }, status: {} },
  V1ReplicationController: { spec: {}, status: { replicas: 0 } },
  V1Deployment: { spec: { ...selected, strategy: {} }, status: {} },
  V1ReplicaSet: { spec: selected, status: { replicas: 0 } },
  V1StatefulSet: { spec: { ...selected, updateStrategy: {}, serviceName: '' }, status: {} },
  V1DaemonSet: { spec: { ...selected, updateStrategy: {} }, status: {} },
  V1ControllerRevision: { data: null, revision: 0 },
  V1Lease: { spec: {} },
  V1Job: { spec: { template }, status: {} },
  V1CronJob: { spec: { schedule: '', jobTemplate: { metadata: {}, spec: { template } } }, status: {} },
  V1NetworkPolicy: { spec: { podSelector: {} } },
  V1PodDisruptionBudget: { spec: {}, status: {} },
  V1PriorityClass: { value: 0 },
  V1StorageClass: { provisioner: '' },
  V1Role: { rules: null },
  V1ClusterRole: { rules: null },
  V1RoleBinding: { roleRef: {} },
  V1ClusterRoleBinding: { roleRef: {} },
  V1EndpointSlice: { addressType: '', endpoints: null, ports: null },
  CoreV1Event: {
    involvedObject: {},
    source: {},
    firstTimestamp: null,
    lastTimestamp: null,
    eventTime: null,
    reportingComponent: '',
    reportingInstance: '',
  },
  EventsV1Event: {
    eventTime: null,
    regarding: {},
    deprecatedSource: {},
    deprecatedFirstTimestamp: null,
    deprecatedLastTimestamp: null,
  },
  V1HorizontalPodAutoscaler: autoscaler,
  V2HorizontalPodAutoscaler: autoscaler,
  V1CustomResourceDefinition: { spec: { names: {} }, status: {} },
  V1IngressClass: { spec: {} },
  V1PodTemplate: { template },
  V1RuntimeClass: { handler: '' },
  V1Scale: { spec: {}, status: { replicas: 0 } },
};

/** Kinds that users define have no struct, and their blank has nothing but metadata. */
export function blankOf(kind: FieldedKind): Blank {
  return { metadata: {}, ...PARTS[kind.schema] };
}
