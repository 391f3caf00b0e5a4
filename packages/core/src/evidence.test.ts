/** What counts as evidence, by hand where a scenario cannot tell: doubled answers, ends of operations, Pods of one second. */
import { type BaseId, type BizKey, bizKeyOf } from '@kouplet/protocol';
import { describe, expect, test } from 'vitest';
import type { Action } from './actions.ts';
import { createFleet } from './fleet.ts';
import { foldBase } from './fold-base.ts';
import type { BaseInputBody } from './inputs.ts';
import type { ObservedPod } from './observed.ts';
import { desiresOf } from './ownership.ts';
import { isForgettable } from './plan-base.ts';
import { defaultPolicy } from './scenarios/setting.ts';
import { type BaseState, createBase } from './state.ts';

const baseId = 'b1' as BaseId;
const key: BizKey = bizKeyOf('biz1', '1');

function fold(state: BaseState, mono: number, ...bodies: readonly BaseInputBody[]): BaseState {
  return bodies.reduce(
    (next, body) => foldBase(next, { baseId, at: { mono, wall: mono }, ...body }, defaultPolicy),
    state,
  );
}

function command(id: number, kind: 'queryAllBiz' | 'installBiz' | 'uninstallBiz'): Action {
  const common = { id, kind: 'send-command', baseId, generation: 'current' } as const;
  if (kind === 'queryAllBiz') return { ...common, key: 'base/b1/list', command: { kind } };
  const operation =
    kind === 'installBiz' ? { kind, name: 'biz1', version: '1', url: 'u' } : { kind, name: 'biz1', version: '1' };
  const claim = { podUid: 'uid-p1', namespace: 'default', podName: 'p1', url: 'u' };
  return { ...common, key: `base/b1/biz/${key}`, command: operation, bizKey: key, claim };
}

function done(action: Action): readonly BaseInputBody[] {
  return [
    { kind: 'action-started', action },
    { kind: 'action-ended', action, outcome: { kind: 'done' } },
  ];
}

const list = (publishedAt: number): BaseInputBody => ({
  kind: 'message',
  generation: 'current',
  message: { kind: 'biz-report', bizes: [], publishedAt },
});

const result = (of: 'installBiz' | 'uninstallBiz'): BaseInputBody => ({
  kind: 'message',
  generation: 'current',
  message: { kind: 'operation-result', command: of, key, outcome: { kind: 'success' } },
});

function podOf(name: string, version: string, hash: string): ObservedPod {
  return {
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-${name}`,
      resourceVersion: version,
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { 'virtual-kubelet.koupleless.io/component': 'module', 'pod-template-hash': hash },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `web-${hash}`, uid: `uid-${hash}`, controller: true },
      ],
    },
    spec: {
      nodeName: 'vnode.b1.dev',
      restartPolicy: 'Always',
      containers: [{ name: 'biz1', image: 'u', env: [{ name: 'BIZ_VERSION', value: '1' }] }],
    },
    status: {},
  };
}

describe('evidence', () => {
  test('a list that is delivered twice is not credited to the question after it [SPEC M8]', () => {
    const asked = fold(createBase(baseId), 1_000, ...done(command(1, 'queryAllBiz')));
    const both = fold(asked, 7_000, ...done(command(2, 'queryAllBiz')));
    const answered = fold(both, 7_100, list(1), list(1));
    expect(answered.listAsOf).toBe(1_000);
    expect(answered.listQuestions).toHaveLength(1);
    expect(fold(answered, 7_200, list(2)).listAsOf).toBe(7_000);
  });

  test('what is uninstalled is forgotten at once, but not while an older list may still come [SPEC M8]', () => {
    const installed = fold(createBase(baseId), 1_000, ...done(command(1, 'installBiz')), result('installBiz'));
    const uninstalling = fold(installed, 2_000, ...done(command(2, 'uninstallBiz')));
    expect(fold(uninstalling, 2_100, result('uninstallBiz')).slots).toEqual({});
    const asked = fold(uninstalling, 2_050, ...done(command(3, 'queryAllBiz')));
    const ended = fold(asked, 2_100, result('uninstallBiz'));
    expect(ended.slots[key]?.presence).toBe('ABSENT');
    expect(fold(ended, 2_200, ...done(command(4, 'queryAllBiz')), list(1), list(2)).slots).toEqual({});
  });

  test.each([
    ['old', 'new'],
    ['new', 'old'],
  ])('of two revisions created in one second the one bound later supersedes, seen %s before %s [SPEC M3]', (...names) => {
    const pods = { old: podOf('old', '98', 'aaa'), new: podOf('new', '101', 'bbb') };
    const seen = fold(
      createBase(baseId),
      1,
      ...names.map((name): BaseInputBody => ({ kind: 'pod-observed', pod: pods[name as 'old' | 'new'] })),
    );
    const desire = desiresOf(seen, 1).get(key);
    expect(desire?.winner.entry.pod.metadata.name).toBe('new');
    expect(desire?.losers[0]?.reason).toBe('Superseded');
  });

  test('a base whose session went with its listener is forgotten as any other', () => {
    const state = fold(createBase(baseId), 1_000, { kind: 'session-opened', sessionId: 's1' });
    const now = { mono: 100_000, wall: 0 };
    const fleet = { ...createFleet(), tunnel: { isUp: true, since: 500 } };
    expect(isForgettable(state, fleet, defaultPolicy, now)).toBe(false);
    expect(isForgettable(state, { ...fleet, tunnel: { isUp: true, since: 2_000 } }, defaultPolicy, now)).toBe(true);
  });

  test('a record that is gone claims nothing when an older word of it comes late [SPEC I4] [SPEC M11]', () => {
    const observed: BaseInputBody = {
      kind: 'record-observed',
      record: {
        metadata: { name: 'kouplet-record.b1.dev', uid: 'uid-record', resourceVersion: '7' },
        baseId,
        isReadable: true,
        installs: { [key]: { podUid: 'uid-p1', namespace: 'default', podName: 'p1', url: 'u' } },
      },
    };
    const known = fold(createBase(baseId), 1_000, observed);
    expect(known.slots[key]?.claim?.podUid).toBe('uid-p1');
    const gone = fold(known, 2_000, { kind: 'record-gone' });
    expect(fold(gone, 3_000, observed)).toEqual(gone);
    expect(gone.slots[key]).toBeUndefined();
  });
});
