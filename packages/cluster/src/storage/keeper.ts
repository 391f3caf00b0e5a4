/**
 * Where a store's objects are kept beyond the life of the process: the port between the store and a database.
 *
 *   writes of a turn ─► keep(all of them, revision) ─► on disk ─► answers and watches go out
 */
import type { Status } from '../api.ts';
import { failure } from '../status.ts';

/** One object as it is now; `json` is absent where it is gone. */
export interface KeptWrite {
  /** `pods`, `deployments.apps`. */
  readonly resource: string;
  /** '' for kinds of the cluster. */
  readonly namespace: string;
  readonly name: string;
  readonly json?: string;
}

export interface KeptObject {
  readonly resource: string;
  readonly json: string;
}

export interface Keeper {
  /** What an earlier life left; read once, before the first `keep`. */
  objects(): Iterable<KeptObject>;
  /** The highest revision that was kept; 0 in a new directory. */
  readonly revision: number;
  /** All or nothing; what returned survives the end of the process. @throws KeepingError */
  keep(writes: Iterable<KeptWrite>, revision: number): void;
  close(): void;
}

/** What was written could not be kept: the disk is full, or broken. */
export class KeepingError extends Error {
  override name = 'KeepingError';
}

/** What is wrong with a directory of state; the message says it in a line. */
export type DirectoryProblem = 'in-use' | 'foreign' | 'newer' | 'damaged' | 'unusable';

/** A directory that this process cannot keep its state in. Nothing in it was changed. */
export class DirectoryError extends Error {
  override name = 'DirectoryError';
  readonly code: DirectoryProblem;
  constructor(code: DirectoryProblem, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** 507: said of a write that is refused before it is done, and of one whose turn could not be kept. */
export function notKept(error: KeepingError): { readonly status: Status } & Error {
  return failure(
    507,
    'InsufficientStorage',
    `the cluster's state cannot be written: ${error.message}; reads go on`,
    {},
  );
}
