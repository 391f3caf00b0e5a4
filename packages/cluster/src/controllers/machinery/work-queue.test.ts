import { expect, test } from 'vitest';
import { createVirtualClock, settle } from '../testing.ts';
import { createWorkQueue } from './work-queue.ts';

function start(run: (key: string) => void) {
  const clock = createVirtualClock(0);
  const errors: string[] = [];
  const queue = createWorkQueue({
    clock,
    run,
    onError: (_error, key) => errors.push(key),
    backoffMs: 10,
    maxBackoffMs: 40,
  });
  return { clock, queue, errors };
}

test('a key that is added many times is worked on once, in a later turn [SPEC C90]', async () => {
  const ran: string[] = [];
  const { queue } = start((key) => ran.push(key));
  queue.add('a');
  queue.add('b');
  queue.add('a');
  expect(ran).toEqual([]);
  await settle();
  expect(ran).toEqual(['a', 'b']);
});

test('a key whose work throws comes again, each time later, up to a bound; a success forgets that [SPEC C90]', async () => {
  const at: number[] = [];
  let broken = true;
  const { clock, queue, errors } = start(() => {
    at.push(clock.now());
    if (broken) throw new Error('not yet');
  });
  queue.add('a');
  await clock.advance(115);
  expect(at).toEqual([0, 10, 30, 70, 110]);
  broken = false;
  await clock.advance(100);
  expect(at).toEqual([0, 10, 30, 70, 110, 150]);
  expect(errors).toHaveLength(5);
  broken = true;
  queue.add('a');
  await clock.advance(15);
  expect(at.slice(-2).map((time) => time - 215)).toEqual([0, 10]);
});

test('one key’s failure delays no other [SPEC C90]', async () => {
  const ran: string[] = [];
  const { queue } = start((key) => {
    if (key === 'bad') throw new Error('no');
    ran.push(key);
  });
  for (const key of ['bad', 'a', 'b']) queue.add(key);
  await settle();
  expect(ran).toEqual(['a', 'b']);
});

test('a due time comes once, the earliest one, and never after the end [SPEC C90]', async () => {
  const at: number[] = [];
  const { clock, queue } = start(() => at.push(clock.now()));
  queue.addAfter('a', 50);
  queue.addAfter('a', 20);
  queue.addAfter('a', 90);
  await clock.advance(100);
  expect(at).toEqual([20]);
  queue.addAfter('a', 50);
  queue.stop();
  await clock.advance(100);
  expect(at).toEqual([20]);
});

test('a key that adds itself again, and one whose work takes long, give the turn back in between [SPEC C90]', async () => {
  const clock = createVirtualClock(0);
  const ran: string[] = [];
  let slowMs = 0;
  const queue = createWorkQueue({
    clock: { ...clock, now: () => clock.now() + slowMs },
    onError: () => undefined,
    run: (key) => {
      ran.push(key);
      if (key === 'again' && ran.length < 10) queue.add('again');
      if (key === 'slow') slowMs += 1_000;
    },
  });
  queue.add('again');
  await new Promise((resolve) => setImmediate(resolve));
  expect(ran).toEqual(['again']);
  await settle();
  expect(ran).toHaveLength(10);
  ran.length = 0;
  for (const key of ['slow', 'a', 'b']) queue.add(key);
  await new Promise((resolve) => setImmediate(resolve));
  expect(ran).toEqual(['slow']);
  await settle();
  expect(ran).toEqual(['slow', 'a', 'b']);
});
