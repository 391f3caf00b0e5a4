import { afterEach, expect, test } from 'vitest';
import { listenToSignals, Stops } from './stopping.ts';

const before = { SIGINT: process.listeners('SIGINT'), SIGTERM: process.listeners('SIGTERM') };
afterEach(() => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    for (const listener of process.listeners(signal)) {
      if (!before[signal].includes(listener)) process.off(signal, listener);
    }
  }
});

test('the first signal asks everything to end, the second ends it at once [SPEC O9]', async () => {
  const exits: number[] = [];
  const asked: string[] = [];
  let now = 0;
  const lifetime = listenToSignals(
    (code) => exits.push(code),
    (signal) => asked.push(signal),
    () => now,
  );
  expect(lifetime.isEnding).toBe(false);
  process.emit('SIGTERM', 'SIGTERM');
  expect(await lifetime.ended).toBe('SIGTERM');
  expect(lifetime.isEnding).toBe(true);
  // The same Ctrl-C, passed on by npm.
  process.emit('SIGINT', 'SIGINT');
  expect(exits).toEqual([]);
  now = 1_000;
  process.emit('SIGINT', 'SIGINT');
  expect(exits).toEqual([130]);
  expect(asked).toEqual(['SIGTERM']);
});

test('what was started last is stopped first, each though another failed', async () => {
  const stopped: string[] = [];
  const stops = new Stops();
  stops.add('a', () => void stopped.push('a'));
  stops.add('b', async () => {
    stopped.push('b');
    throw new Error('no');
  });
  stops.add('c', async () => void stopped.push('c'));
  expect((await stops.all()).map(({ name }) => name)).toEqual(['b']);
  expect(stopped).toEqual(['c', 'b', 'a']);
  expect(await stops.all()).toEqual([]);
});
