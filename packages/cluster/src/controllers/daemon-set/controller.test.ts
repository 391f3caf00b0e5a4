import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../kinds/kind.ts';
import { timeText } from '../machinery/instants.ts';
import { settle, type TestApi, type VirtualClock } from '../testing.ts';
import { startKubelet, templateOf, told } from '../testing-workloads.ts';
import { worldForEachTest } from '../testing-world.ts';

const user = { actor: 'user', namespace: 'ns' };
let clock: VirtualClock;
let api: TestApi;
let endings: Array<() => void>;
worldForEachTest({ enabled: ['daemonset', 'scheduler', 'garbage-collector', 'node-lifecycle'] }, (world) => {
  ({ clock, api, endings } = world);
});

const node = (name: string, taints: object[] = [], labels: Record<string, string> = {}) => {
  const status = {
    allocatable: { cpu: '4', memory: '8Gi', pods: '110' },
    conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: timeText(clock.now()) }],
  };
  api.create(
    'nodes',
    { apiVersion: 'v1', kind: 'Node', metadata: { name, labels }, spec: { taints }, status },
    { actor: 'kubelet' },
  );
};
const daemonSet = (spec: Record<string, unknown> = {}, image = 'biz:1') =>
  api.create(
    'daemonsets.apps',
    {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: 'agent' },
      spec: { selector: { matchLabels: { app: 'agent' } }, template: templateOf({ app: 'agent' }, image), ...spec },
    },
    user,
  );
const change = (change: (draft: KubeObject) => void) => api.modify('daemonsets.apps', 'agent', 'ns', change, user);
const get = () => api.get('daemonsets.apps', 'agent', 'ns');
const pods = () => api.list('pods', { namespace: 'ns' });
const nodesUsed = () =>
  pods()
    .map((pod) => pod.spec.nodeName)
    .sort();
const revisions = () =>
  api.list('controllerrevisions.apps', { namespace: 'ns' }).sort((a, b) => a.revision - b.revision);
const runPods = (shouldRun?: (pod: KubeObject) => boolean) => endings.push(startKubelet(api, clock, shouldRun));

