import { expect, test } from 'vitest';
import { SteppedClock } from '../testing/stepped-clock.ts';
import { Wakes } from './wakes.ts';

function wakesOf(clock: SteppedClock) {
  const rung: Array<[string, number]> = [];
  return { rung, wakes: new Wakes(clock, (key) => rung.push([key, clock.now().mono])) };
}

test('each key rings at its time, whatever the order they were set in, by one timer [SPEC E4]', async () => {
  const clock = new SteppedClock();
  const { rung, wakes } = wakesOf(clock);
  for (const at of [50, 10, 40, 20, 30]) wakes.set(`k${at}`, at);
  // The timer that was overtaken is cancelled: one is left, however many keys there are.
  expect(clock.pending).toBe(1);
  await clock.pass(60);
  expect(rung).toEqual([
    ['k10', 10],
    ['k20', 20],
    ['k30', 30],
    ['k40', 40],
    ['k50', 50],
  ]);
  expect(clock.pending).toBe(0);
});

test('only the last time that a key was given counts, and Infinity is none', async () => {
  const clock = new SteppedClock();
  const { rung, wakes } = wakesOf(clock);
  wakes.set('a', 10);
  wakes.set('a', 30);
  wakes.set('b', 10);
  wakes.set('b', Number.POSITIVE_INFINITY);
  wakes.set('c', 10);
  wakes.delete('c');
  await clock.pass(100);
  expect(rung).toEqual([['a', 30]]);
});

test('a key that moves on for ever leaves no trail behind it [SPEC E4]', async () => {
  const clock = new SteppedClock();
  const { rung, wakes } = wakesOf(clock);
  for (let at = 1; at <= 10_000; at += 1) for (const key of ['a', 'b', 'c']) wakes.set(key, 10_000 + at);
  expect(wakes.size).toBeLessThan(200);
  await clock.pass(20_000);
  expect(rung.map(([key, at]) => `${key}@${at}`).sort()).toEqual(['a@20000', 'b@20000', 'c@20000']);
});

test('a time that has passed rings at once, and stop ends everything', async () => {
  const clock = new SteppedClock();
  const { rung, wakes } = wakesOf(clock);
  await clock.pass(100);
  wakes.set('late', 5);
  await clock.pass(2);
  expect(rung).toEqual([['late', 101]]);
  wakes.set('never', 200);
  wakes.stop();
  await clock.pass(1_000);
  expect(rung).toHaveLength(1);
  expect(clock.pending).toBe(0);
});
