/**
 * Whether a base lives, as far as we may say so. Everything is counted from what was heard, on the monotonic clock, and
 * never from our own start, stop or outage.
 *
 * ```
 *            message in the present session
 *  unproven ───────────────────────────────► alive ──25 s of silence, asked──► silent ──gone-after──► (given up)
 *     ▲  ▲                                     │                                  ▲
 *     │  └── our blindness, our start ◄────────┤ session closed                   │
 *     └────────────── less than 3 s ◄──────────┴──────── more than 3 s ──► disconnected
 * ```
 * `unproven` says nothing: whatever the server shows stays.
 */
import type { FleetState } from './fleet.ts';
import { controllerOf, isDeleting } from './module-pod.ts';
import type { Policy } from './policy.ts';
import type { BaseState, Question } from './state.ts';
import type { Stamp } from './time.ts';

export type Liveness =
  /** It spoke in its present session, less than `silentAfterMs` ago. */
  | { readonly kind: 'alive'; readonly until: number }
  /** Nothing may be said: we are or were blind, or the session has only just gone. */
  | { readonly kind: 'unproven'; readonly until: number }
  /** Its session closed and it did not come back. */
  | { readonly kind: 'disconnected'; readonly since: number }
  /** It says nothing, not even when asked. */
  | { readonly kind: 'silent'; readonly since: number };

const forever = Number.POSITIVE_INFINITY;

/** We cannot see: a link of ours is away, or the first lists are not in. */
export function isBlind(fleet: FleetState): boolean {
  return fleet.sightedSince === undefined;
}

/** The session that is open on the present listener; sessions of a listener that went are nothing. */
export function presentSession(state: BaseState, fleet: FleetState): BaseState['session'] {
  const { session } = state;
  if (session === undefined || fleet.tunnel?.isUp !== true) return undefined;
  return session.openedAt >= fleet.tunnel.since ? session : undefined;
}

/** Whether what it said last counts: said in the present session, on the present link. [SPEC I5] */
export function hasSpoken(state: BaseState, fleet: FleetState, policy: Policy): boolean {
  if (state.heardAt === undefined || fleet.tunnel?.isUp !== true || state.heardAt < fleet.tunnel.since) return false;
  if (!policy.hasSessions) return true;
  const session = presentSession(state, fleet);
  return session !== undefined && state.heardAt >= session.openedAt;
}

/** [SPEC L1] [SPEC L2] [SPEC L3] */
export function livenessOf(state: BaseState, fleet: FleetState, policy: Policy, now: Stamp): Liveness {
  if (isBlind(fleet)) return { kind: 'unproven', until: forever };
  const { timings } = policy;
  const heldSince = state.heldSince ?? 0;
  // What we heard while only the API was away was heard.
  const wasHeard = state.heardAt !== undefined && state.heardAt >= (fleet.hearingSince ?? 0);
  const closedAt = state.sessionClosedAt;
  if (policy.hasSessions && presentSession(state, fleet) === undefined && closedAt !== undefined) {
    // A session that closes right after a blindness of ours, before anything was heard, was closed by that blindness.
    const isTheirs = wasHeard || closedAt > (fleet.hearingSince ?? 0) + timings.askAfterSilenceMs;
    if (isTheirs && closedAt >= (fleet.tunnel?.since ?? 0)) {
      const lostAt = closedAt + timings.sessionGraceMs;
      return now.mono < lostAt ? { kind: 'unproven', until: lostAt } : { kind: 'disconnected', since: closedAt };
    }
  }
  const heardSince = Math.max(state.heardAt ?? 0, state.knownSince ?? 0, fleet.hearingSince ?? 0);
  const since = Math.max(heardSince, wasHeard ? heldSince : 0);
  const silentAt = since + (wasHeard ? timings.silentAfterMs : timings.goneAfterBlindnessMs);
  const unansweredAt = wasHeard ? overdueAt(state, policy, now) : silentAt;
  const lowerAt = Math.max(silentAt, unansweredAt);
  if (now.mono >= lowerAt) return { kind: 'silent', since };
  // What it said too long ago, before it was ours to ask, keeps what is shown and raises nothing.
  const isRecent = now.mono < (state.heardAt ?? 0) + timings.silentAfterMs;
  const kind = isRecent && hasSpoken(state, fleet, policy) ? 'alive' : 'unproven';
  return { kind, until: lowerAt };
}

