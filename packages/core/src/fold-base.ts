/**
 * `foldBase`: total over every input; returns the same reference where nothing changed; the same input twice equals once.
 * What messages mean is in fold-message.ts, what objects mean in fold-objects.ts, what actions leave in fold-actions.ts.
 */
import { foldActionEnded, foldActionStarted, foldInstallDue } from './fold-actions.ts';
import { foldMessage } from './fold-message.ts';
import {
  foldLease,
  foldLeaseGone,
  foldNode,
  foldNodeGone,
  foldPod,
  foldPodGone,
  foldRecord,
  foldRecordGone,
} from './fold-objects.ts';
import type { BaseInput } from './inputs.ts';
import { maskedInput } from './mask-input.ts';
import { awayReasons, nodeNotice, withNotice, withoutTold } from './notices.ts';
import type { Policy } from './policy.ts';
import { cut, withoutEntry } from './records.ts';
import type { BaseState } from './state.ts';

const openingsKept = 8;
const rejectedPeriodMs = 600_000;

export function foldBase(state: BaseState, told: BaseInput, policy: Policy): BaseState {
  const input = maskedInput(told, state);
  const known = state.knownSince === undefined ? { ...state, knownSince: input.at.mono } : state;
  switch (input.kind) {
    case 'message':
      return foldMessage(known, input.message, input.generation, input.at, policy);
    case 'rejected':
      return foldRejected(known, `${input.rejection.code}: ${input.rejection.detail}`, input.at.mono);
    case 'session-opened':
      return foldSessionOpened(known, input.sessionId, input.at.mono);
    case 'session-closed': {
      if (known.session?.id !== input.sessionId) return known;
      const { session: _closed, ...rest } = known;
      return { ...rest, sessionClosedAt: input.at.mono };
    }
    case 'pod-observed':
      return foldPod(known, input.pod, input.at);
    case 'pod-gone':
      return foldPodGone(known, input.uid, input.at, policy);
    case 'node-observed':
      return foldNode(known, input.node, input.at);
    case 'node-gone':
      return foldNodeGone(known, input.uid);
    case 'lease-observed':
      return foldLease(known, input.lease, input.at, policy);
    case 'lease-gone':
      return foldLeaseGone(known);
    case 'record-observed':
      return foldRecord(known, input.record);
    case 'record-gone':
      return foldRecordGone(known);
    case 'host-gone':
      return known.goneProvenAt === undefined ? { ...known, goneProvenAt: input.at.mono } : known;
    case 'install-due':
      return foldInstallDue(known, input.install, input.at);
    case 'action-started':
      return foldActionStarted(known, input.action, input.at);
    case 'action-ended':
      return foldActionEnded(known, input.action, input.outcome, input.at, policy);
    case 'crashed': {
      const message = cut(input.message, 300);
      const last = known.quarantine;
      const isRow = last !== undefined && input.at.mono - last.at < policy.timings.backoffResetMs;
      const count = (isRow ? last.count : 0) + 1;
      const notice = nodeNotice('Warning', 'InternalError', `this base is left alone for a while: ${message}`);
      return { ...withNotice(known, notice), quarantine: { count, at: input.at.mono, message } };
    }
    default:
      input satisfies never;
      return known;
  }
}

/** A sign of nothing; told once in a while. */
function foldRejected(state: BaseState, message: string, at: number): BaseState {
  const notice = { ...nodeNotice('Warning', 'MessageRejected', message), isLasting: true as const };
  const toldAt = state.told[notice.key]?.at;
  return toldAt !== undefined && at - toldAt < rejectedPeriodMs ? state : withNotice(state, notice);
}

/** A new connection: what was asked in the old one will not be answered, and the base is listed before anything is done. */
function foldSessionOpened(state: BaseState, sessionId: string, at: number): BaseState {
  if (state.session?.id === sessionId) return state;
  const { sessionClosedAt: _over, ...rest } = withoutTold(state, awayReasons);
  return {
    ...rest,
    session: { id: sessionId, openedAt: at },
    sessionOpenings: [...state.sessionOpenings, at].slice(-openingsKept),
    listQuestions: [],
    healthQuestions: [],
    listNeededSince: at,
    writes: withoutEntry(withoutEntry(state.writes, `base/${state.baseId}/list`), `base/${state.baseId}/health`),
  };
}
