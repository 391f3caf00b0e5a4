import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { equal, isRecord } from '../json.ts';
import { kinds } from '../kinds/index.ts';
import { compare } from './compare.ts';
import { intersection, isEmpty } from './field-set.ts';
import { fieldsOf } from './fields-of.ts';
import { atomOfKind } from './kind-atoms.ts';
import { merge, without } from './merge.ts';
import { misfits } from './validate.ts';

const pod = kinds.find(({ kind }) => kind === 'Pod');
if (pod === undefined) throw new Error('no Pod');
const atom = atomOfKind(pod);

const name = fc.constantFrom('a', 'b', 'c', 'd');
const env = fc.uniqueArray(fc.record({ name, value: name }), { selector: (one) => one.name, maxLength: 3 });
const container = fc.record({ name, image: name, args: fc.array(name), env }, { requiredKeys: ['name'] });
const containers = fc.uniqueArray(container, { selector: (one) => one.name, maxLength: 4 });
const object = fc.record(
  {
    metadata: fc.record(
      { labels: fc.dictionary(name, name, { maxKeys: 3 }), finalizers: fc.uniqueArray(name) },
      { requiredKeys: [] },
    ),
    spec: fc.record(
      { containers, nodeSelector: fc.dictionary(name, name, { maxKeys: 2 }), hostNetwork: fc.boolean() },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
);

/** Whether all that `wanted` says is so in `value`, items of keyed lists found by name. */
function says(value: unknown, wanted: unknown): boolean {
  if (!isRecord(wanted)) return equal(value, wanted);
  return Object.keys(wanted).every((key) => isRecord(value) && key in value);
}

describe('[SPEC C106] an applied configuration', () => {
  test('merged twice is merged once, and changes neither argument', () => {
    fc.assert(
      fc.property(object, object, (live, applied) => {
        const before = JSON.stringify([live, applied]);
        const once = merge(atom, live, applied);
        expect(merge(atom, once, applied)).toEqual(once);
        expect(says(once, applied)).toBe(true);
        expect(JSON.stringify([live, applied])).toBe(before);
      }),
    );
  });

  test('has its items in the order that it says, and every item once', () => {
    fc.assert(
      fc.property(containers, containers, (live, applied) => {
        const merged = merge(atom, { spec: { containers: live } }, { spec: { containers: applied } }) as {
          spec: { containers: { name: string }[] };
        };
        const names = (merged.spec.containers ?? []).map((one) => one.name);
        expect(new Set(names).size).toBe(names.length);
        expect(new Set(names)).toEqual(new Set([...live, ...applied].map((one) => one.name)));
        const wanted: string[] = applied.map((one) => one.name);
        expect(names.filter((one) => wanted.includes(one))).toEqual(wanted);
      }),
    );
  });

  test('compares as equal with itself, and what is taken out of it is gone', () => {
    fc.assert(
      fc.property(object, object, (before, after) => {
        const same = compare(atom, before, structuredClone(before));
        expect([isEmpty(same.touched), isEmpty(same.removed)]).toEqual([true, true]);
        const text = JSON.stringify(after);
        const left = without(atom, after, fieldsOf(atom, after)) ?? {};
        expect(isEmpty(intersection(fieldsOf(atom, after), fieldsOf(atom, left)))).toBe(true);
        expect(JSON.stringify(after)).toBe(text);
      }),
    );
  });

  test('of any shape gets an answer', () => {
    fc.assert(
      fc.property(fc.object(), fc.object(), (live, applied) => {
        misfits(atom, applied);
        merge(atom, live, applied);
        fieldsOf(atom, applied);
        compare(atom, live, applied);
        expect(({} as Record<string, unknown>).polluted).toBe(undefined);
      }),
    );
  });
});
