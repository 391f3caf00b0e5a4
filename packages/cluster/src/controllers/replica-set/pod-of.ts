/** A pod made of a template, as every controller makes its pods (kubernetes, GetPodFromTemplate). */
import type { KubeObject, OwnerReference } from '../../kinds/kind.ts';
import type { PodTemplate } from '../machinery/shapes.ts';

/** Names of pods are 63 characters at most once five are added (apimachinery, names.SimpleNameGenerator cuts the base). */
export function podOf(template: PodTemplate, parent: KubeObject, owner: OwnerReference): Record<string, unknown> {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: `${parent.metadata.name}-`,
      ...(labels === undefined ? {} : { labels: { ...labels } }),
      ...(annotations === undefined ? {} : { annotations: { ...annotations } }),
      ...(finalizers === undefined ? {} : { finalizers: [...finalizers] }),
      ownerReferences: [owner],
    },
    spec: structuredClone(template.spec),
  };
}
