/** Events do not stay: a real server lets them go an hour after their last write, and nothing here may grow without bound. */
import type { Clock } from '../clock.ts';
import type { KubeObject } from '../kinds/kind.ts';
import type { Store } from '../storage/store.ts';

const EVENT_TTL_MS = 3_600_000;
const SWEEP_EVERY_MS = 30_000;
/** Beyond this the oldest go early: a crash loop on a thousand bases must not fill the memory. */
const MAX_EVENTS = 50_000;

/** Takes old Events away until the answer is called. */
export function expireEvents(store: Store, clock: Clock): () => void {
  let cancel = clock.after(SWEEP_EVERY_MS, sweep);
  function sweep(): void {
    const shelf = store.shelf('events');
    if (shelf !== undefined) {
      const events = [...shelf.objects()].map((event) => ({ event, at: lastSeen(event) }));
      events.sort((a, b) => a.at - b.at);
      const surplus = events.length - MAX_EVENTS;
      const oldest = clock.now() - EVENT_TTL_MS;
      for (const [index, { event, at }] of events.entries()) {
        if (index >= surplus && at >= oldest) break;
        store.remove(shelf, event);
      }
    }
    cancel = clock.after(SWEEP_EVERY_MS, sweep);
  }
  return () => cancel();
}

function lastSeen(event: KubeObject): number {
  const times = [event.series?.lastObservedTime, event.lastTimestamp, event.eventTime, event.metadata.creationTimestamp]
    .map((time) => Date.parse(String(time)))
    .filter((time) => !Number.isNaN(time));
  return times.length === 0 ? 0 : Math.max(...times);
}
