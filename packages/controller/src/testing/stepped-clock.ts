/** Virtual time for the controller's tests. */
import type { Stamp } from '@kouplet/core';
import type { EdgeClock } from '../clock.ts';

/** A clock that stands still until it is told to go: timers run in order of their time, each at its own time. */
export class SteppedClock implements EdgeClock {
  #monoMs = 0;
  #wallStartMs: number;
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

  /** Time goes on and no timer runs, as for a process that is stopped. */
  standStill(ms: number): void {
    this.#monoMs += ms;
  }

  /** The machine sleeps: the wall clock goes on, the monotonic one does not. */
  sleep(ms: number): void {
    this.#wallStartMs += ms;
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
