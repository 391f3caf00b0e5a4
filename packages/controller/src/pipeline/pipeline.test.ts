import {
  type Action,
  type BaseState,
  concernsBases,
  createFleet,
  defaultTimings,
  type Plan,
  type Policy,
} from '@kouplet/core';
import type { BaseId } from '@kouplet/protocol';
import { Subject } from 'rxjs';
import { afterEach, expect, test } from 'vitest';
import type { Executed } from '../execute/execute.ts';
import { type EdgeInput, ofBase, ofFleet } from '../sources/edge-input.ts';
import { SteppedClock } from '../testing/stepped-clock.ts';
import { laterMs } from './fold-by-key.ts';
import { type CoreFunctions, type Crash, Pipeline } from './pipeline.ts';

const policy: Policy = {
  env: 'dev',
  holderIdentity: 'me',
  namespace: 'default',
  kubeletVersion: 'v1.34.0',
  hasEnvTaint: false,
  hasOsLabels: false,
  unmanagedModules: 'report',
  goneAfterMs: 60_000,
  hasSessions: true,
  timings: defaultTimings,
};

const b1 = 'b1' as BaseId;
const b2 = 'b2' as BaseId;
const nothing: Plan = { actions: [], waiting: [], wakeAt: Number.POSITIVE_INFINITY };

/**
 * A core that counts sessions and wants one health question after each: enough to see what the pipeline carries.
 * `knownSince` counts the sessions that opened, `heardAt` those that were asked after.
 */
const countingCore: CoreFunctions = {
  foldBase: (state, input) => {
    const knownSince = (state.knownSince ?? 0) + (input.kind === 'session-opened' ? 1 : 0);
    if (input.kind === 'action-started') {
      const flight = { actionId: input.action.id, startedAt: input.at.mono, hash: '' };
      return { ...state, flights: { ...state.flights, [input.action.key]: flight } };
    }
    if (input.kind === 'action-ended') return { ...state, flights: {}, heardAt: knownSince };
    return knownSince === state.knownSince ? state : { ...state, knownSince };
  },
  planBase: (state) => {
    const key = `base/${state.baseId}/health`;
    const isDue = !isAsked(state) && state.flights[key] === undefined;
    return isDue
      ? {
          ...nothing,
          actions: [
            { kind: 'send-command', key, baseId: state.baseId, generation: 'current', command: { kind: 'health' } },
          ],
        }
      : nothing;
  },
  foldFleet: (fleet, input) => (input.kind === 'synced' ? { ...fleet, syncedAt: input.at.mono } : fleet),
  planFleet: () => nothing,
  isForgettable: () => false,
};

function isAsked(state: BaseState): boolean {
  return (state.heardAt ?? 0) >= (state.knownSince ?? 0);
}

interface Running {
  readonly clock: SteppedClock;
  readonly pipeline: Pipeline;
  readonly source: Subject<EdgeInput>;
  readonly executed: Action[];
  readonly crashes: Crash[];
  readonly seen: string[];
  readonly broken: unknown[];
  /** Ends the oldest action that is under way. */
  end(executed?: Executed): void;
}

const stops: Array<() => void> = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

function run(core: Partial<CoreFunctions> = {}, { isSynced = true } = {}): Running {
  const clock = new SteppedClock();
  const executed: Action[] = [];
  const crashes: Crash[] = [];
  const seen: string[] = [];
  const broken: unknown[] = [];
  const source = new Subject<EdgeInput>();
  const ends: Array<(executed: Executed) => void> = [];
  const pipeline = new Pipeline({
    clock,
    policy,
    core: { ...countingCore, ...core },
    execute: (action) => {
      executed.push(action);
      return new Promise((resolve) => ends.push(resolve));
    },
    onEnded: () => {},
    onPlanned: () => {},
    onCrash: (crash) => crashes.push(crash),
    onInput: (input) => seen.push(input.body.kind),
  });
  pipeline.run([source], (error) => broken.push(error));
  stops.push(() => pipeline.stop());
  if (isSynced) pipeline.tell(ofFleet({ kind: 'synced' }));
  seen.length = 0;
  const end = (outcome: Executed = { outcome: { kind: 'done' } }): void => ends.shift()?.(outcome);
  return { clock, pipeline, source, executed, crashes, seen, broken, end };
}

const opened = (baseId: BaseId): EdgeInput => ofBase(baseId, { kind: 'session-opened', sessionId: 's' });

