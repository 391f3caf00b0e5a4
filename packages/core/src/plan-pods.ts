/** Pods: their status as it should be, and the last act of their deletion. [SPEC M4] [SPEC I8] */

import type { Waiting } from './actions.ts';
import type { Calm } from './calm.ts';
import { handOverAnnotation } from './hand-over.ts';
import { addressFault } from './labels.ts';
import { controllerOf, hasEnded, isDeleting, type PodRole, roleOf } from './module-pod.ts';
import { nodeNotice, podNotice } from './notices.ts';
import type { PodStatus } from './observed.ts';
import { pauseOf } from './pause.ts';
import { disruptedStatus, hasEverStarted, isWorthWhileDeleting, projectPod, terminalStatus } from './project-pod.ts';
import { type Draft, podSubject, propose, type Situation, tellOnce, wake } from './situation.ts';
import { standingOf } from './standing.ts';
import type { BaseState, PodEntry, Slot } from './state.ts';
import { isPodStatusShown } from './status-diff.ts';

export function planPods(draft: Draft): void {
  const { situation } = draft;
  const { calm } = situation;
  const { pods } = situation.state;
  const view = viewOf(situation);
  if (calm !== undefined && isSameView(calmViews.get(calm), view) && !isAbandoned(situation)) return;
  const losses = lossesOf(situation);
  let areAtRest = true;
  for (const uid in pods) {
    const entry = pods[uid];
    if (entry === undefined) continue;
    if (!isAbandoned(situation) && !isDeleting(entry.pod) && isAtRest(situation, entry, losses.get(entry), view))
      continue;
    areAtRest = false;
    if (isAbandoned(situation) && pauseOf(situation.state, entry.pod) === undefined) planAbandoned(draft, entry);
    else if (isDeleting(entry.pod)) planDeletion(draft, entry);
    else planStatus(draft, entry, losses.get(entry), view);
  }
  if (calm !== undefined && areAtRest) calmViews.set(calm, view);
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

function planStatus(draft: Draft, entry: PodEntry, losses: readonly Waiting[] | undefined, view: BaseView): void {
  const { situation } = draft;
  const role = roleOf(entry.pod);
  if (losses !== undefined) draft.waiting.push(...losses);
  if (role.kind === 'module' && role.ignored.length > 0 && entry.pod.status.startTime === undefined) {
    const hint = role.ignored.some((fields) => /[ ,](env|args)\b/.test(fields))
      ? `; annotation ${handOverAnnotation} ("env,args") has env and args handed over to the base`
      : '';
    const message = `a module has no use for these fields: ${role.ignored.join('; ')}${hint}`;
    tellOnce(draft, podNotice(entry.pod, 'Normal', 'IgnoredFields', message));
  }
  const desired = projectPod(situation, entry, role);
  if (isPodStatusShown(desired, entry.pod.status)) {
    const slots = losses === undefined ? settledSlots(situation, entry, role) : undefined;
    if (slots !== undefined) resting.set(entry, { view, slots });
    return;
  }
  // What an observer would do is never done: a moment's patience for it would begin anew for ever.
  const settledAt = situation.policy.isObserver === true ? 0 : passingUntil(draft, entry, desired);
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
  const role = roleOf(entry.pod);
  if (role.kind !== 'module') return 0;
  let since = entry.seenAt;
  for (const biz of role.modules) {
    const standing = standingOf(draft.situation, entry, biz);
    const isShown = isContainerShown(desired, shown, biz.container);
    if (!isShown && (standing.kind !== 'waiting' || !standing.isPassing)) return 0;
    const slot = state.slots[biz.key];
    since = Math.max(since, slot?.operation?.firstSentAt ?? 0, slot?.endedAt ?? 0);
    // A command of this very plan, or of the next, changes what is to be said.
    const isActing =
      draft.keys.has(`base/${state.baseId}/biz/${biz.key}`) ||
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

/** By Pod: what it cannot have, and why. */
function lossesOf({ desires }: Situation): ReadonlyMap<PodEntry, readonly Waiting[]> {
  const losses = new Map<PodEntry, Waiting[]>();
  for (const { key, winner, losers } of desires.values()) {
    for (const loser of losers) {
      const known = losses.get(loser.entry) ?? [];
      losses.set(loser.entry, known);
      const subject = podSubject(loser.entry.pod);
      if (loser.reason !== 'HeldBack') {
        known.push({ subject, reason: loser.reason, message: `${key} is ${podSubject(winner.entry.pod)}'s` });
      } else if (loser.setback.key === key) {
        const { message, until } = loser.setback;
        known.push({ subject, reason: 'InstallBackOff', message: `${key}: ${message}`, until });
      }
    }
  }
  return losses;
}

/** All that the status of a Pod at rest reads of its base. */
interface BaseView {
  readonly facts: BaseState['facts'];
  readonly liveness: string;
  readonly isGoodbye: boolean;
  readonly master: string | undefined;
  readonly isListed: boolean;
}

function viewOf({ state, liveness, isListed }: Situation): BaseView {
  const master = state.vitals?.masterBizState;
  return { facts: state.facts, liveness: liveness.kind, isGoodbye: state.goodbyeAt !== undefined, master, isListed };
}

// Every plan of a base looks at all of its Pods, and nearly all of them run and say so. Observed Pods and slots never change: what
// was found shown is shown for as long as neither they nor what is read of their base is another. It does not depend on time.
const resting = new WeakMap<PodEntry, { readonly view: BaseView; readonly slots: readonly Slot[] }>();

/** All its modules run for it, with nothing under way: their slots; undefined where that is not so. */
function settledSlots(situation: Situation, entry: PodEntry, role: PodRole): readonly Slot[] | undefined {
  const { state, desires } = situation;
  const { uid } = entry.pod.metadata;
  const slots: Slot[] = [];
  for (const biz of role.kind === 'module' ? role.modules : []) {
    const slot = state.slots[biz.key];
    if (slot?.presence !== 'ACTIVATED' || slot.operation !== undefined || slot.claim === undefined) return undefined;
    if (slot.claim.podUid !== uid || slot.claim.url !== biz.mark) return undefined;
    if ((slot.troubles?.[uid]?.isHealed ?? true) !== true || desires.get(biz.key)?.winner.entry !== entry)
      return undefined;
    slots.push(slot);
  }
  return slots;
}

// With which view of a calm base all of its Pods were found at rest.
const calmViews = new WeakMap<Calm, BaseView>();

function isSameView(before: BaseView | undefined, view: BaseView): boolean {
  if (before === undefined) return false;
  if (before.facts !== view.facts || before.liveness !== view.liveness || before.master !== view.master) return false;
  return before.isGoodbye === view.isGoodbye && before.isListed === view.isListed;
}

/** Its status was found shown, and nothing that it follows from has changed since. */
function isAtRest(
  { state, desires }: Situation,
  entry: PodEntry,
  losses: readonly Waiting[] | undefined,
  view: BaseView,
): boolean {
  const known = losses === undefined ? resting.get(entry) : undefined;
  if (known === undefined || !isSameView(known.view, view)) return false;
  const { slots } = known;
  const role = roleOf(entry.pod);
  const modules = role.kind === 'module' ? role.modules : [];
  return modules.every(({ key }, at) => state.slots[key] === slots[at] && desires.get(key)?.winner.entry === entry);
}

function planDeletion(draft: Draft, entry: PodEntry): void {
  const { situation } = draft;
  const { pod } = entry;
  const role = roleOf(pod);
  const pause = pauseOf(situation.state, pod);
  if (pause !== undefined) {
    const message = `the Pod stays Terminating: ${pause.message}`;
    tellOnce(draft, podNotice(pod, 'Warning', 'DeletionWaits', message));
  }
  const obstacle = pause ?? (role.kind === 'module' ? deletionObstacle(situation, entry) : undefined);
  if (obstacle !== undefined) {
    const { reason, message } = obstacle;
    draft.waiting.push({ subject: podSubject(pod), reason, message });
    const desired = projectPod(situation, entry, role);
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
function deletionObstacle(situation: Situation, entry: PodEntry): Obstacle | undefined {
  const held = heldOf(situation.state.slots).get(entry.pod.metadata.uid);
  if (held !== undefined) return held;
  if (!situation.isListed) {
    return { reason: 'AwaitingList', message: 'whether the base has its modules is not known yet' };
  }
  return undefined;
}

// By Pod: what of it is or may be on the base. Derived from a record of slots, which never changes, once for all Pods of a plan.
const heldBySlots = new WeakMap<BaseState['slots'], ReadonlyMap<string, Obstacle>>();

function heldOf(slots: BaseState['slots']): ReadonlyMap<string, Obstacle> {
  const known = heldBySlots.get(slots);
  if (known !== undefined) return known;
  const held = new Map<string, Obstacle>();
  for (const key in slots) {
    const { operation, claim } = slots[key] ?? {};
    if (operation?.podUid !== undefined && !held.has(operation.podUid)) {
      held.set(operation.podUid, { reason: 'OperationRunning', message: `${operation.command} ${key} has not ended` });
    }
    if (claim !== undefined && !held.has(claim.podUid)) {
      held.set(claim.podUid, { reason: 'Uninstalling', message: `${key} is not confirmed gone` });
    }
  }
  heldBySlots.set(slots, held);
  return held;
}

interface Obstacle {
  readonly reason: string;
  readonly message: string;
}

function removePod(draft: Draft, entry: PodEntry): void {
  const { name, namespace, uid } = entry.pod.metadata;
  propose(draft, { kind: 'delete-pod', key: `pod/${uid}`, namespace: namespace ?? 'default', name, uid });
}

function patchStatus(draft: Draft, entry: PodEntry, status: PodStatus): void {
  const { name, namespace, uid } = entry.pod.metadata;
  const { podIPs = [], hostIPs = [] } = entry.pod.status;
  const isAddressed = podIPs.length > 0 || hostIPs.length > 0;
  propose(draft, {
    kind: 'patch-pod-status',
    key: `pod/${uid}`,
    namespace: namespace ?? 'default',
    name,
    uid,
    status,
    ...(isAddressed ? { replacesAddresses: true } : {}),
  });
}

/** A Pod whose deletion waits for a base that is away is told why, once. [SPEC M5] */
export function tellUnlistedDeletions(draft: Draft): void {
  const { situation } = draft;
  if (situation.isListed) return;
  if (situation.liveness.kind !== 'silent' && situation.liveness.kind !== 'disconnected') return;
  for (const entry of Object.values(situation.state.pods)) {
    if (entry.deletingSince === undefined) continue;
    if (heldOf(situation.state.slots).has(entry.pod.metadata.uid)) continue;
    const message = 'the base is not connected; the Pod stays Terminating until it can be asked';
    tellOnce(draft, podNotice(entry.pod, 'Warning', 'DeletionWaits', message));
  }
}
