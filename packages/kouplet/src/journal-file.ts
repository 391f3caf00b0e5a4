/** A journal on disk, line by line: its parts in order, and in words what is wrong with one. */
import { createReadStream, existsSync } from 'node:fs';
import { type JournalHeader, type JournalLine, JournalReader, readHeader } from '@kouplet/core';
import { failed, fileFailure } from './failure.ts';

export interface JournalPart {
  readonly path: string;
  readonly header: JournalHeader;
}

export interface PlacedLine {
  readonly line: JournalLine;
  /** From 1. */
  readonly number: number;
}

/** A line of a journal is long where a base has a thousand Pods, but not without bounds. */
const longestLine = 64 * 2 ** 20;

/** The parts that FILE ends, the earlier one first. @throws Failure where FILE is no journal that this version reads */
export async function partsOf(path: string): Promise<readonly JournalPart[]> {
  const last = await headerOf(path);
  const earlierPath = `${path}.1`;
  if (!existsSync(earlierPath)) return [{ path, header: last }];
  // What is no journal, or of another run, is none of its parts.
  const earlier = await headerOf(earlierPath).catch(() => undefined);
  const isOfSameRun = earlier?.session === last.session && earlier.part === last.part - 1;
  return [
    ...(earlier !== undefined && isOfSameRun ? [{ path: earlierPath, header: earlier }] : []),
    { path, header: last },
  ];
}

async function headerOf(path: string): Promise<JournalHeader> {
  for await (const { text } of linesOf(path)) {
    const read = readHeader(text);
    if (read.kind === 'header') return read.header;
    const advice =
      read.kind === 'other-format' ? 'Replay it with that version.' : 'Name a file that --record has written.';
    throw failed(`${path}: ${read.message}`, advice);
  }
  throw failed(`${path} is empty`, 'Name a file that --record has written.');
}

/**
 * Every line of a part but its first. One that is cut at the end is left out: the process was killed, or the disk was full.
 *
 * @param onCut called then, with its number
 * @throws Failure for a line that is none, with its number
 */
export async function* readPart(path: string, onCut: (number: number) => void): AsyncGenerator<PlacedLine> {
  const reader = new JournalReader();
  let number = 0;
  for await (const { text, isWhole } of linesOf(path)) {
    number += 1;
    if (number === 1) continue;
    const read = reader.read(text);
    if (read.kind === 'line') yield { line: read.line, number };
    else if (read.kind === 'none' && !isWhole) onCut(number);
    else if (read.kind === 'none') {
      throw failed(
        `${path}: line ${number} ${read.message}`,
        'It was changed or damaged; what stands before it was read.',
      );
    }
  }
}

/** @param isWhole false for a last line without its end */
async function* linesOf(path: string): AsyncGenerator<{ readonly text: string; readonly isWhole: boolean }> {
  let rest = '';
  try {
    for await (const chunk of createReadStream(path, 'utf8')) {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const text of lines) yield { text, isWhole: true };
      if (rest.length > longestLine)
        throw failed(`${path} has a line longer than any of a journal`, 'Name another file.');
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error) throw fileFailure(error, undefined, path);
    throw error;
  }
  if (rest !== '') yield { text: rest, isWhole: false };
}
