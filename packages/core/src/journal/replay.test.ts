import type { BaseId } from '@kouplet/protocol';
import { describe, expect, test } from 'vitest';
import { wordsOfAction } from '../action-words.ts';
import type { Action } from '../actions.ts';
import { createFleet } from '../fleet.ts';
import { foldBase } from '../fold-base.ts';
import { foldFleet } from '../fold-fleet.ts';
import type { Policy } from '../policy.ts';
import { newRun, runLine } from '../scenarios/language.ts';
import { defaultPolicy, type Happening } from '../scenarios/setting.ts';
import { type BaseState, createBase } from '../state.ts';
import { baseStateLine, fleetStateLine, type JournalLine, plainLine } from './lines.ts';
import { JournalReader, readHeader } from './read.ts';
import { Replay, type Told } from './replay.ts';
import { type Input, inputsOf, lineOf, livesOf, readLines, scenarioFiles } from './testing/lives.ts';

function replayed(policy: Policy, lines: readonly string[]): { told: Told[]; replay: Replay } {
  const replay = new Replay(policy);
  const told = readLines(lines).flatMap((line) => replay.take(line));
  return { told, replay };
}

const wordsOf = (happenings: readonly Happening[]): string[] =>
  happenings.flatMap((happening) => (happening.kind === 'started' ? (wordsOfAction(happening.action) ?? []) : []));

test('what a part of the journal begins with in the midst of a turn was planned before it, and is not judged [SPEC M47]', () => {
  const replay = new Replay(defaultPolicy);
  const baseId = 'b1' as BaseId;
  const at = (mono: number) => ({ mono, wall: mono });
  const action: Action = { kind: 'delete-node', id: 1, key: 'node/vnode.b1.dev', name: 'vnode.b1.dev', uid: 'u' };
  const start: JournalLine = { kind: 'base', baseId, at: at(1), input: { kind: 'action-started', action } };
  const kindsOf = (line: JournalLine) => replay.take(line).map(({ kind }) => kind);
  replay.take({ kind: 'base-state', baseId, state: createBase(baseId) });
  expect(kindsOf(start)).toEqual([]);
  replay.take({ kind: 'base', baseId, at: at(2), input: { kind: 'session-opened', sessionId: 's' } });
  expect(kindsOf({ ...start, at: at(3) })).toContain('did');
});

describe('what was recorded, replayed through the same core', () => {
  test.each(scenarioFiles)('%s: every action is planned again, in the same order, and no other [SPEC M47]', (file) => {
    for (const life of livesOf(file)) {
      const started = new Set<number>();
      const { told } = replayed(
        life.policy,
        inputsOf(life).map((input) => lineOf(input, started)),
      );
      const texts = told.flatMap(({ kind, text }) => (kind === 'does' || kind === 'did' ? [text] : []));
      expect(told.filter(({ kind }) => kind === 'did')).toEqual([]);
      expect(texts).toEqual(wordsOf(life.happenings));
    }
  });

  test.each(
    scenarioFiles.filter((_, at) => at % 6 === 0),
  )('%s: from the middle on, with the states before the first inputs there [SPEC M46] [SPEC M47]', (file) => {
    for (const life of livesOf(file)) {
      const inputs = inputsOf(life);
      const from = Math.floor(inputs.length / 2);
      const states = new Map<string, BaseState>();
      let fleet = createFleet();
      const fold = (input: Input): void => {
        if ('baseId' in input) {
          states.set(input.baseId, foldBase(states.get(input.baseId) ?? createBase(input.baseId), input, life.policy));
        } else fleet = foldFleet(fleet, input, life.policy);
      };
      for (const input of inputs.slice(0, from)) fold(input);
      const lines = [fleetStateLine(fleet)];
      const started = new Set<number>();
      const known = new Set<string>();
      for (const input of inputs.slice(from)) {
        const state = 'baseId' in input && !known.has(input.baseId) ? states.get(input.baseId) : undefined;
        if (state !== undefined) lines.push(baseStateLine(state));
        if ('baseId' in input) known.add(input.baseId);
        lines.push(lineOf(input, started));
        fold(input);
      }
      const { told } = replayed(life.policy, lines);
      expect(told.filter(({ kind }) => kind === 'did')).toEqual([]);
    }
  });
});

const header = {
  kind: 'kouplet-journal',
  format: 1,
  version: '0.1.0',
  session: 's1',
  part: 1,
  at: '2026-01-01T00:00:00Z',
  policy: defaultPolicy,
} as const;

