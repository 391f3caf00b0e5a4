import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Building,
  difference,
  EMPTY,
  type FieldSet,
  insert,
  intersection,
  isEmpty,
  normal,
  paths,
  readFieldSet,
  recursiveDifference,
  union,
} from './field-set.ts';

const element = fc.constantFrom('f:a', 'f:b', 'f:c', 'k:{"name":"x"}', 'k:{"port":80}', 'k:{"port":9}', 'v:"y"');
const path = fc.array(element, { minLength: 1, maxLength: 4 });
const listed = fc.array(path, { maxLength: 8 });

function setOf(members: readonly (readonly string[])[]): FieldSet {
  const set: Building = {};
  for (const one of members) insert(set, one);
  return normal(set);
}

const texts = (members: readonly (readonly string[])[]): string[] =>
  [...new Set(members.map((one) => one.join('/')))].sort();

describe('[SPEC C106] sets of fields', () => {
  test('are what was put in, and are read back as they are written', () => {
    fc.assert(
      fc.property(listed, (members) => {
        const set = setOf(members);
        expect(texts(paths(set))).toEqual(texts(members));
        expect(JSON.stringify(readFieldSet(JSON.parse(JSON.stringify(set))))).toBe(JSON.stringify(set));
      }),
    );
  });

  test('unite, differ and meet as sets of paths do, and change neither', () => {
    fc.assert(
      fc.property(listed, listed, (left, right) => {
        const [a, b] = [setOf(left), setOf(right)];
        const before = JSON.stringify([a, b]);
        const [x, y] = [new Set(texts(left)), new Set(texts(right))];
        expect(texts(paths(union(a, b)))).toEqual([...new Set([...x, ...y])].sort());
        expect(texts(paths(difference(a, b)))).toEqual([...x].filter((one) => !y.has(one)));
        expect(texts(paths(intersection(a, b)))).toEqual([...x].filter((one) => y.has(one)));
        const deep = (one: string): boolean => [...y].some((other) => one === other || one.startsWith(`${other}/`));
        expect(texts(paths(recursiveDifference(a, b)))).toEqual([...x].filter((one) => !deep(one)));
        expect(JSON.stringify([a, b])).toBe(before);
      }),
    );
  });

  test('stay the same set where nothing changes', () => {
    fc.assert(
      fc.property(listed, listed, (left, right) => {
        const both = union(setOf(left), setOf(right));
        expect(union(both, setOf(right))).toBe(both);
        expect(difference(both, EMPTY)).toBe(both);
        const rest = difference(both, setOf(right));
        expect(difference(rest, setOf(right))).toBe(rest);
        expect(isEmpty(difference(both, both))).toBe(true);
      }),
    );
  });

  test('are written in the order of a real server: names, then keys by their values', () => {
    const set = setOf([['k:{"port":80}'], ['v:"y"'], ['f:b'], ['k:{"port":9}'], ['f:a']]);
    expect(Object.keys(set)).toEqual(['f:a', 'f:b', 'k:{"port":9}', 'k:{"port":80}', 'v:"y"']);
  });

  test.each([[{ odd: {} }], [{ 'f:a': 1 }], [{ 'k:{': {} }], [[]], ['x'], [null]])('%j is none', (value) => {
    expect(readFieldSet(value)).toBe(undefined);
  });
});
