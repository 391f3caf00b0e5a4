/** Small immutable edits of plain records, and instants as Kubernetes writes them. */

/** The record with one entry set; the same reference where it is that value already. */
export function withEntry<T>(record: Readonly<Record<string, T>>, key: string, value: T): Readonly<Record<string, T>> {
  if (record[key] === value) return record;
  const next = copied(record);
  next[key] = value;
  return next;
}

/**
 * A copy without a prototype. Keys of Pods, modules and Events are ever new ones, for which the engine would make a new shape of
 * an ordinary object each time; what has no prototype it keeps as a dictionary.
 */
function copied<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  const copy: Record<string, T> = Object.create(null);
  for (const key in record) copy[key] = record[key] as T;
  return copy;
}

/** The record without one entry; the same reference where there is none. */
export function withoutEntry<T>(record: Readonly<Record<string, T>>, key: string): Readonly<Record<string, T>> {
  if (!(key in record)) return record;
  const copy: Record<string, T> = Object.create(null);
  for (const other in record) if (other !== key) copy[other] = record[other] as T;
  return copy;
}

/** A copy without the fields that are undefined, for types with exact optional properties. */
export function defined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

/** RFC 3339 in whole seconds, as metav1.Time is written. */
export function secondsOf(wall: number): string {
  const second = Math.floor(wall / 1000);
  const day = Math.floor(second / 86_400);
  const rest = second - day * 86_400;
  const hours = Math.floor(rest / 3600);
  const minutes = Math.floor(rest / 60) % 60;
  return `${dateOf(day)}T${two(hours)}:${two(minutes)}:${two(rest % 60)}Z`;
}

/**
 * `2026-01-01` of a day since the epoch, by arithmetic (Howard Hinnant, days_from_civil): a Date is what writing a status would
 * spend its time on. Years begin in March here, so that the leap day is the last.
 */
function dateOf(day: number): string {
  const shifted = day + 719_468;
  const era = Math.floor(shifted / 146_097);
  const ofEra = shifted - era * 146_097;
  const year = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365,
  );
  const ofYear = ofEra - (365 * year + Math.floor(year / 4) - Math.floor(year / 100));
  const march = Math.floor((5 * ofYear + 2) / 153);
  const date = ofYear - Math.floor((153 * march + 2) / 5) + 1;
  const month = march < 10 ? march + 3 : march - 9;
  return `${String(year + era * 400 + (month <= 2 ? 1 : 0)).padStart(4, '0')}-${two(month)}-${two(date)}`;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
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
