/** A small Kubernetes client made for controllers. Knows nothing of what it is used for. */

export type { Clock } from './clock.ts';
export { systemClock } from './clock.ts';
export type { ClusterAccess, Credentials, TlsMaterial } from './credentials.ts';
export { fixedAccess } from './credentials.ts';
export type { EventContent, EventOutcome, EventRecorder, EventRecorderOptions, Regarding } from './event-recorder.ts';
export { createEventRecorder } from './event-recorder.ts';
export type { KubeconfigProblem, LoadClusterOptions } from './kubeconfig.ts';
export { KubeconfigError, loadCluster } from './kubeconfig.ts';
export type { LeaseContent } from './lease.ts';
export { leaseBody, microTime, writeLease } from './lease.ts';
export type { KubeObject, KubeObjectMeta } from './objects.ts';
export { isKubeObject, isRecord } from './objects.ts';
export type { ApiOutcome, Failure, RefusedOutcome } from './outcome.ts';
export { describeOutcome } from './outcome.ts';
export type {
  Reflector,
  ReflectorEvent,
  ReflectorLimits,
  ReflectorOptions,
  ReflectorProblem,
  ReflectorState,
} from './reflector.ts';
export { createReflector } from './reflector.ts';
export type { DeleteOptions, JsonPatchOperation, ObjectRef, Patch, RequestOptions, Resource } from './resources.ts';
export {
  apiVersionOf,
  collectionPath,
  configMaps,
  createObject,
  deleteObject,
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
