/**
 * Events wait here until nobody waits for anything else: in a burst they would share the server with the statuses and records
 * that people wait for. None waits long, what waits is bounded, and what a burst makes superfluous is left out. [SPEC K17]
 *
 *   tell ─► waiting ─ the rest is quiet: four at a time; else, from `heldAtMostMs` on: one at a time ─► recorder
 *              └─ more than `size`: the oldest is dropped
 */
import type { Clock } from './clock.ts';
import { systemClock } from './clock.ts';
import type { EventContent, EventOutcome, EventRecorder } from './event-recorder.ts';

export interface OutboxEvent extends EventContent {
  /** The reason of an earlier Event about the same object that this one makes superfluous: `Installing`, once it is Installed. */
  readonly supersedes?: string;
}

/** `dropped`: too many waited; `superseded`: a later one that waits in the same burst says more. */
export type OutboxOutcome = EventOutcome | 'dropped' | 'superseded';

export interface EventOutbox {
  /** Takes an Event in; it is written when there is time. Never throws. */
  tell(event: OutboxEvent): void;
  /** Events that wait. */
  readonly waiting: number;
  /** Writes what waits without holding back any more, for at most so long. */
  flush(withinMs: number): Promise<void>;
  /** Forgets what waits. */
  close(): void;
}

export interface EventOutboxOptions {
  readonly recorder: EventRecorder;
  /** Requests under way that people wait for. */
  readonly others: () => number;
  /** What became of each Event, once. Must not throw. */
  readonly onOutcome?: (outcome: OutboxOutcome) => void;
  readonly clock?: Clock;
  readonly limits?: Partial<EventOutboxLimits>;
}

export interface EventOutboxLimits {
  /** Events that wait at most. */
  readonly size: number;
  /** So many other requests under way are a burst. */
  readonly busyFrom: number;
  /** So many Events that wait are a burst: superfluous ones are left out. */
  readonly crowdedFrom: number;
  /** A burst holds back an Event no longer than this; then one is written at a time. */
  readonly heldAtMostMs: number;
  readonly lookAgainMs: number;
  readonly atOnce: number;
}

export const eventOutboxDefaults: EventOutboxLimits = {
  // At the 4 kB of the longest message 16 MB, at the usual few hundred bytes 2.
  size: 4096,
  busyFrom: 6,
  crowdedFrom: 64,
  heldAtMostMs: 2_000,
  lookAgainMs: 25,
  atOnce: 4,
};

interface Entry {
  readonly event: OutboxEvent & { readonly at: number };
  readonly since: number;
}

export function createEventOutbox(options: EventOutboxOptions): EventOutbox {
  const { recorder, others } = options;
  const clock = options.clock ?? systemClock;
  const limits = { ...eventOutboxDefaults, ...options.limits };
  const onOutcome = options.onOutcome ?? ((): void => {});
  /** In order; deletions of a Set leave no holes. */
  const entries = new Set<Entry>();
  /** The last that waits of an object and reason. */
  const bySubject = new Map<string, Entry>();
  const writing = new Set<Promise<void>>();
  let cancelLook: (() => void) | undefined;
  let isFlushing = false;

  function tell(event: OutboxEvent): void {
    if (entries.size >= limits.crowdedFrom && event.supersedes !== undefined) {
      const earlier = bySubject.get(subjectOf(event, event.supersedes));
      if (earlier !== undefined) leaveOut(earlier, 'superseded');
    }
    const entry: Entry = {
      event: { ...event, at: event.at ?? clock.now() },
      since: clock.monotonic(),
    };
    entries.add(entry);
    bySubject.set(subjectOf(event, event.reason), entry);
    const [oldest] = entries;
    if (entries.size > limits.size && oldest !== undefined) leaveOut(oldest, 'dropped');
    pump();
  }

  function leaveOut(entry: Entry, outcome: OutboxOutcome): void {
    remove(entry);
    onOutcome(outcome);
  }

  function remove(entry: Entry): void {
    entries.delete(entry);
    const subject = subjectOf(entry.event, entry.event.reason);
    if (bySubject.get(subject) === entry) bySubject.delete(subject);
  }

  function pump(): void {
    for (const entry of entries) {
      if (writing.size >= widthNow(entry)) break;
      remove(entry);
      const done = recorder
        .record(entry.event)
        .then(onOutcome)
        .then(() => {
          writing.delete(done);
          pump();
        });
      writing.add(done);
    }
    // Its own writes look again when they end; what a burst holds back needs somebody who looks.
    if (entries.size > 0 && writing.size === 0 && cancelLook === undefined) {
      cancelLook = clock.setTimeout(() => {
        cancelLook = undefined;
        pump();
      }, limits.lookAgainMs);
    }
  }

  function widthNow(oldest: Entry): number {
    if (isFlushing) return 4 * limits.atOnce;
    if (others() - writing.size < limits.busyFrom) return limits.atOnce;
    return clock.monotonic() - oldest.since >= limits.heldAtMostMs ? 1 : 0;
  }

  return {
    tell,
    get waiting() {
      return entries.size;
    },
    async flush(withinMs) {
      isFlushing = true;
      const until = clock.monotonic() + withinMs;
      pump();
      while (writing.size > 0 && clock.monotonic() < until) {
        let cancel = (): void => {};
        const deadline = new Promise<void>((resolve) => {
          cancel = clock.setTimeout(resolve, until - clock.monotonic());
        });
        await Promise.race([deadline, ...writing]);
        cancel();
      }
      isFlushing = false;
    },
    close() {
      cancelLook?.();
      entries.clear();
      bySubject.clear();
    },
  };
}

function subjectOf(event: OutboxEvent, reason: string): string {
  return `${event.regarding.uid}/${reason}`;
}
