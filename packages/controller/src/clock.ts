/** The controller's only source of time and timers: real at run time, stepped by hand in tests. */
import { performance } from 'node:perf_hooks';
import type { Stamp } from '@kouplet/core';

export interface EdgeClock {
  /** Both clocks at once: what an input is stamped with. */
  now(): Stamp;
  /** Calls once after so many ms (0: after the I/O of this turn); the answer cancels. */
  after(ms: number, fn: () => void): () => void;
}

/** A timer beyond this many ms would fire at once (setTimeout's 32 bits), so it is set again on the way. */
const longestTimerMs = 2 ** 31 - 1;

export const systemClock: EdgeClock = {
  now: () => ({ mono: performance.now(), wall: Date.now() }),
  after(ms, fn) {
    if (ms <= 0) {
      const immediate = setImmediate(fn);
      return () => clearImmediate(immediate);
    }
    let timer: NodeJS.Timeout;
    const arm = (restMs: number): void => {
      timer = setTimeout(
        () => (restMs > longestTimerMs ? arm(restMs - longestTimerMs) : fn()),
        Math.min(restMs, longestTimerMs),
      );
    };
    arm(ms);
    return () => clearTimeout(timer);
  },
};
