/**
 * Sets of fields in the form that `managedFields[].fieldsV1` has: `{"f:spec":{"f:replicas":{}}}`. A node without children is a
 * member; one with children is a member if it has `.`. There is no other form: what is computed with is what is sent.
 *
 * Sets are never changed once made; every operation that changes nothing gives back the very set it was given, so that "nothing
 * changed" is one comparison. While one is built (`insert`) it belongs to its builder.
 */
import { isRecord } from '../json.ts';

export interface FieldSet {
  readonly [element: string]: FieldSet;
}

/** A set while it is built. */
export interface Building {
  [element: string]: Building;
}

/** `f:name`, `k:{"name":"c"}` or `v:"x"`: one step of a path, as it is written. */
export type Element = string;

export const EMPTY: FieldSet = Object.freeze({});
const SELF = '.';

export function isEmpty(set: FieldSet): boolean {
  for (const _element in set) return false;
  return true;
}

/** Whether the node itself is meant, not only what is below it. */
export function isMember(node: FieldSet): boolean {
  return SELF in node || isEmpty(node);
}

/** Adds a path to a set that is being built. */
export function insert(set: Building, path: readonly Element[]): void {
  let node = set;
  const last = path.length - 1;
  for (let i = 0; i <= last; i++) {
    const element = path[i] ?? '';
    const next = node[element];
    if (i === last) {
      if (next === undefined) node[element] = {};
      else if (!isEmpty(next)) next[SELF] = {};
    } else if (next === undefined) {
      node = node[element] = {};
    } else {
      // A leaf that gets children stays a member.
      if (isEmpty(next)) next[SELF] = {};
      node = next;
    }
  }
}

/** @returns undefined where neither the path nor anything below it is in the set */
export function below(set: FieldSet, element: Element): FieldSet | undefined {
  const node = set[element];
  return node === undefined || isEmpty(node) ? undefined : node;
}

function joined(node: FieldSet | undefined, member: boolean, children: Building | undefined): FieldSet | undefined {
  if (children === undefined) return member ? EMPTY : undefined;
  if (isEmpty(children)) return member ? EMPTY : undefined;
  if (member) children[SELF] = {};
  return node !== undefined && sameElements(node, children) ? node : sorted(children);
}

function sameElements(a: FieldSet, b: FieldSet): boolean {
  let count = 0;
  for (const element in a) {
    if (element === SELF ? b[SELF] === undefined : a[element] !== b[element]) return false;
    count++;
  }
  return Object.keys(b).length === count;
}

/** What is in either. */
export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmpty(b) || a === b) return a;
  if (isEmpty(a)) return normal(b);
  return uniteNodes(a, b, false);
}

/** Whether every member of `b` is one of `a`: the usual case at a busy object, and one without a new set. */
function includes(a: FieldSet, b: FieldSet, members: boolean): boolean {
  if (a === b) return true;
  if (members && isMember(b) && !isMember(a)) return false;
  for (const element in b) {
    if (element === SELF) continue;
    const left = a[element];
    const right = b[element];
    if (left === undefined || right === undefined || !includes(left, right, true)) return false;
  }
  return true;
}

function uniteNodes(a: FieldSet, b: FieldSet, members: boolean): FieldSet {
  if (includes(a, b, members)) return a;
  const member = members && (isMember(a) || isMember(b));
  const children: Building = {};
  for (const element in a) if (element !== SELF) children[element] = a[element] as Building;
  for (const element in b) {
    if (element === SELF) continue;
    const right = b[element];
    const left = children[element];
    if (right === undefined) continue;
    children[element] = (left === undefined ? normal(right) : uniteNodes(left, right, true)) as Building;
  }
  return joined(a, member, children) ?? EMPTY;
}

/** What is in `a` and not in `b`, member by member: a removed parent leaves its children. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return subtract(a, b, false, false) ?? EMPTY;
}

/** What is in `a` and neither in `b` nor below a member of it. */
export function recursiveDifference(a: FieldSet, b: FieldSet): FieldSet {
  return subtract(a, b, false, true) ?? EMPTY;
}

function subtract(a: FieldSet, b: FieldSet, members: boolean, deep: boolean): FieldSet | undefined {
  const taken = members && isMember(b);
  if (taken && deep) return undefined;
  const member = members && isMember(a) && !taken;
  let children: Building | undefined;
  for (const element in b) {
    if (element === SELF) continue;
    const left = a[element];
    const right = b[element];
    if (left === undefined || right === undefined) continue;
    const rest = subtract(left, right, true, deep);
    if (rest === left) continue;
    children ??= withoutSelf(a);
    if (rest === undefined) delete children[element];
    else children[element] = rest as Building;
  }
  if (children === undefined) {
    if (!members || member === isMember(a)) return a;
    children = withoutSelf(a);
  }
  return joined(a, member, children);
}

function withoutSelf(set: FieldSet): Building {
  const copy: Building = {};
  for (const element in set) if (element !== SELF) copy[element] = set[element] as Building;
  return copy;
}

