/**
 * Where one module of one Pod stands, in one word with a reason: what its container state, the plan's `waiting` and the
 * Events all say.
 */
import { hasEnded, isDeleting, type WantedBiz } from './module-pod.ts';
import { isContainerEnded, isPresent, vanishedOf, vanishedReason } from './ownership.ts';
import { pauseOf } from './pause.ts';
import { isOtherServing, isSwitchedOff, obstacleOf, type Situation } from './situation.ts';
import { budgetOf, busyReason, isHung, troubleOf } from './slots.ts';
import type { PodEntry, Run, Trouble } from './state.ts';

export type Standing =
  /** ACTIVATED, and it is this Pod's. */
  | { readonly kind: 'running'; readonly run: Run | undefined }
  /** Nothing is known since our start: what the Pod's status says stays. */
  | { readonly kind: 'unseen' }
  /** Not running, with a reason. `isPassing`: it is expected to be over in a moment. */
  | {
      readonly kind: 'waiting';
      readonly reason: string;
      readonly message: string;
      readonly isPassing: boolean;
      readonly until?: number;
    }
  /** Over for good: restartPolicy Never. */
  | { readonly kind: 'ended'; readonly trouble: Trouble | undefined };

export function standingOf(situation: Situation, entry: PodEntry, biz: WantedBiz): Standing {
  const standing = unpausedStandingOf(situation, entry, biz);
  const isOurTurn = standing.kind === 'waiting' && !notOurTurn.has(standing.reason);
  if (!isOurTurn || situation.state.slots[biz.key]?.operation !== undefined) return standing;
  const pause = pauseOf(situation.state, entry.pod);
  if (pause === undefined) return standing;
  const trouble = troubleOf(situation.state.slots[biz.key], entry.pod.metadata.uid);
  const isFailed = trouble !== undefined && trouble.isHealed !== true && trouble.message !== '';
  return waiting(pause.reason, isFailed ? `${pause.message}; last failure: ${trouble.message}` : pause.message);
}

/** Where nothing is due from us anyway, that it is paused explains nothing. [SPEC M40] */
const notOurTurn: ReadonlySet<string> = new Set(['InstallTimedOut', 'Deactivated', 'Superseded']);

