/** Reads a journal line by line. Whatever a line is, it is a line, or said in words to be none. */
import type { BaseId } from '@kouplet/protocol';
import type { Action } from '../actions.ts';
import type { Outcome } from '../inputs.ts';
import type { Stamp } from '../time.ts';
import { type JournalHeader, type JournalLine, journalFormat } from './lines.ts';

export type ReadHeader =
  | { readonly kind: 'header'; readonly header: JournalHeader }
  /** In words. */
  | { readonly kind: 'none' | 'other-format'; readonly message: string };

export type ReadLine =
  | { readonly kind: 'line'; readonly line: JournalLine }
  /** Nothing to fold: the end of an action whose start is in a part that is gone, or of a kind that only a later version knows. */
  | { readonly kind: 'skipped' }
  /** In words. */
  | { readonly kind: 'none'; readonly message: string };

type Fields = Readonly<Record<string, unknown>>;

/** The first line. A header of another format is said to be that. */
export function readHeader(text: string): ReadHeader {
  const fields = fieldsOf(text);
  if (fields === undefined || fields.kind !== 'kouplet-journal') {
    return { kind: 'none', message: 'it is no journal of Kouplet: its first line says nothing of one' };
  }
  if (fields.format !== journalFormat) {
    const by = typeof fields.version === 'string' ? `, written by Kouplet ${fields.version}` : '';
    const message = `it is a journal of format ${String(fields.format)}${by}; this version reads format ${journalFormat}`;
    return { kind: 'other-format', message };
  }
  const { version, session, part, at, policy } = fields;
  const isWhole =
    typeof version === 'string' && typeof session === 'string' && typeof at === 'string' && Number.isSafeInteger(part);
  if (!isWhole || !isPolicy(policy)) return { kind: 'none', message: 'its first line is damaged' };
  return { kind: 'header', header: fields as unknown as JournalHeader };
}

/** Remembers what was started, so that the end of it can be read. */
export class JournalReader {
  readonly #started = new Map<number, Action>();

  read(text: string): ReadLine {
    const fields = fieldsOf(text);
    if (fields === undefined) return { kind: 'none', message: 'is no JSON object' };
    const { kind, at, baseId, input, state } = fields;
    switch (kind) {
      case 'base':
      case 'fleet': {
        if (!isStamp(at) || !isFields(input) || typeof input.kind !== 'string' || !isOfBase(kind, baseId)) break;
        if (!inputKinds[kind].has(input.kind)) return { kind: 'skipped' };
        if (input.kind === 'action-started' || input.kind === 'action-ended') {
          if (!isAction(input.action)) break;
          if (input.kind === 'action-started') this.#started.set(input.action.id, input.action);
        }
        return { kind: 'line', line: fields as unknown as JournalLine };
      }
      case 'ended': {
        const { id, outcome } = fields;
        if (!isStamp(at) || typeof id !== 'number' || !isFields(outcome) || typeof outcome.kind !== 'string') break;
        const action = this.#started.get(id);
        if (action === undefined) return { kind: 'skipped' };
        this.#started.delete(id);
        const ended = { kind: 'action-ended', action, outcome: outcome as unknown as Outcome } as const;
        if (typeof baseId !== 'string') return { kind: 'line', line: { kind: 'fleet', at, input: ended } };
        return { kind: 'line', line: { kind: 'base', at, baseId: baseId as BaseId, input: ended } };
      }
      case 'base-state': {
        const isWhole =
          isFields(state) && ['slots', 'pods', 'flights', 'writes', 'told'].every((name) => isFields(state[name]));
        if (!isWhole || typeof baseId !== 'string') break;
        return { kind: 'line', line: fields as unknown as JournalLine };
      }
      case 'fleet-state':
        if (!isFields(state) || !isFields(state.replicas) || !isFields(state.flights) || !isFields(state.writes)) break;
        return { kind: 'line', line: fields as unknown as JournalLine };
      case 'forgotten':
        if (typeof baseId !== 'string') break;
        return { kind: 'line', line: { kind, baseId: baseId as BaseId } };
      case 'gap':
        if (typeof fields.lines !== 'number') break;
        return { kind: 'line', line: { kind, lines: fields.lines, reason: String(fields.reason) } };
      default:
        if (typeof kind === 'string') return { kind: 'skipped' };
    }
    return {
      kind: 'none',
      message: `is damaged: ${typeof kind === 'string' ? `a "${kind}" lacks something` : 'it has no kind'}`,
    };
  }
}

const inputKinds: Readonly<Record<'base' | 'fleet', ReadonlySet<string>>> = {
  base: new Set([
    ...[
      'message',
      'rejected',
      'session-opened',
      'session-closed',
      'pod-observed',
      'pod-gone',
      'node-observed',
      'node-gone',
    ],
    ...['lease-observed', 'lease-gone', 'record-observed', 'record-gone', 'host-gone', 'install-due'],
    ...['action-started', 'action-ended', 'crashed'],
  ]),
  fleet: new Set([
    ...['link-up', 'link-down', 'synced', 'stalled', 'surveyed', 'replica-lease-observed', 'replica-lease-gone'],
    ...['action-started', 'action-ended', 'stopping'],
  ]),
};

function fieldsOf(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isStamp(value: unknown): value is Stamp {
  return isFields(value) && Number.isFinite(value.mono) && Number.isFinite(value.wall);
}

function isOfBase(kind: 'base' | 'fleet', baseId: unknown): boolean {
  return kind === 'fleet' || (typeof baseId === 'string' && baseId !== '');
}

function isAction(value: unknown): value is Action {
  return (
    isFields(value) && typeof value.id === 'number' && typeof value.key === 'string' && typeof value.kind === 'string'
  );
}

function isPolicy(value: unknown): boolean {
  if (!isFields(value) || !isFields(value.timings)) return false;
  const texts = [value.env, value.holderIdentity, value.namespace, value.kubeletVersion];
  return texts.every((text) => typeof text === 'string') && Object.values(value.timings).every(Number.isFinite);
}
