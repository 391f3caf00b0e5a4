/** Whether a schema is structural, and sound in itself (apiextensions-apiserver, pkg/apiserver/schema and validation). */
import { forbidden, invalid, required, unsupported } from '../kinds/field-errors.ts';
import { type Fields, fieldsOf, isFields } from '../kinds/json.ts';
import type { FieldError } from '../kinds/kind.ts';
import { compilePattern } from './patterns.ts';
import { prune } from './prune.ts';
import { isIntOrString, preservesUnknown, type Schema, textsOf } from './schema.ts';
import { validateValue } from './validate.ts';

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
/** What may stand below anyOf and its like: rules about values, nothing that makes the shape. */
const SHAPING = ['description', 'type', 'default', 'title', 'nullable', 'additionalProperties'];
const LIST_TYPE = 'x-kubernetes-list-type';
const MAP_KEYS = 'x-kubernetes-list-map-keys';
const MAX_DEPTH = 64;
const PRESERVE = 'x-kubernetes-preserve-unknown-fields';

/** Complaints about a version's schema; none where there is none. @param path `spec.validation.openAPIV3Schema` */
export function validateSchema(schema: Schema | undefined, path: string): FieldError[] {
  if (schema === undefined) return [];
  const errors = checkNode(schema, path, 0);
  if (!schema.type) errors.push(required(`${path}.type`, 'must not be empty at the root'));
  else if (schema.type !== 'object') errors.push(invalid(`${path}.type`, schema.type, 'must be object at the root'));
  errors.push(...checkTypes(schema, path, 0));
  const metadata = fieldsOf(schema.properties).metadata;
  if (isFields(metadata)) errors.push(...checkMetadata(metadata, `${path}.properties[metadata]`));
  return errors;
}

/** Whether any part has rules in CEL. */
export function mentionsRules(schema: Schema): boolean {
  if (Array.isArray(schema['x-kubernetes-validations']) && schema['x-kubernetes-validations'].length > 0) return true;
  return [...Object.values(fieldsOf(schema.properties)), schema.items, schema.additionalProperties].some(
    (below) => isFields(below) && mentionsRules(below),
  );
}

function checkNode(schema: Schema, path: string, depth: number): FieldError[] {
  if (depth > MAX_DEPTH) return [invalid(path, '', `must not be deeper than ${MAX_DEPTH} levels`)];
  return [
    ...checkWords(schema, path),
    ...checkLists(schema, path),
    ...checkDefault(schema, path),
    ...checkBelow(schema, path, depth),
    ...checkValueRules(schema, path),
  ];
}

/** What the server's JSON schema does not know or not take. */
function checkWords(schema: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const { type, pattern } = schema;
  if (schema.$ref) errors.push(forbidden(`${path}.$ref`, '$ref is not supported'));
  if (schema.uniqueItems === true) {
    const text = 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic';
    errors.push(forbidden(`${path}.uniqueItems`, text));
  }
  if (type && !TYPES.includes(type)) errors.push(unsupported(`${path}.type`, type, TYPES));
  if (isFields(schema.additionalProperties) && Object.keys(fieldsOf(schema.properties)).length > 0) {
    errors.push(forbidden(`${path}.additionalProperties`, 'additionalProperties and properties are mutual exclusive'));
  }
  if (typeof pattern === 'string' && pattern !== '') {
    const found = compilePattern(pattern);
    if (typeof found === 'string') {
      errors.push(invalid(`${path}.pattern`, pattern, `must be a valid regular expression, but isn't: ${found}`));
    }
  }
  if (schema[PRESERVE] === false) errors.push(invalid(`${path}.${PRESERVE}`, false, 'must be true or undefined'));
  if (schema['x-kubernetes-embedded-resource'] === true) {
    if (type && type !== 'object') {
      errors.push(invalid(`${path}.type`, type, 'must be object if x-kubernetes-embedded-resource is true'));
    }
    if (!preservesUnknown(schema) && Object.keys(fieldsOf(schema.properties)).length === 0) {
      const text =
        'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields';
      errors.push(required(`${path}.properties`, text));
    }
  }
  return errors;
}

