/**
 * What became of a request: one closed union, decided once, here. Nobody else reads a status code.
 *
 * The texts that tell another incarnation from a plain conflict were read off kube-apiserver 1.34.
 */
import { isRecord } from './objects.ts';

/** What the server said of a failure: its Status, or the plain text where it sent none. */
export interface Failure {
  /** One line, cut at 1 kB. */
  readonly message: string;
  /** Kubernetes' own word: NotFound, Conflict, AlreadyExists, Invalid, Forbidden, Expired, … */
  readonly reason?: string;
  /** `details.kind` and `details.name`: what it is about. */
  readonly kind?: string;
  readonly name?: string;
  readonly causes?: ReadonlyArray<{ readonly reason?: string; readonly message?: string; readonly field?: string }>;
}

export type RefusedOutcome =
  /** 404 of an object, 410 (an expired list or watch), or the object of that name is another incarnation (UID precondition). */
  | {
      readonly kind: 'gone';
      readonly status: number;
      readonly why: 'not-found' | 'expired' | 'other-incarnation';
      readonly failure: Failure;
    }
  /** 409: it exists already (`failure.reason` AlreadyExists) or the resourceVersion is not the latest. */
  | { readonly kind: 'conflict'; readonly status: number; readonly failure: Failure }
  /** 422: the body does not pass validation; the same again will not help. */
  | { readonly kind: 'unprocessable'; readonly status: number; readonly failure: Failure }
  /** Any other 4xx (403 above all), and a 404 of the path itself: the same again will not help unless rights change. */
  | { readonly kind: 'refused'; readonly status: number; readonly failure: Failure }
  /** 401, also with freshly read credentials. */
  | { readonly kind: 'unauthorized'; readonly status: number; readonly failure: Failure }
  /** 429: `retryAfterMs` is the server's Retry-After, 1 s where it said none. */
  | { readonly kind: 'throttled'; readonly status: number; readonly retryAfterMs: number; readonly failure: Failure }
  /** 5xx, reset, time-out, an answer that is no JSON or too large. A write may have been done all the same. */
  | {
      readonly kind: 'failed';
      /** Absent where no answer came. */
      readonly status?: number;
      readonly why: 'server' | 'connection' | 'timeout' | 'bad-answer' | 'too-large' | 'aborted' | 'closed';
      readonly retryAfterMs?: number;
      readonly failure: Failure;
    };

export type ApiOutcome =
  /** 2xx. `body` is the parsed JSON, `undefined` where the request did not want it. */
  { readonly kind: 'ok'; readonly status: number; readonly body: unknown } | RefusedOutcome;

const messageLimit = 1024;
/** A Retry-After beyond this is a server's mistake, not a reason to be blind for hours. */
const retryAfterCapMs = 120_000;

/**
 * The one table of status codes.
 *
 * @param retryAfterMs  from the header or the Status' details, where there was one
 */
export function outcomeOfStatus(
  method: string,
  status: number,
  failure: Failure,
  retryAfterMs?: number,
): RefusedOutcome {
  const retry = retryAfterMs === undefined ? {} : { retryAfterMs };
  switch (status) {
    case 401:
      return { kind: 'unauthorized', status, failure };
    case 404:
      // A creation cannot find its object gone: its namespace is missing, or the path is not served.
      if (method !== 'POST' && failure.name !== undefined) return { kind: 'gone', status, why: 'not-found', failure };
      return { kind: 'refused', status, failure };
    case 409:
      if (isOtherIncarnation(failure)) return { kind: 'gone', status, why: 'other-incarnation', failure };
      return { kind: 'conflict', status, failure };
    case 410:
      return { kind: 'gone', status, why: 'expired', failure };
    case 422:
      if (isOtherIncarnation(failure)) return { kind: 'gone', status, why: 'other-incarnation', failure };
      return { kind: 'unprocessable', status, failure };
    case 429:
      return { kind: 'throttled', status, retryAfterMs: retryAfterMs ?? 1000, failure };
    default:
      if (status >= 400 && status < 500) return { kind: 'refused', status, failure };
      return { kind: 'failed', status, why: 'server', ...retry, failure };
  }
}

/** A failure without an answer of the server. */
export function failedOutcome(
  why: Extract<RefusedOutcome, { kind: 'failed' }>['why'],
  message: string,
  status?: number,
): RefusedOutcome {
  const failure = { message: oneLine(message) };
  return status === undefined ? { kind: 'failed', why, failure } : { kind: 'failed', status, why, failure };
}

/** One sentence for logs and Events: `409 Conflict: Operation cannot be fulfilled …`. */
export function describeOutcome(outcome: ApiOutcome): string {
  if (outcome.kind === 'ok') return String(outcome.status);
  const status = outcome.status === undefined ? '' : `${outcome.status} `;
  const reason = outcome.failure.reason ?? outcome.kind;
  return `${status}${reason}: ${outcome.failure.message}`;
}

function isOtherIncarnation(failure: Failure): boolean {
  // DELETE and PUT name the precondition in the message; a PATCH of metadata.uid is told as an immutable field.
  if (/UID in (the )?precondition/.test(failure.message)) return true;
  return failure.reason === 'Invalid' && (failure.causes ?? []).some((cause) => cause.field === 'metadata.uid');
}

/** Reads a Status out of an answer's text; any other text becomes the message itself. */
export function failureOf(status: number, text: string): Failure & { readonly retryAfterMs?: number } {
  const parsed = parseJson(text);
  if (isRecord(parsed) && parsed.kind === 'Status') return failureOfStatus(parsed);
  const message = oneLine(text);
  return { message: message === '' ? `HTTP ${status}` : message };
}

/** The same for a Status that is parsed already: an ERROR event of a watch carries one. */
export function failureOfStatus(
  status: Readonly<Record<string, unknown>>,
): Failure & { readonly retryAfterMs?: number } {
  const details = isRecord(status.details) ? status.details : {};
  const retryAfter = details.retryAfterSeconds;
  return {
    message: oneLine(typeof status.message === 'string' ? status.message : 'no message'),
    ...textField('reason', status.reason),
    ...textField('kind', details.kind),
    ...textField('name', details.name),
    ...(Array.isArray(details.causes) ? { causes: details.causes.filter(isRecord).map(causeOf) } : {}),
    ...(typeof retryAfter === 'number' && retryAfter > 0
      ? { retryAfterMs: Math.min(retryAfter * 1000, retryAfterCapMs) }
      : {}),
  };
}

/** Retry-After as seconds or as a date (RFC 9110 §10.2.3); undefined for anything else. */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined || value.trim() === '') return undefined;
  const seconds = Number(value);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - nowMs;
  if (!Number.isFinite(ms)) return undefined;
  return Math.min(Math.max(ms, 0), retryAfterCapMs);
}

function causeOf(cause: Readonly<Record<string, unknown>>): { reason?: string; message?: string; field?: string } {
  return {
    ...textField('reason', cause.reason),
    ...textField('message', cause.message),
    ...textField('field', cause.field),
  };
}

function textField<K extends string>(key: K, value: unknown): { [P in K]?: string } {
  const result: { [P in K]?: string } = {};
  if (typeof value === 'string' && value !== '') result[key] = value;
  return result;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim().slice(0, messageLimit);
}