test('an input becomes an action in the same turn, started before it is executed and ended after [SPEC E8]', async () => {
  const { clock, source, executed, seen, end } = run();
  source.next(opened(b1));
  await clock.pass(0);
  expect(executed.map(({ kind, key, id }) => [kind, key, id])).toEqual([['send-command', 'base/b1/health', 1]]);
  expect(seen).toEqual(['session-opened', 'action-started']);
  end();
  await clock.pass(0);
  expect(seen).toEqual(['session-opened', 'action-started', 'action-ended']);
});

test('what a write made is folded before its outcome [SPEC E8]', async () => {
  const { clock, source, seen, end } = run();
  source.next(opened(b1));
  await clock.pass(0);
  const lease = { metadata: { name: 'l', uid: 'u', resourceVersion: '1' }, spec: {} };
  end({ outcome: { kind: 'done' }, observed: { kind: 'lease-observed', lease } });
  await clock.pass(0);
  expect(seen.slice(-2)).toEqual(['lease-observed', 'action-ended']);
});

test('latest wins: what came while an action was under way is decided when it ends, from the state then [SPEC E5]', async () => {
  const { clock, source, executed, end } = run();
  for (let i = 0; i < 100; i += 1) {
    source.next(opened(b1));
    await clock.pass(0);
  }
  expect(executed).toHaveLength(1);
  end();
  await clock.pass(0);
  expect(executed).toHaveLength(1);
  source.next(opened(b1));
  await clock.pass(0);
  expect(executed).toHaveLength(2);
});

test('a plan is made anew at the time that it names, and not before', async () => {
  const plannedAt: number[] = [];
  const { clock, source } = run({
    planBase: (_state, _fleet, _policy, now) => {
      plannedAt.push(now.mono);
      return { ...nothing, wakeAt: now.mono < 5_000 ? 5_000 : Number.POSITIVE_INFINITY };
    },
  });
  source.next(opened(b1));
  await clock.pass(60_000);
  expect(plannedAt).toEqual([0, 5_000]);
});

test('an exception of a plan holds that base alone, longer each time, and it is tried again for ever [SPEC E9]', async () => {
  let isBroken = true;
  const planned: Array<[string, number]> = [];
  const { clock, source, crashes, broken } = run({
    planBase: (state, _fleet, _policy, now) => {
      planned.push([state.baseId, now.mono]);
      if (state.baseId === b1 && isBroken) throw new Error('a bug');
      return nothing;
    },
  });
  source.next(opened(b1));
  source.next(opened(b2));
  await clock.pass(8_000);
  expect(planned).toEqual([
    ['b1', 0],
    ['b2', 0],
    ['b1', 1_000],
    ['b1', 3_000],
    ['b1', 7_000],
  ]);
  // Inputs meanwhile are folded, the base stays held.
  source.next(opened(b1));
  await clock.pass(100);
  expect(planned).toHaveLength(5);
  await clock.pass(3_600_000);
  const gaps = planned.filter(([id]) => id === b1).map(([, at]) => at);
  expect(Math.max(...gaps.slice(1).map((at, i) => at - (gaps[i] ?? 0)))).toBeLessThanOrEqual(300_000);
  expect(crashes.every(({ baseId, isInputLost }) => baseId === b1 && !isInputLost)).toBe(true);
  isBroken = false;
  await clock.pass(300_000);
  const count = crashes.length;
  await clock.pass(3_600_000);
  expect(crashes).toHaveLength(count);
  expect(broken).toEqual([]);
});

test('an exception of a fold loses that input only; the core is told, and others do not notice [SPEC E9]', async () => {
  const told: string[] = [];
  const { clock, source, crashes, executed, pipeline } = run({
    foldBase: (state, input, ...rest) => {
      if (input.kind === 'pod-gone') throw new Error('a bug');
      if (input.kind === 'crashed') {
        told.push(input.message);
        return { ...state, quarantine: { count: 1, at: input.at.mono, message: input.message } };
      }
      return countingCore.foldBase(state, input, ...rest);
    },
  });
  source.next(opened(b1));
  source.next(ofBase(b1, { kind: 'pod-gone', uid: 'u' }));
  source.next(opened(b2));
  await clock.pass(10);
  expect(executed.map(({ key }) => key)).toEqual(['base/b2/health']);
  expect(told).toEqual(['a bug']);
  expect(crashes).toMatchObject([{ where: 'fold', baseId: b1, isInputLost: true, heldUntil: 1_000 }]);
  expect(pipeline.quarantined).toBe(1);
  await clock.pass(1_000);
  expect(executed.map(({ key }) => key)).toEqual(['base/b2/health', 'base/b1/health']);
  expect(pipeline.quarantined).toBe(0);
});

