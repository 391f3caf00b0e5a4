/**
 * Requests to one API server: one undici Pool for short requests, one for watches.
 *
 * Every request ends in an outcome and never rejects. Nothing is retried here but a 401, once, with credentials read
 * anew: when to try again is the caller's plan. Nothing is queued beyond what waits for one of 16 connections.
 */

import { createSecureContext, type SecureContext } from 'node:tls';
import type { Dispatcher } from 'undici';
import { Pool, ProxyAgent } from 'undici';
import { readBounded } from './body.ts';
import type { Clock } from './clock.ts';
import { systemClock } from './clock.ts';
import type { ClusterAccess, Credentials, TlsMaterial } from './credentials.ts';
import { isSameTls } from './credentials.ts';
import { exchange } from './exchange.ts';
import type { ApiOutcome, RefusedOutcome } from './outcome.ts';
import { failedOutcome, failureOf, outcomeOfStatus, parseRetryAfter } from './outcome.ts';

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** From the server's root, without a query: `/api/v1/nodes/x`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Default `application/json`. */
  readonly contentType?: string;
  /** From the call to the last byte of the answer, waiting for a connection included. Default 30 s. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** False: a success's body is thrown away unread. Default true. */
  readonly wantsBody?: boolean;
}

/** An open watch: its bytes, until they end. Whoever got it must read or destroy it. */
export interface OpenStream {
  readonly kind: 'open';
  readonly body: Dispatcher.ResponseData['body'];
}

export interface Transport {
  readonly access: ClusterAccess;
  /** Never rejects. */
  request(request: ApiRequest): Promise<ApiOutcome>;
  /** Short requests under way, those that wait for a connection included. */
  readonly underWay: number;
  /** As `request`, but answers once the headers are in; `timeoutMs` is the time for these. Only `signal` ends the body. */
  open(request: ApiRequest): Promise<OpenStream | RefusedOutcome>;
  /** Ends every connection at once; what is under way ends as `failed`. Does not close the access. */
  close(): Promise<void>;
}

export interface TransportOptions {
  readonly access: ClusterAccess;
  /** `kouplet/0.1.0`: what stands before the slash becomes managedFields.manager. */
  readonly userAgent: string;
  readonly clock?: Clock;
  /** Connections for short requests. Default 16: enough for 550 writes a second at 20 ms each. */
  readonly connections?: number;
  /** Largest answer that is read, in bytes. Default 128 MiB; V8 cannot hold a string above 512 MiB. */
  readonly maxAnswerBytes?: number;
}

const defaultTimeoutMs = 30_000;
const errorBodyLimit = 64 * 1024;
/** Of an answer that nobody wants: read rather than cut, for the sake of its connection. */
const unwantedBodyLimit = 4 * 1024 * 1024;
const connectTimeoutMs = 10_000;
/** Below what cloud load balancers cut off (60 s); a server's own Keep-Alive hint overrides it. */
const idleConnectionMs = 30_000;

