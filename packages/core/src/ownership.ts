/**
 * Who should have each name:version of a base now, and whose it is: desired state is the live module Pods, ownership is
 * the claims. Everything that may be uninstalled is proven here. [SPEC I3]
 */
import type { BizKey } from '@kouplet/protocol';
import { hasEnded, isDeleting, isSameWorkload, revisionOf, roleOf, type WantedBiz } from './module-pod.ts';
import type { ObservedPod } from './observed.ts';
import { pauseOf } from './pause.ts';
import type { Policy } from './policy.ts';
import { isOlderVersion, wallOf } from './records.ts';
import { isHung, slotOf, troubleOf } from './slots.ts';
import type { BaseState, PodEntry, Slot, Trouble } from './state.ts';

/** One Pod's wish for one key. */
export interface Wish {
  readonly entry: PodEntry;
  readonly biz: WantedBiz;
  /** An install for this Pod failed, of this key or another one: a Pod is on line as a whole or not. */
  readonly setback?: Setback;
  /** Nothing may be done for it: it takes nothing from others, and nothing is taken from it. */
  readonly isPaused?: true;
}

/** The failed install of a Pod that is tried again last, and when (monotonic ms). */
export interface Setback {
  readonly key: BizKey;
  readonly message: string;
  readonly until: number;
}

/** The outcome of all wishes for one key. */
export interface Desire {
  readonly key: BizKey;
  readonly winner: Wish;
  readonly losers: readonly Loser[];
}

/**
 * A live Pod that cannot have it: an older one of the same workload that the winner replaces, a newer one that must wait,
 * or one of the same workload that failed and is not to be tried again yet.
 */
export type Loser = Wish &
  ({ readonly reason: 'Superseded' | 'BizOccupied' } | { readonly reason: 'HeldBack'; readonly setback: Setback });

// Most plans of a base see the Pods that the one before saw. A record of Pods never changes, so neither does what follows from it.
const wishesByPods = new WeakMap<BaseState['pods'], ReadonlyMap<BizKey, readonly Wish[]>>();

/** What live module Pods want, by key, in the order of the record. */
export function wishesOf(pods: BaseState['pods']): ReadonlyMap<BizKey, readonly Wish[]> {
  const known = wishesByPods.get(pods);
  if (known !== undefined) return known;
  const wishes = new Map<BizKey, Wish[]>();
  for (const uid in pods) {
    const entry = pods[uid];
    if (entry === undefined) continue;
    const role = roleOf(entry.pod);
    if (role.kind !== 'module' || isDeleting(entry.pod) || hasEnded(entry.pod)) continue;
    for (const biz of role.modules) {
      const wish = { entry, biz };
      const others = wishes.get(biz.key);
      if (others === undefined) wishes.set(biz.key, [wish]);
      else others.push(wish);
    }
  }
  wishesByPods.set(pods, wishes);
  return wishes;
}

/** By key: who should have it now (monotonic ms). Keys that nobody live wants are missing. */
export function desiresOf(state: BaseState, now: number): ReadonlyMap<BizKey, Desire> {
  const desires = new Map<BizKey, Desire>();
  for (const [key, all] of wishesOf(state.pods)) {
    const slot = state.slots[key];
    const [only] = all;
    if (all.length === 1 && only !== undefined && slot?.troubles === undefined) {
      // A Pod of several modules may have its setback by another of them, which then matters to losers only: here are none.
      if (!isContainerEnded(slot, only.entry, only.biz)) desires.set(key, { key, winner: only, losers: [] });
      continue;
    }
    const live: Wish[] = [];
    for (const { entry, biz } of all) {
      if (isContainerEnded(slot, entry, biz)) continue;
      const role = roleOf(entry.pod);
      const modules = role.kind === 'module' ? role.modules : [];
      const setback = setbackOf(state, entry.pod.metadata.uid, modules, now);
      const wish = setback === undefined ? { entry, biz } : { entry, biz, setback };
      live.push(pauseOf(state, entry.pod) === undefined ? wish : { ...wish, isPaused: true });
    }
    if (live.length > 0) desires.set(key, decide(key, live, slot));
  }
  return desires;
}

function setbackOf(state: BaseState, podUid: string, modules: readonly WantedBiz[], now: number): Setback | undefined {
  let last: Setback | undefined;
  for (const { key, mark } of modules) {
    const trouble = troubleOf(state.slots[key], podUid);
    if (trouble === undefined || !isSetback(trouble, mark, now)) continue;
    if (last === undefined || trouble.retryAt > last.until) {
      last = { key, message: trouble.message, until: trouble.retryAt };
    }
  }
  return last;
}

/** Its time to be tried again has not come. Busy or stopped is no failed attempt. */
function isSetback({ command, kind, url, isHealed, retryAt }: Trouble, wantedUrl: string, now: number): boolean {
  if (command !== 'installBiz' || (kind !== 'failed' && kind !== 'mismatch')) return false;
  return url === wantedUrl && isHealed !== true && now < retryAt;
}

