/** The Api of the embedded controllers: the same verbs as over HTTP, in process and synchronous. */
import type { Api, DeleteOptions, ListOptions, Resource, WatchEvent } from '../api.ts';
import { clone, isRecord } from '../json.ts';
import type { KubeObject } from '../kinds/kind.ts';
import { decode } from '../schema/decode.ts';
import { badRequest } from '../status.ts';
import { bind } from './binding.ts';
import { faceOf } from './face.ts';
import type { Ground } from './ground.ts';
import { list } from './reads.ts';
import { remove } from './removal.ts';
import { create, update } from './writes.ts';

/** @param onError  hears what a listener of a watch throws; nothing ends by it */
export function inProcessApi(ground: Ground, onError: (error: unknown) => void): Api {
  const spaceOf = (resource: Resource, namespace: string | undefined): string =>
    faceOf(ground, resource).kind.namespaced ? (namespace ?? '') : '';

  const api: Api = {
    get: (resource, name, namespace) => faceOf(ground, resource).get(spaceOf(resource, namespace), name),

    list: (resource, options: ListOptions = {}) => list(ground, faceOf(ground, resource), options).items,

    create(resource, object, { actor, namespace }) {
      const face = faceOf(ground, resource);
      if (!isRecord(object)) throw badRequest(`a ${face.kind.kind} must be an object`);
      const { draft } = decode(face.kind, object, { inProcess: true });
      return create(ground, face, spaceOf(resource, namespace ?? draft.metadata.namespace), draft, { actor });
    },

    update(resource, object, { actor, subresource }) {
      const face = faceOf(ground, resource);
      const { draft } = decode(face.kind, object, { inProcess: true });
      const { name, namespace } = object.metadata;
      return update(ground, face, spaceOf(resource, namespace), name, draft, { actor, subresource }).object;
    },

    modify(resource, name, namespace, change, { actor, subresource }) {
      const face = faceOf(ground, resource);
      const space = spaceOf(resource, namespace);
      const old = face.get(space, name);
      const copy: KubeObject = old === undefined ? blank(name) : copyOf(old);
      if (old !== undefined) change(copy);
      const { draft } = decode(face.kind, copy, { inProcess: true });
      return update(ground, face, space, name, draft, { actor, subresource, patch: true }).object;
    },

    delete(resource, name, namespace, options: DeleteOptions = {}) {
      remove(ground, faceOf(ground, resource), spaceOf(resource, namespace), name, options);
    },

    bind(namespace, podName, nodeName, { uid }) {
      bind(ground, faceOf(ground, 'pods'), namespace, podName, { nodeName, uid });
    },

    watch: (resource, onEvent) => watch(ground, resource, onEvent, onError),
  };
  return api;
}

/** A deep copy; whose the fields are is not copied, so that it is known for what is stored. */
function copyOf(object: KubeObject): KubeObject {
  const { managedFields, ...metadata } = object.metadata;
  const copy = clone({ ...object, metadata });
  return managedFields === undefined ? copy : { ...copy, metadata: { ...copy.metadata, managedFields } };
}

/** Stands in for an object that is not there, so that the verb itself says NotFound. */
function blank(name: string): KubeObject {
  return { apiVersion: '', kind: '', metadata: { name, uid: '', resourceVersion: '', creationTimestamp: '' } };
}

function watch(
  ground: Ground,
  resource: Resource,
  onEvent: (event: WatchEvent) => void,
  onError: (error: unknown) => void,
): () => void {
  const face = faceOf(ground, resource);
  let ended = false;
  let queue: WatchEvent[] = [];
  let turn: NodeJS.Immediate | undefined;
  const deliver = (event: WatchEvent): void => {
    if (ended) return;
    try {
      onEvent(event);
    } catch (error) {
      onError(error);
    }
  };
  const flush = (): void => {
    turn = undefined;
    const events = queue;
    queue = [];
    for (const event of events) deliver(event);
  };
  const listener = ({ type, object }: WatchEvent): void => {
    queue.push({ type, object: face.show(object) });
    turn ??= setImmediate(flush);
  };
  // The snapshot is taken before the listener hears anything: what a callback writes comes later, once.
  const present = [...face.objects()];
  face.shelf.listeners.add(listener);
  for (const object of present) deliver({ type: 'ADDED', object });
  return () => {
    ended = true;
    face.shelf.listeners.delete(listener);
    if (turn !== undefined) clearImmediate(turn);
  };
}
