import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../kinds/kind.ts';
import { settle, type TestApi, type VirtualClock } from '../testing.ts';
import { replicaSetOf, templateOf } from '../testing-workloads.ts';
import { worldForEachTest } from '../testing-world.ts';

let clock: VirtualClock;
let api: TestApi;
worldForEachTest({ enabled: ['scheduler', 'replicaset'], random: () => 0.5 }, (world) => {
  ({ clock, api } = world);
});

type Fields = Record<string, unknown>;
const node = (name: string, spec: Fields = {}, labels: Record<string, string> = {}, allocatable: Fields = {}) => {
  api.create(
    'nodes',
    {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
      spec,
      status: { allocatable: { cpu: '4', memory: '8Gi', pods: '110', ...allocatable } },
    },
    { actor: 'user' },
  );
  // Admission taints what is not ready yet.
  const change = (draft: KubeObject) => {
    draft.spec = spec;
  };
  api.modify('nodes', name, undefined, change, { actor: 'user' });
};
const pod = (name: string, spec: Fields = {}, labels: Record<string, string> = { app: name }) =>
  api.create(
    'pods',
    { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels }, spec: { ...templateOf({}).spec, ...spec } },
    { actor: 'user', namespace: 'default' },
  );
const nodeOf = (name: string) => api.get('pods', name, 'default')?.spec.nodeName;
const requesting = (requests: Fields) => ({ containers: [{ name: 'c', image: 'i', resources: { requests } }] });
const condition = (name: string) =>
  api.get('pods', name, 'default')?.status.conditions?.find((c: { type: string }) => c.type === 'PodScheduled');
const eventsOf = (name: string) => api.list('events').filter((event) => event.involvedObject.name === name);
const noHelp =
  'no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.';
const noVictims =
  'no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.';

describe('a pod that fits', () => {
  test('is bound, and an Event of the events.k8s.io kind says where [SPEC C76]', async () => {
    node('vn-0');
    pod('p');
    await settle();
    expect(nodeOf('p')).toBe('vn-0');
    expect(eventsOf('p')).toMatchObject([
      {
        reason: 'Scheduled',
        type: 'Normal',
        message: 'Successfully assigned default/p to vn-0',
        action: 'Binding',
        source: {},
        eventTime: '2026-11-23T00:00:00.000000Z',
        firstTimestamp: null,
        lastTimestamp: null,
        reportingComponent: 'default-scheduler',
        reportingInstance: 'default-scheduler-kouplet',
      },
    ]);
  });

  test('of another scheduler is left alone, without a condition [SPEC C76]', async () => {
    node('vn-0');
    pod('other', { schedulerName: 'mine' });
    await settle();
    expect(nodeOf('other')).toBeUndefined();
    expect(condition('other')).toBeUndefined();
  });

  test('held by a gate is told of as gated, and placed once the gate is gone [SPEC C76]', async () => {
    node('vn-0');
    pod('gated', { schedulingGates: [{ name: 'wait' }] });
    await settle();
    expect(condition('gated')).toMatchObject({
      status: 'False',
      reason: 'SchedulingGated',
      lastTransitionTime: '2026-11-23T00:00:00Z',
      message: 'Scheduling is blocked due to non-empty scheduling gates',
    });
    expect(eventsOf('gated')).toEqual([]);
    api.modify('pods', 'gated', 'default', (draft) => delete draft.spec.schedulingGates, { actor: 'user' });
    await settle();
    expect(nodeOf('gated')).toBe('vn-0');
  });

  test('a label that every object of JavaScript seems to have is there only where it is [SPEC C22]', async () => {
    node('without');
    const wants = (operator: string) => ({
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'constructor', operator }] }],
          },
        },
      },
    });
    pod('with', wants('Exists'));
    pod('not-with', wants('DoesNotExist'));
    await settle();
    expect([nodeOf('with'), nodeOf('not-with')]).toEqual([undefined, 'without']);
    node('has-it', {}, { constructor: 'x' });
    await settle();
    expect(nodeOf('with')).toBe('has-it');
  });
});

