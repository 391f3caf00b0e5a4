/** The atoms of a kind that came with a definition: from its OpenAPI schema, metadata aside, which has a type. */
import { fieldSchema, isIntOrString, itemSchema, preservesUnknown, type Schema } from '../custom/schema.ts';
import { type Fields, fieldsOf, valuesOf } from '../kinds/json.ts';
import { type Atom, DEDUCED, type MapAtom, type ScalarAtom, structOf } from './atoms.ts';

const STRING: ScalarAtom = { kind: 'scalar', of: 'string' };

/** Whole objects under a definition's schema. */
export function objectOf(schema: Schema): MapAtom {
  const inner = mapOf(schema);
  const own: Readonly<Record<string, Atom>> = {
    apiVersion: STRING,
    kind: STRING,
    metadata: structOf('V1ObjectMeta') ?? DEDUCED,
  };
  return {
    kind: 'map',
    atomic: false,
    field: (name) => (Object.hasOwn(own, name) ? own[name] : inner.field(name)),
    declares: (name) => Object.hasOwn(own, name) || inner.declares(name),
  };
}

function atomOf(schema: Schema): Atom {
  if (isIntOrString(schema)) return { kind: 'scalar', of: 'untyped' };
  switch (schema.type) {
    case 'string':
      return STRING;
    case 'boolean':
      return { kind: 'scalar', of: 'boolean' };
    case 'integer':
    case 'number':
      return { kind: 'scalar', of: 'numeric' };
    case 'array':
      return listOf(schema);
    case 'object':
      return schema['x-kubernetes-embedded-resource'] === true ? objectOf(schema) : mapOf(schema);
    default:
      return DEDUCED;
  }
}

function listOf(schema: Schema): Atom {
  const item = itemSchema(schema);
  const of = once(() => (item === undefined ? DEDUCED : atomOf(item)));
  const type: unknown = schema['x-kubernetes-list-type'];
  const list = { kind: 'list', keys: [], defaults: {}, of } as const;
  if (type === 'set') return { ...list, relation: 'set' };
  if (type !== 'map') return { ...list, relation: 'atomic' };
  const keys: readonly string[] = valuesOf(schema['x-kubernetes-list-map-keys']);
  const defaults: Fields = {};
  for (const key of keys) {
    const given: unknown = fieldSchema(item ?? {}, key)?.default;
    if (given !== undefined) defaults[key] = given;
  }
  return { ...list, relation: 'map', keys: [...keys].sort(), defaults };
}

function mapOf(schema: Schema): MapAtom {
  const properties = fieldsOf(schema.properties);
  const atoms = new Map<string, Atom | undefined>();
  const find = (name: string): Atom | undefined => {
    const child = fieldSchema(schema, name);
    if (child !== undefined) return atomOf(child);
    // An object of which nothing is said is a map of anything, cut to nothing when it is stored.
    return preservesUnknown(schema) || schema.additionalProperties === true ? DEDUCED : undefined;
  };
  return {
    kind: 'map',
    atomic: schema['x-kubernetes-map-type'] === 'atomic',
    declares: (name) => Object.hasOwn(properties, name),
    field(name) {
      if (!Object.hasOwn(properties, name)) return find(name);
      if (!atoms.has(name)) atoms.set(name, find(name));
      return atoms.get(name);
    },
  };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
