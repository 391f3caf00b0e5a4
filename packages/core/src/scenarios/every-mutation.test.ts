/**
 * Every delivery of every scenario dropped, doubled, swapped with its neighbour and late; `npm run test:long` runs it. Of the long
 * scenarios so many places as there is time for, spread evenly, the same ones each time: `OFFSET=17` tries others, `OFFSET=random`
 * any, and says which. `EVERY=1` tries all of all, which takes more than an hour.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { mutations, scenarioOf, tryAt } from './mutations.ts';

const folder = new URL('.', import.meta.url);
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.txt'))
  .toSorted();

/** A scenario of no more deliveries has all of them tried. */
const shortDeliveries = process.env.EVERY === '1' ? Number.POSITIVE_INFINITY : 60;
const placesOfLong = 12;
const { OFFSET = '0' } = process.env;
const offset = OFFSET === 'random' ? Math.floor(Math.random() * 10_000) : Number(OFFSET);
/** Of so many runs one has its plans made of a copy at every step, which takes six times as long. */
const closelyLookedAtEvery = 29;

let runs = offset;

describe.each(files)('%s with a fault at every place', (file) => {
  const scenario = scenarioOf(readFileSync(new URL(file, folder), 'utf8'));
  const total = scenario.places.length;
  const isWhole = total <= shortDeliveries;
  const stride = isWhole ? 1 : Math.ceil(total / placesOfLong);
  const first = isWhole ? 1 : 1 + (offset % stride);

  test.each(mutations)(`of ${total} deliveries one %s (OFFSET=${offset})`, (mutation) => {
    const wrong: string[] = [];
    const excused = new Set<string>();
    for (let place = first; place <= total; place += stride) {
      runs += 1;
      const trial = tryAt(scenario, mutation, place, runs % closelyLookedAtEvery === 0 ? 1 : undefined);
      wrong.push(...trial.wrong);
      if (trial.excusedBy !== undefined) excused.add(trial.excusedBy);
    }
    expect(wrong).toEqual([]);
    // A line that spares what comes to the same end hides what may not do so one day.
    const needless = scenario.spared.filter((spared) => spared.mutation === mutation && !excused.has(spared.line));
    if (isWhole) expect(needless.map(({ line }) => line)).toEqual([]);
  });
});
