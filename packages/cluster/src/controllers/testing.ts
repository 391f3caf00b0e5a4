/**
 * Test support: a clock that stands until it is moved, and a small store that is an `Api`. The store knows metadata,
 * generations, finalizers, deletion with grace, and watches; it defaults and refuses nothing.
 */
import { type Api, ApiError, type DeleteOptions, type WatchEvent } from '../api.ts';
import type { Clock } from '../clock.ts';
import type { KubeObject } from '../kinds/kind.ts';
import { timeText } from './machinery/instants.ts';

export interface VirtualClock extends Clock {
  /** Moves time on, timer by timer, and lets all turns end that follow from each. */
  advance(ms: number): Promise<void>;
}

/** Lets everything happen that needs no time. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 40; turn++) await new Promise((resolve) => setImmediate(resolve));
}

export function createVirtualClock(startAt = Date.parse('2026-11-23T00:00:00Z')): VirtualClock {
  let now = startAt;
  const timers = new Set<{ at: number; fn: () => void }>();
  return {
    now: () => now,
    after(ms, fn) {
      const timer = { at: now + ms, fn };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(ms) {
      const until = now + ms;
      await settle();
      for (;;) {
        let next: { at: number; fn: () => void } | undefined;
        for (const timer of timers) if (timer.at <= until && (next === undefined || timer.at < next.at)) next = timer;
        if (next === undefined) break;
        timers.delete(next);
        now = Math.max(now, next.at);
        next.fn();
        await settle();
      }
      now = until;
      await settle();
    },
  };
}

const notFound = (resource: string, name: string) =>
  new ApiError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `${resource} "${name}" not found`,
    reason: 'NotFound',
    code: 404,
  });

const conflict = (resource: string, name: string, reason: string) =>
  new ApiError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `${resource} "${name}" ${reason === 'AlreadyExists' ? 'already exists' : 'has changed'}`,
    reason,
    code: 409,
  });

/** Creations that a test wants refused: answers the error, or undefined to let it pass. */
export type Refusal = (resource: string, object: KubeObject) => ApiError | undefined;

export interface FakeApi extends Api {
  refuse: Refusal | undefined;
}

