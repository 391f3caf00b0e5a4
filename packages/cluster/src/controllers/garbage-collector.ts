/**
 * The garbage collector (kubernetes, pkg/controller/garbagecollector): what has lost all its owners goes; an owner that is
 * deleted in the foreground waits for those that block it; an owner that is deleted with `orphan` lets its own go free.
 *
 *   owner gone ─► dependents: other owner left? drop the reference : delete (Background)
 *   owner deleting + foregroundDeletion ─► dependents deleted ─► no blocking one left ─► finalizer dropped
 *   owner deleting + orphan ─► references dropped ─► finalizer dropped
 *
 * Events are neither owners nor owned, as in a real cluster.
 */
import type { KubeObject, OwnerReference } from '../kinds/kind.ts';
import { changeOwners, isReason } from './machinery/owners.ts';
import type { ResourceInfo } from './machinery/resources.ts';
import { createWorkQueue } from './machinery/work-queue.ts';
import { type Controller, type ControllerContext, controllerActor } from './options.ts';

const component = 'garbage-collector-controller';
const actor = controllerActor;
const foreground = 'foregroundDeletion';
const orphan = 'orphan';

interface Item {
  info: ResourceInfo;
  name: string;
  namespace: string | undefined;
}

/** What an owner reference points to now. */
type OwnerState = 'solid' | 'gone' | 'waits-for-dependents' | 'unknown';

