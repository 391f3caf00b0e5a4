/** `planFleet`: our own replica Lease, renewed while we live and removed when we stop; those of the long dead are removed. [SPEC N15] */
import type { Plan, PlannedAction } from './actions.ts';
import type { FleetState } from './fleet.ts';
import { contentHash } from './fold-actions.ts';
import { componentLabel, envLabel, managedByLabel, replicaLease, replicaLeaseNameOf } from './names.ts';
import type { Policy } from './policy.ts';
import { wallOf } from './records.ts';
import { deafLabels } from './sharing.ts';
import type { Stamp } from './time.ts';

/** A replica Lease that stood still for so long is litter of a process that is long gone. */
const litterAfterMs = 3_600_000;

export function planFleet(fleet: FleetState, policy: Policy, now: Stamp): Plan {
  if (fleet.syncedAt === undefined || fleet.api?.isUp === false || policy.isObserver === true)
    return { actions: [], waiting: [], wakeAt: Number.POSITIVE_INFINITY };
  const name = replicaLeaseNameOf(policy.holderIdentity);
  const own = fleet.replicas[name]?.lease;
  const key = `lease/${name}`;
  const actions: PlannedAction[] = [];
  let wakeAt = Number.POSITIVE_INFINITY;
  const propose = (action: PlannedAction) => {
    const trouble = fleet.writes[action.key];
    const isHeldBack =
      trouble !== undefined &&
      trouble.at >= (fleet.api?.since ?? 0) &&
      trouble.failures > 0 &&
      now.mono < trouble.retryAt;
    const isLike = trouble?.message !== '' || trouble.hash === contentHash(action);
    if (isHeldBack && isLike) wakeAt = Math.min(wakeAt, trouble.retryAt);
    else if (fleet.flights[action.key] === undefined) actions.push(action);
  };
  if (fleet.isStopping) {
    if (own !== undefined && own.spec.holderIdentity === policy.holderIdentity) {
      propose({ kind: 'delete-lease', key, namespace: policy.namespace, name, uid: own.metadata.uid });
    }
    return { actions, waiting: [], wakeAt };
  }
  const dueAt =
    fleet.renewedAt === undefined || own === undefined ? 0 : fleet.renewedAt + policy.timings.replicaLeaseRenewMs;
  const labels = deafLabels(fleet, policy, now);
  if (now.mono >= dueAt) propose(renewal(own, key, name, policy, now, labels));
  else wakeAt = Math.min(wakeAt, dueAt);
  for (const [other, replica] of Object.entries(fleet.replicas)) {
    // A Lease of that name that is somebody else's is not ours to remove.
    if (other === name || replica.lease.metadata.labels?.[componentLabel] !== replicaLease) continue;
    const { uid, namespace } = replica.lease.metadata;
    const litterAt = replica.changedAt + litterAfterMs;
    if (now.mono < litterAt) wakeAt = Math.min(wakeAt, litterAt);
    else
      propose({
        kind: 'delete-lease',
        key: `lease/${other}`,
        namespace: namespace ?? policy.namespace,
        name: other,
        uid,
      });
  }
  return { actions, waiting: [], wakeAt };
}

function renewal(
  own: FleetState['replicas'][string]['lease'] | undefined,
  key: string,
  name: string,
  policy: Policy,
  now: Stamp,
  ownLabels: Readonly<Record<string, string>>,
): PlannedAction {
  const renewedAt = Math.max(now.wall, (wallOf(own?.spec.renewTime) ?? 0) + 1);
  return {
    kind: 'write-lease',
    key,
    namespace: policy.namespace,
    name,
    ...(own === undefined ? {} : { resourceVersion: own.metadata.resourceVersion }),
    labels: {
      [componentLabel]: replicaLease,
      [envLabel]: policy.env,
      [managedByLabel]: 'kouplet',
      ...ownLabels,
    },
    holderIdentity: policy.holderIdentity,
    leaseDurationSeconds: policy.timings.replicaLeaseDurationSeconds,
    acquiredAt: wallOf(own?.spec.acquireTime) ?? renewedAt,
    renewedAt,
    leaseTransitions: own?.spec.leaseTransitions ?? 0,
  };
}
