/**
 * Who owns which fields after a creation, an update or a patch that is none of server-side apply: whoever changed a field takes
 * it from everybody else, and what is gone is nobody's (structured-merge-diff's Update under apimachinery's field manager).
 *
 *   stored, sent ─compare─► touched, removed ─► every entry − touched − removed; the writer's ∪ touched, with a new time
 */
import { fieldsOf } from '../kinds/json.ts';
import type { KubeObject } from '../kinds/kind.ts';
import { apiVersionOf } from '../registry.ts';
import { blankOf } from './blanks.ts';
import { compare, type Differences } from './compare.ts';
import { type Building, difference, EMPTY, type FieldSet, insert, isEmpty, union } from './field-set.ts';
import { atomOfKind, type FieldedKind } from './kind-atoms.ts';
import {
  capped,
  type Entries,
  type Entry,
  entryOf,
  givenEntries,
  inOrder,
  isOwnedBy,
  NONE,
  type Owner,
  withFields,
} from './managed-fields.ts';

export interface Writer {
  /** The query's fieldManager, else the client's name. */
  readonly manager: string;
  readonly subresource?: string | undefined;
  /** RFC 3339, in whole seconds. */
  readonly time: string;
}

const ignoredSets = new WeakMap<FieldedKind, Map<string | undefined, FieldSet>>();

/** What a write through the subresource (or through the main resource) does not write, and what is nobody's. */
export function ignoredBy(kind: FieldedKind, subresource: string | undefined): FieldSet {
  let sets = ignoredSets.get(kind);
  if (sets === undefined) {
    sets = new Map();
    ignoredSets.set(kind, sets);
  }
  let set = sets.get(subresource);
  if (set === undefined) {
    set = union(OF_NOBODY, resetBy(kind, subresource));
    sets.set(subresource, set);
  }
  return set;
}

/** What the server itself writes, and what is the same in every object of a kind. */
const OF_NOBODY: FieldSet = setOf(
  ['f:apiVersion'],
  ['f:kind'],
  ...['clusterName', 'creationTimestamp', 'generation', 'managedFields', 'name', 'namespace', 'resourceVersion'].map(
    (name) => ['f:metadata', `f:${name}`],
  ),
  ['f:metadata', 'f:selfLink'],
  ['f:metadata', 'f:uid'],
);

/** What a kind's strategy puts back as it was, whoever sends it (GetResetFields in the registry of a real server). */
export function resetBy(kind: FieldedKind, subresource: string | undefined): FieldSet {
  if (subresource !== 'status') {
    return kind.subresources.some((one) => one.name === 'status') ? setOf(['f:status']) : EMPTY;
  }
  if (kind.custom !== undefined) {
    const fields = Object.keys(fieldsOf(kind.custom.schema.properties)).filter((name) => name !== 'status');
    return setOf(['f:metadata'], ['f:spec'], ...fields.map((name) => [`f:${name}`]));
  }
  const held = HELD_BY_STATUS[kind.kind] ?? [];
  return setOf(['f:spec'], ...held.map((name) => (name === '' ? ['f:metadata'] : ['f:metadata', `f:${name}`])));
}

/** What of the metadata a write of the status does not write; '': nothing of it. */
const HELD_BY_STATUS: Readonly<Record<string, readonly string[]>> = {
  Pod: ['deletionTimestamp', 'ownerReferences'],
  Deployment: ['labels'],
  CustomResourceDefinition: [''],
};

function setOf(...members: ReadonlyArray<readonly string[]>): FieldSet {
  const set: Building = {};
  for (const path of members) insert(set, path);
  return set;
}

/** The entries of an object that is created. @param given  its own `managedFields`, as they came */
export function trackCreation(kind: FieldedKind, draft: KubeObject, given: unknown, writer: Writer): Entries {
  return tracked(kind, blankOf(kind), draft, givenEntries(given, NONE), writer);
}

/**
 * The entries after an update; the very ones that are stored where nothing of them changed.
 *
 * @param sent  what the client wants, defaults filled in, before admission and before the server puts its own parts back
 * @param entries  those that are stored, or that the client gave
 */
export function trackUpdate(
  kind: FieldedKind,
  old: KubeObject,
  sent: KubeObject,
  entries: Entries,
  writer: Writer,
): Entries {
  // Where they were stripped they come back with the first apply only.
  return entries.length === 0 ? NONE : tracked(kind, old, sent, entries, writer);
}

function tracked(
  kind: FieldedKind,
  before: unknown,
  after: unknown,
  entries: Entries,
  { manager, subresource, time }: Writer,
): Entries {
  const differences = compare(atomOfKind(kind), before, after, ignoredBy(kind, subresource));
  const owner: Owner = {
    manager: manager || 'unknown',
    operation: 'Update',
    apiVersion: apiVersionOf(kind),
    subresource,
  };
  return owned(entries, differences, owner, time);
}

/** Everything that stood before the first apply is somebody's. */
export function beforeFirstApply(
  kind: FieldedKind,
  object: KubeObject,
  subresource: string | undefined,
  time: string,
): Entries {
  return tracked(kind, blankOf(kind), object, NONE, { manager: 'before-first-apply', subresource, time });
}

/** The entries once `owner` has written `touched` and taken `removed` away. */
export function owned(entries: Entries, { touched, removed }: Differences, owner: Owner, time: string): Entries {
  const writes = !isEmpty(touched);
  if (!writes && isEmpty(removed)) return entries;
  const after: Entry[] = [];
  let own: Entry | undefined;
  let changed = false;
  for (const entry of entries) {
    // What is said in another version is about fields of other names.
    if (entry.apiVersion !== owner.apiVersion) {
      after.push(entry);
      continue;
    }
    if (writes && isOwnedBy(entry, owner)) {
      own = entry;
      continue;
    }
    const set = difference(difference(entry.fieldsV1, touched), removed);
    if (set !== entry.fieldsV1) changed = true;
    if (!isEmpty(set)) after.push(withFields(entry, set));
  }
  if (writes) {
    const before = own?.fieldsV1 ?? EMPTY;
    const set = union(difference(before, removed), touched);
    if (own === undefined || set !== before) {
      after.push(entryOf(owner, time, set));
      changed = true;
    } else if (own.time !== time) {
      after.push({ ...own, time });
      changed = true;
    } else {
      after.push(own);
    }
  }
  if (!changed) return entries;
  return capped(inOrder(after));
}
