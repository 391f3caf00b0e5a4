/** What upstream's suites assert of a module's life (suite/mqtt/module_mqtt_lifecycle, suite/vpod_lifecycle), with its time limits. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { staysTrue, waitFor } from '../support/wait.ts';
import { conditionOf, moduleLabel, moduleToleration, startWorld, urlOf, type World } from '../support/world.ts';
import { type MockBase, nodeGone, nodeReady, startMockBase } from './mock-base.ts';

let world: World;
const bases: MockBase[] = [];
beforeAll(async () => {
  world = await startWorld({ bases: 0 });
});
afterAll(async () => {
  await Promise.all(bases.map((base) => base.stop()));
  await world?.stop();
});

async function join(identity: string): Promise<MockBase> {
  const base = await startMockBase(world, `${identity}-${world.env}`);
  bases.push(base);
  await base.heartbeat();
  await nodeReady(world, base, 20_000);
  return base;
}

const version = '0.0.1';
const listed = (name: string, state: string, more: Json = {}): Json => ({ name, version, state, ...more });

async function createPod(name: string, nodeName: string, bizes: readonly string[], spec: Json = {}): Promise<void> {
  await world.api.call('POST', `/api/v1/namespaces/${world.namespace}/pods`, {
    metadata: { name, labels: moduleLabel },
    spec: {
      nodeName,
      containers: bizes.map((biz) => ({
        name: biz,
        image: urlOf(biz, version),
        env: [{ name: 'BIZ_VERSION', value: version }],
      })),
      tolerations: [moduleToleration],
      ...spec,
    },
  });
}

/** phase and Ready, as they stand within so long. */
async function becomes(pod: string, phase: string, ready: string, withinMs: number): Promise<Json> {
  return waitFor(
    `Pod ${pod} is ${phase}, Ready=${ready}`,
    async () => {
      const seen = await world.pod(pod);
      if (seen?.status.phase === phase && conditionOf(seen, 'Ready')?.status === ready) return seen;
      throw new Error(JSON.stringify(seen?.status));
    },
    withinMs,
  );
}

/** Told to go, what is on the base gone, then the Pod: all within so long. */
async function goesWithin(pod: string, base: MockBase, bizes: readonly string[], withinMs: number): Promise<void> {
  const until = performance.now() + withinMs;
  const told = base.operations.length + bizes.length;
  await world.deletePod(pod);
  await waitFor('it was told to uninstall', () => base.operations.length === told, withinMs);
  base.list = [];
  for (const biz of bizes) await base.operated('uninstallBiz', biz, version);
  await world.podGone(pod, until - performance.now());
}

async function installs(base: MockBase, count: number): Promise<void> {
  await waitFor('it was told to install', () => base.operations.length >= count, 20_000);
}

test.concurrent('a Pod bound to a base is Pending and one install reaches the base; SUCCESS makes it Running, DEACTIVATED not Ready, its deletion is one uninstall and its end [U6] [U7] [U8] [U9] [U10] [U24]', async () => {
  const base = await join('one');
  await createPod('one', base.node, ['biz1']);
  await installs(base, 1);
  expect((await world.pod('one'))?.status.phase).toBe('Pending');
  const install = {
    kind: 'installBiz',
    body: { bizName: 'biz1', bizVersion: version, bizUrl: urlOf('biz1', version) },
  };
  expect(base.operations).toEqual([install]);

  base.list = [listed('biz1', '3')];
  await base.operated('installBiz', 'biz1', version);
  await base.say('simpleBiz', base.list);
  await becomes('one', 'Running', 'True', 30_000);

  base.list = [listed('biz1', '4')];
  const records = [{ changeTime: 1234, state: 'DEACTIVATED', reason: '', message: '' }];
  const biz = { bizName: 'biz1', bizVersion: version, bizState: 'DEACTIVATED', bizStateRecords: records };
  await base.say('biz', { code: 'SUCCESS', data: [biz] });
  await base.say('simpleBiz', base.list);
  await becomes('one', 'Running', 'False', 20_000);

  await goesWithin('one', base, ['biz1'], 20_000);
  expect(base.operations[1]).toEqual({ kind: 'uninstallBiz', body: { bizName: 'biz1', bizVersion: version } });
  await base.heartbeat('DEACTIVATED');
  await nodeGone(world, base, 30_000);
}, 120_000);

