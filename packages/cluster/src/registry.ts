/** Which kinds this server has, found by resource, by kind and by group: discovery, routing and the store start here. */
import type { Kind } from './kinds/kind.ts';
import { qualifiedResource } from './status.ts';

export class Registry {
  readonly kinds: readonly Kind[];
  readonly #byResource = new Map<string, Kind>();
  readonly #byKind = new Map<string, Kind>();
  readonly #versions = new Map<string, Set<string>>();

  /** @throws Error where two kinds claim one resource: a bug of ours */
  constructor(kinds: readonly Kind[]) {
    this.kinds = kinds;
    for (const kind of kinds) {
      const resource = qualifiedResource(kind);
      if (this.#byResource.has(resource)) throw new Error(`two kinds for ${resource}`);
      this.#byResource.set(resource, kind);
      this.#byKind.set(`${apiVersionOf(kind)}/${kind.kind}`, kind);
      const versions = this.#versions.get(kind.group) ?? new Set<string>();
      versions.add(kind.version);
      this.#versions.set(kind.group, versions);
    }
  }

  /** @param resource `pods`, `deployments.apps` */
  byResource(resource: string): Kind | undefined {
    return this.#byResource.get(resource);
  }

  byKind(apiVersion: string, kind: string): Kind | undefined {
    return this.#byKind.get(`${apiVersion}/${kind}`);
  }

  /** group ('' = core) → versions, in the order of the kinds. */
  groups(): ReadonlyMap<string, ReadonlySet<string>> {
    return this.#versions;
  }

  ofGroupVersion(group: string, version: string): Kind[] {
    return this.kinds.filter((kind) => kind.group === group && kind.version === version);
  }
}

/** `v1`, `apps/v1`. */
export function apiVersionOf(kind: Pick<Kind, 'group' | 'version'>): string {
  return kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
}
