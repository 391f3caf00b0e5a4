/** Time that passes only when told to, so that a day fits into a second. */
import type { Clock } from '../clock.ts';

export interface VirtualClock extends Clock {
  /** Runs all timers that are due until then, in order, letting promises and streams settle after each. */
  advanceTo(ms: number): Promise<void>;
}

export function createVirtualClock(): VirtualClock {
  let time = 0;
  let order = 0;
  const timers = new Map<number, { readonly at: number; readonly fn: () => void }>();

  function nextDue(until: number): number | undefined {
    let due: number | undefined;
    let dueAt = until;
    for (const [id, { at }] of timers) {
      if (at < dueAt || (at === dueAt && due === undefined)) [due, dueAt] = [id, at];
    }
    return due;
  }

  return {
    now: () => Date.UTC(2026, 0, 1) + time,
    monotonic: () => time,
    setTimeout: (fn, ms) => {
      order += 1;
      const id = order;
      timers.set(id, { at: time + Math.max(0, ms), fn });
      return () => void timers.delete(id);
    },
    async advanceTo(ms) {
      for (let id = nextDue(ms); id !== undefined; id = nextDue(ms)) {
        const timer = timers.get(id);
        timers.delete(id);
        if (timer === undefined) continue;
        time = Math.max(time, timer.at);
        timer.fn();
        await settle();
      }
      time = ms;
    },
  };
}

/** Streams hand on by ticks, promises by microtasks: after some turns of the loop all that can happen has. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
