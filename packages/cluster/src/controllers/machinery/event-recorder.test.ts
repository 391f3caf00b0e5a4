import { beforeEach, describe, expect, test } from 'vitest';
import { createTestApi, createVirtualClock, type TestApi, type VirtualClock } from '../testing.ts';
import { createEventRecorder, createSeriesRecorder, type EventRecorder } from './event-recorder.ts';

let clock: VirtualClock;
let api: TestApi;
let recorder: EventRecorder;
const web = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'ns', uid: 'u1', resourceVersion: '5' },
};

beforeEach(() => {
  clock = createVirtualClock();
  api = createTestApi(clock);
  recorder = createEventRecorder({
    api,
    clock,
    component: 'deployment-controller',
    actor: 'kube-controller-manager',
    onError: (error) => {
      throw error;
    },
  });
});

const record = (message: string) => recorder.record(web, { type: 'Normal', reason: 'ScalingReplicaSet', message });
const events = () =>
  api.list('events', { namespace: 'ns' }).sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));

describe('a controller’s Event', () => {
  test('has the fields of a real one [SPEC C89]', () => {
    record('Scaled up replica set web-869d8947f7 from 0 to 2');
    const [event] = events();
    const { metadata, ...fields } = event ?? { metadata: undefined };
    expect(metadata?.name).toMatch(/^web\.[0-9a-f]{16}$/);
    expect(fields).toEqual({
      apiVersion: 'v1',
      kind: 'Event',
      involvedObject: {
        kind: 'Deployment',
        namespace: 'ns',
        name: 'web',
        uid: 'u1',
        apiVersion: 'apps/v1',
        resourceVersion: '5',
      },
      reason: 'ScalingReplicaSet',
      message: 'Scaled up replica set web-869d8947f7 from 0 to 2',
      source: { component: 'deployment-controller' },
      firstTimestamp: '2026-11-23T00:00:00Z',
      lastTimestamp: '2026-11-23T00:00:00Z',
      count: 1,
      type: 'Normal',
      eventTime: null,
      reportingComponent: 'deployment-controller',
      reportingInstance: '',
    });
  });

  test('counts its repeats [SPEC C89]', async () => {
    record('again');
    await clock.advance(5_000);
    record('again');
    expect(events()).toMatchObject([
      { count: 2, firstTimestamp: '2026-11-23T00:00:00Z', lastTimestamp: '2026-11-23T00:00:05Z' },
    ]);
  });

  test('stands for all that are like it from the tenth on, and falls silent after 25 [SPEC C89]', () => {
    for (let step = 0; step < 40; step++) record(`step ${step}`);
    const all = events();
    expect(all).toHaveLength(10);
    expect(all.at(-1)).toMatchObject({ message: '(combined from similar events): step 24', count: 16 });
  });

  test('of a Node stands in the namespace default [SPEC C89]', () => {
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'vn-0', uid: 'u2', resourceVersion: '7' } };
    recorder.record(node, { type: 'Normal', reason: 'RegisteredNode', message: 'm' });
    expect(api.list('events', { namespace: 'default' })).toMatchObject([
      { involvedObject: { kind: 'Node', name: 'vn-0', uid: 'u2', apiVersion: 'v1' } },
    ]);
  });
});

test('the scheduler’s repeats join a series; six minutes later it is a new Event [SPEC C89]', async () => {
  const scheduler = createSeriesRecorder({
    api,
    clock,
    component: 'default-scheduler',
    actor: 'kube-scheduler',
    instance: 'default-scheduler-vm',
    onError: (error) => {
      throw error;
    },
  });
  const fail = () =>
    scheduler.record(web, { type: 'Warning', reason: 'FailedScheduling', action: 'Scheduling', message: 'no room' });
  fail();
  await clock.advance(1_500);
  fail();
  expect(events()).toMatchObject([
    {
      source: {},
      eventTime: '2026-11-23T00:00:00.000000Z',
      series: { count: 2, lastObservedTime: '2026-11-23T00:00:01.500000Z' },
      reportingInstance: 'default-scheduler-vm',
    },
  ]);
  await clock.advance(400_000);
  fail();
  expect(events()).toHaveLength(2);
});
