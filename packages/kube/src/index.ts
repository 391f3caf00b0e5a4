/** A small Kubernetes client made for controllers. Knows nothing of what it is used for. */

export type { Clock } from './clock.ts';
export { systemClock } from './clock.ts';
export type { ClusterAccess, Credentials, TlsMaterial } from './credentials.ts';
export { fixedAccess } from './credentials.ts';
export type { EventOutbox, EventOutboxOptions, OutboxEvent, OutboxOutcome } from './event-outbox.ts';
export { createEventOutbox } from './event-outbox.ts';
export type { EventContent, EventOutcome, EventRecorder, EventRecorderOptions, Regarding } from './event-recorder.ts';
export { createEventRecorder } from './event-recorder.ts';
export type { KubeconfigProblem } from './kubeconfig-error.ts';
export { KubeconfigError } from './kubeconfig-error.ts';
export type { LeaseContent } from './lease.ts';
export { leaseBody, microTime, writeLease } from './lease.ts';
export type { LoadClusterOptions } from './load-cluster.ts';
export { loadCluster } from './load-cluster.ts';
export type { KubeObject, KubeObjectMeta } from './objects.ts';
export { isKubeObject, isRecord } from './objects.ts';
export type { ApiOutcome, Failure, RefusedOutcome } from './outcome.ts';
export { describeOutcome } from './outcome.ts';
export { createReflector } from './reflector.ts';
export type {
  Reflector,
  ReflectorEvent,
  ReflectorLimits,
  ReflectorOptions,
  ReflectorProblem,
  ReflectorState,
} from './reflector-options.ts';
export { reflectorDefaults } from './reflector-options.ts';
export type { DeleteOptions, JsonPatchOperation, ObjectRef, Patch, RequestOptions, Resource } from './resources.ts';
export {
  apiVersionOf,
  collectionPath,
  configMaps,
  createObject,
  deleteObject,
  deployments,
  events,
  getObject,
  jsonPatch,
  leases,
  mergePatch,
  namespaces,
  nodes,
  objectPath,
  patchObject,
  pods,
  replaceObject,
  strategicMergePatch,
} from './resources.ts';
export type { ApiRequest, OpenStream, Transport, TransportOptions } from './transport.ts';
export { createTransport } from './transport.ts';
