/**
 * Where the objects are: one map a kind, one revision counter for all, and the way from a write to who watches.
 *
 *   write ─► revision + 1 ─► map ─► history ring ─► every watch of the kind, in order
 *                              └──► backlog ─ end of the turn ─► keeper ─► what was answered goes out
 *
 * It knows nothing of validation or of HTTP. What is stored is never changed in place.
 */
import { entriesOf, entriesText, shareFields } from '../apply/managed-fields.ts';
import type { Kind, KubeObject } from '../kinds/kind.ts';
import { qualifiedResource } from '../status.ts';
import { Backlog } from './backlog.ts';
import { History } from './history.ts';
import type { Keeper } from './keeper.ts';
import { Names, placeAfter } from './names.ts';

/** One change, as it is kept for watches. `old` is absent for ADDED. */
export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly revision: number;
  /** For DELETED: the last state, with the resourceVersion of the deletion. */
  readonly object: KubeObject;
  readonly old?: KubeObject;
  /** The lines of this change on the wire, by representation: made once, however many watch. */
  readonly lines: Map<string, Buffer>;
}

/** What a watch hands to the store; it is called in the turn of the write, must only take note, and must not throw. */
export type ChangeListener = (change: Change) => void;

const jsonOf = new WeakMap<KubeObject, string>();

/** The object as JSON, made once an object: the answer, the watches and the history share it. */
export function toJson(object: KubeObject): string {
  let text = jsonOf.get(object);
  if (text === undefined) {
    text = textOf(object);
    jsonOf.set(object, text);
  }
  return text;
}

/** As JSON.stringify; what is shared with other objects and with earlier states is not written anew. */
function textOf(object: KubeObject): string {
  const { managedFields, ...metadata } = object.metadata;
  if (managedFields === undefined) return JSON.stringify(object);
  let text = '';
  for (const key of Object.keys(object)) {
    const value: unknown = object[key];
    if (value === undefined) continue;
    const one =
      key === 'metadata'
        ? `${JSON.stringify(metadata).slice(0, -1)},"managedFields":${entriesText(entriesOf(object))}}`
        : JSON.stringify(value);
    text += `${text === '' ? '{' : ','}${JSON.stringify(key)}:${one}`;
  }
  return `${text}}`;
}

/** Where a page ended. */
export interface Place {
  readonly namespace: string;
  readonly name: string;
}

/** The objects of one kind. */
export class Shelf {
  readonly kind: Kind;
  /** `pods`, `deployments.apps`. */
  readonly resource: string;
  readonly history: History;
  readonly listeners = new Set<ChangeListener>();
  /** namespace ('' for kinds of the cluster) → name → object. */
  readonly #spaces = new Map<string, Map<string, KubeObject>>();
  readonly #names = new Map<string, Names>();

  constructor(kind: Kind, history: History) {
    this.kind = kind;
    this.resource = qualifiedResource(kind);
    this.history = history;
  }

  get(namespace: string, name: string): KubeObject | undefined {
    return this.#spaces.get(namespace)?.get(name);
  }

  set(namespace: string, name: string, object: KubeObject): void {
    let space = this.#spaces.get(namespace);
    if (space === undefined) {
      space = new Map();
      this.#spaces.set(namespace, space);
    }
    if (!space.has(name)) this.#names.get(namespace)?.come(name);
    space.set(name, object);
  }

  delete(namespace: string, name: string): void {
    const space = this.#spaces.get(namespace);
    if (space?.delete(name)) this.#names.get(namespace)?.go();
    if (space?.size === 0) {
      this.#spaces.delete(namespace);
      this.#names.delete(namespace);
    }
  }

  /**
   * In the order of a real server: by namespace, then by name. Without a namespace: all.
   *
   * @param after  only what comes after this place, where a page ended
   */
  *objects(namespace?: string, after?: Place): Generator<KubeObject> {
    for (const [space, objects] of this.#inOrder(namespace, after)) {
      const names = this.#namesOf(space, objects);
      for (let at = space === after?.namespace ? placeAfter(names, after.name) : 0; at < names.length; at += 1) {
        const object = objects.get(names[at] ?? '');
        if (object !== undefined) yield object;
      }
    }
  }

