/**
 * Notices that this process stood still (suspended, starved, a debugger): a tick that comes more than two seconds late.
 * What happened to the bases meanwhile, nobody here saw.
 */
import { Observable } from 'rxjs';
import type { EdgeClock } from '../clock.ts';
import { type EdgeInput, ofFleet } from './edge-input.ts';

const tickMs = 500;
/** Longer than any pause of a garbage collection, shorter than the three seconds within which a base must be back. */
export const stalledAfterMs = 2_000;
/** Beyond what NTP steps a running machine by. */
const asleepAfterMs = 10_000;

export function stalls(clock: EdgeClock): Observable<EdgeInput> {
  return new Observable((subscriber) => {
    let cancel: () => void;
    let last = clock.now();
    const tick = (): void => {
      const now = clock.now();
      const lateMs = now.mono - last.mono - tickMs;
      // A machine that sleeps may stop the monotonic clock with it. A step of the wall clock looks the same: it costs a little patience.
      const asleepMs = now.wall - last.wall - (now.mono - last.mono);
      last = now;
      cancel = clock.after(tickMs, tick);
      const forMs = asleepMs > asleepAfterMs ? lateMs + asleepMs : lateMs;
      if (forMs > stalledAfterMs) subscriber.next(ofFleet({ kind: 'stalled', forMs: Math.round(forMs) }));
    };
    cancel = clock.after(tickMs, tick);
    return () => cancel();
  });
}
