/**
 * The tests' own way to a Kubernetes API, real or embedded, by kubeconfig: independent of `@kouplet/kube`, so that it can
 * be a judge. Speaks JSON over HTTP/1.1 and knows nothing of retries.
 */
import { readFileSync } from 'node:fs';
import { Agent } from 'undici';
import { parse } from 'yaml';
import { waitFor } from './wait.ts';

// biome-ignore lint/suspicious/noExplicitAny: a judge reads objects of every kind as the server sent them.
export type Json = any;

export interface Answer {
  readonly status: number;
  readonly body: Json;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface TestApi {
  readonly server: string;
  readonly kubeconfig: string;
  request(method: string, path: string, body?: Json, contentType?: string, accept?: string): Promise<Answer>;
  /** The body of a success; throws with the Status' message otherwise. */
  call(method: string, path: string, body?: Json, contentType?: string): Promise<Json>;
  /** The object, or undefined where it is not there. */
  find(path: string): Promise<Json | undefined>;
  items(path: string): Promise<Json[]>;
  /**
   * Watches until `stop()`; every event that came is kept, in order, with `seenAt` in ms since the epoch, and `ended` says
   * that the server closed the stream. `onEvent` hears of each as it comes.
   */
  watch(
    path: string,
    onEvent?: (event: Json) => void,
  ): Promise<{ readonly events: Json[]; readonly status: number; ended(): boolean; stop(): void }>;
  close(): Promise<void>;
}

/**
 * Opens the API that a kubeconfig file names in its current context.
 *
 * @param as  speaks for this user (`Impersonate-User`)
 */
export function openApi(kubeconfig: string, as?: string): TestApi {
  const config: Json = parse(readFileSync(kubeconfig, 'utf8'));
  const context = config.contexts.find((one: Json) => one.name === config['current-context']).context;
  const cluster = config.clusters.find((one: Json) => one.name === context.cluster).cluster;
  const user = config.users?.find((one: Json) => one.name === context.user)?.user ?? {};
  const pem = (data?: string): string | undefined => (data ? Buffer.from(data, 'base64').toString() : undefined);
  const dispatcher = new Agent({
    connections: 32,
    allowH2: false,
    bodyTimeout: 0,
    connect: {
      ...(cluster['certificate-authority-data'] ? { ca: pem(cluster['certificate-authority-data']) } : {}),
      ...(user['client-certificate-data'] ? { cert: pem(user['client-certificate-data']) } : {}),
      ...(user['client-key-data'] ? { key: pem(user['client-key-data']) } : {}),
    },
  });
  const headers: Record<string, string> = { accept: 'application/json', 'user-agent': 'kouplet-tests' };
  if (as !== undefined) headers['impersonate-user'] = as;
  if (user.token) headers.authorization = `Bearer ${user.token}`;

  const requestOnce = async (
    method: string,
    path: string,
    body?: Json,
    contentType = 'application/json',
    accept = 'application/json',
  ): Promise<Answer> => {
    const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    const answer = await dispatcher.request({
      origin: cluster.server,
      method: method as 'GET',
      path,
      headers: {
        ...headers,
        accept,
        ...(text === undefined
          ? {}
          : { 'content-type': contentType, 'content-length': String(Buffer.byteLength(text)) }),
      },
      ...(text === undefined ? {} : { body: text }),
    });
    const raw = await answer.body.text();
    let parsed: Json = raw;
    try {
      parsed = JSON.parse(raw);
    } catch {
      // not every answer is JSON (`404 page not found`)
    }
    return { status: answer.statusCode, body: parsed, headers: answer.headers };
  };
  /** A server that makes a watch cache anew, as after a change of a definition, says so; clients of Kubernetes then try again. */
  const request = async (...asked: Parameters<typeof requestOnce>): Promise<Answer> => {
    for (let triesLeft = 100; ; triesLeft -= 1) {
      const answer = await requestOnce(...asked);
      const isInitializing = answer.status === 429 && answer.body?.message === 'storage is (re)initializing';
      if (!isInitializing || triesLeft === 0) return answer;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  };
  const call = async (method: string, path: string, body?: Json, contentType?: string): Promise<Json> => {
    const answer = await request(method, path, body, contentType);
    if (answer.status >= 300) {
      throw new Error(`${method} ${path}: ${answer.status} ${answer.body?.message ?? JSON.stringify(answer.body)}`);
    }
    return answer.body;
  };

  return {
    server: cluster.server,
    kubeconfig,
    request,
    call,
    find: async (path) => {
      const answer = await request('GET', path);
      if (answer.status === 404) return undefined;
      if (answer.status >= 300) throw new Error(`GET ${path}: ${answer.status} ${answer.body?.message}`);
      return answer.body;
    },
    items: async (path) => (await call('GET', path)).items,
    watch: async (path, onEvent) => {
      const abort = new AbortController();
      const events: Json[] = [];
      const answer = await dispatcher.request({
        origin: cluster.server,
        method: 'GET',
        path: `${path}${path.includes('?') ? '&' : '?'}watch=true`,
        headers,
        signal: abort.signal,
      });
      let rest = '';
      let ended = false;
      answer.body.on('error', () => undefined);
      for (const end of ['end', 'close']) {
        answer.body.on(end, () => {
          ended = true;
        });
      }
      answer.body.on('data', (chunk: Buffer) => {
        const lines = (rest + chunk.toString()).split('\n');
        rest = lines.pop() ?? '';
        const seenAt = performance.timeOrigin + performance.now();
        for (const line of lines) {
          if (!line) continue;
          const event = { ...JSON.parse(line), seenAt };
          events.push(event);
          onEvent?.(event);
        }
      });
      return { events, status: answer.statusCode, ended: () => ended, stop: () => abort.abort() };
    },
    close: () => dispatcher.destroy(),
  };
}

/** Makes a namespace and waits until Pods can be made in it. */
export async function makeNamespace(api: TestApi, name: string): Promise<void> {
  const made = await api.request('POST', '/api/v1/namespaces', { metadata: { name } });
  if (made.status >= 300 && made.status !== 409) throw new Error(`namespace ${name}: ${made.body?.message}`);
  await waitFor(
    `service account of ${name}`,
    async () => api.find(`/api/v1/namespaces/${name}/serviceaccounts/default`),
    10_000,
  );
}