  /** How many there are after a place, without looking at them. */
  countAfter(namespace: string | undefined, after: Place): number {
    let count = 0;
    for (const [space, objects] of this.#inOrder(namespace, after)) {
      const passed = space === after.namespace ? placeAfter(this.#namesOf(space, objects), after.name) : 0;
      count += objects.size - passed;
    }
    return count;
  }

  /** Namespaces with their objects, those that end before a place left out. */
  *#inOrder(namespace: string | undefined, after: Place | undefined): Generator<[string, Map<string, KubeObject>]> {
    for (const space of namespace === undefined ? [...this.#spaces.keys()].sort() : [namespace]) {
      const objects = this.#spaces.get(space);
      if (objects !== undefined && (after === undefined || space >= after.namespace)) yield [space, objects];
    }
  }

  #namesOf(space: string, objects: ReadonlyMap<string, KubeObject>): readonly string[] {
    let names = this.#names.get(space);
    if (names === undefined) {
      names = new Names(objects);
      this.#names.set(space, names);
    }
    return names.inOrder();
  }

  get size(): number {
    let size = 0;
    for (const space of this.#spaces.values()) size += space.size;
    return size;
  }
}

export class Store {
  /** What is written and not yet kept. */
  readonly backlog: Backlog;
  readonly #shelves = new Map<string, Shelf>();
  /** Kept objects of resources that nobody serves yet. */
  readonly #unclaimed = new Map<string, KubeObject[]>();
  #revision: number;

  /**
   * @param firstRevision  where counting starts; higher than any revision of an earlier life makes old watches "too old"
   * @param keeper  keeps what is written, and has what an earlier life wrote; absent: memory only
   */
  constructor(kinds: readonly Kind[], firstRevision: number, keeper?: Keeper) {
    this.#revision = firstRevision;
    this.backlog = new Backlog(keeper, () => this.#revision);
    for (const { resource, json } of keeper?.objects() ?? []) {
      const objects = this.#unclaimed.get(resource);
      if (objects === undefined) this.#unclaimed.set(resource, [shareFields(JSON.parse(json))]);
      else objects.push(shareFields(JSON.parse(json)));
    }
    for (const kind of kinds) this.serve(kind);
  }

  get revision(): number {
    return this.#revision;
  }

  /** The shelf of a kind; made, with what was kept of it, where there is none. */
  serve(kind: Kind): Shelf {
    const resource = qualifiedResource(kind);
    const found = this.#shelves.get(resource);
    if (found !== undefined) return found;
    const shelf = new Shelf(kind, new History(this.#revision));
    for (const object of this.#unclaimed.get(resource) ?? []) {
      shelf.set(object.metadata.namespace ?? '', object.metadata.name, object);
    }
    this.#unclaimed.delete(resource);
    this.#shelves.set(resource, shelf);
    return shelf;
  }

  /** Takes away the shelf of a resource that is served no more; it is empty by then. */
  retire(resource: string): void {
    this.#shelves.delete(resource);
  }

  /** @param resource `pods`, `deployments.apps` */
  shelf(resource: string): Shelf | undefined {
    return this.#shelves.get(resource);
  }

  shelves(): IterableIterator<Shelf> {
    return this.#shelves.values();
  }

  /**
   * Stores the object under its own namespace and name, gives it its resourceVersion, tells who watches.
   * The object must be the caller's own: it is kept as it is.
   *
   * @throws ApiError 507 while nothing can be kept; nothing is changed then
   */
  put(shelf: Shelf, object: KubeObject): KubeObject {
    this.backlog.mustBeOpen();
    const { name } = object.metadata;
    const namespace = object.metadata.namespace ?? '';
    const old = shelf.get(namespace, name);
    this.#revision++;
    object.metadata.resourceVersion = String(this.#revision);
    shelf.set(namespace, name, object);
    this.backlog.add(shelf.resource, object, toJson);
    this.#tell(shelf, old === undefined ? 'ADDED' : 'MODIFIED', object, old);
    return object;
  }

  /**
   * Takes the object out; watches get its last state with the resourceVersion of the deletion.
   *
   * @throws ApiError 507 while nothing can be kept; nothing is changed then
   */
  remove(shelf: Shelf, old: KubeObject): KubeObject {
    this.backlog.mustBeOpen();
    this.#revision++;
    const last = { ...old, metadata: { ...old.metadata, resourceVersion: String(this.#revision) } };
    shelf.delete(old.metadata.namespace ?? '', old.metadata.name);
    this.backlog.add(shelf.resource, old);
    this.#tell(shelf, 'DELETED', last, old);
    return last;
  }

  #tell(shelf: Shelf, type: Change['type'], object: KubeObject, old: KubeObject | undefined): void {
    const change: Change = {
      type,
      revision: this.#revision,
      object,
      lines: new Map(),
      ...(old === undefined ? {} : { old }),
    };
    shelf.history.push(change, toJson(object).length);
    for (const listener of shelf.listeners) listener(change);
    // Whoever watches has them by now; kept, they would double what the history costs.
    change.lines.clear();
  }
}
