/**
 * create and update: the order of one write is told in admission/plugin.ts.
 * Drafts come in decoded and belong to this call; what comes out is stored and must not be changed.
 */
import { randomUUID } from 'node:crypto';
import { equal } from '../json.ts';
import type { FieldError, Kind, KubeObject } from '../kinds/kind.ts';
import { alreadyExists, conflict, invalid, invalidResource, MODIFIED, notFound, qualifiedResource } from '../status.ts';
import type { Shelf } from '../storage/store.ts';
import { type Attempt, admit, type Ground, generateName, inOrder, timestamp, type WriteOptions } from './ground.ts';

/** A real server tries a generated name this often before it says AlreadyExists. */
const NAME_ATTEMPTS = 8;

/**
 * @param namespace  '' for kinds of the cluster
 * @throws ApiError 409 AlreadyExists, 422 Invalid, and whatever admission refuses
 */
export function create(
  ground: Ground,
  shelf: Shelf,
  namespace: string,
  draft: KubeObject,
  options: WriteOptions,
): KubeObject {
  const { kind } = shelf;
  if (kind.namespaced) draft.metadata.namespace = namespace;
  else delete draft.metadata.namespace;
  kind.defaults?.(draft);
  const attempt: Attempt = { operation: 'CREATE', kind, namespace, name: draft.metadata.name ?? '', draft };
  admit(ground, 'admit', attempt);
  kind.prepareCreate?.(draft);

  const { metadata } = draft;
  metadata.uid = randomUUID();
  metadata.creationTimestamp = timestamp(ground.clock.now());
  metadata.resourceVersion = '';
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  if (kind.hasGeneration) metadata.generation = 1;
  else delete metadata.generation;
  if (!metadata.name && metadata.generateName) {
    for (let i = 0; i < NAME_ATTEMPTS; i++) {
      metadata.name = generateName(metadata.generateName);
      if (shelf.get(namespace, metadata.name) === undefined) break;
    }
  }
  const errors = metadata.name
    ? (kind.validateCreate?.(draft) ?? [])
    : [nameRequired, ...withoutNameErrors(kind.validateCreate?.(draft) ?? [])];
  if (errors.length > 0) throw invalid(kind, metadata.name ?? '', errors);
  admit(ground, 'validate', attempt);
  if (shelf.get(namespace, metadata.name) !== undefined) throw alreadyExists(kind, metadata.name);
  const object = inOrder(kind, draft);
  return options.dryRun === true ? object : ground.store.put(shelf, object);
}

const nameRequired: FieldError = {
  field: 'metadata.name',
  type: 'Required value',
  detail: 'name or generateName is required',
};

function withoutNameErrors(errors: FieldError[]): FieldError[] {
  return errors.filter((error) => error.field !== 'metadata.name' && error.field !== 'metadata.generateName');
}

/** Kinds whose PUT creates what is missing (AllowCreateOnUpdate of their strategies). */
const CREATED_BY_PUT: ReadonlySet<string> = new Set([
  'leases.coordination.k8s.io',
  'events',
  'events.events.k8s.io',
  'endpoints',
  'limitranges',
  'resourcequotas',
  'services',
]);

export interface UpdateOptions extends WriteOptions {
  readonly subresource?: 'status' | 'finalize' | undefined;
  /** A PATCH says some refusals in other words than a PUT. */
  readonly patch?: boolean;
}

/**
 * PUT and the second half of PATCH.
 *
 * @returns what is stored now, and whether it had to be created
 * @throws ApiError 404, 409 Conflict, 422 Invalid, and whatever admission refuses
 */
export function update(
  ground: Ground,
  shelf: Shelf,
  namespace: string,
  name: string,
  draft: KubeObject,
  options: UpdateOptions,
): { object: KubeObject; created: boolean } {
  const { kind } = shelf;
  const old = shelf.get(namespace, name);
  const subresource = options.subresource;
  if (old === undefined) {
    if (subresource !== undefined || options.patch === true || !CREATED_BY_PUT.has(qualifiedResource(kind))) {
      throw notFound(kind, name);
    }
    return { object: create(ground, shelf, namespace, draft, options), created: true };
  }
  checkPreconditions(kind, old, draft, options.patch === true);
  takeOverMetadata(draft, old, kind);
  // Before the parts of `old` are put in: defaults may change the draft in place, and `old` belongs to the store.
  kind.defaults?.(draft);
  if (subresource === 'status') keepAllButStatus(draft, old, kind);
  else if (subresource === 'finalize') keepAllButFinalizers(draft, old);

  const attempt: Attempt = {
    operation: 'UPDATE',
    kind,
    namespace,
    name,
    draft,
    old,
    ...(subresource === undefined ? {} : { subresource }),
  };
  admit(ground, 'admit', attempt);
  if (subresource === undefined) {
    if (kind.subresources.some((one) => one.name === 'status')) keepStatus(draft, old);
    kind.prepareUpdate?.(draft, old);
    countGeneration(draft, old, kind);
  }
  const errors = [...finalizerErrors(draft, old)];
  if (subresource === 'status') errors.push(...(kind.validateStatusUpdate?.(draft, old) ?? []));
  else if (subresource === undefined) errors.push(...(kind.validateUpdate?.(draft, old) ?? []));
  if (errors.length > 0) throw invalid(kind, name, errors);
  admit(ground, 'validate', attempt);

  const object = inOrder(kind, draft);
  object.metadata.resourceVersion = old.metadata.resourceVersion;
  if (isDoneFor(object, old)) {
    if (options.dryRun !== true) ground.store.remove(shelf, old);
    return { object, created: false };
  }
  if (equal(object, old)) return { object: old, created: false };
  return { object: options.dryRun === true ? object : ground.store.put(shelf, object), created: false };
}

