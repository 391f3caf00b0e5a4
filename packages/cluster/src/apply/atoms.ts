/**
 * How values of a type merge and by what they are told apart: scalars, lists (atomic, sets, maps by keys) and maps (granular or
 * atomic), from the types of the schema and the facts that a real server's OpenAPI says of them.
 */
import facts from '../schema/merge-facts.json' with { type: 'json' };
import { type FieldType, fieldsOfType } from '../schema/types.ts';

export interface ScalarAtom {
  readonly kind: 'scalar';
  readonly of: 'string' | 'numeric' | 'boolean' | 'untyped';
}

export interface ListAtom {
  readonly kind: 'list';
  readonly relation: 'atomic' | 'set' | 'map';
  /** With `map`: what tells items apart, sorted. */
  readonly keys: readonly string[];
  /** What a key is where an item leaves it out. */
  readonly defaults: Readonly<Record<string, unknown>>;
  readonly of: () => Atom;
}

export interface MapAtom {
  readonly kind: 'map';
  readonly atomic: boolean;
  /** The type of what stands there; undefined where the type has no such field. */
  field(name: string): Atom | undefined;
  /** True for the fields of a struct, false for the entries of a map. */
  declares(name: string): boolean;
}

/** Anything: objects granular, lists atomic. */
export interface DeducedAtom {
  readonly kind: 'deduced';
}

export type Atom = ScalarAtom | ListAtom | MapAtom | DeducedAtom;

export const DEDUCED: DeducedAtom = { kind: 'deduced' };
const UNTYPED: ScalarAtom = { kind: 'scalar', of: 'untyped' };
const ANY_LIST: ListAtom = { kind: 'list', relation: 'atomic', keys: [], defaults: {}, of: () => DEDUCED };
const ANY_MAP: MapAtom = { kind: 'map', atomic: false, field: () => DEDUCED, declares: () => false };
/** RawExtension: anything, as a whole. */
const WHOLE: MapAtom = { ...ANY_MAP, atomic: true };

/** What an atom is for a value: only DEDUCED needs to look. */
export function atomFor(atom: Atom, value: unknown): ScalarAtom | ListAtom | MapAtom {
  if (atom.kind !== 'deduced') return atom;
  if (Array.isArray(value)) return ANY_LIST;
  return typeof value === 'object' && value !== null ? ANY_MAP : UNTYPED;
}

const lists: Readonly<Record<string, Readonly<Record<string, string>>>> = facts.lists;
const atomicMaps: Readonly<Record<string, readonly string[]>> = facts.atomicMaps;
const atomicTypes: ReadonlySet<string> = new Set(facts.atomicTypes);
const keyDefaults: Readonly<Record<string, Readonly<Record<string, unknown>>>> = facts.keyDefaults;
const structs = new Map<string, MapAtom>();

const STRING: ScalarAtom = { kind: 'scalar', of: 'string' };

/** @returns undefined for a type that the schema does not know */
export function structOf(name: string): MapAtom | undefined {
  const made = structs.get(name);
  if (made !== undefined) return made;
  const fields = fieldsOfType(name);
  if (fields === undefined) return undefined;
  const atoms = new Map<string, Atom>();
  const atom: MapAtom = {
    kind: 'map',
    atomic: atomicTypes.has(name),
    declares: (field) => fields.has(field),
    field(field) {
      let of = atoms.get(field);
      const known = fields.get(field);
      if (of === undefined && known !== undefined) {
        of = atomOfField(name, field, known.type);
        atoms.set(field, of);
      }
      return of;
    },
  };
  structs.set(name, atom);
  return atom;
}

/** Whose fields of any type are any JSON (a default, an example, an enum), and not objects alone as everywhere else. */
const ofAnyJson = 'V1JSONSchemaProps';

function atomOfField(struct: string, field: string, type: FieldType): Atom {
  const atomic = atomicMaps[struct]?.includes(field) === true;
  const any = struct === ofAnyJson ? DEDUCED : WHOLE;
  if (type.kind === 'map') return mapOf(type.of, atomic, any);
  const relation = type.kind === 'list' ? lists[struct]?.[field] : undefined;
  if (type.kind !== 'list' || relation === undefined) return atomOfType(type, any);
  const item = (): Atom => atomOfType(type.of);
  if (relation === 'set') return { kind: 'list', relation: 'set', keys: [], defaults: {}, of: item };
  const defaults = type.of.kind === 'struct' ? (keyDefaults[type.of.name] ?? {}) : {};
  return { kind: 'list', relation: 'map', keys: relation.split(',').sort(), defaults, of: item };
}

function mapOf(type: FieldType, atomic: boolean, any: Atom): MapAtom {
  let of: Atom | undefined;
  return {
    kind: 'map',
    atomic,
    declares: () => false,
    field() {
      of ??= atomOfType(type, any);
      return of;
    },
  };
}

/** @param any  what a value of any type is here */
function atomOfType(type: FieldType, any: Atom = WHOLE): Atom {
  switch (type.kind) {
    case 'string':
    case 'bytes':
    case 'time':
    case 'micro-time':
      return STRING;
    case 'bool':
      return { kind: 'scalar', of: 'boolean' };
    case 'int32':
    case 'int64':
    case 'double':
      return { kind: 'scalar', of: 'numeric' };
    case 'quantity':
    case 'int-or-string':
      return UNTYPED;
    case 'any':
      return any;
    case 'list':
      return { ...ANY_LIST, of: () => atomOfType(type.of, any) };
    case 'map':
      return mapOf(type.of, false, any);
    case 'struct':
      return structOf(type.name) ?? DEDUCED;
    default:
      return type satisfies never;
  }
}
