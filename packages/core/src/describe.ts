/** What /debug/plan shows of a base: plain JSON, for people. */
import type { FleetState } from './fleet.ts';
import type { Policy } from './policy.ts';
import type { BaseState } from './state.ts';
import type { Stamp } from './time.ts';

export function describeBase(
  state: BaseState,
  _fleet: FleetState,
  _policy: Policy,
  _now: Stamp,
): Record<string, unknown> {
  return { baseId: state.baseId };
}
