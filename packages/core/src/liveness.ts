/** Whether a base lives, as far as we may say so. */
import type { FleetState } from './fleet.ts';
import type { Policy } from './policy.ts';
import type { BaseState } from './state.ts';
import type { Stamp } from './time.ts';

/** How a base counts for the brake: `uncounted` has no Node and is not heard. */
export function surveyBase(
  _state: BaseState,
  _fleet: FleetState,
  _policy: Policy,
  _now: Stamp,
): 'silent' | 'alive' | 'uncounted' {
  return 'uncounted';
}
