/** Pods: their status as it should be, and the last act of their deletion. [SPEC M4] [SPEC I8] */

import { addressFault } from './labels.ts';
import { controllerOf, hasEnded, isDeleting } from './module-pod.ts';
import { nodeNotice, podNotice } from './notices.ts';
import type { PodStatus } from './observed.ts';
import { disruptedStatus, hasEverStarted, isWorthWhileDeleting, projectPod, terminalStatus } from './project-pod.ts';
import { type Draft, podSubject, propose, type Situation, tellOnce, wake } from './situation.ts';
import { standingOf } from './standing.ts';
import type { PodEntry } from './state.ts';
import { isPodStatusShown } from './status-diff.ts';

export function planPods(draft: Draft): void {
  const { state } = draft.situation;
  for (const entry of Object.values(state.pods)) {
    if (isAbandoned(draft.situation)) planAbandoned(draft, entry);
    else if (isDeleting(entry.pod)) planDeletion(draft, entry);
    else planStatus(draft, entry);
  }
}

/** Given up, and its Node is gone. */
function isAbandoned({ state, givingUp }: Situation): boolean {
  return givingUp.kind === 'yes' && state.node === undefined;
}

function planAbandoned(draft: Draft, entry: PodEntry): void {
  const { situation } = draft;
  const message = situation.givingUp.kind === 'yes' ? situation.givingUp.message : '';
  if (!hasEnded(entry.pod)) patchStatus(draft, entry, disruptedStatus(situation, entry, message));
  else removePod(draft, entry);
}

function planStatus(draft: Draft, entry: PodEntry): void {
  const { situation } = draft;
  const role = situation.roles.get(entry.pod.metadata.uid);
  if (role === undefined) return;
  explainLosses(draft, entry);
  if (role.kind === 'module' && role.ignored.length > 0 && entry.pod.status.startTime === undefined) {
    const message = `a module has no use for these fields: ${role.ignored.join('; ')}`;
    tellOnce(draft, podNotice(entry.pod, 'Normal', 'IgnoredFields', message));
  }
  const desired = projectPod(situation, entry, role);
  if (isPodStatusShown(desired, entry.pod.status)) return;
  const settledAt = passingUntil(draft, entry, desired);
  if (situation.now.mono < settledAt) {
    wake(draft, settledAt);
    return;
  }
  patchStatus(draft, entry, desired);
  const fault = addressFault(situation.state.facts?.localIP);
  if (role.kind === 'module' && situation.state.facts !== undefined && fault !== undefined) {
    const message = `Pods on this base have no podIP: ${fault}`;
    tellOnce(draft, nodeNotice('Warning', 'AddressUnusable', message));
  }
}

/**
 * A status that would only say "Installing …" waits a moment: mostly the module is there by then. What others act on, the
 * Pod's Ready, never waits.
 */
function passingUntil(draft: Draft, entry: PodEntry, desired: PodStatus): number {
  const { state, policy } = draft.situation;
  const shown = entry.pod.status;
  if (readyOf(desired) !== (readyOf(shown) ?? 'False') || desired.phase !== (shown.phase ?? 'Pending')) return 0;
  const role = draft.situation.roles.get(entry.pod.metadata.uid);
  if (role?.kind !== 'module') return 0;
  let since = entry.seenAt;
  for (const biz of role.modules) {
    const standing = standingOf(draft.situation, entry, biz);
    const isShown = isContainerShown(desired, shown, biz.container);
    if (!isShown && (standing.kind !== 'waiting' || !standing.isPassing)) return 0;
    const slot = state.slots[biz.key];
    since = Math.max(since, slot?.operation?.firstSentAt ?? 0, slot?.endedAt ?? 0);
    // A command of this very plan, or of the next, changes what is to be said.
    const isActing =
      draft.actions.some((action) => action.kind === 'send-command' && action.bizKey === biz.key) ||
      draft.intents.some((intent) => intent.desire.key === biz.key);
    if (!isShown && isActing) since = draft.situation.now.mono;
  }
  return since + policy.timings.passingStateMs;
}

function readyOf(status: PodStatus) {
  return status.conditions?.find((condition) => condition.type === 'Ready')?.status;
}

function isContainerShown(desired: PodStatus, shown: PodStatus, name: string): boolean {
  const of = (status: PodStatus) => status.containerStatuses?.filter((container) => container.name === name) ?? [];
  return isPodStatusShown({ containerStatuses: of(desired) }, { containerStatuses: of(shown) });
}

