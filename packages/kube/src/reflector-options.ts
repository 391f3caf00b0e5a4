/** What a reflector takes and tells. */
import type { Clock } from './clock.ts';
import type { KubeObject } from './objects.ts';
import type { Transport } from './transport.ts';

/** What a reflector tells of its collection. */
export type ReflectorEvent<T> =
  /** A LIST begins (the first, or after a 410) or begins anew: every present object follows as an upsert, in pages. */
  | { readonly kind: 'relist-started' }
  /** The LIST is whole: what had vanished unseen was told as deletes just before. */
  | { readonly kind: 'relist-done'; readonly objects: number; readonly resourceVersion: string }
  /** Present, in this state. A LIST tells the same state again. */
  | { readonly kind: 'upsert'; readonly key: string; readonly object: T; readonly resourceVersion: string }
  /** Gone, or no longer of interest. `last` is its last state; undefined where its end was missed and only its absence is known. */
  | { readonly kind: 'delete'; readonly key: string; readonly last: T | undefined };

export type ReflectorState =
  | { readonly kind: 'listing' }
  /** The server has answered the watch. */
  | { readonly kind: 'watching'; readonly resourceVersion: string }
  /** Blind for the time being: told with what went wrong, what is tried next and when. */
  | { readonly kind: 'backing-off'; readonly reason: string; readonly forMs: number; readonly next: 'list' | 'watch' }
  | { readonly kind: 'stopped' };

/** What went wrong and was survived. */
export interface ReflectorProblem {
  readonly kind: 'list-failed' | 'watch-failed' | 'silent' | 'unreadable' | 'project-threw' | 'consumer-threw';
  readonly message: string;
  readonly error?: unknown;
}

export interface ReflectorOptions<T> {
  readonly transport: Transport;
  /** The collection: `collectionPath(pods)`. */
  readonly path: string;
  /** Selectors: `labelSelector`, `fieldSelector`. */
  readonly query?: Readonly<Record<string, string>>;
  /** Keeps what is needed of an object; undefined: of no interest (a delete where it was told before). A throw is reported, the object skipped. */
  readonly project: (raw: KubeObject) => T | undefined;
  /** What names an incarnation. Default `metadata.uid`, so that a deleted and re-created name is two objects. */
  readonly keyOf?: (raw: KubeObject) => string;
  /** In order, never re-entrantly. A throw is reported, nothing else. */
  readonly onEvents: (batch: ReadonlyArray<ReflectorEvent<T>>) => void;
  readonly onState?: (state: ReflectorState) => void;
  readonly onProblem?: (problem: ReflectorProblem) => void;
  readonly clock?: Clock;
  /** [0, 1): jitter. */
  readonly random?: () => number;
  readonly limits?: Partial<ReflectorLimits>;
}

export interface ReflectorLimits {
  /** Objects a page of a LIST: one un-paged LIST of 100,000 pods is larger than V8's longest string. */
  readonly pageSize: number;
  readonly listTimeoutMs: number;
  readonly headersTimeoutMs: number;
  /** Not a byte on a watch for so long: it is dead, connect anew. A server's bookmarks come about each 60 s. */
  readonly progressDeadlineMs: number;
  /** Watches are opened no more often than this, however short they live. */
  readonly reconnectFloorMs: number;
  /** A 410 comes to many watchers at once: up to so long is waited before the LIST. */
  readonly relistJitterMs: number;
  readonly backOffBaseMs: number;
  readonly backOffCapMs: number;
  /** Objects are at most 3 MiB in etcd's default limits; an event holds one. */
  readonly maxLineBytes: number;
  /** Watches in a row that may fail at the same place before a LIST goes around it. */
  readonly stuckAttempts: number;
}

export const reflectorDefaults: ReflectorLimits = {
  pageSize: 500,
  listTimeoutMs: 60_000,
  headersTimeoutMs: 30_000,
  progressDeadlineMs: 90_000,
  reconnectFloorMs: 1_000,
  relistJitterMs: 1_000,
  backOffBaseMs: 250,
  backOffCapMs: 10_000,
  maxLineBytes: 16 * 1024 * 1024,
  stuckAttempts: 5,
};

export interface Reflector {
  readonly state: ReflectorState;
  /** Whether the first LIST is whole. */
  readonly isSynced: boolean;
  /** How many objects are known. */
  readonly size: number;
  start(): void;
  /** Ends it for good; resolves when nothing of it is left: no socket, no timer, no event any more. */
  stop(): Promise<void>;
}
