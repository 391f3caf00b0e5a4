/** What of a pod's volumes keeps it from every node. Volumes are not provided here; claims that are bound pass. */
import type { KubeObject } from '../../kinds/kind.ts';
import type { ObjectIndex } from '../machinery/object-index.ts';
import { podSpec } from '../machinery/shapes.ts';

/** kube-scheduler's words (scheduler/framework/plugins/volumebinding), undefined where nothing is wrong. */
export function volumeProblem(claims: ObjectIndex, pod: KubeObject): string | undefined {
  for (const { persistentVolumeClaim } of podSpec(pod).volumes ?? []) {
    if (persistentVolumeClaim === undefined) continue;
    const { claimName } = persistentVolumeClaim;
    const claim = claims.get(`${pod.metadata.namespace}/${claimName}`);
    if (claim === undefined) return `persistentvolumeclaim "${claimName}" not found`;
    if (claim.metadata.deletionTimestamp !== undefined) {
      return `persistentvolumeclaim "${claimName}" is being deleted`;
    }
    if (claim.status?.phase !== 'Bound') return 'pod has unbound immediate PersistentVolumeClaims';
  }
  return undefined;
}
