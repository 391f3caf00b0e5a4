/** Peer Deployments: as many replicas as there are bases that their Pods may run on. What upstream's own suite asserts of them, and more. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { openCluster, type TestCluster } from '../support/cluster.ts';
import { waitFor } from '../support/wait.ts';
import { eventsOf, moduleLabel, moduleToleration, startWorld, urlOf, type World } from '../support/world.ts';

/** Upstream waits so long for each step. */
const upstreamLimitMs = 20_000;

let cluster: TestCluster;
let world: World;
beforeAll(async () => {
  cluster = await openCluster();
});
afterAll(() => cluster.stop());

const pathOf = (name = ''): string => `/apis/apps/v1/namespaces/${world.namespace}/deployments${name && `/${name}`}`;

interface Peer {
  readonly replicas?: number;
  readonly labels?: Record<string, string>;
  readonly biz?: string;
  /** Merged into the template's spec. */
  readonly spec?: Json;
}

async function createPeer(name: string, { replicas = 1, labels, biz = 'biz1', spec }: Peer): Promise<void> {
  await world.api.call('POST', pathOf(), {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name,
      labels: {
        'virtual-kubelet.koupleless.io/component': 'module-deployment',
        'virtual-kubelet.koupleless.io/env': world.env,
        'virtual-kubelet.koupleless.io/strategy': 'peer',
        ...labels,
      },
    },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { ...moduleLabel, app: name } },
        spec: {
          containers: [{ name: biz, image: urlOf(biz, '0.0.1'), env: [{ name: 'BIZ_VERSION', value: '0.0.1' }] }],
          tolerations: [moduleToleration],
          ...spec,
          // A real cluster has Nodes of other tests, too.
          nodeSelector: { 'base.koupleless.io/name': world.baseName, ...spec?.nodeSelector },
        },
      },
    },
  });
}

const replicasOf = async (name: string): Promise<number> => (await world.api.find(pathOf(name)))?.spec.replicas;

async function becomes(name: string, replicas: number, withinMs = upstreamLimitMs): Promise<void> {
  await waitFor(
    `${name} has ${replicas} replicas`,
    async () => {
      const now = await replicasOf(name);
      if (now === replicas) return true;
      throw new Error(`it has ${now}`);
    },
    withinMs,
  );
}

const inCluster = (clusterName: string) => ({ 'base.koupleless.io/cluster-name': clusterName });

describe('as upstream asserts it', () => {
  beforeAll(async () => {
    world = await startWorld({
      cluster,
      bases: 0,
      hasPeers: true,
      timings: { peersLoweredAfterMs: 2_000 },
      policy: { goneAfterMs: 4_000 },
    });
  });
  afterAll(() => world?.stop());

  test('replicas 1 and no Nodes: 0 [U13]', async () => {
    await createPeer('mine', { labels: inCluster('c1') });
    expect(await replicasOf('mine')).toBe(1);
    await becomes('mine', 0);
    const told = await waitFor('it is told', async () =>
      (await eventsOf(world, 'mine')).find((one) => one.includes('Peers')),
    );
    expect(told).toBe(
      `Normal PeersScaled replicas from 1 to 0: env ${world.env} has no Node that its Pods may run on, and had none for 2 s`,
    );
  });

  test('one matching Node: 1; two: 2 [U14]', async () => {
    await world.addBase({ clusterName: 'c1' });
    await becomes('mine', 1);
    await world.addBase({ clusterName: 'c1' });
    await becomes('mine', 2);
    const told = await waitFor('it is told', async () =>
      (await eventsOf(world, 'mine')).find((one) => one.includes('PeersScaled replicas from 1 to 2')),
    );
    expect(told).toBe(
      `Normal PeersScaled replicas from 1 to 2: 2 of the 2 Nodes of env ${world.env} that its Pods may run on are Ready`,
    );
  });

  test('a second peer Deployment, of another cluster: 0 [U15]', async () => {
    await createPeer('theirs', { spec: { nodeSelector: inCluster('c2') } });
    await becomes('theirs', 0);
    expect(await replicasOf('mine')).toBe(2);
  });

  test('a base’s baseline query is answered with no module: modules come by their Pods, whose Deployment counts it [U16]', async () => {
    const asking = await world.addBase({ clusterName: 'c2' });
    await becomes('theirs', 1);
    await becomes('mine', 2);
    await waitFor('the module is there', () => asking.installedKeys().join() === 'biz1:0.0.1');
    const heard = asking.log.map(({ command }) => command);
    expect(heard.filter((command) => command === 'baseline')).toHaveLength(1);
    expect(heard.filter((command) => command === 'installBiz')).toHaveLength(1);
    await asking.stop();
    await becomes('theirs', 0);
    // Given up: a base that is merely silent counts for the brake.
    await waitFor('its Node is gone', async () => (await world.node(asking)) === undefined);
  });

  test('the second base exits: 1; the first one: 0 [U17]', async () => {
    await world.base(1).stop();
    await becomes('mine', 1);
    expect(world.base(0).installedKeys()).toEqual(['biz1:0.0.1']);
    expect(world.commands(world.base(0))).toEqual(['installBiz biz1:0.0.1']);
    await world.base(0).stop();
    await becomes('mine', 0, 120_000);
  }, 150_000);
});