export function startGarbageCollector(context: ControllerContext): Controller {
  const { api, clock } = context;
  const byKind = new Map<string, ResourceInfo>();
  const endings = new Map<string, () => void>();
  /** By uid. Objects without owners stand here too: they may be owners. */
  const items = new Map<string, Item>();
  /** Owner uid to the uids that name it. */
  const dependents = new Map<string, Set<string>>();
  const ownersOf = new Map<string, readonly string[]>();
  const queue = createWorkQueue({
    clock,
    run: collect,
    onError: (error, uid) => context.onError(error, `${component} ${items.get(uid)?.name ?? uid}`),
    batch: 100,
  });

  function current(uid: string): KubeObject | undefined {
    const item = items.get(uid);
    const object = item === undefined ? undefined : api.get(item.info.resource, item.name, item.namespace);
    return object?.metadata.uid === uid ? object : undefined;
  }

  function link(object: KubeObject): void {
    const { uid } = object.metadata;
    const owners = (object.metadata.ownerReferences ?? []).map((owner) => owner.uid);
    unlink(uid);
    ownersOf.set(uid, owners);
    for (const owner of owners) {
      const set = dependents.get(owner) ?? new Set();
      dependents.set(owner, set);
      set.add(uid);
    }
  }

  function unlink(uid: string): void {
    for (const owner of ownersOf.get(uid) ?? []) {
      const set = dependents.get(owner);
      set?.delete(uid);
      if (set?.size === 0) dependents.delete(owner);
    }
    ownersOf.delete(uid);
  }

  function onObject(info: ResourceInfo, object: KubeObject): void {
    const { uid, name, namespace, ownerReferences, deletionTimestamp } = object.metadata;
    items.set(uid, { info, name, namespace });
    if (ownerReferences !== undefined || ownersOf.has(uid)) link(object);
    if (ownerReferences !== undefined || deletionTimestamp !== undefined) queue.add(uid);
    // A dependent that lets go may free an owner that waits for it.
    for (const owner of ownerReferences ?? []) if (isWaiting(owner.uid)) queue.add(owner.uid);
  }

  function onGone(object: KubeObject): void {
    const { uid, ownerReferences } = object.metadata;
    for (const dependent of dependents.get(uid) ?? []) queue.add(dependent);
    for (const owner of ownerReferences ?? []) if (isWaiting(owner.uid)) queue.add(owner.uid);
    unlink(uid);
    items.delete(uid);
  }

  const isWaiting = (uid: string): boolean => {
    const object = current(uid);
    return (
      object?.metadata.deletionTimestamp !== undefined && object.metadata.finalizers?.includes(foreground) === true
    );
  };

  function stateOf(owner: OwnerReference, namespace: string | undefined): OwnerState {
    const info = byKind.get(`${owner.apiVersion}\n${owner.kind}`) ?? sameGroup(owner);
    if (info === undefined) return 'unknown';
    const object = api.get(info.resource, owner.name, info.namespaced ? namespace : undefined);
    if (object?.metadata.uid !== owner.uid) return 'gone';
    return isWaiting(owner.uid) ? 'waits-for-dependents' : 'solid';
  }

  /** The reference may name an older version of the group. */
  function sameGroup(owner: OwnerReference): ResourceInfo | undefined {
    const group = owner.apiVersion.includes('/') ? owner.apiVersion.split('/')[0] : '';
    return [...byKind.values()].find(
      (info) =>
        info.kind === owner.kind && (info.apiVersion.includes('/') ? info.apiVersion.split('/')[0] : '') === group,
    );
  }

  function collect(uid: string): void {
    const item = items.get(uid);
    const object = current(uid);
    if (item === undefined || object === undefined) return;
    if (object.metadata.deletionTimestamp !== undefined) {
      if (object.metadata.finalizers?.includes(orphan)) release(item, object);
      else if (object.metadata.finalizers?.includes(foreground)) awaitDependents(item, object);
      return;
    }
    judge(item, object);
  }

  /** The dependents go free, then the owner goes. */
  function release(item: Item, object: KubeObject): void {
    const { uid } = object.metadata;
    for (const dependent of [...(dependents.get(uid) ?? [])]) {
      const held = current(dependent);
      const info = items.get(dependent)?.info;
      if (held === undefined || info === undefined) continue;
      const freed = changeOwners(api, info.resource, held, actor, (owners) => owners.filter((one) => one.uid !== uid));
      if (freed !== undefined) link(freed);
    }
    dropFinalizer(item, object, orphan);
  }

  function awaitDependents(item: Item, object: KubeObject): void {
    const { uid } = object.metadata;
    const own = [...(dependents.get(uid) ?? [])];
    const isBlocked = own.some((dependent) =>
      current(dependent)?.metadata.ownerReferences?.some(
        (owner) => owner.uid === uid && owner.blockOwnerDeletion === true,
      ),
    );
    if (!isBlocked) {
      dropFinalizer(item, object, foreground);
      return;
    }
    for (const dependent of own) {
      if (current(dependent)?.metadata.deletionTimestamp === undefined) queue.add(dependent);
    }
  }

  /** Every dependent still depends on someone, or goes. */
  function judge(item: Item, object: KubeObject): void {
    const { uid, name, namespace, ownerReferences = [], finalizers, resourceVersion } = object.metadata;
    if (ownerReferences.length === 0) return;
    const states = ownerReferences.map((owner) => ({ owner, state: stateOf(owner, namespace) }));
    const lost = states.filter(({ state }) => state === 'gone' || state === 'waits-for-dependents');
    if (lost.length === 0) return;
    if (lost.length < states.length) {
      const uids = new Set(lost.map(({ owner }) => owner.uid));
      const kept = changeOwners(api, item.info.resource, object, actor, (owners) =>
        owners.filter((owner) => !uids.has(owner.uid)),
      );
      if (kept !== undefined) link(kept);
      return;
    }
    const inForeground =
      states.some(({ state }) => state === 'waits-for-dependents') && (dependents.get(uid)?.size ?? 0) > 0;
    const policy = finalizers?.includes(orphan)
      ? 'Orphan'
      : inForeground || finalizers?.includes(foreground)
        ? 'Foreground'
        : 'Background';
    try {
      api.delete(item.info.resource, name, namespace, {
        propagationPolicy: policy,
        preconditions: { uid, resourceVersion },
      });
    } catch (error) {
      if (!isReason(error, 'NotFound', 'Conflict')) throw error;
      // Changed meanwhile: its event brings it here again.
      if (isReason(error, 'Conflict')) queue.add(uid);
    }
  }

  function dropFinalizer(item: Item, object: KubeObject, finalizer: string): void {
    try {
      api.modify(
        item.info.resource,
        object.metadata.name,
        object.metadata.namespace,
        (draft) => {
          if (draft.metadata.uid !== object.metadata.uid) return;
          const left = (draft.metadata.finalizers ?? []).filter((one) => one !== finalizer);
          if (left.length > 0) draft.metadata.finalizers = left;
          else delete draft.metadata.finalizers;
        },
        { actor },
      );
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    }
  }

  function attach(info: ResourceInfo): void {
    byKind.set(`${info.apiVersion}\n${info.kind}`, info);
    endings.set(
      info.resource,
      context.index(info.resource).onChange((after, before) => {
        if (after !== undefined) onObject(info, after);
        else if (before !== undefined) onGone(before);
      }),
    );
  }

  for (const info of context.resources) if (info.resource !== 'events') attach(info);
  const endCustom = context.onCustomResources({
    came: attach,
    went(info) {
      byKind.delete(`${info.apiVersion}\n${info.kind}`);
      endings.get(info.resource)?.();
      endings.delete(info.resource);
    },
  });
  return {
    stop() {
      endCustom();
      for (const end of endings.values()) end();
      queue.stop();
    },
  };
}
