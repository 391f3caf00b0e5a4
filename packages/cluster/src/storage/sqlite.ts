/**
 * State in a directory, by the SQLite that is part of Node: one row an object, one transaction a turn of the event loop.
 *
 * Write-ahead log: a killed process loses nothing that was committed, and the next one recovers by itself. With
 * `power-loss` each transaction is also forced to the disk before it counts. The database is locked for as long as it is
 * open, so that two processes never share it.
 */
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import {
  DirectoryError,
  type DirectoryProblem,
  type Keeper,
  KeepingError,
  type KeptObject,
  type KeptWrite,
} from './keeper.ts';

/** What must not lose an acknowledged write: the end of the process (`kill`), or of the machine's power, too. */
export type Durability = 'kill' | 'power-loss';

export interface DirectoryOptions {
  readonly dir: string;
  readonly durability: Durability;
  /** For tests of a full disk: SQLite's own limit of the file, in pages of 4 KiB. */
  readonly maxPages?: number;
}

const FILE = 'cluster.db';
/** `KPLT`: says whose database it is, to us and to file(1). */
const APPLICATION_ID = 0x4b504c54;
/** Of the tables below; one that is higher was written by a later program. */
const FORMAT = 1;

const TABLES = `
CREATE TABLE object (
  resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, json TEXT NOT NULL,
  UNIQUE (resource, namespace, name)
);
CREATE TABLE counter (revision INTEGER NOT NULL);
INSERT INTO counter VALUES (0);
PRAGMA application_id = ${APPLICATION_ID};
PRAGMA user_version = ${FORMAT};
`;

/** Primary result codes of SQLite (sqlite.org/rescode.html). */
const BUSY = 5;
const CORRUPT = 11;
const FULL = 13;
const NOT_A_DATABASE = 26;

/** @throws DirectoryError */
export function openDirectory(options: DirectoryOptions): Keeper {
  const { dir } = options;
  const path = join(dir, FILE);
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    // Secrets are in it: its owner's alone, from the first byte on.
    closeSync(openSync(path, 'a', 0o600));
    database = new DatabaseSync(path);
    prepare(database, options);
    return new Directory(dir, database);
  } catch (error) {
    database?.close();
    throw error instanceof DirectoryError ? error : new DirectoryError(...problemOf(dir, error), { cause: error });
  }
}

/** Takes the lock, checks whose it is, and makes the tables of a new one. */
function prepare(database: DatabaseSync, { dir, durability, maxPages }: DirectoryOptions): void {
  // In this order: the lock is taken by the first read, and for good.
  database.exec('PRAGMA locking_mode = EXCLUSIVE');
  database.exec('BEGIN EXCLUSIVE; COMMIT');
  const application = pragma(database, 'application_id');
  const format = pragma(database, 'user_version');
  const isNew = application === 0 && format === 0 && isEmpty(database);
  if (!isNew && application !== APPLICATION_ID) {
    throw new DirectoryError('foreign', `${join(dir, FILE)} belongs to another program`);
  }
  if (format > FORMAT) {
    const versions = `it has format ${format}, this version knows ${FORMAT}`;
    throw new DirectoryError('newer', `the state in ${dir} was written by a newer version: ${versions}`);
  }
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${durability === 'kill' ? 'NORMAL' : 'FULL'}`);
  // Elsewhere fsync is enough; on macOS it is not.
  database.exec('PRAGMA fullfsync = 1');
  if (isNew) inTransaction(database, () => database.exec(TABLES));
  if (maxPages !== undefined) database.exec(`PRAGMA max_page_count = ${maxPages}`);
}

function pragma(database: DatabaseSync, name: string): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}

function isEmpty(database: DatabaseSync): boolean {
  return database.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
}

function inTransaction(database: DatabaseSync, work: () => void): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    work();
    database.exec('COMMIT');
  } catch (error) {
    // Some errors end the transaction by themselves.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function problemOf(dir: string, error: unknown): [DirectoryProblem, string] {
  switch (resultCode(error)) {
    case BUSY:
      return ['in-use', `the state in ${dir} is in use by another process`];
    case NOT_A_DATABASE:
      return ['foreign', `${join(dir, FILE)} is no database`];
    case CORRUPT:
      return ['damaged', `the state in ${dir} is damaged: ${messageOf(error)}`];
    default:
      return ['unusable', `state cannot be kept in ${dir}: ${messageOf(error)}`];
  }
}

/** The primary code: the lower byte of what node:sqlite tells. */
function resultCode(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
    ? error.errcode & 0xff
    : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

class Directory implements Keeper {
  readonly revision: number;
  readonly #dir: string;
  readonly #database: DatabaseSync;
  readonly #put: StatementSync;
  readonly #delete: StatementSync;
  readonly #count: StatementSync;

  constructor(dir: string, database: DatabaseSync) {
    this.#dir = dir;
    this.#database = database;
    this.#put = database.prepare(
      'INSERT INTO object VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET json = excluded.json',
    );
    this.#delete = database.prepare('DELETE FROM object WHERE resource = ? AND namespace = ? AND name = ?');
    this.#count = database.prepare('UPDATE counter SET revision = ?');
    this.revision = Number(database.prepare('SELECT revision FROM counter').get()?.revision);
  }

  *objects(): Generator<KeptObject> {
    for (const row of this.#database.prepare('SELECT resource, json FROM object').iterate()) {
      yield { resource: String(row.resource), json: String(row.json) };
    }
  }

  keep(writes: Iterable<KeptWrite>, revision: number): void {
    try {
      inTransaction(this.#database, () => {
        for (const { resource, namespace, name, json } of writes) {
          if (json === undefined) this.#delete.run(resource, namespace, name);
          else this.#put.run(resource, namespace, name, json);
        }
        this.#count.run(revision);
      });
    } catch (error) {
      const why = resultCode(error) === FULL ? `the disk of ${this.#dir} is full` : `${this.#dir}: ${messageOf(error)}`;
      throw new KeepingError(why, { cause: error });
    }
  }

  close(): void {
    this.#database.close();
  }
}
