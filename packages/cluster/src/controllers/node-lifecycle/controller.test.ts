import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startControllers } from '../index.ts';
import { microTimeText, timeText } from '../machinery/instants.ts';
import { createTestApi, createVirtualClock, settle, type TestApi, type VirtualClock } from '../testing.ts';
import { setReady, templateOf, told } from '../testing-workloads.ts';

let clock: VirtualClock;
let api: TestApi;
let stop: () => void;
let failures: unknown[];
/** Whose Lease is renewed. */
let alive: Set<string>;

beforeEach(() => {
  clock = createVirtualClock();
  api = createTestApi(clock);
  failures = [];
  alive = new Set();
});

afterEach(() => {
  stop();
  expect(failures).toEqual([]);
});

function start(options = {}): void {
  const controllers = startControllers(api, clock, {
    enabled: ['node-lifecycle', 'taint-eviction', 'pod-gc'],
    onError: (error) => failures.push(error),
    ...options,
  });
  const stopRenewing = renewForEver();
  stop = () => {
    controllers.stop();
    stopRenewing();
  };
}

function renewForEver(): () => void {
  const renew = (): void => {
    cancel = clock.after(10_000, renew);
    for (const name of alive) {
      const lease = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name, namespace: 'kube-node-lease' },
        spec: { holderIdentity: name, leaseDurationSeconds: 40, renewTime: microTimeText(clock.now()) },
      };
      const at = { actor: 'kubelet', namespace: 'kube-node-lease' };
      if (api.get('leases.coordination.k8s.io', name, 'kube-node-lease') === undefined) {
        api.create('leases.coordination.k8s.io', lease, at);
      } else {
        api.modify(
          'leases.coordination.k8s.io',
          name,
          'kube-node-lease',
          (draft) => {
            draft.spec.renewTime = lease.spec.renewTime;
          },
          { actor: 'kubelet' },
        );
      }
    }
  };
  let cancel = clock.after(0, renew);
  return () => cancel();
}

const ready = (status: string) => ({
  type: 'Ready',
  status,
  reason: 'KubeletReady',
  message: 'virtual',
  lastHeartbeatTime: timeText(clock.now()),
  lastTransitionTime: timeText(clock.now()),
});

