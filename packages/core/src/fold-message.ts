/** What a base's messages mean. Every accepted message is a sign of life; only lists and answers are evidence of modules. */
import type {
  BaselineQuery,
  BaseMessage,
  HealthReport,
  Heartbeat,
  ReportedBiz,
  TopicGeneration,
} from '@kouplet/protocol';
import { foldList } from './fold-list.ts';
import { foldOperationResult } from './fold-operation.ts';
import { foldOverheardList, foldOverheardResult } from './fold-overheard.ts';
import { awayReasons, factReasons, withoutTold } from './notices.ts';
import type { Policy } from './policy.ts';
import { defined, isSame } from './records.ts';
import type { BaseFacts, BaseState, BaseVitals, Question } from './state.ts';
import type { Stamp } from './time.ts';

/** A run time that is this much too small or too great is another process'. */
const runTimeToleranceSeconds = 5;
/** Questions older than this are not waited for: their answers were lost. */
const questionLifeMs = 30_000;
const conflictWindowMs = 600_000;

export function foldMessage(
  state: BaseState,
  message: BaseMessage,
  generation: TopicGeneration,
  at: Stamp,
  policy: Policy,
): BaseState {
  const { goneProvenAt: _back, ...present } = state;
  const isBack = at.mono - (state.heardAt ?? at.mono) >= policy.timings.silentAfterMs;
  const awake = isBack ? withoutTold(present, awayReasons) : present;
  const heard: BaseState = { ...awake, heardAt: Math.max(state.heardAt ?? 0, at.mono), generation };
  switch (message.kind) {
    case 'heartbeat':
      return foldHeartbeat(heard, message, at.mono);
    case 'health':
      return foldHealth(heard, message, at, policy);
    case 'biz-report': {
      if (isRepeated(message.publishedAt, state.listPublishedAt)) return heard;
      const answered = takeAnswer(heard.listQuestions, at.mono);
      const next: BaseState = {
        ...heard,
        listQuestions: answered.rest,
        listAnsweredAt: at.mono,
        ...(message.publishedAt === undefined ? {} : { listPublishedAt: message.publishedAt }),
      };
      if (policy.isObserver === true) return foldOverheardList(next, message.bizes, at, policy);
      if (answered.askedAt === undefined) return foldPushedList(next, message.bizes, at.mono);
      return foldList(next, message.bizes, answered.askedAt, at, policy);
    }
    case 'operation-result':
      return policy.isObserver === true
        ? foldOverheardResult(heard, message, at)
        : foldOperationResult(heard, message, at, policy);
    case 'batch-result':
      return message.results.length === 0 ? heard : { ...heard, listNeededSince: at.mono };
    case 'baseline-query':
      return foldBaselineQuery(heard, message, at.mono);
    default:
      message satisfies never;
      return heard;
  }
}

/** A list that nobody asked for is no evidence; one that says otherwise than what is known is a reason to ask. [SPEC M8] [SPEC M27] */
function foldPushedList(state: BaseState, bizes: readonly ReportedBiz[], at: number): BaseState {
  const pushed: BaseState = { ...state, listPushedAt: at };
  const told = new Map<string, ReportedBiz['state']>(bizes.map((biz) => [biz.key, biz.state]));
  const isNews = [...new Set([...Object.keys(state.slots), ...told.keys()])].some((key) => {
    const { presence, operation } = state.slots[key] ?? {};
    const seen = told.get(key) ?? 'ABSENT';
    return operation === undefined && seen !== 'UNRESOLVED' && seen !== (presence ?? 'ABSENT');
  });
  return isNews ? { ...pushed, listNeededSince: at } : pushed;
}

function foldHeartbeat(state: BaseState, beat: Heartbeat, at: number): BaseState {
  const next = withFacts(state, {
    baseName: beat.baseName,
    baseVersion: beat.baseVersion,
    clusterName: beat.clusterName,
    localIP: beat.localIP,
    localHostName: beat.localHostName,
    release: beat.release,
  });
  if (!beat.isActivated) return next.goodbyeAt === undefined ? { ...next, goodbyeAt: at } : next;
  if (next.goodbyeAt === undefined) return next;
  const { goodbyeAt: _taken, ...rest } = next;
  return withoutTold(rest, awayReasons);
}

/** What it says now replaces what it said; what it does not say stays. */
function withFacts(state: BaseState, facts: { readonly [K in keyof BaseFacts]?: BaseFacts[K] | undefined }): BaseState {
  const next: BaseFacts = { ...state.facts, ...defined(facts) };
  return isSame(next, state.facts) ? state : withoutTold({ ...state, facts: next }, factReasons);
}

