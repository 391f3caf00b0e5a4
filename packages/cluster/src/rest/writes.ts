/**
 * create and update: the order of one write is told in admission/plugin.ts.
 * Drafts come in decoded and belong to this call; what comes out is stored and must not be changed.
 */
import { randomUUID } from 'node:crypto';
import { type Entries, entriesOf, givenEntries, sameButTimes } from '../apply/managed-fields.ts';
import { trackCreation, trackUpdate } from '../apply/track.ts';
import { equal } from '../json.ts';
import { DecodingError, type FieldError, type Kind, type KubeObject } from '../kinds/kind.ts';
import {
  alreadyExists,
  cannotBeHandled,
  conflict,
  failure,
  invalid,
  invalidResource,
  MODIFIED,
  notFound,
  qualifiedResource,
} from '../status.ts';
import type { Face } from './face.ts';
import { type Attempt, admit, type Ground, generateName, inOrder, timestamp, type WriteOptions } from './ground.ts';

/** A real server tries a generated name this often before it says AlreadyExists. */
const NAME_ATTEMPTS = 8;

/**
 * @param namespace  '' for kinds of the cluster
 * @throws ApiError 409 AlreadyExists, 422 Invalid, and whatever admission refuses
 */
export function create(
  ground: Ground,
  face: Face,
  namespace: string,
  draft: KubeObject,
  options: WriteOptions,
): KubeObject {
  const { kind } = face;
  if (kind.namespaced) draft.metadata.namespace = namespace;
  else delete draft.metadata.namespace;
  const given = takeEntries(draft);
  applyDefaults(kind, draft);
  const time = timestamp(ground.clock.now());
  // Before admission: what it adds is nobody's.
  const entries = options.managedFields ?? trackCreation(kind, draft, given, { manager: options.actor, time });
  const { user } = options;
  const name = nameForRefusals(draft);
  const attempt: Attempt = { operation: 'CREATE', kind, namespace, name, draft, ...(user && { user }) };
  admit(ground, 'admit', attempt);

  const { metadata } = draft;
  metadata.uid = randomUUID();
  metadata.creationTimestamp = time;
  const isRevision = Number(metadata.resourceVersion) > 0;
  metadata.resourceVersion = '';
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  if (kind.hasGeneration) metadata.generation = 1;
  if (!metadata.name && metadata.generateName) {
    for (let i = 0; i < NAME_ATTEMPTS; i++) {
      metadata.name = generateName(metadata.generateName);
      if (face.get(namespace, metadata.name) === undefined) break;
    }
  }
  // What an object is called is known by now: a Job labels its Pods with it.
  kind.prepareCreate?.(draft, ground.clock.now());
  const errors = kind.validateCreate?.(draft) ?? [];
  if (errors.length > 0) throw invalid(kind, metadata.name ?? '', errors);
  // By now a generated name is known, and refusals use it.
  const named: Attempt = { ...attempt, name: metadata.name };
  admit(ground, 'validate', named);
  if (face.get(namespace, metadata.name) !== undefined) throw alreadyExists(kind, metadata.name);
  if (isRevision) throw failure(500, undefined, 'resourceVersion should not be set on objects to be created');
  setEntries(draft, entries);
  const object = inOrder(kind, draft);
  if (options.dryRun !== true) {
    admit(ground, 'commit', named);
    return put(ground, face, object);
  }
  const { resourceVersion: _none, ...rehearsed } = object.metadata;
  return { ...object, metadata: rehearsed as KubeObject['metadata'] };
}

/** What the client says of owners; nothing that fills in or checks an object looks at it. */
function takeEntries({ metadata }: KubeObject): unknown {
  const { managedFields } = metadata;
  if (managedFields !== undefined) Object.assign(metadata, { managedFields: undefined });
  return managedFields;
}

function setEntries(object: KubeObject, entries: Entries): void {
  restore(object.metadata, 'managedFields', entries.length === 0 ? undefined : entries);
}

/** A refusal of an object without a name calls it by what it would be generated from. */
function nameForRefusals({ metadata }: KubeObject): string {
  return metadata.name || metadata.generateName || 'Unknown';
}

function put(ground: Ground, face: Face, object: KubeObject): KubeObject {
  return face.show(ground.store.put(face.shelf, face.store(object)));
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

/** @throws ApiError 400 for what only defaulting finds unreadable (a quantity) */
function applyDefaults(kind: Kind, draft: KubeObject): void {
  try {
    kind.defaults?.(draft);
  } catch (error) {
    if (error instanceof DecodingError) throw cannotBeHandled(kind, error.message);
    throw error;
  }
}

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
  face: Face,
  namespace: string,
  name: string,
  draft: KubeObject,
  options: UpdateOptions,
): { object: KubeObject; created: boolean } {
  const { kind } = face;
  const old = face.get(namespace, name);
  const subresource = options.subresource;
  if (old === undefined) {
    if (subresource !== undefined || options.patch === true || !CREATED_BY_PUT.has(qualifiedResource(kind))) {
      throw notFound(kind, name);
    }
    return { object: create(ground, face, namespace, draft, options), created: true };
  }
  checkPreconditions(kind, old, draft, options.patch === true);
  const given = takeEntries(draft);
  const sent = { ...draft.metadata };
  takeOverMetadata(draft, old, kind);
  // Before the parts of `old` are put in: defaults may change the draft in place, and `old` belongs to the store.
  applyDefaults(kind, draft);
  const stored = entriesOf(old);
  const entries = options.managedFields ?? track(ground, kind, old, { ...draft, metadata: sent }, given, options);
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
    ...(options.user && { user: options.user }),
  };
  admit(ground, 'admit', attempt);
  if (subresource === undefined) {
    if (kind.subresources.some((one) => one.name === 'status')) restore(draft, 'status', old.status);
    kind.prepareUpdate?.(draft, old);
    countGeneration(draft, old, kind);
  }
  const errors = complaints(kind, draft, old, subresource);
  if (errors.length > 0) throw invalid(kind, name, errors);
  admit(ground, 'validate', attempt);

  setEntries(draft, stored);
  const object = inOrder(kind, draft);
  object.metadata.resourceVersion = old.metadata.resourceVersion;
  if (isDoneFor(object, old)) {
    if (options.dryRun !== true) ground.store.remove(face.shelf, face.store(old));
    return { object, created: false };
  }
  // What was written anew as it was makes no news, however late it is.
  if (sameButTimes(entries, stored) && equal(object, old)) return { object: old, created: false };
  setEntries(object, entries);
  if (options.dryRun === true) return { object, created: false };
  admit(ground, 'commit', attempt);
  return { object: put(ground, face, object), created: false };
}

