/** The matrix itself: that it is as broad as it says, and that its exceptions are few. [SPEC C170] */
import { expect, test } from 'vitest';
import { wordsOf } from './chapter.ts';
import { chapters } from './chapters/index.ts';
import { notPlayed, textOf } from './matrix.ts';
import { alike, neighboursOf } from './snapshots.ts';

const lines = chapters.flatMap(({ lines, more = [] }) => [...lines, ...more]);

if (notPlayed !== undefined) console.warn(`The matrix of kubectl is left out: ${notPlayed}.`);

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

test('a version between two listed ones is held to what both print alike, which is most of it [SPEC C170]', () => {
  expect(['1.28', '1.30', '1.31', '1.33', '1.34', '1.36'].map(neighboursOf)).toEqual([
    undefined,
    ['1.29', '1.32'],
    ['1.29', '1.32'],
    ['1.32', '1.35'],
    ['1.32', '1.35'],
    undefined,
  ]);
  for (const known of [alike('1.29', '1.32'), alike('1.32', '1.35')]) {
    expect(known.size).toBeGreaterThan(lines.length * 0.9);
    expect(known.get('refusals > kubectl get pods nope 1')).toContain(
      'Error from server (NotFound): pods "nope" not found',
    );
  }
});
