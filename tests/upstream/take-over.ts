/** The course of a take-over from upstream, for the quick suite and for the long one at a real mosquitto. */
import type { SimulatedBase } from '@kouplet/base';
import { expect } from 'vitest';
import type { Json } from '../support/api.ts';
import { staysTrue, waitFor } from '../support/wait.ts';
import { startWorld, urlOf, type World } from '../support/world.ts';
import {
  leaseHolders,
  runAsBefore,
  startInItsPlace,
  startUpstream,
  type Upstream,
  upstreamModuleLabel,
  upstreamPodSpec,
  watchUnnoticed,
} from './left-behind.ts';

export interface LeftFleet {
  readonly world: World;
  readonly upstream: Upstream;
  /** By name, what it said before. */
  readonly nodeUids: Readonly<Record<string, string>>;
}

/** Its module runs and its status was never written, as happens there: it is not Ready yet, and nothing else is said of it. */
const unwritten = 'unwritten';

/** Two bases, a Deployment of two replicas on both, a Pod of two modules on the first, one of which nothing is said: all running, all by upstream. */
export async function leaveFleet(
  brokerPort: number,
  clientId: string,
  options: { readonly durationSeconds?: number } = {},
): Promise<LeftFleet> {
  const world = await startWorld({
    bases: 0,
    openController: async () => ({ mqttPort: brokerPort, stop: async () => undefined }),
  });
  try {
    for (const identity of [`a-${world.env}`, `b-${world.env}`]) await world.addBase({ identity });
    const upstream = await startUpstream(world, clientId, options);
    await makeWorkloads(world);
    const nodeUids = Object.fromEntries(
      await Promise.all(
        world.bases.map(async (base) => [world.nodeOf(base), (await world.node(base))?.metadata.uid] as const),
      ),
    );
    return { world, upstream, nodeUids };
  } catch (error) {
    await world.stop();
    throw error;
  }
}

async function makeWorkloads(world: World): Promise<void> {
  const { api, namespace } = world;
  for (const pod of await createWorkloads(world)) await runAsBefore(world, pod);
  await world.podReady('two');
  await api.call('POST', `/api/v1/namespaces/${namespace}/pods`, {
    metadata: { name: unwritten, labels: upstreamModuleLabel },
    spec: { ...upstreamPodSpec(world, ['biz5']), nodeName: world.nodeOf(world.base(1)) },
  });
  world.base(1).faults.operateAside('biz5', '0.0.1', urlOf('biz5', '0.0.1'));
}

/** The Deployment `orders`, a Pod of it on each of two bases, and the Pod `two`, on the first: bound, and no more. */
export async function createWorkloads(world: World): Promise<Json[]> {
  const { api, namespace } = world;
  const labels = { ...upstreamModuleLabel, app: 'orders' };
  const spec = upstreamPodSpec(world, ['biz1']);
  const apart = { labelSelector: { matchLabels: { app: 'orders' } }, topologyKey: 'kubernetes.io/hostname' };
  spec.affinity.podAntiAffinity = { requiredDuringSchedulingIgnoredDuringExecution: [apart] };
  await api.call('POST', `/apis/apps/v1/namespaces/${namespace}/deployments`, {
    metadata: { name: 'orders', labels: { 'virtual-kubelet.koupleless.io/env': world.env } },
    spec: { replicas: 2, selector: { matchLabels: { app: 'orders' } }, template: { metadata: { labels }, spec } },
  });
  await api.call('POST', `/api/v1/namespaces/${namespace}/pods`, {
    metadata: { name: 'two', labels: upstreamModuleLabel },
    spec: { ...upstreamPodSpec(world, ['biz2', 'biz3']), nodeName: world.nodeOf(world.base()) },
  });
  return waitFor(
    'three Pods are bound',
    async () => {
      const bound = (await podsOf(world)).filter((pod) => pod.spec.nodeName !== undefined);
      return bound.length === 3 ? bound : undefined;
    },
    20_000,
  );
}

export async function podsOf(world: World): Promise<Json[]> {
  return world.api.items(`/api/v1/namespaces/${world.namespace}/pods`);
}

const modulesThere = ['biz1:0.0.1', 'biz2:0.0.1', 'biz3:0.0.1'];

/**
 * Kouplet starts where upstream stood; nothing may be noticed for a while, then all is as with any Node of ours.
 *
 * @param holder    who must hold every Lease in the end; undefined: anybody but upstream
 * @param takesMs   until every Lease must be taken
 * @param watchMs   how long nothing may change from then on
 */
