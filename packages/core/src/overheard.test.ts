/** An observer beside a controller that it did not start: what it makes of what it overhears. */
import { type BaseId, type BaseMessage, bizKeyOf, type ReportedBiz } from '@kouplet/protocol';
import { describe, expect, test } from 'vitest';
import { createFleet } from './fleet.ts';
import { foldBase } from './fold-base.ts';
import { foldFleet } from './fold-fleet.ts';
import type { BaseInputBody } from './inputs.ts';
import type { ObservedNode, ObservedPod } from './observed.ts';
import { planBase } from './plan-base.ts';
import { planFleet } from './plan-fleet.ts';
import type { Policy } from './policy.ts';
import { defaultPolicy } from './scenarios/setting.ts';
import { type BaseState, createBase } from './state.ts';
import { whyOf } from './why.ts';

const baseId = 'b1' as BaseId;
const policy: Policy = { ...defaultPolicy, holderIdentity: 'observer', hasSessions: false, isObserver: true };
const at = (mono: number) => ({ mono, wall: mono });
const fleet = [
  { kind: 'link-up', link: 'tunnel' } as const,
  { kind: 'link-up', link: 'api' } as const,
  { kind: 'synced' } as const,
].reduce((known, body) => foldFleet(known, { at: at(0), ...body }, policy), createFleet());

function fold(state: BaseState, mono: number, ...bodies: readonly BaseInputBody[]): BaseState {
  return bodies.reduce((next, body) => foldBase(next, { baseId, at: at(mono), ...body }, policy), state);
}

const said = (message: BaseMessage): BaseInputBody => ({ kind: 'message', generation: 'current', message });
const listed = (...names: readonly string[]): BaseInputBody => {
  const bizes = names.map((name): ReportedBiz => {
    return { name, version: '1', key: bizKeyOf(name, '1'), state: 'ACTIVATED' };
  });
  return said({ kind: 'biz-report', bizes });
};
const answered = (command: 'installBiz' | 'uninstallBiz', name: string): BaseInputBody =>
  said({ kind: 'operation-result', command, key: bizKeyOf(name, '1'), outcome: { kind: 'success' } });

/** As upstream makes them: without our annotation. */
const node: ObservedNode = {
  metadata: { name: 'vnode.b1.dev', uid: 'uid-node', resourceVersion: '1' },
  spec: {},
  status: {},
};
const lease: BaseInputBody = {
  kind: 'lease-observed',
  lease: {
    metadata: { name: 'vnode.b1.dev', namespace: 'kube-node-lease', uid: 'uid-lease', resourceVersion: '1' },
    spec: { holderIdentity: 'upstream', renewTime: '2026-01-01T00:00:00.000000Z', leaseDurationSeconds: 40 },
  },
};

function pod(biz: string, version: string, annotations?: Record<string, string>): BaseInputBody {
  const observed: ObservedPod = {
    metadata: {
      name: `p-${biz}`,
      namespace: 'default',
      uid: `uid-${biz}`,
      resourceVersion: version,
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { 'virtual-kubelet.koupleless.io/component': 'module' },
      ...(annotations === undefined ? {} : { annotations }),
    },
    spec: {
      nodeName: 'vnode.b1.dev',
      restartPolicy: 'Always',
      containers: [{ name: biz, image: `https://h/${biz}.jar`, env: [{ name: 'BIZ_VERSION', value: '1' }] }],
    },
    status: {},
  };
  return { kind: 'pod-observed', pod: observed };
}

/** `installBiz biz1:1`, of what it would do now. */
function operationsOf(state: BaseState, mono: number): string[] {
  return planBase(state, fleet, policy, at(mono)).actions.flatMap((action) =>
    action.kind === 'send-command' && action.bizKey !== undefined ? [`${action.command.kind} ${action.bizKey}`] : [],
  );
}

const shadowed = fold(createBase(baseId), 1_000, { kind: 'node-observed', node }, lease, pod('biz1', '2'));
const heard = fold(
  shadowed,
  5_000,
  said({ kind: 'health', isSuccess: true, masterBizState: 'ACTIVATED' }),
  listed('biz1'),
);

describe('an observer', () => {
  test('acts on nothing that it has not heard a list of, and takes no Lease and no replica Lease [SPEC M42]', () => {
    expect(operationsOf(shadowed, 2_000)).toEqual([]);
    const kinds = planBase(heard, fleet, policy, at(6_000)).actions.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind.includes('lease'))).toEqual([]);
    expect(planFleet(fleet, policy, at(6_000)).actions).toEqual([]);
  });

  test('finds what the other installed to be its Pod’s, as after a take-over, with every list anew [SPEC M42]', () => {
    expect(operationsOf(heard, 7_000)).toEqual([]);
    const later = fold(heard, 10_000, pod('biz2', '3'));
    expect(operationsOf(later, 12_000)).toEqual(['installBiz biz2:1']);
    expect(operationsOf(fold(later, 15_000, listed('biz1', 'biz2')), 16_000)).toEqual([]);
    expect(operationsOf(fold(later, 15_000, listed('biz2')), 16_000)).toEqual(['installBiz biz1:1']);
  });

  test('takes what an operation of the other came to from its answer [SPEC M42]', () => {
    const later = fold(heard, 10_000, pod('biz2', '3'));
    const installed = fold(later, 12_000, answered('installBiz', 'biz2'));
    expect(operationsOf(installed, 13_000)).toEqual([]);
    const removed = fold(installed, 14_000, answered('uninstallBiz', 'biz1'));
    expect(operationsOf(removed, 15_000)).toEqual(['installBiz biz1:1']);
  });

  test('respects a pause, and says whose Lease it is [SPEC M40] [SPEC M42]', () => {
    const paused = fold(heard, 10_000, pod('biz2', '3', { 'kouplet.io/paused': 'True' }));
    expect(operationsOf(paused, 12_000)).toEqual([]);
    const why = whyOf(paused, fleet, policy, at(12_000), { kind: 'pod', namespace: 'default', name: 'p-biz2' });
    expect(why).toMatchObject({
      kind: 'explained',
      lines: expect.arrayContaining([
        expect.objectContaining({ topic: 'waits', reason: 'Paused' }),
        { topic: 'lease', text: 'held by upstream; this one only observes' },
      ]),
    });
  });

  test('gives up nobody for silence: it asked nobody [SPEC M42]', () => {
    const kinds = planBase(heard, fleet, policy, at(10_000_000)).actions.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'delete-node' || kind === 'delete-pod')).toEqual([]);
  });
});

test('it leaves a Node where whom it shadows serves logs as it is [SPEC M42] [SPEC N23]', () => {
  const shown = (known: Partial<ObservedNode['status']>) => {
    const served = { ...node, metadata: { ...node.metadata, annotations: { 'kouplet.io/reported-ip': '10.0.0.9' } } };
    const state = fold(createBase(baseId), 1, { kind: 'node-observed', node: { ...served, status: known } });
    const [action] = planBase(state, fleet, policy, at(2)).actions.flatMap((each) =>
      each.kind === 'patch-node-status' ? [each.status] : [],
    );
    return { addresses: action?.addresses, daemonEndpoints: action?.daemonEndpoints };
  };
  const addresses = ['InternalIP', 'Hostname'].map((type) => ({ type, address: '10.1.0.7' }));
  const daemonEndpoints = { kubeletEndpoint: { Port: 10_250 } };
  expect(shown({ addresses, daemonEndpoints })).toEqual({ addresses, daemonEndpoints });
});
