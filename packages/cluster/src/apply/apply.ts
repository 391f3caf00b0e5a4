/**
 * Server-side apply: a manager says what it wants, owns what it says, and meets a conflict where another owns something else
 * (structured-merge-diff's Apply under apimachinery's field manager).
 *
 *   live + applied ─merge─► − what the manager said last time, says no more, and no other owns ─compare with live─►
 *   conflicts with other owners, or the object as it is to be written and the entries that go with it
 */
import type { ApiError } from '../api.ts';
import { equal, isRecord } from '../json.ts';
import type { KubeObject } from '../kinds/kind.ts';
import { apiVersionOf } from '../registry.ts';
import { badRequest, failure } from '../status.ts';
import type { MapAtom } from './atoms.ts';
import { blankOf } from './blanks.ts';
import { compare } from './compare.ts';
import { type Conflict, conflictRefusal, conflictsWith } from './conflicts.ts';
import { difference, EMPTY, type FieldSet, intersection, isEmpty, recursiveDifference, union } from './field-set.ts';
import { fieldsOf, withNamedFields } from './fields-of.ts';
import { atomOfKind, type FieldedKind } from './kind-atoms.ts';
import { allowedByLastApplied, syncLastApplied } from './last-applied.ts';
import {
  capped,
  type Entries,
  type Entry,
  entriesOf,
  entryOf,
  inOrder,
  isOwnedBy,
  type Owner,
  withFields,
} from './managed-fields.ts';
import { merge, without } from './merge.ts';
import { beforeFirstApply, ignoredBy } from './track.ts';
import { misfits } from './validate.ts';

export interface Application {
  readonly manager: string;
  readonly force: boolean;
  readonly subresource?: string | undefined;
  /** RFC 3339, in whole seconds. */
  readonly time: string;
}

export interface Applied {
  /** The whole object as it is to be written: plain JSON, not yet decoded; parts are shared with the live object. */
  readonly value: Record<string, unknown>;
  readonly entries: Entries;
}

/**
 * @param live  undefined where the object is to be created
 * @throws ApiError 400 for another type or managedFields, 409 with every conflict, 500 for what is not of the kind's type
 */
export function applied(
  kind: FieldedKind,
  live: KubeObject | undefined,
  config: Readonly<Record<string, unknown>>,
  application: Application,
): Applied {
  checkConfig(kind, config);
  const atom = atomOfKind(kind);
  const text = misfits(atom, config);
  if (text !== undefined)
    throw failure(500, undefined, `failed to create typed patch object (${nameOf(config)}): ${text}`);
  const stored = entriesOf(live);
  const { time, manager } = application;
  const first = stored.length === 0 && live !== undefined;
  const entries = first ? beforeFirstApply(kind, live, application.subresource, time) : stored;
  const present = live === undefined ? { ...blankOf(kind), apiVersion: apiVersionOf(kind), kind: kind.kind } : live;
  const request: Request = { kind, atom, live: present, config, entries, application };
  let outcome = attempt(request, application.force);
  if (outcome.conflicts.length > 0 && manager === 'kubectl' && live !== undefined) {
    // What kubectl set itself, client-side, it may take over; all else stays a conflict.
    const allowed = allowedByLastApplied(kind, atom, live);
    const rest = allowed === undefined ? outcome.conflicts : conflictsBut(outcome.conflicts, allowed);
    outcome = rest.length > 0 ? { ...outcome, conflicts: rest } : attempt(request, true);
  }
  if (outcome.conflicts.length > 0) throw conflictRefusal(outcome.conflicts);
  const { value } = outcome;
  return { value: manager === 'kubectl' ? syncLastApplied(value, config) : value, entries: outcome.entries };
}

interface Request {
  readonly kind: FieldedKind;
  readonly atom: MapAtom;
  readonly live: Readonly<Record<string, unknown>>;
  readonly config: Readonly<Record<string, unknown>>;
  readonly entries: Entries;
  readonly application: Application;
}

interface Outcome extends Applied {
  readonly conflicts: readonly Conflict[];
}

