/** Which Events are one: pure bookkeeping in a bounded memory, without any I/O. */
import { createHash } from 'node:crypto';
import type { EventContent, EventRecorderLimits } from './event-recorder.ts';
import { createLru } from './lru.ts';

/** Repeats of one Event: one object in the API, whose count goes up. Changed by the recorder as it writes. */
export interface Series {
  readonly namespace: string;
  /** The latest message: those of a combined series differ. */
  message: string;
  count: number;
  writtenCount: number;
  /** Milliseconds since the epoch. */
  firstAt: number | undefined;
  lastAt: number;
  /** Its name in the API; undefined until it was created. */
  eventName: string | undefined;
  isWriting: boolean;
}

export interface Correlator {
  /** The series that this Event belongs to; undefined where there are too many about its object. `at` is monotonic ms. */
  correlate(event: EventContent, at: number): Series | undefined;
}

interface Similar {
  readonly digests: Set<string>;
  lastAt: number;
}

interface Bucket {
  tokens: number;
  filledAt: number;
}

const combinedPrefix = '(combined from similar events): ';

export function createCorrelator(limits: EventRecorderLimits): Correlator {
  const series = createLru<Series>(limits.memory);
  const similar = createLru<Similar>(limits.memory);
  const buckets = createLru<Bucket>(limits.memory);

  function correlate(event: EventContent, at: number): Series | undefined {
    const { regarding, type, reason, message } = event;
    // Messages may be long and many: what is remembered of them has one size.
    const digest = createHash('sha256').update(message).digest('base64');
    const objectKey = keyOf(regarding.kind, regarding.namespace, regarding.name, regarding.uid, regarding.apiVersion);
    const similarKey = keyOf(objectKey, type, reason);
    const isCombined = noteSimilar(similarKey, digest, at);
    if (!takeToken(objectKey, at)) return undefined;
    const key = isCombined ? similarKey : keyOf(similarKey, digest);
    const told = isCombined ? `${combinedPrefix}${message}` : message;
    const existing = series.get(key);
    if (existing !== undefined) {
      existing.message = told;
      return existing;
    }
    const fresh: Series = {
      namespace: regarding.namespace ?? 'default',
      message: told,
      count: 0,
      writtenCount: 0,
      firstAt: undefined,
      lastAt: 0,
      eventName: undefined,
      isWriting: false,
    };
    series.set(key, fresh);
    return fresh;
  }

  /** True once more different messages came than are told one by one. */
  function noteSimilar(key: string, digest: string, at: number): boolean {
    let record = similar.get(key);
    if (record === undefined || at - record.lastAt > limits.similarWithinMs) {
      record = { digests: new Set(), lastAt: at };
      similar.set(key, record);
    }
    record.lastAt = at;
    if (record.digests.has(digest)) return false;
    if (record.digests.size >= limits.similarBeforeCombined) return true;
    record.digests.add(digest);
    return false;
  }

  function takeToken(key: string, at: number): boolean {
    let bucket = buckets.get(key);
    if (bucket === undefined) {
      bucket = { tokens: limits.burst, filledAt: at };
      buckets.set(key, bucket);
    }
    bucket.tokens = Math.min(limits.burst, bucket.tokens + (at - bucket.filledAt) / limits.refillMs);
    bucket.filledAt = at;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  return { correlate };
}

function keyOf(...parts: ReadonlyArray<string | undefined>): string {
  return JSON.stringify(parts);
}
