/** `metadata.managedFields` as entries: read, kept in order, and written to only where something changed. */
import { isRecord } from '../json.ts';
import type { KubeObject } from '../kinds/kind.ts';
import { EMPTY, type FieldSet, fieldSetText, isEmpty, readFieldSet, shared, union } from './field-set.ts';

/** One manager's fields, with its parts in the order of a real server. */
export interface Entry {
  readonly manager?: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion?: string;
  /** RFC 3339; absent where a manager came to own what others had set. */
  readonly time?: string;
  readonly fieldsType: 'FieldsV1';
  readonly fieldsV1: FieldSet;
  readonly subresource?: string;
}

export type Entries = readonly Entry[];

export const NONE: Entries = Object.freeze([]);

const entryTexts = new WeakMap<Entry, string>();

/** Entries as JSON: each made once, its fields once for all objects that share them. */
export function entriesText(entries: Entries): string {
  let text = '';
  for (const entry of entries) {
    let one = entryTexts.get(entry);
    if (one === undefined) {
      const { fieldsV1, subresource, ...start } = entry;
      const end = subresource === undefined ? '' : `,"subresource":${JSON.stringify(subresource)}`;
      one = `${JSON.stringify(start).slice(0, -1)},"fieldsV1":${fieldSetText(fieldsV1)}${end}}`;
      entryTexts.set(entry, one);
    }
    text += text === '' ? one : `,${one}`;
  }
  return `[${text}]`;
}

/** Whose an entry is. An applier's does not depend on the version. */
export interface Owner {
  readonly manager: string;
  readonly operation: Entry['operation'];
  readonly apiVersion: string;
  readonly subresource?: string | undefined;
}

export function isOwnedBy(entry: Entry, { manager, operation, apiVersion, subresource }: Owner): boolean {
  return (
    entry.manager === manager &&
    entry.operation === operation &&
    entry.subresource === subresource &&
    (operation === 'Apply' || entry.apiVersion === apiVersion)
  );
}

export function entryOf(
  { manager, operation, apiVersion, subresource }: Owner,
  time: string | undefined,
  set: FieldSet,
): Entry {
  return {
    manager,
    operation,
    apiVersion,
    ...(time === undefined ? {} : { time }),
    fieldsType: 'FieldsV1',
    fieldsV1: shared(set),
    ...(subresource === undefined ? {} : { subresource }),
  };
}

/** The same entry with other fields; the very same where they are the same. */
export function withFields(entry: Entry, set: FieldSet): Entry {
  return set === entry.fieldsV1 ? entry : { ...entry, fieldsV1: shared(set) };
}

/** What the object's own `managedFields` says. Only for objects of the store: theirs were read once. */
export function entriesOf(object: KubeObject | undefined): Entries {
  return (object?.metadata.managedFields as Entries | undefined) ?? NONE;
}

/** An object that was just read from where it is kept: from now on its sets are those of all the others, too. */
export function shareFields(object: KubeObject): KubeObject {
  const entries = entriesOf(object);
  if (entries.length > 0) {
    object.metadata.managedFields = entries.map((entry) => ({ ...entry, fieldsV1: shared(entry.fieldsV1) }));
  }
  return object;
}

/**
 * What a client sent as `managedFields`, beside what is stored: an empty list and a list of one empty entry strip them, what
 * is missing or cannot be read leaves them.
 */
export function givenEntries(given: unknown, stored: Entries): Entries {
  if (given === stored || !Array.isArray(given)) return stored;
  const [first] = given;
  if (given.length === 0 || (given.length === 1 && isRecord(first) && Object.keys(first).length === 0)) return NONE;
  const entries: Entry[] = [];
  for (const one of given) {
    const entry = readEntry(one);
    if (entry === undefined) return stored;
    if (!isEmpty(entry.fieldsV1)) entries.push(entry);
  }
  return entries.length === 0 ? stored : inOrder(entries);
}

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;

function readEntry(value: unknown): Entry | undefined {
  if (!isRecord(value)) return undefined;
  const { operation, fieldsType } = value;
  if ((operation !== 'Apply' && operation !== 'Update') || fieldsType !== 'FieldsV1') return undefined;
  const set = value.fieldsV1 === undefined ? EMPTY : readFieldSet(value.fieldsV1);
  if (set === undefined) return undefined;
  const [manager, apiVersion, subresource] = [text(value.manager), text(value.apiVersion), text(value.subresource)];
  const time = text(value.time);
  return {
    ...(manager === undefined ? {} : { manager }),
    operation,
    ...(apiVersion === undefined ? {} : { apiVersion }),
    ...(time === undefined || !TIME.test(time) ? {} : { time }),
    fieldsType,
    fieldsV1: shared(set),
    ...(subresource === undefined ? {} : { subresource }),
  };
}

/** Appliers first, then by time, name, version and subresource. */
export function inOrder(entries: Entry[]): Entries {
  return entries.sort(
    (a, b) =>
      byText(a.operation, b.operation) ||
      byText(a.time, b.time) ||
      byText(a.manager, b.manager) ||
      byText(a.apiVersion, b.apiVersion) ||
      byText(a.subresource, b.subresource),
  );
}

function byText(a = '', b = ''): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** Whether two say the same, whenever they say it. */
export function sameButTimes(a: Entries, b: Entries): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  return a.every((entry, index) => {
    const other = b[index];
    return other !== undefined && sameOwner(entry, other) && sameSet(entry.fieldsV1, other.fieldsV1);
  });
}

function sameSet(a: FieldSet, b: FieldSet): boolean {
  return a === b || fieldSetText(a) === fieldSetText(b);
}

function sameOwner(a: Entry, b: Entry): boolean {
  return (
    a.manager === b.manager &&
    a.operation === b.operation &&
    a.apiVersion === b.apiVersion &&
    a.subresource === b.subresource
  );
}

/** A real server remembers this many managers that update. */
const MAX_UPDATERS = 10;
const ANCIENT = 'ancient-changes';

/** The oldest updaters of a version become one where there are too many. */
export function capped(entries: Entries): Entries {
  const updaters = entries.filter((entry) => entry.operation === 'Update');
  if (updaters.length <= MAX_UPDATERS) return entries;
  const oldest = [...updaters].sort((a, b) => byText(a.time, b.time) || byText(a.manager, b.manager));
  const kept = new Set(entries);
  const buckets = new Map<string, Entry>();
  for (const entry of oldest) {
    if (kept.size - (entries.length - updaters.length) <= MAX_UPDATERS) break;
    const version = entry.apiVersion ?? '';
    const bucket = buckets.get(version);
    if (bucket === undefined) {
      buckets.set(version, entry);
      continue;
    }
    const owner: Owner = { manager: ANCIENT, operation: 'Update', apiVersion: version };
    const merged = entryOf(owner, entry.time, union(bucket.fieldsV1, entry.fieldsV1));
    kept.delete(bucket);
    kept.delete(entry);
    kept.add(merged);
    buckets.set(version, merged);
  }
  return inOrder([...kept]);
}