/** From when on its silence counts: never from before we could hear it. */
export function silentSince(state: BaseState, fleet: FleetState): number {
  return Math.max(state.heardAt ?? 0, state.knownSince ?? 0, fleet.sightedSince ?? 0);
}

/**
 * When a question put after it was last heard has gone unanswered for long enough. While operations run, an answer may
 * be late: the base runs five commands at once, questions included.
 */
function overdueAt(state: BaseState, policy: Policy, now: Stamp): number {
  const heardAt = state.heardAt ?? 0;
  const oldest = [...state.healthQuestions, ...state.listQuestions]
    .filter((question: Question) => question.askedAt >= heardAt)
    .reduce((least, question) => Math.min(least, question.askedAt), forever);
  if (oldest === forever) {
    // Until a question is asked time alone changes nothing: of a base that nobody asks there is nothing to wake for.
    const silentAt = heardAt + policy.timings.silentAfterMs;
    return now.mono < silentAt ? silentAt : forever;
  }
  const isBusy = Object.values(state.slots).some((slot) => slot.operation !== undefined);
  return oldest + policy.timings.answerOverdueMs * (isBusy ? 6 : 1);
}

/** What keeps a base from being given up, or when it will be. */
export type GivingUp =
  | { readonly kind: 'no'; readonly at: number }
  | { readonly kind: 'held'; readonly reason: string; readonly message: string }
  | { readonly kind: 'yes'; readonly reason: string; readonly message: string };

/** [SPEC L4] [SPEC L5] [SPEC L6] */
export function givingUpOf(state: BaseState, fleet: FleetState, policy: Policy, now: Stamp, live: Liveness): GivingUp {
  const { timings } = policy;
  if (isBlind(fleet)) return { kind: 'no', at: forever };
  const hasWord = state.node?.spec.taints?.some((taint) => taint.key === outOfServiceTaint) ?? false;
  const goodbyeAt = state.goodbyeAt;
  if (goodbyeAt !== undefined && hasSpoken(state, fleet, policy)) {
    const at = goodbyeAt + timings.sessionGraceMs;
    if (now.mono < at) return { kind: 'no', at };
    return statefulOr(state, hasWord, { kind: 'yes', reason: 'BaseDeactivated', message: 'the base said DEACTIVATED' });
  }
  if (live.kind !== 'silent' && live.kind !== 'disconnected') return { kind: 'no', at: forever };
  if (state.goneProvenAt !== undefined || hasWord) {
    return { kind: 'yes', reason: 'BaseGone', message: 'the base is proven gone' };
  }
  if (policy.goneAfterMs === 0) return { kind: 'no', at: forever };
  const wasHeard = state.heardAt !== undefined && state.heardAt >= (fleet.sightedSince ?? 0);
  // After an outage that took most of them they come back one by one, for as long as bases back off.
  const brakeEndedAt = fleet.brakeEndedAt ?? 0;
  const wasBraked = (state.heardAt ?? 0) < brakeEndedAt;
  const since = Math.max(
    silentSince(state, fleet),
    wasHeard ? (state.heldSince ?? 0) : 0,
    wasBraked ? brakeEndedAt : 0,
  );
  const isSoon = wasHeard && !wasBraked;
  const afterMs = isSoon ? policy.goneAfterMs : Math.max(timings.goneAfterBlindnessMs, policy.goneAfterMs);
  const at = since + afterMs;
  if (now.mono < at) return { kind: 'no', at };
  if (isBraked(fleet, policy)) {
    return {
      kind: 'held',
      reason: 'GivingUpStopped',
      message: `more than ${Math.round(timings.brakeShare * 100)} % of the bases are silent at once, which looks like an outage between us and them; nothing is given up until they are back. If this base is really gone: kubectl taint node ${state.node?.metadata.name ?? 'NODE'} ${outOfServiceTaint}=nodeshutdown:NoExecute`,
    };
  }
  return statefulOr(state, false, {
    kind: 'yes',
    reason: 'BaseGone',
    message: `nothing was heard of the base for ${Math.round(afterMs / 1000)} s${wasBraked ? ' after most others were back' : ''}`,
  });
}