export function createFakeApi(clock: Clock): FakeApi {
  const stores = new Map<string, Map<string, KubeObject>>();
  const watchers = new Map<string, Set<(event: WatchEvent) => void>>();
  let counter = 0;
  const storeOf = (resource: string) => {
    const known = stores.get(resource);
    if (known !== undefined) return known;
    const made = new Map<string, KubeObject>();
    stores.set(resource, made);
    return made;
  };
  const keyOf = (name: string, namespace: string | undefined) => (namespace ? `${namespace}/${name}` : name);
  const emit = (resource: string, event: WatchEvent) => {
    for (const onEvent of watchers.get(resource) ?? []) setImmediate(() => onEvent(event));
  };
  const put = (resource: string, object: KubeObject, type: 'ADDED' | 'MODIFIED'): KubeObject => {
    object.metadata.resourceVersion = String(++counter);
    storeOf(resource).set(keyOf(object.metadata.name, object.metadata.namespace), object);
    emit(resource, { type, object });
    return object;
  };
  const remove = (resource: string, object: KubeObject) => {
    storeOf(resource).delete(keyOf(object.metadata.name, object.metadata.namespace));
    const last = { ...object, metadata: { ...object.metadata, resourceVersion: String(++counter) } };
    emit(resource, { type: 'DELETED', object: last });
  };
  const isFree = (object: KubeObject) =>
    (object.metadata.finalizers ?? []).length === 0 && (object.spec?.finalizers ?? []).length === 0;

  const api: FakeApi = {
    refuse: undefined,
    get: (resource, name, namespace) => storeOf(resource).get(keyOf(name, namespace)),
    list: (resource, options) =>
      [...storeOf(resource).values()].filter(
        (object) => options?.namespace === undefined || object.metadata.namespace === options.namespace,
      ),
    create(resource, given, options) {
      const object: KubeObject = structuredClone(given) as KubeObject;
      const refused = api.refuse?.(resource, object);
      if (refused !== undefined) throw refused;
      const { metadata } = object;
      if (metadata.name === undefined && metadata.generateName !== undefined) {
        metadata.name = `${metadata.generateName}${(++counter).toString(36).padStart(5, '0')}`;
      }
      if (options.namespace !== undefined) metadata.namespace = options.namespace;
      if (storeOf(resource).has(keyOf(metadata.name, metadata.namespace))) {
        throw conflict(resource, metadata.name, 'AlreadyExists');
      }
      metadata.uid = `uid-${++counter}`;
      metadata.creationTimestamp = timeText(clock.now());
      metadata.generation = 1;
      if (resource === 'pods') object.status = { phase: 'Pending', ...object.status };
      if (resource === 'namespaces') {
        object.spec = { finalizers: ['kubernetes'], ...object.spec };
        object.status = { phase: 'Active' };
      }
      return put(resource, object, 'ADDED');
    },
    update(resource, object, options) {
      const { name, namespace, resourceVersion } = object.metadata;
      const known = api.get(resource, name, namespace);
      if (known === undefined) throw notFound(resource, name);
      if (resourceVersion && resourceVersion !== known.metadata.resourceVersion) {
        throw conflict(resource, name, 'Conflict');
      }
      const next = structuredClone(object);
      if (options.subresource === 'status') next.spec = resource === 'namespaces' ? next.spec : known.spec;
      else if (resource !== 'nodes') next.status = known.status;
      const strip = (o: KubeObject) =>
        JSON.stringify({ ...o, metadata: { ...o.metadata, resourceVersion: undefined, generation: undefined } });
      if (strip(next) === strip(known)) return known;
      if (JSON.stringify(next.spec) !== JSON.stringify(known.spec) && options.subresource === undefined) {
        next.metadata.generation = (known.metadata.generation ?? 0) + 1;
      }
      const written = put(resource, next, 'MODIFIED');
      if (written.metadata.deletionTimestamp !== undefined && !isPodWithGrace(resource, written) && isFree(written)) {
        remove(resource, written);
      }
      return written;
    },
    modify(resource, name, namespace, change, options) {
      const known = api.get(resource, name, namespace);
      if (known === undefined) throw notFound(resource, name);
      const draft = structuredClone(known);
      change(draft);
      return api.update(resource, draft, options);
    },
    delete(resource, name, namespace, options: DeleteOptions = {}) {
      const known = api.get(resource, name, namespace);
      if (known === undefined) throw notFound(resource, name);
      const { uid, resourceVersion } = options.preconditions ?? {};
      if (uid !== undefined && uid !== known.metadata.uid) throw conflict(resource, name, 'Conflict');
      if (resourceVersion !== undefined && resourceVersion !== known.metadata.resourceVersion) {
        throw conflict(resource, name, 'Conflict');
      }
      const draft = structuredClone(known);
      const finalizers = new Set(draft.metadata.finalizers);
      if (options.propagationPolicy === 'Foreground') finalizers.add('foregroundDeletion');
      if (options.propagationPolicy === 'Orphan') finalizers.add('orphan');
      draft.metadata.finalizers = [...finalizers];
      const ended = ['Succeeded', 'Failed'].includes(draft.status?.phase);
      const grace =
        resource === 'pods' && draft.spec.nodeName && !ended
          ? (options.gracePeriodSeconds ?? draft.spec.terminationGracePeriodSeconds ?? 30)
          : 0;
      if (grace === 0 && isFree(draft)) return remove(resource, known);
      if (draft.metadata.deletionTimestamp !== undefined) return;
      draft.metadata.deletionTimestamp = timeText(clock.now() + grace * 1000);
      draft.metadata.deletionGracePeriodSeconds = grace;
      if (resource === 'namespaces') draft.status = { ...draft.status, phase: 'Terminating' };
      put(resource, draft, 'MODIFIED');
    },
    bind(namespace, podName, nodeName) {
      const known = api.get('pods', podName, namespace);
      if (known === undefined) throw notFound('pods', podName);
      const draft = structuredClone(known);
      draft.spec.nodeName = nodeName;
      draft.status.conditions = [
        ...(draft.status.conditions ?? []).filter((c: { type: string }) => c.type !== 'PodScheduled'),
        { type: 'PodScheduled', status: 'True', lastProbeTime: null, lastTransitionTime: timeText(clock.now()) },
      ];
      put('pods', draft, 'MODIFIED');
    },
    watch(resource, onEvent) {
      const set = watchers.get(resource) ?? new Set();
      watchers.set(resource, set);
      for (const object of storeOf(resource).values()) onEvent({ type: 'ADDED', object });
      set.add(onEvent);
      return () => set.delete(onEvent);
    },
  };
  return api;
}

function isPodWithGrace(resource: string, object: KubeObject): boolean {
  return resource === 'pods' && (object.metadata.deletionGracePeriodSeconds ?? 0) > 0;
}
