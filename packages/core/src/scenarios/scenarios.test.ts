import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { watchInvariants } from './invariants.ts';
import { runScenario, titleOf } from './runner.ts';

const folder = new URL('.', import.meta.url);
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.txt'))
  .toSorted();

describe('golden scenarios', () => {
  test.each(files)('%s shows what it says', async (file) => {
    const path = new URL(file, folder);
    const source = readFileSync(path, 'utf8');
    expect(titleOf(source)).not.toBe('');
    const violations: string[] = [];
    const { text } = runScenario(source, undefined, (world) => watchInvariants(world, violations));
    expect(violations).toEqual([]);
    await expect(text).toMatchFileSnapshot(path.pathname);
  });
});
