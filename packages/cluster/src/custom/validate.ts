/**
 * An object against the schema of its kind, in the words of kube-openapi's validation as apiextensions-apiserver turns them into
 * causes. Rules in CEL (`x-kubernetes-validations`) are not evaluated.
 */
import { equal } from '../json.ts';
import { duplicate, invalid, required } from '../kinds/field-errors.ts';
import { fieldsOf, isFields, listOf } from '../kinds/json.ts';
import type { FieldError } from '../kinds/kind.ts';
import { isMatch } from './bounded-match.ts';
import { hasFormat } from './formats.ts';
import { compilePattern } from './patterns.ts';
import {
  ENVELOPE,
  fieldSchema,
  isEmbedded,
  isIntOrString,
  itemSchema,
  type Schema,
  textsOf,
  typeName,
} from './schema.ts';

/** More complaints than anyone reads; a body of a million wrong items makes no answer of a million causes. */
const MAX_ERRORS = 100;

/** Where a value stands: in the field of the cause, and in the sentence; they differ below `/status`. */
interface Place {
  /** '' = the root. */
  readonly field: string;
  readonly name: string;
}

export interface Root {
  /** What stands before every field: '' or `status`. */
  readonly field: string;
}

/** All complaints about a value, in the order of a real server. */
export function validateValue(value: unknown, schema: Schema, root: Root = { field: '' }): FieldError[] {
  return [...check(value, schema, { field: root.field, name: '' }), ...checkLists(value, schema, root.field)].slice(
    0,
    MAX_ERRORS,
  );
}

function below(place: Place, step: string): Place {
  const join = (text: string): string => (text === '' || step.startsWith('[') ? `${text}${step}` : `${text}.${step}`);
  return { field: join(place.field), name: join(place.name) };
}

function check(value: unknown, schema: Schema, place: Place): FieldError[] {
  // Null is never of an enum, though it be named there.
  if (value === null && schema.nullable === true && !Array.isArray(schema.enum)) return [];
  const errors: FieldError[] = [];
  const types = isIntOrString(schema) ? ['integer', 'string'] : textsOf([schema.type]);
  const is = typeName(value);
  const fits = types.length === 0 || types.includes(is) || (is === 'integer' && types.includes('number'));
  if (!fits && !(value === null && schema.nullable === true)) errors.push(typeError(place, types.join(','), is));
  if (value === null || value === undefined) return [...errors, ...checkEnum(value, schema, place)];
  errors.push(...checkCombined(value, schema, place));
  if (typeof value === 'string') errors.push(...checkString(value, schema, place));
  if (typeof value === 'number') errors.push(...checkNumber(value, schema, place));
  if (Array.isArray(value)) errors.push(...checkItems(value, schema, place));
  errors.push(...checkEnum(value, schema, place));
  if (isFields(value)) errors.push(...checkFields(value, schema, place));
  return errors;
}

function checkEnum(value: unknown, schema: Schema, place: Place): FieldError[] {
  if (!Array.isArray(schema.enum)) return [];
  if (value !== null && schema.enum.some((one) => equal(one, value))) return [];
  const allowed = schema.enum.map((one) => JSON.stringify(typeof one === 'string' ? one : JSON.stringify(one)));
  const detail = `supported values: ${allowed.join(', ')}`;
  return [{ field: named(place), type: 'Unsupported value', value: value ?? null, detail }];
}

const named = (place: Place): string => (place.field === '' ? '<nil>' : place.field);

function complaint(place: Place, value: unknown, what: string): FieldError {
  return invalid(named(place), value, `${place.name} in body ${what}`);
}

function typeError(place: Place, wanted: string, shown: string): FieldError {
  return { ...complaint(place, shown, `must be of type ${wanted}: "${shown}"`), reason: 'FieldValueTypeInvalid' };
}

/** anyOf, oneOf, allOf, not: said of no field, as in a real server. */
function checkCombined(value: unknown, schema: Schema, place: Place): FieldError[] {
  const errors: FieldError[] = [];
  const say = (what: string): void => {
    errors.push(invalid('<nil>', '', `${JSON.stringify(place.name)} ${what}`));
  };
  const tried = (list: unknown): FieldError[][] => listOf(list).map((one) => check(value, one, place));
  const anyOf = tried(schema.anyOf);
  if (anyOf.length > 0 && anyOf.every((one) => one.length > 0)) {
    say('must validate at least one schema (anyOf)');
    errors.push(...(anyOf[0] ?? []));
  }
  const oneOf = tried(schema.oneOf);
  const valid = oneOf.filter((one) => one.length === 0).length;
  if (oneOf.length > 0 && valid !== 1) {
    const found = valid === 0 ? 'Found none valid' : `Found ${valid} valid alternatives`;
    say(`must validate one and only one schema (oneOf). ${found}`);
    if (valid === 0) errors.push(...(oneOf[0] ?? []));
  }
  const allOf = tried(schema.allOf);
  errors.push(...allOf.flat());
  const failed = allOf.filter((one) => one.length > 0).length;
  if (failed > 0) say(`must validate all the schemas (allOf)${failed === allOf.length ? '. None validated' : ''}`);
  if (isFields(schema.not) && check(value, schema.not, place).length === 0) say('must not validate the schema (not)');
  return errors;
}