describe('a peer Deployment', () => {
  beforeAll(async () => {
    world = await startWorld({ cluster, bases: 2, hasPeers: true, timings: { peersLoweredAfterMs: 1_000 } });
  });
  afterAll(() => world?.stop());

  const peerBy = (operator: string, ...values: string[]): Json => ({
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [
            {
              matchExpressions: [
                { key: 'base.koupleless.io/name', operator: 'In', values: [world.baseName] },
                { key: 'base.koupleless.io/cluster-name', operator, ...(values.length > 0 ? { values } : {}) },
              ],
            },
          ],
        },
      },
    },
  });

  test('in the seed’s dialect, by any operator of its affinity; one whose size is its owner’s stays [SPEC N20] [SPEC E27]', async () => {
    const seed = 'module-controller.koupleless.io';
    const labels = {
      [`${seed}/component`]: 'module-deployment',
      [`${seed}/env`]: world.env,
      [`${seed}/strategy`]: 'peer',
    };
    const today = { 'virtual-kubelet.koupleless.io/component': 'x', 'virtual-kubelet.koupleless.io/strategy': 'x' };
    await createPeer('seed', { labels: { ...labels, ...today }, spec: peerBy('Exists') });
    await createPeer('owned', { labels: { [`${seed}/replicas-control`]: 'true' }, spec: peerBy('Exists') });
    await createPeer('others', { replicas: 3, spec: peerBy('NotIn', 'default') });
    await becomes('seed', 2);
    await becomes('others', 0);
    expect(await replicasOf('owned')).toBe(1);
  });

  test('follows a cordon, and puts back what somebody else set [SPEC N20] [SPEC N21]', async () => {
    const node = `/api/v1/nodes/${world.nodeOf(world.base(1))}`;
    const cordon = (unschedulable: boolean) =>
      world.api.call('PATCH', node, { spec: { unschedulable } }, 'application/merge-patch+json');
    await cordon(true);
    await becomes('seed', 1);
    await cordon(false);
    await becomes('seed', 2);
    await world.api.call('PATCH', pathOf('seed'), { spec: { replicas: 5 } }, 'application/merge-patch+json');
    await becomes('seed', 2);
  });

  test('keeps its size while the controller is away and comes back, and no base hears a word [SPEC N21]', async () => {
    const spread = {
      maxSkew: 1,
      topologyKey: 'kubernetes.io/hostname',
      whenUnsatisfiable: 'DoNotSchedule',
      labelSelector: { matchLabels: { app: 'steady' } },
    };
    await createPeer('steady', { biz: 'biz2', spec: { ...peerBy('Exists'), topologySpreadConstraints: [spread] } });
    await waitFor(
      'it is on line on both',
      async () => (await world.api.find(pathOf('steady')))?.status?.readyReplicas === 2,
      upstreamLimitMs,
    );
    const written = async () => (await eventsOf(world, 'steady')).filter((event) => event.includes(' Peers'));
    await waitFor('it is told', async () => (await written()).length === 1);
    const before = world.bases.map((base) => world.commands(base));
    await world.stopController();
    await world.startController();
    await Promise.all(world.bases.map((base) => world.nodeReady(base, 20_000)));
    // A count that was lowered by mistake would be so a second after the start.
    const until = performance.now() + 2_000;
    await waitFor('two seconds have passed', () => performance.now() > until);
    expect(await replicasOf('steady')).toBe(2);
    expect(await written()).toHaveLength(1);
    expect(world.bases.map((base) => world.commands(base))).toEqual(before);
  });
});
