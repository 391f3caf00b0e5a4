/**
 * Reading JSON of which nothing is promised: a field that has another shape than it should counts as absent. The API server
 * validates what it stores, so this is for old objects, other versions and servers that answer nonsense; none may throw.
 */

export type Json = Readonly<Record<string, unknown>>;

export function record(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

export function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

export function boolean(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined;
}

/** The text if it is one of these, else undefined. */
export function oneOf<T extends string>(value: unknown, allowed: readonly T[]): T | undefined {
  return allowed.find((candidate) => candidate === value);
}

/** String values only; undefined where there is none, so that an empty map and no map look alike. */
export function texts(value: unknown, keeps?: (key: string) => boolean): Readonly<Record<string, string>> | undefined {
  const kept: Record<string, string> = {};
  let hasAny = false;
  for (const [key, entry] of Object.entries(record(value))) {
    if (typeof entry !== 'string' || (keeps !== undefined && !keeps(key))) continue;
    kept[key] = entry;
    hasAny = true;
  }
  return hasAny ? kept : undefined;
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };
type Present<T> = Defined<{ [K in keyof T as undefined extends T[K] ? never : K]: T[K] }> &
  Partial<Defined<{ [K in keyof T as undefined extends T[K] ? K : never]: T[K] }>>;

/** The object without its undefined fields: `exactOptionalPropertyTypes` and comparisons tell absent from undefined. */
export function present<T extends object>(fields: T): Present<T> {
  let isWhole = true;
  for (const name in fields) if (fields[name] === undefined) isWhole = false;
  if (isWhole) return fields as unknown as Present<T>;
  const kept: Record<string, unknown> = {};
  for (const name in fields) if (fields[name] !== undefined) kept[name] = fields[name];
  return kept as Present<T>;
}
