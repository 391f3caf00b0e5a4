/** Which atom the objects of a kind have, and what of a kind its fields need to be known by. */
import type { CustomKind, Kind } from '../kinds/kind.ts';
import { type MapAtom, structOf } from './atoms.ts';
import { objectOf } from './custom-atoms.ts';

/** A kind as far as its fields are concerned. */
export type FieldedKind = Pick<Kind, 'group' | 'version' | 'kind' | 'schema' | 'subresources' | 'custom'>;

const custom = new WeakMap<CustomKind, MapAtom>();

/** The atom of whole objects of a kind. */
export function atomOfKind(kind: FieldedKind): MapAtom {
  if (kind.custom === undefined) return structOf(kind.schema) ?? objectOf({});
  let atom = custom.get(kind.custom);
  if (atom === undefined) {
    atom = objectOf(kind.custom.schema);
    custom.set(kind.custom, atom);
  }
  return atom;
}
