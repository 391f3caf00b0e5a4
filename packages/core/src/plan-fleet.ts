/** `planFleet`: our own replica Lease, renewed while we live and removed when we stop. */
import type { Plan } from './actions.ts';
import type { FleetState } from './fleet.ts';
import type { Policy } from './policy.ts';
import type { Stamp } from './time.ts';

export function planFleet(_fleet: FleetState, _policy: Policy, _now: Stamp): Plan {
  return { actions: [], waiting: [], wakeAt: Number.POSITIVE_INFINITY };
}