function explainLosses(draft: Draft, entry: PodEntry): void {
  for (const desire of draft.situation.desires.values()) {
    for (const loser of desire.losers) {
      if (loser.entry !== entry) continue;
      const subject = podSubject(entry.pod);
      if (loser.reason === 'HeldBack') {
        const { key, message, until } = loser.setback;
        if (key !== desire.key) continue;
        draft.waiting.push({ subject, reason: 'InstallBackOff', message: `${key}: ${message}`, until });
        continue;
      }
      const by = podSubject(desire.winner.entry.pod);
      draft.waiting.push({ subject, reason: loser.reason, message: `${desire.key} is ${by}'s` });
    }
  }
}

function planDeletion(draft: Draft, entry: PodEntry): void {
  const { situation } = draft;
  const { pod } = entry;
  const role = situation.roles.get(pod.metadata.uid);
  const obstacle = role?.kind === 'module' ? deletionObstacle(situation, entry) : undefined;
  if (obstacle !== undefined) {
    draft.waiting.push({ subject: podSubject(pod), ...obstacle });
    const desired = role === undefined ? pod.status : projectPod(situation, entry, role);
    if (isWorthWhileDeleting(desired, pod)) {
      const ready = desired.conditions?.filter((condition) => condition.type === 'Ready') ?? [];
      patchStatus(draft, entry, { conditions: ready });
    }
    return;
  }
  const isHeldByOthers = pod.metadata.deletionGracePeriodSeconds === 0 && (pod.metadata.finalizers?.length ?? 0) > 0;
  if (!hasEnded(pod) && hasEverStarted(pod)) {
    patchStatus(draft, entry, terminalStatus(situation, entry));
    return;
  }
  if (isHeldByOthers) {
    const message = `our part is done; held by finalizers ${pod.metadata.finalizers?.join(', ')}`;
    draft.waiting.push({ subject: podSubject(pod), reason: 'Finalizers', message });
    return;
  }
  const readyAt =
    controllerOf(pod)?.kind === 'StatefulSet'
      ? (entry.deletingSince ?? situation.now.mono) + situation.policy.timings.statefulSetDeletionDelayMs
      : 0;
  if (situation.now.mono < readyAt) wake(draft, readyAt);
  else removePod(draft, entry);
}

/** Something of it may still be on the base. [SPEC I8] */
function deletionObstacle(situation: Situation, entry: PodEntry): { reason: string; message: string } | undefined {
  const { state } = situation;
  const { uid } = entry.pod.metadata;
  for (const [key, slot] of Object.entries(state.slots)) {
    if (slot.operation?.podUid === uid) {
      return { reason: 'OperationRunning', message: `${slot.operation.command} ${key} has not ended` };
    }
    if (slot.claim?.podUid === uid) return { reason: 'Uninstalling', message: `${key} is not confirmed gone` };
  }
  if (!situation.isListed) {
    return { reason: 'AwaitingList', message: 'whether the base has its modules is not known yet' };
  }
  return undefined;
}

function removePod(draft: Draft, entry: PodEntry): void {
  const { name, namespace, uid } = entry.pod.metadata;
  propose(draft, { kind: 'delete-pod', key: `pod/${uid}`, namespace: namespace ?? 'default', name, uid });
}

function patchStatus(draft: Draft, entry: PodEntry, status: PodStatus): void {
  const { name, namespace, uid } = entry.pod.metadata;
  propose(draft, { kind: 'patch-pod-status', key: `pod/${uid}`, namespace: namespace ?? 'default', name, uid, status });
}

/** A Pod whose deletion waits for a base that is away is told why, once. [SPEC M5] */
export function tellUnlistedDeletions(draft: Draft): void {
  const { situation } = draft;
  if (situation.isListed) return;
  if (situation.liveness.kind !== 'silent' && situation.liveness.kind !== 'disconnected') return;
  for (const entry of Object.values(situation.state.pods)) {
    if (entry.deletingSince === undefined) continue;
    const hasClaim = Object.values(situation.state.slots).some((slot) => slot.claim?.podUid === entry.pod.metadata.uid);
    if (hasClaim) continue;
    const message = 'the base is not connected; the Pod stays Terminating until it can be asked';
    tellOnce(draft, podNotice(entry.pod, 'Warning', 'DeletionWaits', message));
  }
}
