/**
 * The HTTP surface under fire: a cluster with all its controllers, requests one after the other, and what must hold after each of them
 * and at every halt. All findings are told; none ends the run.
 */
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { type Cluster, type KubeObject, startCluster } from '../../index.ts';
import { equal, isRecord } from '../../json.ts';
import { kinds } from '../../kinds/index.ts';
import { qualifiedResource } from '../../status.ts';
import { ask, eventually, type OpenWatch, openWatch } from '../../wire/testing.ts';
import { Chance } from './chance.ts';
import { brokenText } from './junk.ts';
import { CUSTOM_DEFINITION, type FuzzRequest, focusOf, NAMESPACES, requestOf } from './requests.ts';

export interface SurfaceOptions {
  readonly seed: number;
  readonly cases: number;
  readonly onFinding: (finding: string) => void;
  /** Told at every halt. */
  readonly onProgress?: (done: number) => void;
}

/** So many cases speak of the same few kinds. */
const EPOCH = 500;
const HALT_EVERY = 2_000;
/** Kinds whose watches are read along and held against their lists. */
const WATCHED = ['pods', 'configmaps', 'deployments.apps', 'services', 'secrets', 'leases.coordination.k8s.io'];
/** The heap of a run stays well below this; a leak of a kilobyte a case would not. */
const MAX_HEAP_BYTES = 1024 * 1024 * 1024;
const ANSWER_WITHIN_MS = 20_000;

/** @returns how often each status code was answered */
export async function fuzzSurface(options: SurfaceOptions): Promise<ReadonlyMap<number, number>> {
  const errors: unknown[] = [];
  const cluster = await startCluster({ onError: (error) => errors.push(error) });
  const run = new SurfaceRun(cluster, errors, options);
  try {
    await run.all();
  } finally {
    await run.end();
    await cluster.close();
  }
  return run.codes;
}

interface Answered {
  readonly code: number;
  readonly type: string;
  readonly text: string;
  readonly isStream: boolean;
}

