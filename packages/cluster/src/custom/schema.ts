/** The schema of a custom kind: OpenAPI v3 as a definition gives it, already found structural. A wrong shape only must not hurt. */
import { type Fields, fieldsOf, isFields } from '../kinds/json.ts';

export type Schema = Fields;

/** The schema below a field name (`properties`, else `additionalProperties`); undefined where nothing is said of it. */
export function fieldSchema(schema: Schema, name: string): Schema | undefined {
  const properties = fieldsOf(schema.properties);
  if (Object.hasOwn(properties, name)) return fieldsOf(properties[name]);
  // Any value, of which nothing is known: what is below it is cut.
  if (schema.additionalProperties === true) return {};
  return isFields(schema.additionalProperties) ? schema.additionalProperties : undefined;
}

/** The schema of a list's items. */
export function itemSchema(schema: Schema): Schema | undefined {
  return isFields(schema.items) ? schema.items : undefined;
}

/** Whether fields that the schema does not name are kept. */
export function preservesUnknown(schema: Schema): boolean {
  return schema['x-kubernetes-preserve-unknown-fields'] === true;
}

export function isEmbedded(schema: Schema): boolean {
  return schema['x-kubernetes-embedded-resource'] === true;
}

export function isIntOrString(schema: Schema): boolean {
  return schema['x-kubernetes-int-or-string'] === true;
}

/** The fields that every object has, whatever its schema says. */
export const ENVELOPE: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);

/** How a list or a map is owned and merged by server-side apply. */
export type Ownership =
  | { readonly kind: 'atomic' | 'granular' | 'set' }
  | { readonly kind: 'map'; readonly keys: readonly string[] };

/** Of a value under this schema: lists are atomic unless they say `set` or `map`, maps granular unless they say `atomic`. */
export function ownershipOf(schema: Schema | undefined, value: unknown): Ownership {
  if (Array.isArray(value)) {
    const type: unknown = schema?.['x-kubernetes-list-type'];
    if (type === 'set') return { kind: 'set' };
    if (type === 'map') return { kind: 'map', keys: textsOf(schema?.['x-kubernetes-list-map-keys']) };
    return { kind: 'atomic' };
  }
  return { kind: schema?.['x-kubernetes-map-type'] === 'atomic' ? 'atomic' : 'granular' };
}

/** The texts of a list; whatever else stands in it is no name. */
export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** The name of a JSON value's type as refusals have it. */
export function typeName(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}
