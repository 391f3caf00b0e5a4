/** What of a pod's volumes keeps it from every node. Volumes are not provided here; claims that are bound pass. */
import type { Api } from '../../api.ts';
import type { KubeObject } from '../../kinds/kind.ts';
import { podSpec } from '../machinery/shapes.ts';

/** kube-scheduler's words (scheduler/framework/plugins/volumebinding), undefined where nothing is wrong. */
export function volumeProblem(api: Api, pod: KubeObject): string | undefined {
  for (const { persistentVolumeClaim } of podSpec(pod).volumes ?? []) {
    if (persistentVolumeClaim === undefined) continue;
    const { claimName } = persistentVolumeClaim;
    const claim = api.get('persistentvolumeclaims', claimName, pod.metadata.namespace);
    if (claim === undefined) return `persistentvolumeclaim "${claimName}" not found`;
    if (claim.metadata.deletionTimestamp !== undefined) {
      return `persistentvolumeclaim "${claimName}" is being deleted`;
    }
    if (claim.status?.phase !== 'Bound') return 'pod has unbound immediate PersistentVolumeClaims';
  }
  return undefined;
}