function checkLists(schema: Schema, path: string): FieldError[] {
  const listType: unknown = schema[LIST_TYPE];
  const keys = textsOf(schema[MAP_KEYS]);
  const errors: FieldError[] = [];
  if (keys.length > 0 && listType !== 'map') {
    errors.push(
      listType === undefined
        ? required(`${path}.${LIST_TYPE}`, `must be map if ${MAP_KEYS} is non-empty`)
        : invalid(`${path}.${LIST_TYPE}`, listType, `must be map if ${MAP_KEYS} is non-empty`),
    );
    return errors;
  }
  if (listType === undefined) return errors;
  if (schema.type !== 'array') {
    const text = `must be array if ${LIST_TYPE} is specified`;
    errors.push(schema.type ? invalid(`${path}.type`, schema.type, text) : required(`${path}.type`, text));
    return errors;
  }
  if (listType !== 'atomic' && listType !== 'set' && listType !== 'map') {
    return [unsupported(`${path}.${LIST_TYPE}`, listType, ['atomic', 'set', 'map'])];
  }
  const items = fieldsOf(schema.items);
  if (listType === 'map') return [...errors, ...checkKeys(items, keys, path)];
  if (listType === 'set') {
    const kindOfMap: unknown = items['x-kubernetes-map-type'];
    const text = 'as item of a list with x-kubernetes-list-type=set';
    if (items.type === 'object' && kindOfMap !== 'atomic') {
      errors.push(invalid(`${path}.items.x-kubernetes-map-type`, kindOfMap ?? null, `must be atomic ${text}`));
    }
    if (items.type === 'array' && items[LIST_TYPE] !== undefined && items[LIST_TYPE] !== 'atomic') {
      errors.push(invalid(`${path}.items.${LIST_TYPE}`, items[LIST_TYPE], `must be atomic ${text}`));
    }
    if (items.nullable === true)
      errors.push(forbidden(`${path}.items.nullable`, `cannot be nullable when ${LIST_TYPE} is set`));
  }
  return errors;
}

function checkKeys(items: Fields, keys: readonly string[], path: string): FieldError[] {
  if (keys.length === 0) return [required(`${path}.${MAP_KEYS}`, `must not be empty if ${LIST_TYPE} is map`)];
  if (items.type !== 'object') {
    return [invalid(`${path}.items.type`, items.type ?? '', `must be object if parent array's ${LIST_TYPE} is map`)];
  }
  const properties = fieldsOf(items.properties);
  const errors: FieldError[] = [];
  if (!keys.every((key) => Object.hasOwn(properties, key))) {
    return [invalid(`${path}.${MAP_KEYS}`, keys, 'entries must all be names of item properties')];
  }
  if (new Set(keys).size < keys.length) {
    errors.push(invalid(`${path}.${MAP_KEYS}`, keys, 'must not contain duplicate entries'));
  }
  for (const key of keys) {
    const property = fieldsOf(properties[key]);
    const at = `${path}.items.properties[${key}]`;
    if (property.type === 'object' || property.type === 'array') {
      errors.push(invalid(`${at}.type`, property.type, `must be a scalar type if parent array's ${LIST_TYPE} is map`));
    }
    if (property.nullable === true) {
      errors.push(forbidden(`${at}.nullable`, `this property is in ${MAP_KEYS}, so it cannot be nullable`));
    }
    if (property.default === undefined && !textsOf(items.required).includes(key)) {
      const text = `this property is in ${MAP_KEYS}, so it must have a default or be a required property`;
      errors.push(required(`${at}.default`, text));
    }
  }
  return errors;
}

