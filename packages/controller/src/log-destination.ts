/**
 * Where log lines go: a file descriptor, written to at once and without waiting. What cannot be written is left out and counted:
 * a log must never stop the work that it tells of. (pino's own destination tries again without end, on the main thread, where a
 * reader has gone or a disk is full.) [SPEC E47]
 */
import { writeSync } from 'node:fs';

export interface LogDestination {
  /** One or more whole lines, with their ends. */
  write(lines: string): void;
  /** Writes out what is gathered, as far as it can be. Never throws, never waits. */
  flush(): void;
}

/** Gathered before it is written: a system call for a few dozen lines. */
const gatheredBytes = 4096;
/** Held for a reader that is slow; what comes on top is lost. */
const heldBytes = 1024 * 1024;
const newline = 0x0a;

/** @param write  as `fs.writeSync`: how many bytes were written, or an error with a code */
export function logDestination(
  descriptor: number,
  write: (descriptor: number, bytes: Buffer) => number = writeSync,
): LogDestination {
  let gathered: Buffer[] = [];
  let size = 0;
  let lost = 0;
  /** What was written last is no whole line yet. */
  let isInLine = false;
  /** Nor will it be: its end is lost, and what comes next must not be taken for it. */
  let isCut = false;

  function flush(): void {
    const told = lost;
    if (told > 0) gathered.push(lineOfLoss(told));
    lost = 0;
    let rest = Buffer.concat(isCut ? [Buffer.from('\n'), ...gathered] : gathered);
    keep([]);
    try {
      while (rest.length > 0) {
        const written = write(descriptor, rest);
        if (written === 0) break;
        isCut = false;
        isInLine = rest[written - 1] !== newline;
        rest = rest.subarray(written);
      }
      keep([unwritten(rest)]);
    } catch (error) {
      if (isBusy(error)) {
        keep([unwritten(rest)]);
        return;
      }
      lost = linesOf(unwritten(rest)) + (told > 0 ? told - 1 : 0);
      isCut ||= isInLine;
    }
  }

  /** Without the end that a cut line is given, where not even that was written. */
  function unwritten(rest: Buffer): Buffer {
    return isCut ? rest.subarray(1) : rest;
  }

  function keep(buffers: Buffer[]): void {
    gathered = buffers;
    size = buffers.reduce((sum, { length }) => sum + length, 0);
  }

  return {
    write(lines) {
      const bytes = Buffer.from(lines);
      if (size + bytes.length > heldBytes) {
        lost += linesOf(bytes);
        return;
      }
      gathered.push(bytes);
      size += bytes.length;
      // One that waits for a slow reader is not asked again with each line.
      if (size >= gatheredBytes && size - bytes.length < gatheredBytes) flush();
    },
    flush,
  };
}

function lineOfLoss(lines: number): Buffer {
  const time = new Date().toISOString();
  return Buffer.from(`${JSON.stringify({ level: 'warn', time, lines, msg: 'log-lines-lost' })}\n`);
}

function linesOf(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, at + 1)) lines += 1;
  return lines;
}

/** A pipe that is full, and takes more in a moment. */
function isBusy(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'EAGAIN' || code === 'EBUSY' || code === 'EINTR';
}
