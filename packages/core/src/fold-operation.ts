/**
 * The answer to one operation. Nothing correlates it but command and key: it ends an operation only where one of that
 * command is in flight on that key; any other answer only makes us ask for a list. [SPEC M6] [SPEC M7]
 */
import type { OperationOutcome, OperationResult } from '@kouplet/protocol';
import { observedLife } from './fold-list.ts';
import { nodeNotice, podNotice, withNotice } from './notices.ts';
import type { RecordedInstall } from './observed.ts';
import type { Policy } from './policy.ts';
import { cut } from './records.ts';
import { endedRun, mayBeOurs, nextTrouble, slotOf, startedRun, troubleOf, withSlot, withTrouble } from './slots.ts';
import type { BaseState, Operation, Slot, Trouble } from './state.ts';
import type { Stamp } from './time.ts';

/** The whole text of a failure in an Event is cut at this many characters. */
const detailLength = 4000;

export function foldOperationResult(state: BaseState, result: OperationResult, at: Stamp, policy: Policy): BaseState {
  const key = result.key ?? guessedKey(state, result);
  if (key === undefined) return { ...state, listNeededSince: at.mono };
  const slot = slotOf(state, key);
  const operation = slot.operation;
  if (operation === undefined || operation.command !== result.command) return foldUnasked(state, key, slot, result, at);
  const { outcome } = result;
  const ending = { state, key, slot, operation, at, policy };
  switch (outcome.kind) {
    case 'accepted':
      return state;
    case 'success':
      return operation.command === 'installBiz' ? foldInstalled(ending, outcome) : foldUninstalled(ending);
    case 'not-found':
      return operation.command === 'uninstallBiz' ? foldUninstalled(ending) : foldFailed(ending, outcome);
    case 'repeat':
      return foldRepeat(ending);
    case 'conflict':
      return foldConflict(ending, outcome.message);
    case 'failed':
      return foldFailed(ending, outcome);
    default:
      outcome satisfies never;
      return state;
  }
}

interface Ending {
  readonly state: BaseState;
  readonly key: string;
  readonly slot: Slot;
  readonly operation: Operation;
  readonly at: Stamp;
  readonly policy: Policy;
}

/** 1.3.2 does not say which key failed: told only where one operation alone can be meant. */
function guessedKey(state: BaseState, result: OperationResult): string | undefined {
  const running = Object.entries(state.slots).filter(([, slot]) => slot.operation?.command === result.command);
  return running.length === 1 ? running[0]?.[0] : undefined;
}

/** Nobody asked: late, doubled, or someone else's. It never leads to a command, at most to a question. */
function foldUnasked(state: BaseState, key: string, slot: Slot, result: OperationResult, at: Stamp): BaseState {
  const { kind } = result.outcome;
  if (result.command === 'installBiz' && result.outcome.kind === 'success' && slot.contested !== undefined) {
    return foldContested(state, key, slot.contested, result.outcome, at);
  }
  const isKnown =
    kind === 'conflict' ||
    kind === 'accepted' ||
    (result.command === 'installBiz' && kind === 'success' && slot.presence === 'ACTIVATED') ||
    (result.command === 'uninstallBiz' && kind !== 'failed' && (slot.presence ?? 'ABSENT') === 'ABSENT') ||
    (kind === 'failed' && hasTold(slot, result.outcome.message));
  return isKnown ? state : { ...state, listNeededSince: at.mono };
}

function hasTold(slot: Slot, message: string): boolean {
  return Object.values(slot.troubles ?? {}).some((trouble) => trouble.message === message);
}

function foldInstalled(ending: Ending, outcome: OperationOutcome & { kind: 'success' }): BaseState {
  const { state, key, slot, operation, at } = ending;
  const made = outcome.installedAs ?? [];
  const same = made.find((biz) => biz.key === key);
  if (same === undefined && made.length > 0) return foldMismatch(ending, outcome);
  const presence = same?.state ?? 'ACTIVATED';
  // Uninstalled and tried again with back-off, as any failed install.
  if (presence === 'BROKEN' || presence === 'STOPPED') {
    const said = same?.message === undefined || same.message === '' ? '' : `: ${same.message}`;
    return foldFault(ending, 'failed', `the base left ${key} ${presence}${said}`, undefined, { presence });
  }
  const podUid = operation.podUid;
  const run =
    podUid === undefined ? slot.run : startedRun(slot.run, podUid, observedLife(state, key, podUid, true), at);
  // Of this Pod alone: another's failure is not undone by it.
  const trouble = troubleOf(slot, podUid);
  const next = withSlot(state, key, {
    operation: undefined,
    lost: undefined,
    endedAt: at.mono,
    presence,
    presenceAsOf: at.mono,
    said: same?.message === '' ? undefined : same?.message,
    resolvedSince: presence === 'RESOLVED' ? at.mono : undefined,
    run: presence === 'ACTIVATED' ? run : slot.run,
    ...(trouble === undefined ? {} : { troubles: withTrouble(slot, { ...trouble, isHealed: true }) }),
  });
  // An answer that does not say what became of it is verified.
  const verified = same === undefined ? { ...next, listNeededSince: at.mono } : next;
  const text = presence === 'ACTIVATED' ? `${key} installed` : `${key} installed, but the base left it ${presence}`;
  return toldPod(verified, podUid, presence === 'ACTIVATED' ? 'Normal' : 'Warning', 'Installed', text);
}

