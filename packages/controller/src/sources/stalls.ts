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

export function stalls(clock: EdgeClock): Observable<EdgeInput> {
  return new Observable((subscriber) => {
    let cancel: () => void;
    let last = clock.now().mono;
    const tick = (): void => {
      const now = clock.now().mono;
      const forMs = now - last - tickMs;
      last = now;
      cancel = clock.after(tickMs, tick);
      if (forMs > stalledAfterMs) subscriber.next(ofFleet({ kind: 'stalled', forMs: Math.round(forMs) }));
    };
    cancel = clock.after(tickMs, tick);
    return () => cancel();
  });
}
