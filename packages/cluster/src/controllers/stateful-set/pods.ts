/** Pods of a StatefulSet: their names, identities, claims and what they should look like (statefulset/stateful_set_utils.go). */
import type { KubeObject } from '../../kinds/kind.ts';
import { isAvailable } from '../machinery/availability.ts';
import { controllerReference } from '../machinery/owners.ts';
import { isReady, type PodTemplate, podStatus } from '../machinery/shapes.ts';

export const revisionLabel = 'controller-revision-hash';
export const nameLabel = 'statefulset.kubernetes.io/pod-name';
export const indexLabel = 'apps.kubernetes.io/pod-index';

export const startOf = (set: KubeObject): number => set.spec.ordinals?.start ?? 0;
export const isTerminating = (pod: KubeObject): boolean => pod.metadata.deletionTimestamp !== undefined;
export const isEnded = (pod: KubeObject): boolean => ['Failed', 'Succeeded'].includes(podStatus(pod).phase ?? '');
export const isRunningAndReady = (pod: KubeObject): boolean => podStatus(pod).phase === 'Running' && isReady(pod);
export const revisionOf = (pod: KubeObject): string | undefined => pod.metadata.labels?.[revisionLabel];

export function isUsable(set: KubeObject, pod: KubeObject, now: number): boolean {
  return isRunningAndReady(pod) && isAvailable(pod, set.spec.minReadySeconds ?? 0, now);
}

/** `db-3` of `db` is 3; undefined for a name that is none of the set's. */
export function ordinalOf(set: KubeObject, pod: KubeObject): number | undefined {
  const match = /^(.*)-(\d+)$/.exec(pod.metadata.name);
  return match?.[1] === set.metadata.name ? Number(match[2]) : undefined;
}

interface ClaimTemplate {
  metadata: { name: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  spec: Record<string, unknown>;
}

/** The claims that a pod needs. */
export function claimsOf(
  set: KubeObject,
  podName: string,
): Array<Record<string, unknown> & { metadata: { name: string } }> {
  const templates: ClaimTemplate[] = set.spec.volumeClaimTemplates ?? [];
  return templates.map(({ metadata, spec }) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: `${metadata.name}-${podName}`,
      labels: { ...metadata.labels, ...set.spec.selector.matchLabels },
      ...(metadata.annotations === undefined ? {} : { annotations: metadata.annotations }),
    },
    spec,
  }));
}

/** The pod of an ordinal from the template of a revision. */
export function podFor(
  set: KubeObject,
  template: PodTemplate,
  ordinal: number,
  revision: string,
): Record<string, unknown> {
  const name = `${set.metadata.name}-${ordinal}`;
  const claims: ClaimTemplate[] = set.spec.volumeClaimTemplates ?? [];
  const names = new Set(claims.map((claim) => claim.metadata.name));
  const volumes = [
    ...claims.map((claim) => ({
      name: claim.metadata.name,
      persistentVolumeClaim: { claimName: `${claim.metadata.name}-${name}` },
    })),
    ...(template.spec.volumes ?? []).filter((volume) => !names.has(volume.name)),
  ];
  const { labels, annotations, finalizers } = template.metadata ?? {};
  const { serviceName } = set.spec;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      generateName: `${set.metadata.name}-`,
      labels: { ...labels, [nameLabel]: name, [indexLabel]: String(ordinal), [revisionLabel]: revision },
      ...(annotations === undefined ? {} : { annotations }),
      ...(finalizers === undefined ? {} : { finalizers }),
      ownerReferences: [controllerReference(set)],
    },
    spec: {
      ...template.spec,
      ...(volumes.length === 0 ? {} : { volumes }),
      hostname: name,
      ...(serviceName === undefined || serviceName === '' ? {} : { subdomain: serviceName }),
    },
  };
}
