/**
 * What our own actions leave in a base's state: in flight from their start to their outcome; operations and questions
 * until they are answered; writes that failed until they are due again.
 */
import type { Action, DueInstall, PlannedAction, SendCommand } from './actions.ts';
import { backoffMs } from './backoff.ts';
import { contentHashOf } from './hash.ts';
import type { Outcome } from './inputs.ts';
import { identityAnnotation } from './names.ts';
import { podNotice, withNotice, withTold } from './notices.ts';
import type { RecordedInstall } from './observed.ts';
import type { Policy } from './policy.ts';
import { defined, withEntry, withoutEntry } from './records.ts';
import { mayBeOurs, slotOf, troubleOf, withSlot } from './slots.ts';
import type { BaseState, Flight, Question, WriteTrouble } from './state.ts';
import type { Stamp } from './time.ts';

/** Repeats of one content within this span are a write without effect. */
const repeatSpanMs = 60_000;
const questionsKept = 8;

export function foldActionStarted(state: BaseState, action: Action, at: Stamp): BaseState {
  if (state.flights[action.key]?.actionId === action.id) return state;
  const flight: Flight = {
    actionId: action.id,
    startedAt: at.mono,
    hash: isCompared(action) ? contentHash(action) : '',
    ...(action.kind === 'write-record' ? { installs: action.installs } : {}),
  };
  const next: BaseState = { ...state, flights: withEntry(state.flights, action.key, flight) };
  switch (action.kind) {
    case 'send-command':
      return foldCommandStarted(next, action, at);
    case 'record-event':
      return withTold(next, action.key, action.reason, at.mono);
    default:
      return next;
  }
}

function foldCommandStarted(state: BaseState, action: Action & SendCommand, at: Stamp): BaseState {
  const question: Question = { actionId: action.id, askedAt: at.mono };
  switch (action.command.kind) {
    case 'queryAllBiz':
      return { ...state, listQuestions: [...state.listQuestions, question].slice(-questionsKept) };
    case 'health':
      return { ...state, healthQuestions: [...state.healthQuestions, question].slice(-questionsKept) };
    case 'baseline':
      return state.baseline === undefined ? state : { ...state, baseline: { ...state.baseline, isAnswered: true } };
    case 'installBiz':
    case 'uninstallBiz':
      return foldOperationStarted(state, action, action.command.kind, at);
    default:
      action.command satisfies never;
      return state;
  }
}

function foldOperationStarted(
  state: BaseState,
  action: Action & SendCommand,
  command: 'installBiz' | 'uninstallBiz',
  at: Stamp,
): BaseState {
  const key = action.bizKey;
  if (key === undefined) return state;
  const slot = slotOf(state, key);
  const earlier = slot.lost?.command === command ? slot.lost : undefined;
  const claim = action.claim ?? slot.claim;
  const next = withSlot(state, key, {
    operation: {
      command,
      actionId: action.id,
      firstSentAt: earlier?.firstSentAt ?? at.mono,
      sentAt: at.mono,
      attempt: (earlier?.attempt ?? 0) + 1,
      ...defined({
        podUid: claim?.podUid,
        url: claim?.url,
        sessionId: state.session?.id,
        wasRefused: earlier?.isRefused,
      }),
    },
    // A lost install stays in mind while its uninstall runs: a conflict then says that it was not lost.
    lost: earlier === undefined ? slot.lost : undefined,
    claim,
    contested: undefined,
    due: undefined,
  });
  const pod = claim === undefined ? undefined : next.pods[claim.podUid]?.pod;
  if (pod === undefined || earlier !== undefined) return next;
  // Retries are told by their outcomes.
  const trouble = troubleOf(slot, claim?.podUid);
  if (trouble !== undefined && trouble.isHealed !== true && trouble.command === command) return next;
  const isInstall = command === 'installBiz';
  const text = isInstall ? `Installing ${key} from ${claim?.url}` : `Uninstalling ${key}`;
  return withNotice(next, podNotice(pod, 'Normal', isInstall ? 'Installing' : 'Uninstalling', text));
}

/** From when on an install waits for its record, however late the write of it begins: the first time for its Pod counts. [SPEC M36] */
export function foldInstallDue(state: BaseState, { bizKey, podUid }: DueInstall, at: Stamp): BaseState {
  const { due, operation } = slotOf(state, bizKey);
  if (operation !== undefined || due?.podUid === podUid) return state;
  return withSlot(state, bizKey, { due: { podUid, at: at.mono } });
}

export function foldActionEnded(
  state: BaseState,
  action: Action,
  outcome: Outcome,
  at: Stamp,
  policy: Policy,
): BaseState {
  const flight = state.flights[action.key];
  if (flight?.actionId !== action.id) return state;
  const landed: BaseState = { ...state, flights: withoutEntry(state.flights, action.key) };
  if (action.kind === 'record-event') return landed;
  // The watch was quicker: nothing will ever be written to it again.
  const isBuried = action.kind === 'patch-pod-status' || action.kind === 'delete-pod';
  if (isBuried && landed.pods[action.uid] === undefined) return landed;
  const writes = withOutcome(landed.writes, action, flight, outcome, at.mono, policy);
  const next: BaseState = writes === landed.writes ? landed : { ...landed, writes };
  if (action.kind === 'send-command') return outcome.kind === 'done' ? next : foldUnsent(next, action);
  if (outcome.kind !== 'done') return next;
  switch (action.kind) {
    case 'write-lease':
      return { ...withInheritance(next, at.mono), leaseConfirmedAt: flight.startedAt };
    case 'patch-node-status':
    case 'create-node':
      return { ...next, nodeStatusAt: at.mono };
    default:
      return next;
  }
}

