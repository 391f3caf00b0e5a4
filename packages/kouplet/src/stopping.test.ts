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
  const lifetime = listenToSignals(
    (code) => exits.push(code),
    (signal) => asked.push(signal),
  );
  expect(lifetime.isEnding).toBe(false);
  process.emit('SIGTERM', 'SIGTERM');
  expect(await lifetime.ended).toBe('SIGTERM');
  expect(lifetime.isEnding).toBe(true);
  expect(exits).toEqual([]);
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
