/** Decoded JSON as the kinds' files read it: the schema has checked types before, so here a wrong type only must not hurt. */

/** A JSON object of a shape that the schema knows. */
// biome-ignore lint/suspicious/noExplicitAny: the parts of objects of every kind; the schema, not the compiler, knows their types.
export type Fields = Record<string, any>;

/** The list, or nothing where there is none. */
export function listOf(value: unknown): Fields[] {
  return Array.isArray(value) ? value.map((item) => fieldsOf(item)) : [];
}

/** The list of strings (or other plain values), or nothing where there is none. */
export function valuesOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** The object, or an empty one where there is none. */
export function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

/** Whether the value is a JSON object (no list, no null). */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The entries sorted by key: Go's maps have no order, ours is stable. */
export function sortedEntries(value: unknown): Array<[string, string]> {
  return Object.entries(fieldsOf(value))
    .map(([key, entry]): [string, string] => [key, String(entry)])
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

/** Takes out every `null`, at any depth: to a Go decoder null is the same as not there. Changes the value in place. */
export function dropNulls(value: unknown): void {
  if (Array.isArray(value)) {
    for (const item of value) dropNulls(item);
    return;
  }
  if (!isFields(value)) return;
  // Every write walks its whole object here: without a list of entries, and without a call for each text.
  for (const key in value) {
    const entry: unknown = value[key];
    if (entry === null || entry === undefined) delete value[key];
    else if (typeof entry === 'object') dropNulls(entry);
  }
}

/**
 * Whether two values say the same: what is absent, null, `{}`, `[]`, '', 0 and false are one, as after Go's `omitempty`
 * (equality.Semantic.DeepEqual of apimachinery takes nil and empty lists and maps for one).
 */
export function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isEmpty(a) && isEmpty(b)) return true;
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, index) => isSame(item, b[index]))
    );
  }
  if (!isFields(a) || !isFields(b)) return false;
  for (const key of Object.keys(a)) if (!isSame(a[key], b[key])) return false;
  for (const key of Object.keys(b)) if (!(key in a) && !isSame(undefined, b[key])) return false;
  return true;
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === 0 || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isFields(value) && Object.values(value).every((entry) => entry === undefined);
}
