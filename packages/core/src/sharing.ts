/**
 * Which replica should hold a base's Lease. Each base has an order of preference over the replicas, the same for all of them
 * (rendezvous hashing), so they share the bases evenly without a word: the first that lives takes the Lease at once, the others
 * only a while later, and whoever holds one that another should have hands it back when nothing is under way. [SPEC N16] [SPEC N17]
 */
import type { FleetState, Replica } from './fleet.ts';
import { hashOf } from './hash.ts';
import { componentLabel, envLabel, replicaLease, replicaLeaseNameOf } from './names.ts';
import type { Policy } from './policy.ts';
import type { BaseState } from './state.ts';
import type { Stamp } from './time.ts';

/** On the replica Lease of one that has been without its broker for a while: it is no choice for any base. */
const deafLabel = 'kouplet.io/deaf';

/** Whether we have been without our broker for so long that others should act in our place. */
export function isDeaf(fleet: FleetState, policy: Policy, now: Stamp): boolean {
  const { tunnel } = fleet;
  return !policy.hasSessions && tunnel?.isUp === false && now.mono - tunnel.since >= policy.timings.deafAfterMs;
}

/** What our replica Lease says of us beside the labels that all have. */
export function deafLabels(fleet: FleetState, policy: Policy, now: Stamp): Readonly<Record<string, string>> {
  return isDeaf(fleet, policy, now) ? { [deafLabel]: 'true' } : {};
}

/** The other replica that should have this base, if it is one of the others. */
export function betterReplica(
  state: BaseState,
  fleet: FleetState,
  policy: Policy,
  now: Stamp,
): (Replica & { readonly name: string }) | undefined {
  return betterFor(state.baseId, fleet, policy, now);
}

/** Whether what has no Lease of its own, told by a text that never changes, is ours to act on. */
export function isFirstChoice(subject: string, fleet: FleetState, policy: Policy, now: Stamp): boolean {
  return betterFor(subject, fleet, policy, now) === undefined;
}

function betterFor(
  subject: string,
  fleet: FleetState,
  policy: Policy,
  now: Stamp,
): (Replica & { readonly name: string }) | undefined {
  // With the embedded broker there is one replica, and its bases can reach no other.
  if (policy.hasSessions) return undefined;
  const own = replicaLeaseNameOf(policy.holderIdentity);
  let best: (Replica & { readonly name: string }) | undefined;
  let bestScore = isDeaf(fleet, policy, now) ? -1 : hashOf(`${own} ${subject}`);
  for (const [name, replica] of Object.entries(fleet.replicas)) {
    if (name === own || !isLiving(replica, policy, now)) continue;
    const score = hashOf(`${name} ${subject}`);
    if (score > bestScore || (score === bestScore && name > (best?.name ?? own))) {
      best = { ...replica, name };
      bestScore = score;
    }
  }
  return best;
}

/** Whether the Lease goes to that replica now: it has lived for a while, and nothing of ours is under way on the base. */
export function isToBeHandedOver(state: BaseState, fleet: FleetState, policy: Policy, now: Stamp): boolean {
  const better = betterReplica(state, fleet, policy, now);
  if (better === undefined) return false;
  // Without a broker nothing can be finished here: the other asks for a list first, as after a crash.
  if (isDeaf(fleet, policy, now)) return true;
  if (now.mono - better.aliveSince < policy.timings.sharingAfterMs) return false;
  return (
    Object.keys(state.flights).length === 0 && Object.values(state.slots).every((slot) => slot.operation === undefined)
  );
}

function isLiving({ lease, changedAt }: Replica, policy: Policy, now: Stamp): boolean {
  const { labels } = lease.metadata;
  const isOfUs = labels?.[componentLabel] === replicaLease && labels[envLabel] === policy.env;
  const isHeld = (lease.spec.holderIdentity ?? '') !== '' && labels?.[deafLabel] !== 'true';
  return isOfUs && isHeld && now.mono - changedAt < policy.timings.replicaLeaseDurationSeconds * 1000;
}
