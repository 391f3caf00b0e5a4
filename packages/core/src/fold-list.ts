/**
 * A full list of what is on a base. It is evidence as of when it was asked for: of a key whose last operation ended later
 * it says nothing. [SPEC M8]
 */
import type { ReportedBiz } from '@kouplet/protocol';
import { isDeleting } from './module-pod.ts';
import { nodeNotice, podNotice, withNotice } from './notices.ts';
import { adopt, isPresent } from './ownership.ts';
import type { Policy } from './policy.ts';
import { defined, wallOf, withoutEntry } from './records.ts';
import { endedRun, isHung, nextTrouble, slotOf, startedRun, troubleOf, withSlot, withTrouble } from './slots.ts';
import type { BaseState, Operation, Run, Slot } from './state.ts';
import type { Stamp } from './time.ts';

/** How long a running operation that the base confirmed stays beyond doubt. */
const confirmedForMs = 60_000;

export function foldList(
  state: BaseState,
  bizes: readonly ReportedBiz[],
  asOf: number,
  at: Stamp,
  policy: Policy,
): BaseState {
  if (state.listAsOf !== undefined && asOf < state.listAsOf) return state;
  const byKey = new Map<string, ReportedBiz>(bizes.map((biz) => [biz.key, biz]));
  let next: BaseState = { ...state, listAsOf: asOf };
  for (const key of new Set([...Object.keys(state.slots), ...byKey.keys()])) {
    next = foldListed(next, key, byKey.get(key), asOf, at, policy);
  }
  const adopted = adopt(next);
  const { inheritedAt, ...known } = adopted;
  return inheritedAt === undefined || asOf < inheritedAt ? adopted : known;
}

function foldListed(
  state: BaseState,
  key: string,
  biz: ReportedBiz | undefined,
  asOf: number,
  at: Stamp,
  policy: Policy,
): BaseState {
  const slot = slotOf(state, key);
  // Asked in the very turn in which the operation ended is asked after it.
  if (slot.endedAt !== undefined && asOf < slot.endedAt) return state;
  const presence = presenceOf(slot, biz);
  const said = biz?.message === undefined || biz.message === '' ? undefined : biz.message;
  if (slot.operation !== undefined) {
    return foldAskedAfter(state, key, slot, slot.operation, presence, said, asOf, at, policy);
  }
  return settle(state, key, slot, presence, said, asOf, at, policy);
}

/** A state that nobody can read (UNRESOLVED) says that it is there, and nothing against what was known. */
function presenceOf(slot: Slot, biz: ReportedBiz | undefined): NonNullable<Slot['presence']> {
  if (biz === undefined) return 'ABSENT';
  return biz.state === 'UNRESOLVED' && isPresent(slot) ? (slot.presence ?? 'UNRESOLVED') : biz.state;
}

/** What the list says of a key that no operation of ours works on. */
function settle(
  state: BaseState,
  key: string,
  slot: Slot,
  presence: NonNullable<Slot['presence']>,
  said: string | undefined,
  asOf: number,
  at: Stamp,
  policy: Policy,
): BaseState {
  const isStarting = presence === 'RESOLVED' || presence === 'UNRESOLVED';
  const resolvedSince = isStarting ? (slot.resolvedSince ?? at.mono) : undefined;
  const fields = { presence, presenceAsOf: asOf, said, resolvedSince };
  if (presence === 'ACTIVATED') {
    const run = slot.run !== undefined && slot.run.ended === undefined ? slot.run : seenRun(state, key, slot, at);
    return withSlot(state, key, { ...fields, run, lost: undefined, troubles: healed(slot, at, policy) });
  }
  const isOver = presence === 'ABSENT' || presence === 'STOPPED' || presence === 'BROKEN';
  if (!isOver) return withSlot(state, key, fields);
  if (presence === 'ABSENT' && isBusy(slot)) {
    // What the base was busy with may be a download, which no list shows: the claim stays until it is proven gone.
    const lost = slot.lost ?? { command: 'installBiz' as const, attempt: 1, firstSentAt: at.mono };
    return withSlot(state, key, { presence: undefined, presenceAsOf: asOf, said, resolvedSince, lost });
  }
  const claim = presence === 'ABSENT' ? undefined : slot.claim;
  const life = slot.run ?? shownRun(state, key, slot, at);
  const wasRunning = slot.claim !== undefined && life?.podUid === slot.claim.podUid && life.ended === undefined;
  const pod = slot.claim === undefined ? undefined : state.pods[slot.claim.podUid]?.pod;
  if (slot.claim !== undefined && presence === 'ABSENT' && life === undefined && isOfRecordOnly(state, slot)) {
    const lost = { command: 'installBiz' as const, attempt: 1, firstSentAt: at.mono };
    return withSlot(state, key, { lost, said });
  }
  if (!wasRunning || pod === undefined || isDeleting(pod)) {
    const run = presence === 'ABSENT' ? endedRun(slot.run, 'Uninstalled', 'uninstalled', at.wall) : slot.run;
    const isAwaited = pod !== undefined && !isDeleting(pod);
    return withSlot(state, key, { ...fields, claim, run, ...(isAwaited ? {} : { lost: undefined }) });
  }
  return foldStopped(withSlot(state, key, { ...fields, claim }), key, { ...slot, run: life }, asOf, at, policy);
}

