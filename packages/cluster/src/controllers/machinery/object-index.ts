/**
 * An index over one resource's watch. It keeps keys, not objects: what it answers is read from the API at that moment, so
 * a controller sees its own writes though their events come in a later turn. What the index alone knows is which keys to
 * read, and an object that was just created is told to it by `note`.
 */
import type { Api, Resource } from '../../api.ts';
import type { KubeObject } from '../../kinds/kind.ts';
import { keyOf, splitKey } from './shapes.ts';

/** Under which words an object is to be found; e.g. its node, the uid of its controller. */
export type IndexBy = (object: KubeObject) => readonly string[];

/** `before` is undefined for what is new, `after` for what is gone. */
export type OnChange = (after: KubeObject | undefined, before: KubeObject | undefined) => void;

export interface ObjectIndex {
  readonly resource: Resource;
  get(key: string): KubeObject | undefined;
  all(): KubeObject[];
  inNamespace(namespace: string): KubeObject[];
  /** All objects that stand under the word in the named index, as they are now. */
  by(index: string, word: string): KubeObject[];
  /** Tells the index of an object that this turn wrote. */
  note(object: KubeObject): void;
  /** Called for every change, in order; objects that are there already come first, at once. The answer ends it. */
  onChange(listener: OnChange): () => void;
}

interface Entry {
  object: KubeObject;
  words: Array<readonly [string, string]>;
}

export interface IndexedResource extends ObjectIndex {
  stop(): void;
}

export function watchIndex(api: Api, resource: Resource, indices: Record<string, IndexBy> = {}): IndexedResource {
  const entries = new Map<string, Entry>();
  const words = new Map<string, Set<string>>();
  const namespaces = new Map<string, Set<string>>();
  const listeners = new Set<OnChange>();

  function unlink(key: string, entry: Entry): void {
    for (const [index, word] of entry.words) removeFrom(words, `${index}\n${word}`, key);
    removeFrom(namespaces, entry.object.metadata.namespace ?? '', key);
  }

  function put(key: string, object: KubeObject): void {
    const known = entries.get(key);
    if (known !== undefined) unlink(key, known);
    const entry: Entry = { object, words: [] };
    for (const [index, by] of Object.entries(indices)) {
      for (const word of by(object)) {
        entry.words.push([index, word]);
        addTo(words, `${index}\n${word}`, key);
      }
    }
    addTo(namespaces, object.metadata.namespace ?? '', key);
    entries.set(key, entry);
  }

  /** One listener's fault is told, but keeps no other from hearing. */
  function tell(after: KubeObject | undefined, before: KubeObject | undefined): void {
    let failure: { error: unknown } | undefined;
    for (const listener of listeners) {
      try {
        listener(after, before);
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure !== undefined) throw failure.error;
  }

  const end = api.watch(resource, (event) => {
    const key = keyOf(event.object);
    const known = entries.get(key)?.object;
    if (event.type === 'DELETED') {
      const entry = entries.get(key);
      if (entry?.object.metadata.uid === event.object.metadata.uid) {
        unlink(key, entry);
        entries.delete(key);
      }
      tell(undefined, event.object);
      return;
    }
    // `note` may have told of a newer state; the event of the older one is still told to listeners, as what was before.
    if (known === undefined || isNewer(event.object, known)) put(key, event.object);
    tell(event.object, known === event.object ? undefined : known);
  });

  const current = (keys: Iterable<string> | undefined): KubeObject[] => {
    const found: KubeObject[] = [];
    for (const key of keys ?? []) {
      const { namespace, name } = splitKey(key);
      const object = api.get(resource, name, namespace);
      if (object !== undefined) found.push(object);
    }
    return found;
  };

  return {
    resource,
    get(key) {
      const { namespace, name } = splitKey(key);
      return api.get(resource, name, namespace);
    },
    all: () => current(entries.keys()),
    inNamespace: (namespace) => current(namespaces.get(namespace)),
    by(index, word) {
      const by = indices[index];
      return current(words.get(`${index}\n${word}`)).filter((object) => by?.(object).includes(word) === true);
    },
    note(object) {
      const key = keyOf(object);
      const known = entries.get(key)?.object;
      if (known === undefined || isNewer(object, known)) put(key, object);
    },
    onChange(listener) {
      for (const entry of [...entries.values()]) listener(entry.object, undefined);
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop() {
      end();
      listeners.clear();
    },
  };
}

/** For a resource that is not served: nothing is there, ever. */
export function emptyIndex(resource: Resource): IndexedResource {
  return {
    resource,
    get: () => undefined,
    all: () => [],
    inNamespace: () => [],
    by: () => [],
    note: () => {},
    onChange: () => () => {},
    stop: () => {},
  };
}

/** The store's counter is one for all resources, so a larger version is a later write. */
function isNewer(object: KubeObject, than: KubeObject): boolean {
  return Number(object.metadata.resourceVersion) > Number(than.metadata.resourceVersion);
}

function addTo(map: Map<string, Set<string>>, word: string, key: string): void {
  const keys = map.get(word);
  if (keys === undefined) map.set(word, new Set([key]));
  else keys.add(key);
}

function removeFrom(map: Map<string, Set<string>>, word: string, key: string): void {
  const keys = map.get(word);
  if (keys === undefined) return;
  keys.delete(key);
  if (keys.size === 0) map.delete(word);
}
