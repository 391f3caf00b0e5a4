/**
 * DELETE as apiserver 1.34 does it (registry/rest/delete.go, registry/generic/registry/store.go): grace for Pods, finalizers and
 * propagation for all, the namespace's own life. Dependents are the garbage collector's.
 *
 *   Pod on a node, grace 30 ─► deletionTimestamp (kubelet's turn) ─► DELETE grace 0 ─► gone
 *   finalizers             ─► deletionTimestamp ─► update that takes the last one ─► gone
 *   anything else          ─► gone
 */
import type { DeleteOptions } from '../api.ts';
import type { Kind, KubeObject } from '../kinds/kind.ts';
import { conflict, invalidOptions, preconditionFailed } from '../status.ts';
import type { Face } from './face.ts';
import { admit, type Ground, inOrder, timestamp } from './ground.ts';
import { get } from './reads.ts';

const ORPHAN = 'orphan';
const FOREGROUND = 'foregroundDeletion';

export interface Removal {
  /** The object as it is now, or as it was last. */
  readonly object: KubeObject;
  /** False: it stays for now, marked. */
  readonly gone: boolean;
  /** True where a client is answered the object, not a Status. */
  readonly answersObject: boolean;
}

/** @throws ApiError 404, 409 for a failed precondition, 422 for bad options, and whatever admission refuses */
export function remove(
  ground: Ground,
  face: Face,
  namespace: string,
  name: string,
  options: DeleteOptions,
  dryRun = false,
): Removal {
  const { kind } = face;
  checkDeleteOptions(options);
  const attempt = { operation: 'DELETE' as const, kind, namespace, name };
  const found = face.get(namespace, name);
  // Lifecycle admission speaks before "not found" (a protected namespace is refused either way).
  admit(ground, 'admit', found === undefined ? attempt : { ...attempt, old: found });
  const old = found ?? get(face, namespace, name);
  checkPreconditions(kind, old, options);
  admit(ground, 'validate', { ...attempt, old });

  if (kind.kind === 'Namespace' && kind.group === '') return removeNamespace(ground, face, old, dryRun);
  const now = ground.clock.now();
  const draft: KubeObject = { ...old, metadata: { ...old.metadata } };
  const grace = gracePeriod(kind, old, options);
  if (grace !== undefined) {
    if (markGrace(draft, old, grace, options, now) === 'pending')
      return { object: old, gone: false, answersObject: true };
  }
  if (old.metadata.deletionTimestamp === undefined) {
    setPropagation(draft, options);
    kind.prepareDelete?.(draft, now);
  }
  const held = (draft.metadata.finalizers ?? []).length > 0;
  if (grace === undefined && held && old.metadata.deletionTimestamp === undefined) {
    markDeleting(draft, timestamp(now), 0);
  }
  const stays = held || (grace !== undefined && (draft.metadata.deletionGracePeriodSeconds ?? 0) > 0);
  const marked = inOrder(kind, draft);
  const changed = JSON.stringify(marked.metadata) !== JSON.stringify(inOrder(kind, old).metadata);
  let object = changed ? marked : old;
  if (dryRun) return { object, gone: !stays, answersObject: stays || answersObject(kind, grace) };
  // As the real one: a Pod that goes at once is first seen with its deletionTimestamp.
  if (changed && (stays || grace !== undefined)) object = face.show(ground.store.put(face.shelf, face.store(marked)));
  if (stays) return { object, gone: false, answersObject: true };
  ground.store.remove(face.shelf, face.store(object));
  return { object, gone: true, answersObject: answersObject(kind, grace) };
}

function answersObject(kind: Kind, grace: number | undefined): boolean {
  return grace !== undefined || kind.deleteAnswersObject === true;
}

function checkDeleteOptions(options: DeleteOptions): void {
  const policy: string | undefined = options.propagationPolicy;
  if (policy === undefined || policy === 'Foreground' || policy === 'Background' || policy === 'Orphan') return;
  throw invalidOptions('DeleteOptions', [
    {
      field: 'propagationPolicy',
      type: 'Unsupported value',
      value: policy,
      detail: 'supported values: "Foreground", "Background", "Orphan", "nil"',
    },
  ]);
}