/**
 * All that is known of it is that a process of ours before this one recorded the install. It may be a download that no list
 * shows: the answer to the next command on the key tells. Taken for absent, it would come after its Pod has gone, or be
 * nobody's on the base of one that lives. [SPEC M11]
 */
function isOfRecordOnly(state: BaseState, { presence, endedAt, lost }: Slot): boolean {
  return presence === undefined && endedAt === undefined && lost === undefined && state.processChangedAt === undefined;
}

/** The last install for the Pod that has it was refused: something runs on that key. */
function isBusy(slot: Slot): boolean {
  const trouble = troubleOf(slot, slot.claim?.podUid);
  return trouble?.kind === 'conflict' && trouble.command === 'installBiz' && trouble.isHealed !== true;
}

/** It ran and is no longer there, and not by our doing. [SPEC M24] */
function foldStopped(state: BaseState, key: string, slot: Slot, asOf: number, at: Stamp, policy: Policy): BaseState {
  if (slot.claim === undefined) return state;
  const { podUid, url } = slot.claim;
  const isRestart = state.processChangedAt !== undefined && (slot.presenceAsOf ?? 0) < state.processChangedAt;
  const reason = isRestart ? 'BaseRestarted' : 'BizStopped';
  const message = isRestart ? 'the base is a new process' : `${key} was stopped on the base, not by us`;
  const run = endedRun(slot.run, reason, message, at.wall);
  const fault = { podUid, url, command: 'installBiz' as const, kind: 'stopped' as const, message };
  // A restart of the base is no fault of the module: it takes no back-off.
  const trouble = isRestart
    ? { ...fault, attempts: 0, at: at.mono, retryAt: at.mono }
    : nextTrouble(key, slot, fault, at.mono, policy);
  const next = withSlot(state, key, { run, troubles: withTrouble(slot, trouble), presenceAsOf: asOf });
  const entry = state.pods[podUid];
  return entry === undefined ? next : withNotice(next, podNotice(entry.pod, 'Warning', reason, message));
}

/** A biz that was found running, not started by us now: its life is what the Pod's status says of it. */
function seenRun(state: BaseState, key: string, slot: Slot, at: Stamp): Run | undefined {
  const podUid = slot.claim?.podUid;
  if (podUid === undefined) return slot.run;
  return startedRun(slot.run, podUid, observedLife(state, key, podUid, false), at);
}

/** The life that the Pod's status shows as running, for a process of ours that did not see it begin. */
function shownRun(state: BaseState, key: string, slot: Slot, at: Stamp): Run | undefined {
  const podUid = slot.claim?.podUid;
  const startedWall =
    podUid === undefined ? undefined : wallOf(statusOf(state, key, podUid)?.state?.running?.startedAt);
  if (podUid === undefined || startedWall === undefined) return undefined;
  const run = startedRun(undefined, podUid, observedLife(state, key, podUid, false), at);
  return { ...run, startedWall, startedAt: at.mono - Math.max(0, at.wall - startedWall) };
}

function statusOf(state: BaseState, key: string, podUid: string) {
  const name = key.slice(0, key.indexOf(':'));
  return state.pods[podUid]?.pod.status.containerStatuses?.find((candidate) => candidate.name === name);
}

/** restartCount and earlier lives as the Pod's status shows them. */
export function observedLife(state: BaseState, key: string, podUid: string, isNewStart: boolean) {
  const status = statusOf(state, key, podUid);
  const hasRun = isNewStart && (status?.state?.running !== undefined || status?.lastState?.terminated !== undefined);
  return { restartCount: status?.restartCount ?? 0, hasRun };
}

