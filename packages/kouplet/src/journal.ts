/** The journal that `--record` asks for. */
import { type Journal, type Log, openJournal } from '@kouplet/controller';
import type { Policy } from '@kouplet/core';
import { version } from './version.ts';

export interface RecordFlags {
  readonly record?: string;
  /** Bytes. */
  readonly recordLimit: number;
}

/** @throws JournalError */
export function recordTo(
  { record, recordLimit }: RecordFlags,
  policy: Policy,
  log: Log,
): { readonly journal?: Journal } {
  if (record === undefined) return {};
  return { journal: openJournal({ path: record, limitBytes: recordLimit, policy, version, log }) };
}