class SurfaceRun {
  readonly codes = new Map<number, number>();
  readonly #cluster: Cluster;
  readonly #errors: unknown[];
  readonly #options: SurfaceOptions;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #watches = new Map<string, OpenWatch>();
  readonly #prototypes = [Object.prototype, Array.prototype, Function.prototype, String.prototype].map(
    (one) => [one, Reflect.ownKeys(one).length] as const,
  );
  #last = '';
  /** Of a ServiceAccount that may edit one namespace. */
  #token = '';

  constructor(cluster: Cluster, errors: unknown[], options: SurfaceOptions) {
    this.#cluster = cluster;
    this.#errors = errors;
    this.#options = options;
  }

  async all(): Promise<void> {
    const { seed, cases } = this.#options;
    await this.#ground();
    for (let i = 0; i < cases; i++) {
      const chance = new Chance(Math.imul(seed + i, 2_654_435_761));
      if (i % 50 === 49) await this.#rawCase(chance, i);
      else await this.#case(requestOf(chance, focusOf(seed + Math.floor(i / EPOCH)), this.#token), i);
      if (i % HALT_EVERY === HALT_EVERY - 1 || i === cases - 1) await this.#halt(i);
    }
  }

  async end(): Promise<void> {
    for (const watch of this.#watches.values()) watch.close();
    this.#agent.destroy();
  }

  #find(i: number, what: string): void {
    this.#options.onFinding(`case ${i} of seed ${this.#options.seed}: ${what}\n  ${this.#last.slice(0, 2_000)}`);
  }

  /** Namespaces and a node to work with, again after every halt: the cases delete them. */
  async #ground(): Promise<void> {
    const { port } = this.#cluster;
    for (const name of NAMESPACES) await ask(port, 'POST', '/api/v1/namespaces', { body: { metadata: { name } } });
    await ask(port, 'POST', '/api/v1/nodes', { body: { metadata: { name: 'a' } } });
    await ask(port, 'POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { body: CUSTOM_DEFINITION });
    await this.#account();
    for (const resource of WATCHED) {
      if (this.#watches.has(resource)) continue;
      const [plural = '', ...group] = resource.split('.');
      const root = group.length === 0 ? '/api/v1' : `/apis/${group.join('.')}/v1`;
      const watch = await openWatch(port, `${root}/${plural}?watch=1`);
      this.#watches.set(resource, watch);
      void watch.ended.then(() => this.#watches.delete(resource));
    }
  }

  async #account(): Promise<void> {
    const { api, port, tokens } = this.#cluster;
    const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/ns-a/rolebindings';
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' };
    const subjects = [{ kind: 'ServiceAccount', namespace: 'default', name: 'default' }];
    await ask(port, 'POST', rbac, { body: { metadata: { name: 'editors' }, roleRef, subjects } });
    const uid = api.get('serviceaccounts', 'default', 'default')?.metadata.uid;
    if (uid === undefined) return;
    const wish = { namespace: 'default', name: 'default', uid, audiences: [], expirationSeconds: 86_400 };
    this.#token = tokens.issue(wish).token;
  }

  async #case(request: FuzzRequest, i: number): Promise<void> {
    this.#last = `${request.method} ${request.path} ${JSON.stringify(request.headers)} ${String(request.body ?? '')}`;
    let answer: Answered | undefined;
    try {
      answer = await this.#send(request);
    } catch (error) {
      // What the client's own library refuses to send never came here.
      if ((error as NodeJS.ErrnoException).code?.startsWith('ERR_') !== true)
        this.#find(i, `no answer: ${String(error)}`);
      return;
    }
    this.codes.set(answer.code, (this.codes.get(answer.code) ?? 0) + 1);
    const complaint = complaintOf(request, answer);
    if (complaint !== undefined) this.#find(i, `${complaint}: ${answer.code} ${answer.text.slice(0, 500)}`);
    this.#tellErrors(i);
  }

  #tellErrors(i: number): void {
    for (const error of this.#errors.splice(0)) {
      this.#find(i, `a fault of ours: ${error instanceof Error ? error.stack : String(error)}`);
    }
  }

  #send({ method, path, headers, body }: FuzzRequest): Promise<Answered> {
    return new Promise((resolve, reject) => {
      const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
      const given = { ...Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== '')), ...length };
      const request = httpRequest(
        { host: '127.0.0.1', port: this.#cluster.port, method, path, headers: given, agent: this.#agent },
        (response) => {
          const isStream = isWatch(response, path);
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          const done = (): void => {
            const bytes = Buffer.concat(chunks);
            const isPacked = response.headers['content-encoding'] === 'gzip' && bytes.length > 0;
            const text = (isPacked ? gunzipSync(bytes) : bytes).toString('utf8');
            resolve({ code: response.statusCode ?? 0, type: response.headers['content-type'] ?? '', text, isStream });
          };
          response.on('end', done);
          response.on('error', reject);
          // A watch goes on; that it began is enough.
          if (isStream) {
            request.off('error', reject);
            response.off('error', reject);
            request.on('error', () => undefined);
            response.on('error', () => undefined);
            done();
            request.destroy();
          }
        },
      );
      request.setTimeout(ANSWER_WITHIN_MS, () => request.destroy(new Error('it took too long')));
      request.on('error', reject);
      request.end(body);
    });
  }

  /** Bytes on a connection of their own: rubbish, halves, several at once. */
  async #rawCase(chance: Chance, i: number): Promise<void> {
    const { method, path, headers, body = '' } = requestOf(chance, focusOf(this.#options.seed));
    const lines = Object.entries({ ...headers, host: 'localhost', 'content-length': String(Buffer.byteLength(body)) });
    const whole = `${method} ${path} HTTP/1.1\r\n${lines.map(([key, value]) => `${key}: ${value}`).join('\r\n')}\r\n\r\n${body}`;
    const ready = 'GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n';
    const count = 1 + chance.below(8);
    const deed = chance.below(4);
    const bytes =
      deed === 0
        ? Buffer.from(Array.from({ length: chance.below(300) }, () => chance.below(256)))
        : deed === 1
          ? whole.slice(0, chance.below(whole.length))
          : deed === 2
            ? brokenText(chance, whole)
            : ready.repeat(count);
    this.#last = `raw ${JSON.stringify(String(bytes))}`;
    const got = await this.#raw(bytes, deed === 3 ? count : 0);
    if (deed === 3 && got.split('\r\n\r\nok').length - 1 !== count) this.#find(i, `of ${count} at once: ${got}`);
    if ((await ask(this.#cluster.port, 'GET', '/readyz')).text !== 'ok') this.#find(i, 'the server does not answer');
    this.#tellErrors(i);
  }

  /** Writes, reads what comes within a moment, or so many answers, and goes. */
  #raw(bytes: string | Buffer, answers: number): Promise<string> {
    return new Promise((resolve) => {
      let got = '';
      const socket = connect(this.#cluster.port, '127.0.0.1', () => socket.write(bytes));
      const timer = setTimeout(() => socket.destroy(), answers > 0 ? ANSWER_WITHIN_MS : 10);
      socket.on('data', (chunk) => {
        got += chunk.toString('latin1');
        if (answers > 0 && got.split('\r\n\r\nok').length > answers) socket.destroy();
      });
      socket.on('error', () => undefined);
      socket.on('close', () => {
        clearTimeout(timer);
        resolve(got);
      });
    });
  }

  async #halt(i: number): Promise<void> {
    this.#last = '(at a halt)';
    for (const [prototype, keys] of this.#prototypes) {
      if (Reflect.ownKeys(prototype).length !== keys) this.#find(i, 'a prototype was changed');
    }
    for (const complaint of await this.#storeComplaints()) this.#find(i, complaint);
    for (const [resource, watch] of this.#watches) {
      // What controllers write meanwhile comes along: in the end both must be the same.
      const isSame = (): boolean => replayComplaint(watch, this.#cluster.api.list(resource)) === undefined;
      await eventually(isSame, ANSWER_WITHIN_MS).catch(() =>
        this.#find(i, `${resource}: ${replayComplaint(watch, this.#cluster.api.list(resource))}`),
      );
      compact(watch);
    }
    const { heapUsed } = process.memoryUsage();
    if (heapUsed > MAX_HEAP_BYTES) this.#find(i, `the heap has grown to ${Math.round(heapUsed / 1e6)} MB`);
    await this.#ground();
    this.#tellErrors(i);
    this.#options.onProgress?.(i + 1);
  }

  /** Every object is what its kind decodes, and answers to its own address with what the list shows. */
  async #storeComplaints(): Promise<string[]> {
    const complaints: string[] = [];
    for (const kind of kinds) {
      const resource = qualifiedResource(kind);
      const seen = new Set<string>();
      for (const object of this.#cluster.api.list(resource)) {
        const { name, namespace, uid, resourceVersion } = object.metadata;
        const place = `${resource} ${namespace ?? ''}/${name}`;
        if (seen.has(place)) complaints.push(`${place} is there twice`);
        seen.add(place);
        if (!uid || !/^\d+$/.test(resourceVersion)) complaints.push(`${place} has no uid or revision`);
        if (this.#cluster.api.get(resource, name, namespace) !== object && kind.storedAs === undefined)
          complaints.push(`${place} does not answer to its name`);
        const again = JSON.parse(JSON.stringify(object));
        if (!equal(again, object)) complaints.push(`${place} is no plain JSON`);
        if (Object.getPrototypeOf(object.metadata) !== Object.prototype) complaints.push(`${place} has a prototype`);
      }
    }
    return complaints;
  }
}

function isWatch(response: IncomingMessage, path: string): boolean {
  return (
    response.statusCode === 200 &&
    /[?&]watch(=(?:1|true|x|)(?:&|$)|&|$)/.test(path) &&
    response.headers['transfer-encoding'] === 'chunked'
  );
}

/** What a client may rely on, whatever it has sent. */
function complaintOf({ method }: FuzzRequest, { code, type, text, isStream }: Answered): string | undefined {
  if (isStream) return undefined;
  if (method === 'HEAD' || code === 204) return text === '' ? undefined : 'a body where none may be';
  if (type.startsWith('application/json')) {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      return 'no JSON';
    }
    if (!isRecord(json)) return 'no object';
    if (code < 400) return undefined;
    const isStatus = json.kind === 'Status' && json.status === 'Failure' && json.code === code && json.message !== '';
    if (!isStatus) return 'no Status';
    return json.reason === 'InternalError' ? 'an internal error' : undefined;
  }
  // Plain text is for paths that are none, and for what is no request.
  if (code >= 400 && !type.startsWith('text/plain')) return `an error as ${type}`;
  return code >= 500 ? 'an error of the server' : undefined;
}

/** What the watch has told, put together, against the list. */
function replayComplaint(watch: OpenWatch, list: readonly KubeObject[]): string | undefined {
  const told = new Map<string, KubeObject>();
  let revision = 0;
  for (const { type, object } of watch.events) {
    const now = Number(object.metadata.resourceVersion);
    // The first list comes in the order of names.
    if (type !== 'ADDED' && now <= revision) return `revision ${now} after ${revision}`;
    revision = Math.max(revision, now);
    const key = `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
    if (type === 'DELETED') told.delete(key);
    else told.set(key, object);
  }
  if (told.size !== list.length) return `${told.size} are told and ${list.length} are there`;
  for (const object of list) {
    const shown = told.get(`${object.metadata.namespace ?? ''}/${object.metadata.name}`);
    if (!equal(shown, JSON.parse(JSON.stringify(object)))) return `${object.metadata.name} is told otherwise`;
  }
  return undefined;
}

/** Of what was told only the last of each object is kept, in its order. */
function compact(watch: OpenWatch): void {
  const last = new Map<string, unknown>();
  for (const event of watch.events) {
    const key = `${event.object.metadata.namespace ?? ''}/${event.object.metadata.name}`;
    last.delete(key);
    if (event.type !== 'DELETED') last.set(key, event);
  }
  watch.events.splice(0, watch.events.length, ...last.values());
}