/** It is on line for the Pod that has it: that Pod's trouble is healed, and forgotten after ten minutes of health. */
function healed(slot: Slot, at: Stamp, policy: Policy): Slot['troubles'] {
  const podUid = slot.claim?.podUid;
  const { troubles } = slot;
  // Nobody's: what keeps a Pod from it now is no longer its failure.
  if (podUid === undefined) {
    const isPast = Object.values(troubles ?? {}).every((trouble) => trouble.isHealed === true);
    if (troubles === undefined || isPast) return troubles;
    return Object.fromEntries(Object.entries(troubles).map(([uid, trouble]) => [uid, { ...trouble, isHealed: true }]));
  }
  const trouble = troubles?.[podUid];
  if (troubles === undefined || trouble === undefined) return troubles;
  const since = slot.run?.startedAt ?? at.mono;
  if (at.mono - since >= policy.timings.backoffResetMs) return withoutEntry(troubles, podUid);
  return trouble.isHealed === true ? troubles : withTrouble(slot, { ...trouble, isHealed: true });
}

/**
 * An operation that was asked after. The list may end it, show it running, or, for long enough, show that the command
 * never arrived. [SPEC M21]
 */
function foldAskedAfter(
  state: BaseState,
  key: string,
  slot: Slot,
  operation: Operation,
  presence: NonNullable<Slot['presence']>,
  said: string | undefined,
  asOf: number,
  at: Stamp,
  policy: Policy,
): BaseState {
  const ageMs = at.mono - operation.sentAt;
  const isPushed = (state.listPushedAt ?? Number.NEGATIVE_INFINITY) > operation.sentAt;
  const isDoubtful = operation.isOrphaned === true || isPushed || ageMs >= policy.timings.operationOverdueMs;
  if (asOf <= operation.sentAt || !isDoubtful) return state;
  const isInstall = operation.command === 'installBiz';
  const seen = { presence, presenceAsOf: asOf, said };
  const isDone = isInstall
    ? presence !== 'ABSENT' && presence !== 'RESOLVED' && presence !== 'UNRESOLVED'
    : presence === 'ABSENT';
  if (isDone && operation.isRefused === true) {
    const taken = { operation: undefined, lost: undefined, claim: undefined, contested: slot.claim };
    const { operation: _refused, lost: _lost, claim: _claim, ...others } = slot;
    return settle(withSlot(state, key, taken), key, others, presence, said, asOf, at, policy);
  }
  if (isDone && isUnproven(slot, operation)) return foldUnproven(state, key, operation);
  if (isDone) return endByList(state, key, slot, operation, presence, said, asOf, at, policy);
  if (presence === 'RESOLVED' || presence === 'UNRESOLVED' || !isLost(state, operation, at.mono, policy))
    return withSlot(state, key, seen);
  const { command, attempt, firstSentAt, isRefused } = operation;
  const isUnheard = attempt > 1 && operation.isConfirmedRunning !== true && operation.isOrphaned !== true;
  if (isInstall && isUnheard && isRefused !== true && slot.claim !== undefined) {
    return foldWithoutEffect(withSlot(state, key, seen), key, slot, operation, slot.claim, at, policy);
  }
  // Also of an old process: that it is gone may have been told late, and then this one has the command.
  const lost = { command, attempt, firstSentAt, ...defined({ isRefused }) };
  const ended = withSlot(state, key, {
    ...seen,
    operation: undefined,
    endedAt: operation.sentAt,
    lost,
    // Whether the base still downloads it cannot be seen; the claim stays until it is confirmed gone.
    ...(isInstall && operation.isOrphaned !== true ? { presence: undefined, presenceAsOf: undefined } : {}),
    ...(isRefused === true ? { claim: undefined, contested: slot.claim } : {}),
  });
  return withNotice(
    ended,
    nodeNotice('Warning', 'CommandLost', `${command} ${key} had no answer and no effect; it is sent again`),
  );
}

/**
 * What was to be uninstalled may be a download, which no list shows: that the list lacks it proves nothing, and was so before the
 * command. Its answer would have told; once more it is asked for. A base that is silent again answers no operation. [SPEC M21]
 */
function isUnproven(slot: Slot, { command, attempt, isOrphaned }: Operation): boolean {
  return command === 'uninstallBiz' && slot.lost?.command === 'installBiz' && attempt === 1 && isOrphaned !== true;
}