function unpausedStandingOf(situation: Situation, entry: PodEntry, biz: WantedBiz): Standing {
  const { state, policy, now, desires } = situation;
  const { uid } = entry.pod.metadata;
  const slot = state.slots[biz.key];
  const isMine = slot?.claim?.podUid === uid;
  if (isDeleting(entry.pod) || hasEnded(entry.pod)) {
    return isMine && slot?.presence === 'ACTIVATED' ? { kind: 'running', run: slot.run } : { kind: 'unseen' };
  }
  if (isContainerEnded(slot, entry, biz)) {
    return { kind: 'ended', trouble: troubleOf(slot, uid) };
  }
  const desire = desires.get(biz.key);
  const loss = desire?.losers.find((loser) => loser.entry === entry);
  if (desire !== undefined && loss !== undefined && loss.reason !== 'HeldBack') {
    const other = desire.winner.entry.pod.metadata;
    const by = `${other.namespace}/${other.name}`;
    return loss.reason === 'Superseded'
      ? waiting('Superseded', `Pod ${by} of a newer revision takes ${biz.key} on this base`)
      : waiting(
          'BizOccupied',
          desire.winner.isPaused === true
            ? `${biz.key} on this base belongs to Pod ${by}, which is paused`
            : `${biz.key} on this base belongs to Pod ${by}; spread the Pods (anti-affinity) or give another BIZ_VERSION`,
        );
  }
  const last = troubleOf(slot, uid);
  const trouble = last?.url === biz.mark && last.isHealed !== true ? last : undefined;
  const { operation } = slot ?? {};
  if (operation !== undefined && isHung(operation, policy, now.mono)) {
    const minutes = Math.round(policy.timings.installTimeoutMs / 60_000);
    return waiting(
      'InstallTimedOut',
      `the base has not ended ${operation.command} ${biz.key} for more than ${minutes} min; it takes an answer or a restart of the base`,
    );
  }
  if (trouble?.kind === 'failed' || trouble?.kind === 'mismatch') {
    const reason = trouble.attempts > 1 ? 'InstallBackOff' : 'InstallFailed';
    return { ...waiting(reason, trouble.message), ...untilOf(trouble.retryAt) };
  }
  if (loss?.reason === 'HeldBack') {
    const { key, message, until } = loss.setback;
    return { ...waiting('InstallBackOff', `waits for ${key} of this Pod: ${message}`), ...untilOf(until) };
  }
  if (operation !== undefined) {
    return operation.command === 'installBiz' && operation.podUid === uid
      ? passing('Installing', `installing ${biz.key}`)
      : passing('Uninstalling', `what was there as ${biz.key} is being uninstalled first`);
  }
  if (isMine && slot !== undefined && slot.claim?.url === biz.mark) {
    if (slot.presence === 'ACTIVATED') return { kind: 'running', run: slot.run };
    if (slot.presence === 'DEACTIVATED') {
      const why = isOtherServing(situation.state, biz.key)
        ? isSwitchedOff(situation.state, biz.key)
          ? 'a version that was installed later serves in its place'
          : 'another version serves; start the base with -Dactivate.new.module=true to switch to new versions'
        : 'DEACTIVATED, and no other version serves; a base never wakes one by itself: delete the Pod, so that it is installed anew';
      return waiting('Deactivated', `${biz.key} is installed but ${why}`);
    }
    if (slot.presence === 'RESOLVED' || slot.presence === 'UNRESOLVED') {
      const since = slot.resolvedSince ?? now.mono;
      return now.mono - since >= policy.timings.installTimeoutMs
        ? waiting('InstallTimedOut', `${biz.key} stays ${slot.presence} on the base`)
        : passing('Installing', `the base is starting ${biz.key}`);
    }
  }
  if (slot?.claim !== undefined && isPresent(slot) && (!isMine || slot.claim.url !== biz.mark)) {
    return passing('Uninstalling', `what was there as ${biz.key} is being uninstalled first`);
  }
  if (slot?.claim === undefined && isPresent(slot)) {
    const how =
      slot?.contested?.podUid === uid
        ? 'was put on the base by somebody else before it could be installed for this Pod'
        : 'is on the base but was not installed by Kouplet for this Pod';
    return waiting('BizOccupied', `${biz.key} ${how}; uninstall it there, or run with --unmanaged-modules=uninstall`);
  }
  const isAskedAfter = slot?.contested !== undefined && !situation.isListed;
  if (trouble?.kind === 'conflict' && !isAskedAfter) {
    return { ...waiting('BizBusy', `${trouble.message}`), ...untilOf(trouble.retryAt) };
  }
  if (trouble?.kind === 'stopped' && now.mono < trouble.retryAt) {
    return { ...waiting('InstallBackOff', trouble.message), ...untilOf(trouble.retryAt) };
  }
  return unstarted(situation, entry, biz);
}

/** Nothing was done yet: because something is in the way, or because it is about to be. */
function unstarted(situation: Situation, entry: PodEntry, biz: WantedBiz): Standing {
  const { state } = situation;
  const shown = entry.pod.status.containerStatuses?.find((status) => status.name === biz.container);
  if (!situation.isListed) {
    const isShown = shown?.state?.running !== undefined || shown?.state?.waiting !== undefined;
    const hasKnowledge = state.slots[biz.key]?.presence !== undefined;
    if (isShown && !hasKnowledge) return { kind: 'unseen' };
  }
  const obstacle = obstacleOf(situation);
  if (obstacle !== undefined) return passing(obstacle.reason, obstacle.message, obstacle.until);
  const master = state.vitals?.masterBizState;
  if (master !== undefined && master !== 'ACTIVATED') {
    return passing('BaseNotActivated', `the master biz of the base is ${master}`);
  }
  if (!situation.isListed) return passing('AwaitingList', 'the base is asked what it has before anything is installed');
  const vanished = vanishedOf(state, situation.policy, situation.now.mono);
  if (vanished !== undefined) {
    const { reason, message } = vanishedReason(vanished);
    return passing(reason, message);
  }
  if (budgetOf(state, situation.policy, situation.now.mono) <= 0) {
    const { reason, message } = busyReason(state, situation.policy, situation.now.mono);
    return passing(reason, message);
  }
  return passing('Pending', `${biz.key} is to be installed`);
}

function waiting(reason: string, message: string) {
  return { kind: 'waiting' as const, reason, message, isPassing: false };
}

function passing(reason: string, message: string, until?: number) {
  return { kind: 'waiting' as const, reason, message, isPassing: true, ...untilOf(until) };
}

function untilOf(until: number | undefined): { until?: number } {
  return until === undefined ? {} : { until };
}
