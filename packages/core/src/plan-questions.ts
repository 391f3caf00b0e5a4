/**
 * What the base is asked: `queryAllBiz` after every (re)connect and whenever something is unsure, `health` once a minute
 * and after silence; a baseline query is answered with nothing. [SPEC M27] [SPEC L7]
 */
import type { ArkletCommand } from '@kouplet/protocol';
import { nextTick } from './backoff.ts';
import { type Draft, generationOf, obstacleOf, propose, type Situation, wake } from './situation.ts';
import { isHung, slotOf } from './slots.ts';
import type { Operation, Question } from './state.ts';

/** Unanswered questions are put again ever more rarely. */
const longestGapMs = 60_000;

export function planQuestions(draft: Draft): void {
  const { situation } = draft;
  const { state } = situation;
  const obstacle = obstacleOf(situation);
  // A silent base is asked again and again: that is how one whose heartbeat has died comes back.
  if (obstacle !== undefined && obstacle.reason !== 'BaseSilent' && obstacle.reason !== 'IdentityConflict') return;
  if (state.baseline !== undefined && !state.baseline.isAnswered) ask(draft, 'baseline', { kind: 'baseline' });
  planList(draft);
  planHealth(draft);
}

function planList(draft: Draft): void {
  const { situation } = draft;
  const { state, now } = situation;
  const wantedAt = listWantedAt(situation);
  if (wantedAt === undefined) return;
  const at = Math.max(wantedAt, afterAwaited(situation, state.listQuestions, state.listAnsweredAt));
  if (now.mono >= at) ask(draft, 'list', { kind: 'queryAllBiz' });
  else wake(draft, at);
}

/** When a list is due; undefined where none is. */
function listWantedAt(situation: Situation): number | undefined {
  const { state, policy, isListed } = situation;
  if (!isListed) return 0;
  if (situation.calm !== undefined) return undefined;
  let at: number | undefined;
  const sooner = (candidate: number) => {
    at = at === undefined ? candidate : Math.min(at, candidate);
  };
  for (const key in state.slots) {
    const slot = slotOf(state, key);
    const { operation } = slot;
    const pushedAt = state.listPushedAt ?? Number.NEGATIVE_INFINITY;
    if (operation !== undefined && pushedAt > Math.max(operation.sentAt, state.listAsOf ?? 0)) sooner(0);
    else if (operation !== undefined) sooner(askedAfterAt(situation, operation));
    else if (slot.presence === undefined && (slot.claim !== undefined || slot.troubles !== undefined)) {
      if ((state.listAsOf ?? -1) < (slot.endedAt ?? 0)) sooner(0);
    } else if (slot.presence === 'RESOLVED' || slot.presence === 'UNRESOLVED') {
      const since = slot.resolvedSince ?? 0;
      sooner(nextLook(since, state.listAsOf ?? 0, policy.timings.operationOverdueMs));
    }
  }
  return at;
}

/** An overdue operation is asked after; a long one ever more rarely. */
function askedAfterAt({ state, policy, now }: Situation, operation: Operation): number {
  if (operation.isOrphaned === true)
    return (state.listAsOf ?? 0) > operation.sentAt
      ? nextLook(operation.sentAt, state.listAsOf ?? 0, policy.timings.operationOverdueMs)
      : 0;
  if (isHung(operation, policy, now.mono)) return Math.max(operation.sentAt, state.listAsOf ?? 0) + longestGapMs;
  return nextLook(operation.sentAt, Math.max(operation.sentAt, state.listAsOf ?? 0), policy.timings.operationOverdueMs);
}

/** Gaps grow with the age of what is looked after: 5, 5, 5, 7.5 … 60 s. */
function nextLook(since: number, lastLookAt: number, firstMs: number): number {
  const ageMs = Math.max(0, lastLookAt - since);
  return lastLookAt + Math.min(longestGapMs, Math.max(firstMs, ageMs / 2));
}

/** A question that still waits for its answer holds back the next of its kind, for ever longer with each. */
function afterAwaited({ policy }: Situation, questions: readonly Question[], answeredAt: number | undefined): number {
  const awaited = questions.filter((question) => question.askedAt >= (answeredAt ?? 0));
  const last = awaited.at(-1);
  if (last === undefined) return 0;
  return last.askedAt + Math.min(longestGapMs, policy.timings.answerOverdueMs * 2 ** (awaited.length - 1));
}

function planHealth(draft: Draft): void {
  const { situation } = draft;
  const { state, now, policy } = situation;
  const { timings } = policy;
  const answeredAt = state.healthAnsweredAt;
  const master = state.vitals?.masterBizState;
  // Nothing but a health report tells when a starting base has started.
  const isStarting = master !== undefined && master !== 'ACTIVATED';
  const periodicAt =
    answeredAt === undefined || answeredAt < sessionStart(situation)
      ? 0
      : isStarting
        ? answeredAt + timings.operationOverdueMs
        : nextTick(`${state.baseId}/health`, answeredAt, timings.healthPeriodMs);
  const silenceAt = Math.max(state.heardAt ?? 0, situation.fleet.sightedSince ?? 0) + timings.askAfterSilenceMs;
  const dueAt = Math.min(periodicAt, silenceAt);
  const at = Math.max(dueAt, afterAwaited(situation, state.healthQuestions, answeredAt));
  if (now.mono >= at) ask(draft, 'health', { kind: 'health' });
  else wake(draft, at);
}

/** Since when answers are this session's and ours. */
function sessionStart({ state, fleet }: Situation): number {
  return Math.max(
    state.session?.openedAt ?? 0,
    state.heldSince ?? 0,
    state.processChangedAt ?? 0,
    fleet.tunnel?.since ?? 0,
  );
}

function ask(draft: Draft, name: 'list' | 'health' | 'baseline', command: ArkletCommand): void {
  const { state } = draft.situation;
  propose(draft, {
    kind: 'send-command',
    key: `base/${state.baseId}/${name}`,
    baseId: state.baseId,
    generation: generationOf(state),
    command,
  });
}
