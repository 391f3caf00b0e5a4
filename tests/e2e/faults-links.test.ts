/** Our own links and ourselves away for a while: nothing is lowered, nothing is done twice. */
import type { Timings } from '@kouplet/core';
import { afterEach, describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { type ApiProxy, startApiProxy } from '../support/api-proxy.ts';
import { openCluster, type TestCluster } from '../support/cluster.ts';
import { follow } from '../support/follow.ts';
import {
  type ControllerProcess,
  endProcesses,
  freePort,
  startBrokerProcess,
  startControllerProcess,
} from '../support/processes.ts';
import { expectNoneRetained, settles } from '../support/sight.ts';
import { staysTrue, waitFor } from '../support/wait.ts';
import { conditionOf, startWorld, urlOf, type World } from '../support/world.ts';

let world: World;
const ends: Array<() => Promise<void> | void> = [];
afterEach(async () => {
  await world?.stop();
  for (const end of ends.splice(0).reverse()) await end();
  await endProcesses();
  expectNoneRetained(world);
});

const install = 'installBiz biz1:0.0.1';
const onLine = 'Running, Ready=True, biz1 running';
const there = ['biz1:0.0.1 ACTIVATED'];
const quickBase = { reconnectFirstMs: 100, reconnectMaxMs: 500, heartbeatDies: false };

/** What an object's Ready went through, repeats left out. */
function readyOf(events: readonly Json[], name: string): string[] {
  const seen: string[] = [];
  for (const { object } of events) {
    if (object.metadata?.name !== name) continue;
    const ready: string = conditionOf(object, 'Ready')?.status ?? 'False';
    if (seen.at(-1) !== ready) seen.push(ready);
  }
  return seen;
}

async function watched(path: string): Promise<Json[]> {
  const watch = await follow(world.api, path);
  ends.push(watch.stop);
  return watch.events;
}

describe('the controller', () => {
  test('stopped with its broker and started again sends nothing and keeps every Node and every Ready', async () => {
    world = await startWorld({ bases: [quickBase, quickBase] });
    for (const base of world.bases) {
      await world.createPod(`p-${base.identity}`, { base });
      await world.podReady(`p-${base.identity}`);
    }
    const pods = await watched(`/api/v1/namespaces/${world.namespace}/pods`);
    const nodes = await watched('/api/v1/nodes');
    const before = await Promise.all(world.bases.map((base) => world.node(base)));
    const asked = () => world.bases.map((base) => base.log.filter((one) => one.command === 'queryAllBiz').length);
    const askedBefore = asked();

    await world.stopController();
    await waitFor('the bases are cut off', () => world.bases.every((base) => !base.isConnected));
    await world.startController();
    await waitFor('every base is asked', () => asked().every((count, index) => count > (askedBefore[index] ?? 0)));
    for (const [index, base] of world.bases.entries()) {
      const pod = { [`p-${base.identity}`]: onLine };
      await settles(world, { node: 'Ready=True', pods: pod, list: there, commands: [install] }, 5_000, { base });
      expect((await world.node(base)).metadata.uid).toBe(before[index].metadata.uid);
      expect(readyOf(nodes, world.nodeOf(base))).toEqual(['True']);
      expect(readyOf(pods, `p-${base.identity}`)).toEqual(['True']);
    }
  });
});

describe('the broker', () => {
  test('run alone, killed and started again: nothing is sent, lowered or deleted, and modules come and go again', async () => {
    const port = await freePort();
    const broker = await startBrokerProcess(port);
    let controller: ControllerProcess | undefined;
    world = await startWorld({
      bases: [quickBase],
      openController: async (settings) => {
        controller = await startControllerProcess(
          { ...settings, mqttPort: port },
          { broker: `mqtt://127.0.0.1:${port}` },
        );
        return controller;
      },
    });
    await world.createPod('p1');
    await world.podReady('p1');
    const uid = (await world.node()).metadata.uid;
    const pods = await watched(`/api/v1/namespaces/${world.namespace}/pods`);
    const nodes = await watched('/api/v1/nodes');

    await broker.kill();
    await waitFor('the base is cut off', () => !world.base().isConnected);
    await waitFor('the controller is blind', async () => {
      return (await (await fetch(`${controller?.http}/metrics`)).text()).includes('kouplet_link_up{link="tunnel"} 0');
    });
    await world.createPod('p2', { bizes: [{ name: 'biz2' }] });
    await startBrokerProcess(port);
    await world.podReady('p2', 20_000);
    await world.deletePod('p2');
    await world.podGone('p2');

    const commands = [install, 'installBiz biz2:0.0.1', 'uninstallBiz biz2:0.0.1'];
    await settles(world, { node: 'Ready=True', pods: { p1: onLine }, list: there, commands }, 5_000);
    expect((await world.node()).metadata.uid).toBe(uid);
    expect(readyOf(nodes, world.nodeOf(world.base()))).toEqual(['True']);
    expect(readyOf(pods, 'p1')).toEqual(['True']);
  }, 60_000);
});

describe('the API server', () => {
  let cluster: TestCluster;
  let proxy: ApiProxy;
  const start = async (timings: Partial<Timings> = {}) => {
    cluster = await openCluster();
    ends.push(() => cluster.stop());
    proxy = await startApiProxy(cluster.kubeconfig);
    ends.push(() => proxy.close());
    world = await startWorld({ cluster, controllerKubeconfig: proxy.kubeconfig, timings });
  };

  test('away for three seconds: what was asked meanwhile is done once it is back, nothing twice, no Ready changes', async () => {
    await start();
    for (const name of ['p1', 'p2']) await world.createPod(name, { bizes: [{ name: `biz-${name}` }] });
    await world.podReady('p1');
    await world.podReady('p2');
    const commands = world.commands();
    const uid = (await world.node()).metadata.uid;
    const pods = await watched(`/api/v1/namespaces/${world.namespace}/pods`);
    const nodes = await watched('/api/v1/nodes');

    proxy.cut();
    await world.deletePod('p2');
    await world.createPod('p3', { bizes: [{ name: 'biz-p3' }] });
    await staysTrue('nothing is sent while nothing is known', () => world.commands().length === 2, 3_000);
    proxy.open();
    await world.podReady('p3', 10_000);
    await world.podGone('p2');

    const [out, into] = ['uninstallBiz biz-p2:0.0.1', 'installBiz biz-p3:0.0.1'];
    expect(world.commands().slice(2).toSorted()).toEqual([into, out]);
    expect(world.commands().slice(0, 2)).toEqual(commands);
    const left = { p1: 'Running, Ready=True, biz-p1 running', p3: 'Running, Ready=True, biz-p3 running' };
    const list = ['biz-p1:0.0.1 ACTIVATED', 'biz-p3:0.0.1 ACTIVATED'];
    await settles(world, { node: 'Ready=True', pods: left, list, commands: world.commands() }, 5_000);
    expect((await world.node()).metadata.uid).toBe(uid);
    expect(readyOf(nodes, world.nodeOf(world.base()))).toEqual(['True']);
    expect(readyOf(pods, 'p1')).toEqual(['True']);
  });

  test('away while a base answers: the Pod is Ready when it is back, and the install is not repeated', async () => {
    await start();
    const url = urlOf('biz1', '0.0.1', '?kouplet-delay=1s');
    await world.createPod('p1', { bizes: [{ name: 'biz1', url }] });
    await waitFor('the install is sent', () => world.commands().length === 1);
    proxy.cut();
    await waitFor('the module runs', () => world.base().installedKeys().length === 1);
    proxy.open();
    await world.podReady('p1', 10_000);
    await settles(world, { node: 'Ready=True', pods: { p1: onLine }, list: there, commands: [install] }, 5_000);
  });

  test('away for longer than our Leases last: we act again only once they are renewed, and no Node was lowered', async () => {
    await start({ replicaLeaseRenewMs: 300, replicaLeaseDurationSeconds: 2, leaseRenewMs: 500 });
    await world.createPod('p1');
    await world.podReady('p1');
    const nodes = await watched('/api/v1/nodes');
    proxy.cut();
    await staysTrue('the Node stays', async () => conditionOf(await world.node(), 'Ready')?.status === 'True', 3_500);
    proxy.open();
    await world.deletePod('p1');
    await world.podGone('p1', 10_000);
    const commands = [install, 'uninstallBiz biz1:0.0.1'];
    await settles(world, { node: 'Ready=True', pods: {}, list: [], commands }, 5_000);
    expect(readyOf(nodes, world.nodeOf(world.base()))).toEqual(['True']);
  });
});
