/**
 * What differs between two objects of one type, as sets of fields. This runs at every write, so equal parts cost a walk and
 * nothing else, and paths are made only where something differs.
 */
import { equal, isRecord, ownValue } from '../json.ts';
import { type Atom, atomFor, type ListAtom, type MapAtom } from './atoms.ts';
import { tryElementOf } from './elements.ts';
import { type Building, type Element, type FieldSet, insert, isEmpty } from './field-set.ts';

export interface Differences {
  /** What came or changed its value. */
  readonly touched: FieldSet;
  /** What is there no more. */
  readonly removed: FieldSet;
}

/** @param ignored  what is passed over, with all that is below it */
export function compare(atom: MapAtom, before: unknown, after: unknown, ignored?: FieldSet): Differences {
  const walk: Walk = { touched: {}, removed: {}, path: [] };
  differ(walk, atom, before, after, ignored);
  return walk;
}

interface Walk {
  readonly touched: Building;
  readonly removed: Building;
  readonly path: Element[];
}

/** `undefined` is what is not there; null is a value. */
function differ(walk: Walk, atom: Atom, before: unknown, after: unknown, ignored?: FieldSet): void {
  if (before === after) return;
  const shape = atomFor(atom, after ?? before);
  if (shape.kind === 'scalar') {
    leaf(walk, before, after);
    return;
  }
  if (shape.kind === 'list') {
    const left = Array.isArray(before) ? before : [];
    const right = Array.isArray(after) ? after : [];
    // Both empty: a leaf, so that empty and null are told apart.
    if (shape.relation === 'atomic' || (left.length === 0 && right.length === 0)) {
      leaf(walk, before, after);
      return;
    }
    if (equal(before, after)) return;
    items(walk, shape, left, right);
  } else {
    const left = isRecord(before) ? before : NOTHING;
    const right = isRecord(after) ? after : NOTHING;
    if (shape.atomic || (isEmptyRecord(left) && isEmptyRecord(right))) {
      leaf(walk, before, after);
      return;
    }
    entries(walk, shape, left, right, ignored);
  }
  if (before === undefined) insert(walk.touched, walk.path);
  else if (after === undefined) insert(walk.removed, walk.path);
}

const NOTHING: Readonly<Record<string, unknown>> = Object.freeze({});

function isEmptyRecord(record: Readonly<Record<string, unknown>>): boolean {
  for (const key in record) if (record[key] !== undefined) return false;
  return true;
}

function leaf(walk: Walk, before: unknown, after: unknown): void {
  if (before === undefined) insert(walk.touched, walk.path);
  else if (after === undefined) insert(walk.removed, walk.path);
  else if (!equal(before, after)) insert(walk.touched, walk.path);
}

function entries(
  walk: Walk,
  type: MapAtom,
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
  ignored: FieldSet | undefined,
): void {
  for (const key in after) {
    const value = after[key];
    if (value === before[key]) continue;
    entry(walk, type, key, ownValue(before, key), value, ignored);
  }
  for (const key in before) {
    const value = before[key];
    if (value === after[key] || value === undefined) continue;
    if (ownValue(after, key) === undefined) entry(walk, type, key, value, undefined, ignored);
  }
}

function entry(
  walk: Walk,
  type: MapAtom,
  key: string,
  before: unknown,
  after: unknown,
  ignored: FieldSet | undefined,
): void {
  const of = type.field(key);
  if (of === undefined) return;
  const element = `f:${key}`;
  const passed = ignored?.[element];
  if (passed !== undefined && isEmpty(passed)) return;
  walk.path.push(element);
  differ(walk, of, before, after, passed);
  walk.path.pop();
}

interface Pair {
  readonly left: unknown[];
  readonly right: unknown[];
}

function items(walk: Walk, type: ListAtom, before: readonly unknown[], after: readonly unknown[]): void {
  const pairs = new Map<Element, Pair>();
  const collect = (list: readonly unknown[], side: keyof Pair): void => {
    for (const item of list) {
      const element = tryElementOf(type, item);
      if (element === undefined) continue;
      let pair = pairs.get(element);
      if (pair === undefined) {
        pair = { left: [], right: [] };
        pairs.set(element, pair);
      }
      pair[side].push(item);
    }
  };
  collect(before, 'left');
  collect(after, 'right');
  const of = type.of();
  for (const [element, { left, right }] of pairs) {
    walk.path.push(element);
    if (left.length <= 1 && right.length <= 1) differ(walk, of, left[0], right[0]);
    else doubled(walk, of, left, right);
    walk.path.pop();
  }
}

/** Items that stand more than once are one leaf. */
function doubled(walk: Walk, of: Atom, left: readonly unknown[], right: readonly unknown[]): void {
  if (left.length > 1 && right.length > 1) {
    if (!equal(left, right)) insert(walk.touched, walk.path);
  } else if (left.length > 1) {
    if (right.length === 1) differ(walk, of, undefined, right[0]);
    insert(walk.removed, walk.path);
  } else {
    if (left.length === 1) differ(walk, of, left[0], undefined);
    insert(walk.touched, walk.path);
  }
}