function foldUnproven(state: BaseState, key: string, operation: Operation): BaseState {
  const { command, attempt, firstSentAt, sentAt } = operation;
  const ended = withSlot(state, key, {
    operation: undefined,
    endedAt: sentAt,
    presence: undefined,
    presenceAsOf: undefined,
    lost: { command, attempt, firstSentAt },
  });
  const text = `${command} ${key} had no answer, and no list shows whether it is still being installed; it is sent again`;
  return withNotice(ended, nodeNotice('Warning', 'CommandLost', text));
}

/**
 * An install that was sent again and had neither an answer nor an effect: taken for failed, with back-off. The first bases
 * (arklet before 1.3.1) answer no operation at all, so one that fails there shows as this. [SPEC M39]
 */
function foldWithoutEffect(
  state: BaseState,
  key: string,
  slot: Slot,
  { attempt, sentAt }: Operation,
  { podUid, url }: NonNullable<Slot['claim']>,
  at: Stamp,
  policy: Policy,
): BaseState {
  const message = `the base has not answered ${attempt} commands and does not have the module (bases before 1.3.1 do not say why)`;
  const fault = { podUid, url, command: 'installBiz' as const, kind: 'failed' as const, message };
  const trouble = nextTrouble(key, slot, fault, at.mono, policy);
  const next = withSlot(state, key, {
    operation: undefined,
    lost: undefined,
    endedAt: sentAt,
    presence: undefined,
    presenceAsOf: undefined,
    troubles: withTrouble(slot, trouble),
  });
  const entry = state.pods[podUid];
  return entry === undefined
    ? next
    : withNotice(next, podNotice(entry.pod, 'Warning', 'InstallFailed', `${key}: ${message}`));
}

function endByList(
  state: BaseState,
  key: string,
  slot: Slot,
  operation: Operation,
  presence: NonNullable<Slot['presence']>,
  said: string | undefined,
  asOf: number,
  at: Stamp,
  policy: Policy,
): BaseState {
  const podUid = operation.podUid;
  const fields = {
    operation: undefined,
    lost: undefined,
    presence,
    presenceAsOf: asOf,
    said,
    endedAt: operation.sentAt,
  };
  if (operation.command === 'uninstallBiz') {
    const run = endedRun(slot.run, 'Uninstalled', 'uninstalled', at.wall);
    return told(
      withSlot(state, key, { ...fields, claim: undefined, run }),
      podUid,
      'Uninstalled',
      `${key} is no longer on the base`,
    );
  }
  if (presence !== 'ACTIVATED' && presence !== 'DEACTIVATED') {
    return settle(withSlot(state, key, fields), key, { ...slot, ...defined(fields) }, presence, said, asOf, at, policy);
  }
  // One that is found not to serve was never seen to: whether the base switched versions is told by the Pods' ages.
  const run =
    podUid === undefined || presence === 'DEACTIVATED'
      ? slot.run
      : startedRun(slot.run, podUid, observedLife(state, key, podUid, true), at);
  return told(
    withSlot(state, key, { ...fields, run, troubles: healed(slot, at, policy) }),
    podUid,
    'Installed',
    `${key} is on the base; its answer was lost`,
  );
}

function told(state: BaseState, podUid: string | undefined, reason: string, message: string): BaseState {
  const pod = podUid === undefined ? undefined : state.pods[podUid]?.pod;
  return pod === undefined ? state : withNotice(state, podNotice(pod, 'Normal', reason, message));
}

/** Whether a command that a list contradicts may be taken for lost by now. */
function isLost(state: BaseState, operation: Operation, now: number, policy: Policy): boolean {
  const { timings } = policy;
  if (operation.isOrphaned === true) return true;
  const isOtherSession = operation.sessionId !== undefined && state.session?.id !== operation.sessionId;
  if (isOtherSession && operation.isConfirmedRunning !== true) return true;
  if (operation.isConfirmedRunning !== true && isSpokenFor(state, operation)) return true;
  const ageMs = now - operation.sentAt;
  if (isHung(operation, policy, now)) return ageMs >= timings.installTimeoutMs;
  return ageMs >= (operation.isConfirmedRunning === true ? confirmedForMs : timings.operationLostMs);
}

/**
 * The base told of the end of an operation by a list alone, as the first bases do, and there is but this one; asked again it does
 * not have what was to be. Should it run all the same, the next command is refused as a conflict, and that is awaited.
 */
function isSpokenFor(state: BaseState, operation: Operation): boolean {
  const { listPushedAt, listAsOf } = state;
  if (listPushedAt === undefined || listAsOf === undefined) return false;
  const running = Object.values(state.slots).filter((slot) => slot.operation !== undefined).length;
  return running === 1 && listPushedAt > operation.sentAt && listAsOf > listPushedAt;
}
