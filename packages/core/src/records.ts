/** Small immutable edits of plain records, and instants as Kubernetes writes them. */

/** The record with one entry set; the same reference where it is that value already. */
export function withEntry<T>(record: Readonly<Record<string, T>>, key: string, value: T): Readonly<Record<string, T>> {
  return record[key] === value ? record : { ...record, [key]: value };
}

/** The record without one entry; the same reference where there is none. */
export function withoutEntry<T>(record: Readonly<Record<string, T>>, key: string): Readonly<Record<string, T>> {
  if (!(key in record)) return record;
  const { [key]: _gone, ...rest } = record;
  return rest;
}

/** A copy without the fields that are undefined, for types with exact optional properties. */
export function defined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

/** RFC 3339 in whole seconds, as metav1.Time is written. */
export function secondsOf(wall: number): string {
  return `${new Date(wall).toISOString().slice(0, 19)}Z`;
}

/** Milliseconds since the epoch; undefined where it is no time. */
export function wallOf(time: string | undefined): number | undefined {
  if (time === undefined) return undefined;
  const wall = Date.parse(time);
  return Number.isNaN(wall) ? undefined : wall;
}

/** Same JSON, whatever the order of the keys; undefined fields do not count. */
export function isSame(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const leftEntries = Object.entries(left).filter(([, value]) => value !== undefined);
  const rightFields = right as Readonly<Record<string, unknown>>;
  const rightCount = Object.values(right).filter((value) => value !== undefined).length;
  return leftEntries.length === rightCount && leftEntries.every(([key, value]) => isSame(value, rightFields[key]));
}

/**
 * Whether one resourceVersion is older than another of the same object. They are decimal numbers in every Kubernetes;
 * where they are not, nothing is said to be older.
 */
export function isOlderVersion(candidate: string, known: string): boolean {
  if (!/^\d+$/.test(candidate) || !/^\d+$/.test(known)) return false;
  return candidate.length === known.length ? candidate < known : candidate.length < known.length;
}

/** At most `max` characters, cut with an ellipsis. */
export function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`;
}
