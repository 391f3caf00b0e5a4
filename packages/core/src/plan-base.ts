/** `planBase`: the actions that would bring the world to what is wanted, and a reason for everything that is not done. */
import type { Plan } from './actions.ts';
import type { FleetState } from './fleet.ts';
import type { Policy } from './policy.ts';
import type { BaseState } from './state.ts';
import type { Stamp } from './time.ts';

export function planBase(_state: BaseState, _fleet: FleetState, _policy: Policy, _now: Stamp): Plan {
  return { actions: [], waiting: [], wakeAt: Number.POSITIVE_INFINITY };
}

/** Nothing is left of it: the controller may drop its record. */
export function isForgettable(_state: BaseState, _policy: Policy, _now: Stamp): boolean {
  return false;
}