function decide(key: BizKey, wishes: readonly Wish[], slot: Slot | undefined): Desire {
  const [only, ...rivals] = wishes;
  if (only !== undefined && rivals.length === 0) return { key, winner: only, losers: [] };
  const byAge = wishes.toSorted((a, b) => (isNewer(a.entry, b.entry) ? 1 : -1));
  const newest = chosenOf(byAge, slot);
  if (newest === undefined) throw new Error(`no wish for ${key}`);
  const chosen = standIn(newest, byAge, slot) ?? newest;
  const losers = byAge.filter((wish) => wish !== chosen).map((wish) => loserOf(wish, chosen));
  return { key, winner: chosen, losers };
}

/** Who has it, else the oldest, unless a newer revision of that one supersedes it. */
function chosenOf(byAge: readonly Wish[], slot: Slot | undefined): Wish | undefined {
  let chosen =
    byAge.find((wish) => wish.entry.pod.metadata.uid === slot?.claim?.podUid) ??
    byAge.find((wish) => wish.isPaused !== true) ??
    byAge[0];
  for (const wish of byAge) if (chosen !== undefined && supersedes(wish, chosen)) chosen = wish;
  return chosen;
}

/**
 * While the newest revision is in back-off after a failed attempt, the last one before it that is not has the key again:
 * a rollout that fails takes nothing off line but for its attempts, and one that is taken back completes. [SPEC M35]
 */
function standIn(newest: Wish, byAge: readonly Wish[], slot: Slot | undefined): Wish | undefined {
  if (newest.setback === undefined) return undefined;
  const earlier = byAge.filter((wish) => supersedes(newest, wish));
  const free = chosenOf(
    earlier.filter((wish) => wish.setback === undefined),
    slot,
  );
  // Where all are in back-off, what is on line stays.
  return free ?? earlier.find((wish) => wish.entry.pod.metadata.uid === slot?.claim?.podUid);
}

function loserOf(wish: Wish, chosen: Wish): Loser {
  const { entry, biz, setback } = wish;
  const isOlder = outdates(chosen, wish);
  // Where the one that has it is in back-off too, each shows its own failure.
  const isHeldBack = isOlder ? chosen.setback !== undefined : supersedes(wish, chosen);
  if (setback !== undefined && isHeldBack) return { entry, biz, reason: 'HeldBack', setback };
  return { entry, biz, reason: isOlder ? 'Superseded' : 'BizOccupied' };
}

/** A newer Pod of the same workload but of another revision takes the older one's place, unless either is paused. [SPEC M40] */
function supersedes(candidate: Wish, present: Wish): boolean {
  return candidate.isPaused !== true && present.isPaused !== true && outdates(candidate, present);
}

/** It is a newer Pod of the same workload but of another revision. */
function outdates(candidate: Wish, present: Wish): boolean {
  const a = candidate.entry.pod;
  const b = present.entry.pod;
  return (
    candidate !== present &&
    isSameWorkload(a, b) &&
    revisionOf(a) !== revisionOf(b) &&
    isNewer(candidate.entry, present.entry)
  );
}

/**
 * By creation; within one second by what was superseded before, as its status says, then by the resourceVersion at which each
 * was first seen: on a watch that is the server's order of binding them, whatever order a list or a restart shows them in.
 */
function isNewer(a: PodEntry, b: PodEntry): boolean {
  const createdA = wallOf(a.pod.metadata.creationTimestamp) ?? 0;
  const createdB = wallOf(b.pod.metadata.creationTimestamp) ?? 0;
  if (createdA !== createdB) return createdA > createdB;
  const wasA = wasSuperseded(a.pod);
  if (wasA !== wasSuperseded(b.pod)) return !wasA;
  if (a.firstVersion !== b.firstVersion) return isOlderVersion(b.firstVersion, a.firstVersion);
  return a.pod.metadata.uid > b.pod.metadata.uid;
}

function wasSuperseded(pod: ObservedPod): boolean {
  return pod.status.containerStatuses?.some((status) => status.state?.waiting?.reason === 'Superseded') ?? false;
}

/** With restartPolicy Never a container that failed or was stopped once is over. */
export function isContainerEnded(slot: Slot | undefined, entry: PodEntry, biz: WantedBiz): boolean {
  if (entry.pod.spec.restartPolicy !== 'Never') return false;
  const observed = entry.pod.status.containerStatuses?.find((status) => status.name === biz.container);
  if (observed?.state?.terminated !== undefined) return true;
  const trouble = troubleOf(slot, entry.pod.metadata.uid);
  return (
    trouble !== undefined &&
    trouble.command === 'installBiz' &&
    trouble.kind !== 'conflict' &&
    trouble.isHealed !== true
  );
}