/** The jar says that it is something else: what it made is ours too, and what was asked for is not there. [SPEC M25] */
function foldMismatch(ending: Ending, outcome: OperationOutcome & { kind: 'success' }): BaseState {
  const { key, slot, at } = ending;
  let state = ending.state;
  const made = outcome.installedAs ?? [];
  for (const biz of made) {
    const other = slotOf(state, biz.key);
    if (other.claim !== undefined || other.operation !== undefined) continue;
    state = withSlot(state, biz.key, {
      presence: biz.state,
      presenceAsOf: at.mono,
      endedAt: at.mono,
      claim: slot.claim,
    });
  }
  const names = made.map((biz) => biz.key).join(', ');
  const message = `the jar says that it is ${names}, not ${key}: make the container's name and BIZ_VERSION say the same`;
  return foldFault({ ...ending, state }, 'mismatch', message, undefined, { presence: 'ABSENT' as const });
}

function foldUninstalled(ending: Ending): BaseState {
  const { state, key, slot, operation, at } = ending;
  const next = withSlot(state, key, {
    operation: undefined,
    lost: undefined,
    endedAt: at.mono,
    presence: 'ABSENT',
    presenceAsOf: at.mono,
    said: undefined,
    claim: undefined,
    run: endedRun(slot.run, 'Uninstalled', 'uninstalled', at.wall),
    troubles: Object.fromEntries(
      Object.entries(slot.troubles ?? {}).filter(([, trouble]) => trouble.command !== 'uninstallBiz'),
    ),
  });
  return toldPod(next, operation.podUid, 'Normal', 'Uninstalled', `${key} uninstalled`);
}

/** The base took our install up after all, before it refused its double: what is there is ours. */
function foldContested(
  state: BaseState,
  key: string,
  contested: RecordedInstall,
  outcome: OperationOutcome & { kind: 'success' },
  at: Stamp,
): BaseState {
  const asked = { ...state, listNeededSince: at.mono };
  const isSame = outcome.installedAs?.some((biz) => biz.key === key) ?? true;
  if (!isSame) return asked;
  const next = withSlot(asked, key, { claim: contested, contested: undefined });
  return toldPod(next, contested.podUid, 'Normal', 'Installed', `${key} installed`);
}

/**
 * Something of that key is installed or being installed: verify, which is no proof of "active". It is ours only where an
 * earlier attempt may have made it; what our first attempt meets there was put there by somebody else. [SPEC M38]
 */
function foldRepeat(ending: Ending): BaseState {
  const { state, key, slot, operation, at, policy } = ending;
  if (operation.command !== 'installBiz') return foldConflict(ending, 'already there');
  if (!mayBeOurs(operation)) return foldTaken(ending, `${key} is on the base already; it is asked after`);
  const message = `${key} is on the base or being installed already; it is asked after`;
  const trouble = nextTrouble(key, slot, { ...faultOf(operation, slot), kind: 'conflict', message }, at.mono, policy);
  const next = withSlot(state, key, {
    operation: undefined,
    endedAt: at.mono,
    presence: undefined,
    presenceAsOf: undefined,
    troubles: withBusy(slot, trouble),
  });
  return { ...next, listNeededSince: at.mono };
}

/** Refused, and none of our attempts can be the reason: what was to be ours is not. */
function foldTaken(ending: Ending, message: string): BaseState {
  const { state, key, slot, operation, at, policy } = ending;
  const trouble = nextTrouble(key, slot, { ...faultOf(operation, slot), kind: 'conflict', message }, at.mono, policy);
  const next = withSlot(state, key, {
    operation: undefined,
    lost: undefined,
    claim: undefined,
    contested: slot.claim,
    endedAt: at.mono,
    presence: undefined,
    presenceAsOf: undefined,
    troubles: withBusy(slot, trouble),
  });
  return { ...next, listNeededSince: at.mono };
}