describe('a pod that fits nowhere says why, in the words of kube-scheduler 1.34 [SPEC C75]', () => {
  test('no node at all', async () => {
    pod('p');
    await settle();
    expect(condition('p')).toEqual({
      lastProbeTime: null,
      lastTransitionTime: '2026-11-23T00:00:00Z',
      message: 'no nodes available to schedule pods',
      observedGeneration: 1,
      reason: 'Unschedulable',
      status: 'False',
      type: 'PodScheduled',
    });
    expect(eventsOf('p')).toMatchObject([
      {
        reason: 'FailedScheduling',
        type: 'Warning',
        action: 'Scheduling',
        message: 'no nodes available to schedule pods',
      },
    ]);
  });

  const taint = { key: 'k', value: 'v', effect: 'NoSchedule' };
  const antiAffinity = {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'other' } } },
      ],
    },
  };
  const spread = (topologyKey: string) => ({
    topologySpreadConstraints: [
      { maxSkew: 1, topologyKey, whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { app: 'p' } } },
    ],
  });
  const cases: Array<[string, Fields, Fields, Fields, string, string]> = [
    ['taint', { taints: [taint] }, {}, {}, '1 node(s) had untolerated taint(s)', noHelp],
    ['cordoned', { unschedulable: true }, {}, {}, '1 node(s) were unschedulable', noHelp],
    ['selector', {}, {}, { nodeSelector: { a: 'b' } }, "1 node(s) didn't match Pod's node affinity/selector", noHelp],
    ['cpu', {}, {}, requesting({ cpu: '100' }), '1 Insufficient cpu', noHelp],
    ['pods', {}, { pods: '0' }, {}, '1 Too many pods', noVictims],
    [
      'no allocatable',
      {},
      { pods: '0', cpu: '0', memory: '0' },
      requesting({ cpu: '1', memory: '1Gi' }),
      '1 Insufficient cpu, 1 Insufficient memory, 1 Too many pods',
      noHelp,
    ],
    ['anti-affinity', {}, {}, { affinity: antiAffinity }, "1 node(s) didn't match pod anti-affinity rules", noVictims],
    [
      'affinity',
      {},
      {},
      {
        affinity: {
          podAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'none' } } },
            ],
          },
        },
      },
      "1 node(s) didn't match pod affinity rules",
      noHelp,
    ],
    [
      'spread without label',
      {},
      {},
      spread('zone'),
      "1 node(s) didn't match pod topology spread constraints (missing required label)",
      noHelp,
    ],
  ];
  test.each(cases)('%s', async (_name, nodeSpec, allocatable, podSpec, reason, after) => {
    node('vn-0', nodeSpec, {}, allocatable);
    pod('other', { nodeName: 'vn-0' });
    await settle();
    pod('p', podSpec);
    await settle();
    expect(condition('p')?.message).toBe(`0/1 nodes are available: ${reason}. ${after}`);
  });

  test('a claim that is missing', async () => {
    node('vn-0');
    pod('p', { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'nope' } }] });
    await settle();
    expect(condition('p')?.message).toBe('0/1 nodes are available: persistentvolumeclaim "nope" not found. not found');
  });

  test('a taken host port', async () => {
    const ports = { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80, hostPort: 80 }] }] };
    node('vn-0');
    pod('first', ports);
    await settle();
    pod('p', ports);
    await settle();
    expect(condition('p')?.message).toBe(
      `0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports. ${noVictims}`,
    );
  });

  test('several nodes for several reasons, and nodes that a pod names by field', async () => {
    node('a', { taints: [taint] });
    node('b', {}, {}, { pods: '0' });
    node('c');
    pod('p', { nodeSelector: { 'kubernetes.io/hostname': 'x' } });
    pod('daemon', {
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['a'] }] }],
          },
        },
      },
    });
    await settle();
    expect(condition('p')?.message).toBe(
      "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 node(s) didn't match Pod's node affinity/selector. " +
        'no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.',
    );
    expect(condition('daemon')?.message).toBe(
      "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 node(s) didn't satisfy plugin(s) [NodeAffinity]. " +
        'no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.',
    );
  });

  test('an existing pod that wants none of its kind near', async () => {
    node('vn-0');
    pod('first', {
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'p' } } },
          ],
        },
      },
    });
    await settle();
    pod('p');
    await settle();
    expect(condition('p')?.message).toBe(
      `0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules. ${noVictims}`,
    );
  });
});