function node(name: string, labels: Record<string, string> = {}, conditions: object[] = [ready('True')]): void {
  const status = {
    conditions,
    allocatable: { cpu: '4', memory: '8Gi', pods: '110' },
    capacity: { cpu: '4', memory: '8Gi', pods: '110' },
  };
  api.create('nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name, labels }, status }, { actor: 'kubelet' });
  alive.add(name);
}

async function runningPod(name: string, nodeName: string, tolerations?: object[]): Promise<void> {
  const spec = { ...templateOf({}).spec, nodeName, ...(tolerations && { tolerations }) };
  const pod = api.create(
    'pods',
    { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec },
    { actor: 'u', namespace: 'ns' },
  );
  setReady(api, clock, pod, true);
  await settle();
}

const get = (name: string) => api.get('nodes', name);
const taintsOf = (name: string) =>
  ((get(name)?.spec.taints ?? []) as Array<{ key: string; effect: string }>).map(
    ({ key, effect }) => `${key}:${effect}`,
  );
const readyOf = (name: string) => get(name)?.status.conditions?.find((c: { type: string }) => c.type === 'Ready');
const pod = (name: string) => api.get('pods', name, 'ns');
const podCondition = (name: string, type: string) =>
  pod(name)?.status.conditions?.find((c: { type: string }) => c.type === type);
const unreachable = 'node.kubernetes.io/unreachable';

describe('a Node', () => {
  test('is registered, and its end told [SPEC C84]', async () => {
    start();
    node('vn-0');
    await clock.advance(5_000);
    api.delete('nodes', 'vn-0', undefined);
    await clock.advance(5_000);
    expect(told(api, 'Node')).toEqual([
      'RegisteredNode Node vn-0 event: Registered Node vn-0 in Controller',
      'RemovingNode Node vn-0 event: Removing Node vn-0 from Controller',
    ]);
  });

  test('stays Ready by its Lease alone [SPEC C83]', async () => {
    start();
    node('vn-0');
    await clock.advance(600_000);
    expect(readyOf('vn-0')?.status).toBe('True');
  });

  test('without a Lease and a heartbeat is Unknown after 50 s, tainted at once, its pods not ready [SPEC C83]', async () => {
    start();
    node('vn-0');
    node('vn-1');
    await runningPod('p', 'vn-0');
    await clock.advance(10_000);
    alive.delete('vn-0');
    await clock.advance(50_000);
    expect(readyOf('vn-0')?.status).toBe('True');
    await clock.advance(6_000);
    expect(readyOf('vn-0')).toMatchObject({
      status: 'Unknown',
      reason: 'NodeStatusUnknown',
      message: 'Kubelet stopped posting node status.',
      lastHeartbeatTime: '2026-11-23T00:00:00Z',
    });
    expect(taintsOf('vn-0')).toEqual([`${unreachable}:NoSchedule`, `${unreachable}:NoExecute`]);
    expect(podCondition('p', 'Ready')?.status).toBe('False');
    expect(told(api, 'Node')).toContain('NodeNotReady Node vn-0 status is now: NodeNotReady');
    expect(told(api, 'Pod')).toEqual(['NodeNotReady Node is not ready']);
    expect(readyOf('vn-1')?.status).toBe('True');
  });

  test('that is heard again loses NoSchedule at once and NoExecute at the next look [SPEC C83]', async () => {
    start();
    node('vn-0');
    node('vn-1');
    await clock.advance(1_000);
    alive.delete('vn-0');
    await clock.advance(60_000);
    expect(taintsOf('vn-0')).toHaveLength(2);
    alive.add('vn-0');
    api.modify('nodes', 'vn-0', undefined, (draft) => Object.assign(draft.status, { conditions: [ready('True')] }), {
      actor: 'kubelet',
      subresource: 'status',
    });
    await settle();
    expect(taintsOf('vn-0')).toEqual([`${unreachable}:NoExecute`]);
    await clock.advance(5_000);
    expect(taintsOf('vn-0')).toEqual([]);
  });

  test('that never reported is Unknown after 60 s, in other words [SPEC C83]', async () => {
    start();
    node('vn-0', {}, []);
    alive.clear();
    await clock.advance(59_000);
    expect(taintsOf('vn-0')).toEqual([]);
    await clock.advance(8_000);
    expect(readyOf('vn-0')).toMatchObject({
      status: 'Unknown',
      reason: 'NodeStatusNeverUpdated',
      message: 'Kubelet never posted node status.',
    });
  });

  test('is tainted by its conditions and when it is cordoned [SPEC C84]', async () => {
    start();
    node('vn-0', {}, [ready('True'), { ...ready('True'), type: 'MemoryPressure' }]);
    await settle();
    expect(taintsOf('vn-0')).toEqual(['node.kubernetes.io/memory-pressure:NoSchedule']);
    api.modify('nodes', 'vn-0', undefined, (draft) => Object.assign(draft.spec, { unschedulable: true }), {
      actor: 'u',
    });
    await settle();
    expect(taintsOf('vn-0')).toContain('node.kubernetes.io/unschedulable:NoSchedule');
    api.modify('nodes', 'vn-0', undefined, (draft) => delete draft.spec.unschedulable, { actor: 'u' });
    await settle();
    expect(taintsOf('vn-0')).toEqual(['node.kubernetes.io/memory-pressure:NoSchedule']);
  });

  test('that is not ready makes no pod ready [SPEC C83]', async () => {
    start();
    node('vn-0', {}, [ready('False')]);
    await settle();
    await runningPod('p', 'vn-0');
    expect(podCondition('p', 'Ready')?.status).toBe('False');
  });
});

describe('many silent Nodes', () => {
  test('are tainted NoExecute one in ten seconds [SPEC C85]', async () => {
    start();
    for (const name of ['a', 'b', 'c', 'd', 'e']) node(name);
    await clock.advance(1_000);
    alive.delete('a');
    alive.delete('b');
    await clock.advance(60_000);
    const tainted = () => ['a', 'b'].filter((name) => taintsOf(name).includes(`${unreachable}:NoExecute`)).length;
    expect(tainted()).toBe(1);
    await clock.advance(10_000);
    expect(tainted()).toBe(2);
  });

  test('if they are all there are, are not tainted NoExecute, and pods stay [SPEC C85]', async () => {
    start();
    node('a');
    await runningPod('p', 'a', [{ key: unreachable, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 5 }]);
    await clock.advance(1_000);
    alive.clear();
    await clock.advance(300_000);
    expect(taintsOf('a')).toEqual([`${unreachable}:NoSchedule`]);
    expect(pod('p')?.metadata.deletionTimestamp).toBeUndefined();
  });

  test('are left in peace for ten seconds more when the first of all comes back [SPEC C85]', async () => {
    start();
    for (const name of ['a', 'b', 'c']) node(name);
    await clock.advance(1_000);
    alive.clear();
    await clock.advance(100_000);
    alive.add('b');
    api.modify('nodes', 'b', undefined, (draft) => Object.assign(draft.status, { conditions: [ready('True')] }), {
      actor: 'kubelet',
      subresource: 'status',
    });
    const tainted = () => ['a', 'c'].filter((name) => taintsOf(name).includes(`${unreachable}:NoExecute`)).length;
    await clock.advance(9_000);
    expect(tainted()).toBe(0);
    await clock.advance(9_000);
    expect(tainted()).toBe(1);
  });

  test('if they are all there are, are tainted all the same where that is asked for [SPEC C85]', async () => {
    start({ evictInFullDisruption: true });
    node('a');
    await clock.advance(1_000);
    alive.clear();
    await clock.advance(70_000);
    expect(taintsOf('a')).toEqual([`${unreachable}:NoSchedule`, `${unreachable}:NoExecute`]);
  });

  test('three and more that are most of a small zone stop its evictions [SPEC C85]', async () => {
    start();
    for (const name of ['a', 'b', 'c', 'd']) node(name, { 'topology.kubernetes.io/zone': 'east' });
    node('w', { 'topology.kubernetes.io/zone': 'west' });
    await clock.advance(1_000);
    for (const name of ['a', 'b', 'c']) alive.delete(name);
    await clock.advance(120_000);
    const tainted = ['a', 'b', 'c'].filter((name) => taintsOf(name).includes(`${unreachable}:NoExecute`));
    expect(tainted.length).toBeLessThan(2);
  });
});

describe('a pod under a NoExecute taint', () => {
  const taint = (name: string, taints: object[]) =>
    api.modify('nodes', name, undefined, (draft) => Object.assign(draft.spec, { taints }), { actor: 'u' });
  const gone = [{ key: 'gone', effect: 'NoExecute' }];

  test('that does not tolerate it is deleted at once, and says why [SPEC C86]', async () => {
    start();
    node('vn-0');
    await runningPod('p', 'vn-0');
    taint('vn-0', gone);
    await settle();
    expect(podCondition('p', 'DisruptionTarget')).toMatchObject({
      status: 'True',
      reason: 'DeletionByTaintManager',
      message: 'Taint manager: deleting due to NoExecute taint',
    });
    expect(pod('p')?.metadata.deletionTimestamp).toBeDefined();
    const event = api.list('events').find((one) => one.reason === 'TaintManagerEviction');
    expect(event?.message).toBe('Marking for deletion Pod ns/p');
    expect(event?.involvedObject).toEqual({ kind: 'Pod', namespace: 'ns', name: 'p', apiVersion: 'v1' });
  });

  test('that tolerates it for a while is deleted after that while [SPEC C86]', async () => {
    start();
    node('vn-0');
    await runningPod('p', 'vn-0', [{ key: 'gone', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 30 }]);
    await runningPod('q', 'vn-0', [{ key: 'gone', operator: 'Exists' }]);
    taint('vn-0', gone);
    await clock.advance(29_000);
    expect(pod('p')?.metadata.deletionTimestamp).toBeUndefined();
    await clock.advance(2_000);
    expect(pod('p')?.metadata.deletionTimestamp).toBeDefined();
    expect(pod('q')?.metadata.deletionTimestamp).toBeUndefined();
  });

  test('stays when the taint goes in time, and that is told [SPEC C86]', async () => {
    start();
    node('vn-0');
    await runningPod('p', 'vn-0', [{ key: 'gone', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 30 }]);
    taint('vn-0', gone);
    await clock.advance(20_000);
    taint('vn-0', []);
    await clock.advance(60_000);
    expect(pod('p')?.metadata.deletionTimestamp).toBeUndefined();
    expect(told(api, 'Pod')).toEqual(['TaintManagerEviction Cancelling deletion of Pod ns/p']);
  });
});

describe('a pod that nobody will end', () => {
  test('on a Node that is gone fails and is removed within a minute [SPEC C87]', async () => {
    start();
    node('vn-0');
    await runningPod('p', 'vn-0');
    const seen: unknown[] = [];
    const end = api.watch('pods', ({ object }) => seen.push([object.status.phase, object.status.conditions]));
    api.delete('nodes', 'vn-0', undefined);
    await clock.advance(39_000);
    expect(pod('p')).toBeDefined();
    await clock.advance(22_000);
    end();
    expect(pod('p')).toBeUndefined();
    expect(JSON.stringify(seen)).toContain('"reason":"DeletionByPodGC","message":"PodGC: node no longer exists"');
    expect(seen.at(-1)).toEqual(['Failed', expect.anything()]);
  });

  test('on a Node that is out of service is removed once it is being deleted [SPEC C87]', async () => {
    start();
    node('vn-0', {}, [ready('False')]);
    await runningPod('p', 'vn-0');
    api.modify(
      'nodes',
      'vn-0',
      undefined,
      (draft) =>
        Object.assign(draft.spec, {
          taints: [{ key: 'node.kubernetes.io/out-of-service', value: 'x', effect: 'NoSchedule' }],
        }),
      { actor: 'u' },
    );
    await clock.advance(25_000);
    expect(pod('p')).toBeDefined();
    api.delete('pods', 'p', 'ns');
    await clock.advance(21_000);
    expect(pod('p')).toBeUndefined();
  });

  test('that has ended is removed where there are too many, the oldest first [SPEC C87]', async () => {
    start({ terminatedPodThreshold: 1 });
    node('vn-0');
    for (const name of ['old', 'new']) {
      await runningPod(name, 'vn-0');
      api.modify('pods', name, 'ns', (draft) => Object.assign(draft.status, { phase: 'Succeeded' }), {
        actor: 'kubelet',
        subresource: 'status',
      });
      await clock.advance(2_000);
    }
    await clock.advance(20_000);
    expect([pod('old'), pod('new')?.metadata.name]).toEqual([undefined, 'new']);
  });
});
