/** What is known of ourselves and of all bases together: links, replicas, the brake. One immutable record, written by `foldFleet` alone. */
import type { Survey } from './inputs.ts';
import type { ObservedLease } from './observed.ts';
import type { Flight, WriteTrouble } from './state.ts';

export interface FleetState {
  /** The first lists are in; nothing is planned before. */
  readonly syncedAt?: number;
  /** Absent: not known yet, which counts as down for the tunnel and, once synced, as up for the API. */
  readonly tunnel?: Link;
  readonly api?: Link;
  /** End of our last blindness (a link, a stall, our start); absent while blind. */
  readonly sightedSince?: number;
  /** Since when we hear bases without a gap, whatever became of the API. */
  readonly hearingSince?: number;
  readonly survey?: Survey;
  /** When most bases were last no longer silent all at once. */
  readonly brakeEndedAt?: number;
  /** Replica Leases by name, our own included. */
  readonly replicas: Readonly<Record<string, Replica>>;
  /** Start of the last accepted write of our own replica Lease. */
  readonly renewedAt?: number;
  /** Since when our replica Lease has never stood still for its whole duration. */
  readonly entitledSince?: number;
  readonly isStopping: boolean;
  readonly flights: Readonly<Record<string, Flight>>;
  readonly writes: Readonly<Record<string, WriteTrouble>>;
}

export interface Link {
  readonly isUp: boolean;
  readonly since: number;
  readonly reason?: string;
}

export interface Replica {
  readonly lease: ObservedLease;
  /** When its renewTime or holder was last seen to change. */
  readonly changedAt: number;
  /** Since when it has never stood still for its whole duration. */
  readonly aliveSince: number;
}

/** A fleet of which nothing is known: blind. */
export function createFleet(): FleetState {
  return { replicas: {}, isStopping: false, flights: {}, writes: {} };
}