function checkPreconditions(kind: Kind, old: KubeObject, draft: KubeObject, patch: boolean): void {
  const { name } = old.metadata;
  const { uid, resourceVersion } = draft.metadata;
  if (resourceVersion) {
    if (resourceVersion !== old.metadata.resourceVersion && resourceVersion !== '0')
      throw conflict(kind, name, MODIFIED);
  } else if (!patch && !kind.allowsUnconditionalUpdate) {
    throw invalidResource(kind, name, [
      { field: 'metadata.resourceVersion', type: 'Invalid value', value: 0, detail: 'must be specified for an update' },
    ]);
  }
  if (uid && uid !== old.metadata.uid) {
    if (patch) {
      const error: FieldError = {
        field: 'metadata.uid',
        type: 'Invalid value',
        value: uid,
        detail: 'field is immutable',
      };
      throw invalid(kind, name, [error, error]);
    }
    const key = ['/registry', kind.plural, old.metadata.namespace, name].filter((part) => part !== undefined).join('/');
    throw conflict(
      kind,
      name,
      `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`,
    );
  }
}

/** What the server owns stays as it was, whatever a client sends. */
function takeOverMetadata(draft: KubeObject, old: KubeObject, kind: Kind): void {
  const { metadata } = draft;
  metadata.name = old.metadata.name;
  metadata.uid = old.metadata.uid;
  metadata.creationTimestamp = old.metadata.creationTimestamp;
  metadata.resourceVersion = old.metadata.resourceVersion;
  if (kind.namespaced && old.metadata.namespace !== undefined) metadata.namespace = old.metadata.namespace;
  else delete metadata.namespace;
  restore(metadata, 'deletionTimestamp', old.metadata.deletionTimestamp);
  restore(metadata, 'deletionGracePeriodSeconds', old.metadata.deletionGracePeriodSeconds);
  restore(metadata, 'generation', old.metadata.generation);
  if (metadata.generateName === undefined) restore(metadata, 'generateName', old.metadata.generateName);
}

function restore(target: Record<string, unknown>, key: string, value: unknown): void {
  if (value === undefined) delete target[key];
  else target[key] = value;
}

const ENVELOPE: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata', 'status']);

/** `/status` writes the status and the looser parts of the metadata (strategies of 1.34), never the spec. */
function keepAllButStatus(draft: KubeObject, old: KubeObject, kind: Kind): void {
  for (const key of Object.keys(draft)) if (!ENVELOPE.has(key) && !(key in old)) delete draft[key];
  for (const key of Object.keys(old)) if (!ENVELOPE.has(key)) draft[key] = old[key];
  restore(draft.metadata, 'ownerReferences', old.metadata.ownerReferences);
  if (kind.group === 'apps') restore(draft.metadata, 'labels', old.metadata.labels);
}

/** `namespaces/finalize` writes `spec.finalizers` only. */
function keepAllButFinalizers(draft: KubeObject, old: KubeObject): void {
  const finalizers: unknown = draft['spec']?.finalizers;
  for (const key of Object.keys(draft)) if (key !== 'metadata') delete draft[key];
  for (const key of Object.keys(old)) if (key !== 'metadata') draft[key] = old[key];
  const { finalizers: _old, ...spec } = old['spec'] ?? {};
  draft['spec'] = Array.isArray(finalizers) && finalizers.length > 0 ? { ...spec, finalizers } : spec;
}

function keepStatus(draft: KubeObject, old: KubeObject): void {
  restore(draft, 'status', old['status']);
}

/** Counts changes of all but metadata and status; a Deployment's annotations count too (its strategy). */
function countGeneration(draft: KubeObject, old: KubeObject, kind: Kind): void {
  if (!kind.hasGeneration) return;
  const keys = new Set([...Object.keys(draft), ...Object.keys(old)]);
  const changed = [...keys].some((key) => !ENVELOPE.has(key) && !equal(draft[key], old[key]));
  const annotated = kind.kind === 'Deployment' && !equal(draft.metadata.annotations, old.metadata.annotations);
  if (changed || annotated) draft.metadata.generation = (old.metadata.generation ?? 0) + 1;
}

function finalizerErrors(draft: KubeObject, old: KubeObject): FieldError[] {
  if (old.metadata.deletionTimestamp === undefined) return [];
  const known = new Set(old.metadata.finalizers ?? []);
  const added = (draft.metadata.finalizers ?? []).filter((finalizer) => !known.has(finalizer));
  if (added.length === 0) return [];
  const list = added.map((finalizer) => JSON.stringify(finalizer)).join(', ');
  return [
    {
      field: 'metadata.finalizers',
      type: 'Forbidden',
      detail: `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`,
    },
  ];
}

/** An object being deleted goes with the update that takes its last finalizer. */
function isDoneFor(object: KubeObject, old: KubeObject): boolean {
  if (old.metadata.deletionTimestamp === undefined) return false;
  if ((object.metadata.finalizers ?? []).length > 0) return false;
  if ((old.metadata.deletionGracePeriodSeconds ?? 0) !== 0) return false;
  return object.kind !== 'Namespace' || ((object['spec']?.finalizers as unknown[] | undefined) ?? []).length === 0;
}
