/**
 * `planBase`: the actions that would bring the world to what is wanted, and a reason for everything that is not done. It
 * looks at state alone. Actions come in the order in which they should start: Lease, Node, record, commands, statuses, Events;
 * the record before the command, so that a crash between them leaves a proof and not an orphan.
 */
import type { Plan } from './actions.ts';
import type { FleetState } from './fleet.ts';
import { presentSession } from './liveness.ts';
import { planLease } from './plan-lease.ts';
import { planNode } from './plan-node.ts';
import { planIntents, planOperations } from './plan-operations.ts';
import { planPods, tellUnlistedDeletions } from './plan-pods.ts';
import { planQuestions } from './plan-questions.ts';
import { planRecord, recordRemovalInMs } from './plan-record.ts';
import type { Policy } from './policy.ts';
import { draftOf, planOf, proposeNotice, quarantineUntil, situationOf, wake } from './situation.ts';
import type { BaseState } from './state.ts';
import type { Stamp } from './time.ts';

export function planBase(state: BaseState, fleet: FleetState, policy: Policy, now: Stamp): Plan {
  const draft = draftOf(situationOf(state, fleet, policy, now));
  if (fleet.syncedAt === undefined) return planOf(draft);
  if (fleet.api?.isUp === false) {
    const message = `no link to the API server: ${fleet.api.reason ?? ''}`;
    draft.waiting.push({ subject: `base/${state.baseId}`, reason: 'ApiDown', message });
    return planOf(draft);
  }
  const mayAct = planLease(draft);
  if (state.quarantine !== undefined && now.mono < quarantineUntil(state, policy)) {
    wake(draft, quarantineUntil(state, policy));
    draft.waiting.push({ subject: `base/${state.baseId}`, reason: 'Quarantined', message: state.quarantine.message });
    if (mayAct) for (const notice of state.notices) proposeNotice(draft, notice);
    return planOf(draft);
  }
  if (!mayAct) {
    wakeForLiveness(draft);
    return planOf(draft);
  }
  planNode(draft);
  planQuestions(draft);
  planOperations(draft);
  planRecordFirst(draft);
  planIntents(draft);
  planPods(draft);
  tellUnlistedDeletions(draft);
  for (const notice of state.notices) proposeNotice(draft, notice);
  return planOf(draft);
}

/** What the record is to say comes before the commands of this plan. */
function planRecordFirst(draft: ReturnType<typeof draftOf>): void {
  const before = draft.actions.length;
  planRecord(draft);
  const record = draft.actions.splice(before);
  const firstCommand = draft.actions.findIndex(
    (action) => action.kind === 'send-command' && action.bizKey !== undefined,
  );
  draft.actions.splice(firstCommand < 0 ? draft.actions.length : firstCommand, 0, ...record);
}

function wakeForLiveness(draft: ReturnType<typeof draftOf>): void {
  const { liveness, givingUp } = draft.situation;
  if (liveness.kind === 'alive' || liveness.kind === 'unproven') wake(draft, liveness.until);
  if (givingUp.kind === 'no') wake(draft, givingUp.at);
  const removalInMs = recordRemovalInMs(draft.situation);
  if (removalInMs !== undefined) wake(draft, draft.situation.now.mono + removalInMs);
  const { state } = draft.situation;
  if (state.node === undefined && state.lease === undefined) wake(draft, forgottenAt(state));
}

/** How long a base of which nothing is left is remembered. */
const forgottenAfterMs = 60_000;

/** Nothing is left of it: the controller may drop its record. */
export function isForgettable(state: BaseState, fleet: FleetState, _policy: Policy, now: Stamp): boolean {
  return (
    state.node === undefined &&
    state.lease === undefined &&
    state.record === undefined &&
    presentSession(state, fleet) === undefined &&
    Object.keys(state.pods).length === 0 &&
    Object.keys(state.flights).length === 0 &&
    now.mono >= forgottenAt(state)
  );
}

function forgottenAt(state: BaseState): number {
  return Math.max(state.heardAt ?? 0, state.knownSince ?? 0) + forgottenAfterMs;
}
