/**
 * Peer Deployments: as many replicas as there are Ready Nodes of this env that its Pods may run on. Raised at once; lowered
 * only to what was the most for a while, and never for our own blindness.
 *
 *   count > replicas ─────────────────────────────► raise
 *   the most of the last 10 s < replicas, sighted ─► lower
 */
import { backoffMs } from './backoff.ts';
import type { FleetState } from './fleet.ts';
import type { Outcome } from './inputs.ts';
import { isBlind, isBraked } from './liveness.ts';
import type { ObservedNode } from './observed.ts';
import { isLeftAlone, isPeer, type PeerDeployment, selectionOf, selects } from './peers-selection.ts';
import type { Policy } from './policy.ts';
import { isFirstChoice } from './sharing.ts';
import type { BaseState } from './state.ts';
import type { Stamp } from './time.ts';

export type { NodeRequirement, NodeTerm, PeerDeployment, PeerTemplate, Toleration } from './peers-selection.ts';

/** One write: `spec.replicas` through the scale subresource, with UID and resourceVersion as preconditions. */
export interface PeerScaling {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly resourceVersion: string;
  readonly from: number;
  readonly to: number;
  /** Why, in a sentence's part. */
  readonly because: string;
}

/** An Event about a Deployment. */
export interface PeerNotice {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** What has to be remembered between two looks, by the Deployment's UID. Written by the functions of this file alone. */
export type PeersMemory = Readonly<Record<string, PeerEntry>>;

interface PeerEntry {
  readonly firstSeenAt: number;
  /** Falling counts, the present one last: each was the most until the time it says. */
  readonly counts: readonly Count[];
  readonly isInFlight?: true;
  /** What was written to, until the watch shows more: it would be written again. */
  readonly written?: { readonly resourceVersion: string; readonly until: number };
  readonly trouble?: Trouble;
}

interface Count {
  readonly count: number;
  readonly lastAt: number;
}

interface Trouble {
  readonly failures: number;
  readonly retryAt: number;
  readonly kind: Outcome['kind'];
  readonly resourceVersion: string;
}

export interface PeersPlan {
  readonly memory: PeersMemory;
  readonly scalings: readonly PeerScaling[];
  /** Monotonic ms at which to look again though nothing happened. */
  readonly wakeAt: number;
}

/** What is seen of a base: its Node, and when it last spoke. */
export type PeerBase = Pick<BaseState, 'node' | 'heardAt'>;

/** The answer of a write says what the watch is about to show; it is not awaited for longer. */
const echoAwaitedMs = 5_000;

/** Looks at all peer Deployments; each is acted on by one replica, which all compute alike. Total. [SPEC N20] [SPEC N21] [SPEC N22] */
export function planPeers(
  memory: PeersMemory,
  deployments: Iterable<PeerDeployment>,
  bases: Iterable<PeerBase>,
  fleet: FleetState,
  policy: Policy,
  now: Stamp,
): PeersPlan {
  const next: Record<string, PeerEntry> = Object.create(null);
  const scalings: PeerScaling[] = [];
  let wakeAt = Number.POSITIVE_INFINITY;
  const tallies = new Tallies(bases, fleet, policy, now);
  const acts = mayAct(fleet, policy, now);
  for (const deployment of deployments) {
    if (!isPeer(deployment, policy.env)) continue;
    const { uid } = deployment.metadata;
    const tally = tallies.of(deployment);
    const entry = withCount(memory[uid], tally.held, policy, now);
    next[uid] = entry;
    if (!acts || isLeftAlone(deployment) || entry.isInFlight || !isFirstChoice(uid, fleet, policy, now)) continue;
    const size = sizeOf(deployment, entry, tally, fleet, policy, now);
    if (size.kind === 'later') wakeAt = Math.min(wakeAt, size.at);
    if (size.kind !== 'due') continue;
    const heldUntil = heldBackUntil(deployment, entry, now);
    if (heldUntil === undefined) scalings.push(scalingOf(deployment, size.replicas, tally, policy));
    else wakeAt = Math.min(wakeAt, heldUntil);
  }
  return { memory: next, scalings, wakeAt: Math.min(wakeAt, tallies.hopesUntil) };
}

/** It is on its way: nothing more is asked of that Deployment until it ends. */
export function withScalingStarted(memory: PeersMemory, { uid }: PeerScaling): PeersMemory {
  const entry = memory[uid];
  return entry === undefined ? memory : { ...memory, [uid]: { ...entry, isInFlight: true } };
}

/** What became of it, and what is to be told of that. A failure is tried again with capped back-off and told once. [SPEC N22] */
export function withScalingEnded(
  memory: PeersMemory,
  scaling: PeerScaling,
  outcome: Outcome,
  policy: Policy,
  now: Stamp,
): { readonly memory: PeersMemory; readonly notice?: PeerNotice } {
  const { uid, from, to, because, resourceVersion } = scaling;
  const done: PeerNotice = {
    type: 'Normal',
    reason: 'PeersScaled',
    message: `replicas from ${from} to ${to}: ${because}`,
  };
  const entry = memory[uid];
  if (entry === undefined) return outcome.kind === 'done' ? { memory, notice: done } : { memory };
  const { isInFlight: _, trouble, written: __, ...rest } = entry;
  if (outcome.kind === 'done' || outcome.kind === 'gone') {
    const written = { resourceVersion, until: now.mono + echoAwaitedMs };
    const after = { ...memory, [uid]: { ...rest, written } };
    return outcome.kind === 'done' ? { memory: after, notice: done } : { memory: after };
  }
  const { writeBackoffFirstMs, writeBackoffCapMs } = policy.timings;
  const failures = (trouble?.failures ?? 0) + 1;
  const waitMs =
    outcome.kind === 'refused'
      ? writeBackoffCapMs
      : backoffMs(`peers/${uid}`, failures, writeBackoffFirstMs, writeBackoffCapMs);
  const asked = outcome.kind === 'failed' ? (outcome.retryAfterMs ?? 0) : 0;
  const retryAt = now.mono + Math.max(waitMs, asked);
  const after = { ...memory, [uid]: { ...rest, trouble: { failures, retryAt, kind: outcome.kind, resourceVersion } } };
  const hasWords = outcome.kind === 'refused' || outcome.kind === 'failed';
  if (!hasWords || (trouble !== undefined && trouble.kind === outcome.kind)) return { memory: after };
  const message = `replicas could not be set from ${from} to ${to}, and it is tried again: ${outcome.message}`;
  return { memory: after, notice: { type: 'Warning', reason: 'PeersNotScaled', message } };
}

interface Tally {
  /** Selected and Ready. */
  readonly ready: number;
  /** Those and the ones that may be so, were we not blind: what must stay. */
  readonly held: number;
  /** Selected. */
  readonly all: number;
}

/** Counts of Nodes; Deployments that select alike are counted once. */
class Tallies {
  readonly hopesUntil: number;
  readonly #nodes: ReadonlyArray<{ readonly node: ObservedNode; readonly isReady: boolean; readonly isHoped: boolean }>;
  readonly #bySelection = new Map<string, Tally>();

