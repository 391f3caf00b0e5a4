/**
 * An HTTP server for tests that answers each request as a script says, faults included, and remembers what it was asked.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A request as it came in, its body read whole. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  readonly isWatch: boolean;
}

/** What the server does with one request. */
export type Behaviour =
  | {
      readonly kind: 'json';
      readonly status: number;
      readonly body: unknown;
      readonly headers?: Record<string, string>;
    }
  | { readonly kind: 'text'; readonly status: number; readonly text: string; readonly headers?: Record<string, string> }
  /** Cuts the connection before any answer. */
  | { readonly kind: 'reset' }
  /** Takes the request and never answers. */
  | { readonly kind: 'hang' }
  /** Promises a length, sends less, cuts the connection. */
  | { readonly kind: 'truncated'; readonly text: string }
  /** 200 and then whatever `play` does; the connection stays open until it ends or resets it. */
  | { readonly kind: 'stream'; readonly play: (out: WatchOut) => void | Promise<void> };

/** The server's end of a watch. */
export interface WatchOut {
  line(event: unknown): void;
  raw(text: string): void;
  end(): void;
  reset(): void;
  readonly isClosed: boolean;
}

export interface ScriptedServer {
  readonly url: string;
  readonly requests: readonly SeenRequest[];
  /** Connections open now, the most there ever were at once, and all there ever were. */
  readonly openConnections: number;
  readonly mostConnections: number;
  readonly allConnections: number;
  close(): Promise<void>;
}

/** Listens on loopback, any port. `answer` decides by what was asked and by how many requests came before. */
export async function startScriptedServer(
  answer: (request: SeenRequest, index: number) => Behaviour | Promise<Behaviour>,
): Promise<ScriptedServer> {
  const requests: SeenRequest[] = [];
  const sockets = new Set<Socket>();
  let most = 0;
  let all = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const url = new URL(request.url ?? '/', 'http://scripted');
      const seen: SeenRequest = {
        method: request.method ?? '',
        path: url.pathname,
        query: url.searchParams,
        headers: request.headers,
        text: Buffer.concat(chunks).toString('utf8'),
        isWatch: url.searchParams.get('watch') === 'true',
      };
      requests.push(seen);
      perform(await answer(seen, requests.length - 1), response);
    });
    request.on('error', () => {});
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    all += 1;
    most = Math.max(most, sockets.size);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    get openConnections() {
      return sockets.size;
    },
    get mostConnections() {
      return most;
    },
    get allConnections() {
      return all;
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function perform(behaviour: Behaviour, response: ServerResponse): void {
  switch (behaviour.kind) {
    case 'json':
      response.writeHead(behaviour.status, { 'content-type': 'application/json', ...behaviour.headers });
      response.end(`${JSON.stringify(behaviour.body)}\n`);
      return;
    case 'text':
      response.writeHead(behaviour.status, { 'content-type': 'text/plain; charset=utf-8', ...behaviour.headers });
      response.end(behaviour.text);
      return;
    case 'reset':
      response.socket?.resetAndDestroy();
      return;
    case 'hang':
      return;
    case 'truncated':
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(behaviour.text) + 1000),
      });
      response.write(behaviour.text, () => response.socket?.destroy());
      return;
    case 'stream': {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.flushHeaders();
      void behaviour.play({
        line: (event) => void response.write(`${JSON.stringify(event)}\n`),
        raw: (text) => void response.write(text),
        end: () => void response.end(),
        // After what was written has left, or it would be lost with the connection.
        reset: () => void response.write('', () => response.socket?.destroy()),
        get isClosed() {
          return response.closed || response.destroyed;
        },
      });
      return;
    }
    default:
      behaviour satisfies never;
  }
}

/** A Failure Status as a Kubernetes API server sends it. */
export function status(
  code: number,
  reason: string,
  message: string,
  details: Record<string, unknown> = {},
): Behaviour {
  return { kind: 'json', status: code, body: statusBody(code, reason, message, details) };
}

export function statusBody(
  code: number,
  reason: string,
  message: string,
  details: Record<string, unknown> = {},
): Record<string, unknown> {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, details, code };
}