describe('a DaemonSet', () => {
  test('puts one pod on each node that fits, through the scheduler, and counts them [SPEC C91]', async () => {
    runPods();
    node('a');
    node('b');
    node('tainted', [{ key: 'k', effect: 'NoSchedule' }]);
    daemonSet();
    await settle();
    expect(nodesUsed()).toEqual(['a', 'b']);
    const [pod] = pods();
    const hash = revisions()[0]?.metadata.labels?.['controller-revision-hash'];
    expect(pod?.metadata.labels).toEqual({
      app: 'agent',
      'controller-revision-hash': hash,
      'pod-template-generation': '1',
    });
    expect(pod?.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms).toEqual([
      { matchFields: [{ key: 'metadata.name', operator: 'In', values: [pod?.spec.nodeName] }] },
    ]);
    expect(pod?.spec.tolerations).toEqual([
      { effect: 'NoExecute', key: 'node.kubernetes.io/not-ready', operator: 'Exists' },
      { effect: 'NoExecute', key: 'node.kubernetes.io/unreachable', operator: 'Exists' },
      { effect: 'NoSchedule', key: 'node.kubernetes.io/disk-pressure', operator: 'Exists' },
      { effect: 'NoSchedule', key: 'node.kubernetes.io/memory-pressure', operator: 'Exists' },
      { effect: 'NoSchedule', key: 'node.kubernetes.io/pid-pressure', operator: 'Exists' },
      { effect: 'NoSchedule', key: 'node.kubernetes.io/unschedulable', operator: 'Exists' },
    ]);
    expect(get()?.status).toEqual({
      currentNumberScheduled: 2,
      desiredNumberScheduled: 2,
      numberAvailable: 2,
      numberMisscheduled: 0,
      numberReady: 2,
      observedGeneration: 1,
      updatedNumberScheduled: 2,
    });
    expect(told(api, 'DaemonSet').every((text) => text.startsWith('SuccessfulCreate Created pod: agent-'))).toBe(true);
  });

  test('follows nodes as they come, are cordoned, are tainted and go [SPEC C91]', async () => {
    runPods();
    daemonSet();
    node('a');
    await settle();
    expect(nodesUsed()).toEqual(['a']);
    node('b');
    await settle();
    expect(nodesUsed()).toEqual(['a', 'b']);
    api.modify('nodes', 'a', undefined, (draft) => Object.assign(draft.spec, { unschedulable: true }), { actor: 'u' });
    await settle();
    expect(nodesUsed()).toEqual(['a', 'b']);
    api.modify(
      'nodes',
      'b',
      undefined,
      (draft) => Object.assign(draft.spec, { taints: [{ key: 'k', effect: 'NoExecute' }] }),
      { actor: 'u' },
    );
    await settle();
    expect(nodesUsed()).toEqual(['a']);
  });

  test('replaces its pods node by node when the template changes, and goes back to an old revision [SPEC C92]', async () => {
    runPods();
    for (const name of ['a', 'b', 'c']) node(name);
    daemonSet();
    await settle();
    let fewest = 3;
    endings.push(
      api.watch('pods', () => {
        const ready = pods().filter(
          (pod) => pod.metadata.deletionTimestamp === undefined && pod.status.phase === 'Running',
        );
        fewest = Math.min(fewest, ready.length);
      }),
    );
    change((draft) => Object.assign(draft.spec, { template: templateOf({ app: 'agent' }, 'biz:2') }));
    await clock.advance(1_000);
    expect(fewest).toBe(2);
    expect(pods().map((pod) => pod.spec.containers[0].image)).toEqual(['biz:2', 'biz:2', 'biz:2']);
    expect(revisions().map(({ revision }) => revision)).toEqual([1, 2]);
    expect(revisions()[0]?.data.spec.template.$patch).toBe('replace');
    change((draft) => Object.assign(draft.spec, { template: templateOf({ app: 'agent' }, 'biz:1') }));
    await clock.advance(1_000);
    expect(pods().map((pod) => pod.spec.containers[0].image)).toEqual(['biz:1', 'biz:1', 'biz:1']);
    expect(revisions().map(({ revision }) => revision)).toEqual([2, 3]);
    expect(get()?.status).toMatchObject({ updatedNumberScheduled: 3, numberAvailable: 3 });
  });

  test('stops at the first node whose new pod does not get ready [SPEC C92]', async () => {
    runPods((pod) => pod.spec.containers[0].image === 'biz:1');
    for (const name of ['a', 'b', 'c']) node(name);
    daemonSet();
    await settle();
    change((draft) => Object.assign(draft.spec, { template: templateOf({ app: 'agent' }, 'biz:broken') }));
    await clock.advance(5_000);
    expect(
      pods()
        .map((pod) => pod.spec.containers[0].image)
        .sort(),
    ).toEqual(['biz:1', 'biz:1', 'biz:broken']);
  });

  test('with surge, starts the new pod before the old one goes [SPEC C92]', async () => {
    runPods((pod) => pod.spec.containers[0].image === 'biz:1');
    node('a');
    daemonSet({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } });
    await settle();
    change((draft) => Object.assign(draft.spec, { template: templateOf({ app: 'agent' }, 'biz:2') }));
    await clock.advance(1_000);
    expect(
      pods()
        .map((pod) => pod.spec.containers[0].image)
        .sort(),
    ).toEqual(['biz:1', 'biz:2']);
    runPods();
    await clock.advance(1_000);
    expect(pods().map((pod) => pod.spec.containers[0].image)).toEqual(['biz:2']);
  });

  test('with OnDelete, replaces nothing by itself [SPEC C92]', async () => {
    runPods();
    node('a');
    daemonSet({ updateStrategy: { type: 'OnDelete' } });
    await settle();
    change((draft) => Object.assign(draft.spec, { template: templateOf({ app: 'agent' }, 'biz:2') }));
    await settle();
    expect(pods().map((pod) => pod.spec.containers[0].image)).toEqual(['biz:1']);
    api.delete('pods', pods()[0]?.metadata.name ?? '', 'ns');
    await settle();
    expect(pods().map((pod) => pod.spec.containers[0].image)).toEqual(['biz:2']);
  });

  test('makes a failed pod again, each time later [SPEC C91]', async () => {
    node('a');
    daemonSet();
    await settle();
    const fail = async () => {
      const [pod] = pods();
      api.modify('pods', pod?.metadata.name ?? '', 'ns', (draft) => Object.assign(draft.status, { phase: 'Failed' }), {
        actor: 'kubelet',
        subresource: 'status',
      });
      await settle();
      return pods()[0]?.metadata.name !== pod?.metadata.name;
    };
    expect(await fail()).toBe(true);
    expect(await fail()).toBe(false);
    await clock.advance(2_000);
    expect(pods()[0]?.status.phase).toBe('Pending');
  });
});
