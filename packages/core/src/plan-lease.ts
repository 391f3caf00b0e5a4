/**
 * The Lease of a base's Node: who may act on the base, and Kubernetes' heartbeat of the Node. [SPEC I7] [SPEC N14]
 *
 * ```
 *  missing ──base heard or Node there──► ours ──every 10 s──► ours        handed back ('') ──► ours, at once
 *  another's ──its replica Lease stood still 15 s (upstream: its own stood still for its duration, seen or as it says)──► ours
 *  ours ──stopping──► handed back;   ours, nothing left ──► deleted
 * ```
 * With several replicas a Lease goes to the one that should have it (sharing.ts): others wait before they take one, and a
 * holder hands it over in place of a renewal.
 */
import { nextTick } from './backoff.ts';
import { componentLabel, envLabel, managedByLabel, nodeLeaseNamespace, replicaLeaseNameOf } from './names.ts';
import type { ObservedLease } from './observed.ts';
import { isRecordDue } from './plan-record.ts';
import { wallOf } from './records.ts';
import { betterReplica, isDeaf, isToBeHandedOver } from './sharing.ts';
import { type Draft, propose, type Situation, wake } from './situation.ts';

/** @returns whether anything else may be planned for the base */
export function planLease(draft: Draft): boolean {
  const { situation } = draft;
  const { state, fleet, now, hold } = situation;
  // An observer plans as if it held every Lease, and takes none.
  if (situation.policy.isObserver === true) return !fleet.isStopping;
  const { lease } = state;
  const key = `lease/${situation.nodeName}`;
  if (fleet.isStopping) {
    if (lease !== undefined && state.heldSince !== undefined) propose(draft, leaseWrite(situation, key, ''));
    return false;
  }
  if (lease === undefined) {
    if (!isWanted(draft)) return false;
    const leftUntil = (state.knownSince ?? now.mono) + patienceMs(situation);
    if (now.mono >= leftUntil) propose(draft, leaseWrite(situation, key, situation.policy.holderIdentity));
    else wake(draft, leftUntil);
    return false;
  }
  if (state.heldSince !== undefined) {
    if (hold.isHeld && isSpent(situation)) {
      const { name, namespace, uid } = lease.metadata;
      propose(draft, { kind: 'delete-lease', key, namespace: namespace ?? nodeLeaseNamespace, name, uid });
      return true;
    }
    const dueAt = renewalDueAt(situation);
    if (now.mono >= dueAt && hold.isHeld && isToBeHandedOver(state, fleet, situation.policy, now)) {
      propose(draft, leaseWrite(situation, key, ''));
      return false;
    }
    if (now.mono >= dueAt) propose(draft, leaseWrite(situation, key, situation.policy.holderIdentity));
    else wake(draft, dueAt);
    return hold.isHeld;
  }
  const takeoverAt = takeoverAtOf(situation, lease);
  if (now.mono >= takeoverAt) {
    propose(draft, leaseWrite(situation, key, situation.policy.holderIdentity));
    return false;
  }
  wake(draft, takeoverAt);
  draft.waiting.push({
    subject: `node/${situation.nodeName}`,
    reason: 'LeaseHeldByOther',
    message: `${lease.spec.holderIdentity} holds the Lease`,
    ...(Number.isFinite(takeoverAt) ? { until: takeoverAt } : {}),
  });
  return false;
}

/** There is something to hold: a Node, or a base that is there. */
function isWanted(draft: Draft): boolean {
  const { state, liveness, givingUp, now, policy } = draft.situation;
  if (state.node === undefined && policy.goneAfterMs !== 0 && isRecordDue(draft.situation)) return true;
  if (givingUp.kind === 'yes' && state.node === undefined) return false;
  if (state.node !== undefined || liveness.kind === 'alive') return true;
  if (state.session === undefined || liveness.kind !== 'unproven') return false;
  // A base whose heartbeat has died says nothing by itself: it is asked, which takes the Lease.
  const nudgeAt = state.session.openedAt + policy.timings.sessionGraceMs;
  wake(draft, nudgeAt);
  return now.mono >= nudgeAt;
}

/** Given up, its Node and its Pods are gone, and its record says so: the Lease goes last. */
function isSpent(situation: Situation): boolean {
  const { state, givingUp } = situation;
  if (givingUp.kind !== 'yes' || state.node !== undefined || isRecordDue(situation)) return false;
  return Object.keys(state.pods).length === 0;
}