function checkPreconditions(kind: Kind, old: KubeObject, options: DeleteOptions): void {
  const { name, uid, resourceVersion } = old.metadata;
  const wanted = options.preconditions ?? {};
  if (wanted.uid !== undefined && wanted.uid !== uid) {
    if (kind.kind === 'Namespace') {
      throw conflict(kind, name, `Precondition failed: UID in precondition: ${wanted.uid}, UID in object meta: ${uid}`);
    }
    throw preconditionFailed(
      kind,
      name,
      `the UID in the precondition (${wanted.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
    );
  }
  if (wanted.resourceVersion !== undefined && wanted.resourceVersion !== resourceVersion) {
    throw preconditionFailed(
      kind,
      name,
      `the ResourceVersion in the precondition (${wanted.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`,
    );
  }
}

/** Seconds that the object gets; undefined for kinds without grace. */
function gracePeriod(kind: Kind, old: KubeObject, options: DeleteOptions): number | undefined {
  const grace = kind.deletionGraceSeconds?.(old, options.gracePeriodSeconds);
  return grace !== undefined && grace < 0 ? 1 : grace;
}

/** Marks the first time; later a DELETE may only shorten. */
function markGrace(
  draft: KubeObject,
  old: KubeObject,
  grace: number,
  options: DeleteOptions,
  now: number,
): 'marked' | 'pending' {
  const { deletionTimestamp, deletionGracePeriodSeconds: running = 0 } = old.metadata;
  if (deletionTimestamp === undefined) {
    markDeleting(draft, timestamp(now + grace * 1000), grace);
    return 'marked';
  }
  const ended = running === 0;
  if (!ended && (options.gracePeriodSeconds === undefined || grace >= running)) return 'pending';
  if (ended) return 'marked';
  draft.metadata.deletionTimestamp = timestamp(Date.parse(deletionTimestamp) - (running - grace) * 1000);
  draft.metadata.deletionGracePeriodSeconds = grace;
  return 'marked';
}

function markDeleting(draft: KubeObject, at: string, graceSeconds: number): void {
  draft.metadata.deletionTimestamp = at;
  draft.metadata.deletionGracePeriodSeconds = graceSeconds;
  if (draft.metadata.generation !== undefined) draft.metadata.generation++;
}

function setPropagation(draft: KubeObject, options: DeleteOptions): void {
  if (options.propagationPolicy === undefined) return;
  const finalizers = (draft.metadata.finalizers ?? []).filter((one) => one !== ORPHAN && one !== FOREGROUND);
  if (options.propagationPolicy === 'Orphan') finalizers.push(ORPHAN);
  if (options.propagationPolicy === 'Foreground') finalizers.push(FOREGROUND);
  if (finalizers.length > 0) draft.metadata.finalizers = finalizers;
  else delete draft.metadata.finalizers;
}

/** Terminating first; gone once `spec.finalizers` is empty, which the namespace controller sees to. */
function removeNamespace(ground: Ground, face: Face, old: KubeObject, dryRun: boolean): Removal {
  const held =
    ((old.spec?.finalizers as unknown[] | undefined) ?? []).length > 0 || (old.metadata.finalizers ?? []).length > 0;
  if (old.metadata.deletionTimestamp !== undefined) {
    if (held) return { object: old, gone: false, answersObject: true };
    if (!dryRun) ground.store.remove(face.shelf, old);
    return { object: old, gone: true, answersObject: true };
  }
  const draft = inOrder(face.kind, {
    ...old,
    metadata: { ...old.metadata, deletionTimestamp: timestamp(ground.clock.now()) },
    status: { ...old.status, phase: 'Terminating' },
  });
  const object = dryRun ? draft : ground.store.put(face.shelf, draft);
  if (!held && !dryRun) ground.store.remove(face.shelf, face.store(object));
  return { object, gone: !held, answersObject: true };
}