function checkDefault(schema: Schema, path: string): FieldError[] {
  const value: unknown = schema.default;
  if (value === undefined || value === null) return [];
  const at = `${path}.default`;
  const unknown: string[] = [];
  prune(value, schema, unknown, '', false);
  if (unknown.length > 0) return [invalid(at, value, 'must not have unknown fields')];
  return validateValue(value, schema).map((error) => ({
    ...error,
    field: error.field === '<nil>' ? at : `${at}${error.field.startsWith('[') ? '' : '.'}${error.field}`,
  }));
}

function checkBelow(schema: Schema, path: string, depth: number): FieldError[] {
  const errors: FieldError[] = [];
  if (Array.isArray(schema.items)) {
    errors.push(forbidden(`${path}.items`, 'items must be a schema object and not an array'));
  } else if (!isFields(schema.items) && schema.type === 'array') {
    errors.push(required(`${path}.items`, 'must be specified'));
  }
  for (const { schema: one, at } of childrenOf(schema, path)) errors.push(...checkNode(one, at, depth + 1));
  return errors;
}

/** Every value has a type, or says in another way what it is: the last question, after all that may be wrong with words. */
function checkTypes(schema: Schema, path: string, depth: number): FieldError[] {
  if (depth > MAX_DEPTH) return [];
  return childrenOf(schema, path).flatMap(({ schema: one, at, what }) => [
    ...(!one.type && !one.$ref && !isIntOrString(one) && !preservesUnknown(one)
      ? [required(`${at}.type`, `must not be empty for specified ${what}`)]
      : []),
    ...checkTypes(one, at, depth + 1),
  ]);
}

interface Child {
  readonly schema: Schema;
  readonly at: string;
  readonly what: 'array items' | 'object fields';
}

function childrenOf(schema: Schema, path: string): Child[] {
  const children: Child[] = [];
  if (isFields(schema.items)) children.push({ schema: schema.items, at: `${path}.items`, what: 'array items' });
  for (const [name, below] of Object.entries(fieldsOf(schema.properties))) {
    children.push({ schema: fieldsOf(below), at: `${path}.properties[${name}]`, what: 'object fields' });
  }
  if (isFields(schema.additionalProperties)) {
    children.push({ schema: schema.additionalProperties, at: `${path}.additionalProperties`, what: 'object fields' });
  }
  return children;
}

/** anyOf, oneOf, allOf and not say nothing of the shape. */
function checkValueRules(schema: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const look = (value: unknown, at: string, isTop: boolean): void => {
    if (!isFields(value)) return;
    for (const word of isTop ? SHAPING : [...SHAPING]) {
      if (value[word] === undefined || value[word] === '' || value[word] === false) continue;
      // The one exception: the two types of an int-or-string.
      if (word === 'type' && isIntOrString(schema)) continue;
      errors.push(forbidden(`${at}.${word}`, 'must be empty to be structural'));
    }
    for (const [name, below] of Object.entries(fieldsOf(value.properties)))
      look(below, `${at}.properties[${name}]`, false);
    if (isFields(value.items)) look(value.items, `${at}.items`, false);
  };
  for (const word of ['allOf', 'anyOf', 'oneOf']) {
    const list: unknown = schema[word];
    if (Array.isArray(list)) for (const [index, one] of list.entries()) look(one, `${path}.${word}[${index}]`, true);
  }
  look(schema.not, `${path}.not`, true);
  return errors;
}

/** Of the root's metadata only its names may be ruled; defaults there have no effect anywhere. */
function checkMetadata(metadata: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const properties = fieldsOf(metadata.properties);
  for (const [name, property] of Object.entries(properties)) {
    if (fieldsOf(property).default !== undefined) {
      errors.push(forbidden(`${path}.properties[${name}].default`, 'must not be set in top-level metadata'));
    }
  }
  if (Object.keys(properties).some((name) => name !== 'name' && name !== 'generateName')) {
    const text = 'must not specify anything other than name and generateName, but metadata is implicitly specified';
    errors.push(forbidden(path, text));
  }
  return errors;
}
