/**
 * Which commands go to the base now. One operation a key, few a base, uninstalls first; nothing is installed before the
 * base was listed, nothing uninstalled that is not proven ours. [SPEC I1] [SPEC I2] [SPEC I3] [SPEC M26]
 */
import type { BizKey } from '@kouplet/protocol';
import type { SendCommand } from './actions.ts';
import type { WantedBiz } from './module-pod.ts';
import { podNotice } from './notices.ts';
import type { RecordedInstall } from './observed.ts';
import { claimOf, type Desire, isPresent, proofOf, vanishedOf, vanishedReason } from './ownership.ts';
import { pauseOf } from './pause.ts';
import { isRecorded, recordKeyOf } from './plan-record.ts';
import {
  type Draft,
  generationOf,
  obstacleOf,
  podSubject,
  propose,
  type Situation,
  tellOnce,
  wake,
} from './situation.ts';
import { budgetOf, busyReason, isHung, slotOf, troubleOf } from './slots.ts';
import type { BaseState, Slot } from './state.ts';

export function planOperations(draft: Draft): void {
  const { situation } = draft;
  const { state, desires, policy, now } = situation;
  if (situation.calm !== undefined) return;
  wakeForTimeouts(draft);
  wakeForHeldBack(draft);
  const removals = removalsOf(situation).filter((removal) => !isPausedRemoval(draft, removal));
  const wanted = [...desires.values()].filter((desire) => !isPausedDesire(draft, desire));
  const obstacle = obstacleOf(situation);
  if (obstacle !== undefined) {
    if (obstacle.until !== undefined) wake(draft, obstacle.until);
    const { forSeconds } = obstacle;
    const since = forSeconds === undefined ? '' : ` for ${forSeconds} s`;
    const reason = { ...obstacle, message: `${obstacle.message}${since}` };
    for (const { key, slot } of removals) explainRemoval(draft, key, slot, reason);
    for (const desire of wanted) explainDesire(draft, desire, reason);
    return;
  }
  if (!situation.isListed) {
    const asked = { reason: 'AwaitingList', message: 'the base is asked what it has before anything is done' };
    for (const { key, slot } of removals) explainRemoval(draft, key, slot, asked);
    for (const desire of wanted) explainDesire(draft, desire, asked);
    return;
  }
  let budget = budgetOf(state, policy, now.mono);
  for (const { key, slot } of removals) {
    if (planRemoval(draft, key, slot, budget)) budget -= 1;
  }
  const vanished = vanishedOf(state, policy, now.mono);
  for (const desire of unmetOf(state, wanted)) {
    if (vanished !== undefined && slotOf(state, desire.key).operation === undefined) {
      explainDesire(draft, desire, vanishedReason(vanished));
    } else if (planInstall(draft, desire, budget)) budget -= 1;
  }
}

function wakeForTimeouts(draft: Draft): void {
  const { state, policy } = draft.situation;
  for (const key in state.slots) {
    const { operation, resolvedSince } = slotOf(state, key);
    if (operation !== undefined) wake(draft, operation.firstSentAt + policy.timings.installTimeoutMs);
    if (resolvedSince !== undefined) wake(draft, resolvedSince + policy.timings.installTimeoutMs);
  }
}

/** A newer revision that failed has its turn again when its back-off ends. [SPEC M35] */
function wakeForHeldBack(draft: Draft): void {
  for (const { losers } of draft.situation.desires.values()) {
    for (const loser of losers) if (loser.reason === 'HeldBack') wake(draft, loser.setback.until);
  }
}

interface Removal {
  readonly key: BizKey;
  readonly slot: Slot;
}

