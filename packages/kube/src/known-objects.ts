/** What a reflector remembers: key → resourceVersion, no object. Enough to tell what vanished between two LISTs and what is told twice. */

export interface KnownObjects {
  readonly size: number;
  has(key: string): boolean;
  /** A LIST begins, or begins anew. */
  startList(): void;
  /** The LIST has this one. A LIST is the truth, also where it is older (a server restored from a backup). */
  listed(key: string, resourceVersion: string): void;
  /** The LIST is whole: the keys that it lacks, forgotten now. */
  endList(): string[];
  /** A watch showed this one: false where it was told in this state already. */
  seen(key: string, resourceVersion: string): boolean;
  /** It is gone: false where it was not known. */
  lost(key: string): boolean;
}

export function createKnownObjects(): KnownObjects {
  let known = new Map<string, string>();
  let inList = new Map<string, string>();
  return {
    get size() {
      return known.size;
    },
    has: (key) => known.has(key),
    startList() {
      inList = new Map();
    },
    listed(key, resourceVersion) {
      // Into both: should this LIST begin anew, what its first pages told must still be found missing.
      known.set(key, resourceVersion);
      inList.set(key, resourceVersion);
    },
    endList() {
      const vanished = [...known.keys()].filter((key) => !inList.has(key));
      known = inList;
      inList = new Map();
      return vanished;
    },
    seen(key, resourceVersion) {
      if (known.get(key) === resourceVersion) return false;
      known.set(key, resourceVersion);
      return true;
    },
    lost: (key) => known.delete(key),
  };
}
