/**
 * How much is answered at once. A real server holds 600 requests in flight and tells all others to come back; watches do not count, but
 * have a bound of their own. Whoever neither sends his request nor takes his answer in a minute is cut off.
 */
import type { Socket } from 'node:net';
import { systemClock } from '../clock.ts';
import type { Exchange } from './exchange.ts';

export interface TrafficLimits {
  /** Requests under way, watches aside (max-requests-inflight and max-mutating-requests-inflight of a real server: 400 + 200). */
  readonly requests: number;
  /** Watches: some connections are left for whoever wants something else. */
  readonly streams: number;
  /** Bytes of large answers that clients have not taken yet. */
  readonly answerBytes: number;
  /** Bytes that wait in the connections of all watches together; beyond it the slowest are cut. */
  readonly streamBytes: number;
  /** From the headers to the last byte taken, watches aside. */
  readonly requestMs: number;
}

const MIB = 1024 * 1024;
export const LIMITS: TrafficLimits = {
  requests: 600,
  streams: 3_584,
  answerBytes: 512 * MIB,
  streamBytes: 256 * MIB,
  requestMs: 60_000,
};

const MAX_SWEEP_MS = 1_000;
/** Answers below this are not counted: the number of requests bounds them. */
const LARGE_BYTES = 64 * 1024;
/** What a refused client may still send before he is cut: enough for him to see the answer first. */
const DRAIN_BYTES = 4 * MIB;

interface Entry {
  readonly startedAt: number;
  bytes: number;
  /** Watches, once they stream. */
  isLong: boolean;
}

export class Traffic {
  readonly #limits: TrafficLimits;
  readonly #open = new Map<Exchange, Entry>();
  #short = 0;
  #streams = 0;
  #bytes = 0;
  #cancel: () => void = () => undefined;

  constructor(limits: TrafficLimits = LIMITS) {
    this.#limits = limits;
  }

  /** Counts a request until its answer is taken. @returns false where there are too many; it is counted all the same */
  enter(exchange: Exchange): boolean {
    const entry: Entry = { startedAt: performance.now(), bytes: 0, isLong: false };
    this.#open.set(exchange, entry);
    this.#short++;
    exchange.whenWritten = (bytes) => {
      if (bytes < LARGE_BYTES || exchange.response.writableLength === 0) return;
      entry.bytes = bytes;
      this.#bytes += bytes;
    };
    exchange.response.on('close', () => {
      this.#open.delete(exchange);
      if (entry.isLong) this.#streams--;
      else this.#short--;
      this.#bytes -= entry.bytes;
    });
    const { requests, answerBytes, streams } = this.#limits;
    if (this.#short > requests || this.#bytes > answerBytes) return false;
    return this.#streams < streams || !exchange.flag('watch');
  }

  /** A stream has begun and is no request any more; any other answer is under way. */
  served(exchange: Exchange): void {
    const entry = this.#open.get(exchange);
    const { response } = exchange;
    if (entry === undefined || !response.headersSent || response.writableEnded) return;
    entry.isLong = true;
    this.#short--;
    this.#streams++;
  }

  /** True while something is being answered on this connection. */
  isBusy(socket: Socket): boolean {
    for (const { request } of this.#open.keys()) if (request.socket === socket) return true;
    return false;
  }

  /** From now on, until `close`, who is too slow is cut off. */
  open(): void {
    this.#sweepLater();
  }

  close(): void {
    this.#cancel();
  }

  // Sockets live in real time, whatever the cluster's own clock says.
  #sweepLater(): void {
    const { requestMs } = this.#limits;
    this.#cancel = systemClock.after(Math.min(MAX_SWEEP_MS, requestMs / 4), () => {
      const before = performance.now() - requestMs;
      for (const [{ request }, entry] of this.#open) {
        if (!entry.isLong && entry.startedAt < before) request.socket.destroy();
      }
      this.#cutSlowest();
      this.#sweepLater();
    });
  }

  #cutSlowest(): void {
    const behind = [...this.#open]
      .filter(([{ response }, entry]) => entry.isLong && response.writableLength > 0)
      .map(([{ response }]) => ({ response, bytes: response.writableLength }))
      .sort((a, b) => b.bytes - a.bytes);
    let bytes = behind.reduce((sum, one) => sum + one.bytes, 0);
    for (const one of behind) {
      if (bytes <= this.#limits.streamBytes) return;
      bytes -= one.bytes;
      one.response.destroy();
    }
  }
}

/** 429 as a real server says it: in plain text, with the time to come back. */
export function sendTooManyRequests(exchange: Exchange): void {
  exchange.send(429, 'text/plain; charset=utf-8', 'Too many requests, please try again later.\n', {
    'retry-after': '1',
  });
}

/** Takes what a refused client still sends, and no more of it than is polite: it must not be taken for his next request. */
export function drain({ request }: Exchange): void {
  if (request.complete) return;
  let left = DRAIN_BYTES;
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) request.socket.destroy();
  });
  request.resume();
}
