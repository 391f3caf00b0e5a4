/**
 * Watches over HTTP.
 *
 *   start ─► snapshot or history ─► [initial-events-end] ─► live changes, bookmarks ─► timeout | closed | cut
 *
 * A change becomes bytes once for each form in which somebody watches, and goes to all of them in one write a turn.
 * Whoever does not read is cut: his client lists anew, and the server keeps its memory.
 */
import { randomInt } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { ApiError } from '../api.ts';
import type { Clock } from '../clock.ts';
import type { KubeObject } from '../kinds/kind.ts';
import { apiVersionOf } from '../registry.ts';
import type { Face } from '../rest/face.ts';
import { tooOld } from '../status.ts';
import type { Matches } from '../storage/selectors.ts';
import { type Change, type Store, toJson } from '../storage/store.ts';
import type { ListOptionsQuery } from './list-options.ts';
import type { Form } from './negotiate.ts';
import { type IncludeObject, metadataOf, tableOf } from './tables.ts';

/** As a real server: often enough that an idle client keeps a fresh place. */
const BOOKMARK_EVERY_MS = 60_000;
/** The default length of a watch is between this and twice this (min-request-timeout). */
const MIN_TIMEOUT_SECONDS = 1_800;
/** Bytes that may wait for one watcher beyond its first list. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
/** How much of a first list goes out in one write. */
const BATCH_BYTES = 64 * 1024;
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

export interface WatchRequest {
  readonly face: Face;
  /** '' = all namespaces. */
  readonly namespace: string;
  readonly matches: Matches | undefined;
  readonly options: ListOptionsQuery;
  readonly form: Form;
  readonly include: IncludeObject;
}

/** All open watches of a server. */
export class Watches {
  readonly #clock: Clock;
  readonly #store: Store;
  readonly #onError: (error: unknown) => void;
  readonly #open = new Set<Watcher>();

  /** @param onError  hears of a fault of ours that cut one watch */
  constructor(clock: Clock, store: Store, onError: (error: unknown) => void) {
    this.#clock = clock;
    this.#store = store;
    this.#onError = onError;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Answers with a stream that ends by itself, by the client, or by `close`. */
  start(request: WatchRequest, response: ServerResponse): void {
    const watcher = new Watcher(request, response, this.#clock, this.#store, {
      onEnd: () => this.#open.delete(watcher),
      onError: this.#onError,
    });
    this.#open.add(watcher);
    watcher.start();
  }