describe('reading', () => {
  test('the first line says what it is, of which format and by which policy [SPEC M46]', () => {
    expect(readHeader(plainLine(header))).toEqual({ kind: 'header', header });
    for (const text of ['', '{}', 'apiVersion: v1', '[]', '"kouplet-journal"', '{"kind":"kouplet-'])
      expect(readHeader(text)).toMatchObject({ kind: 'none', message: expect.stringContaining('no journal') });
    expect(readHeader(JSON.stringify({ ...header, format: 2, version: '9.0.0' }))).toEqual({
      kind: 'other-format',
      message: 'it is a journal of format 2, written by Kouplet 9.0.0; this version reads format 1',
    });
    for (const damage of [{ policy: {} }, { session: 1 }, { policy: { ...defaultPolicy, timings: { a: 'x' } } }]) {
      expect(readHeader(JSON.stringify({ ...header, ...damage }))).toMatchObject({
        message: expect.stringContaining('damaged'),
      });
    }
  });

  test('what is damaged is said to be that, what only a later version knows is passed over [SPEC M46]', () => {
    const read = (text: string) => new JournalReader().read(text);
    for (const text of [
      '',
      '{',
      'null',
      '[1]',
      '{"kind":1}',
      '{"kind":"base"}',
      '{"kind":"base-state","baseId":"b1","state":{}}',
    ]) {
      expect(read(text).kind).toBe('none');
    }
    const at = { mono: 1, wall: 1 };
    expect(read(JSON.stringify({ kind: 'from-later' }))).toEqual({ kind: 'skipped' });
    expect(read(JSON.stringify({ kind: 'base', baseId: 'b1', at, input: { kind: 'from-later' } })).kind).toBe(
      'skipped',
    );
    expect(read(JSON.stringify({ kind: 'ended', baseId: 'b1', at, id: 1, outcome: { kind: 'done' } })).kind).toBe(
      'skipped',
    );
    expect(read(JSON.stringify({ kind: 'fleet', at, input: { kind: 'synced' } })).kind).toBe('line');
  });

  test('a line holds no secret, and what was equal is equal [SPEC M46]', () => {
    const run = newRun();
    const url = 'https://user:hunter2@repo/biz1.jar?sig=S1GN';
    for (const line of ['base b1', 'start', `pod p1 base=b1 biz=biz1:1 url=${url}`, 'wait 5s']) runLine(run, line);
    const life = { policy: run.world.policy, happenings: run.world.happenings };
    const started = new Set<number>();
    const lines = inputsOf(life).map((input) => lineOf(input, started));
    lines.push(baseStateLine(run.world.stateOf('b1')));
    expect(lines.join('')).not.toMatch(/hunter2|S1GN/);
    const { told, replay } = replayed(life.policy, lines);
    expect(told.map(({ kind, text }) => `${kind} ${text}`)).toContain(
      'does installBiz biz1:1 from https://***@repo/biz1.jar?*** for Pod default/p1',
    );
    expect(replay.counts).toMatchObject({ bases: 1, did: 0, would: 0 });
  });

  test('what a fold throws on is told, and the rest goes on, as in the controller [SPEC M47]', () => {
    const at = { mono: 1, wall: 1 };
    const odd = { kind: 'base', at, baseId: 'b1', input: { kind: 'pod-observed', pod: { metadata: {} } } };
    const { told, replay } = replayed(defaultPolicy, [
      JSON.stringify(odd),
      JSON.stringify({ kind: 'fleet', at, input: { kind: 'link-up', link: 'api' } }),
    ]);
    expect(told.map(({ kind }) => kind)).toEqual(['crash', 'link']);
    expect(replay.counts).toMatchObject({ inputs: 2, bases: 1 });
  });

  test('another core is told apart: what it does not plan, and what only it plans [SPEC M47]', () => {
    const run = newRun();
    for (const line of ['base b1', 'start', 'pod p1 base=b1 biz=biz1:1', 'wait 20s']) runLine(run, line);
    const life = { policy: run.world.policy, happenings: run.world.happenings };
    const kept = inputsOf(life).filter((input) => {
      const isAction = input.kind === 'action-started' || input.kind === 'action-ended';
      return input.kind !== 'node-observed' && !(isAction && input.action.kind === 'create-node');
    });
    const begun = new Set<number>();
    const { told } = replayed(
      life.policy,
      kept.map((input) => lineOf(input, begun)),
    );
    expect(told.flatMap(({ kind, text }) => (kind === 'would' ? [text] : []))).toContain('create Node vnode.b1.dev');
    const noPods = inputsOf(life).filter((input) => input.kind !== 'pod-observed');
    const started = new Set<number>();
    const without = replayed(
      life.policy,
      noPods.map((input) => lineOf(input, started)),
    );
    expect(without.told.flatMap(({ kind, text }) => (kind === 'did' ? [text] : []))).toContain(
      'installBiz biz1:1 from https://repo/biz1-1.jar for Pod default/p1',
    );
  });
});
