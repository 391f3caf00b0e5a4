/**
 * One short request and its answer, over undici's own dispatch: no stream, no promise and no AbortController of undici's a
 * request, which together cost as much as the request itself. The body is gathered as it comes, up to a bound.
 */
import type { Dispatcher } from 'undici';
import type { Clock } from './clock.ts';

export interface ExchangeRequest {
  readonly origin: string;
  /** With its query. */
  readonly path: string;
  readonly method: Dispatcher.HttpMethod;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly body: string | null;
  /** From now to the last byte of the answer, waiting for a connection included. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** How many bytes of an answer of that status are kept; the connection is cut where there are more. */
  readonly limitOf: (status: number) => number;
  /** Whether the bytes of a success are kept at all. */
  readonly wantsBody: boolean;
}

export type Exchanged =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly retryAfter: string | undefined;
      readonly bytes: Buffer;
      /** False: there was more, which was not read. */
      readonly isWhole: boolean;
    }
  | { readonly kind: 'timeout' | 'aborted' }
  | { readonly kind: 'broken'; readonly error: unknown };

/** Resolves once, when nothing of the request is left that matters; what is left of its connection is cut. Never rejects. */
export function exchange(dispatcher: Dispatcher, request: ExchangeRequest, clock: Clock): Promise<Exchanged> {
  return new Promise((resolve) => {
    const { signal, limitOf, wantsBody, timeoutMs, origin, path, method, headers, body } = request;
    const chunks: Buffer[] = [];
    let controller: Dispatcher.DispatchController | undefined;
    let isOver = false;
    let status = 0;
    let retryAfter: string | undefined;
    let size = 0;
    let limit = 0;
    let keeps = true;

    const end = (exchanged: Exchanged): void => {
      if (isOver) return;
      isOver = true;
      cancelDeadline();
      signal?.removeEventListener('abort', onAbort);
      resolve(exchanged);
    };
    /** Ends before the answer does. One that still waits for a connection is aborted when it gets one, and never sent. */
    const cut = (exchanged: Exchanged): void => {
      end(exchanged);
      controller?.abort(new Error(`given up: ${exchanged.kind}`));
    };
    const onAbort = (): void => cut({ kind: 'aborted' });
    const cancelDeadline = clock.setTimeout(() => cut({ kind: 'timeout' }), timeoutMs);
    const answer = (isWhole: boolean): Exchanged => ({
      kind: 'answer',
      status,
      retryAfter,
      bytes: joined(chunks),
      isWhole,
    });

    if (signal?.aborted === true) {
      onAbort();
      return;
    }
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      dispatcher.dispatch(
        // undici ends a connection after a body where it expects none, as a DELETE's, unless told that it need not.
        { origin, path, method, headers, body, reset: false },
        {
          onRequestStart(started) {
            controller = started;
            if (isOver) started.abort(new Error('given up before it was sent'));
          },
          onResponseStart(_controller, statusCode, answered) {
            // 1xx: the answer itself is still to come.
            if (statusCode < 200) return;
            status = statusCode;
            limit = limitOf(statusCode);
            keeps = wantsBody || statusCode >= 300;
            const header = answered['retry-after'];
            retryAfter = Array.isArray(header) ? header[0] : header;
          },
          onResponseData(_controller, chunk) {
            size += chunk.length;
            if (keeps) chunks.push(size > limit ? chunk.subarray(0, chunk.length - (size - limit)) : chunk);
            if (size > limit) cut(answer(false));
          },
          onResponseEnd() {
            end(answer(true));
          },
          onResponseError(_controller, error) {
            end({ kind: 'broken', error });
          },
        },
      );
    } catch (error) {
      end({ kind: 'broken', error });
    }
  });
}

function joined(chunks: readonly Buffer[]): Buffer {
  const [first] = chunks;
  return first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks);
}