test.concurrent('a Pod of two containers is Pending, Running and Ready once both are ACTIVATED, not Ready while one is DEACTIVATED; answers about others change nothing; deleted, it goes, and the next one runs [U36] [U37] [U38] [U39] [U41]', async () => {
  const base = await join('two');
  await createPod('two', base.node, ['biz2', 'biz3']);
  await installs(base, 2);
  expect((await world.pod('two'))?.status.phase).toBe('Pending');
  base.list = ['biz2', 'biz3'].map((name) => listed(name, 'ACTIVATED'));
  for (const name of ['biz2', 'biz3']) await base.operated('installBiz', name, version);
  const ready = await becomes('two', 'Running', 'True', 20_000);
  expect(ready.status.containerStatuses[0].ready).toBe(true);

  base.list = [listed('biz2', 'ACTIVATED'), listed('biz3', 'DEACTIVATED')];
  await base.say('simpleBiz', base.list);
  await becomes('two', 'Running', 'False', 10_000);
  // What is said of a biz of no Pod raises nobody.
  await base.operated('installBiz', 'biz3', '9.9.9');
  await base.operated('installBiz', 'stranger', version);
  await staysTrue(
    'it is not Ready',
    async () => conditionOf(await world.pod('two'), 'Ready')?.status === 'False',
    1_000,
  );
  base.list = ['biz2', 'biz3'].map((name) => listed(name, 'ACTIVATED'));
  await base.say('simpleBiz', base.list);
  await becomes('two', 'Running', 'True', 10_000);
  expect(base.operations).toHaveLength(2);

  await goesWithin('two', base, ['biz2', 'biz3'], 20_000);
  await createPod('next', base.node, ['biz2']);
  await installs(base, 5);
  base.list = [listed('biz2', 'ACTIVATED')];
  await base.operated('installBiz', 'biz2', version);
  await becomes('next', 'Running', 'True', 50_000);
}, 120_000);

test.concurrent('ACTIVATED runs, RESOLVED and DEACTIVATED wait with a reason; what a list lacks is not Ready and is installed again [U26] [U48]', async () => {
  const base = await join('states');
  await createPod('states', base.node, ['biz4']);
  await installs(base, 1);
  const stateOf = async (): Promise<Json> => (await world.pod('states'))?.status.containerStatuses?.[0]?.state;
  const becomesState = (what: string, look: (state: Json) => boolean) =>
    waitFor(
      `its container is ${what}`,
      async () => {
        const state = await stateOf();
        if (state !== undefined && look(state)) return state;
        throw new Error(JSON.stringify(state));
      },
      20_000,
    );
  base.list = [
    listed('biz4', 'activated', { latestStateRecord: { changeTime: 1_795_392_189_821, state: 'ACTIVATED' } }),
  ];
  await base.operated('installBiz', 'biz4', version);
  const { running } = await becomesState('running', (state) => state.running !== undefined);
  expect(running.startedAt).toMatch(/^\d{4}-/);
  base.list = [listed('biz4', 'resolved')];
  await base.say('simpleBiz', base.list);
  await becomesState('waiting', ({ waiting }) => waiting?.message === `the base is starting biz4:${version}`);
  base.list = [listed('biz4', 'deactivated')];
  await base.say('simpleBiz', base.list);
  await becomesState('waiting', ({ waiting }) => waiting?.reason === 'Deactivated');
  expect(base.operations).toHaveLength(1);
  base.list = [];
  await base.say('simpleBiz', base.list);
  await becomesState('waiting', ({ waiting }) => waiting?.message === `installing biz4:${version}`);
  await installs(base, 2);
  expect(conditionOf(await world.pod('states'), 'Ready')?.status).toBe('False');
}, 120_000);

test.concurrent('the first BIZ_VERSION is the version; none makes no module [U23]', async () => {
  const base = await join('versions');
  await createPod('versions', base.node, ['biz5'], {
    containers: [
      {
        name: 'biz5',
        image: urlOf('biz5', '1'),
        env: [
          { name: 'OTHER', value: '0' },
          { name: 'BIZ_VERSION', value: '1' },
          { name: 'BIZ_VERSION', value: '2' },
        ],
      },
    ],
  });
  await installs(base, 1);
  expect(base.operations[0]?.body.bizVersion).toBe('1');
  await createPod('without', base.node, [], { containers: [{ name: 'biz6', image: urlOf('biz6', '1') }] });
  await waitFor('it says why', async () => (await world.pod('without'))?.status.reason === 'InvalidModule', 20_000);
  expect(base.operations).toHaveLength(1);
}, 60_000);

test.concurrent('Pods on Nodes that are none of ours, and Nodes of another env, are left alone [U31] [U46]', async () => {
  const other = `vnode.foreign.${world.env}x`;
  await world.api.call('POST', '/api/v1/nodes', {
    metadata: {
      name: other,
      labels: {
        'virtual-kubelet.koupleless.io/component': 'vnode',
        'virtual-kubelet.koupleless.io/env': `${world.env}x`,
      },
    },
  });
  await createPod('foreign', other, ['biz7']);
  const base = await join('neighbour');
  await createPod('mine', base.node, ['biz8']);
  await installs(base, 1);
  const pod = await world.pod('foreign');
  expect(pod?.status.containerStatuses).toBeUndefined();
  expect(
    (await world.api.find(`/api/v1/nodes/${other}`))?.metadata.annotations?.['kouplet.io/identity'],
  ).toBeUndefined();
  await world.api.request('DELETE', `/api/v1/namespaces/${world.namespace}/pods/foreign?gracePeriodSeconds=0`);
  await world.api.request('DELETE', `/api/v1/nodes/${other}`);
}, 60_000);