describe('a pod that waits', () => {
  test('is tried again when a node changes, and repeats join one series [SPEC C77]', async () => {
    node('vn-0', { taints: [{ key: 'k', effect: 'NoSchedule' }] });
    pod('p');
    await settle();
    const touch = (value: string) =>
      api.modify('nodes', 'vn-0', undefined, (draft) => Object.assign(draft.metadata.labels ?? {}, { x: value }), {
        actor: 'u',
      });
    for (const value of ['1', '2', '3']) {
      touch(value);
      await clock.advance(11_000);
    }
    const failed = eventsOf('p').filter((event) => event.reason === 'FailedScheduling');
    expect(failed.at(-1)?.series).toEqual({
      count: 3,
      lastObservedTime: expect.stringMatching(/^2026-11-23T00:00:\d\d\.\d{6}Z$/),
    });
    api.modify('nodes', 'vn-0', undefined, (draft) => delete draft.spec.taints, { actor: 'user' });
    await clock.advance(11_000);
    expect(nodeOf('p')).toBe('vn-0');
  });

  test('takes the place that a deleted pod leaves [SPEC C77]', async () => {
    node('vn-0', {}, {}, { pods: '1' });
    pod('first');
    await settle();
    pod('second');
    await settle();
    expect(nodeOf('second')).toBeUndefined();
    api.delete('pods', 'first', 'default', { gracePeriodSeconds: 0 });
    await clock.advance(1_000);
    expect(nodeOf('second')).toBe('vn-0');
  });

  test('of higher priority goes first [SPEC C77]', async () => {
    pod('low');
    api.create(
      'priorityclasses.scheduling.k8s.io',
      { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: 'urgent' }, value: 10 },
      { actor: 'user' },
    );
    pod('high', { priorityClassName: 'urgent' });
    await settle();
    node('vn-0', {}, {}, { pods: '1' });
    await clock.advance(1_000);
    expect([nodeOf('high'), nodeOf('low')]).toEqual(['vn-0', undefined]);
  });
});

describe('among nodes that fit', () => {
  test('the pods of one owner are spread out [SPEC C78]', async () => {
    for (const name of ['a', 'b', 'c']) node(name);
    api.create('replicasets.apps', replicaSetOf('web', 9), { actor: 'user', namespace: 'default' });
    await settle();
    const on = Map.groupBy(api.list('pods'), (one) => one.spec.nodeName);
    expect([...on.values()].map((group) => group.length)).toEqual([3, 3, 3]);
  });

  test('hard spread keeps zones even, by maxSkew [SPEC C78]', async () => {
    node('a', {}, { zone: 'east' });
    node('b', {}, { zone: 'west' }, { pods: '1' });
    const constraint = {
      maxSkew: 1,
      topologyKey: 'zone',
      whenUnsatisfiable: 'DoNotSchedule',
      labelSelector: { matchLabels: { app: 'web' } },
    };
    const template = templateOf({ app: 'web' });
    Object.assign(template.spec, { topologySpreadConstraints: [constraint] });
    api.create('replicasets.apps', replicaSetOf('web', 4, { template }), { actor: 'user', namespace: 'default' });
    await settle();
    const placed = api.list('pods').filter((one) => one.spec.nodeName !== undefined);
    expect(placed).toHaveLength(3);
    const waiting = api.list('pods').find((one) => one.spec.nodeName === undefined);
    expect(condition(waiting?.metadata.name ?? '')?.message).toMatch(
      /^0\/2 nodes are available: 1 Too many pods, 1 node\(s\) didn't match pod topology spread constraints\. /,
    );
  });

  test('required affinity brings pods together, the first of them anywhere [SPEC C78]', async () => {
    for (const name of ['a', 'b', 'c']) node(name);
    const template = templateOf({ app: 'web' });
    const term = { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'web' } } };
    Object.assign(template.spec, {
      affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } },
    });
    api.create('replicasets.apps', replicaSetOf('web', 5, { template }), { actor: 'user', namespace: 'default' });
    await settle();
    expect(new Set(api.list('pods').map((one) => one.spec.nodeName)).size).toBe(1);
  });

  test('the emptier one, the preferred one and the one without soft taints are better [SPEC C78]', async () => {
    node('full');
    pod('big', { ...requesting({ cpu: '3', memory: '6Gi' }) });
    await settle();
    node('empty');
    pod('p', requesting({ cpu: '100m' }));
    await settle();
    expect(nodeOf('p')).toBe('empty');
    pod('fond', {
      affinity: {
        nodeAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            {
              weight: 1,
              preference: { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['full'] }] },
            },
          ],
        },
      },
    });
    await settle();
    expect(nodeOf('fond')).toBe('full');
    api.modify(
      'nodes',
      'empty',
      undefined,
      (draft) => Object.assign(draft.spec, { taints: [{ key: 'k', effect: 'PreferNoSchedule' }] }),
      { actor: 'u' },
    );
    await settle();
    pod('shy');
    await settle();
    expect(nodeOf('shy')).toBe('full');
  });
});
