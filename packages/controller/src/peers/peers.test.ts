import { type Cluster, startCluster } from '@kouplet/cluster';
import { createFleet, defaultTimings, type FleetState, foldFleet, type ObservedNode, type Policy } from '@kouplet/core';
import {
  type ApiOutcome,
  type ApiRequest,
  createTransport,
  fixedAccess,
  type OutboxEvent,
  type Transport,
} from '@kouplet/kube';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../clock.ts';
import { logTo } from '../log.ts';
import { createMetrics } from '../metrics.ts';
import { eventually } from '../testing/eventually.ts';
import { projectDeployment } from './deployment.ts';
import { Peers } from './peers.ts';

const policy: Policy = {
  env: 'dev',
  holderIdentity: 'me',
  namespace: 'default',
  kubeletVersion: 'v1.34.0-kouplet.test',
  hasEnvTaint: false,
  hasOsLabels: false,
  unmanagedModules: 'report',
  goneAfterMs: 60_000,
  hasSessions: true,
  timings: { ...defaultTimings, peersLoweredAfterMs: 200, writeBackoffFirstMs: 50, writeBackoffCapMs: 200 },
};

let cluster: Cluster;
const ends: Array<() => Promise<void> | void> = [];
beforeEach(async () => {
  cluster = await startCluster();
  cluster.api.create(
    'deployments.apps',
    {
      metadata: {
        name: 'd1',
        namespace: 'default',
        labels: {
          'virtual-kubelet.koupleless.io/component': 'module-deployment',
          'virtual-kubelet.koupleless.io/env': 'dev',
          'virtual-kubelet.koupleless.io/strategy': 'peer',
        },
      },
      spec: {
        paused: false,
        replicas: 1,
        selector: { matchLabels: { app: 'd1' } },
        template: {
          metadata: { labels: { app: 'd1' } },
          spec: { containers: [{ name: 'biz1', image: 'https://repo/biz1.jar' }] },
        },
      },
    },
    { actor: 'test', namespace: 'default' },
  );
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  await cluster.close();
});

function sighted(): FleetState {
  const at = systemClock.now();
  const inputs = [
    { kind: 'link-up', link: 'tunnel', at },
    { kind: 'link-up', link: 'api', at },
    { kind: 'synced', at },
  ] as const;
  const fleet = inputs.reduce((before, input) => foldFleet(before, input, policy), createFleet());
  return { ...fleet, renewedAt: Number.MAX_SAFE_INTEGER };
}

const readyNode = (name: string): ObservedNode => ({
  metadata: { name, uid: name, resourceVersion: '1' },
  spec: {},
  status: { conditions: [{ type: 'Ready', status: 'True' }] },
});

/** Runs beside no controller, over `answers` in place of writes where given. */
function run(
  nodes: () => readonly string[],
  own: Partial<Policy> = {},
  answer?: (request: ApiRequest) => ApiOutcome | undefined,
) {
  const real = createTransport({ access: fixedAccess({ server: cluster.url }), userAgent: 'kouplet/test' });
  const writes: ApiRequest[] = [];
  const events: OutboxEvent[] = [];
  const lines: string[] = [];
  const transport: Transport = {
    access: real.access,
    get underWay() {
      return real.underWay;
    },
    open: (request) => real.open(request),
    request: async (request) => {
      if (request.method !== 'GET') writes.push(request);
      return (request.method === 'GET' ? undefined : answer?.(request)) ?? real.request(request);
    },
    close: () => real.close(),
  };
  const metrics = createMetrics(() => ({
    ...{ bases: 0, ready: 0, silent: 0, quarantined: 0, pods: 0, inFlight: 0, eventsWaiting: 0 },
    links: { api: true, tunnel: true },
    isSynced: true,
  }));
  const fleet = sighted();
  const peers = new Peers({
    transport,
    clock: systemClock,
    policy: { ...policy, ...own },
    outbox: { tell: (event) => void events.push(event), waiting: 0, flush: async () => {}, close: () => {} },
    log: logTo({ write: (line) => void lines.push(line) }, 'info'),
    metrics,
    seen: { fleet, bases: () => nodes().map((name) => ({ node: readyNode(name) })) },
  });
  peers.start();
  ends.push(async () => {
    await peers.stop();
    metrics.close();
    await real.close();
  });
  return { peers, writes, events, lines };
}