function attempt({ kind, atom, live, config, entries, application }: Request, force: boolean): Outcome {
  const { manager, subresource, time } = application;
  const owner: Owner = { manager, operation: 'Apply', apiVersion: apiVersionOf(kind), subresource };
  const ignored = ignoredBy(kind, subresource);
  const own = entries.find((entry) => isOwnedBy(entry, owner));
  const others = entries.filter((entry) => entry !== own);
  const said = fieldsOf(atom, config);
  // `metadata` itself is nobody's, though what is said of it is.
  const set = recursiveDifference(difference(said, METADATA), ignored);
  const merged = merge(atom, live, config);
  const last = own === undefined ? undefined : recursiveDifference(own.fieldsV1, ignored);
  const value = last === undefined || isEmpty(last) ? merged : pruned(atom, merged, last, [...others, said]);
  const { touched, removed } = compare(atom, live, value, ignored);
  const conflicts = force ? [] : conflictsWith(others, touched, owner.apiVersion);
  const after: Entry[] = [];
  for (const entry of others) {
    const rest = difference(difference(entry.fieldsV1, touched), removed);
    if (entry.apiVersion !== owner.apiVersion) after.push(entry);
    else if (!isEmpty(rest)) after.push(withFields(entry, rest));
  }
  const changes = !equal(live, value);
  const kept = difference(set, removed);
  if (!isEmpty(kept)) after.push(entryOf(owner, changes ? time : own?.time, kept));
  return { value: isRecord(value) ? value : {}, entries: capped(inOrder(after)), conflicts };
}

const METADATA: FieldSet = { 'f:metadata': {} };

/** `merged` without what was said last time, is said no more, and is not owned by any entry. */
function pruned(atom: MapAtom, merged: unknown, last: FieldSet, owners: ReadonlyArray<Entry | FieldSet>): unknown {
  const taken = without(atom, merged, withNamedFields(atom, last)) ?? {};
  let managed: FieldSet = EMPTY;
  for (const one of owners) managed = union(managed, isEntry(one) ? one.fieldsV1 : one);
  const all = withNamedFields(atom, fieldsOf(atom, merged));
  // What others own comes back …
  const leftOf = (value: unknown): FieldSet => withNamedFields(atom, fieldsOf(atom, value));
  const gone = difference(all, union(leftOf(taken), withNamedFields(atom, managed)));
  const back = without(atom, merged, gone) ?? {};
  // … and so does what went only because something above it did.
  const dangling = intersection(difference(all, leftOf(back)), withNamedFields(atom, last));
  return without(atom, merged, dangling) ?? {};
}

function isEntry(one: Entry | FieldSet): one is Entry {
  return typeof (one as Entry).operation === 'string';
}

function conflictsBut(conflicts: readonly Conflict[], allowed: FieldSet): Conflict[] {
  return conflicts.flatMap(({ entry, set }) => {
    const rest = difference(set, allowed);
    return isEmpty(rest) ? [] : [{ entry, set: rest }];
  });
}

/** `default/web; apps/v1, Kind=Deployment`. */
function nameOf(config: Readonly<Record<string, unknown>>): string {
  const metadata = isRecord(config.metadata) ? config.metadata : {};
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  return `${text(metadata.namespace)}/${text(metadata.name)}; ${typeText(config)}`;
}

/** Go's GroupVersionKind: `apps/v1, Kind=Deployment`, `/v1, Kind=Pod`, `/, Kind=`. */
function typeText({ apiVersion, kind }: Readonly<Record<string, unknown>>): string {
  const version = typeof apiVersion === 'string' ? apiVersion : '';
  return `${version.includes('/') ? version : `/${version}`}, Kind=${typeof kind === 'string' ? kind : ''}`;
}

function checkConfig(kind: FieldedKind, config: Readonly<Record<string, unknown>>): void {
  if (config.apiVersion !== apiVersionOf(kind) || config.kind !== kind.kind) {
    throw badRequest(`invalid object type: ${typeText(config)}`);
  }
  if (isRecord(config.metadata) && config.metadata.managedFields != null) {
    throw badRequest('metadata.managedFields must be nil');
  }
}

/** How a value that Go cannot convert is refused, once the object is merged. */
export function conversionRefusal(config: Readonly<Record<string, unknown>>, what: string): ApiError {
  const text = what
    .replace(
      /^json: cannot unmarshal number [^ ]*\.[^ ]* into Go struct field .* of type (\w+)$/,
      'cannot convert float64 to $1',
    )
    .replace(/ into Go struct field \S+ of type /, ' into Go value of type ');
  return failure(
    500,
    undefined,
    `failed to convert new object (${nameOf(config)}) to proper version: unable to convert unstructured object to ${typeText(config)}: ${text}`,
  );
}