/**
 * Another command on that key is running. After a repeated attempt it counts as our own earlier one (of before a restart of
 * ours, mostly): not lost, and its key stays locked until it ends, or what it makes would be nobody's. An install that our
 * first attempt meets is awaited, too: with a success it was our own, delivered twice; what only a list shows is another's.
 */
function foldConflict(ending: Ending, message: string): BaseState {
  const { state, key, slot, operation, at, policy } = ending;
  if (operation.command === 'installBiz' && !mayBeOurs(operation)) {
    if (!message.includes('(installBiz)')) return foldTaken(ending, message);
    return withSlot(state, key, { operation: { ...operation, isConfirmedRunning: true, isRefused: true } });
  }
  if (operation.attempt > 1) {
    // An uninstall sent again that meets an install: that one is what runs, and its end is awaited.
    const isInstall = operation.command === 'installBiz' || message.includes('(installBiz)');
    const command = isInstall ? 'installBiz' : operation.command;
    const sentAt = command === operation.command ? operation.sentAt : at.mono;
    return withSlot(state, key, { operation: { ...operation, command, sentAt, isConfirmedRunning: true } });
  }
  if (slot.lost !== undefined && slot.lost.command !== operation.command) {
    // What was taken for lost is what runs, unlisted: a download. Its end is awaited, or it would outlive its Pod.
    const revived = { ...operation, ...slot.lost, sentAt: at.mono, isConfirmedRunning: true };
    return withSlot(state, key, { operation: revived, lost: undefined });
  }
  const trouble = nextTrouble(key, slot, { ...faultOf(operation, slot), kind: 'conflict', message }, at.mono, policy);
  const next = withSlot(state, key, {
    operation: undefined,
    endedAt: at.mono,
    troubles: withBusy(slot, trouble),
  });
  return { ...next, listNeededSince: at.mono };
}

/** Busy is no failure: the cause of the last one stays, tried again when this one would be. */
function withBusy(slot: Slot, busy: Trouble): NonNullable<Slot['troubles']> {
  const earlier = troubleOf(slot, busy.podUid);
  return withTrouble(slot, earlier?.kind === 'failed' ? { ...earlier, retryAt: busy.retryAt } : busy);
}

function foldFailed(ending: Ending, outcome: { readonly message: string; readonly detail?: string }): BaseState {
  return foldFault(ending, 'failed', outcome.message, outcome.detail, { presence: undefined });
}

function foldFault(
  ending: Ending,
  kind: 'failed' | 'mismatch',
  message: string,
  detail: string | undefined,
  seen: { readonly presence: Slot['presence'] },
): BaseState {
  const { state, key, slot, operation, at, policy } = ending;
  const line = cut(message.replaceAll(/\s+/g, ' ').trim() || 'the base gave no reason', 1000);
  const trouble = nextTrouble(key, slot, { ...faultOf(operation, slot), kind, message: line }, at.mono, policy);
  const isInstall = operation.command === 'installBiz';
  const next = withSlot(state, key, {
    operation: undefined,
    lost: undefined,
    endedAt: at.mono,
    presence: isInstall ? seen.presence : slot.presence,
    presenceAsOf: undefined,
    // Bases drop what failed to install; what one keeps shows in the next list and is then claimed by this.
    claim: slot.claim,
    troubles: withTrouble(slot, trouble),
  });
  const reason = isInstall ? 'InstallFailed' : 'UninstallFailed';
  const whole = detail === undefined || detail === '' ? line : `${line}\n${detail}`;
  const told = toldPod(next, operation.podUid, 'Warning', reason, `${key}: ${whole}`, detailLength);
  return { ...told, listNeededSince: at.mono };
}

function faultOf(operation: Operation, slot: Slot) {
  return {
    podUid: operation.podUid ?? slot.claim?.podUid ?? '',
    url: operation.url ?? slot.claim?.url ?? '',
    command: operation.command,
  };
}

function toldPod(
  state: BaseState,
  podUid: string | undefined,
  type: 'Normal' | 'Warning',
  reason: string,
  message: string,
  maxLength = 1000,
): BaseState {
  const pod = podUid === undefined ? undefined : state.pods[podUid]?.pod;
  if (pod !== undefined) return withNotice(state, podNotice(pod, type, reason, message, maxLength));
  return withNotice(state, nodeNotice(type, reason, message));
}
