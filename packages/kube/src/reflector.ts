import type { Clock } from './clock.ts';
import type { KubeObject } from './objects.ts';
import type { Transport } from './transport.ts';

/** What a reflector tells of its collection. */
export type ReflectorEvent<T> =
  /** A LIST begins (the first, or after a 410): every present object follows as an upsert, in pages. */
  | { readonly kind: 'relist-started' }
  /** The LIST is whole: what had vanished unseen was told as deletes just before. */
  | { readonly kind: 'relist-done'; readonly objects: number; readonly resourceVersion: string }
  /** Present, in this state. The same state may be told twice. */
  | { readonly kind: 'upsert'; readonly key: string; readonly object: T; readonly resourceVersion: string }
  /** Gone, or no longer of interest. `last` is its last state; undefined where its end was missed and only its absence is known. */
  | { readonly kind: 'delete'; readonly key: string; readonly last: T | undefined };

export type ReflectorState =
  | { readonly kind: 'listing' }
  | { readonly kind: 'watching'; readonly resourceVersion: string }
  | { readonly kind: 'backing-off'; readonly reason: string; readonly forMs: number; readonly next: 'list' | 'watch' }
  | { readonly kind: 'stopped' };

export interface ReflectorOptions<T> {
  readonly transport: Transport;
  /** The collection: `collectionPath(pods)`. */
  readonly path: string;
  /** Selectors: `labelSelector`, `fieldSelector`. */
  readonly query?: Readonly<Record<string, string>>;
  /** Keeps what is needed of an object; undefined: of no interest (told as a delete where it was before). A throw is reported, the object skipped. */
  readonly project: (raw: KubeObject) => T | undefined;
  /** What names an incarnation. Default `metadata.uid`, so that a deleted and re-created name is two objects. */
  readonly keyOf?: (raw: KubeObject) => string;
  /** In order, never re-entrantly. A throw is reported, nothing else. */
  readonly onEvents: (batch: ReadonlyArray<ReflectorEvent<T>>) => void;
  readonly onState?: (state: ReflectorState) => void;
  /** Told of what went wrong and was survived: failed requests, unreadable lines, exceptions of `project` and `onEvents`. */
  readonly onProblem?: (problem: ReflectorProblem) => void;
  readonly clock?: Clock;
  /** [0, 1): jitter. */
  readonly random?: () => number;
  readonly limits?: Partial<ReflectorLimits>;
}

export interface ReflectorProblem {
  readonly kind: 'list-failed' | 'watch-failed' | 'silent' | 'unreadable' | 'project-threw' | 'consumer-threw';
  readonly message: string;
  readonly error?: unknown;
}

export interface ReflectorLimits {
  /** Objects a page of a LIST. Default 500. */
  readonly pageSize: number;
  /** Nothing at all on a watch for so long: it is dead, connect anew. Default 90 s: a server's bookmarks come each 60 s. */
  readonly progressDeadlineMs: number;
}

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

export function createReflector<T>(_options: ReflectorOptions<T>): Reflector {
  throw new Error('not built yet');
}