/** What is in both, member by member. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  return intersect(a, b, false) ?? EMPTY;
}

function intersect(a: FieldSet, b: FieldSet, members: boolean): FieldSet | undefined {
  const member = members && isMember(a) && isMember(b);
  let children: Building | undefined;
  for (const element in a) {
    if (element === SELF) continue;
    const left = a[element];
    const right = b[element];
    if (left === undefined || right === undefined) continue;
    const both = intersect(left, right, true);
    if (both === undefined) continue;
    children ??= {};
    children[element] = both as Building;
  }
  return joined(undefined, member, children);
}

/** Every path that is a member: those of a node before those below it, in the order of a real server. */
export function paths(set: FieldSet, above: readonly Element[] = []): Element[][] {
  const found: Element[][] = [];
  const elements = Object.keys(set).filter((element) => element !== SELF);
  for (const element of elements) {
    const node = set[element];
    if (node !== undefined && isMember(node)) found.push([...above, element]);
  }
  for (const element of elements) {
    const node = set[element];
    if (node !== undefined && !isEmpty(node)) found.push(...paths(node, [...above, element]));
  }
  return found;
}

/** `.spec.containers[name="c"].image`, `.metadata.finalizers[="x"]`. */
export function pathText(path: readonly Element[]): string {
  return path.map(elementText).join('');
}

export function elementText(element: Element): string {
  const rest = element.slice(2);
  if (element.startsWith('k:')) {
    const fields = Object.entries(JSON.parse(rest) as Record<string, unknown>);
    return `[${fields.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`;
  }
  if (element.startsWith('v:')) return `[=${rest}]`;
  return element.startsWith('i:') ? `[${rest}]` : `.${rest}`;
}

/** A built set with its elements in order, all the way down. */
export function normal(set: FieldSet): FieldSet {
  const out: Building = {};
  for (const element of Object.keys(set).sort(byElement)) out[element] = normal(set[element] ?? EMPTY) as Building;
  return isEmpty(out) ? EMPTY : out;
}

function sorted(set: Building): FieldSet {
  const elements = Object.keys(set);
  let last = '';
  let inOrder = true;
  for (const element of elements) {
    if (byElement(last, element) > 0) inOrder = false;
    last = element;
  }
  if (inOrder) return set;
  const out: Building = {};
  for (const element of elements.sort(byElement)) out[element] = set[element] ?? {};
  return out;
}

const RANK: Readonly<Record<string, number>> = { '.': 0, f: 1, k: 2, v: 3, i: 4 };

/** As structured-merge-diff orders path elements: names, then keys, then values; numbers by value. */
function byElement(a: Element, b: Element): number {
  if (a === b) return 0;
  const rank = (RANK[a[0] ?? ''] ?? -1) - (RANK[b[0] ?? ''] ?? -1);
  if (rank !== 0) return rank;
  if (a.startsWith('k:')) return byFields(JSON.parse(a.slice(2)), JSON.parse(b.slice(2)));
  if (a.startsWith('v:')) return byValue(JSON.parse(a.slice(2)), JSON.parse(b.slice(2)));
  return a < b ? -1 : 1;
}

function byFields(a: Record<string, unknown>, b: Record<string, unknown>): number {
  const [left, right] = [Object.entries(a), Object.entries(b)];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const [[nameA, valueA] = ['', 0], [nameB, valueB] = ['', 0]] = [left[i], right[i]];
    if (nameA !== nameB) return nameA < nameB ? -1 : 1;
    const order = byValue(valueA, valueB);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

function byValue(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const [left, right] = [typeof a === 'number' ? '' : String(a), typeof b === 'number' ? '' : String(b)];
  return left === right ? 0 : left < right ? -1 : 1;
}

const MAX_DEPTH = 200;

/** What a client sent as `fieldsV1`. @returns undefined for what is no set of fields */
export function readFieldSet(value: unknown, depth = 0): FieldSet | undefined {
  if (!isRecord(value) || depth > MAX_DEPTH) return undefined;
  const out: Building = {};
  for (const element of Object.keys(value)) {
    const node = readFieldSet(value[element], depth + 1);
    if (node === undefined || !isElement(element)) return undefined;
    out[element] = node as Building;
  }
  return sorted(out);
}

function isElement(element: string): boolean {
  if (element === SELF || element.startsWith('f:')) return true;
  if (element.startsWith('i:')) return /^i:\d+$/.test(element);
  if (!element.startsWith('k:') && !element.startsWith('v:')) return false;
  try {
    const value: unknown = JSON.parse(element.slice(2));
    return element.startsWith('v:') || isRecord(value);
  } catch {
    return false;
  }
}

const MAX_KNOWN = 4096;
const known = new Map<string, FieldSet>();
const texts = new WeakMap<FieldSet, string>();

/** The set as JSON, made once a set. */
export function fieldSetText(set: FieldSet): string {
  let text = texts.get(set);
  if (text === undefined) {
    text = JSON.stringify(set);
    texts.set(set, text);
  }
  return text;
}

/** The one set with these fields: thousands of Pods of a workload share theirs. Bounded; the least recently used go. */
export function shared(set: FieldSet): FieldSet {
  const text = fieldSetText(set);
  const found = known.get(text);
  if (found !== undefined) {
    known.delete(text);
    known.set(text, found);
    return found;
  }
  known.set(text, set);
  if (known.size > MAX_KNOWN) {
    const [oldest] = known.keys();
    if (oldest !== undefined) known.delete(oldest);
  }
  return set;
}
