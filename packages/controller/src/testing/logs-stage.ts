/** An API server that answers what the logs' server asks, a logs' server before it, and whoever asks for a log. For tests. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createTransport, fixedAccess } from '@kouplet/kube';
import { generate } from 'selfsigned';
import { logTo } from '../log.ts';
import {
  type LogsGround,
  type LogsServer,
  type LogsServerOptions,
  listenForLogs,
  type ModulePlaced,
} from '../logs/server.ts';
import { SteppedClock } from './stepped-clock.ts';

export interface ApiScript {
  /** Whose tokens are known, and what they may: user by token. */
  users: Record<string, string>;
  /** `user node/subresource`. */
  allowed: Set<string>;
  pods: object[];
  /** What `kube-system/extension-apiserver-authentication` holds. */
  authority?: string;
  /** Answers a request for a log. */
  log: (request: IncomingMessage, response: ServerResponse, url: URL) => void;
}

export interface Answered {
  readonly code: number;
  readonly body: string;
}

export interface LogsStage {
  readonly script: ApiScript;
  readonly clock: SteppedClock;
  readonly logs: LogsServer;
  /** `METHOD path?query` of each request to the API. */
  readonly asked: string[];
  /** Lines of the log. */
  readonly lines: string[];
  placed: Record<string, ModulePlaced>;
  /** What a caller is told, read whole. */
  get(path: string, options?: RequestOptions): Promise<Answered>;
  /** An answer whose body is still to come. */
  open(path: string, options?: RequestOptions): Promise<IncomingMessage>;
  stop(): Promise<void>;
}

export interface Authority {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly client: { readonly cert: string; readonly key: string };
}

/** An authority, which is a server's certificate too, and a client's certificate of it. */
export async function newAuthority(client: string): Promise<Authority> {
  const made = await generate([{ name: 'commonName', value: 'authority' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    clientCertificate: { cn: client },
    extensions: [
      { name: 'basicConstraints', cA: true },
      { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
    ],
  });
  const { cert, private: key, clientcert = '', clientprivate = '' } = made;
  return { ca: cert, cert, key, client: { cert: clientcert, key: clientprivate } };
}

export async function startLogsStage(options: Partial<LogsServerOptions> = {}): Promise<LogsStage> {
  const { cert, key } = await newAuthority('nobody');
  const clock = new SteppedClock();
  const asked: string[] = [];
  const lines: string[] = [];
  const script: ApiScript = {
    users: { 'secret-token': 'alice' },
    allowed: new Set(['alice vnode.b1.dev/proxy']),
    pods: [],
    log: (_request, response) => response.end('one\ntwo\n'),
  };
  const api = createServer((request, response) => void answer(script, asked, request, response));
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
  const { port } = api.address() as AddressInfo;
  const transport = createTransport({
    access: fixedAccess({ server: `http://127.0.0.1:${port}` }),
    userAgent: 'test',
    clock: {
      now: () => clock.now().wall,
      monotonic: () => clock.now().mono,
      setTimeout: (fn, ms) => clock.after(ms, fn),
    },
  });
  const logs = await listenForLogs({
    host: '127.0.0.1',
    port: 0,
    tls: { cert, key },
    baseNamespaces: [],
    ...options,
  });
  const stage: LogsStage = {
    script,
    clock,
    logs,
    asked,
    lines,
    placed: {
      'shop/m1': { baseId: 'b1', nodeName: 'vnode.b1.dev', containers: ['biz1'], hostName: 'orders-0', ip: '10.0.0.9' },
    },
    get: async (path, own) => {
      const answered = await stage.open(path, own);
      let body = '';
      for await (const chunk of answered) body += chunk;
      return { code: answered.statusCode ?? 0, body };
    },
    open: (path, own = {}) =>
      new Promise((resolve, reject) => {
        const sent = httpsRequest(
          { host: '127.0.0.1', port: logs.port, path, rejectUnauthorized: false, agent: false, ...own },
          resolve,
        );
        sent.on('error', reject);
        sent.end();
      }),
    stop: async () => {
      await logs.close();
      await transport.close();
      api.closeAllConnections();
      await new Promise<void>((resolve) => api.close(() => resolve()));
    },
  };
  const ground: LogsGround = {
    transport,
    clock,
    log: logTo({ write: (line) => void lines.push(line) }, 'debug'),
    find: (namespace, pod) => stage.placed[`${namespace}/${pod}`],
    isVirtualNode: (name) => name.startsWith('vnode.'),
    notReadyReason: () => undefined,
  };
  await logs.serve(ground);
  return stage;
}

async function answer(
  script: ApiScript,
  asked: string[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  asked.push(`${request.method} ${request.url}`);
  let body = '';
  for await (const chunk of request) body += chunk;
  const url = new URL(request.url ?? '/', 'http://api');
  const spec = body === '' ? {} : JSON.parse(body).spec;
  const json = (code: number, value: object): void => {
    response.writeHead(code, { 'content-type': 'application/json' });
    response.end(JSON.stringify(value));
  };
  if (url.pathname.endsWith('/tokenreviews')) {
    const username = script.users[spec.token];
    json(201, { status: username === undefined ? { error: 'no' } : { authenticated: true, user: { username } } });
  } else if (url.pathname.endsWith('/subjectaccessreviews')) {
    const { name = '*', subresource } = spec.resourceAttributes;
    json(201, { status: { allowed: script.allowed.has(`${spec.user} ${name}/${subresource}`) } });
  } else if (url.pathname.endsWith('/extension-apiserver-authentication')) {
    if (script.authority === undefined) json(403, status(403, 'Forbidden', 'not for you'));
    else json(200, { data: { 'client-ca-file': script.authority } });
  } else if (url.pathname.endsWith('/log')) {
    script.log(request, response, url);
  } else if (url.pathname.endsWith('/pods')) {
    const namespace = url.pathname.split('/').at(-2);
    const terms = (url.searchParams.get('fieldSelector') ?? '').split(',').map((term) => /^(.+?)(!?=)(.*)$/.exec(term));
    const items = script.pods.filter((pod) =>
      [['', 'metadata.namespace', '=', namespace], ...terms].every((term) => {
        const [, path = '', operator, value] = term ?? [];
        const found = path.split('.').reduce<unknown>((at, name) => (at as Record<string, unknown>)?.[name], pod);
        return (found === value) === (operator === '=');
      }),
    );
    json(200, { items });
  } else json(404, status(404, 'NotFound', `no ${url.pathname}`));
}

export function status(code: number, reason: string, message: string): object {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, reason, code };
}

/** A base's own Pod. */
export function basePod(
  change: { readonly metadata?: object; readonly spec?: object; readonly status?: object } = {},
): object {
  return {
    metadata: { name: 'orders-0', namespace: 'shop', ...change.metadata },
    spec: { nodeName: 'machine-1', containers: [{ name: 'base' }], ...change.spec },
    status: { phase: 'Running', podIP: '10.0.0.9', ...change.status },
  };
}
