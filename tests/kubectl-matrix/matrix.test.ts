/** The matrix itself: that it is as broad as it says, and that its exceptions are few. [SPEC C170] */
import { expect, test } from 'vitest';
import { wordsOf } from './chapter.ts';
import { chapters } from './chapters/index.ts';
import { textOf } from './matrix.ts';

const lines = chapters.flatMap(({ lines, more = [] }) => [...lines, ...more]);

test('the matrix has at least 100 lines, and at most one in twenty is an exception [SPEC C170]', () => {
  const exceptions = lines.filter((line) => typeof line !== 'string' && line.differs !== undefined);
  expect(lines.length).toBeGreaterThanOrEqual(100);
  expect(exceptions.length).toBeLessThanOrEqual(lines.length / 20);
});

test('no chapter says the same line twice under one name, so that each has a snapshot of its own', () => {
  expect(new Set(chapters.map(({ name }) => name)).size).toBe(chapters.length);
  expect(lines.every((line) => textOf(line).trim() !== '')).toBe(true);
});

test('a line is split as a shell splits it', () => {
  expect(wordsOf(`patch x -p '{"a": "b c"}'  --type=merge -l "a in (b, c)" -o jsonpath='{.x y}'`)).toEqual([
    'patch',
    'x',
    '-p',
    '{"a": "b c"}',
    '--type=merge',
    '-l',
    'a in (b, c)',
    '-o',
    'jsonpath={.x y}',
  ]);
});
