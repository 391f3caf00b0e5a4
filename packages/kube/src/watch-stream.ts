/** Reads one open watch to its end and says how it ended. Knows no list, no retry. */
import type { Readable } from 'node:stream';
import type { Clock } from './clock.ts';
import { createLineSplitter } from './line-splitter.ts';
import type { KubeObject } from './objects.ts';
import { isKubeObject, isRecord } from './objects.ts';
import { failureOfStatus } from './outcome.ts';

export type WatchEvent =
  | { readonly kind: 'present'; readonly object: KubeObject }
  | { readonly kind: 'gone'; readonly object: KubeObject }
  | { readonly kind: 'bookmark'; readonly resourceVersion: string };

export type WatchEnd =
  /** The server ended it (timeoutSeconds, its own restart). */
  | { readonly kind: 'closed' }
  /** Cut off, perhaps within a line, which is then lost and comes again. */
  | { readonly kind: 'broken'; readonly message: string }
  /** Not a byte for the deadline: a half-open connection looks like this. */
  | { readonly kind: 'silent'; readonly forMs: number }
  /** ERROR event with code 410: the resourceVersion is too old. */
  | { readonly kind: 'expired'; readonly message: string }
  /** ERROR event with another code. */
  | { readonly kind: 'error'; readonly message: string; readonly retryAfterMs?: number }
  /** A line that is no event, or too long a one: what it meant to say is missing. */
  | { readonly kind: 'unreadable'; readonly message: string }
  /** The reader asked to end it. */
  | { readonly kind: 'left' };

export interface WatchReading {
  readonly clock: Clock;
  readonly progressDeadlineMs: number;
  readonly maxLineBytes: number;
  /** What one chunk brought, in order. False ends the watch. */
  readonly onEvents: (events: readonly WatchEvent[]) => boolean;
}

/** Resolves once, when the watch is over and its connection given back or cut. Never rejects. */
export function readWatch(body: Readable, reading: WatchReading): Promise<WatchEnd> {
  const { clock, progressDeadlineMs, onEvents } = reading;
  const splitter = createLineSplitter(reading.maxLineBytes);
  return new Promise((resolve) => {
    let isOver = false;
    let heardAt = clock.monotonic();
    let cancelDeadline = clock.setTimeout(onDeadline, progressDeadlineMs);

    function finish(end: WatchEnd): void {
      if (isOver) return;
      isOver = true;
      cancelDeadline();
      resolve(end);
      body.destroy();
    }

    // One timer a deadline, not one a chunk: it looks at when the last byte came and sleeps for the rest.
    function onDeadline(): void {
      const silentMs = clock.monotonic() - heardAt;
      if (silentMs >= progressDeadlineMs) finish({ kind: 'silent', forMs: Math.round(silentMs) });
      else cancelDeadline = clock.setTimeout(onDeadline, Math.max(1, progressDeadlineMs - silentMs));
    }

    body.on('data', (chunk: Buffer) => {
      if (isOver) return;
      heardAt = clock.monotonic();
      const events: WatchEvent[] = [];
      let end: WatchEnd | undefined;
      try {
        for (const line of splitter.push(chunk)) {
          const read = readLine(line);
          if (read === undefined) continue;
          if (isEnd(read)) {
            end = read;
            break;
          }
          events.push(read);
        }
      } catch (error) {
        end = { kind: 'unreadable', message: error instanceof Error ? error.message : String(error) };
      }
      if (events.length > 0 && !onEvents(events)) end = { kind: 'left' };
      if (end !== undefined) finish(end);
    });
    body.on('end', () => finish({ kind: 'closed' }));
    body.on('error', (error: Error) => finish({ kind: 'broken', message: error.message }));
    body.on('close', () => finish({ kind: 'broken', message: 'the connection was closed' }));
  });
}

function isEnd(read: WatchEvent | WatchEnd): read is WatchEnd {
  return read.kind === 'expired' || read.kind === 'error' || read.kind === 'unreadable';
}

/** One line of a watch. Types that are not known are left out: a newer server may have more. */
function readLine(line: Buffer): WatchEvent | WatchEnd | undefined {
  const text = line.toString('utf8');
  let event: unknown;
  try {
    event = JSON.parse(text);
  } catch {
    return unreadable(text);
  }
  if (!isRecord(event) || typeof event.type !== 'string') return unreadable(text);
  const object = event.object;
  switch (event.type) {
    case 'ADDED':
    case 'MODIFIED':
      return isKubeObject(object) ? { kind: 'present', object } : unreadable(text);
    case 'DELETED':
      return isKubeObject(object) ? { kind: 'gone', object } : unreadable(text);
    case 'BOOKMARK': {
      const metadata = isRecord(object) && isRecord(object.metadata) ? object.metadata : {};
      const { resourceVersion } = metadata;
      if (typeof resourceVersion !== 'string' || resourceVersion === '') return unreadable(text);
      return { kind: 'bookmark', resourceVersion };
    }
    case 'ERROR': {
      if (!isRecord(object)) return unreadable(text);
      const { message, reason, retryAfterMs } = failureOfStatus(object);
      if (object.code === 410 || reason === 'Expired' || reason === 'Gone') return { kind: 'expired', message };
      return { kind: 'error', message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
    }
    default:
      return undefined;
  }
}

function unreadable(text: string): WatchEnd {
  return { kind: 'unreadable', message: `this line is no watch event: ${text.slice(0, 120)}` };
}
