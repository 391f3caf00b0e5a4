/** An applied configuration merged into the live object, and fields taken out of an object. Neither argument is changed. */
import { isRecord, ownValue, setKey } from '../json.ts';
import { type Atom, atomFor, type ListAtom, type MapAtom } from './atoms.ts';
import { tryElementOf } from './elements.ts';
import { below, type Element, type FieldSet, isMember } from './field-set.ts';

/** @returns the live value with what is applied in it; undefined where neither says anything */
export function merge(atom: Atom, live: unknown, applied: unknown): unknown {
  if (applied === undefined) return live;
  const type = atomFor(atom, applied ?? live);
  if (type.kind === 'scalar') return applied;
  if (type.kind === 'map') {
    const left = isRecord(live) ? live : {};
    const right = isRecord(applied) ? applied : {};
    if (type.atomic || (isBlank(left) && isBlank(right))) return applied;
    return mergeMaps(type, left, right);
  }
  const left = Array.isArray(live) ? live : [];
  const right = Array.isArray(applied) ? applied : [];
  if (type.relation === 'atomic' || (left.length === 0 && right.length === 0)) return applied;
  return mergeLists(type, left, right);
}

const isBlank = (record: Readonly<Record<string, unknown>>): boolean => Object.keys(record).length === 0;

function mergeMaps(type: MapAtom, live: Record<string, unknown>, applied: Record<string, unknown>): unknown {
  const out: Record<string, unknown> = {};
  for (const key of new Set([...Object.keys(live), ...Object.keys(applied)])) {
    const of = type.field(key);
    const value = of === undefined ? ownValue(live, key) : merge(of, ownValue(live, key), ownValue(applied, key));
    if (value !== undefined) setKey(out, key, value);
  }
  return out;
}

/** In the order of what is applied; what only the live list has keeps its place between its neighbours. */
function mergeLists(type: ListAtom, live: readonly unknown[], applied: readonly unknown[]): unknown {
  const of = type.of();
  const left = live.map((item) => ({ element: tryElementOf(type, item), item }));
  const right = applied.map((item) => ({ element: tryElementOf(type, item), item }));
  const liveItems = new Map<Element, unknown>();
  const doubled = new Set<Element>();
  for (const { element, item } of left) {
    if (element === undefined) continue;
    if (liveItems.has(element)) doubled.add(element);
    liveItems.set(element, item);
  }
  for (const element of doubled) liveItems.delete(element);
  const wanted = new Set(right.map(({ element }) => element));
  const isLive = new Set(left.map(({ element }) => element));
  const common = right.filter(({ element }) => isLive.has(element)).map(({ element }) => element);
  const done = new Set<Element | undefined>();
  const out: unknown[] = [];
  let [l, r, next] = [0, 0, 0];
  const take = ({ element, item }: { element: Element | undefined; item: unknown }): void => {
    done.add(element);
    out.push(merge(of, element === undefined ? undefined : liveItems.get(element), item));
    if (common[next] === element) next++;
  };
  while (l < left.length || r < right.length) {
    const a = left[l];
    const b = right[r];
    if (a !== undefined && b !== undefined && a.element === b.element) {
      take(b);
      l++;
      r++;
    } else if (a !== undefined && b !== undefined && wanted.has(a.element) && common[next] !== a.element) {
      // Of both, but not the next of both in the order that is applied: its turn comes.
      l++;
    } else if (a !== undefined && !wanted.has(a.element)) {
      out.push(a.item);
      l++;
    } else if (a !== undefined && done.has(a.element)) {
      l++;
    } else if (b !== undefined) {
      take(b);
      r++;
    } else {
      l++;
    }
  }
  return out;
}

/** The value without the fields of the set; what becomes empty by it is gone, too. */
export function without(atom: Atom, value: unknown, set: FieldSet): unknown {
  const type = atomFor(atom, value);
  if (type.kind === 'scalar') return value;
  if (type.kind === 'map') {
    if (!isRecord(value) || isBlank(value) || type.atomic) return undefined;
    const out: Record<string, unknown> = {};
    for (const key of Object.keys(value)) {
      const node = set[`f:${key}`];
      if (node !== undefined && isMember(node)) continue;
      const inner = below(set, `f:${key}`);
      const left = inner === undefined ? value[key] : without(type.field(key) ?? type, value[key], inner);
      // Emptied: Go writes null here, and leaves it to the type what that means.
      setKey(out, key, left === undefined ? null : left);
    }
    return isBlank(out) ? undefined : out;
  }
  if (!Array.isArray(value) || value.length === 0 || type.relation === 'atomic') return undefined;
  const out: unknown[] = [];
  for (const item of value) {
    const element = tryElementOf(type, item) ?? '';
    const node = set[element];
    if (node !== undefined && isMember(node)) continue;
    const inner = below(set, element);
    out.push(inner === undefined ? item : (without(type.of(), item, inner) ?? null));
  }
  return out.length === 0 ? undefined : out;
}