/** The first complaint only. */
function checkString(value: string, schema: Schema, place: Place): FieldError[] {
  const { minLength, maxLength, pattern, format } = schema;
  const errors: FieldError[] = [];
  const length = [...value].length;
  if (typeof maxLength === 'number' && length > maxLength) {
    const detail = `may not be more than ${maxLength} ${maxLength === 1 ? 'byte' : 'bytes'}`;
    errors.push({ field: named(place), type: 'Too long', detail });
  } else if (typeof minLength === 'number' && length < minLength) {
    errors.push(complaint(place, value, `should be at least ${minLength} chars long`));
  } else if (typeof pattern === 'string' && pattern !== '') {
    const expression = compilePattern(pattern);
    if (typeof expression !== 'string' && !isMatch(expression, value)) {
      errors.push(complaint(place, value, `should match '${pattern}'`));
    }
  }
  if (typeof format === 'string' && !hasFormat(value, format)) errors.push(typeError(place, format, value));
  return errors;
}

/** Go compares an integer with the whole part of a bound. */
function checkNumber(value: number, schema: Schema, place: Place): FieldError[] {
  const errors: FieldError[] = [];
  const bound = (limit: number): number => (Number.isInteger(value) ? Math.trunc(limit) : limit);
  const { multipleOf, minimum, maximum } = schema;
  if (typeof multipleOf === 'number') {
    const factor = bound(multipleOf);
    if (factor <= 0) {
      const text = `factor MultipleOf declared for ${place.name} must be positive: ${factor}`;
      errors.push(invalid(named(place), factor, text));
    } else if (!isWhole(value / factor)) {
      errors.push(complaint(place, value, `should be a multiple of ${multipleOf}`));
    }
  }
  if (typeof maximum === 'number') {
    const limit = bound(maximum);
    if (schema.exclusiveMaximum === true ? value >= limit : value > limit) {
      errors.push(
        complaint(
          place,
          value,
          `should be less than ${schema.exclusiveMaximum === true ? '' : 'or equal to '}${maximum}`,
        ),
      );
    }
  }
  if (typeof minimum === 'number') {
    const limit = bound(minimum);
    if (schema.exclusiveMinimum === true ? value <= limit : value < limit) {
      const words = schema.exclusiveMinimum === true ? '' : 'or equal to ';
      errors.push(complaint(place, value, `should be greater than ${words}${minimum}`));
    }
  }
  return errors;
}

function isWhole(value: number): boolean {
  return Math.abs(value - Math.round(value)) < 1e-9 * Math.max(1, Math.abs(value));
}

function checkItems(value: readonly unknown[], schema: Schema, place: Place): FieldError[] {
  const items = itemSchema(schema);
  const errors: FieldError[] = [];
  if (items !== undefined) {
    for (const [index, item] of value.entries()) {
      errors.push(...check(item, items, below(place, `[${index}]`)));
      if (errors.length > MAX_ERRORS) return errors;
    }
  }
  const { minItems, maxItems } = schema;
  if (typeof minItems === 'number' && value.length < minItems) {
    errors.push(complaint(place, value.length, `should have at least ${minItems} items`));
  }
  if (typeof maxItems === 'number' && value.length > maxItems) errors.push(tooMany(place, value.length, maxItems));
  return errors;
}

function tooMany(place: Place, count: number, limit: number): FieldError {
  return { field: named(place), type: 'Too many', detail: `${count}: must have at most ${limit} items` };
}

function checkFields(value: Readonly<Record<string, unknown>>, schema: Schema, place: Place): FieldError[] {
  const { minProperties, maxProperties } = schema;
  const count = Object.keys(value).length;
  if (typeof minProperties === 'number' && count < minProperties) {
    return [complaint(place, count, `should have at least ${minProperties} properties`)];
  }
  if (typeof maxProperties === 'number' && count > maxProperties) return [tooMany(place, count, maxProperties)];
  const errors: FieldError[] = [];
  const properties = fieldsOf(schema.properties);
  if (isFields(schema.additionalProperties)) {
    for (const key of Object.keys(value)) {
      if (Object.hasOwn(properties, key)) continue;
      errors.push(...check(value[key], schema.additionalProperties, below(place, key)));
      if (errors.length > MAX_ERRORS) return errors;
    }
  }
  for (const key of Object.keys(properties)) {
    if (Object.hasOwn(value, key)) errors.push(...check(value[key], fieldsOf(properties[key]), below(place, key)));
  }
  for (const key of textsOf(schema.required)) {
    if (!Object.hasOwn(value, key)) errors.push(required(below(place, key).field));
  }
  return errors;
}

/** Sets and keyed lists have no item twice; an embedded object says what it is. */
function checkLists(value: unknown, schema: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (Array.isArray(value)) {
    const seen = new Set<string>();
    const keys = textsOf(schema['x-kubernetes-list-map-keys']);
    const type: unknown = schema['x-kubernetes-list-type'];
    const items = itemSchema(schema);
    for (const [index, item] of value.entries()) {
      if (type === 'set' || type === 'map') {
        const shown = type === 'set' ? item : keyOf(item, keys);
        const text = JSON.stringify(shown);
        if (seen.has(text)) errors.push(duplicate(`${path}[${index}]`, shown));
        seen.add(text);
      }
      if (items !== undefined) errors.push(...checkLists(item, items, `${path}[${index}]`));
      if (errors.length > MAX_ERRORS) return errors;
    }
  } else if (isFields(value)) {
    if (isEmbedded(schema) && path !== '') {
      for (const field of ['apiVersion', 'kind']) {
        if (typeof value[field] !== 'string' || value[field] === '') errors.push(required(`${path}.${field}`));
      }
    }
    for (const key of Object.keys(value)) {
      if (path === '' && ENVELOPE.has(key)) continue;
      const next = fieldSchema(schema, key);
      if (next !== undefined) errors.push(...checkLists(value[key], next, path === '' ? key : `${path}.${key}`));
    }
  }
  return errors;
}

function keyOf(item: unknown, keys: readonly string[]): Record<string, unknown> {
  const fields = fieldsOf(item);
  return Object.fromEntries([...keys].sort().flatMap((key) => (key in fields ? [[key, fields[key]]] : [])));
}
