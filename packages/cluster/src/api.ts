/**
 * What a controller of the embedded cluster sees of the API server: the same verbs, objects, preconditions and errors
 * that a client has over HTTP, in process. Controllers know nothing else of the server.
 */
import type { KubeObject } from './kinds/kind.ts';

/** `pods`, `deployments.apps`, `leases.coordination.k8s.io`: plural and group. */
export type Resource = string;

export interface ListOptions {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
}

export interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** Frozen by convention. DELETED carries the last state with the resourceVersion of the deletion. */
  object: KubeObject;
}

export interface DeleteOptions {
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Foreground' | 'Background' | 'Orphan';
  preconditions?: { uid?: string; resourceVersion?: string };
}

/** Thrown by every verb: the Status that a client would get. */
export class ApiError extends Error {
  readonly status: Status;
  constructor(status: Status) {
    super(status.message);
    this.name = 'ApiError';
    this.status = status;
  }
}

export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: Record<string, unknown>;
  status: 'Success' | 'Failure';
  message: string;
  reason?: string;
  details?: {
    name?: string;
    group?: string;
    kind?: string;
    uid?: string;
    causes?: Array<{ reason?: string; message: string; field?: string }>;
    retryAfterSeconds?: number;
  };
  code: number;
}

/** All synchronous: the store is in memory, and one turn sees one state. `actor` is who writes (managedFields, Event source). */
export interface Api {
  get(resource: Resource, name: string, namespace?: string): KubeObject | undefined;
  list(resource: Resource, options?: ListOptions): KubeObject[];
  create(resource: Resource, object: unknown, options: { actor: string; namespace?: string }): KubeObject;
  /** PUT; a resourceVersion in the object is a precondition. `finalize` is of namespaces: it writes spec.finalizers only. */
  update(
    resource: Resource,
    object: KubeObject,
    options: { actor: string; subresource?: 'status' | 'finalize' },
  ): KubeObject;
  /** Reads, lets `change` work on a deep copy, and updates; nothing is written where nothing changed. Throws NotFound where it is gone. */
  modify(
    resource: Resource,
    name: string,
    namespace: string | undefined,
    change: (draft: KubeObject) => void,
    options: { actor: string; subresource?: 'status' | 'finalize' },
  ): KubeObject;
  delete(resource: Resource, name: string, namespace: string | undefined, options?: DeleteOptions): void;
  /** POST pods/NAME/binding. */
  bind(namespace: string, podName: string, nodeName: string, options: { actor: string; uid?: string }): void;
  /**
   * All present objects as ADDED at once, then every change, in order, each in a later turn than the write. The answer ends it.
   * An exception of `onEvent` is reported to `onError` of the cluster's options and ends nothing.
   */
  watch(resource: Resource, onEvent: (event: WatchEvent) => void): () => void;
}
