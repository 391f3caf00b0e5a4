/** What a schema does not name goes, and is named; defaults come (apiextensions-apiserver, pkg/apiserver/schema/{pruning,defaulting}). */
import { clone, setKey } from '../json.ts';
import { isFields } from '../kinds/json.ts';
import { ENVELOPE, fieldSchema, isEmbedded, itemSchema, preservesUnknown, type Schema } from './schema.ts';

/** A client that sends a thousand unknown fields is told of some. */
const MAX_UNKNOWN = 64;

/**
 * A copy without what the schema does not know. `metadata` of the root stays as it is: it has a type of its own.
 *
 * @param unknown takes the paths of what was left out
 */
export function prune(value: unknown, schema: Schema, unknown: string[], path = '', isRoot = true): unknown {
  if (Array.isArray(value)) {
    const items = itemSchema(schema);
    if (items === undefined) return clone(value);
    return value.map((item, index) => prune(item, items, unknown, `${path}[${index}]`, false));
  }
  if (!isFields(value)) return value;
  const keepsAll = preservesUnknown(schema);
  const hasEnvelope = isRoot || isEmbedded(schema);
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const below = path === '' ? key : `${path}.${key}`;
    if (hasEnvelope && ENVELOPE.has(key)) {
      out[key] = clone(value[key]);
      continue;
    }
    const known = fieldSchema(schema, key);
    if (known !== undefined) setKey(out, key, prune(value[key], known, unknown, below, false));
    else if (keepsAll) setKey(out, key, clone(value[key]));
    else if (unknown.length < MAX_UNKNOWN) unknown.push(below);
  }
  return out;
}

/** Fills in defaults, and drops nulls where null is no value. Changes the value in place. */
export function applyDefaults(value: unknown, schema: Schema): void {
  if (Array.isArray(value)) {
    const items = itemSchema(schema);
    if (items !== undefined) for (const item of value) applyDefaults(item, items);
    return;
  }
  if (!isFields(value)) return;
  if (isFields(schema.properties)) {
    for (const [key, property] of Object.entries(schema.properties)) {
      if (!isFields(property) || property.default === undefined) continue;
      const present = value[key];
      if (present === undefined || (present === null && property.nullable !== true))
        value[key] = clone(property.default);
    }
  }
  for (const key of Object.keys(value)) {
    const below = fieldSchema(schema, key);
    if (below === undefined) continue;
    if (value[key] === null && below.nullable !== true && !preservesUnknown(below)) delete value[key];
    else applyDefaults(value[key], below);
  }
}
