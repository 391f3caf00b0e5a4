/**
 * How a resource looks at what is stored. Nearly every kind is stored as itself; events.k8s.io/v1 Events are stored as v1 Events,
 * and both resources show the same objects.
 */
import type { Kind, KubeObject } from '../kinds/kind.ts';
import { noSuchResource, qualifiedResource } from '../status.ts';
import type { Place, Shelf } from '../storage/store.ts';
import type { Ground } from './ground.ts';

const shown = new WeakMap<Kind, WeakMap<KubeObject, KubeObject>>();

export class Face {
  readonly kind: Kind;
  readonly shelf: Shelf;

  constructor(kind: Kind, shelf: Shelf) {
    this.kind = kind;
    this.shelf = shelf;
  }

  /** What is stored, as this resource shows it; the same answer for the same object, so that its JSON is made once. */
  show(stored: KubeObject): KubeObject {
    const { storedAs } = this.kind;
    if (storedAs === undefined) return stored;
    let objects = shown.get(this.kind);
    if (objects === undefined) {
      objects = new WeakMap();
      shown.set(this.kind, objects);
    }
    let object = objects.get(stored);
    if (object === undefined) {
      object = storedAs.fromStored(stored);
      objects.set(stored, object);
    }
    return object;
  }

  /** What this resource was given, as it is stored. */
  store(object: KubeObject): KubeObject {
    return this.kind.storedAs === undefined ? object : this.kind.storedAs.toStored(object);
  }

  get(namespace: string, name: string): KubeObject | undefined {
    const stored = this.shelf.get(namespace, name);
    return stored === undefined ? undefined : this.show(stored);
  }

  *objects(namespace?: string, after?: Place): Generator<KubeObject> {
    for (const stored of this.shelf.objects(namespace, after)) yield this.show(stored);
  }
}

/** @throws ApiError 404 for a resource nobody registered */
export function faceOf(ground: Ground, resource: string): Face {
  const kind = ground.registry.byResource(resource);
  if (kind === undefined) throw noSuchResource();
  return faceOfKind(ground, kind);
}

/** The face of one version of a resource. @throws ApiError 404 for a kind that is not served any more */
export function faceOfKind(ground: Ground, kind: Kind): Face {
  const stored =
    kind.storedAs === undefined ? qualifiedResource(kind) : qualifiedResource({ ...kind, ...kind.storedAs });
  const shelf = ground.store.shelf(stored);
  if (shelf === undefined) throw noSuchResource();
  return new Face(kind, shelf);
}
