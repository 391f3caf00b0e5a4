/**
 * Who owns the claims of a StatefulSet's pods, so that the garbage collector takes them when they should go
 * (statefulset/stateful_set_utils.go, updateClaimOwnerRefForSetAndPod).
 *
 *   whenDeleted Delete: the set     whenScaled Delete: the pod, once it is beyond the wanted size     else nobody
 */
import type { KubeObject, OwnerReference } from '../../kinds/kind.ts';
import { controllerReference } from '../machinery/owners.ts';
import { ordinalOf, startOf } from './pods.ts';

/** What the owners of a pod's claim should be; the same list where they are right. */
export function claimOwners(set: KubeObject, pod: KubeObject, owners: readonly OwnerReference[]): OwnerReference[] {
  const { whenDeleted, whenScaled } = set.spec.persistentVolumeClaimRetentionPolicy ?? {};
  const place = (ordinalOf(set, pod) ?? -1) - startOf(set);
  const isScaledDown = place < 0 || place >= (set.spec.replicas ?? 1);
  const goesWithPod = whenScaled === 'Delete' && isScaledDown;
  const goesWithSet = whenDeleted === 'Delete' && !goesWithPod;
  // Somebody else controls it: it is not ours to give away.
  const ours = [set.metadata.uid, pod.metadata.uid];
  const others = owners.filter(({ uid }) => !ours.includes(uid));
  if (others.some(({ controller }) => controller === true)) return [...owners];
  return [
    ...others,
    ...(goesWithSet ? [controllerReference(set)] : []),
    ...(goesWithPod ? [controllerReference({ ...pod, apiVersion: 'v1', kind: 'Pod' })] : []),
  ];
}
