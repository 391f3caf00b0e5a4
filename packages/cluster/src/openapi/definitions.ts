/** Types as OpenAPI definitions: fields and types from the schema, facts from a real server, texts from where they are at hand. */
import type { Kind } from '../kinds/kind.ts';
import { type FieldType, fieldsOfType } from '../schema/types.ts';
import { type Descriptions, describe } from './descriptions.ts';
import facts from './facts.json' with { type: 'json' };
import { customDefinitionName, definitionName, META, reference } from './names.ts';

/** An OpenAPI v3 schema, or a whole document: JSON of its own shape. */
export type Json = Record<string, unknown>;

interface FieldFacts {
  readonly list?: string;
  readonly map?: string;
  readonly merge?: string;
  readonly enum?: readonly unknown[];
  readonly format?: string;
  /** The definition of what may be anything. */
  readonly ref?: string;
}

const required: Readonly<Record<string, readonly string[]>> = facts.required;
const fieldFacts: Readonly<Record<string, Readonly<Record<string, FieldFacts>>>> = facts.fields;
const atomic: ReadonlySet<string> = new Set(facts.atomic);

const TIME = `${META}.Time`;
const MICRO_TIME = `${META}.MicroTime`;
const FIELDS_V1 = `${META}.FieldsV1`;
const MANAGED_FIELDS = `${META}.ManagedFieldsEntry`;
const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity';
const INT_OR_STRING = 'io.k8s.apimachinery.pkg.util.intstr.IntOrString';
const PATCH = `${META}.Patch`;

const text = (description: string): Json => (description === '' ? {} : { description });

/** What has no struct behind it. */
const SCALARS: Readonly<Record<string, () => Json>> = {
  [TIME]: () => ({ type: 'string', format: 'date-time' }),
  [MICRO_TIME]: () => ({ type: 'string', format: 'date-time' }),
  [FIELDS_V1]: () => ({ type: 'object' }),
  [QUANTITY]: () => ({ oneOf: [{ type: 'string' }, { type: 'number' }] }),
  [INT_OR_STRING]: () => ({ format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] }),
  [PATCH]: () => ({ type: 'object' }),
  [MANAGED_FIELDS]: () => {
    const { type, fields } = describe('V1ManagedFieldsEntry');
    const words = ['apiVersion', 'fieldsType', 'manager', 'operation', 'subresource'];
    const of = (name: string): Json => text(fields.get(name) ?? '');
    return {
      ...text(type),
      type: 'object',
      properties: {
        ...Object.fromEntries(words.map((name) => [name, { ...of(name), type: 'string' }])),
        fieldsV1: { ...of('fieldsV1'), ...reference(FIELDS_V1) },
        time: { ...of('time'), ...reference(TIME) },
      },
    };
  },
};

/** A document's definitions, gathered from what refers to what. */
export class Definitions {
  readonly schemas: Record<string, Json> = {};
  /** Read once a document, and let go with it. */
  readonly #described = new Map<string, Descriptions>();

  /** The kind, and all that it refers to; its name. */
  addKind(kind: Kind): string {
    const own = { group: kind.group, kind: kind.kind, version: kind.version };
    if (kind.custom !== undefined) return this.#addCustom(kind, kind.custom.schema, own);
    const name = this.#addType(kind.schema) ?? customDefinitionName(kind.group, kind.version, kind.kind);
    this.schemas[name] = { ...(this.schemas[name] ?? { type: 'object' }), 'x-kubernetes-group-version-kind': [own] };
    return name;
  }

  addScalar(name: string): Json {
    this.schemas[name] ??= SCALARS[name]?.() ?? {};
    if (name === MANAGED_FIELDS) for (const below of [FIELDS_V1, TIME]) this.addScalar(below);
    return reference(name);
  }

