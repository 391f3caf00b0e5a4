/**
 * One look at a base: everything that planning and projecting derive from its state, once. Nothing here is kept.
 */
import type { BizKey, TopicGeneration } from '@kouplet/protocol';
import type { DueInstall, Plan, PlannedAction, Waiting } from './actions.ts';
import { type Calm, calmOf } from './calm.ts';
import type { FleetState } from './fleet.ts';
import { contentHash } from './fold-actions.ts';
import {
  type GivingUp,
  givingUpOf,
  hasIdentityConflict,
  identityConflictUntil,
  type Liveness,
  livenessOf,
  presentSession,
} from './liveness.ts';
import { nodeNameOf, topicsAnnotation } from './names.ts';
import type { RecordedInstall } from './observed.ts';
import { type Desire, desiresOf, isPresent } from './ownership.ts';
import { nodePauseOf, type Pause, pauseOfRemoval } from './pause.ts';
import type { Policy } from './policy.ts';
import { isHung } from './slots.ts';
import type { BaseState, Notice } from './state.ts';
import type { Stamp } from './time.ts';

export interface Situation {
  readonly state: BaseState;
  readonly fleet: FleetState;
  readonly policy: Policy;
  readonly now: Stamp;
  readonly nodeName: string;
  readonly liveness: Liveness;
  readonly givingUp: GivingUp;
  readonly hold: Hold;
  /** The whole Node is paused. */
  readonly pause: Pause | undefined;
  /** On the base and not proven to be ours, in order. */
  readonly unmanaged: readonly string[];
  /** Keys of operations that do not end, in order. */
  readonly hung: readonly string[];
  /** Ours, and not serving beside an earlier version that does, in order. */
  readonly idle: readonly string[];
  readonly desires: ReadonlyMap<BizKey, Desire>;
  /** Where there is nothing to do, to ask or to tell of any biz. */
  readonly calm: Calm | undefined;
  readonly hasIdentityConflict: boolean;
  /** A list asked for in the present session, by us as holder, on the present link. [SPEC M10] */
  readonly isListed: boolean;
}

/** Another version of that module serves. */
export function isOtherServing({ slots }: BaseState, key: string): boolean {
  const name = key.slice(0, key.indexOf(':') + 1);
  return Object.entries(slots).some(
    ([other, slot]) => other !== key && other.startsWith(name) && slot.presence === 'ACTIVATED',
  );
}

/** It served before, or is older than the version that serves: a base that takes new versions made way for that one. */
export function isSwitchedOff(state: BaseState, key: string): boolean {
  const claim = state.slots[key]?.claim;
  if (claim === undefined || state.slots[key]?.run?.podUid === claim.podUid) return true;
  const createdOf = (uid = '') => state.pods[uid]?.pod.metadata.creationTimestamp ?? '';
  const name = key.slice(0, key.indexOf(':') + 1);
  return Object.entries(state.slots).some(
    ([other, slot]) =>
      other.startsWith(name) &&
      slot.presence === 'ACTIVATED' &&
      createdOf(slot.claim?.podUid) > createdOf(claim.podUid),
  );
}

/** Whether the base's Lease lets us act. [SPEC I7] */
export type Hold =
  | { readonly isHeld: true }
  | { readonly isHeld: false; readonly reason: string; readonly message: string };

export function situationOf(state: BaseState, fleet: FleetState, policy: Policy, now: Stamp): Situation {
  const liveness = livenessOf(state, fleet, policy, now);
  const calm = calmOf(state);
  const unmanaged: string[] = [];
  const hung: string[] = [];
  const deactivated: string[] = [];
  for (const key in calm === undefined ? state.slots : {}) {
    const slot = state.slots[key];
    if (slot?.operation === undefined) {
      if (slot?.claim === undefined && isPresent(slot)) unmanaged.push(key);
      else if (slot?.presence === 'DEACTIVATED') deactivated.push(key);
    } else if (isHung(slot.operation, policy, now.mono)) hung.push(key);
  }
  return {
    state,
    fleet,
    policy,
    now,
    // A Node that is there has that name, and making it costs more than looking it up.
    nodeName: state.node?.metadata.name ?? nodeNameOf(state.baseId, policy.env),
    liveness,
    givingUp: unlessPaused(state, givingUpOf(state, fleet, policy, now, liveness)),
    pause: nodePauseOf(state),
    hold: holdOf(state, fleet, policy, now),
    unmanaged: unmanaged.sort(),
    hung: hung.sort(),
    idle: deactivated.filter((key) => isOtherServing(state, key) && !isSwitchedOff(state, key)).sort(),
    desires: calm?.desires ?? desiresOf(state, now.mono),
    calm,
    hasIdentityConflict: hasIdentityConflict(state, now),
    isListed: isListed(state, fleet, policy),
  };
}