export async function takeOver(
  { world, upstream, nodeUids }: LeftFleet,
  given: {
    readonly brokerPort: number;
    readonly clientId: string;
    readonly nextClientId: string | undefined;
    readonly takesMs: number;
    readonly watchMs: number;
    /** Of its variables, what is otherwise than with upstream. */
    readonly environment?: Readonly<Record<string, string>>;
    /** More to be seen before anything is asked for. */
    readonly meanwhile?: () => Promise<void>;
  },
): Promise<void> {
  const unnoticed = await watchUnnoticed(world, unwritten);
  const before = world.bases.map((base) => world.commands(base).length);
  // What clears a retained command comes to whoever is connected as an empty message, which a base does not act on: it has no key.
  const sent = (): string[][] =>
    world.bases.map((base, index) =>
      world
        .commands(base)
        .slice(before[index])
        .filter((one) => !one.endsWith(' undefined')),
    );
  try {
    upstream.stop();
    const controller = await startInItsPlace(world, given.brokerPort, given.nextClientId, given.environment);
    await waitFor(
      'every Lease is ours, every base is listed and every Node says who serves it',
      async () => {
        const holders = Object.values(await leaseHolders(world));
        const isTaken =
          given.nextClientId === undefined
            ? holders.every((holder) => holder !== given.clientId)
            : holders.every((holder) => holder === given.nextClientId);
        const nodes = await Promise.all(world.bases.map((base) => world.node(base)));
        const isServed = nodes.every((node) => node?.status.nodeInfo.kubeletVersion.includes('kouplet'));
        const isListed = world.bases.every((base) => base.log.some(({ command }) => command === 'queryAllBiz'));
        if (holders.length === 2 && isTaken && isServed && isListed) return true;
        throw new Error(`${JSON.stringify(holders)} ${isServed} ${isListed}`);
      },
      given.takesMs,
    );
    await staysTrue(
      'nobody notices',
      () => unnoticed.lines().length === 0 && sent().every((one) => one.length === 0),
      given.watchMs,
    ).catch(() => undefined);
    expect({ noticed: unnoticed.lines(), sent: sent() }).toEqual({ noticed: [], sent: [[], []] });
    for (const [name, uid] of Object.entries(nodeUids)) {
      expect((await world.api.find(`/api/v1/nodes/${name}`))?.metadata.uid).toBe(uid);
    }
    expect(world.base(0).installedKeys().toSorted()).toEqual(modulesThere);
    await world.podReady(unwritten);
    await given.meanwhile?.();
    expect({ noticed: unnoticed.lines(), sent: sent() }).toEqual({ noticed: [], sent: [[], []] });
    await worksOn(world, sent);
    await controller.terminate();
  } finally {
    unnoticed.stop();
  }
}

/** Deletes, scales and makes: one command each, to the base that it is for. */
async function worksOn(world: World, sent: () => string[][]): Promise<void> {
  const { api, namespace } = world;
  const [first, second] = [world.base(0), world.base(1)] as [SimulatedBase, SimulatedBase];
  await world.deletePod('two');
  await world.podGone('two', 20_000);
  expect(sent()[0]?.toSorted()).toEqual(['uninstallBiz biz2:0.0.1', 'uninstallBiz biz3:0.0.1']);

  const scale = { spec: { replicas: 1 } };
  await api.call(
    'PATCH',
    `/apis/apps/v1/namespaces/${namespace}/deployments/orders/scale`,
    scale,
    'application/merge-patch+json',
  );
  await waitFor(
    'one Pod of it is left, and its module on one base',
    async () => {
      const left = (await podsOf(world)).filter((pod) => pod.metadata.labels.app === 'orders');
      return (
        left.length === 1 &&
        world.bases.filter((base) => base.installedKeys().map(String).includes('biz1:0.0.1')).length === 1
      );
    },
    20_000,
  );
  const uninstalls = sent().flat();
  expect(uninstalls.filter((one) => one === 'uninstallBiz biz1:0.0.1')).toHaveLength(1);

  const spec = { ...upstreamPodSpec(world, ['biz4']), nodeName: world.nodeOf(second) };
  await api.call('POST', `/api/v1/namespaces/${namespace}/pods`, {
    metadata: { name: 'new', labels: upstreamModuleLabel },
    spec,
  });
  await world.podReady('new', 20_000);
  expect(
    sent()
      .flat()
      .filter((one) => one.startsWith('installBiz')),
  ).toEqual(['installBiz biz4:0.0.1']);
  expect(second.installedKeys()).toContain('biz4:0.0.1');
  expect(first.log.concat(second.log).filter(({ retained, at }) => retained && at > 0)).toEqual([]);
}
