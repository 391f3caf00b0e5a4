/**
 * No more Pods than this cluster is made for. Elsewhere the rate at which controllers may write, or a full etcd, ends what a slip of
 * the keyboard began (`kubectl scale --replicas=200000000`); here it would be the memory of this process. [SPEC C192]
 */
import { forbidden } from '../status.ts';
import type { AdmissionPlugin } from './plugin.ts';

/** A third more than Kubernetes promises to carry. */
const podsAtMost = 200_000;

/** @param limit  Pods in all namespaces together */
export function podLimit(limit = podsAtMost): AdmissionPlugin {
  return {
    name: 'PodLimit',
    admit: ({ operation, kind, resource, subresource, name, store }) => {
      if (operation !== 'CREATE' || resource !== 'pods' || subresource !== undefined) return;
      if ((store.count?.('pods') ?? 0) < limit) return;
      throw forbidden(kind, name, `this cluster holds ${limit} Pods, and no more`);
    },
  };
}
