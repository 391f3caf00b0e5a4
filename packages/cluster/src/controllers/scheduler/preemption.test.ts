import { beforeEach, expect, test } from 'vitest';
import { startControllers } from '../index.ts';
import { createTestApi, createVirtualClock, settle, type TestApi, type VirtualClock } from '../testing.ts';
import { templateOf } from '../testing-workloads.ts';

let clock: VirtualClock;
let api: TestApi;

beforeEach(async () => {
  clock = createVirtualClock();
  api = createTestApi(clock);
  for (const [name, value] of Object.entries({ low: 1, middle: 10, high: 100 })) {
    const group = { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass' };
    api.create('priorityclasses.scheduling.k8s.io', { ...group, metadata: { name }, value }, { actor: 'test' });
  }
  const allocatable = { cpu: '2', memory: '4Gi', pods: '10' };
  const status = { allocatable, conditions: [{ type: 'Ready', status: 'True' }] };
  api.create('nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'a' }, status }, { actor: 'kubelet' });
  api.modify('nodes', 'a', undefined, (draft) => Object.assign(draft.spec, { taints: [] }), { actor: 'test' });
  startControllers(api, clock, { enabled: ['scheduler'], random: () => 0 });
  await settle();
});

async function pod(name: string, priorityClassName: string, cpu: string): Promise<void> {
  const { spec } = templateOf({});
  const [container] = spec.containers;
  const containers = [{ ...container, resources: { requests: { cpu } } }];
  const body = { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { ...spec, containers, priorityClassName } };
  api.create('pods', body, { actor: 'test', namespace: 'ns' });
  await settle();
}
const get = (name: string) => api.get('pods', name, 'ns');
const end = async (name: string): Promise<void> => {
  api.delete('pods', name, 'ns', { gracePeriodSeconds: 0 });
  await settle();
};

test('what was made free for a Pod is anybody’s again once that Pod is gone [SPEC C112]', async () => {
  await pod('low', 'low', '2');
  await pod('high', 'high', '2');
  expect(get('high')?.status.nominatedNodeName).toBe('a');
  await end('high');
  await end('low');
  await pod('middle', 'middle', '2');
  expect(get('middle')?.spec.nodeName).toBe('a');
});

test('a Pod that is nominated comes before another that is less important, and after one that is more [SPEC C112]', async () => {
  await pod('low', 'low', '2');
  await pod('middle', 'middle', '2');
  expect(get('middle')?.status.nominatedNodeName).toBe('a');
  await pod('late', 'low', '1');
  await pod('high', 'high', '2');
  expect(get('high')?.status.nominatedNodeName).toBe('a');
  expect(get('middle')?.status.nominatedNodeName).toBeUndefined();
  await end('low');
  await clock.advance(15_000);
  expect(['high', 'middle', 'late'].map((name) => get(name)?.spec.nodeName)).toEqual(['a', undefined, undefined]);
});

test('a victim is chosen though the clock moves while Pods without a start are compared [SPEC C112]', async () => {
  for (const name of ['one', 'two']) await pod(name, 'low', '1');
  let now = clock.now();
  clock.now = () => now++;
  await pod('high', 'high', '1');
  expect(get('high')?.status.nominatedNodeName).toBe('a');
});
