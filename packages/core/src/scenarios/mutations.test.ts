import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { mutations, scenarioOf, tryAt } from './mutations.ts';

const folder = new URL('.', import.meta.url);
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.txt'))
  .toSorted();

/** Deliveries of a scenario that are mutated, spread over its length: `every-mutation.test.ts` tries the others. */
const placesPerScenario = 3;

describe.each(files)('%s with faults on the way', (file) => {
  const scenario = scenarioOf(readFileSync(new URL(file, folder), 'utf8'));
  const total = scenario.places.length;
  const stride = Math.max(1, Math.ceil(total / placesPerScenario));

  test.each(mutations)('one delivery %s: the invariants hold, and it comes to the same end', (mutation) => {
    for (let place = 1; place <= total; place += stride) expect(tryAt(scenario, mutation, place).wrong).toEqual([]);
  });
});
