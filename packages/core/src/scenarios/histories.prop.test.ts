import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { foldBase } from '../fold-base.ts';
import type { BaseInput } from '../inputs.ts';
import { type BaseState, createBase } from '../state.ts';
import { watchInvariants } from './invariants.ts';
import { newRun, runLine } from './language.ts';
import { settle } from './runner.ts';
import { defaultPolicy } from './setting.ts';
import type { Run } from './words.ts';

/** A failing run prints its seed and path: `fc.assert(…, { seed, path })` runs it again. */
const runs = { numRuns: 20, verbose: 1 as const };

const base = fc.constantFrom('b1', 'b2');
const biz = fc.constantFrom('biz1:1', 'biz1:2', 'biz2:1', 'biz3:1');
const workload = fc.constantFrom(
  '',
  ' owner=ReplicaSet/web-aaa hash=aaa',
  ' owner=ReplicaSet/web-bbb hash=bbb',
  ' restart=Never',
);
const fault = fc.constantFrom(
  'fail',
  'lose-command',
  'lose-answer',
  'slow delay=7s',
  'slow delay=40s',
  'deactivate',
  'break',
);

/** One thing that happens; `@` is replaced by a number that makes names new. */
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(base, biz, workload).map(([id, key, owner]) => `pod p@ base=${id} biz=${key}${owner}`),
  },
  { weight: 4, arbitrary: fc.constantFrom('delete-oldest', 'delete-newest', 'delete-oldest force') },
  { weight: 1, arbitrary: fc.constant('image-newest') },
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 40_000 }).map((ms) => `wait ${ms}ms`) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(base, fc.constantFrom('install', 'uninstall'), fault)
      .map(([id, command, what]) => `script ${id} ${command} ${what}`),
  },
  { weight: 2, arbitrary: base.map((id) => `disconnect ${id}`) },
  { weight: 2, arbitrary: base.map((id) => `connect ${id}`) },
  { weight: 1, arbitrary: base.map((id) => `restart-base ${id}`) },
  { weight: 1, arbitrary: base.map((id) => `delete-node ${id}`) },
  { weight: 1, arbitrary: fc.constantFrom('link tunnel down', 'link tunnel up', 'link api down', 'link api up') },
  { weight: 1, arbitrary: fc.constantFrom('restart', 'restart holder=r2', 'stall 20s', 'fail-writes 4', 'clock -30s') },
  { weight: 2, arbitrary: fc.constantFrom('pause pod', 'resume pod', 'pause node b1', 'resume node b1') },
  { weight: 1, arbitrary: fc.tuple(base, biz).map(([id, key]) => `module ${id} ${key}=gone`) },
  { weight: 1, arbitrary: fc.tuple(base, biz).map(([id, key]) => `module ${id} ${key}`) },
);

interface Told {
  readonly run: Run;
  readonly violations: readonly string[];
}

function play(steps: readonly string[]): Told {
  const violations: string[] = [];
  const run = newRun(undefined, (world) => watchInvariants(world, violations));
  let serial = 0;
  for (const line of ['start', 'base b1', 'base b2 ip=10.0.0.2', 'wait 2s', ...steps]) {
    serial += 1;
    runLine(run, lineOf(run, line, serial));
  }
  return { run, violations };
}

/** Steps that need to know what there is become steps of the language. */
function lineOf(run: Run, line: string, serial: number): string {
  const live = [...run.world.api.pods.values()].filter((pod) => pod.metadata.deletionTimestamp === undefined);
  const [what, force] = line.split(' ');
  const chosen = what === 'delete-oldest' ? live[0] : live.at(-1);
  if (what === 'delete-oldest' || what === 'delete-newest') {
    return chosen === undefined ? '' : `delete-pod ${chosen.metadata.name}${force === undefined ? '' : ' force'}`;
  }
  if (what === 'pause' || what === 'resume') {
    if (line.includes(' node ')) return run.world.api.nodes.has('vnode.b1.dev') ? line : '';
    return chosen === undefined ? '' : `${line} ${chosen.metadata.name}`;
  }
  if (what === 'image-newest') {
    const container = chosen?.spec.containers[0]?.name;
    return chosen === undefined || container === undefined
      ? ''
      : `image ${chosen.metadata.name} ${container} https://repo/other-${serial}.jar`;
  }
  return line.replace('@', String(serial));
}

