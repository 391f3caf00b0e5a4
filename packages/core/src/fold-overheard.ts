/**
 * What an observer hears: it asks nothing and sends nothing, so no answer is to a question or a command of its own. A list that
 * others asked for is looked at as the first after a take-over at that moment, and what an operation of theirs came to is taken
 * from its answer until the next list. [SPEC M42]
 */
import type { BizKey, OperationResult, ReportedBiz } from '@kouplet/protocol';
import { foldList } from './fold-list.ts';
import { withRecordedClaims } from './fold-objects.ts';
import { identityAnnotation } from './names.ts';
import { adopt } from './ownership.ts';
import type { Policy } from './policy.ts';
import { slotOf, withSlot } from './slots.ts';
import type { BaseState } from './state.ts';
import type { Stamp } from './time.ts';

/** As of when it is heard: when it was asked for is not known, and an observer acts on nothing. */
export function foldOverheardList(
  state: BaseState,
  bizes: readonly ReportedBiz[],
  at: Stamp,
  policy: Policy,
): BaseState {
  const anew = withRecordedClaims({ ...state, slots: {} }, state.record);
  return foldList({ ...anew, ...inheritance(state, at) }, bizes, at.mono, at, policy);
}

export function foldOverheardResult(state: BaseState, result: OperationResult, at: Stamp): BaseState {
  const { key, command, outcome } = result;
  if (key === undefined) return state;
  const isGone = command === 'uninstallBiz' && (outcome.kind === 'success' || outcome.kind === 'not-found');
  if (isGone) return withSlot(state, key, { ...evidence('ABSENT', at), claim: undefined });
  if (command !== 'installBiz' || outcome.kind !== 'success') return state;
  // What was adopted from others is theirs still; what is new is for whom the record, or the Pod that wants it, says.
  const seen = withSlot(state, key, evidence('ACTIVATED', at));
  return withOwner(seen, key, at);
}

function evidence(presence: 'ABSENT' | 'ACTIVATED', at: Stamp) {
  return { presence, presenceAsOf: at.mono };
}

/** One key is adopted as after a take-over: by the record, else by the only rule there is without one. */
function withOwner(state: BaseState, key: BizKey, at: Stamp): BaseState {
  const claim = state.record?.isReadable === true ? state.record.installs[key] : undefined;
  if (claim !== undefined) return withSlot(state, key, { claim });
  const alone: BaseState = { ...state, slots: { [key]: slotOf(state, key) }, ...inheritance(state, at) };
  const owner = adopt(alone).slots[key]?.claim;
  return owner === undefined ? state : withSlot(state, key, { claim: owner });
}

/** A Node of another controller would come to us with what runs for its Pods. [SPEC M9] */
function inheritance({ node, listAsOf }: BaseState, at: Stamp): Pick<BaseState, 'inheritedAt'> {
  const isOfAnother = node !== undefined && node.metadata.annotations?.[identityAnnotation] === undefined;
  return isOfAnother ? { inheritedAt: Math.min(at.mono, listAsOf ?? at.mono) } : {};
}
