/** What Kubernetes objects mean. An older observation never wins, and what is gone does not come back. [SPEC I4] */
import { isDeleting } from './module-pod.ts';
import { givenUpAnnotation, pausedAnnotation, releaseAnnotation } from './names.ts';
import { nodeNotice, podNotice, withNotice, withoutTold } from './notices.ts';
import type { ObservedLease, ObservedNode, ObservedPod, ObservedRecord } from './observed.ts';
import { adopt } from './ownership.ts';
import { isPaused, nodePauseOf, pauseOf, unclearPause } from './pause.ts';
import type { Policy } from './policy.ts';
import { cut, defined, isOlderVersion, isSame, withEntry, withoutEntry } from './records.ts';
import { slotOf, withSlot } from './slots.ts';
import type { BaseFacts, BaseState, PodEntry } from './state.ts';
import type { Stamp } from './time.ts';

const tombstonesKept = 64;
const envTaintKey = 'schedule.koupleless.io/node-env';

interface Versioned {
  readonly metadata: { readonly uid: string; readonly resourceVersion: string };
}

/** Same object, same or older version: nothing new. */
function isStale(known: Versioned | undefined, seen: Versioned): boolean {
  if (known === undefined || known.metadata.uid !== seen.metadata.uid) return false;
  return (
    known.metadata.resourceVersion === seen.metadata.resourceVersion ||
    isOlderVersion(seen.metadata.resourceVersion, known.metadata.resourceVersion)
  );
}

function withTombstone(state: BaseState, uid: string): BaseState {
  if (state.tombstones.includes(uid)) return state;
  return { ...state, tombstones: [...state.tombstones, uid].slice(-tombstonesKept) };
}

export function foldPod(state: BaseState, pod: ObservedPod, at: Stamp): BaseState {
  const { uid } = pod.metadata;
  const known = state.pods[uid];
  if (state.tombstones.includes(uid) || isStale(known?.pod, pod)) return state;
  const deletingSince = known?.deletingSince ?? (isDeleting(pod) ? at.mono : undefined);
  const entry: PodEntry = {
    pod,
    seenAt: known?.seenAt ?? at.mono,
    seenWall: known?.seenWall ?? at.wall,
    order: known?.order ?? state.podsSeen,
    firstVersion: known?.firstVersion ?? pod.metadata.resourceVersion,
    ...(deletingSince === undefined ? {} : { deletingSince }),
  };
  const pods = withEntry(state.pods, uid, entry);
  const seen = { ...state, pods, podsSeen: known === undefined ? state.podsSeen + 1 : state.podsSeen };
  return adopt(withPodNotices(seen, known?.pod, pod));
}

/** What a person would ask about: reasons that have come into the Pod's status, and fields that a module ignores. */
function withPodNotices(state: BaseState, before: ObservedPod | undefined, pod: ObservedPod): BaseState {
  let next = state;
  const unclear = newlyUnclear(before, pod);
  if (unclear !== undefined) next = withNotice(next, podNotice(pod, 'Warning', 'PauseUnclear', unclear));
  if (before !== undefined && isPaused(before) !== isPaused(pod)) {
    const [reason, message] = isPaused(pod) ? ['Paused', pauseOf(state, pod)?.message ?? ''] : ['Resumed', resumed];
    next = withNotice(withoutTold(next, pausedReasons), podNotice(pod, 'Normal', reason, message));
  }
  if (pod.status.reason !== undefined && before !== undefined && before.status.reason !== pod.status.reason) {
    const isOurs = pod.status.reason === 'NotAModule' || pod.status.reason === 'InvalidModule';
    if (isOurs) next = withNotice(next, podNotice(pod, 'Warning', pod.status.reason, pod.status.message ?? ''));
  }
  for (const status of pod.status.containerStatuses ?? []) {
    const waiting = status.state?.waiting;
    const was = before?.status.containerStatuses?.find((candidate) => candidate.name === status.name);
    if (before === undefined || waiting?.reason === undefined || was?.state?.waiting?.reason === waiting.reason)
      continue;
    if (toldReasons.has(waiting.reason)) {
      const type = waiting.reason === 'Superseded' ? 'Normal' : 'Warning';
      next = withNotice(next, podNotice(pod, type, waiting.reason, `${status.name}: ${waiting.message ?? ''}`));
    }
  }
  return next;
}

/** Reasons of waiting containers that are Events too; the others are told where they arise. */
const toldReasons = new Set(['Superseded', 'BizOccupied', 'Deactivated', 'InstallTimedOut', 'InstallBackOff']);