  constructor(bases: Iterable<PeerBase>, fleet: FleetState, policy: Policy, now: Stamp) {
    const isUnsure = isBlind(fleet) || isBraked(fleet, policy);
    const graceUntil = (fleet.sightedSince ?? 0) + policy.timings.goneAfterBlindnessMs;
    let hopesUntil = Number.POSITIVE_INFINITY;
    this.#nodes = [...bases].flatMap(({ node, heardAt }) => {
      if (node === undefined) return [];
      const isReady =
        node.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
      const wasHeard = heardAt !== undefined && heardAt >= (fleet.sightedSince ?? 0);
      const isAwaited = !isReady && !wasHeard && now.mono < graceUntil;
      if (isAwaited) hopesUntil = graceUntil;
      return [{ node, isReady, isHoped: !isReady && (isUnsure || isAwaited) }];
    });
    this.hopesUntil = hopesUntil;
  }

  of(deployment: PeerDeployment): Tally {
    const selection = selectionOf(deployment);
    const known = this.#bySelection.get(selection);
    if (known !== undefined) return known;
    const tally = { ready: 0, held: 0, all: 0 };
    for (const { node, isReady, isHoped } of this.#nodes) {
      if (!selects(deployment, node)) continue;
      tally.all += 1;
      if (isReady) tally.ready += 1;
      if (isReady || isHoped) tally.held += 1;
    }
    this.#bySelection.set(selection, tally);
    return tally;
  }
}

