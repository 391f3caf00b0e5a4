/** `foldFleet`: total over every input; returns the same reference where nothing changed. */

import type { FleetState, Link, Replica } from './fleet.ts';
import { contentHash, withOutcome } from './fold-actions.ts';
import type { FleetInput } from './inputs.ts';
import { isBraked } from './liveness.ts';
import { maskedFleetInput } from './mask-input.ts';
import { replicaLeaseNameOf } from './names.ts';
import type { Policy } from './policy.ts';
import { isOlderVersion, isSame, withEntry, withoutEntry } from './records.ts';

export function foldFleet(fleet: FleetState, told: FleetInput, policy: Policy): FleetState {
  const input = maskedFleetInput(told);
  const at = input.at.mono;
  switch (input.kind) {
    case 'link-up':
      return withSight(withLink(fleet, input.link, { isUp: true, since: at }), at);
    case 'link-down':
      return withSight(withLink(fleet, input.link, { isUp: false, since: at, reason: input.reason }), at);
    case 'synced':
      return fleet.syncedAt === undefined ? withSight({ ...fleet, syncedAt: at }, at) : fleet;
    case 'stalled':
      // We were blind until now, whatever the links say.
      return {
        ...fleet,
        ...(fleet.sightedSince === undefined ? {} : { sightedSince: at }),
        ...(fleet.hearingSince === undefined ? {} : { hearingSince: at }),
      };
    case 'surveyed': {
      if (isSame(fleet.survey, input.survey)) return fleet;
      const next: FleetState = { ...fleet, survey: input.survey };
      return isBraked(fleet, policy) && !isBraked(next, policy) ? { ...next, brakeEndedAt: at } : next;
    }
    case 'replica-lease-observed':
      return withReplica(fleet, input.lease, at, policy);
    case 'replica-lease-gone': {
      const replicas = withoutEntry(fleet.replicas, input.name);
      return replicas === fleet.replicas ? fleet : { ...fleet, replicas };
    }
    case 'action-started': {
      const { action } = input;
      if (fleet.flights[action.key]?.actionId === action.id) return fleet;
      const flight = { actionId: action.id, startedAt: at, hash: contentHash(action) };
      return { ...fleet, flights: withEntry(fleet.flights, action.key, flight) };
    }
    case 'action-ended': {
      const { action, outcome } = input;
      const flight = fleet.flights[action.key];
      if (flight?.actionId !== action.id) return fleet;
      const next: FleetState = {
        ...fleet,
        flights: withoutEntry(fleet.flights, action.key),
        writes: withOutcome(fleet.writes, action, flight, outcome, at, policy),
      };
      const isOurs = action.kind === 'write-lease' && action.name === replicaLeaseNameOf(policy.holderIdentity);
      if (!isOurs || outcome.kind !== 'done' || action.holderIdentity !== policy.holderIdentity) return next;
      return withRenewal(next, flight.startedAt, policy);
    }
    case 'stopping':
      return fleet.isStopping ? fleet : { ...fleet, isStopping: true };
    default:
      input satisfies never;
      return fleet;
  }
}

function withLink(fleet: FleetState, link: 'tunnel' | 'api', next: Link): FleetState {
  const known = fleet[link];
  return known?.isUp === next.isUp ? fleet : { ...fleet, [link]: next };
}

/** We see while everything is up, and hear while the tunnel is; what was before counts from the moment that it was. [SPEC L3] */
function withSight(fleet: FleetState, at: number): FleetState {
  const { sightedSince, hearingSince, ...rest } = fleet;
  const isHearing = fleet.syncedAt !== undefined && fleet.tunnel?.isUp === true;
  const isSighted = isHearing && fleet.api?.isUp !== false;
  if (isSighted === (sightedSince !== undefined) && isHearing === (hearingSince !== undefined)) return fleet;
  return {
    ...rest,
    ...(isSighted ? { sightedSince: sightedSince ?? at } : {}),
    ...(isHearing ? { hearingSince: hearingSince ?? at } : {}),
  };
}

function withReplica(fleet: FleetState, lease: Replica['lease'], at: number, policy: Policy): FleetState {
  const known = fleet.replicas[lease.metadata.name];
  if (known !== undefined && known.lease.metadata.uid === lease.metadata.uid) {
    if (known.lease.metadata.resourceVersion === lease.metadata.resourceVersion) return fleet;
    if (isOlderVersion(lease.metadata.resourceVersion, known.lease.metadata.resourceVersion)) return fleet;
  }
  const isChanged =
    known?.lease.spec.renewTime !== lease.spec.renewTime ||
    known?.lease.spec.holderIdentity !== lease.spec.holderIdentity ||
    known?.lease.metadata.uid !== lease.metadata.uid;
  const changedAt = isChanged || known === undefined ? at : known.changedAt;
  const hasStood = known === undefined || at - known.changedAt >= policy.timings.replicaLeaseDurationSeconds * 1000;
  const replica: Replica = { lease, changedAt, aliveSince: hasStood ? at : known.aliveSince };
  return { ...fleet, replicas: withEntry(fleet.replicas, lease.metadata.name, replica) };
}

/** Our hold lasts as long as no gap between renewals let others take over. [SPEC I7] */
function withRenewal(fleet: FleetState, startedAt: number, policy: Policy): FleetState {
  const gapMs = startedAt - (fleet.renewedAt ?? Number.NEGATIVE_INFINITY);
  const isUnbroken = gapMs < policy.timings.replicaLeaseDurationSeconds * 1000;
  return { ...fleet, renewedAt: startedAt, entitledSince: isUnbroken ? (fleet.entitledSince ?? startedAt) : startedAt };
}