export function foldPodGone(state: BaseState, uid: string, _at: Stamp, _policy: Policy): BaseState {
  const buried = withTombstone(state, uid);
  if (state.pods[uid] === undefined) return buried;
  let next: BaseState = {
    ...buried,
    pods: withoutEntry(buried.pods, uid),
    writes: withoutEntry(buried.writes, `pod/${uid}`),
  };
  for (const [key, slot] of Object.entries(next.slots)) {
    if (slot.run?.podUid === uid || slot.troubles?.[uid] !== undefined) next = withSlot(next, key, {});
  }
  return adopt(next);
}

export function foldNode(state: BaseState, node: ObservedNode, at: Stamp): BaseState {
  if (state.tombstones.includes(node.metadata.uid) || isStale(state.node, node)) return state;
  const hasEnvTaint = node.spec.taints?.some((taint) => taint.key === envTaintKey) ?? false;
  const isSameNode = state.node?.metadata.uid === node.metadata.uid;
  const ended = endedConditions(state.node, node);
  const next: BaseState = {
    ...(ended.size === 0 ? state : withoutTold(state, ended)),
    node,
    // What a base said to a controller before us: until it says so again.
    ...(state.facts === undefined ? { facts: factsOfNode(node) } : {}),
    nodeSeenAt: isSameNode ? (state.nodeSeenAt ?? at.mono) : at.mono,
    ...(hasEnvTaint ? { hasAdoptedEnvTaint: true } : {}),
  };
  if (!isSameNode || state.node === undefined) return next;
  return withReadyNotice(withPauseNotice(next, state.node, node), state.node, node);
}

const resumed = 'the annotation kouplet.io/paused is off: work goes on';
/** What is told while something is paused, and ends with that. */
const pausedReasons: ReadonlySet<string> = new Set(['Paused', 'DeletionWaits']);

/** What to say of an annotation that has come to pause nothing, though somebody wrote it. [SPEC M40] */
function newlyUnclear(
  before: ObservedPod | ObservedNode | undefined,
  now: ObservedPod | ObservedNode,
): string | undefined {
  const value = unclearPause(now);
  if (value === undefined || unclearPause(before) === value) return undefined;
  return `annotation ${pausedAnnotation} is ${JSON.stringify(cut(value, 40))}, which pauses nothing: only "true" does`;
}

function withPauseNotice(state: BaseState, before: ObservedNode, node: ObservedNode): BaseState {
  const unclear = newlyUnclear(before, node);
  const next = unclear === undefined ? state : withNotice(state, nodeNotice('Warning', 'PauseUnclear', unclear));
  if (isPaused(before) === isPaused(node)) return next;
  const [reason, message] = isPaused(node) ? ['Paused', nodePauseOf(next)?.message ?? ''] : ['Resumed', resumed];
  return withNotice(withoutTold(next, pausedReasons), nodeNotice('Normal', reason, message));
}

function withReadyNotice(next: BaseState, known: ObservedNode, node: ObservedNode): BaseState {
  const before = readyOf(known);
  const after = readyOf(node);
  if (after === undefined || before?.status === after.status) return next;
  // Kubernetes' own words about a Lease that lapsed are its own Event.
  if (after.reason === 'NodeStatusUnknown') return next;
  return after.status === 'True'
    ? withNotice(next, nodeNotice('Normal', 'NodeReady', `Node ${node.metadata.name} status is now: NodeReady`))
    : withNotice(next, nodeNotice('Warning', after.reason ?? 'NodeNotReady', after.message ?? 'the Node is not ready'));
}

/** Conditions that were true and are not: their Events are told anew when they come again. */
function endedConditions(before: ObservedNode | undefined, after: ObservedNode): ReadonlySet<string> {
  const ended = new Set<string>();
  for (const { type, status } of before?.status.conditions ?? []) {
    if (type === 'Ready' || status !== 'True') continue;
    const isStill = after.status.conditions?.some((other) => other.type === type && other.status === 'True') ?? false;
    if (!isStill) ended.add(type);
  }
  return ended;
}

/** Facts of a base as its Node shows them; nothing where the Node shows none. */
function factsOfNode(node: ObservedNode): BaseFacts {
  const { labels, annotations } = node.metadata;
  const of = (field: string) =>
    annotations?.[`kouplet.io/reported-${field}`] ?? labels?.[`base.koupleless.io/${field}`];
  // With a port they are those of whoever serves its logs.
  const isServed = node.status.daemonEndpoints !== undefined;
  const address = (type: string) =>
    isServed ? undefined : node.status.addresses?.find((candidate) => candidate.type === type)?.address;
  return defined({
    baseName: of('name'),
    baseVersion: of('version'),
    clusterName: of('cluster-name'),
    localHostName: address('Hostname') ?? of('host-name'),
    localIP: address('InternalIP') ?? of('ip'),
    release: annotations?.[releaseAnnotation],
  });
}

