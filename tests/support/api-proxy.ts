/**
 * A way to the API that a test can stop in the middle: a plain HTTP proxy in front of a real or embedded cluster. One request
 * can be held before or after the server has had it, and the link can be cut.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { Agent } from 'undici';
import { parse } from 'yaml';
import type { Json } from './api.ts';
import { writeKubeconfigTo } from './kubeconfig.ts';

export interface HeldRequest {
  readonly method: string;
  readonly path: string;
  readonly body: Json;
  /** Lets the server have it and waits until it has answered; its sender hears nothing. */
  perform(): Promise<number>;
  /** Lets it go as if it had never been held. */
  release(): void;
}

export type RequestMatch = (method: string, path: string, body: Json) => boolean;

export interface ApiProxy {
  readonly kubeconfig: string;
  /** Holds the next request that matches; resolves once there is one. */
  hold(matches: RequestMatch): Promise<HeldRequest>;
  /** Every connection breaks, and no new one is let in until `open`. */
  cut(): void;
  open(): void;
  /** Requests that reached the proxy: `POST /api/v1/nodes`; watches and lists left out. */
  readonly writes: readonly string[];
  close(): Promise<void>;
}

interface Trap {
  readonly matches: RequestMatch;
  readonly caught: (held: HeldRequest) => void;
}

/** @param upstream kubeconfig of the cluster behind it; its client certificate or token is used for everyone */
export async function startApiProxy(upstream: string): Promise<ApiProxy> {
  const config: Json = parse(readFileSync(upstream, 'utf8'));
  const context = config.contexts.find((one: Json) => one.name === config['current-context']).context;
  const cluster = config.clusters.find((one: Json) => one.name === context.cluster).cluster;
  const user = config.users?.find((one: Json) => one.name === context.user)?.user ?? {};
  const pem = (data?: string) => (data === undefined ? undefined : Buffer.from(data, 'base64').toString());
  const [ca, cert, key] = [
    pem(cluster['certificate-authority-data']),
    pem(user['client-certificate-data']),
    pem(user['client-key-data']),
  ];
  const agent = new Agent({
    connections: 64,
    allowH2: false,
    bodyTimeout: 0,
    headersTimeout: 0,
    connect: { ...(ca === undefined ? {} : { ca }), ...(cert === undefined ? {} : { cert, key }) },
  });
  const traps = new Set<Trap>();
  const sockets = new Set<Socket>();
  const writes: string[] = [];
  let isCut = false;

  const ask = (request: IncomingMessage, body: string, signal?: AbortSignal) => {
    const { host: _host, connection: _connection, 'transfer-encoding': _encoding, ...headers } = request.headers;
    return agent.request({
      origin: cluster.server,
      method: (request.method ?? 'GET') as 'GET',
      path: request.url ?? '/',
      headers: { ...headers, ...(user.token === undefined ? {} : { authorization: `Bearer ${user.token}` }) },
      ...(body === '' ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    });
  };

  const pass = async (request: IncomingMessage, response: ServerResponse, body: string): Promise<void> => {
    const abort = new AbortController();
    response.on('close', () => abort.abort());
    try {
      const answer = await ask(request, body, abort.signal);
      const { connection: _connection, 'keep-alive': _keepAlive, ...headers } = answer.headers;
      response.writeHead(answer.statusCode, headers);
      response.flushHeaders();
      pipeline(answer.body, response, () => undefined);
    } catch {
      response.destroy();
    }
  };

  const take = (request: IncomingMessage, response: ServerResponse, body: string): void => {
    const [method, path] = [request.method ?? 'GET', request.url ?? '/'];
    if (method !== 'GET') writes.push(`${method} ${path}`);
    let parsed: Json;
    try {
      parsed = body === '' ? undefined : JSON.parse(body);
    } catch {
      parsed = undefined;
    }
    for (const trap of traps) {
      if (!trap.matches(method, path, parsed)) continue;
      traps.delete(trap);
      trap.caught({
        method,
        path,
        body: parsed,
        perform: async () => {
          const answer = await ask(request, body);
          await answer.body.dump();
          return answer.statusCode;
        },
        release: () => void pass(request, response, body),
      });
      return;
    }
    void pass(request, response, body);
  };

  const server: Server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    request.on('end', () => take(request, response, body));
  });
  server.on('connection', (socket) => {
    socket.on('error', () => undefined);
    if (isCut) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const folder = mkdtempSync(join(tmpdir(), 'kouplet-proxy-'));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const kubeconfig = writeKubeconfigTo(join(folder, 'kubeconfig'), url);

  return {
    kubeconfig,
    writes,
    hold: (matches) => new Promise((caught) => traps.add({ matches, caught })),
    cut: () => {
      isCut = true;
      for (const socket of sockets) socket.destroy();
    },
    open: () => {
      isCut = false;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await agent.destroy();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
