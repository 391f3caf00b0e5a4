/** `foldFleet`: total over every input; returns the same reference where nothing changed. */
import type { FleetState } from './fleet.ts';
import type { FleetInput } from './inputs.ts';
import type { Policy } from './policy.ts';

export function foldFleet(fleet: FleetState, _input: FleetInput, _policy: Policy): FleetState {
  return fleet;
}
