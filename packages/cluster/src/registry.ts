/**
 * Which kinds this server has, found by resource, by kind and by group: discovery, routing and the store start here.
 * The built-in ones stand in `kinds/`, for ever; custom ones come and go with their definitions.
 */
import type { Kind } from './kinds/kind.ts';
import { qualifiedResource } from './status.ts';

/** Hears of resources whose kinds changed, came or went: `widgets.example.org`. */
export type RegistryListener = (resources: readonly string[]) => void;

export class Registry {
  readonly #builtIn: readonly Kind[];
  /** By the resource that they are. */
  readonly #custom = new Map<string, readonly Kind[]>();
  readonly #listeners = new Set<RegistryListener>();
  #generation = 0;
  #kinds: readonly Kind[] = [];
  #byResource = new Map<string, Kind>();
  #byVersion = new Map<string, Kind>();
  #byKind = new Map<string, Kind>();
  #versions = new Map<string, Set<string>>();

  /** @throws Error where two kinds claim one resource: a bug of ours */
  constructor(kinds: readonly Kind[]) {
    this.#builtIn = kinds;
    this.#index();
  }

  get kinds(): readonly Kind[] {
    return this.#kinds;
  }

  /** Another number whenever the kinds are others; what is derived from them is made anew then. */
  get generation(): number {
    return this.#generation;
  }

  /** @param resource `pods`, `deployments.apps`. @returns the version that is preferred, where there are several */
  byResource(resource: string): Kind | undefined {
    return this.#byResource.get(resource);
  }

  byVersion(group: string, version: string, plural: string): Kind | undefined {
    return this.#byVersion.get(`${group}/${version}/${plural}`);
  }

  byKind(apiVersion: string, kind: string): Kind | undefined {
    return this.#byKind.get(`${apiVersion}/${kind}`);
  }

  /** group ('' = core) → versions, in the order of the kinds. */
  groups(): ReadonlyMap<string, ReadonlySet<string>> {
    return this.#versions;
  }

  ofGroupVersion(group: string, version: string): Kind[] {
    return this.#kinds.filter((kind) => kind.group === group && kind.version === version);
  }

  /** Whether the resource's kinds come from a definition. */
  isCustom(resource: string): boolean {
    return this.#custom.has(resource);
  }

  /** Whether the group has no kind of ours: its paths are then answered as those of a custom resource. */
  isCustomGroup(group: string): boolean {
    const has = (kind: Kind): boolean => kind.group === group;
    return [...this.#custom.values()].some((kinds) => kinds.some(has)) && !this.#builtIn.some(has);
  }

  /** Whether the resource is one of ours, which no definition replaces. */
  isBuiltIn(resource: string): boolean {
    return this.#builtIn.some((kind) => qualifiedResource(kind) === resource);
  }

  /** Serves these versions of a custom resource from now on, the preferred one first; none: it is gone. Ours stay ours. */
  setCustom(resource: string, kinds: readonly Kind[]): void {
    if (this.isBuiltIn(resource)) return;
    if (kinds.length === 0) {
      if (!this.#custom.delete(resource)) return;
    } else {
      this.#custom.set(resource, kinds);
    }
    this.#index();
    for (const listener of this.#listeners) listener([resource]);
  }

  /** The answer ends it. */
  onChange(listener: RegistryListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #index(): void {
    const custom = [...this.#custom].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, kinds]) => kinds);
    this.#generation++;
    this.#kinds = [...this.#builtIn, ...custom];
    this.#byResource = new Map();
    this.#byVersion = new Map();
    this.#byKind = new Map();
    this.#versions = new Map();
    for (const kind of this.#kinds) {
      const resource = qualifiedResource(kind);
      const address = `${kind.group}/${kind.version}/${kind.plural}`;
      if (this.#byVersion.has(address)) throw new Error(`two kinds for ${address}`);
      this.#byVersion.set(address, kind);
      if (!this.#byResource.has(resource)) this.#byResource.set(resource, kind);
      this.#byKind.set(`${apiVersionOf(kind)}/${kind.kind}`, kind);
      const versions = this.#versions.get(kind.group) ?? new Set<string>();
      versions.add(kind.version);
      this.#versions.set(kind.group, versions);
    }
  }
}

/** `v1`, `apps/v1`. */
export function apiVersionOf(kind: Pick<Kind, 'group' | 'version'>): string {
  return kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
}
