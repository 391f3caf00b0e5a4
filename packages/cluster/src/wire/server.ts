/**
 * The HTTP server, with or without TLS: who may call it, how much of it at once, and what happens to what is no request. Without TLS
 * it listens on loopback only.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { ApiError } from '../api.ts';
import { systemClock } from '../clock.ts';
import type { Ground } from '../rest/ground.ts';
import type { Access } from '../security/access.ts';
import { attemptedOf } from '../security/attempted.ts';
import { internalError } from '../status.ts';
import { Exchange } from './exchange.ts';
import { LOOPBACK, refuseForeigners } from './gate.ts';
import { segmentsOf } from './route.ts';
import { Router } from './router.ts';
import { drain, sendTooManyRequests, Traffic, type TrafficLimits } from './traffic.ts';
import { Watches } from './watches.ts';

export interface WireOptions {
  /** `127.0.0.1`, `::1` or `localhost`; with TLS any address of this machine. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Certificate chain and private key, PEM; undefined: plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Hosts besides loopback that requests may name. */
  readonly isAllowedHost?: (host: string) => boolean;
  readonly limits?: TrafficLimits;
  readonly access: Access;
  readonly onError: (error: unknown) => void;
  readonly ready: () => boolean;
}

export interface Wire {
  readonly port: number;
  /** Ends open watches and connections; resolved when the port is free. */
  close(): Promise<void>;
}

const MAX_HEADER_BYTES = 64 * 1024;
const MAX_CONNECTIONS = 4_096;
/** Time for the headers, and for a whole request; a watch's answer has no such limit. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
/** Longer than clients keep idle connections, so that it is they who close them. */
const KEEP_ALIVE_MS = 120_000;
/** What clients get to take the ends of their streams. */
const CLOSE_GRACE_MS = 200;

/** @throws Error for an address that is not loopback without TLS and token, or one that is in use (code EADDRINUSE) */
export async function listen(ground: Ground, options: WireOptions): Promise<Wire> {
  const { tls, access } = options;
  if (!LOOPBACK.has(options.host) && (tls === undefined || !access.isClosed)) {
    throw new Error(`without TLS and a token the embedded cluster listens on loopback only, not on ${options.host}`);
  }
  const watches = new Watches(ground.clock, ground.store, options.onError);
  const router = new Router(ground, watches, options.ready);
  const traffic = new Traffic(options.limits);
  // Not by `import`: that reads every export of node:http, of which WebSocket loads an HTTP client that nobody needs here.
  const http = process.getBuiltinModule('node:http');
  const settings = { maxHeaderSize: MAX_HEADER_BYTES, keepAlive: true };
  const server =
    tls === undefined
      ? http.createServer(settings)
      : process
          .getBuiltinModule('node:https')
          .createServer({ ...settings, ...tls, minVersion: 'TLSv1.2', handshakeTimeout: HEADERS_TIMEOUT_MS });
  server.on('request', (request, response) => {
    void serve(router, traffic, new Exchange(request, response, access, ground.store.backlog), options);
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.on('connection', (socket) => socket.setNoDelay(true));
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    // In the middle of an answer, a watch above all, another answer would be taken for a part of it.
    if (!socket.writable || traffic.isBusy(socket)) socket.destroy();
    else socket.end(refusalOf(error.code));
  });
  const { port } = await bound(server, options);
  traffic.open();
  const close = (): Promise<void> => {
    traffic.close();
    return closeServer(server, watches);
  };
  return { port, close };
}

/** What is no HTTP, or too much of it, in the words of Go's server. */
function refusalOf(code: string | undefined): string {
  const status =
    code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request';
  return `HTTP/1.1 ${status}\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n\r\n${status}`;
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

function closeServer(server: Server, watches: Watches): Promise<void> {
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

async function serve(router: Router, traffic: Traffic, exchange: Exchange, options: WireOptions): Promise<void> {
  const { request, response } = exchange;
  // A client that goes away in the middle is no news.
  request.on('error', () => undefined);
  response.on('error', () => undefined);
  try {
    if (!traffic.enter(exchange)) {
      sendTooManyRequests(exchange);
      return drain(exchange);
    }
    refuseForeigners(exchange, options.isAllowedHost ?? (() => false));
    admit(exchange);
    await router.serve(exchange);
    traffic.served(exchange);
  } catch (error) {
    if (response.destroyed || (error as NodeJS.ErrnoException)?.code === 'ECONNRESET') return;
    if (!(error instanceof ApiError)) options.onError(error);
    try {
      exchange.sendError(error instanceof ApiError ? error : internalError(error));
      drain(exchange);
    } catch (second) {
      options.onError(second);
      response.destroy();
    }
  }
}

/** Who asks, and whether he may. @throws ApiError 401, 403 */
function admit(exchange: Exchange): void {
  const { access, request, method, path, query } = exchange;
  const self = access.authenticate(exchange.header('authorization'), path);
  // Made of all headers anew at each look: not for every request.
  exchange.user = speaksForAnother(request) ? access.impersonated(self, request.headersDistinct) : self;
  access.check(exchange.user, () => attemptedOf(method, path, segmentsOf(path), query));
}

function speaksForAnother({ headers }: IncomingMessage): boolean {
  for (const name in headers) if (name.startsWith('impersonate-')) return true;
  return false;
}
