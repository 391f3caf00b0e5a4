import { Subject } from 'rxjs';
import { expect, test } from 'vitest';
import { SteppedClock } from '../testing/stepped-clock.ts';
import { FoldedStates, foldByKey, type Keyed, laterMs, soonMs, type Urgency } from './fold-by-key.ts';

function folding() {
  const clock = new SteppedClock();
  const states = new FoldedStates<number>();
  const source = new Subject<Keyed<number>>();
  const batches: string[][] = [];
  const subscription = source
    .pipe(foldByKey({ clock, states, fold: (sum, input) => (input === 0 ? sum : (sum ?? 0) + input) }))
    .subscribe((keys) => batches.push([...keys]));
  return { clock, states, source, batches, subscription };
}

test('a burst is one emission a key, with the state as it is then [SPEC E7]', async () => {
  const { clock, states, source, batches } = folding();
  for (let i = 0; i < 1_000; i += 1) source.next({ key: i % 2 === 0 ? 'a' : 'b', input: 1 });
  expect(batches).toEqual([]);
  await clock.pass(0);
  expect(batches).toEqual([['a', 'b']]);
  expect(states.get('a')).toBe(500);
});

test('an input that changes nothing emits nothing, and makes no state', async () => {
  const { clock, states, source, batches } = folding();
  source.next({ key: 'a', input: 0 });
  await clock.pass(10);
  expect(batches).toEqual([]);
  expect(states.size).toBe(0);
});

test('many keys at once come in batches, none lost and none twice, with room between them [SPEC E7]', async () => {
  const { clock, source, batches } = folding();
  for (let i = 0; i < 1_000; i += 1) source.next({ key: `k${i}`, input: 1 });
  await clock.pass(0);
  expect(batches.length).toBeGreaterThan(1);
  expect(Math.max(...batches.map((keys) => keys.length))).toBeLessThanOrEqual(256);
  expect(new Set(batches.flat()).size).toBe(1_000);
  expect(batches.flat()).toHaveLength(1_000);
});

test('a touched key is emitted, a forgotten one is not, and nothing is left behind after the end', async () => {
  const { clock, states, source, batches, subscription } = folding();
  source.next({ key: 'a', input: 1 });
  source.next({ key: 'b', input: 1 });
  states.delete('b');
  states.touch('unknown');
  await clock.pass(0);
  expect(batches).toEqual([['a']]);
  states.touch('a');
  await clock.pass(0);
  expect(batches).toEqual([['a'], ['a']]);
  source.next({ key: 'a', input: 1 });
  subscription.unsubscribe();
  await clock.pass(10);
  expect(batches).toHaveLength(2);
  expect(clock.pending).toBe(0);
});

test('keys that come and go leave nothing behind', async () => {
  const { clock, states, source } = folding();
  for (let i = 0; i < 5_000; i += 1) {
    source.next({ key: `k${i}`, input: 1 });
    states.delete(`k${i}`);
  }
  await clock.pass(0);
  expect(states.size).toBe(0);
  expect(states.dirtySize).toBe(0);
});

test('what can wait is emitted with what comes meanwhile, what needs no look is not emitted for its own sake [SPEC E7]', async () => {
  const clock = new SteppedClock();
  const states = new FoldedStates<number>();
  const source = new Subject<Keyed<number>>();
  const batches: Array<[number, ...string[]]> = [];
  source
    .pipe(
      foldByKey({
        clock,
        states,
        urgency: (input) => (['now', 'soon', 'later', 'never'] as const)[input - 1] ?? 'now',
        fold: (sum, input) => (sum ?? 0) + input,
      }),
    )
    .subscribe((keys) => batches.push([clock.now().mono, ...keys]));
  const tell = (key: string, urgency: Urgency): void =>
    source.next({ key, input: ['now', 'soon', 'later', 'never'].indexOf(urgency) + 1 });
  tell('a', 'soon');
  tell('b', 'soon');
  tell('c', 'never');
  tell('d', 'later');
  tell('e', 'later');
  source.next({ key: 'f', input: 4, urgency: 'later' });
  await clock.pass(5);
  tell('b', 'now');
  tell('e', 'soon');
  await clock.pass(1_000);
  expect(batches).toEqual([
    [5, 'b'],
    [soonMs, 'a', 'e'],
    [laterMs, 'd', 'f'],
  ]);
  expect(states.get('c')).toBe(4);
});