  #addType(type: string): string | undefined {
    const name = definitionName(type);
    if (name === undefined || this.schemas[name] !== undefined) return name;
    const { type: own, fields: texts } = this.#describe(type);
    const properties: Record<string, Json> = {};
    const schema: Json = { ...text(own), type: 'object', properties };
    // In its place before what it refers to, as that may refer to it.
    this.schemas[name] = schema;
    if ((required[type] ?? []).length > 0) schema.required = required[type];
    if (atomic.has(type)) schema['x-kubernetes-map-type'] = 'atomic';
    for (const [field, { type: ofField }] of [...(fieldsOfType(type) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const said = fieldFacts[type]?.[field] ?? {};
      const words = texts.get(field) ?? (ofField.kind === 'struct' ? this.#ofStruct(ofField.name) : '');
      properties[field] = { ...text(words), ...this.#field(ofField, field, said) };
    }
    return name;
  }

  #describe(type: string): Descriptions {
    let found = this.#described.get(type);
    if (found === undefined) {
      found = describe(type);
      this.#described.set(type, found);
    }
    return found;
  }

  /** What a field is about, where only its type says it: the declarations have no words for such fields. */
  #ofStruct(type: string): string {
    return type === 'V1ObjectMeta' ? STANDARD_METADATA : this.#describe(type).type;
  }

  #field(type: FieldType, name: string, said: FieldFacts): Json {
    if (name === 'managedFields') {
      const items = this.addScalar(MANAGED_FIELDS);
      return { type: 'array', items, 'x-kubernetes-list-type': 'atomic' };
    }
    const inner = (schema: Json): Json => ({
      ...schema,
      ...(said.enum === undefined ? {} : { enum: said.enum }),
      ...(said.format === undefined ? {} : said.format === '' ? { format: undefined } : { format: said.format }),
    });
    const anything = said.ref === undefined ? undefined : this.addScalar(said.ref);
    switch (type.kind) {
      case 'list':
        return { type: 'array', items: inner(anything ?? this.#schema(type.of)), ...mergeOf(said) };
      case 'map':
        return { type: 'object', additionalProperties: inner(anything ?? this.#schema(type.of)), ...mergeOf(said) };
      default: {
        const schema = anything ?? this.#schema(type);
        // A reference cannot have words beside it, but as one of one it can.
        return { ...inner('$ref' in schema ? { allOf: [schema] } : schema), ...mergeOf(said) };
      }
    }
  }

  #schema(type: FieldType): Json {
    switch (type.kind) {
      case 'string':
        return { type: 'string' };
      case 'bytes':
        return { type: 'string', format: 'byte' };
      case 'bool':
        return { type: 'boolean' };
      case 'int32':
      case 'int64':
        return { type: 'integer', format: type.kind };
      case 'double':
        return { type: 'number', format: 'double' };
      case 'time':
        return this.addScalar(TIME);
      case 'micro-time':
        return this.addScalar(MICRO_TIME);
      case 'quantity':
        return this.addScalar(QUANTITY);
      case 'int-or-string':
        return this.addScalar(INT_OR_STRING);
      case 'any':
        return { type: 'object' };
      case 'list':
        return { type: 'array', items: this.#schema(type.of) };
      case 'map':
        return { type: 'object', additionalProperties: this.#schema(type.of) };
      case 'struct': {
        const name = this.#addType(type.name);
        return name === undefined ? { type: 'object' } : reference(name);
      }
      default:
        return type satisfies never;
    }
  }

  #addCustom(kind: Kind, schema: Json, own: Json): string {
    const name = customDefinitionName(kind.group, kind.version, kind.kind);
    const meta = this.#addType('V1ObjectMeta') ?? `${META}.ObjectMeta`;
    const texts = this.#describe('V1ConfigMap').fields;
    const given = typeof schema.properties === 'object' && schema.properties !== null ? schema.properties : {};
    this.schemas[name] = {
      ...printable(schema),
      properties: {
        ...(printable({ properties: given }).properties as Json),
        apiVersion: { ...text(texts.get('apiVersion') ?? ''), type: 'string' },
        kind: { ...text(texts.get('kind') ?? ''), type: 'string' },
        metadata: { description: STANDARD_METADATA, allOf: [reference(meta)] },
      },
      'x-kubernetes-group-version-kind': [own],
    };
    return name;
  }
}

const STANDARD_METADATA =
  "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";

function mergeOf({ list, map, merge }: FieldFacts): Json {
  const [strategy, key] = (merge ?? '').split(':');
  const isKeyed = list !== undefined && list !== 'set' && list !== 'atomic';
  return {
    ...(list === undefined ? {} : { 'x-kubernetes-list-type': isKeyed ? 'map' : list }),
    ...(isKeyed ? { 'x-kubernetes-list-map-keys': list.split(',') } : {}),
    ...(map === undefined ? {} : { 'x-kubernetes-map-type': map }),
    ...(key === undefined ? {} : { 'x-kubernetes-patch-merge-key': key }),
    ...(strategy === '' ? {} : { 'x-kubernetes-patch-strategy': strategy }),
  };
}

/** A custom schema as it is published: an int-or-string says its two types. */
function printable(schema: Json): Json {
  const out: Json = {};
  for (const [key, value] of Object.entries(schema)) out[key] = below(value);
  if (schema['x-kubernetes-int-or-string'] === true && schema.anyOf === undefined) {
    out.anyOf = [{ type: 'integer' }, { type: 'string' }];
  }
  return out;
}

function below(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(below);
  return typeof value === 'object' && value !== null ? printable(value as Json) : value;
}