function foldHealth(state: BaseState, report: HealthReport, at: Stamp, policy: Policy): BaseState {
  if (isRepeated(report.publishedAt, state.healthPublishedAt)) return state;
  const answered = takeAnswer(state.healthQuestions, at.mono);
  const next: BaseState = {
    ...state,
    healthQuestions: answered.rest,
    healthAnsweredAt: at.mono,
    ...(report.publishedAt === undefined ? {} : { healthPublishedAt: report.publishedAt }),
  };
  if (!report.isSuccess) return next;
  const process = withProcess(next, report.runTimeSeconds, at.mono);
  const vitals: BaseVitals = {
    ...process.vitals,
    ...defined({
      masterBizState: report.masterBizState,
      cpuCount: report.cpuCount,
      usedMetaspaceBytes: report.usedMetaspaceBytes,
      javaVersion: report.javaVersion,
    }),
    ...(report.runTimeSeconds === undefined ? {} : { runTimeSeconds: report.runTimeSeconds, runTimeAt: at.mono }),
  };
  const bounded = withMaxMetaspace(vitals, report);
  const seen: BaseState = isSame(bounded, process.vitals) ? process : { ...process, vitals: bounded };
  if (policy.isObserver === true && report.bizes !== undefined)
    return foldOverheardList(seen, report.bizes, at, policy);
  if (report.bizes === undefined || answered.askedAt === undefined) return seen;
  return foldList(seen, report.bizes, answered.askedAt, at, policy);
}

/** Absent beside a used value means unlimited; absent alone means that the key was missing. */
function withMaxMetaspace(vitals: BaseVitals, report: HealthReport): BaseVitals {
  if (report.maxMetaspaceBytes !== undefined) return { ...vitals, maxMetaspaceBytes: report.maxMetaspaceBytes };
  if (report.usedMetaspaceBytes === undefined) return vitals;
  const { maxMetaspaceBytes: _unlimited, ...rest } = vitals;
  return rest;
}

function withProcess(state: BaseState, runTime: number | undefined, at: number): BaseState {
  const { runTimeSeconds: last, runTimeAt: lastAt } = state.vitals ?? {};
  if (runTime === undefined || last === undefined || lastAt === undefined) return state;
  const expected = last + (at - lastAt) / 1000;
  if (runTime < last - runTimeToleranceSeconds) return withNewProcess(state, at);
  const isOlder = runTime > expected + runTimeToleranceSeconds;
  const isRecent = state.processChangedAt !== undefined && at - state.processChangedAt < conflictWindowMs;
  return isOlder && isRecent ? { ...withNewProcess(state, at), olderProcessAt: at } : state;
}

/** Once a process; a delivery that is only repeated says the same time and means nothing. */
function foldBaselineQuery(state: BaseState, query: BaselineQuery, at: number): BaseState {
  if (isRepeated(query.publishedAt, state.baseline?.publishedAt)) return state;
  const told = withFacts(state, {
    baseName: query.baseName,
    baseVersion: query.baseVersion,
    clusterName: query.clusterName,
  });
  const { vitals, ...rest } = withNewProcess(told, at);
  const { runTimeSeconds: _old, runTimeAt: _oldAt, ...lasting } = vitals ?? {};
  return {
    ...rest,
    vitals: lasting,
    baseline: { at, isAnswered: false, ...defined({ publishedAt: query.publishedAt }) },
  };
}

/**
 * Another process runs under this identity: it has none of our modules and will answer none of our commands. What it
 * really has, a list asked for from now on tells; until then keys in operation stay locked. [SPEC M23]
 */
function withNewProcess(state: BaseState, at: number): BaseState {
  const slots = Object.fromEntries(
    Object.entries(state.slots).map(([key, slot]) => [
      key,
      slot.operation === undefined ? slot : { ...slot, operation: { ...slot.operation, isOrphaned: true } },
    ]),
  );
  return { ...state, slots, processChangedAt: at, listNeededSince: at, listQuestions: [], healthQuestions: [] };
}

/** Delivered twice: credited again, it would be evidence as of a question that it never answered. [SPEC M8] */
function isRepeated(publishedAt: number | undefined, lastPublishedAt: number | undefined): boolean {
  return publishedAt !== undefined && publishedAt === lastPublishedAt;
}

/**
 * Credits an answer to the oldest question that may still be answered: a late answer is never taken for a younger
 * one, so evidence is at worst older than it claims to be. [SPEC M8]
 */
function takeAnswer(questions: readonly Question[], at: number): { askedAt?: number; rest: readonly Question[] } {
  const alive = questions.filter((question) => at - question.askedAt < questionLifeMs);
  const [oldest, ...rest] = alive;
  if (oldest !== undefined) return { askedAt: oldest.askedAt, rest };
  // A very late answer to the last question is still one: it is as old as that.
  const last = questions.at(-1);
  return last === undefined ? { rest: [] } : { askedAt: last.askedAt, rest: [] };
}
