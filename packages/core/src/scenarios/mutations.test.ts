import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { mutations, scenarioOf, tryAt } from './mutations.ts';

const folder = new URL('.', import.meta.url);
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.txt'))
  .toSorted();

describe.each(files)('%s with faults on the way', (file) => {
  const scenario = scenarioOf(readFileSync(new URL(file, folder), 'utf8'));
  const total = scenario.places.length;

  // Each at a place of its own, spread over the scenario's length: `every-mutation.test.ts` tries the others.
  test.each(
    mutations.map((mutation, index) => [mutation, index] as const),
  )('one delivery %s: the invariants hold, and it comes to the same end', (mutation, index) => {
    const place = 1 + Math.floor((total * (index + 0.5)) / mutations.length);
    if (place <= total) expect(tryAt(scenario, mutation, place).wrong).toEqual([]);
  });
});
