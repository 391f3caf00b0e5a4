/** Edits of what is known of one name:version on a base. */
import { backoffMs } from './backoff.ts';
import type { Policy } from './policy.ts';
import { defined, withEntry, withoutEntry } from './records.ts';
import type { BaseState, Operation, Question, Run, Slot, Trouble } from './state.ts';

export const emptySlot: Slot = {};

export function slotOf(state: BaseState, key: string): Slot {
  return state.slots[key] ?? emptySlot;
}

/** Sets fields of a slot; undefined removes one. A slot of which nothing is left is dropped. */
export function withSlot(
  state: BaseState,
  key: string,
  fields: { readonly [K in keyof Slot]?: Slot[K] | undefined },
): BaseState {
  const slot: Slot = pruned(state, defined({ ...slotOf(state, key), ...fields }));
  const isEmpty =
    (slot.presence === undefined || slot.presence === 'ABSENT') &&
    slot.claim === undefined &&
    slot.contested === undefined &&
    slot.due === undefined &&
    slot.operation === undefined &&
    slot.troubles === undefined &&
    slot.lost === undefined &&
    slot.run === undefined;
  // An operation's end is evidence: until no older list can come any more, the slot must keep saying so.
  const isSettled = isEmpty && (slot.endedAt === undefined || !isListAwaited(state, slot.endedAt));
  const slots = isSettled ? withoutEntry(state.slots, key) : withEntry(state.slots, key, slot);
  return slots === state.slots ? state : { ...state, slots };
}

/** A list that was asked for before then may still come. */
function isListAwaited({ listQuestions, healthQuestions }: BaseState, before: number): boolean {
  const isOlder = ({ askedAt }: Question) => askedAt < before;
  return listQuestions.some(isOlder) || healthQuestions.some(isOlder);
}

/** Lives and troubles of Pods that are gone are nobody's, but for what is still to be removed. */
function pruned(state: BaseState, slot: Slot): Slot {
  const { run, troubles, contested, due, ...rest } = slot;
  const isLive = (podUid: string) => state.pods[podUid] !== undefined;
  const isRemovable = (podUid: string) => slot.claim?.podUid === podUid || (podUid === '' && slot.claim === undefined);
  const kept = Object.entries(troubles ?? {}).filter(
    ([podUid]) => isLive(podUid) || (isRemovable(podUid) && slot.presence !== 'ABSENT'),
  );
  return {
    ...rest,
    ...(run !== undefined && isLive(run.podUid) ? { run } : {}),
    ...(contested !== undefined && isLive(contested.podUid) ? { contested } : {}),
    ...(due !== undefined && isLive(due.podUid) ? { due } : {}),
    ...(kept.length === 0 ? {} : { troubles: Object.fromEntries(kept) }),
  };
}

/** The last failed attempt for that Pod; the empty UID is a biz that is nobody's. */
export function troubleOf(slot: Slot | undefined, podUid: string | undefined): Trouble | undefined {
  return slot?.troubles?.[podUid ?? ''];
}

/** The slot's troubles with one added in place of that Pod's earlier one. */
export function withTrouble(slot: Slot, trouble: Trouble): NonNullable<Slot['troubles']> {
  return withEntry(slot.troubles ?? {}, trouble.podUid, trouble);
}

/** A new life of a biz for its Pod: counted on where it lived before. */
export function startedRun(previous: Run | undefined, podUid: string, seen: ObservedLife, at: Instant): Run {
  const mine = previous?.podUid === podUid ? previous : undefined;
  if (mine === undefined) {
    return { podUid, startedAt: at.mono, startedWall: at.wall, count: seen.restartCount + (seen.hasRun ? 1 : 0) };
  }
  const last = {
    reason: mine.ended?.reason ?? 'Restarted',
    message: mine.ended?.message ?? '',
    startedWall: mine.startedWall,
    wall: mine.ended?.wall ?? at.wall,
  };
  return { podUid, startedAt: at.mono, startedWall: at.wall, count: mine.count + 1, last };
}

/** What the Pod's status says of earlier lives, for a process of ours that did not see them. */
export interface ObservedLife {
  readonly restartCount: number;
  readonly hasRun: boolean;
}

interface Instant {
  readonly mono: number;
  readonly wall: number;
}

/** The life is over; the first reason stays. */
export function endedRun(run: Run | undefined, reason: string, message: string, wall: number): Run | undefined {
  return run === undefined || run.ended !== undefined ? run : { ...run, ended: { reason, message, wall } };
}

/**
 * The next failure in a row: back-off doubles with each, and starts anew for another Pod or URL, or after ten minutes of
 * health. A biz that stopped is started again at once the first time. [SPEC M20]
 */
export function nextTrouble(
  key: string,
  slot: Slot,
  fault: Pick<Trouble, 'podUid' | 'url' | 'command' | 'kind' | 'message'>,
  at: number,
  policy: Policy,
): Trouble {
  const { timings } = policy;
  const previous = troubleOf(slot, fault.podUid);
  const isSame = previous !== undefined && previous.url === fault.url && previous.command === fault.command;
  // Health counts from the last trouble on, and for the same Pod: a long life before it resets once, not with each failure.
  const { run } = slot;
  const wasHealthy =
    run !== undefined &&
    run.podUid === fault.podUid &&
    run.startedAt >= (previous?.at ?? 0) &&
    at - run.startedAt >= timings.backoffResetMs;
  const attempts = (isSame && !wasHealthy ? previous.attempts : 0) + 1;
  const failures = fault.kind === 'stopped' ? attempts - 1 : attempts;
  const waitMs = backoffMs(`${key}/${fault.podUid}`, failures, timings.backoffFirstMs, timings.backoffCapMs);
  return { ...fault, attempts, at, retryAt: at + waitMs };
}

/** Past its time-out: its slot is free for others, its key stays locked until the base answers or restarts. [SPEC M22] */
export function isHung(operation: Operation, policy: Policy, now: number): boolean {
  return now - operation.firstSentAt >= policy.timings.installTimeoutMs;
}

/**
 * Whether what is or runs on the key may be an earlier attempt of ours at the same: one whose end is not known. Where there was
 * none, what the first attempt meets is somebody else's. [SPEC M38]
 */
export function mayBeOurs({ attempt, wasRefused }: Operation): boolean {
  return attempt > 1 && wasRefused !== true;
}

/** So many hung operations leave a base no thread but one. */
export const hungToBlock = 4;

/** How many more operations may be sent: three run at once, and hung ones leave a thread for questions. [SPEC M26] */
export function budgetOf(state: BaseState, policy: Policy, now: number): number {
  let running = 0;
  let hung = 0;
  for (const key in state.slots) {
    const operation = state.slots[key]?.operation;
    if (operation === undefined) continue;
    if (isHung(operation, policy, now)) hung += 1;
    else running += 1;
  }
  return Math.min(policy.timings.maxOperationsPerBase - running, hungToBlock - running - hung);
}

/** Why nothing more may be sent now. */
export function busyReason(state: BaseState, policy: Policy, now: number): { reason: string; message: string } {
  const operations = Object.values(state.slots).flatMap((slot) => slot.operation ?? []);
  return operations.some((operation) => isHung(operation, policy, now))
    ? { reason: 'CommandsBlocked', message: 'operations on the base do not end; it takes a restart of the base' }
    : { reason: 'BaseBusy', message: `${policy.timings.maxOperationsPerBase} operations run on the base already` };
}