test('rubbish and tails make no base [SPEC E10]', async () => {
  const { clock, source, pipeline } = run();
  source.next(ofBase(b1, { kind: 'rejected', rejection: { code: 'empty', detail: '' } }));
  source.next(ofBase(b1, { kind: 'session-closed', sessionId: 's' }));
  source.next(ofBase(b1, { kind: 'pod-gone', uid: 'u' }));
  await clock.pass(10);
  expect(pipeline.baseCount).toBe(0);
});

test('a base of which nothing is left is forgotten, with everything that belongs to it [SPEC E10]', async () => {
  const { clock, source, pipeline } = run({ planBase: () => nothing, isForgettable: () => true });
  for (let i = 0; i < 2_000; i += 1) source.next(opened(`b${i}` as BaseId));
  await clock.pass(100);
  expect(pipeline.baseCount).toBe(0);
  expect(clock.pending).toBe(0);
});

test('nothing is planned before the first lists are whole; a change of the fleet that plans of bases read wakes all of them, a renewal does not [SPEC E7]', async () => {
  const planned: string[] = [];
  const core: Partial<CoreFunctions> = {
    planBase: (state) => {
      planned.push(state.baseId);
      return nothing;
    },
  };
  const { clock, source } = run(core, { isSynced: false });
  source.next(opened(b1));
  source.next(opened(b2));
  await clock.pass(1_000);
  expect(planned).toEqual([]);
  source.next(ofFleet({ kind: 'synced' }));
  await clock.pass(10);
  expect(planned).toEqual(['b1', 'b2']);
  const fleet = createFleet();
  expect(concernsBases(fleet, { ...fleet, renewedAt: 3_000 }, policy)).toBe(false);
  expect(concernsBases(fleet, { ...fleet, isStopping: true }, policy)).toBe(true);
  const lease = { metadata: { name: 'r', uid: 'u', resourceVersion: '1' }, spec: { holderIdentity: 'x' } };
  const known = { ...fleet, replicas: { r: { lease, changedAt: 0, aliveSince: 0 } } };
  expect(concernsBases(fleet, known, policy)).toBe(true);
  expect(concernsBases(known, { ...fleet, replicas: { r: { lease, changedAt: 3_000, aliveSince: 0 } } }, policy)).toBe(
    false,
  );
  const back = { ...lease, spec: { holderIdentity: '' } };
  expect(
    concernsBases(known, { ...fleet, replicas: { r: { lease: back, changedAt: 3_000, aliveSince: 0 } } }, policy),
  ).toBe(true);
  const surveyed = (silent: number) => ({ ...fleet, survey: { bases: 10, silent } });
  expect(concernsBases(surveyed(0), surveyed(1), policy)).toBe(false);
  expect(concernsBases(surveyed(1), surveyed(9), policy)).toBe(true);
});

test('a thousand bases with one action each all get their turn, never more at once than there are slots [SPEC E6]', async () => {
  const { clock, source, executed, pipeline, end } = run({
    planBase: (state) => {
      const key = `pod/${state.baseId}`;
      if (isAsked(state) || state.flights[key] !== undefined) return nothing;
      return {
        ...nothing,
        actions: [{ kind: 'patch-pod-status', key, namespace: 'default', name: 'm', uid: 'u', status: {} }],
      };
    },
  });
  for (let i = 0; i < 1_000; i += 1) source.next(opened(`b${i}` as BaseId));
  let ended = 0;
  let most = 0;
  for (let turn = 0; turn < 5_000 && ended < 1_000; turn += 1) {
    await clock.pass(0);
    most = Math.max(most, pipeline.inFlight);
    ended += 1;
    end();
  }
  await clock.pass(laterMs);
  expect(new Set(executed.map(({ key }) => key)).size).toBe(1_000);
  expect(executed).toHaveLength(1_000);
  expect(most).toBe(32);
  expect(pipeline.isIdle).toBe(true);
});

test('after stop nothing is planned or executed any more', async () => {
  const { clock, source, executed, pipeline } = run();
  pipeline.stop();
  source.next(opened(b1));
  await clock.pass(60_000);
  expect(executed).toEqual([]);
  expect(clock.pending).toBe(0);
});
