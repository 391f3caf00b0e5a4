/**
 * Keeps what came in on disk, for `kouplet replay`: in two parts, FILE and FILE.1 before it, together no larger than they may be. It
 * blocks nothing: lines wait in memory, what finds no room there is counted and said to be missing, and no fault of the disk ends
 * anything. Each part stands alone: the state of a base is written before its first input in it. [SPEC E32]
 *
 *   inputs ─► line ─► waiting (≤ 8 MiB) ─every 250 ms or 64 KiB─► FILE ─half of the limit─► FILE.1
 */
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync, readSync, renameSync } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import {
  type BaseInput,
  type BaseState,
  baseLine,
  baseStateLine,
  type FleetInput,
  type FleetState,
  fleetLine,
  fleetStateLine,
  type JournalHeader,
  journalFormat,
  type Policy,
  plainLine,
  readHeader,
} from '@kouplet/core';
import type { BaseId } from '@kouplet/protocol';
import { type EdgeClock, systemClock } from '../clock.ts';
import type { Log } from '../log.ts';
import { hasOpen } from './writer.ts';

/** What the pipeline tells; nothing of it throws or waits. */
export interface Journal {
  /** @param before the state it is folded into; undefined for the first of a base */
  base(input: BaseInput, before: BaseState | undefined, fleet: FleetState): void;
  fleet(input: FleetInput, before: FleetState): void;
  forgotten(baseId: BaseId): void;
  /** Writes out what waits, in two seconds at most. Never rejects. */
  close(): Promise<void>;
}

export interface JournalOptions {
  readonly path: string;
  /** Of both parts together. */
  readonly limitBytes: number;
  readonly policy: Policy;
  /** Of Kouplet. */
  readonly version: string;
  readonly log: Log;
  readonly clock?: EdgeClock;
  /** So much may wait to be written. */
  readonly waitingBytes?: number;
}

/** The file cannot be what is recorded to; the message is one line. */
export class JournalError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'JournalError';
  }
}

const flushEveryMs = 250;
const flushBytes = 64 * 1024;
const waitingBytes = 8 * 1024 * 1024;
const closeWithinMs = 2_000;
/** After a fault of the disk. */
const againAfterMs = 1_000;

const headerStart = '{"kind":"kouplet-journal"';

/** The part before FILE. */
export function earlierPart(path: string): string {
  return `${path}.1`;
}

/**
 * A journal of an earlier run that is there becomes the earlier part.
 * @throws JournalError where FILE or FILE.1 is something else, or is another process's now, or cannot be written
 */
