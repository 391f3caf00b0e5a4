/** Events to be recorded: a bounded outbox in the state for what happened, and a memory of what was told about lasting conditions. */
import { shortHash } from './hash.ts';
import { maskText } from './mask.ts';
import type { ObservedPod } from './observed.ts';
import { cut } from './records.ts';
import type { BaseState, Notice } from './state.ts';

const outboxSize = 64;
/** Besides those of its Pods: a memory shorter than what lasts would tell it all again, without end. */
const toldSize = 256;
const toldOfPod = 8;

/** Adds an Event to the outbox unless the same one waits there; the oldest goes when it is full. Only the holder of the Lease tells. */
export function withNotice(state: BaseState, notice: Notice): BaseState {
  if (state.heldSince === undefined) return state;
  if (state.notices.some((present) => present.key === notice.key)) return state;
  return { ...state, notices: [...state.notices, notice].slice(-outboxSize) };
}

/** An Event about a Pod. */
export function podNotice(
  pod: ObservedPod,
  type: Notice['type'],
  reason: string,
  message: string,
  maxLength = 1000,
): Notice {
  const { name, namespace, uid } = pod.metadata;
  return keyed({ kind: 'Pod', name, namespace: namespace ?? 'default', uid }, type, reason, cut(message, maxLength));
}

/** An Event about the base's Node. */
export function nodeNotice(type: Notice['type'], reason: string, message: string): Notice {
  return keyed({ kind: 'Node' }, type, reason, cut(message, 1000));
}

function keyed(regarding: Notice['regarding'], type: Notice['type'], reason: string, message: string): Notice {
  const subject = regarding.kind === 'Pod' ? regarding.uid : 'node';
  return {
    key: `event/${shortHash(`${subject}|${reason}|${message}`)}`,
    regarding,
    type,
    reason,
    message: maskText(message),
  };
}

/** What is told while a base is away, and ends when it speaks. */
export const awayReasons: ReadonlySet<string> = new Set([
  'BaseGone',
  'BaseDeactivated',
  'GivingUpStopped',
  'StatefulSetNeedsProof',
  'DeletionWaits',
]);

/** What is told about a base's facts, and ends with them. */
export const factReasons: ReadonlySet<string> = new Set(['AddressUnusable', 'ValuesChanged']);

/** Those conditions are over: when they come again they are told again. */
export function withoutTold(state: BaseState, reasons: ReadonlySet<string>): BaseState {
  const told = Object.entries(state.told).filter(([, { reason }]) => !reasons.has(reason));
  return told.length === Object.keys(state.told).length ? state : { ...state, told: Object.fromEntries(told) };
}

/** Remembers that an Event went out: it leaves the outbox, and a lasting condition is not told again while it lasts. */
export function withTold(state: BaseState, key: string, reason: string, at: number): BaseState {
  const waiting = state.notices.find((notice) => notice.key === key);
  const notices = waiting === undefined ? state.notices : state.notices.filter((notice) => notice !== waiting);
  // What happened once needs no memory: two Events a Pod would push the lasting conditions out of it.
  if (waiting !== undefined && waiting.isLasting !== true) return { ...state, notices };
  const told = Object.entries({ ...state.told, [key]: { at, reason } });
  const size = toldSize + toldOfPod * Object.keys(state.pods).length;
  const kept = told.length > size ? told.toSorted((a, b) => b[1].at - a[1].at).slice(0, size) : told;
  return {
    ...state,
    told: Object.fromEntries(kept),
    notices,
  };
}
