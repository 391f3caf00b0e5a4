import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../kinds/kind.ts';
import { timeText } from '../machinery/instants.ts';
import { settle, type TestApi, type VirtualClock } from '../testing.ts';
import { replicaSetOf, setReady, startKubelet, templateOf, told } from '../testing-workloads.ts';
import { worldForEachTest } from '../testing-world.ts';
import { chooseVictims } from './victims.ts';

const user = { actor: 'user', namespace: 'ns' };
let clock: VirtualClock;
let api: TestApi;
worldForEachTest({ enabled: ['replicaset'] }, (world) => {
  ({ clock, api } = world);
});

const pods = () => api.list('pods', { namespace: 'ns' });
const get = () => api.get('replicasets.apps', 'rs', 'ns');
const scale = (replicas: number) =>
  api.modify('replicasets.apps', 'rs', 'ns', (draft) => Object.assign(draft.spec, { replicas }), { actor: 'user' });

describe('a ReplicaSet', () => {
  test('makes pods of its template, owned by it, and tells of each [SPEC C79]', async () => {
    api.create('replicasets.apps', replicaSetOf('rs', 2), user);
    await settle();
    const [first] = pods();
    expect(first?.metadata).toMatchObject({
      generateName: 'rs-',
      labels: { app: 'rs' },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: 'rs',
          uid: get()?.metadata.uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    });
    expect(get()?.status).toEqual({ replicas: 2, fullyLabeledReplicas: 2, observedGeneration: 1 });
    expect(told(api, 'ReplicaSet').sort()).toEqual(
      pods()
        .map((pod) => `SuccessfulCreate Created pod: ${pod.metadata.name}`)
        .sort(),
    );
    const [event] = api.list('events');
    expect(event).toMatchObject({
      involvedObject: { kind: 'ReplicaSet', namespace: 'ns', name: 'rs', apiVersion: 'apps/v1' },
      source: { component: 'replicaset-controller' },
      reportingComponent: 'replicaset-controller',
      count: 1,
      type: 'Normal',
      firstTimestamp: '2026-11-23T00:00:00Z',
      lastTimestamp: '2026-11-23T00:00:00Z',
    });
    expect(event?.metadata.name).toMatch(/^rs\.[0-9a-f]+$/);
  });

  test('replaces pods that are deleted or have failed, and leaves failed ones lie [SPEC C79]', async () => {
    api.create('replicasets.apps', replicaSetOf('rs', 2), user);
    await settle();
    const [first, second] = pods();
    api.delete('pods', first?.metadata.name ?? '', 'ns');
    api.modify('pods', second?.metadata.name ?? '', 'ns', (draft) => Object.assign(draft.status, { phase: 'Failed' }), {
      actor: 'kubelet',
      subresource: 'status',
    });
    await settle();
    expect(pods()).toHaveLength(3);
    expect(get()?.status.replicas).toBe(2);
  });

  test('adopts pods that match and releases pods that no longer do [SPEC C79]', async () => {
    const orphan = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'orphan', labels: { app: 'rs' } },
      spec: templateOf({}).spec,
    };
    api.create('pods', orphan, user);
    api.create('replicasets.apps', replicaSetOf('rs', 2), user);
    await settle();
    expect(pods()).toHaveLength(2);
    expect(api.get('pods', 'orphan', 'ns')?.metadata.ownerReferences?.[0]?.name).toBe('rs');
    api.modify('pods', 'orphan', 'ns', (draft) => Object.assign(draft.metadata, { labels: { app: 'mine' } }), user);
    await settle();
    expect(api.get('pods', 'orphan', 'ns')?.metadata.ownerReferences).toBeUndefined();
    expect(pods()).toHaveLength(3);
  });

  test('grows by hundreds and shrinks to nothing [SPEC C79]', async () => {
    const end = startKubelet(api, clock);
    api.create('replicasets.apps', replicaSetOf('rs', 700), user);
    await settle();
    expect(get()?.status).toMatchObject({ replicas: 700, readyReplicas: 700, availableReplicas: 700 });
    scale(0);
    await settle();
    end();
    expect(pods()).toEqual([]);
    expect(get()?.status).toEqual({ replicas: 0, observedGeneration: 2 });
    // Ten of each, then one Event for all the others.
    const events = told(api, 'ReplicaSet');
    expect(events.length).toBeLessThanOrEqual(22);
    expect(events.some((text) => text.startsWith('SuccessfulCreate (combined from similar events): '))).toBe(true);
  });
});

describe('who goes first when it shrinks', () => {
  const now = Date.parse('2026-11-23T12:00:00Z');
  const pod = (
    name: string,
    more: Partial<Record<'node' | 'phase' | 'cost', string>> & { ready?: number; age?: number; restarts?: number } = {},
  ): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'ns',
      uid: name,
      resourceVersion: '1',
      creationTimestamp: timeText(now - (more.age ?? 1000) * 1000),
      ...(more.cost && { annotations: { 'controller.kubernetes.io/pod-deletion-cost': more.cost } }),
    },
    spec: { nodeName: more.node ?? 'n', containers: [] },
    status: {
      phase: more.phase ?? 'Running',
      containerStatuses: [{ name: 'c', restartCount: more.restarts ?? 0 }],
      conditions:
        more.ready === undefined
          ? []
          : [{ type: 'Ready', status: 'True', lastTransitionTime: timeText(now - more.ready * 1000) }],
    },
  });
  const cases: Array<[string, KubeObject, KubeObject]> = [
    ['without a node before one on a node', pod('a', { node: '', ready: 9 }), pod('b')],
    ['pending before running', pod('a', { phase: 'Pending' }), pod('b')],
    ['not ready before ready', pod('a'), pod('b', { ready: 5 })],
    ['cheaper before dearer', pod('a', { ready: 5, cost: '-1' }), pod('b', { ready: 5 })],
    ['ready for a second before ready for an hour', pod('a', { ready: 1 }), pod('b', { ready: 3600 })],
    ['more restarts before fewer', pod('a', { restarts: 3 }), pod('b')],
    ['made a minute ago before made a day ago', pod('a', { age: 60 }), pod('b', { age: 86_400 })],
  ];
  test.each(cases)('%s [SPEC C79]', (_name, first, second) => {
    const names = (list: KubeObject[]) => chooseVictims(list, list, 1, now).map((one) => one.metadata.name);
    expect([names([first, second]), names([second, first])]).toEqual([['a'], ['a']]);
  });

  test('on the node that has more of them [SPEC C79]', () => {
    const all = [
      pod('a', { node: 'x', ready: 9 }),
      pod('b', { node: 'y', ready: 9 }),
      pod('c', { node: 'y', ready: 9 }),
    ];
    expect(chooseVictims(all, all, 1, now)[0]?.spec.nodeName).toBe('y');
  });
});

test('a pod is ready when its kubelet says so, and counted at once [SPEC C79]', async () => {
  api.create('replicasets.apps', replicaSetOf('rs', 1), user);
  await settle();
  const [pod] = pods();
  if (pod === undefined) throw new Error('no pod');
  setReady(api, clock, pod, true);
  await settle();
  expect(get()?.status).toMatchObject({ readyReplicas: 1, availableReplicas: 1 });
});