  /** Ends the streams of these resources cleanly: their kinds are others now, or gone. */
  end(resources: ReadonlySet<string>): void {
    for (const watcher of [...this.#open]) if (resources.has(watcher.resource)) watcher.end();
  }

  /** Ends every stream cleanly. */
  close(): void {
    for (const watcher of [...this.#open]) watcher.end();
  }
}

interface Hooks {
  onEnd(): void;
  onError(error: unknown): void;
}

class Watcher {
  readonly #request: WatchRequest;
  readonly #response: ServerResponse;
  readonly #clock: Clock;
  readonly #store: Store;
  readonly #hooks: Hooks;
  readonly #form: string;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** True while the first list is still being written; changes wait behind it. */
  #listing = true;
  #turn: NodeJS.Immediate | undefined;
  #columnsSent = false;
  #ended = false;
  readonly #cancels: Array<() => void> = [];

  constructor(request: WatchRequest, response: ServerResponse, clock: Clock, store: Store, hooks: Hooks) {
    this.#request = request;
    this.#response = response;
    this.#clock = clock;
    this.#store = store;
    this.#hooks = hooks;
    const { form, include, face } = request;
    this.#form = `${apiVersionOf(face.kind)}/${form.as}/${form.version}/${include}`;
  }

  get resource(): string {
    return this.#request.face.shelf.resource;
  }

  start(): void {
    const { face, options } = this.#request;
    const { history, listeners } = face.shelf;
    this.#response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
    this.#response.flushHeaders();
    this.#response.on('close', () => this.#stop());
    this.#response.on('error', () => this.#stop());

    const from = options.resourceVersion ?? 0;
    const fromSnapshot = options.sendInitialEvents === true || (from === 0 && options.sendInitialEvents !== false);
    const past = fromSnapshot || from === 0 ? [] : history.since(from);
    if (past === undefined) {
      this.#refuse(tooOld(from, history.oldest));
      return;
    }
    // What is told must not be lost, and what cannot be kept is told as reads tell it.
    this.#store.backlog.keep();
    const snapshot = fromSnapshot ? [...face.objects(this.#request.namespace || undefined)] : [];
    const { revision } = this.#store;
    listeners.add(this.#listener);
    this.#cancels.push(() => listeners.delete(this.#listener));
    const asked = options.timeoutSeconds ?? 0;
    const seconds = asked > 0 ? asked : MIN_TIMEOUT_SECONDS + randomInt(MIN_TIMEOUT_SECONDS);
    // A timer holds at most 2^31 ms.
    this.#cancels.push(this.#clock.after(Math.min(seconds * 1000, 2 ** 31 - 1), () => this.end()));
    if (options.allowWatchBookmarks) this.#bookmarkLater();
    const marksEnd =
      options.allowWatchBookmarks && (options.sendInitialEvents === true || options.resourceVersion === 0);
    this.#begin(snapshot, past, marksEnd ? revision : undefined).catch((error) => this.#fail(error));
  }

  /** The first list goes at the client's speed; what changes meanwhile waits, bounded. */
  async #begin(snapshot: KubeObject[], past: readonly Change[], endRevision: number | undefined): Promise<void> {
    const { matches } = this.#request;
    let batch: Buffer[] = [];
    let bytes = 0;
    const write = async (line: Buffer | undefined): Promise<void> => {
      if (line !== undefined) {
        batch.push(line);
        bytes += line.length;
        if (bytes < BATCH_BYTES) return;
      }
      if (batch.length === 0) return;
      const whole = Buffer.concat(batch);
      batch = [];
      bytes = 0;
      if (!this.#response.write(whole)) await this.#drained();
    };
    for (const object of snapshot) {
      if (matches !== undefined && !matches(object)) continue;
      await write(this.#line('ADDED', object));
      if (this.#ended) return;
    }
    for (const change of past) {
      const line = this.#lineOf(change);
      if (line !== undefined) await write(line);
      if (this.#ended) return;
    }
    await write(undefined);
    if (this.#ended) return;
    if (endRevision !== undefined) {
      this.#waiting.unshift(this.#bookmark(endRevision, true));
    }
    this.#listing = false;
    this.#flush();
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#response.off('drain', done);
        this.#response.off('close', done);
        resolve();
      };
      this.#response.on('drain', done);
      this.#response.on('close', done);
    });
  }

  readonly #listener = (change: Change): void => {
    let line: Buffer | undefined;
    try {
      line = this.#lineOf(change);
    } catch (error) {
      // One watch is cut; the write, and whoever else watches, must not suffer.
      this.#fail(error);
    }
    if (line === undefined) return;
    this.#push(line);
    if (!this.#listing) this.#turn ??= setImmediate(() => this.#flush());
  };

  /** What this watcher is told of a change; undefined where it is none of his business. */
  #lineOf(change: Change): Buffer | undefined {
    const { face, namespace, matches } = this.#request;
    if (namespace !== '' && change.object.metadata.namespace !== namespace) return undefined;
    if (matches === undefined) return this.#shared(change.type, change);
    const was = change.old !== undefined && matches(face.show(change.old));
    if (change.type === 'DELETED') return was ? this.#shared('DELETED', change) : undefined;
    const is = matches(face.show(change.object));
    if (is) return this.#shared(was ? 'MODIFIED' : 'ADDED', change);
    return was ? this.#shared('LEFT', change) : undefined;
  }

  /** The line of a change, made once a form. LEFT: it no longer matches, so the client is told DELETED with its old state. */
  #shared(type: Change['type'] | 'LEFT', change: Change): Buffer {
    if (this.#request.form.as === 'table' && !this.#columnsSent) {
      return this.#line(type === 'LEFT' ? 'DELETED' : type, this.#shownOf(type, change));
    }
    const key = `${type}/${this.#form}`;
    let line = change.lines.get(key);
    if (line === undefined) {
      line = this.#line(type === 'LEFT' ? 'DELETED' : type, this.#shownOf(type, change));
      change.lines.set(key, line);
    }
    return line;
  }

  #shownOf(type: Change['type'] | 'LEFT', change: Change): KubeObject {
    const { face } = this.#request;
    if (type !== 'LEFT' || change.old === undefined) return face.show(change.object);
    const old = face.show(change.old);
    return { ...old, metadata: { ...old.metadata, resourceVersion: String(change.revision) } };
  }

  #line(type: string, object: KubeObject): Buffer {
    return Buffer.from(`{"type":"${type}","object":${this.#text(object)}}\n`);
  }

  #text(object: KubeObject): string {
    const { face, form, include } = this.#request;
    if (form.as === 'object') return toJson(object);
    if (form.as !== 'table') return JSON.stringify(metadataOf(object, form.version));
    const columns = !this.#columnsSent;
    this.#columnsSent = true;
    const { resourceVersion } = object.metadata;
    const now = this.#clock.now();
    return tableOf(face.kind, [object], { resourceVersion }, { include, version: form.version, now, columns });
  }

  #bookmark(revision: number, initialEventsEnd: boolean): Buffer {
    const { kind } = this.#request.face;
    const metadata = {
      resourceVersion: String(revision),
      ...(initialEventsEnd ? { annotations: { [INITIAL_EVENTS_END]: 'true' } } : {}),
    };
    const hasStatus = kind.subresources.some((one) => one.name === 'status');
    const object = {
      kind: kind.kind,
      apiVersion: apiVersionOf(kind),
      metadata,
      ...(hasStatus ? { spec: {}, status: {} } : {}),
    };
    return this.#line('BOOKMARK', object as unknown as KubeObject);
  }

  #bookmarkLater(): void {
    const cancel = this.#clock.after(BOOKMARK_EVERY_MS, () => {
      if (this.#ended) return;
      // Everything up to now has been noted before: the bookmark goes behind it.
      this.#push(this.#bookmark(this.#store.revision, false));
      if (!this.#listing) this.#flush();
      this.#bookmarkLater();
    });
    this.#cancels.push(cancel);
  }

  #push(line: Buffer): void {
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
    const written = this.#listing ? 0 : this.#response.writableLength;
    if (this.#waitingBytes + written > MAX_WAITING_BYTES) this.#cut();
  }

  #flush(): void {
    this.#turn = undefined;
    if (this.#ended || this.#waiting.length === 0) return;
    this.#store.backlog.keep();
    const [only] = this.#waiting;
    const bytes = this.#waiting.length === 1 && only !== undefined ? only : Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#response.write(bytes);
  }

  #refuse(error: ApiError): void {
    this.#response.write(`{"type":"ERROR","object":${JSON.stringify(error.status)}}\n`);
    this.end();
  }

  /** The clean end of a stream. */
  end(): void {
    if (this.#ended) return;
    if (!this.#listing) this.#flush();
    this.#stop();
    this.#response.end();
  }

  #fail(error: unknown): void {
    this.#hooks.onError(error);
    this.#cut();
  }

  #cut(): void {
    this.#stop();
    this.#response.destroy();
  }

  #stop(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const cancel of this.#cancels) cancel();
    this.#cancels.length = 0;
    this.#waiting = [];
    if (this.#turn !== undefined) clearImmediate(this.#turn);
    this.#hooks.onEnd();
  }
}