/** A base that is paused, or has a Pod that is, is not given up: its Node and its Pods would go. [SPEC N19] */
function unlessPaused(state: BaseState, givingUp: GivingUp): GivingUp {
  const pause = givingUp.kind === 'yes' ? pauseOfRemoval(state) : undefined;
  if (pause === undefined || givingUp.kind !== 'yes') return givingUp;
  const message = `${givingUp.message}, but ${pause.by} keeps its Node`;
  return { kind: 'held', reason: pause.reason, message };
}

function isListed(state: BaseState, fleet: FleetState, policy: Policy): boolean {
  const session = policy.hasSessions ? presentSession(state, fleet)?.openedAt : undefined;
  const neededSince = Math.max(state.listNeededSince ?? 0, fleet.tunnel?.since ?? 0, session ?? 0);
  return state.listAsOf !== undefined && state.listAsOf >= neededSince;
}

/** We act only while our replica Lease is fresh and the base's Lease was confirmed since it has been. */
function holdOf(state: BaseState, fleet: FleetState, policy: Policy, now: Stamp): Hold {
  if (policy.isObserver === true) return { isHeld: true };
  const holder = state.lease?.spec.holderIdentity;
  if (state.heldSince === undefined) {
    const message =
      holder === undefined || holder === '' ? 'its Lease is not taken yet' : `its Lease is held by ${holder}`;
    return { isHeld: false, reason: 'LeaseNotHeld', message };
  }
  if (!isEntitled(fleet, policy, now)) {
    return {
      isHeld: false,
      reason: 'ReplicaLeaseStale',
      message: 'our own replica Lease could not be renewed in time',
    };
  }
  if (state.leaseConfirmedAt === undefined || state.leaseConfirmedAt < (fleet.entitledSince ?? 0)) {
    return { isHeld: false, reason: 'LeaseUnconfirmed', message: 'its Lease is ours but not renewed by us yet' };
  }
  return { isHeld: true };
}

/** Nobody may have taken over from us yet. */
export function isEntitled(fleet: FleetState, policy: Policy, now: Stamp): boolean {
  return (
    fleet.renewedAt !== undefined && now.mono - fleet.renewedAt < policy.timings.replicaLeaseDurationSeconds * 1000
  );
}

/** On which topics the base is spoken to: those of its last message, else what its Node remembers. */
export function generationOf(state: BaseState): TopicGeneration {
  const remembered = state.node?.metadata.annotations?.[topicsAnnotation];
  return state.generation ?? (remembered === 'seed' ? 'seed' : 'current');
}

/** What a plan grows in. */
export interface Draft {
  readonly situation: Situation;
  readonly actions: PlannedAction[];
  /** Keys of the actions: one a key. */
  readonly keys: Set<string>;
  readonly waiting: Waiting[];
  /** Installs that are due, and recorded before they are sent. */
  readonly intents: Intent[];
  /** Those of them that wait for that from now on. */
  readonly due: DueInstall[];
  wakeAt: number;
}

/** An install that nothing keeps from being sent but its record. */
export interface Intent {
  readonly desire: Desire;
  readonly claim: RecordedInstall;
}

export function draftOf(situation: Situation): Draft {
  return {
    situation,
    actions: [],
    keys: new Set(),
    waiting: [],
    intents: [],
    due: [],
    wakeAt: Number.POSITIVE_INFINITY,
  };
}

export function planOf(draft: Draft): Plan {
  const { actions, waiting, due, wakeAt } = draft;
  return due.length === 0 ? { actions, waiting, wakeAt } : { actions, waiting, due, wakeAt };
}

/** Plans again at that time at the latest; what has passed counts for nothing. */
export function wake(draft: Draft, at: number): void {
  if (at > draft.situation.now.mono && at < draft.wakeAt) draft.wakeAt = at;
}

/**
 * Adds an action unless its key is in flight or waits after a failure.
 * @returns whether it was added
 */
