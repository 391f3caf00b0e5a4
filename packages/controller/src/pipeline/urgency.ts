/** How soon an input calls for a plan. */
import type { Action, BaseInput, FleetInput } from '@kouplet/core';
import type { Urgency } from './fold-by-key.ts';

/**
 * A start is planned with its end, which always comes. Of what ended well only a record and what comes next of a deletion are
 * waited for: after a command the base's answer matters, a status or a Lease that was written is done with, an Event is in the
 * outbox. What a base says of itself every ten seconds may wait for what comes with it.
 */
export function urgencyOf(input: BaseInput | FleetInput): Urgency {
  if (input.kind === 'action-started' || input.kind === 'install-due') return 'never';
  if (input.kind === 'message') return patientMessages.has(input.message.kind) ? 'soon' : 'now';
  if (input.kind !== 'action-ended' || input.outcome.kind !== 'done') return 'now';
  return urgencyAfter[input.action.kind];
}

const patientMessages: ReadonlySet<string> = new Set(['heartbeat', 'health', 'baseline-query', 'batch-result']);

const urgencyAfter: Readonly<Record<Action['kind'], Urgency>> = {
  'send-command': 'later',
  'record-event': 'never',
  'write-record': 'now',
  'delete-record': 'soon',
  'write-lease': 'soon',
  'delete-lease': 'now',
  'create-node': 'now',
  'patch-node': 'now',
  'patch-node-status': 'soon',
  'delete-node': 'now',
  'patch-pod-status': 'soon',
  'delete-pod': 'soon',
};