/** Makes the pools; connects nothing yet. */
export function createTransport(options: TransportOptions): Transport {
  const { access, userAgent } = options;
  const clock = options.clock ?? systemClock;
  const maxAnswerBytes = options.maxAnswerBytes ?? 128 * 1024 * 1024;
  const server = new URL(access.server);
  const prefix = server.pathname.replace(/\/+$/, '');
  const living = new Set<Dispatcher>();
  let made: { readonly credentials: Credentials; readonly short: Dispatcher; readonly long: Dispatcher } | undefined;
  let isClosed = false;
  let underWay = 0;

  function pools(): { short: Dispatcher; long: Dispatcher; headers: Readonly<Record<string, string>> } {
    const credentials = access.credentials();
    if (made === undefined || !isSameTlsOf(made.credentials, credentials)) {
      const retired = made;
      made = {
        credentials,
        short: makePool(options.connections ?? 16, credentials),
        // One connection a watch: a limit here would let one watch wait for another's end.
        long: makePool(null, credentials),
      };
      if (retired !== undefined) {
        retire(retired.short);
        retire(retired.long);
      }
    } else if (made.credentials !== credentials) {
      made = { ...made, credentials };
    }
    return { short: made.short, long: made.long, headers: credentials.headers };
  }

  function makePool(connections: number | null, credentials: Credentials): Dispatcher {
    const tls = { ...credentials.tls, ...sharedContext(credentials.tls) };
    const shared = {
      connections,
      pipelining: 1,
      // undici prefers HTTP/2 where the server offers it: one connection, one flow-control window for all.
      allowH2: false,
      keepAliveTimeout: idleConnectionMs,
      // Deadlines are kept here, over waiting, connecting and answering together.
      headersTimeout: 0,
      bodyTimeout: 0,
    };
    const connect = { ...tls, timeout: connectTimeoutMs, keepAlive: true, keepAliveInitialDelay: 30_000 };
    const pool =
      access.proxyUrl === undefined
        ? new Pool(server.origin, { ...shared, connect })
        : new ProxyAgent({ ...shared, uri: access.proxyUrl, requestTls: { ...tls, timeout: connectTimeoutMs } });
    living.add(pool);
    return pool;
  }

  /** Lets what is under way end with the credentials it began with. */
  function retire(pool: Dispatcher): void {
    pool.close().then(
      () => living.delete(pool),
      () => living.delete(pool),
    );
  }

  /** Headers by content type: the same few for every request, until the credentials change. */
  let prepared = new Map<string, string[]>();
  let preparedFor: Readonly<Record<string, string>> | undefined;

  function headersFor(request: ApiRequest, credentials: Readonly<Record<string, string>>): string[] {
    if (preparedFor !== credentials) {
      prepared = new Map();
      preparedFor = credentials;
    }
    const contentType = request.body === undefined ? '' : (request.contentType ?? 'application/json');
    const ready = prepared.get(contentType);
    if (ready !== undefined) return ready;
    const named: Record<string, string> = { accept: 'application/json', 'user-agent': userAgent, ...credentials };
    if (contentType !== '') named['content-type'] = contentType;
    const headers = Object.entries(named).flat();
    prepared.set(contentType, headers);
    return headers;
  }

  async function ask(request: ApiRequest): Promise<ApiOutcome> {
    if (isClosed) return failedOutcome('closed', 'the client is closed');
    const timeoutMs = request.timeoutMs ?? defaultTimeoutMs;
    const wantsBody = request.wantsBody !== false;
    const { short, headers } = pools();
    underWay += 1;
    const exchanged = await exchange(
      short,
      {
        origin: server.origin,
        path: `${prefix}${request.path}${queryOf(request.query)}`,
        method: request.method,
        headers: headersFor(request, headers),
        // undici sends a Content-Length for every text body, DELETE's too (node:http sends none, and the server then reads no body).
        body: request.body === undefined ? null : JSON.stringify(request.body),
        timeoutMs,
        signal: request.signal,
        limitOf: (status) => (status >= 300 ? errorBodyLimit : wantsBody ? maxAnswerBytes : unwantedBodyLimit),
        wantsBody,
      },
      clock,
    );
    underWay -= 1;
    switch (exchanged.kind) {
      case 'timeout':
        return failedOutcome('timeout', `no answer within ${timeoutMs} ms`);
      case 'aborted':
        return failedOutcome('aborted', 'aborted by the caller');
      case 'broken':
        if (isClosed) return failedOutcome('closed', 'the client is closed');
        return failedOutcome('connection', reasonOf(exchanged.error));
      case 'answer': {
        const { status, bytes, isWhole, retryAfter } = exchanged;
        if (status >= 300) return refusalOf(request.method, status, bytes, retryAfter);
        return wantsBody ? answerOf(status, bytes, isWhole) : { kind: 'ok', status, body: undefined };
      }
      default:
        return exchanged satisfies never;
    }
  }

  function answerOf(status: number, bytes: Buffer, isWhole: boolean): ApiOutcome {
    if (!isWhole) return failedOutcome('too-large', `the answer is larger than ${maxAnswerBytes} bytes`, status);
    try {
      return { kind: 'ok', status, body: JSON.parse(bytes.toString('utf8')) };
    } catch {
      const start = bytes.subarray(0, 80).toString('utf8');
      return failedOutcome('bad-answer', `the answer is no JSON (is this a Kubernetes API?): ${start}`, status);
    }
  }

  function refusalOf(method: string, status: number, bytes: Buffer, retryAfter: string | undefined): RefusedOutcome {
    const { retryAfterMs: inStatus, ...failure } = failureOf(status, bytes.toString('utf8'));
    return outcomeOfStatus(method, status, failure, parseRetryAfter(retryAfter, clock.now()) ?? inStatus);
  }

  /** Up to the headers of the answer; `timeoutMs` is the time for these. */
  async function openOnce(request: ApiRequest): Promise<OpenStream | RefusedOutcome> {
    if (isClosed) return failedOutcome('closed', 'the client is closed');
    const isAborted = (): boolean => request.signal?.aborted === true;
    if (isAborted()) return failedOutcome('aborted', 'aborted before it was sent');
    const timeoutMs = request.timeoutMs ?? defaultTimeoutMs;
    const abort = new AbortController();
    let isTimedOut = false;
    const cancelDeadline = clock.setTimeout(() => {
      isTimedOut = true;
      abort.abort();
    }, timeoutMs);
    const onAbort = (): void => abort.abort();
    request.signal?.addEventListener('abort', onAbort, { once: true });
    let isOpen = false;
    try {
      const { long, headers } = pools();
      const answer = await long.request({
        origin: server.origin,
        path: `${prefix}${request.path}${queryOf(request.query)}`,
        method: request.method,
        headers: headersFor(request, headers),
        signal: abort.signal,
      });
      if (answer.statusCode >= 200 && answer.statusCode < 300) {
        isOpen = true;
        return { kind: 'open', body: answer.body };
      }
      const { bytes } = await readBounded(answer.body, errorBodyLimit);
      const header = answer.headers['retry-after'];
      return refusalOf(request.method, answer.statusCode, bytes, Array.isArray(header) ? header[0] : header);
    } catch (error) {
      if (isTimedOut) return failedOutcome('timeout', `no answer within ${timeoutMs} ms`);
      if (isAborted()) return failedOutcome('aborted', 'aborted by the caller');
      if (isClosed) return failedOutcome('closed', 'the client is closed');
      return failedOutcome('connection', reasonOf(error));
    } finally {
      cancelDeadline();
      // An open watch keeps listening: the caller's signal is what ends it.
      if (!isOpen) request.signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Tries again, once, with credentials read anew. */
  async function withFreshCredentials<T extends { readonly kind: string }>(once: () => Promise<T>): Promise<T> {
    const first = await once();
    if (first.kind !== 'unauthorized') return first;
    return (await access.refresh()) ? once() : first;
  }

  return {
    access,
    get underWay() {
      return underWay;
    },
    request: (request) => withFreshCredentials(() => ask(request)),
    open: (request) => withFreshCredentials(() => openOnce(request)),
    close: async () => {
      isClosed = true;
      await Promise.all([...living].map((pool) => pool.destroy().catch(() => {})));
      living.clear();
    },
  };
}

/** Certificates read once a pool: a connection that reads them itself costs a third more. What cannot be read fails there. */
function sharedContext({ ca, cert, key, passphrase }: TlsMaterial): { readonly secureContext?: SecureContext } {
  if (ca === undefined && cert === undefined && key === undefined) return {};
  try {
    return { secureContext: createSecureContext({ ca, cert, key, passphrase }) };
  } catch {
    return {};
  }
}

function isSameTlsOf(a: Credentials, b: Credentials): boolean {
  return a === b || isSameTls(a.tls, b.tls);
}

function queryOf(query: ApiRequest['query']): string {
  if (query === undefined) return '';
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined) params.set(key, String(value));
  }
  const text = params.toString();
  return text === '' ? '' : `?${text}`;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Node reports a refused connection to several addresses as an AggregateError without a message.
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  const cause = error.cause instanceof Error && error.cause.message !== error.message ? `: ${error.cause.message}` : '';
  return `${error.message === '' ? error.name : error.message}${cause}`;
}
