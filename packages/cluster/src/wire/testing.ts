/** For tests of the wire: a cluster without controllers, and plain requests to it. */
import { request as httpRequest } from 'node:http';
import { type Cluster, type ClusterOptions, startCluster } from '../index.ts';

export interface Answer {
  readonly code: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The body as JSON; undefined where it is none. */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into answers of every shape.
  readonly json: any;
}

export interface Asked {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a test started, told on failure, too. */
export interface TestCluster extends Cluster {
  readonly errors: unknown[];
  ask(method: string, path: string, asked?: Asked): Promise<Answer>;
}

/** A cluster without controllers unless asked for. */
export async function testCluster(options: ClusterOptions = {}): Promise<TestCluster> {
  const errors: unknown[] = [];
  const cluster = await startCluster({ controllers: false, onError: (error) => errors.push(error), ...options });
  return { ...cluster, errors, ask: (method, path, asked) => ask(cluster.port, method, path, asked) };
}

/** One request; a body that is no string is sent as JSON. */
export function ask(port: number, method: string, path: string, asked: Asked = {}): Promise<Answer> {
  const body =
    asked.body === undefined ? undefined : typeof asked.body === 'string' ? asked.body : JSON.stringify(asked.body);
  const headers: Record<string, string> = {
    accept: 'application/json',
    'user-agent': 'test',
    ...(body === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
    ...asked.headers,
  };
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        let json: unknown;
        try {
          json = JSON.parse(text);
        } catch {
          json = undefined;
        }
        resolve({ code: response.statusCode ?? 0, headers: response.headers, text, json });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** An open watch, read line by line. */
export interface OpenWatch {
  // biome-ignore lint/suspicious/noExplicitAny: events of every kind.
  readonly events: any[];
  readonly ended: Promise<void>;
  readonly code: number;
  close(): void;
}

/** Opens a watch and collects its events. */
export function openWatch(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<OpenWatch> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port, path, headers: { accept: '*/*', ...headers }, agent: false },
      (response) => {
        const events: unknown[] = [];
        let rest = '';
        const ended = new Promise<void>((done) => {
          response.on('close', () => done());
          response.on('error', () => done());
        });
        response.on('data', (chunk: Buffer) => {
          const lines = (rest + chunk.toString('utf8')).split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines) if (line !== '') events.push(JSON.parse(line));
        });
        resolve({ events, ended, code: response.statusCode ?? 0, close: () => request.destroy() });
      },
    );
    request.on('error', reject);
    request.end();
  });
}

/** Polls a state until it holds. @throws Error after the deadline */
export async function eventually(holds: () => boolean, deadlineMs = 5_000): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!holds()) {
    if (Date.now() > end) throw new Error('it did not come true in time');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A Pod that every check lets pass. */
export function podOf(name: string, extra: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...(extra.metadata as object | undefined) },
    spec: { containers: [{ name: 'c', image: 'nginx:1' }], ...(extra.spec as object | undefined) },
  };
}