const replicas = (): number => cluster.api.get('deployments.apps', 'd1', 'default')?.spec.replicas;

test('a Deployment is written to through its scale, and the Event is about it [SPEC N22]', async () => {
  const { writes, events } = run(() => ['n1', 'n2', 'n3']);
  await eventually('it is sized', () => replicas() === 3);
  await eventually('it is told', () => events.length === 1);
  expect(writes).toHaveLength(1);
  expect(writes[0]).toMatchObject({
    method: 'PATCH',
    path: '/apis/apps/v1/namespaces/default/deployments/d1/scale',
    body: { metadata: { resourceVersion: expect.any(String) }, spec: { replicas: 3 } },
  });
  expect(events[0]).toMatchObject({
    regarding: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'default', name: 'd1' },
    reason: 'PeersScaled',
  });
});

test('what the server refuses is told once and tried again until it is taken [SPEC N22]', async () => {
  let left = 3;
  const denied = {
    kind: 'refused',
    status: 403,
    failure: { reason: 'Forbidden', message: 'no scale for you' },
  } as const;
  const { writes, events } = run(
    () => ['n1', 'n2'],
    {},
    () => {
      left -= 1;
      return left >= 0 ? denied : undefined;
    },
  );
  await eventually('it is sized', () => replicas() === 2);
  await eventually('it is told', () => events.length === 2);
  expect(events.map(({ reason }) => reason)).toEqual(['PeersNotScaled', 'PeersScaled']);
  expect(events[0]?.message).toContain('no scale for you');
  expect(writes).toHaveLength(4);
});

test('what somebody changed meanwhile is looked at first: another version or incarnation is not written to [SPEC N22]', async () => {
  const { writes } = run(
    () => ['n1', 'n2'],
    {},
    (request) => {
      if (writes.length > 1) return undefined;
      const body = request.body as { metadata: object };
      body.metadata = { ...body.metadata, resourceVersion: '1' };
      return undefined;
    },
  );
  await eventually('it is sized', () => replicas() === 2);
  expect(writes).toHaveLength(2);
});

test('an observer says what it would do, once, and writes nothing [SPEC E31]', async () => {
  let looks = 0;
  const nodes = (): string[] => {
    looks += 1;
    return ['n1', 'n2'];
  };
  const { writes, events, lines, peers } = run(nodes, { isObserver: true });
  await eventually('it is said', () => lines.length > 0);
  const before = looks;
  await eventually('it looks again, and again', () => {
    peers.touch();
    return looks >= before + 2;
  });
  expect(lines.map((line) => JSON.parse(line).do)).toEqual([
    'size Deployment default/d1 from 1 to 2: 2 of the 2 Nodes of env dev that its Pods may run on are Ready',
  ]);
  expect([writes, events, replicas()]).toEqual([[], [], 1]);
});

test('a Deployment of any shape is projected or left out, and never an exception [SPEC E2]', () => {
  for (const raw of [null, 1, {}, { metadata: { name: 'x' } }]) expect(projectDeployment(raw)).toBeUndefined();
  const metadata = { name: 'd', uid: 'u' };
  const template = (spec: unknown) => ({ metadata, spec: { template: { spec } } });
  expect(projectDeployment({ metadata, spec: { replicas: 'x', paused: 'no', template: 7 } })).toMatchObject({
    replicas: 1,
    isPaused: false,
    template: { nodeSelector: {}, tolerations: [] },
  });
  const required = (terms: unknown) =>
    template({
      affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } } },
      tolerations: [null, { key: 'k', operator: 3 }],
    });
  expect(
    projectDeployment(required([{ matchExpressions: [{ key: 'a', operator: 'In', values: ['b', 4] }] }, 5]))?.template,
  ).toEqual({
    nodeSelector: {},
    terms: [
      { matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }], matchFields: [] },
      { matchExpressions: [], matchFields: [] },
    ],
    tolerations: [{}, { key: 'k' }],
  });
  expect(projectDeployment(required('x'))?.template.terms).toEqual([]);
  expect(projectDeployment(template({ nodeSelector: { a: 'b', c: 1 } }))?.template.nodeSelector).toEqual({ a: 'b' });
});
