/**
 * What people and Kubernetes ask the process over HTTP: `/healthz`, `/readyz`, `/metrics`, `/debug/plan?base=`, `/debug/why?pod=`.
 * Reads only, so GET and HEAD only. On a loopback address the Host must be one as well: a page in a browser of the same
 * machine could otherwise read it by letting its own name resolve to 127.0.0.1.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isLoopback } from '@kouplet/broker';
import { maskData, maskText } from '@kouplet/core';
import type { Answered, AskedSubject } from './why.ts';

export interface ServeOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** True once the first lists are in, false from the shutdown on. Links do not count: they are metrics. */
  readonly isReady: () => boolean;
  /** Why it is not ready, in words. */
  readonly notReadyReason: () => string;
  readonly metrics: () => Promise<{ readonly contentType: string; readonly body: string }>;
  /** Undefined: no such base. */
  readonly debugPlan: (baseId: string) => object | undefined;
  readonly bases: () => readonly string[];
  /** For `/debug/why`. */
  readonly why: (subject: AskedSubject) => Answered;
}

export interface Served {
  /** `http://127.0.0.1:8081`. */
  readonly url: string;
  readonly address: AddressInfo;
  close(): Promise<void>;
}

interface Answer {
  readonly code: number;
  readonly type: string;
  readonly body: string;
}

/** @throws the listen error (`EADDRINUSE`, `EACCES`, `ENOTFOUND`): worded by the command line */
export async function serve(options: ServeOptions): Promise<Served> {
  const server = createServer((request, response) => {
    answer(options, request)
      .catch((error: unknown): Answer => plain(500, `the answer failed: ${String(error)}`))
      .then((result) => write(request, response, result));
  });
  server.requestTimeout = 10_000;
  server.headersTimeout = 10_000;
  await listen(server, options.host, options.port);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the HTTP server has no TCP address');
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return {
    url: `http://${host}:${address.port}`,
    address,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function answer(options: ServeOptions, request: IncomingMessage): Promise<Answer> {
  if (!isHostAllowed(options.host, request.headers.host)) {
    return plain(403, 'this Host is not served here: ask for 127.0.0.1 or localhost');
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') return plain(405, 'only GET and HEAD are answered here');
  const url = URL.parse(request.url ?? '/', 'http://localhost');
  if (url === null) return plain(400, 'the request target is no URL');
  switch (url.pathname) {
    case '/healthz':
      return plain(200, 'ok');
    case '/readyz':
      return options.isReady() ? plain(200, 'ok') : plain(503, `not ready: ${options.notReadyReason()}`);
    case '/metrics': {
      const { contentType, body } = await options.metrics();
      return { code: 200, type: contentType, body };
    }
    case '/debug/plan':
      return debugPlan(options, url.searchParams.get('base'));
    case '/debug/why':
      return debugWhy(options, url.searchParams);
    default:
      return plain(
        404,
        'there are /healthz, /readyz, /metrics, /debug/plan?base=IDENTITY and /debug/why?pod=NAMESPACE/NAME or ?node=NAME',
      );
  }
}

function debugPlan(options: ServeOptions, baseId: string | null): Answer {
  if (baseId === null || baseId === '') {
    const known = options.bases();
    return json(400, {
      error: 'say which base: /debug/plan?base=IDENTITY',
      bases: known.slice(0, 100),
      count: known.length,
    });
  }
  const plan = options.debugPlan(baseId);
  if (plan === undefined) {
    return json(404, {
      error: `no base with the identity ${JSON.stringify(baseId)} is known here: nothing was heard of it and it has no Node`,
    });
  }
  return json(200, plan);
}

function debugWhy(options: ServeOptions, query: URLSearchParams): Answer {
  const node = query.get('node') ?? '';
  const [, namespace, name] = /^([^/]+)\/([^/]+)$/.exec(query.get('pod') ?? '') ?? [];
  if ((node === '') === (name === undefined || namespace === undefined)) {
    return json(400, { error: 'say what: /debug/why?pod=NAMESPACE/NAME or /debug/why?node=NAME' });
  }
  const isPod = name !== undefined && namespace !== undefined;
  const answered = options.why(isPod ? { kind: 'pod', namespace, name } : { kind: 'node', name: node });
  if (answered.kind === 'known') return json(200, answered.why);
  return json(answered.kind === 'unknown' ? 404 : 503, { error: answered.message });
}

function isHostAllowed(listenHost: string, header: string | undefined): boolean {
  if (!isLoopback(listenHost)) return true;
  if (header === undefined) return false;
  const host = header.replace(/:\d+$/, '').toLowerCase();
  return isLoopback(host.replace(/^\[|\]$/g, ''));
}

function plain(code: number, body: string): Answer {
  return { code, type: 'text/plain; charset=utf-8', body: `${maskText(body)}\n` };
}

function json(code: number, body: object): Answer {
  return { code, type: 'application/json; charset=utf-8', body: `${JSON.stringify(maskData(body), undefined, 2)}\n` };
}

function write(request: IncomingMessage, response: ServerResponse, { code, type, body }: Answer): void {
  response.writeHead(code, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(code === 405 ? { allow: 'GET, HEAD' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
