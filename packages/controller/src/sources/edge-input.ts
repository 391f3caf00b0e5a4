/** What the sources emit: an input of one base or of the fleet, not yet stamped. */
import type { BaseInputBody, FleetInputBody } from '@kouplet/core';
import type { BaseId } from '@kouplet/protocol';

export type EdgeInput =
  | { readonly scope: 'base'; readonly baseId: BaseId; readonly body: BaseInputBody }
  | { readonly scope: 'fleet'; readonly body: FleetInputBody };

export function ofBase(baseId: BaseId, body: BaseInputBody): EdgeInput {
  return { scope: 'base', baseId, body };
}

export function ofFleet(body: FleetInputBody): EdgeInput {
  return { scope: 'fleet', body };
}