export function propose(draft: Draft, action: PlannedAction): boolean {
  const { state, fleet, now } = draft.situation;
  if (state.flights[action.key] !== undefined || draft.keys.has(action.key)) return false;
  const trouble = state.writes[action.key];
  // What failed while the API was away is tried as soon as it is back.
  const isOld = trouble !== undefined && trouble.at < (fleet.api?.since ?? 0);
  if (trouble !== undefined && !isOld && trouble.failures > 0 && now.mono < trouble.retryAt) {
    // A write that was accepted without effect holds back only its like.
    if (trouble.message !== '' || trouble.hash === contentHash(action)) {
      wake(draft, trouble.retryAt);
      if (trouble.message !== '') {
        draft.waiting.push({
          subject: action.key,
          reason: 'WriteFailed',
          message: `${action.kind}: ${trouble.message}; tried ${trouble.failures} times`,
          until: trouble.retryAt,
        });
      }
      return false;
    }
  }
  add(draft, action);
  return true;
}

function add(draft: Draft, action: PlannedAction): void {
  draft.actions.push(action);
  draft.keys.add(action.key);
}

/** Tells a lasting condition once, and again when it still lasts after hours. */
export function tellOnce(draft: Draft, notice: Notice): void {
  const { state, now } = draft.situation;
  const toldAt = state.told[notice.key]?.at;
  if (toldAt !== undefined && now.mono - toldAt < toldAgainAfterMs) return;
  proposeNotice(draft, notice);
}

const toldAgainAfterMs = 6 * 3_600_000;

/** The Event of a notice; about the Node only once there is one. */
export function proposeNotice(draft: Draft, notice: Notice): void {
  const { state } = draft.situation;
  const { key, regarding, type, reason, message } = notice;
  if (state.flights[key] !== undefined || draft.keys.has(key)) return;
  if (regarding.kind === 'Pod') {
    add(draft, { kind: 'record-event', key, regarding, type, reason, message });
    return;
  }
  if (state.node === undefined) return;
  const { name, uid } = state.node.metadata;
  add(draft, { kind: 'record-event', key, regarding: { kind: 'Node', name, uid }, type, reason, message });
}

/** `pod/<namespace>/<name>`, as `Waiting.subject`. */
export function podSubject(pod: { readonly metadata: { readonly namespace?: string; readonly name: string } }): string {
  return `pod/${pod.metadata.namespace ?? 'default'}/${pod.metadata.name}`;
}

/** Why nothing may be sent to the base now; undefined where something may. [SPEC M12] */
export function obstacleOf(
  situation: Situation,
): { readonly reason: string; readonly message: string; until?: number; forSeconds?: number } | undefined {
  const { state, fleet, policy, now, liveness, hold } = situation;
  if (fleet.syncedAt === undefined) return { reason: 'NotSynced', message: 'the first lists are not in yet' };
  if (fleet.isStopping) return { reason: 'Stopping', message: 'this controller is stopping' };
  const { quarantine } = state;
  if (quarantine !== undefined && now.mono < quarantineUntil(state, policy)) {
    return { reason: 'Quarantined', message: quarantine.message, until: quarantineUntil(state, policy) };
  }
  if (!hold.isHeld) return { reason: hold.reason, message: hold.message };
  if (fleet.tunnel?.isUp !== true) {
    return { reason: 'BrokerDown', message: `no link to the bases: ${fleet.tunnel?.reason ?? 'not connected yet'}` };
  }
  if (policy.hasSessions && presentSession(state, fleet) === undefined) {
    const reason = { reason: 'BaseDisconnected', message: 'the base is not connected' };
    const { sessionClosedAt: closedAt } = state;
    // A number that runs has no place in a status: it would be written with every look.
    return closedAt === undefined ? reason : { ...reason, forSeconds: Math.round((now.mono - closedAt) / 1000) };
  }
  if (liveness.kind === 'silent' && !policy.hasSessions) {
    return { reason: 'BaseSilent', message: 'the base does not answer' };
  }
  if (situation.hasIdentityConflict) {
    const message = 'two processes seem to run under this identity';
    return { reason: 'IdentityConflict', message, until: identityConflictUntil(state, now) };
  }
  return undefined;
}

/** End of the time for which the base is left alone after handling it threw. */
export function quarantineUntil(state: BaseState, { timings }: Policy): number {
  if (state.quarantine === undefined) return 0;
  const { at, count } = state.quarantine;
  return at + Math.min(timings.quarantineCapMs, timings.quarantineFirstMs * 2 ** Math.min(count - 1, 10));
}