function rest(told: Told): readonly string[] {
  const { world } = told.run;
  for (const known of world.bases.values()) known.faults.splice(0);
  for (const pod of world.api.pods.values()) runLine(told.run, `resume pod ${pod.metadata.name}`);
  for (const node of world.api.nodes.keys()) runLine(told.run, `resume node ${node.split('.')[1]}`);
  for (const known of world.bases.values()) if (!known.isConnected) world.connect(known.id);
  const lines = settle(told.run, 400_000);
  for (const known of world.bases.values()) if (!known.isConnected) world.connect(known.id);
  world.advance(20_000);
  return lines;
}

/** Why a Pod may stay not Ready though nothing is wrong any more. */
const lastingReasons = /^(BizOccupied|Superseded|Deactivated)$/;

describe('any history, with faults', () => {
  test('keeps the invariants at every step, and comes to rest with nothing left to do [SPEC I1] [SPEC I2] [SPEC I3] [SPEC I4] [SPEC I5] [SPEC I6] [SPEC I8] [SPEC I9] [SPEC I13] [SPEC M40]', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 3, maxLength: 18 }), (steps) => {
        const told = play(steps);
        rest(told);
        expect(told.violations).toEqual([]);
        const { world } = told.run;
        for (const id of world.states.keys()) {
          const { actions } = world.planFor(id);
          expect(actions.filter((action) => action.kind !== 'write-lease' && action.kind !== 'send-command')).toEqual(
            [],
          );
        }
        // What is on line is what is wanted: each Ready Pod has its module on its base, and what is not Ready has a lasting reason.
        for (const pod of world.api.pods.values()) {
          const { name, deletionTimestamp } = pod.metadata;
          const isReady = pod.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
          const id = pod.spec.nodeName.split('.')[1] ?? '';
          const key = `${pod.spec.containers[0]?.name}:${pod.spec.containers[0]?.env?.[0]?.value}`;
          const states = [...world.baseOf(id).modules]
            .filter(([other]) => other === key)
            .map(([, module]) => module.state);
          if (isReady === true) expect({ name, states }).toEqual({ name, states: ['ACTIVATED'] });
          else if (pod.status.phase !== 'Failed') {
            const reason = pod.status.containerStatuses?.[0]?.state?.waiting?.reason ?? 'none';
            expect({ name, reason }).toEqual({ name, reason: expect.stringMatching(lastingReasons) });
          }
          expect({ name, deletionTimestamp }).toEqual({ name, deletionTimestamp: undefined });
        }
      }),
      runs,
    );
  });

  test('gives every base the same state however the messages of bases interleave [SPEC I10]', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 3, maxLength: 12 }), fc.infiniteStream(fc.boolean()), (steps, coin) => {
        const inputs = baseInputsOf(play(steps).run);
        const queues = [...new Set(inputs.map((input) => input.baseId))].map((id) =>
          inputs.filter((input) => input.baseId === id),
        );
        const mixed: BaseInput[] = [];
        while (queues.some((queue) => queue.length > 0)) {
          const queue = (coin.next().value === true ? queues : queues.toReversed()).find(
            (candidate) => candidate.length > 0,
          );
          const input = queue?.shift();
          if (input !== undefined) mixed.push(input);
        }
        expect(statesOf(mixed)).toEqual(statesOf(inputs));
      }),
      { ...runs, numRuns: 10 },
    );
  });

  test('an observation, a start or an end that is told twice changes nothing; an older observation never wins [SPEC I4]', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 3, maxLength: 12 }), (steps) => {
        const older = new Map<string, BaseInput>();
        let states = new Map<string, BaseState>();
        for (const input of baseInputsOf(play(steps).run)) {
          const before = states.get(input.baseId) ?? createBase(input.baseId);
          const once = foldBase(before, input, defaultPolicy);
          states = new Map(states).set(input.baseId, once);
          if (!input.kind.endsWith('-observed') && !input.kind.startsWith('action-')) continue;
          expect(foldBase(once, input, defaultPolicy)).toBe(once);
          if (input.kind !== 'pod-observed') continue;
          const last = older.get(input.pod.metadata.uid);
          if (last !== undefined) expect(foldBase(once, last, defaultPolicy)).toBe(once);
          older.set(input.pod.metadata.uid, input);
        }
      }),
      { ...runs, numRuns: 15 },
    );
  });
});

function baseInputsOf(run: Run): BaseInput[] {
  return run.world.happenings.flatMap((happening) =>
    happening.kind === 'input' && 'baseId' in happening.input ? [happening.input] : [],
  );
}

function statesOf(inputs: readonly BaseInput[]): Record<string, BaseState> {
  const states: Record<string, BaseState> = {};
  for (const input of inputs) {
    states[input.baseId] = foldBase(states[input.baseId] ?? createBase(input.baseId), input, defaultPolicy);
  }
  return states;
}
