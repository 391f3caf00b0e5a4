/** `projectBase`: the Node and the Pod statuses that should be visible now. */
import type { FleetState } from './fleet.ts';
import { roleOf } from './module-pod.ts';
import type { PodStatus } from './observed.ts';
import type { Policy } from './policy.ts';
import { type DesiredNode, projectNode } from './project-node.ts';
import { projectPod } from './project-pod.ts';
import { situationOf } from './situation.ts';
import type { BaseState } from './state.ts';
import type { Stamp } from './time.ts';

/** `node` is absent where there is none and should be none; `pods` by UID. */
export interface Projection {
  readonly node?: DesiredNode & { readonly name: string };
  readonly pods: ReadonlyMap<string, PodStatus>;
}

export function projectBase(state: BaseState, fleet: FleetState, policy: Policy, now: Stamp): Projection {
  const situation = situationOf(state, fleet, policy, now);
  const pods = new Map<string, PodStatus>();
  for (const [uid, entry] of Object.entries(state.pods)) {
    pods.set(uid, projectPod(situation, entry, roleOf(entry.pod)));
  }
  const isThere = state.node !== undefined || situation.liveness.kind === 'alive';
  return isThere ? { node: { name: situation.nodeName, ...projectNode(situation) }, pods } : { pods };
}
