/** A map of bounded size: what was not touched for longest goes first. */
export interface Lru<V> {
  readonly size: number;
  get(key: string): V | undefined;
  set(key: string, value: V): void;
}

export function createLru<V>(maxSize: number): Lru<V> {
  // A Map keeps the order of insertion: re-inserting on each touch makes its first key the least recently used.
  const entries = new Map<string, V>();
  return {
    get size() {
      return entries.size;
    },
    get(key) {
      const value = entries.get(key);
      if (value === undefined) return undefined;
      entries.delete(key);
      entries.set(key, value);
      return value;
    },
    set(key, value) {
      entries.delete(key);
      entries.set(key, value);
      if (entries.size <= maxSize) return;
      const [oldest] = entries.keys();
      if (oldest !== undefined) entries.delete(oldest);
    },
  };
}
