import { expect, it } from 'vitest';
import { createReflector } from './reflector.ts';
import { createFaultyLink } from './testing/faulty-link.ts';
import { createVirtualClock, settle } from './testing/virtual-clock.ts';
import type { Thing } from './testing/watched-view.ts';
import { projectThing } from './testing/watched-view.ts';

/** mulberry32: the same day for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const day = 24 * 3_600_000;

it.each([
  1, 2,
])('through a day of resets, half-open connections and a 410 on each third resume nothing is missed: day %i [SPEC K8] [SPEC K9] [SPEC K12]', async (seed) => {
  const random = seeded(seed);
  const clock = createVirtualClock();
  const link = createFaultyLink(clock, random);
  for (let index = 0; index < 20; index += 1) link.set(`thing-${index}`, 0);
  const things = new Map<string, Thing>();
  const reflector = createReflector<Thing>({
    transport: link.transport,
    path: '/api/v1/things',
    project: projectThing,
    onEvents: (batch) => {
      for (const event of batch) {
        if (event.kind === 'upsert') things.set(event.key, event.object);
        if (event.kind === 'delete') things.delete(event.key);
      }
    },
    clock,
    random,
    limits: { pageSize: 7, progressDeadlineMs: 30_000 },
  });
  const isEqual = (): boolean =>
    things.size === link.values.size &&
    [...things.values()].every(({ name, value }) => link.values.get(name) === value);
  reflector.start();
  await settle();

  let equalAt = 0;
  let longestStaleMs = 0;
  for (let at = 10_000; at <= day; at += 10_000) {
    if (random() < 0.7) link.set(`thing-${Math.floor(random() * 25)}`, random() < 0.2 ? undefined : at);
    link.bookmark();
    await settle();
    await clock.advanceTo(at);
    if (isEqual()) equalAt = at;
    longestStaleMs = Math.max(longestStaleMs, at - equalAt);
  }
  link.heal();
  await clock.advanceTo(day + 60_000);
  expect(isEqual()).toBe(true);
  expect(link.counts.resets).toBeGreaterThan(200);
  expect(link.counts.silent).toBeGreaterThan(50);
  expect(link.counts.expired).toBeGreaterThan(100);
  expect(link.counts.lists).toBe(1 + link.counts.expired);
  // The deadline, and what reconnecting takes where a 410 and its jittered LIST come on top.
  expect(longestStaleMs).toBeLessThanOrEqual(50_000);
  await reflector.stop();
});
