/**
 * Paths and requests of the Kubernetes API as data: `transport.request(patchObject(pods, { namespace, name }, …))`.
 * Pure; nothing here is sent.
 */
import type { ApiRequest } from './transport.ts';

/** A kind of object as the API serves it. `group` is empty for core. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly isNamespaced: boolean;
}

export const pods: Resource = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', isNamespaced: true };
export const nodes: Resource = { group: '', version: 'v1', plural: 'nodes', kind: 'Node', isNamespaced: false };
export const events: Resource = { group: '', version: 'v1', plural: 'events', kind: 'Event', isNamespaced: true };
export const configMaps: Resource = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  isNamespaced: true,
};
export const namespaces: Resource = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  isNamespaced: false,
};
export const deployments: Resource = {
  group: 'apps',
  version: 'v1',
  plural: 'deployments',
  kind: 'Deployment',
  isNamespaced: true,
};
export const leases: Resource = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  isNamespaced: true,
};

/** Names one object. `namespace` is needed where the resource is namespaced. */
export interface ObjectRef {
  readonly name: string;
  readonly namespace?: string;
}

/** `apiVersion` of its objects: `v1`, `coordination.k8s.io/v1`. */
export function apiVersionOf(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/** The path of a collection: in one namespace, or in all where none is given. */
export function collectionPath(resource: Resource, namespace?: string): string {
  const root =
    resource.group === ''
      ? `/api/${encodeURIComponent(resource.version)}`
      : `/apis/${encodeURIComponent(resource.group)}/${encodeURIComponent(resource.version)}`;
  const scope = resource.isNamespaced && namespace !== undefined ? `/namespaces/${pathSegment(namespace)}` : '';
  return `${root}${scope}/${resource.plural}`;
}

/** The path of one object, or of a part of it (`status`, `binding`, …). Throws a RangeError for an empty name: a bug of the caller. */
export function objectPath(resource: Resource, ref: ObjectRef, subresource?: string): string {
  if (resource.isNamespaced && ref.namespace === undefined) {
    throw new RangeError(`${resource.plural} are namespaced: no namespace given for ${ref.name}`);
  }
  const path = `${collectionPath(resource, ref.namespace)}/${pathSegment(ref.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

function pathSegment(name: string): string {
  // An empty name would address the whole collection: a DELETE of it would delete everything.
  if (name === '' || name === '.' || name === '..') throw new RangeError(`"${name}" names no object`);
  return encodeURIComponent(name);
}

/** Options that every request of this file takes besides its own. */
export interface RequestOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** False: the success's body is thrown away unread. Default true. */
  readonly wantsBody?: boolean;
}

export function getObject(resource: Resource, ref: ObjectRef, options: RequestOptions = {}): ApiRequest {
  return { method: 'GET', path: objectPath(resource, ref), ...options };
}

/** POST: the body's apiVersion and kind are set by the resource. */
export function createObject(
  resource: Resource,
  namespace: string | undefined,
  body: Readonly<Record<string, unknown>>,
  options: RequestOptions = {},
): ApiRequest {
  if (resource.isNamespaced && namespace === undefined) {
    throw new RangeError(`${resource.plural} are namespaced: no namespace given`);
  }
  return {
    method: 'POST',
    path: collectionPath(resource, namespace),
    body: { apiVersion: apiVersionOf(resource), kind: resource.kind, ...body },
    ...options,
  };
}

/** PUT: `metadata.resourceVersion` in the body is the precondition (Leases demand one). */
export function replaceObject(
  resource: Resource,
  ref: ObjectRef,
  body: Readonly<Record<string, unknown>>,
  options: RequestOptions & { readonly subresource?: string } = {},
): ApiRequest {
  const { subresource, ...rest } = options;
  return {
    method: 'PUT',
    path: objectPath(resource, ref, subresource),
    body: { apiVersion: apiVersionOf(resource), kind: resource.kind, ...body },
    ...rest,
  };
}

/** A patch of one of the three kinds that need no field manager. */
export interface Patch {
  readonly contentType:
    | 'application/strategic-merge-patch+json'
    | 'application/merge-patch+json'
    | 'application/json-patch+json';
  readonly body: unknown;
}

/** Lists with a patchMergeKey merge by it: conditions by type, taints by key. `null` removes a field. Not served for custom resources. */
export function strategicMergePatch(body: Readonly<Record<string, unknown>>): Patch {
  return { contentType: 'application/strategic-merge-patch+json', body };
}

/** RFC 7386: lists are replaced whole, `null` removes a field. */
export function mergePatch(body: Readonly<Record<string, unknown>>): Patch {
  return { contentType: 'application/merge-patch+json', body };
}

/** RFC 6902. A failed `test` is 422. */
export function jsonPatch(operations: readonly JsonPatchOperation[]): Patch {
  return { contentType: 'application/json-patch+json', body: operations };
}

export type JsonPatchOperation =
  | { readonly op: 'add' | 'replace' | 'test'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string }
  | { readonly op: 'move' | 'copy'; readonly from: string; readonly path: string };

/**
 * PATCH. `metadata.uid` in a merge patch is a precondition (another incarnation answers `gone`), `metadata.resourceVersion`
 * is one too (`conflict`).
 */
export function patchObject(
  resource: Resource,
  ref: ObjectRef,
  patch: Patch,
  options: RequestOptions & { readonly subresource?: string; readonly fieldManager?: string } = {},
): ApiRequest {
  const { subresource, fieldManager, ...rest } = options;
  return {
    method: 'PATCH',
    path: objectPath(resource, ref, subresource),
    contentType: patch.contentType,
    body: patch.body,
    ...(fieldManager === undefined ? {} : { query: { fieldManager } }),
    ...rest,
  };
}

export interface DeleteOptions {
  /** 0 removes the object at once: a virtual kubelet's confirmation. */
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  /** Another incarnation answers `gone`, another resourceVersion `conflict`. */
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

export function deleteObject(
  resource: Resource,
  ref: ObjectRef,
  deletion: DeleteOptions = {},
  options: RequestOptions = {},
): ApiRequest {
  return {
    method: 'DELETE',
    path: objectPath(resource, ref),
    body: { apiVersion: 'v1', kind: 'DeleteOptions', ...deletion },
    ...options,
  };
}
