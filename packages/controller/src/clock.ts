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

/** A clock that stands still until it is told to go: timers run in order of their time, each at its own time. */
export class SteppedClock implements EdgeClock {
  #monoMs = 0;
  readonly #wallStartMs: number;
  #timers: Array<{ readonly at: number; readonly order: number; readonly fn: () => void }> = [];
  #order = 0;

  constructor(wallStartMs = Date.UTC(2026, 0, 1)) {
    this.#wallStartMs = wallStartMs;
  }

  now(): Stamp {
    return { mono: this.#monoMs, wall: this.#wallStartMs + this.#monoMs };
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { at: this.#monoMs + Math.max(0, ms), order: this.#order++, fn };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** How many timers are set: a leak shows here. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Lets so many ms pass, with everything due on the way; promises settle between two timers. */
  async pass(ms: number): Promise<void> {
    const until = this.#monoMs + ms;
    for (;;) {
      await settle();
      const next = this.#timers
        .filter((timer) => timer.at <= until)
        .sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#monoMs = Math.max(this.#monoMs, next.at);
      next.fn();
    }
    this.#monoMs = until;
    await settle();
  }
}

/** Long enough for a chain of awaits that needs no I/O. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}
