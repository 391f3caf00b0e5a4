/**
 * The HTTP server: loopback only, every size bounded, and closed to web pages.
 * Any page a user opens may send requests to a loopback port (DNS rebinding, forms), so a Host that is not this machine's
 * and every Origin are refused.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ApiError } from '../api.ts';
import { systemClock } from '../clock.ts';
import type { Ground } from '../rest/ground.ts';
import type { Access } from '../security/access.ts';
import { failure, internalError } from '../status.ts';
import { Exchange } from './exchange.ts';
import { Router } from './router.ts';
import { Watches } from './watches.ts';

export interface WireOptions {
  /** `127.0.0.1`, `::1` or `localhost`. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly access: Access;
  readonly onError: (error: unknown) => void;
  readonly ready: () => boolean;
}

export interface Wire {
  readonly url: string;
  readonly port: number;
  /** Ends open watches and connections; resolved when the port is free. */
  close(): Promise<void>;
}

const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '::1', 'localhost']);
const MAX_HEADER_BYTES = 64 * 1024;
const MAX_CONNECTIONS = 4_096;
/** Time for the headers, and for a whole request; a watch's answer has no such limit. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
/** Longer than clients keep idle connections, so that it is they who close them. */
const KEEP_ALIVE_MS = 120_000;
/** What clients get to take the ends of their streams. */
const CLOSE_GRACE_MS = 200;

/** @throws Error for an address that is not loopback, or one that is in use (code EADDRINUSE) */
export async function listen(ground: Ground, options: WireOptions): Promise<Wire> {
  if (!LOOPBACK.has(options.host)) {
    throw new Error(`the embedded cluster has no authentication and listens on loopback only, not on ${options.host}`);
  }
  const watches = new Watches(ground.clock, () => ground.store.revision, options.onError);
  const router = new Router(ground, watches, options.ready);
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES, keepAlive: true }, (request, response) => {
    void serve(router, new Exchange(request, response, options.access), options.onError);
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.on('connection', (socket) => socket.setNoDelay(true));
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n');
  });
  const { port } = await bound(server, options);
  const name = options.host.includes(':') ? `[${options.host}]` : options.host;
  return { url: `http://${name}:${port}`, port, close: () => close(server, watches) };
}

function bound(server: Server, options: WireOptions): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      server.on('error', options.onError);
      const address = server.address();
      if (typeof address === 'object' && address !== null) resolve(address);
      else reject(new Error('the server has no address'));
    });
  });
}

function close(server: Server, watches: Watches): Promise<void> {
  return new Promise((resolve) => {
    // Sockets live in real time, whatever the cluster's own clock says.
    const uncut = systemClock.after(CLOSE_GRACE_MS, () => server.closeAllConnections());
    server.close(() => {
      uncut();
      resolve();
    });
    watches.close();
    server.closeIdleConnections();
  });
}

async function serve(router: Router, exchange: Exchange, onError: (error: unknown) => void): Promise<void> {
  const { request, response } = exchange;
  // A client that goes away in the middle is no news.
  request.on('error', () => undefined);
  response.on('error', () => undefined);
  try {
    refuseForeigners(exchange);
    exchange.user = exchange.access.authenticate(exchange.header('authorization'), exchange.path);
    await router.serve(exchange);
  } catch (error) {
    if (response.destroyed || (error as NodeJS.ErrnoException)?.code === 'ECONNRESET') return;
    if (!(error instanceof ApiError)) onError(error);
    try {
      exchange.sendError(error instanceof ApiError ? error : internalError(error));
      // A body that nobody read must not be taken for the next request.
      if (!request.complete) request.resume();
    } catch (second) {
      onError(second);
      response.destroy();
    }
  }
}

/** @throws ApiError 403 */
function refuseForeigners(exchange: Exchange): void {
  const host = exchange.header('host') ?? '';
  const name = /^\[(.*)\](?::\d+)?$/.exec(host)?.[1] ?? host.replace(/:\d+$/, '');
  if (!LOOPBACK.has(name.toLowerCase())) {
    throw failure(
      403,
      'Forbidden',
      `the embedded cluster answers to loopback names only, not to Host ${JSON.stringify(host)}`,
      {},
    );
  }
  if (exchange.header('origin') !== undefined) {
    throw failure(403, 'Forbidden', 'the embedded cluster answers no web pages (a request with an Origin header)', {});
  }
}