/** Whose the fields are after this update. */
function track(
  ground: Ground,
  kind: Kind,
  old: KubeObject,
  sent: KubeObject,
  given: unknown,
  options: UpdateOptions,
): Entries {
  const { actor, subresource } = options;
  const stored = entriesOf(old);
  // A subresource does not write them.
  const entries = subresource === undefined ? givenEntries(given, stored) : stored;
  return trackUpdate(kind, old, sent, entries, {
    manager: actor,
    subresource,
    time: timestamp(ground.clock.now()),
  });
}

function complaints(
  kind: Kind,
  draft: KubeObject,
  old: KubeObject,
  subresource: UpdateOptions['subresource'],
): FieldError[] {
  if (subresource === 'finalize') return [];
  const validate = subresource === 'status' ? kind.validateStatusUpdate : kind.validateUpdate;
  return validate?.(draft, old) ?? [];
}

function checkPreconditions(kind: Kind, old: KubeObject, draft: KubeObject, patch: boolean): void {
  const { name } = old.metadata;
  const { uid, resourceVersion, deletionTimestamp } = draft.metadata;
  if (resourceVersion) {
    if (resourceVersion !== old.metadata.resourceVersion && resourceVersion !== '0')
      throw conflict(kind, name, MODIFIED);
  } else if (!patch && !kind.allowsUnconditionalUpdate) {
    throw invalidResource(kind, name, [
      { field: 'metadata.resourceVersion', type: 'Invalid value', value: 0, detail: 'must be specified for an update' },
    ]);
  }
  if (deletionTimestamp !== undefined && deletionTimestamp !== old.metadata.deletionTimestamp) {
    const error = immutable('metadata.deletionTimestamp', deletionTimestamp);
    throw invalid(kind, name, [error, error]);
  }
  if (uid && uid !== old.metadata.uid) {
    if (patch) {
      const error = immutable('metadata.uid', uid);
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

function immutable(field: string, value: string): FieldError {
  return { field, type: 'Invalid value', value, detail: 'field is immutable' };
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

/** `/status` writes the status and what its strategy leaves open of the metadata, never the spec. */
function keepAllButStatus(draft: KubeObject, old: KubeObject, kind: Kind): void {
  for (const key of Object.keys(draft)) if (!ENVELOPE.has(key) && !(key in old)) delete draft[key];
  for (const key of Object.keys(old)) if (!ENVELOPE.has(key)) draft[key] = old[key];
  restore(draft.metadata, 'ownerReferences', old.metadata.ownerReferences);
  if (kind.group === 'apps') restore(draft.metadata, 'labels', old.metadata.labels);
  kind.prepareStatusUpdate?.(draft, old);
}

/** `namespaces/finalize` writes `spec.finalizers` only. */
function keepAllButFinalizers(draft: KubeObject, old: KubeObject): void {
  const finalizers: unknown = draft.spec?.finalizers;
  for (const key of Object.keys(draft)) if (key !== 'metadata') delete draft[key];
  for (const key of Object.keys(old)) if (key !== 'metadata') draft[key] = old[key];
  const { finalizers: _old, ...spec } = old.spec ?? {};
  draft.spec = Array.isArray(finalizers) && finalizers.length > 0 ? { ...spec, finalizers } : spec;
}

/** Counts changes of all but metadata and status, or what the kind itself counts. */
function countGeneration(draft: KubeObject, old: KubeObject, kind: Kind): void {
  if (!kind.hasGeneration) return;
  if (kind.bumpsGeneration?.(draft, old) ?? changesMoreThanStatus(draft, old)) {
    draft.metadata.generation = (old.metadata.generation ?? 0) + 1;
  }
}

function changesMoreThanStatus(draft: KubeObject, old: KubeObject): boolean {
  const keys = new Set([...Object.keys(draft), ...Object.keys(old)]);
  return [...keys].some((key) => !ENVELOPE.has(key) && !equal(draft[key], old[key]));
}

/** An object being deleted goes with the update that takes its last finalizer. */
function isDoneFor(object: KubeObject, old: KubeObject): boolean {
  if (old.metadata.deletionTimestamp === undefined) return false;
  if ((object.metadata.finalizers ?? []).length > 0) return false;
  if ((old.metadata.deletionGracePeriodSeconds ?? 0) !== 0) return false;
  return object.kind !== 'Namespace' || ((object.spec?.finalizers as unknown[] | undefined) ?? []).length === 0;
}
