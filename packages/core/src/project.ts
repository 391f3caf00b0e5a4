/** `projectBase`: the Node and the Pod statuses that should be visible now. */
import type { CreateNode } from './actions.ts';
import type { FleetState } from './fleet.ts';
import type { PodStatus } from './observed.ts';
import type { Policy } from './policy.ts';
import type { BaseState } from './state.ts';
import type { Stamp } from './time.ts';

/** `node` is absent where there should be none; `pods` by UID. */
export interface Projection {
  readonly node?: Omit<CreateNode, 'kind'>;
  readonly pods: ReadonlyMap<string, PodStatus>;
}

export function projectBase(_state: BaseState, _fleet: FleetState, _policy: Policy, _now: Stamp): Projection {
  return { pods: new Map() };
}
