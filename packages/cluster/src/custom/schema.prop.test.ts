/** Whatever a schema and a value are: nothing throws, defaults settle at once, and what was cut stays cut. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clone } from '../json.ts';
import { findAll, parseJsonPath } from './json-path.ts';
import { applyDefaults, prune } from './prune.ts';
import type { Schema } from './schema.ts';
import { validateSchema } from './schema-validation.ts';
import { validateValue } from './validate.ts';

const names = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor', 'metadata');
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, false, 0, 1, -1, 1.5, '', 'a', 'abc'),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(names, tie('value'), { maxKeys: 3 }),
  ),
}));
const { schema } = fc.letrec<{ schema: Schema }>((tie) => ({
  schema: fc.oneof(
    { depthSize: 'small' },
    fc.record(
      {
        type: fc.constantFrom('object', 'array', 'string', 'integer', 'number', 'boolean', 'odd', 7),
        nullable: fc.boolean(),
        default: value,
        enum: fc.oneof(fc.array(value, { maxLength: 3 }), value),
        pattern: fc.constantFrom('^a+$', '(', '[', '*', 'a|b', '(?i)A'),
        format: fc.constantFrom('date-time', 'ipv4', 'cidr', 'uri', 'uuid', 'odd'),
        minimum: fc.integer({ min: -2, max: 2 }),
        maximum: fc.integer({ min: -2, max: 2 }),
        multipleOf: fc.constantFrom(0, 0.5, 2, -1),
        minLength: fc.integer({ min: -1, max: 3 }),
        maxItems: fc.integer({ min: -1, max: 3 }),
        minProperties: fc.integer({ min: -1, max: 3 }),
        required: fc.oneof(fc.array(names, { maxLength: 2 }), value),
        'x-kubernetes-int-or-string': fc.boolean(),
        'x-kubernetes-preserve-unknown-fields': fc.boolean(),
        'x-kubernetes-embedded-resource': fc.boolean(),
        'x-kubernetes-list-type': fc.constantFrom('set', 'map', 'atomic', 'odd'),
        'x-kubernetes-list-map-keys': fc.array(names, { maxLength: 2 }),
      },
      { requiredKeys: [] },
    ),
    fc.record({
      type: fc.constant('object'),
      properties: fc.dictionary(names, tie('schema'), { maxKeys: 3 }),
      anyOf: fc.array(tie('schema'), { maxLength: 2 }),
      not: fc.option(tie('schema'), { nil: undefined }),
    }),
    fc.record({ type: fc.constant('array'), items: fc.oneof(tie('schema'), value) }),
    fc.record({ type: fc.constant('object'), additionalProperties: fc.oneof(tie('schema'), fc.boolean()) }),
  ),
}));

describe('schemas of custom kinds, whatever they say [SPEC C183]', () => {
  test('no schema and no value makes a check throw', () => {
    fc.assert(
      fc.property(schema, value, (given, one) => {
        for (const { field } of [...validateSchema(given, 'x'), ...validateValue(one, given)]) {
          expect(typeof field).toBe('string');
        }
      }),
      { numRuns: 500 },
    );
  });

  test('cutting twice is cutting once, defaulting twice is defaulting once, and no prototype is reached', () => {
    fc.assert(
      fc.property(schema, value, (given, one) => {
        const cut = prune(one, given, []);
        const unknown: string[] = [];
        expect(prune(cut, given, unknown)).toEqual(cut);
        expect(unknown).toEqual([]);
        const filled = clone(cut);
        applyDefaults(filled, given);
        const again = clone(filled);
        applyDefaults(again, given);
        expect(again).toEqual(filled);
        expect(Object.keys({}.constructor.prototype)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test('no text makes a path throw', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), value, (text, one) => {
        const path = parseJsonPath(text.startsWith('.') ? text : `.${text}`);
        if (path !== undefined) expect(Array.isArray(findAll(one, path))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