/** What is to be uninstalled: proven ours and not wanted by its owner any more, or broken; foreign only where so ordered. */
function removalsOf(situation: Situation): readonly Removal[] {
  const { state, desires, policy } = situation;
  const removals: Removal[] = [];
  const foreign = new Set(policy.unmanagedModules === 'uninstall' ? situation.unmanaged : []);
  for (const name in state.slots) {
    const key = name as BizKey;
    const slot = slotOf(state, key);
    const isOurs = proofOf(state, slot, desires.get(key)) !== undefined;
    const isBroken = slot.claim !== undefined && (slot.presence === 'BROKEN' || slot.presence === 'STOPPED');
    if ((isOurs && slot.presence !== 'ABSENT') || isBroken || foreign.has(key)) removals.push({ key, slot });
  }
  return removals.sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** Nothing is uninstalled on a paused Node, nor for or from a paused Pod; what is under way is awaited as ever. [SPEC M40] */
function isPausedRemoval(draft: Draft, { key, slot }: Removal): boolean {
  const { state } = draft.situation;
  const owner = slot.claim === undefined ? undefined : state.pods[slot.claim.podUid]?.pod;
  const pause = slot.operation === undefined ? pauseOf(state, owner) : undefined;
  if (pause !== undefined) explainRemoval(draft, key, slot, pause);
  return pause !== undefined;
}

function isPausedDesire(draft: Draft, desire: Desire): boolean {
  const { state } = draft.situation;
  const isUnderWay = slotOf(state, desire.key).operation !== undefined;
  const pause = isUnderWay ? undefined : pauseOf(state, desire.winner.entry.pod);
  if (pause !== undefined) explainDesire(draft, desire, pause);
  return pause !== undefined;
}

function planRemoval(draft: Draft, key: BizKey, slot: Slot, budget: number): boolean {
  const { state, desires, now, policy } = draft.situation;
  if (slot.operation !== undefined) {
    explainRemoval(draft, key, slot, operationReason(draft, key, slot));
    return false;
  }
  if (slot.presence === undefined && slot.lost === undefined) {
    explainRemoval(draft, key, slot, {
      reason: 'AwaitingList',
      message: 'the base is asked whether it is still there',
    });
    return false;
  }
  if (slot.presence === 'RESOLVED' && slot.resolvedSince !== undefined) {
    const message = 'the base is still starting it and refuses to uninstall it before that';
    explainRemoval(draft, key, slot, { reason: 'BizStarting', message });
    return false;
  }
  const trouble = troubleOf(slot, slot.claim?.podUid);
  // A failed uninstall is tried again with back-off, and so is what is broken and still wanted; else a failed install is no reason to wait.
  const isWanted = proofOf(state, slot, desires.get(key)) === undefined;
  const isHeldBack =
    trouble !== undefined && (trouble.command === 'uninstallBiz' || (slot.presence === 'BROKEN' && isWanted));
  if (isHeldBack && now.mono < trouble.retryAt) {
    wake(draft, trouble.retryAt);
    const reason = trouble.command === 'uninstallBiz' ? 'UninstallBackOff' : 'InstallBackOff';
    explainRemoval(draft, key, slot, { reason, message: trouble.message, until: trouble.retryAt });
    return false;
  }
  if (budget <= 0) {
    explainRemoval(draft, key, slot, busyReason(state, policy, now.mono));
    return false;
  }
  return send(draft, key, 'uninstallBiz', slot.claim);
}

function planInstall(draft: Draft, desire: Desire, budget: number): boolean {
  const { situation } = draft;
  const { state, now, policy } = situation;
  const { key, winner } = desire;
  const slot = slotOf(state, key);
  const { pod } = winner.entry;
  if (slot.operation !== undefined) {
    explainDesire(draft, desire, operationReason(draft, key, slot));
    return false;
  }
  const isMine = slot.claim?.podUid === pod.metadata.uid;
  if (isPresent(slot)) {
    const isRight = isMine && slot.claim?.url === winner.biz.mark;
    if (isRight && slot.presence === 'ACTIVATED') return false;
    explainDesire(draft, desire, presentReason(desire, slot, isRight));
    return false;
  }
  // Of another Pod, and not known to be gone: its removal comes first.
  if (slot.claim !== undefined && !isMine && slot.presence !== 'ABSENT') {
    explainDesire(draft, desire, { reason: 'Uninstalling', message: `${key} of an earlier Pod goes first` });
    return false;
  }
  const reportDueAt = firstReportDueAt(situation);
  if (now.mono < reportDueAt) {
    wake(draft, reportDueAt);
    explainDesire(draft, desire, { reason: 'AwaitingHealth', message: 'the base is asked whether it has started' });
    return false;
  }
  const master = state.vitals?.masterBizState;
  if (master !== undefined && master !== 'ACTIVATED') {
    explainDesire(draft, desire, { reason: 'BaseNotActivated', message: `the master biz of the base is ${master}` });
    return false;
  }
  const trouble = troubleOf(slot, pod.metadata.uid);
  const isDue = trouble === undefined || trouble.url !== winner.biz.mark || now.mono >= trouble.retryAt;
  if (!isDue && trouble.isHealed !== true) {
    wake(draft, trouble.retryAt);
    explainDesire(draft, desire, { reason: 'InstallBackOff', message: trouble.message, until: trouble.retryAt });
    return false;
  }
  if (slot.presence === undefined && state.slots[key] !== undefined && slot.lost === undefined) {
    if (slot.endedAt !== undefined && (state.listAsOf ?? -1) < slot.endedAt) {
      explainDesire(draft, desire, { reason: 'AwaitingList', message: 'the base is asked whether it is there' });
      return false;
    }
  }
  if (budget <= 0) {
    explainDesire(draft, desire, busyReason(state, policy, now.mono));
    return false;
  }
  draft.intents.push({ desire, claim: claimOf(pod, winner.biz.mark) });
  return true;
}

/**
 * Sends what is due and recorded, after the record was planned. A process that ends between an install and its record would
 * leave a module that nothing proves to be ours; but a record that is slow or cannot be written holds up nothing. [SPEC M36]
 */
export function planIntents(draft: Draft): void {
  const { state } = draft.situation;
  for (const { desire, claim } of draft.intents) {
    const until = isRecorded(state, desire.key, claim) ? undefined : recordAwaitedUntil(draft, desire.key, claim);
    if (until === undefined) {
      send(draft, desire.key, 'installBiz', claim, desire.winner.biz);
      continue;
    }
    wake(draft, until);
    const message = 'it is written down whose it is before it is installed';
    explainDesire(draft, desire, { reason: 'Recording', message, until });
  }
}

/**
 * Until when an install waits for its record; undefined where it waits no more, or none is being written: it was refused a
 * moment ago, or is unreadable. Counted from when the install was due: an API with no room for the write holds up none.
 */
function recordAwaitedUntil(draft: Draft, bizKey: BizKey, { podUid }: RecordedInstall): number | undefined {
  const { state, policy, now } = draft.situation;
  if (state.record?.isReadable === false || policy.isObserver === true) return undefined;
  const key = recordKeyOf(state);
  if (state.flights[key] === undefined && !draft.keys.has(key)) return undefined;
  const due = state.slots[bizKey]?.due;
  const isKnown = due?.podUid === podUid;
  if (!isKnown) draft.due.push({ bizKey, podUid });
  const until = (isKnown ? due.at : now.mono) + policy.timings.recordWaitMs;
  return now.mono < until ? until : undefined;
}

/** A new process is given a moment to say whether its master biz has started; early on it may not answer at all. */
function firstReportDueAt({ state }: Situation): number {
  const since = Math.max(state.heldSince ?? 0, state.session?.openedAt ?? 0, state.processChangedAt ?? 0);
  return (state.healthAnsweredAt ?? -1) >= since ? 0 : (state.listAsOf ?? 0) + firstReportMs;
}

const firstReportMs = 1000;

function presentReason({ key }: Desire, slot: Slot, isRight: boolean): Reason {
  if (!isRight) {
    return slot.claim === undefined
      ? { reason: 'BizOccupied', message: `${key} is on the base, not installed by Kouplet` }
      : { reason: 'Uninstalling', message: `what is there as ${key} goes first` };
  }
  return { reason: `Biz${slot.presence}`, message: `${key} is ${slot.presence} on the base` };
}

function operationReason(draft: Draft, key: BizKey, slot: Slot): Reason {
  const { operation } = slot;
  const { now, policy } = draft.situation;
  if (operation === undefined) return { reason: 'Pending', message: key };
  const seconds = Math.round((now.mono - operation.firstSentAt) / 1000);
  return isHung(operation, policy, now.mono)
    ? { reason: 'InstallTimedOut', message: `${operation.command} ${key} has not ended for ${seconds} s` }
    : { reason: 'OperationRunning', message: `${operation.command} ${key} runs since ${seconds} s` };
}

interface Reason {
  readonly reason: string;
  readonly message: string;
  readonly until?: number;
}

function explainDesire(draft: Draft, desire: Desire, { reason, message, until }: Reason): void {
  const { state } = draft.situation;
  const { winner } = desire;
  if (isMet(state, desire)) return;
  draft.waiting.push({
    subject: podSubject(winner.entry.pod),
    reason,
    message: `${desire.key}: ${message}`,
    ...(until === undefined ? {} : { until }),
  });
}

function explainRemoval(draft: Draft, key: BizKey, slot: Slot, { reason, message, until }: Reason): void {
  const entry = slot.claim === undefined ? undefined : draft.situation.state.pods[slot.claim.podUid];
  draft.waiting.push({
    subject: entry === undefined ? `base/${draft.situation.state.baseId}` : podSubject(entry.pod),
    reason,
    message: `uninstall ${key}: ${message}`,
    ...(until === undefined ? {} : { until }),
  });
  if (entry?.deletingSince !== undefined && lastingReasons.has(reason)) {
    const text = `${key} cannot be uninstalled now, so the Pod stays Terminating: ${lastingReasons.get(reason) ?? message}`;
    tellOnce(draft, podNotice(entry.pod, 'Warning', 'DeletionWaits', text));
  }
}

/** What keeps a Pod Terminating for longer than a moment, in words that do not change with time. */
const lastingReasons = new Map([
  ['BaseDisconnected', 'the base is not connected'],
  ['BaseSilent', 'the base does not answer'],
  ['InstallTimedOut', 'the base does not end an operation on it'],
  ['UninstallBackOff', 'the base failed to uninstall it'],
]);

/** It runs for the Pod that should have it, from the URL that it wants. */
function isMet({ slots }: BaseState, { key, winner }: Desire): boolean {
  const slot = slots[key];
  if (slot?.presence !== 'ACTIVATED' || slot.claim === undefined) return false;
  return slot.claim.podUid === winner.entry.pod.metadata.uid && slot.claim.url === winner.biz.mark;
}

/** Those that are not, the oldest Pods first. */
function unmetOf(state: BaseState, desires: readonly Desire[]): readonly Desire[] {
  const unmet: Desire[] = [];
  for (const desire of desires) if (!isMet(state, desire)) unmet.push(desire);
  return unmet.sort((a, b) => a.winner.entry.order - b.winner.entry.order || (a.key < b.key ? -1 : 1));
}

function send(
  draft: Draft,
  key: BizKey,
  command: 'installBiz' | 'uninstallBiz',
  claim: NonNullable<SendCommand['claim']> | undefined,
  biz?: WantedBiz,
): boolean {
  const { state } = draft.situation;
  const split = key.indexOf(':');
  const name = key.slice(0, split);
  const version = key.slice(split + 1);
  return propose(draft, {
    kind: 'send-command',
    key: `base/${state.baseId}/biz/${key}`,
    baseId: state.baseId,
    generation: generationOf(state),
    command:
      command === 'installBiz'
        ? { kind: command, name, version, url: biz?.url ?? '', ...biz?.handOver }
        : { kind: command, name, version },
    bizKey: key,
    ...(claim === undefined ? {} : { claim }),
  });
}
