/**
 * Every recording of a real base, through decode, fold and plan, with a golden file that can be read: what came, what the plan did, what
 * is the case in the end. `npx vitest run packages/core/src/recordings -u` rewrites them; commit only changes you can explain.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type RecordedLine, replay } from './testing/replay.ts';

const folder = new URL('../../../protocol/src/fixtures/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.jsonl'));

test('recordings are there', () => {
  expect(files.length).toBeGreaterThanOrEqual(42);
});

test.each(files)('%s, replayed, ends as it should', async (file) => {
  const text = readFileSync(new URL(file, folder), 'utf8');
  const lines = text.split('\n').flatMap((line): RecordedLine[] => (line === '' ? [] : [JSON.parse(line)]));
  const golden = new URL(file.replace(/\.jsonl$/, '.txt'), import.meta.url);
  await expect(`${replay(lines).join('\n')}\n`).toMatchFileSnapshot(golden.pathname);
});
