/**
 * Records core/v1 Events as client-go's recorder does: repeats are counted on one Event, many similar ones become one
 * `(combined from similar events)`, an object that floods is limited. Best effort: nothing waits for it, nothing is retried.
 *
 * Numbers and names: client-go, tools/record/events_cache.go.
 */

import type { Clock } from './clock.ts';
import { systemClock } from './clock.ts';
import type { Series } from './event-correlation.ts';
import { createCorrelator } from './event-correlation.ts';
import { createObject, events, mergePatch, patchObject } from './resources.ts';
import type { Transport } from './transport.ts';

/** What an Event is about. */
export interface Regarding {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** Absent for objects without a namespace: their Events are in `default`. */
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion?: string;
  readonly fieldPath?: string;
}

export interface EventContent {
  readonly regarding: Regarding;
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, at most 128 characters. */
  readonly reason: string;
  readonly message: string;
  /** When it happened, ms since the epoch; absent: now. */
  readonly at?: number;
  /** Where the message is cut. Default 1024 bytes; 4096 where the whole text matters. */
  readonly maxMessageBytes?: number;
}

/** `created`, `counted` on an earlier one, `limited` (too many about this object, or too many under way), `failed` (and forgotten). */
export type EventOutcome = 'created' | 'counted' | 'limited' | 'failed';

export interface EventRecorder {
  /** Never rejects. */
  record(event: EventContent): Promise<EventOutcome>;
  /** Waits for those under way, at most `withinMs`. */
  flush(withinMs: number): Promise<void>;
}

export interface EventRecorderOptions {
  readonly transport: Transport;
  /** `source.component`: what kubectl shows under From. */
  readonly component: string;
  /** `source.host`. */
  readonly host?: string;
  readonly clock?: Clock;
  readonly limits?: Partial<EventRecorderLimits>;
}

export interface EventRecorderLimits {
  /** Series and objects remembered; the least recently used go first. */
  readonly memory: number;
  /** Different messages of one reason about one object within `similarWithinMs`, before they are combined. */
  readonly similarBeforeCombined: number;
  readonly similarWithinMs: number;
  /** Events about one object at once, and the time after which one more is allowed. */
  readonly burst: number;
  readonly refillMs: number;
  /** Requests under way: beyond them Events are dropped. */
  readonly underWay: number;
  readonly timeoutMs: number;
}

export const eventRecorderDefaults: EventRecorderLimits = {
  memory: 4096,
  similarBeforeCombined: 10,
  similarWithinMs: 600_000,
  burst: 25,
  refillMs: 300_000,
  underWay: 64,
  timeoutMs: 10_000,
};

const reasonLimit = 128;
const defaultMessageBytes = 1024;
const nameLimit = 253;

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { transport, component } = options;
  const clock = options.clock ?? systemClock;
  const limits = { ...eventRecorderDefaults, ...options.limits };
  const correlator = createCorrelator(limits);
  const source = options.host === undefined ? { component } : { component, host: options.host };
  const underWay = new Set<Promise<unknown>>();
  let lastNanos = 0n;

  async function record(event: EventContent): Promise<EventOutcome> {
    const message = cutToBytes(event.message, event.maxMessageBytes ?? defaultMessageBytes);
    const series = correlator.correlate({ ...event, message }, clock.monotonic());
    if (series === undefined) return 'limited';
    series.count += 1;
    series.lastAt = event.at ?? clock.now();
    series.firstAt ??= series.lastAt;
    // One request a series: what comes meanwhile is counted and written by the one under way when it ends.
    if (series.isWriting) return 'counted';
    if (underWay.size >= limits.underWay) return 'limited';
    const writing = write(series, event);
    underWay.add(writing);
    try {
      return await writing;
    } finally {
      underWay.delete(writing);
    }
  }

  async function write(series: Series, event: EventContent): Promise<EventOutcome> {
    series.isWriting = true;
    let outcome: EventOutcome;
    try {
      do {
        outcome = await writeOnce(series, event);
      } while (outcome !== 'failed' && series.count > series.writtenCount);
      return outcome;
    } finally {
      series.isWriting = false;
    }
  }

  async function writeOnce(series: Series, event: EventContent): Promise<EventOutcome> {
    const { count, message } = series;
    const lastTimestamp = secondsOf(series.lastAt);
    if (series.eventName !== undefined) {
      const ref = { namespace: series.namespace, name: series.eventName };
      const patch = mergePatch({ count, lastTimestamp, message });
      const outcome = await transport.request(
        patchObject(events, ref, patch, { wantsBody: false, timeoutMs: limits.timeoutMs }),
      );
      if (outcome.kind === 'ok') {
        series.writtenCount = count;
        return 'counted';
      }
      if (outcome.kind !== 'gone') return 'failed';
      // It has expired (an hour, by default): begin another, which goes on counting.
      series.eventName = undefined;
    }
    const name = eventNameOf(event.regarding.name);
    // Its name is ours and nothing else of it is needed: the answer is not read.
    const outcome = await transport.request(
      createObject(events, series.namespace, bodyOf(name, series, event, count, message, lastTimestamp), {
        wantsBody: false,
        timeoutMs: limits.timeoutMs,
      }),
    );
    if (outcome.kind !== 'ok') return 'failed';
    series.eventName = name;
    series.writtenCount = count;
    return 'created';
  }

  function bodyOf(
    name: string,
    series: Series,
    event: EventContent,
    count: number,
    message: string,
    lastTimestamp: string,
  ): Readonly<Record<string, unknown>> {
    return {
      metadata: { name, namespace: series.namespace },
      involvedObject: event.regarding,
      type: event.type,
      reason: event.reason.slice(0, reasonLimit),
      message,
      source,
      reportingComponent: component,
      reportingInstance: options.host ?? '',
      count,
      firstTimestamp: secondsOf(series.firstAt ?? series.lastAt),
      lastTimestamp,
    };
  }

  /** `OBJECT.HEXNANOS`, unique in this process though the clock counts milliseconds. */
  function eventNameOf(objectName: string): string {
    const nanos = BigInt(Math.floor(clock.now())) * 1_000_000n;
    lastNanos = nanos > lastNanos ? nanos : lastNanos + 1n;
    const suffix = lastNanos.toString(16);
    const stem = objectName.slice(0, nameLimit - suffix.length - 1).replace(/[^a-z0-9]+$/, '');
    return `${stem}.${suffix}`;
  }

  return {
    record,
    async flush(withinMs) {
      let cancel = (): void => {};
      const deadline = new Promise<void>((resolve) => {
        cancel = clock.setTimeout(resolve, withinMs);
      });
      await Promise.race([Promise.allSettled([...underWay]), deadline]);
      cancel();
    },
  };
}

/** Times of an Event have whole seconds. */
function secondsOf(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Cuts at a whole character, with an ellipsis that counts. */
function cutToBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= maxBytes) return text;
  let end = Math.max(0, maxBytes - 3);
  // A byte 10xxxxxx continues a character.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return `${bytes.toString('utf8', 0, end)}…`;
}