/**
 * The first write of a hold over a Node that another controller made: what runs is its Pods' by now. Not when the Lease is first
 * seen to be ours: with upstream's CLIENT_ID that is in the first lists, perhaps before its Node and its Pods are. [SPEC M9]
 */
function withInheritance(state: BaseState, at: number): BaseState {
  if (state.heldSince === undefined || state.leaseConfirmedAt !== undefined) return state;
  const isOfAnother = state.node !== undefined && state.node.metadata.annotations?.[identityAnnotation] === undefined;
  return isOfAnother ? { ...state, inheritedAt: at } : state;
}

/** Nothing reached the base: it is as if the command had never been. */
function foldUnsent(state: BaseState, action: Action & SendCommand): BaseState {
  const isOther = (question: Question) => question.actionId !== action.id;
  switch (action.command.kind) {
    case 'queryAllBiz':
      return { ...state, listQuestions: state.listQuestions.filter(isOther) };
    case 'health':
      return { ...state, healthQuestions: state.healthQuestions.filter(isOther) };
    case 'baseline':
      return state.baseline === undefined ? state : { ...state, baseline: { ...state.baseline, isAnswered: false } };
    case 'installBiz':
    case 'uninstallBiz': {
      const slot = action.bizKey === undefined ? undefined : state.slots[action.bizKey];
      if (action.bizKey === undefined || slot?.operation?.actionId !== action.id) return state;
      const { attempt, firstSentAt, command, wasRefused } = slot.operation;
      // An earlier attempt may have arrived.
      const earlier = { command, attempt: attempt - 1, firstSentAt, ...defined({ isRefused: wasRefused }) };
      const isUnclaimed = command === 'installBiz' && !mayBeOurs(slot.operation);
      return withSlot(state, action.bizKey, {
        operation: undefined,
        lost: attempt > 1 ? earlier : undefined,
        // What comes to be there meanwhile is not ours.
        ...(isUnclaimed ? { claim: undefined } : {}),
      });
    }
    default:
      action.command satisfies never;
      return state;
  }
}

/** What an outcome means for the next write of the same key: tried again with back-off, for ever; a success clears it. */
export function withOutcome(
  writes: Readonly<Record<string, WriteTrouble>>,
  action: Action,
  flight: Flight,
  outcome: Outcome,
  at: number,
  policy: Policy,
): Readonly<Record<string, WriteTrouble>> {
  const { writeBackoffFirstMs, writeBackoffCapMs, leaseRenewMs } = policy.timings;
  // A Lease lapses after 15 or 40 s: the first write that would succeed must not come later than that.
  const capMs = action.kind === 'write-lease' ? Math.min(leaseRenewMs, writeBackoffCapMs) : writeBackoffCapMs;
  const previous = writes[action.key];
  const next = (failures: number, message: string, leastMs = 0): WriteTrouble => ({
    failures,
    retryAt: at + Math.max(leastMs, backoffMs(action.key, failures, writeBackoffFirstMs, capMs)),
    at,
    hash: flight.hash,
    message,
  });
  const failures = (previous?.failures ?? 0) + 1;
  switch (outcome.kind) {
    case 'done': {
      if (action.kind === 'send-command' || action.kind === 'write-lease') return withoutEntry(writes, action.key);
      // A deletion that was accepted is seen on the watch in a moment, or held by finalizers.
      if (action.kind.startsWith('delete-')) return withEntry(writes, action.key, next(1, ''));
      const isRepeat = previous?.hash === flight.hash && at - previous.at < repeatSpanMs && previous.message === '';
      return withEntry(writes, action.key, isRepeat ? next(failures, '') : { ...next(0, ''), retryAt: at });
    }
    case 'gone':
      return withEntry(writes, action.key, next(failures, 'it is gone'));
    case 'conflict':
      return withEntry(writes, action.key, next(failures, 'it has changed meanwhile'));
    case 'unsent':
      return withEntry(writes, action.key, next(failures, 'the base is not connected'));
    case 'refused':
      return withEntry(writes, action.key, next(failures, outcome.message));
    case 'failed':
      return withEntry(writes, action.key, next(failures, outcome.message, outcome.retryAfterMs));
    default:
      outcome satisfies never;
      return writes;
  }
}

/** Whether a repeat of the same content means anything: of commands, Events and renewals it does not, and a hash costs. */
function isCompared(action: Action): boolean {
  return action.kind !== 'send-command' && action.kind !== 'record-event' && action.kind !== 'write-lease';
}

const passing = new Set(['id', 'resourceVersion', 'lastTransitionTime', 'lastHeartbeatTime', 'renewedAt', 'givenUpAt']);

/** Hash of what an action writes, less versions and times. */
export function contentHash(action: PlannedAction): string {
  if (action.kind !== 'write-record') return contentHashOf(action, passing);
  const installs: Record<string, string> = Object.create(null);
  for (const key in action.installs) installs[key] = installHash(action.installs[key] as RecordedInstall);
  return contentHashOf({ ...action, installs }, passing);
}

// A record is written for each biz that comes or goes, and says all of them; a claim never changes.
const installHashes = new WeakMap<RecordedInstall, string>();

function installHash(install: RecordedInstall): string {
  let hash = installHashes.get(install);
  if (hash === undefined) {
    hash = contentHashOf(install, passing);
    installHashes.set(install, hash);
  }
  return hash;
}