/** What we know is fresh and ours to act on: a process that stood still looks at its own Lease first. */
function mayAct(fleet: FleetState, policy: Policy, now: Stamp): boolean {
  if (fleet.syncedAt === undefined || fleet.api?.isUp === false || fleet.isStopping) return false;
  // It has no Lease of its own, and what it plans is only told.
  if (policy.isObserver === true) return true;
  return now.mono - (fleet.renewedAt ?? Number.NEGATIVE_INFINITY) < policy.timings.replicaLeaseDurationSeconds * 1000;
}

/** Counts that are below the present one, or were the most too long ago, say nothing any more. */
function withCount(known: PeerEntry | undefined, count: number, policy: Policy, now: Stamp): PeerEntry {
  const before = known?.counts ?? [];
  // The last of them was the present one until now.
  const past = before
    .map((each, index) => (index === before.length - 1 ? { ...each, lastAt: now.mono } : each))
    .filter((each) => each.count > count && now.mono - each.lastAt < policy.timings.peersLoweredAfterMs);
  return { ...(known ?? { firstSeenAt: now.mono }), counts: [...past, { count, lastAt: now.mono }] };
}

type Size =
  | { readonly kind: 'right' }
  | { readonly kind: 'due'; readonly replicas: number }
  | { readonly kind: 'later'; readonly at: number };

function sizeOf(
  { replicas }: PeerDeployment,
  { firstSeenAt, counts }: PeerEntry,
  { ready, held }: Tally,
  fleet: FleetState,
  policy: Policy,
  now: Stamp,
): Size {
  if (ready > replicas) return { kind: 'due', replicas: ready };
  if (held >= replicas || isBlind(fleet)) return { kind: 'right' };
  const windowMs = policy.timings.peersLoweredAfterMs;
  const seenSince = Math.max(firstSeenAt, fleet.sightedSince ?? 0);
  if (now.mono < seenSince + windowMs) return { kind: 'later', at: seenSince + windowMs };
  const most = counts[0] ?? { count: held, lastAt: now.mono };
  if (most.count < replicas) return { kind: 'due', replicas: most.count };
  return { kind: 'later', at: most.lastAt + windowMs };
}

function heldBackUntil({ metadata }: PeerDeployment, { trouble, written }: PeerEntry, now: Stamp): number | undefined {
  if (written?.resourceVersion === metadata.resourceVersion && now.mono < written.until) return written.until;
  if (trouble === undefined || now.mono >= trouble.retryAt) return undefined;
  // Somebody else wrote to it meanwhile, which the watch has shown by now.
  if (trouble.kind === 'conflict' && trouble.resourceVersion !== metadata.resourceVersion) return undefined;
  return trouble.retryAt;
}

function scalingOf(
  { metadata, replicas }: PeerDeployment,
  to: number,
  { ready, all }: Tally,
  policy: Policy,
): PeerScaling {
  const { uid, name, namespace = 'default', resourceVersion } = metadata;
  const seconds = Math.round(policy.timings.peersLoweredAfterMs / 1000);
  const isLowered = to < replicas;
  const nodes = all === 1 ? '1 Node' : `${all} Nodes`;
  const because =
    all === 0
      ? `env ${policy.env} has no Node that its Pods may run on${isLowered && to === 0 ? `, and had none for ${seconds} s` : ''}`
      : `${ready} of the ${nodes} of env ${policy.env} that its Pods may run on ${ready === 1 ? 'is' : 'are'} Ready${isLowered ? `, at most ${to} in the last ${seconds} s` : ''}`;
  return { uid, namespace, name, resourceVersion, from: replicas, to, because };
}