export function openJournal(options: JournalOptions): Journal {
  const { path } = options;
  try {
    // What is there becomes that, now or when the first part is full.
    if (existsSync(earlierPart(path))) checkJournal(earlierPart(path));
    if (existsSync(path)) {
      checkJournal(path);
      renameSync(path, earlierPart(path));
    }
    // Nobody else may read it from its first byte on; written to by a handle of the journal's own.
    closeSync(openSync(path, 'wx', 0o600));
    return new FileJournal(options);
  } catch (error) {
    if (error instanceof JournalError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new JournalError(`${path} cannot be written: ${reason}`, { cause: error });
  }
}

function checkJournal(path: string): void {
  const first = firstLineOf(path);
  const read = readHeader(first);
  // Also one of another format, or one whose process was killed while it began.
  if (first !== '' && read.kind !== 'header' && !first.startsWith(headerStart))
    throw new JournalError(`${path} is there and is no journal: it is not written over`);
  const pid = read.kind === 'header' ? read.header.pid : undefined;
  if (typeof pid === 'number' && hasOpen(pid, path))
    throw new JournalError(`${path} is the journal of process ${pid}, which runs: two cannot record to one file`);
}

function firstLineOf(path: string): string {
  const file = openSync(path, 'r');
  try {
    const head = Buffer.alloc(64 * 1024);
    const text = head.toString('utf8', 0, readSync(file, head, 0, head.length, 0));
    return text.split('\n', 1)[0] ?? '';
  } finally {
    closeSync(file);
  }
}

type Waiting = { readonly text: string; readonly bytes: number } | 'next-part';

class FileJournal implements Journal {
  readonly #options: JournalOptions;
  readonly #clock: EdgeClock;
  readonly #session = randomBytes(6).toString('hex');
  readonly #partLimit: number;
  readonly #waitingLimit: number;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #part = 0;
  #partBytes = 0;
  /** Bases, and the fleet as `''`, of which what they were is told in this part. */
  readonly #known = new Set<string>();
  /** Ids of actions whose start stands in this part. */
  readonly #started = new Set<number>();
  /** Lines that are not there, and why. */
  #missing = 0;
  #because = '';
  #file: FileHandle | undefined;
  #writing: Promise<void> | undefined;
  #cancel: (() => void) | undefined;
  #isFaulty = false;
  #isClosed = false;

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#partLimit = options.limitBytes / 2;
    this.#waitingLimit = options.waitingBytes ?? waitingBytes;
    this.#begin();
  }

  base(input: BaseInput, before: BaseState | undefined, fleet: FleetState): void {
    this.#tell(() => {
      const lines = this.#fleetLines(fleet);
      if (!this.#known.has(input.baseId)) {
        this.#known.add(input.baseId);
        if (before !== undefined) lines.push(baseStateLine(before));
      }
      lines.push(baseLine(input, before ?? { pods: {} }, this.#hasStart(input)));
      return lines;
    });
  }

  fleet(input: FleetInput, before: FleetState): void {
    this.#tell(() => [...this.#fleetLines(before), fleetLine(input, this.#hasStart(input))]);
  }

  forgotten(baseId: BaseId): void {
    this.#tell(() => {
      this.#known.delete(baseId);
      return [plainLine({ kind: 'forgotten', baseId })];
    });
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancel?.();
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(closeWithinMs, resolve);
      this.#flushed()
        .then(() => this.#file?.close())
        .catch(() => {})
        .finally(() => {
          cancel();
          resolve();
        });
    });
  }

  async #flushed(): Promise<void> {
    await this.#writing;
    if (!this.#isFaulty) await this.#flush();
  }

  #fleetLines(fleet: FleetState): string[] {
    if (this.#known.has('')) return [];
    this.#known.add('');
    return [fleetStateLine(fleet)];
  }

  #hasStart(input: BaseInput | FleetInput): boolean {
    if (input.kind === 'action-started') this.#started.add(input.action.id);
    return input.kind === 'action-ended' && this.#started.delete(input.action.id);
  }

  /** @param make what is to be written; made anew where it begins a part, in which nothing is known yet */
  #tell(make: () => readonly string[]): void {
    if (this.#isClosed || !this.#hasRoom()) return;
    let lines: readonly Exclude<Waiting, 'next-part'>[];
    try {
      lines = make().map(measured);
      if (this.#partBytes + sumOf(lines) > this.#partLimit) {
        this.#waiting.push('next-part');
        this.#begin();
        lines = make().map(measured);
      }
    } catch (error) {
      // What cannot be written down is folded all the same.
      this.#miss(1, `they could not be put into words: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    if (this.#partBytes + sumOf(lines) > this.#partLimit) {
      this.#miss(lines.length, 'what is known of one base is larger than half of --record-limit');
      return;
    }
    for (const line of lines) this.#add(line);
    if (this.#waitingBytes >= flushBytes) this.#kick();
    else this.#cancel ??= this.#clock.after(flushEveryMs, () => this.#kick());
  }

  /** What finds none is missing, and that is written down once there is room for much again. */
  #hasRoom(): boolean {
    if (this.#missing === 0 && !this.#isFaulty && this.#waitingBytes <= this.#waitingLimit) return true;
    if (this.#isFaulty || this.#waitingBytes > this.#waitingLimit / 2) {
      this.#miss(1, 'they came faster than they could be written');
      return false;
    }
    this.#add(measured(plainLine({ kind: 'gap', lines: this.#missing, reason: this.#because })));
    this.#missing = 0;
    this.#known.clear();
    this.#started.clear();
    return true;
  }

  /** The first reason is told. */
  #miss(lines: number, because: string): void {
    if (this.#missing === 0) this.#because = because;
    this.#missing += lines;
  }

  #begin(): void {
    const { policy, version } = this.#options;
    this.#part += 1;
    this.#partBytes = 0;
    this.#known.clear();
    this.#started.clear();
    const at = new Date(this.#clock.now().wall).toISOString();
    const header: JournalHeader = {
      ...{ kind: 'kouplet-journal', format: journalFormat, version, session: this.#session, part: this.#part },
      ...{ at, pid: process.pid, policy },
    };
    this.#add(measured(plainLine(header)));
  }

  #add(line: Exclude<Waiting, 'next-part'>): void {
    this.#waiting.push(line);
    this.#waitingBytes += line.bytes;
    this.#partBytes += line.bytes;
  }

  #kick(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#writing !== undefined || this.#isClosed) return;
    this.#writing = this.#flush().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Until nothing waits. Never rejects. */
  async #flush(): Promise<void> {
    const { path, log } = this.#options;
    let taken: Waiting[] = [];
    try {
      while (this.#waiting.length > 0) {
        taken = this.#waiting;
        this.#waiting = [];
        let text = '';
        for (const waiting of taken) {
          if (waiting !== 'next-part') text += waiting.text;
          else {
            await this.#append(text);
            text = '';
            await this.#file?.close();
            this.#file = undefined;
            await rename(path, earlierPart(path));
          }
        }
        await this.#append(text);
        this.#waitingBytes -= sumOf(taken);
        taken = [];
      }
      if (this.#isFaulty) log.info({ path }, 'journal-written-again');
      this.#isFaulty = false;
    } catch (error) {
      if (!this.#isFaulty) log.error({ path, err: error }, 'journal-not-written');
      await this.#failed([...taken, ...this.#waiting], error);
    }
  }

  async #append(text: string): Promise<void> {
    if (text === '') return;
    this.#file ??= await open(this.#options.path, 'a', 0o600);
    await this.#file.appendFile(text);
  }

  /** What waits is missing, and the last line may be half there: the next try begins a part. */
  async #failed(lost: readonly Waiting[], error: unknown): Promise<void> {
    this.#isFaulty = true;
    const lines = lost.filter((one) => one !== 'next-part' && !one.text.startsWith(headerStart));
    this.#miss(lines.length, `they could not be written: ${error instanceof Error ? error.message : String(error)}`);
    this.#waiting = [];
    this.#waitingBytes = 0;
    await this.#file?.close().catch(() => {});
    this.#file = undefined;
    if (this.#isClosed) return;
    this.#clock.after(againAfterMs, () => {
      const hasFile = existsSync(this.#options.path);
      if (hasFile) this.#waiting.push('next-part');
      this.#begin();
      this.#kick();
    });
  }
}

function measured(text: string): Exclude<Waiting, 'next-part'> {
  return { text, bytes: Buffer.byteLength(text) };
}

function sumOf(waiting: readonly Waiting[]): number {
  return waiting.reduce((sum, one) => sum + (one === 'next-part' ? 0 : one.bytes), 0);
}
