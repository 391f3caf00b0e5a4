/**
 * Logs: JSON lines of pino, one event name a call (`event`), ids as fields; `info` is a change of state and nothing else.
 * No secret gets in: every text of a line is masked here, whoever logs it. [SPEC E16]
 */
import { maskData, maskText } from '@kouplet/core';
import { type DestinationStream, type Logger, pino, stdSerializers } from 'pino';
import { logDestination } from './log-destination.ts';

export type Log = Logger;

export interface LogOptions {
  readonly level?: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** File descriptor; 1, the standard output, by default. */
  readonly to?: number;
}

export interface OpenLog {
  readonly log: Log;
  /** Writes out what is buffered; lines reach the destination within a quarter of a second otherwise. */
  flush(): void;
  close(): void;
}

/** Soon enough for a person who watches; a system call four times a second is nothing. */
const flushEveryMs = 250;

/** Gathered lines, flushed by a timer and at the end. */
export function openLog(options: LogOptions = {}): OpenLog {
  const stream = logDestination(options.to ?? 1);
  const { flush } = stream;
  const timer = setInterval(flush, flushEveryMs);
  timer.unref();
  return {
    log: logTo(stream, options.level ?? 'info'),
    flush,
    close() {
      clearInterval(timer);
      flush();
    },
  };
}

export function logTo(stream: DestinationStream, level: NonNullable<LogOptions['level']>): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }), log: maskedFields },
      serializers: { err: (error: Error) => maskData(stdSerializers.err(error)) },
    },
    stream,
  );
}

/** An error is left to its serializer, which knows what of it is a text. */
function maskedFields(fields: Record<string, unknown>): Record<string, unknown> {
  const { err, ...rest } = fields;
  const masked = maskData(rest);
  return err === undefined ? masked : { ...masked, err };
}

/** A text of others as one line without secrets, of at most `limit` characters. */
export function maskSecrets(text: string, limit = 1_000): string {
  const masked = maskText(text).replace(/\s*\n\s*/g, ' | ');
  return masked.length > limit ? `${masked.slice(0, limit)}…` : masked;
}

/** Lets a name through at most once a span and counts what it held back: for events that a stranger can cause. */
export class Throttle {
  readonly #spanMs: number;
  readonly #limit: number;
  readonly #seen = new Map<string, { at: number; held: number }>();

  /** @param limit names held in memory at most; the oldest goes */
  constructor(spanMs: number, limit = 1_000) {
    this.#spanMs = spanMs;
    this.#limit = limit;
  }

  /** @returns undefined to hold it back, else how many were held back since the last that went through */
  pass(name: string, nowMs: number): number | undefined {
    const entry = this.#seen.get(name);
    if (entry !== undefined && nowMs - entry.at < this.#spanMs) {
      entry.held += 1;
      return undefined;
    }
    this.#seen.delete(name);
    if (this.#seen.size >= this.#limit) {
      const oldest = this.#seen.keys().next();
      if (oldest.done !== true) this.#seen.delete(oldest.value);
    }
    this.#seen.set(name, { at: nowMs, held: 0 });
    return entry?.held ?? 0;
  }
}