/** A person's word that a machine is gone, as Kubernetes has it for its own nodes. */
export const outOfServiceTaint = 'node.kubernetes.io/out-of-service';

function statefulOr(state: BaseState, hasProof: boolean, otherwise: GivingUp): GivingUp {
  if (hasProof || state.goneProvenAt !== undefined) return otherwise;
  const stateful = Object.values(state.pods).find(
    (entry) => controllerOf(entry.pod)?.kind === 'StatefulSet' && !(isDeleting(entry.pod) && state.node === undefined),
  );
  if (stateful === undefined || state.node === undefined) return otherwise;
  return {
    kind: 'held',
    reason: 'StatefulSetNeedsProof',
    message: `StatefulSet Pod ${stateful.pod.metadata.namespace}/${stateful.pod.metadata.name} must not run twice: silence is no proof. If the base is really gone: kubectl taint node ${state.node.metadata.name} ${outOfServiceTaint}=nodeshutdown:NoExecute`,
  };
}

/** Too many silent at once: more likely our view of them than their death. */
export function isBraked(fleet: FleetState, policy: Policy): boolean {
  const { survey } = fleet;
  return survey !== undefined && survey.bases > 2 && survey.silent / survey.bases > policy.timings.brakeShare;
}

/** Two processes under one identity: sessions that push each other out, or a run time that goes back and forth. [SPEC L8] */
export function hasIdentityConflict(state: BaseState, now: Stamp): boolean {
  const openings = state.sessionOpenings.filter((at) => now.mono - at < conflictSpanMs);
  const isOusted = openings.length >= conflictOpenings;
  return isOusted || (state.olderProcessAt !== undefined && now.mono - state.olderProcessAt < olderProcessMs);
}

/** When a conflict ends if nothing more happens. */
export function identityConflictUntil(state: BaseState, now: Stamp): number {
  if (!hasIdentityConflict(state, now)) return forever;
  const nth = state.sessionOpenings.at(-conflictOpenings);
  const oustedUntil = nth === undefined ? 0 : nth + conflictSpanMs;
  const olderUntil = state.olderProcessAt === undefined ? 0 : state.olderProcessAt + olderProcessMs;
  return Math.max(oustedUntil, olderUntil);
}

// Two processes push each other out every 1.25 s; a base on a bad network comes back once a second at the most.
const conflictOpenings = 6;
const conflictSpanMs = 15_000;
const olderProcessMs = 300_000;

/** How a base counts for the brake: `uncounted` has no Node, or we cannot tell yet. [SPEC L5] */
export function surveyBase(
  state: BaseState,
  fleet: FleetState,
  policy: Policy,
  now: Stamp,
): 'silent' | 'alive' | 'uncounted' {
  const isSilent = now.mono - silentSince(state, fleet) >= policy.timings.silentAfterMs;
  const kind = livenessOf(state, fleet, policy, now).kind;
  if (state.node === undefined) return kind === 'alive' ? 'alive' : 'uncounted';
  if (isBlind(fleet)) return 'uncounted';
  return isSilent || kind === 'silent' || kind === 'disconnected' ? 'silent' : 'alive';
}

/**
 * Whether a change of the fleet can change what is planned for bases: links, sight, the brake, our own hold, a replica that
 * went or handed back. Renewals of replica Leases do not; with thousands of bases it matters to know.
 */
export function concernsBases(before: FleetState, after: FleetState, policy: Policy): boolean {
  if (before === after) return false;
  const isHandedBack = (fleet: FleetState) =>
    Object.entries(fleet.replicas)
      .map(([name, { lease }]) => `${name} ${lease.spec.holderIdentity ?? ''}`)
      .toSorted()
      .join();
  return (
    before.syncedAt !== after.syncedAt ||
    before.sightedSince !== after.sightedSince ||
    before.hearingSince !== after.hearingSince ||
    before.tunnel !== after.tunnel ||
    before.api !== after.api ||
    before.entitledSince !== after.entitledSince ||
    before.isStopping !== after.isStopping ||
    isBraked(before, policy) !== isBraked(after, policy) ||
    (before.replicas !== after.replicas && isHandedBack(before) !== isHandedBack(after))
  );
}