function renewalDueAt(situation: Situation): number {
  const { state, fleet, policy } = situation;
  const confirmedAt = state.leaseConfirmedAt;
  if (confirmedAt === undefined || confirmedAt < (fleet.entitledSince ?? 0)) return 0;
  if (situation.givingUp.kind === 'yes' && isOwnedByNode(situation)) return 0;
  const owner = nodeOwnerOf(state.lease);
  const isOrphan = state.node !== undefined && owner !== undefined && owner.uid !== state.node.metadata.uid;
  return isOrphan ? 0 : nextTick(state.baseId, confirmedAt, policy.timings.leaseRenewMs);
}

/** A Lease that its Node owns goes with it, and with the Lease the right to see to the Pods: it is disowned before. */
export function isOwnedByNode({ state }: Situation): boolean {
  return nodeOwnerOf(state.lease) !== undefined;
}

function nodeOwnerOf(lease: ObservedLease | undefined) {
  return lease?.metadata.ownerReferences?.find((reference) => reference.kind === 'Node');
}

/** When another's Lease may be taken, on our monotonic clock from what we saw ourselves. */
function takeoverAtOf(situation: Situation, lease: ObservedLease): number {
  const { state, fleet, policy, now } = situation;
  const holder = lease.spec.holderIdentity ?? '';
  if (holder === policy.holderIdentity) return 0;
  const changedAt = state.leaseChangedAt ?? 0;
  const waitMs = patienceMs(situation);
  if (holder === '') return waitMs === 0 ? 0 : changedAt + waitMs;
  const replica = fleet.replicas[replicaLeaseNameOf(holder)];
  const standsStillMs = policy.timings.replicaLeaseDurationSeconds * 1000;
  const lookedAt = Math.max(changedAt, fleet.syncedAt ?? Number.POSITIVE_INFINITY);
  if (replica !== undefined) {
    const isHandedBack = (replica.lease.spec.holderIdentity ?? '') === '';
    if (isHandedBack) return waitMs === 0 ? 0 : replica.changedAt + waitMs;
    return replica.changedAt + standsStillMs + waitMs;
  }
  if (lease.metadata.labels?.[managedByLabel] === 'kouplet') return lookedAt + standsStillMs + waitMs;
  const durationMs = (lease.spec.leaseDurationSeconds ?? policy.timings.leaseDurationSeconds) * 1000;
  // Kubernetes gives the Node up soon after that, counted from the last renewal and not from when we came: what its `renewTime` says
  // counts as well. Its clock may be wrong, but one that lives renews every 10 s, and would be seen to.
  const lapsedAt = now.mono + (wallOf(lease.spec.renewTime) ?? Number.POSITIVE_INFINITY) + durationMs - now.wall;
  return Math.min(lookedAt + durationMs, Math.max(lookedAt + standsStillMs, lapsedAt)) + waitMs;
}

/** How long a Lease that is free is left to the replica that should have it. */
function patienceMs({ state, fleet, policy, now }: Situation): number {
  if (betterReplica(state, fleet, policy, now) === undefined) return 0;
  return isDeaf(fleet, policy, now) ? Number.POSITIVE_INFINITY : policy.timings.sharingGraceMs;
}

function leaseWrite(situation: Situation, key: string, holderIdentity: string) {
  const { state, policy, now } = situation;
  const { lease } = state;
  const node = situation.givingUp.kind === 'yes' ? undefined : state.node;
  const isNewHolder = lease?.spec.holderIdentity !== holderIdentity;
  // Always advancing, also where the wall clock was set back.
  const renewedAt = Math.max(now.wall, (wallOf(lease?.spec.renewTime) ?? 0) + 1);
  const acquiredAt = isNewHolder ? renewedAt : (wallOf(lease?.spec.acquireTime) ?? renewedAt);
  const transitions = lease?.spec.leaseTransitions ?? 0;
  return {
    kind: 'write-lease' as const,
    key,
    namespace: nodeLeaseNamespace,
    name: situation.nodeName,
    ...(lease === undefined ? {} : { resourceVersion: lease.metadata.resourceVersion }),
    labels: {
      ...lease?.metadata.labels,
      [componentLabel]: 'vnode-lease',
      [envLabel]: policy.env,
      [managedByLabel]: 'kouplet',
    },
    holderIdentity,
    leaseDurationSeconds: policy.timings.leaseDurationSeconds,
    acquiredAt,
    renewedAt,
    leaseTransitions: isNewHolder && lease !== undefined ? transitions + 1 : transitions,
    ...(node === undefined ? {} : { ownerNode: { name: node.metadata.name, uid: node.metadata.uid } }),
  };
}
