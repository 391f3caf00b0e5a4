/** How an item of a set or of a keyed list is named in a path. */
import { isRecord } from '../json.ts';
import type { ListAtom } from './atoms.ts';
import type { Element } from './field-set.ts';

/** What cannot be named, in structured-merge-diff's words. */
export class Unnamable extends Error {}

/** @throws Unnamable */
export function elementOf(list: ListAtom, item: unknown): Element {
  return list.relation === 'set' ? ofSet(item) : ofMap(list, item);
}

/** The same, or undefined for what cannot be named. */
export function tryElementOf(list: ListAtom, item: unknown): Element | undefined {
  try {
    return elementOf(list, item);
  } catch (error) {
    if (error instanceof Unnamable) return undefined;
    throw error;
  }
}

function ofMap({ keys, defaults }: ListAtom, item: unknown): Element {
  if (item === null) throw new Unnamable('associative list with keys may not have a null element');
  if (!isRecord(item)) throw new Unnamable('associative list with keys may not have non-map elements');
  let text = '';
  for (const key of keys) {
    let value = item[key];
    if (value === undefined) value = defaults[key];
    // A key of several may be left out.
    if (value === undefined) continue;
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${JSON.stringify(value)}`;
  }
  if (text === '') {
    const all = keys.map((key) => JSON.stringify(key)).join(' ');
    throw new Unnamable(
      `associative list with keys has an element that omits all key fields [${all}] (and doesn't have default values for any key fields)`,
    );
  }
  return `k:{${text}}`;
}

function ofSet(item: unknown): Element {
  if (item === null) throw new Unnamable("associative list without keys has an element that's an explicit null");
  if (Array.isArray(item)) throw new Unnamable('not supported: associative list with lists as elements');
  if (typeof item === 'object') throw new Unnamable("associative list without keys has an element that's a map type");
  return `v:${JSON.stringify(item)}`;
}
