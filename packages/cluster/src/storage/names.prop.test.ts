import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Names, placeAfter } from './names.ts';

const name = fc.constantFrom('a', 'a-b', 'aa', 'b', 'web-0', 'web-1', 'web-10', 'web-2', 'z');

test('names are in order and each there once, whatever came and went between two lists', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(name),
      fc.array(fc.oneof(name, fc.constant('list' as const)), { maxLength: 40 }),
      (first, doings) => {
        const present = new Map<string, object>(first.map((each) => [each, {}]));
        const names = new Names(present);
        for (const doing of [...doings, 'list']) {
          if (doing === 'list') {
            const listed = names.inOrder();
            expect(listed).toEqual([...present.keys()].sort());
          } else if (present.delete(doing)) {
            names.go();
          } else {
            present.set(doing, {});
            names.come(doing);
          }
        }
      },
    ),
  );
});

test('a list that is being read stays as it is', () => {
  const present = new Map([['b', {}]]);
  const names = new Names(present);
  const listed = names.inOrder();
  present.set('a', {});
  names.come('a');
  expect(names.inOrder()).toEqual(['a', 'b']);
  expect(listed).toEqual(['b']);
});

test('a page begins after a name, also where that one is gone', () => {
  fc.assert(
    fc.property(fc.uniqueArray(name), name, (all, after) => {
      const sorted = all.sort();
      expect(sorted.slice(placeAfter(sorted, after))).toEqual(sorted.filter((each) => each > after));
    }),
  );
});