function readyOf(node: ObservedNode) {
  return node.status.conditions?.find((condition) => condition.type === 'Ready');
}

export function foldNodeGone(state: BaseState, uid: string): BaseState {
  const buried = withTombstone(state, uid);
  if (state.node?.metadata.uid !== uid) return buried;
  const { node, nodeSeenAt: _seen, nodeStatusAt: _status, ...rest } = buried;
  return {
    ...rest,
    writes: withoutEntry(
      withoutEntry(rest.writes, `node/${node?.metadata.name}`),
      `node/${node?.metadata.name}/status`,
    ),
  };
}

export function foldLease(state: BaseState, lease: ObservedLease, at: Stamp, policy: Policy): BaseState {
  if (isStale(state.lease, lease)) return state;
  const isChanged =
    state.lease?.spec.renewTime !== lease.spec.renewTime ||
    state.lease?.spec.holderIdentity !== lease.spec.holderIdentity ||
    state.lease?.metadata.uid !== lease.metadata.uid;
  const leaseChangedAt = isChanged ? at.mono : (state.leaseChangedAt ?? at.mono);
  const next: BaseState = { ...state, lease, leaseChangedAt };
  if (lease.spec.holderIdentity !== policy.holderIdentity) return withoutHold(next);
  if (state.heldSince !== undefined) return next;
  // A new holder asks the base for its list before it acts, and knows of installs what the record says.
  return { ...withRecordedClaims(next, state.record), heldSince: at.mono, listNeededSince: at.mono };
}

export function foldLeaseGone(state: BaseState): BaseState {
  if (state.lease === undefined && state.heldSince === undefined) return state;
  const { lease: _gone, leaseChangedAt: _changed, ...rest } = state;
  return withoutHold(rest);
}

/** Without the Lease nothing is ours to tell, and the record is the next holder's. */
function withoutHold(state: BaseState): BaseState {
  if (state.heldSince === undefined) return state;
  const { heldSince: _held, leaseConfirmedAt: _confirmed, inheritedAt: _inherited, ...rest } = state;
  return { ...rest, notices: [] };
}

export function foldRecord(state: BaseState, record: ObservedRecord): BaseState {
  if (state.tombstones.includes(record.metadata.uid) || isStale(state.record, record)) return state;
  const known = record.isReadable ? withoutTold(state, unreadable) : state;
  const next = { ...known, record };
  if (state.heldSince === undefined) return withRecordedClaims(next, record);
  if (state.record !== undefined || Object.values(state.slots).some((slot) => slot.claim !== undefined)) return next;
  // The answer to our own first write may be older than the list by which we know that nothing is there any more.
  const isBelied = (key: string) => state.slots[key]?.presence === 'ABSENT' || isStruckOff(state, key);
  // What we are about to install was written down before it was sent: another's of that key is not ours by that.
  const intended = state.flights[`record/${state.baseId}`]?.installs ?? {};
  const installs = Object.entries(record.installs).filter(
    ([key, install]) => !isBelied(key) && !isSame(intended[key], install),
  );
  return withRecordedClaims(next, { ...record, installs: Object.fromEntries(installs) });
}

const unreadable: ReadonlySet<string> = new Set(['RecordUnreadable']);

/** A list of this hold says nothing of it: a slot of which nothing is left is not kept. */
function isStruckOff(state: BaseState, key: string): boolean {
  return state.slots[key] === undefined && (state.listAsOf ?? -1) >= (state.heldSince ?? Number.POSITIVE_INFINITY);
}

export function foldRecordGone(state: BaseState): BaseState {
  if (state.record === undefined) return state;
  // Seen again, its installs would be claimed anew: also what the base refused since, as it was another's.
  const { record: gone, ...rest } = withTombstone(state, state.record.metadata.uid);
  // That of a base that was given up took with it what is known of it.
  const isForgotten = gone?.metadata.annotations?.[givenUpAnnotation] !== undefined;
  return state.heldSince === undefined || isForgotten ? withRecordedClaims(rest, undefined) : rest;
}

/** While we do not hold the Lease the record is the truth; unreadable, it proves nothing. [SPEC M11] */
export function withRecordedClaims(state: BaseState, record: ObservedRecord | undefined): BaseState {
  const installs = record?.isReadable === true ? record.installs : {};
  let next = state;
  for (const key of new Set([...Object.keys(state.slots), ...Object.keys(installs)])) {
    if (!isSame(slotOf(next, key).claim, installs[key])) next = withSlot(next, key, { claim: installs[key] });
  }
  return next;
}
