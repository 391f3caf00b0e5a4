/** What a base's record remembers is bounded, and a bound never makes it say or do a thing again and again. */
import type { BaseId } from '@kouplet/protocol';
import { describe, expect, test } from 'vitest';
import type { Action } from './actions.ts';
import { createFleet } from './fleet.ts';
import { foldBase } from './fold-base.ts';
import { foldFleet } from './fold-fleet.ts';
import type { BaseInputBody, FleetInputBody } from './inputs.ts';
import { withTold } from './notices.ts';
import type { ObservedPod } from './observed.ts';
import { planFleet } from './plan-fleet.ts';
import { defaultTimings, type Policy } from './policy.ts';
import { quarantineUntil } from './situation.ts';
import { type BaseState, createBase } from './state.ts';

const baseId = 'b1' as BaseId;
const policy: Policy = {
  env: 'dev',
  holderIdentity: 'r1',
  namespace: 'default',
  kubeletVersion: 'v1.34.0-kouplet.0',
  hasEnvTaint: false,
  hasOsLabels: false,
  unmanagedModules: 'report',
  goneAfterMs: 60_000,
  hasSessions: true,
  timings: defaultTimings,
};

function fold(state: BaseState, mono: number, ...bodies: readonly BaseInputBody[]): BaseState {
  return bodies.reduce((next, body) => foldBase(next, { baseId, at: { mono, wall: mono }, ...body }, policy), state);
}

function podOf(name: string): ObservedPod {
  return {
    metadata: { name, namespace: 'default', uid: `uid-${name}`, resourceVersion: '1' },
    spec: { nodeName: 'vnode.b1.dev', restartPolicy: 'Always', containers: [{ name: 'biz1' }] },
    status: {},
  };
}

describe('what is remembered', () => {
  test('a Pod that the watch took before its deletion was answered leaves nothing behind', () => {
    const uid = 'uid-p1';
    const action: Action = { kind: 'delete-pod', key: `pod/${uid}`, namespace: 'default', name: 'p1', uid, id: 1 };
    const state = fold(
      createBase(baseId),
      1,
      { kind: 'pod-observed', pod: podOf('p1') },
      { kind: 'action-started', action },
      { kind: 'pod-gone', uid },
      { kind: 'action-ended', action, outcome: { kind: 'done' } },
    );
    expect(state.writes).toEqual({});
    expect(state.flights).toEqual({});
  });

  test('hundreds of Pods with a lasting condition are each told once: the memory grows with them and shrinks after', () => {
    const pods = Array.from({ length: 400 }, (_none, at) => podOf(`p${at}`));
    let state = fold(createBase(baseId), 1, ...pods.map((pod) => ({ kind: 'pod-observed', pod }) as const));
    for (const [at] of pods.entries()) state = withTold(state, `event/${at}`, 'Lasting', at);
    expect(Object.keys(state.told)).toHaveLength(400);
    state = fold(state, 500, ...pods.map(({ metadata }) => ({ kind: 'pod-gone', uid: metadata.uid }) as const));
    expect(Object.keys(withTold(state, 'event/last', 'Last', 501).told)).toHaveLength(256);
  });

  test('exceptions an hour apart are no row: each is answered by the shortest rest [SPEC M33]', () => {
    let state = fold(createBase(baseId), 0, { kind: 'crashed', message: 'boom' });
    state = fold(state, 20_000, { kind: 'crashed', message: 'boom' });
    expect(quarantineUntil(state, policy) - 20_000).toBe(20_000);
    state = fold(state, 3_600_000, { kind: 'crashed', message: 'boom' });
    expect(quarantineUntil(state, policy) - 3_600_000).toBe(10_000);
  });

  test("a Lease of somebody else's that begins as ours do is never removed [SPEC N15]", () => {
    const lease = (name: string, labels: Record<string, string>) => ({
      metadata: { name, namespace: 'default', uid: name, resourceVersion: '1', labels },
      spec: { holderIdentity: 'x' },
    });
    const bodies: readonly FleetInputBody[] = [
      { kind: 'synced' },
      { kind: 'replica-lease-observed', lease: lease('kouplet-backup', {}) },
      {
        kind: 'replica-lease-observed',
        lease: lease('kouplet-old', { 'virtual-kubelet.koupleless.io/component': 'replica-lease' }),
      },
    ];
    const at = { mono: 0, wall: 0 };
    const fleet = bodies.reduce((next, body) => foldFleet(next, { at, ...body }, policy), createFleet());
    const later = { mono: 7_200_000, wall: 7_200_000 };
    const removed = planFleet(fleet, policy, later).actions.filter(({ kind }) => kind === 'delete-lease');
    expect(removed).toMatchObject([{ name: 'kouplet-old' }]);
  });
});
