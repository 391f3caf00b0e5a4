import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contentHashOf } from './hash.ts';
import { secondsOf, withEntry, withoutEntry } from './records.ts';

const lastWall = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

describe('an instant in whole seconds', () => {
  test('is written as a Date writes it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: lastWall }), (wall) => {
        expect(secondsOf(wall)).toBe(`${new Date(wall).toISOString().slice(0, 19)}Z`);
      }),
    );
    for (const day of ['1970-01-01', '2000-02-29', '2024-02-29', '2100-03-01', '2399-12-31', '2400-02-29']) {
      expect(secondsOf(Date.parse(day))).toBe(`${day}T00:00:00Z`);
    }
  });
});

describe('entries of a record', () => {
  test('are set and taken out of a copy; without a change it is the same record', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.nat()), fc.string(), fc.nat(), (known, key, value) => {
        const before = { ...known };
        const set = withEntry(known, key, value);
        expect({ ...set }).toEqual(Object.fromEntries([...Object.entries(before), [key, value]]));
        expect(withEntry(set, key, value)).toBe(set);
        const out = withoutEntry(set, key);
        expect(Object.keys(out)).toEqual(Object.keys(before).filter((other) => other !== key));
        expect(withoutEntry(out, key)).toBe(out);
        expect(known).toEqual(before);
      }),
    );
  });
});

describe('the hash of what is written', () => {
  test('tells contents apart and leaves out what passes', () => {
    const of = (value: unknown) => contentHashOf(value, new Set(['at']));
    expect(of({ a: [{ b: 'x', at: 1 }], c: undefined })).toBe(of({ a: [{ at: 2, b: 'x' }] }));
    const others = [
      { a: 'bc' },
      { ab: 'c' },
      { a: 'b', c: '' },
      { a: ['b', 'c'] },
      { a: ['bc'] },
      { a: 1 },
      { a: [] },
      {},
      [],
    ];
    expect(new Set(others.map(of)).size).toBe(others.length);
  });
});
