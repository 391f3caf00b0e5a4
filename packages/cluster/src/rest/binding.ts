/** POST pods/NAME/binding: the one way a Pod gets its node. */
import type { KubeObject } from '../kinds/kind.ts';
import { badRequest, failure } from '../status.ts';
import type { Face } from './face.ts';
import { type Ground, inOrder, timestamp } from './ground.ts';
import { get } from './reads.ts';

export interface Binding {
  readonly nodeName: string;
  /** The Pod's own, as a precondition. */
  readonly uid?: string | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** @throws ApiError 404, 409 where it has a node, is being deleted, or is another Pod of that name */
export function bind(ground: Ground, face: Face, namespace: string, name: string, binding: Binding): KubeObject {
  const old = get(face, namespace, name);
  if (binding.nodeName === '') throw badRequest('target.name: Required value');
  const refuse = (what: string) =>
    failure(409, 'Conflict', `Operation cannot be fulfilled on pods/binding "${name}": ${what}`, {
      name,
      kind: 'pods/binding',
    });
  if (binding.uid !== undefined && binding.uid !== old.metadata.uid) {
    throw refuse(`Precondition failed: UID in precondition: ${binding.uid}, UID in object meta: ${old.metadata.uid}`);
  }
  if (old.metadata.deletionTimestamp !== undefined)
    throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  const present: unknown = old.spec?.nodeName;
  if (typeof present === 'string' && present !== '') {
    throw refuse(`pod ${name} is already assigned to node ${JSON.stringify(present)}`);
  }
  if (Array.isArray(old.spec?.schedulingGates) && old.spec.schedulingGates.length > 0) {
    throw refuse(`pod ${name} has non-empty .spec.schedulingGates`);
  }
  const conditions: { type?: unknown }[] = Array.isArray(old.status?.conditions) ? old.status.conditions : [];
  const draft: KubeObject = {
    ...old,
    metadata: {
      ...old.metadata,
      ...(binding.annotations === undefined
        ? {}
        : { annotations: { ...old.metadata.annotations, ...binding.annotations } }),
    },
    spec: { ...old.spec, nodeName: binding.nodeName },
    status: {
      ...old.status,
      conditions: [
        ...conditions.filter((condition) => condition.type !== 'PodScheduled'),
        {
          type: 'PodScheduled',
          status: 'True',
          lastProbeTime: null,
          lastTransitionTime: timestamp(ground.clock.now()),
        },
      ],
    },
  };
  return ground.store.put(face.shelf, inOrder(face.kind, draft));
}