/** Why a claimed biz that its Pod does not want any more is proven to be ours to remove. */
export type Proof = 'pod-gone' | 'pod-deleting' | 'pod-ended' | 'superseded' | 'other-image';

/** @returns undefined where nothing proves it */
export function proofOf(state: BaseState, slot: Slot, desire: Desire | undefined): Proof | undefined {
  const { claim } = slot;
  if (claim === undefined) return undefined;
  const entry = state.pods[claim.podUid];
  if (entry === undefined) return 'pod-gone';
  if (isDeleting(entry.pod)) return 'pod-deleting';
  if (hasEnded(entry.pod)) return 'pod-ended';
  if (desire === undefined) return undefined;
  if (desire.winner.entry !== entry) return 'superseded';
  return desire.winner.biz.mark === claim.url ? undefined : 'other-image';
}

/**
 * Takes over what a list shows and nobody has claimed yet: a Pod that wants it and whose own status names the URL it was
 * installed from, or, in the first list after a Node came to us from another controller and where there is no record at
 * all, the oldest Pod that wants it and was there before us. [SPEC M9]
 */
export function adopt(state: BaseState): BaseState {
  if (state.listAsOf === undefined) return state;
  let slots = state.slots;
  const inheritedAt = inheritedAtOf(state);
  for (const key in state.slots) {
    const slot = slotOf(state, key);
    const isTaken = slot.claim !== undefined || slot.contested !== undefined || slot.operation !== undefined;
    if (isTaken || !isPresent(slot)) continue;
    const adopter = adopterOf(state, key, inheritedAt);
    if (adopter !== undefined) slots = { ...slots, [key]: { ...slot, claim: adopter } };
  }
  return slots === state.slots ? state : { ...state, slots };
}

/** What ran for Pods that were there by then is theirs; undefined where only a record or a status can say so. */
function inheritedAtOf({ inheritedAt, listAsOf, record, slots }: BaseState): number | undefined {
  if (inheritedAt === undefined || record !== undefined || (listAsOf ?? -1) < inheritedAt) return undefined;
  return Object.values(slots).some((slot) => slot.claim !== undefined) ? undefined : inheritedAt;
}

function adopterOf(state: BaseState, key: string, inheritedAt: number | undefined): Slot['claim'] {
  const wishes: Wish[] = [];
  for (const entry of Object.values(state.pods)) {
    const role = roleOf(entry.pod);
    if (role.kind !== 'module' || hasEnded(entry.pod)) continue;
    const biz = role.modules.find((module) => module.key === key);
    if (biz !== undefined) wishes.push({ entry, biz });
  }
  const byAge = wishes.toSorted((a, b) => (isNewer(a.entry, b.entry) ? 1 : -1));
  for (const { entry, biz } of byAge) {
    const imageID = entry.pod.status.containerStatuses?.find((status) => status.name === biz.container)?.imageID;
    if (imageID !== undefined && imageID !== '') return claimOf(entry.pod, imageID);
  }
  if (inheritedAt === undefined) return undefined;
  const oldest = byAge.find(({ entry }) => entry.seenAt <= inheritedAt && !wasSuperseded(entry.pod));
  return oldest && claimOf(oldest.entry.pod, oldest.biz.mark);
}

/**
 * Something of ours whose Pod no longer exists and which is being uninstalled: it goes before anything is installed. One whose
 * uninstall failed or hangs holds back nobody.
 */
export function vanishedOf(state: BaseState, policy: Policy, now: number): Vanished | undefined {
  let first: Vanished | undefined;
  for (const name in state.slots) {
    const { claim, presence, operation, troubles } = state.slots[name] ?? {};
    if (claim === undefined || presence === 'ABSENT' || state.pods[claim.podUid] !== undefined) continue;
    if (troubles?.[claim.podUid] !== undefined || (operation !== undefined && isHung(operation, policy, now))) continue;
    if (first === undefined || name < first.key) first = { key: name as BizKey, claim };
  }
  return first;
}

export interface Vanished {
  readonly key: BizKey;
  readonly claim: NonNullable<Slot['claim']>;
}

/** In words why others wait for it. */
export function vanishedReason({ key, claim }: Vanished): { readonly reason: string; readonly message: string } {
  const message = `${key} of Pod ${claim.namespace}/${claim.podName}, which no longer exists, is uninstalled first`;
  return { reason: 'UninstallingVanished', message };
}

/** What goes to the record for a Pod. */
export function claimOf(pod: ObservedPod, url: string): NonNullable<Slot['claim']> {
  return {
    podUid: pod.metadata.uid,
    namespace: pod.metadata.namespace ?? 'default',
    podName: pod.metadata.name,
    url,
  };
}

/** The base is known to have it, in whatever state. */
export function isPresent(slot: Slot | undefined): boolean {
  return slot?.presence !== undefined && slot.presence !== 'ABSENT';
}
