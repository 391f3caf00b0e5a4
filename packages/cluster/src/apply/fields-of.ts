/** The fields that an applied configuration names: what its manager owns from then on. */
import { isRecord } from '../json.ts';
import { type Atom, atomFor, type ListAtom, type MapAtom } from './atoms.ts';
import { tryElementOf } from './elements.ts';
import { type Building, type Element, type FieldSet, insert, normal } from './field-set.ts';

export function fieldsOf(atom: MapAtom, value: unknown): FieldSet {
  const set: Building = {};
  collect(set, [], atom, value);
  return normal(set);
}

function collect(set: Building, path: Element[], atom: Atom, value: unknown): void {
  const shape = atomFor(atom, value);
  if (shape.kind === 'scalar') insert(set, path);
  else if (shape.kind === 'map') {
    if (shape.atomic) insert(set, path);
    else if (isRecord(value)) collectEntries(set, path, shape, value);
  } else if (shape.relation === 'atomic') insert(set, path);
  else if (Array.isArray(value)) collectItems(set, path, shape, value);
}

function collectEntries(set: Building, path: Element[], shape: MapAtom, value: Record<string, unknown>): void {
  for (const key of Object.keys(value)) {
    const of = shape.field(key);
    const inner = value[key];
    if (of === undefined || inner === undefined) continue;
    path.push(`f:${key}`);
    collect(set, path, of, inner);
    const empty = inner === null || (isRecord(inner) && Object.keys(inner).length === 0);
    if (empty || !shape.declares(key)) insert(set, path);
    path.pop();
  }
}

function collectItems(set: Building, path: Element[], shape: ListAtom, value: readonly unknown[]): void {
  const times = new Map<Element, number>();
  const named = value.map((item) => tryElementOf(shape, item));
  for (const element of named) if (element !== undefined) times.set(element, (times.get(element) ?? 0) + 1);
  value.forEach((item, index) => {
    const element = named[index];
    if (element === undefined) return;
    path.push(element);
    // What stands twice is one leaf.
    if (times.get(element) === 1) collect(set, path, shape.of(), item);
    insert(set, path);
    path.pop();
  });
}

/**
 * The set, and with it every field of a struct that only has members below it: `a` of `a.b.c` where `a` is declared, not `a.b`
 * where that is an entry of a map.
 */
export function withNamedFields(atom: Atom, set: FieldSet): FieldSet {
  const out: Building = {};
  for (const element of Object.keys(set)) {
    const node = set[element];
    if (node === undefined) continue;
    if (element === '.') {
      out[element] = {};
      continue;
    }
    const children = withNamedFields(childAtom(atom, element), node) as Building;
    const named = element.startsWith('f:') && atom.kind === 'map' && atom.declares(element.slice(2));
    out[element] =
      named && Object.keys(children).length > 0 && children['.'] === undefined ? { '.': {}, ...children } : children;
  }
  return out;
}

function childAtom(atom: Atom, element: Element): Atom {
  if (atom.kind === 'map' && element.startsWith('f:')) return atom.field(element.slice(2)) ?? atom;
  return atom.kind === 'list' ? atom.of() : atom;
}
