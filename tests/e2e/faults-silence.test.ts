/** Bases that are silent: most of them at once, and one for too long. What is lowered, what is given up, and what is not. */
import type { Timings } from '@kouplet/core';
import { afterEach, describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { follow } from '../support/follow.ts';
import { startMqttRelay } from '../support/mqtt-relay.ts';
import { expectNoneRetained, settles } from '../support/sight.ts';
import { staysTrue, waitFor } from '../support/wait.ts';
import { conditionOf, eventsOf, startWorld, urlOf, type World } from '../support/world.ts';

let world: World;
const ends: Array<() => Promise<void> | void> = [];
afterEach(async () => {
  await world?.stop();
  for (const end of ends.splice(0).reverse()) await end();
  expectNoneRetained(world);
});

const install = 'installBiz biz1:0.0.1';
const onLine = 'Running, Ready=True, biz1 running';
const there = ['biz1:0.0.1 ACTIVATED'];
const quickBase = { reconnectFirstMs: 100, reconnectMaxMs: 500, heartbeatDies: false };

async function watched(path: string): Promise<Json[]> {
  const watch = await follow(world.api, path);
  ends.push(watch.stop);
  return watch.events;
}

describe('silence', () => {
  const timings: Partial<Timings> = {
    sessionGraceMs: 200,
    askAfterSilenceMs: 600,
    silentAfterMs: 1_200,
    answerOverdueMs: 300,
    goneAfterBlindnessMs: 2_500,
  };
  const policy = { goneAfterMs: 2_500 };

  test('of most bases at once is no death: none is given up, a person is told, and all serve again', async () => {
    // They come back one after the other: who is silent then has this long.
    const patient = { ...timings, goneAfterBlindnessMs: 20_000 };
    world = await startWorld({ bases: [quickBase, quickBase, quickBase], timings: patient, policy });
    const [first] = world.bases;
    await world.createPod('p1', { base: world.base(0) });
    await world.podReady('p1');
    const uids = await Promise.all(world.bases.map(async (base) => (await world.node(base)).metadata.uid));
    for (const base of world.bases) base.faults.mute();
    for (const base of world.bases) {
      await waitFor(
        'it is told why nothing is given up',
        async () => (await eventsOf(world, world.nodeOf(base), 'default')).join('\n').includes('GivingUpStopped'),
        10_000,
      );
    }
    const events = (await eventsOf(world, world.nodeOf(world.base(0)), 'default')).join('\n');
    expect(events).toMatch(/more than 55 % of the bases are silent at once.*kubectl taint node vnode\.b1/);
    await staysTrue(
      'all Nodes stay, not Ready, and the Pod is not failed',
      async () => {
        const nodes = await Promise.all(world.bases.map((base) => world.node(base)));
        const pod = await world.pod('p1');
        return (
          nodes.every((node) => conditionOf(node, 'Ready')?.status === 'Unknown') &&
          pod?.status.phase === 'Running' &&
          conditionOf(pod, 'Ready').status === 'False'
        );
      },
      1_500,
    );
    for (const base of world.bases) base.faults.mute(false);
    for (const base of world.bases) await world.nodeReady(base);
    await world.podReady('p1');
    expect(await Promise.all(world.bases.map(async (base) => (await world.node(base)).metadata.uid))).toEqual(uids);
    await settles(world, { node: 'Ready=True', pods: { p1: onLine }, list: there, commands: [install] }, 5_000, {
      ...(first === undefined ? {} : { base: first }),
    });
  });

  test('of one base for too long: its Node goes after its taint, its Pods as disrupted; returned, what was theirs goes first', async () => {
    const own = { ...quickBase, name: 'alone' };
    world = await startWorld({ bases: [quickBase, quickBase], timings, policy });
    const relay = await startMqttRelay(() => world.mqttPort);
    ends.push(() => relay.close());
    const base = await world.addBase({ ...own, broker: relay.url });
    await world.nodeReady(base);
    const node = world.nodeOf(base);
    const spec = { nodeSelector: { 'base.koupleless.io/name': 'alone' } };
    const url = urlOf('biz1', '0.0.1', '?kouplet-uninstall-delay=700ms');
    await world.createPod('p1', { bizes: [{ name: 'biz1', url }], spec });
    await world.podReady('p1');
    const oldUid = (await world.node(base)).metadata.uid;
    const pods = await watched(`/api/v1/namespaces/${world.namespace}/pods`);
    const nodes = await watched('/api/v1/nodes');

    relay.cut();
    await waitFor('the Node is gone', async () => (await world.node(base)) === undefined, 10_000);
    await world.podGone('p1');
    const ofNode = await waitFor('the watch shows the Node gone', () => {
      const shown = nodes.filter(({ object }) => object.metadata.name === node);
      return shown.some(({ type }) => type === 'DELETED') ? shown : undefined;
    });
    const isLeaving = (event: Json) => event.object.spec.taints?.some((one: Json) => one.key === 'kouplet.io/leaving');
    expect(ofNode.findIndex(isLeaving)).toBeGreaterThanOrEqual(0);
    expect(ofNode.findIndex(isLeaving)).toBeLessThanOrEqual(ofNode.findIndex(({ type }) => type === 'DELETED'));
    const last = await waitFor('the watch shows it gone', () =>
      pods.find(({ type, object }) => type === 'DELETED' && object.metadata.name === 'p1'),
    );
    expect(last.object.status.phase).toBe('Failed');
    expect(conditionOf(last.object, 'DisruptionTarget')).toMatchObject({ status: 'True' });
    expect(world.commands(base)).toEqual([install]);

    await world.createPod('p2', { bizes: [{ name: 'biz2' }], spec });
    const position = base.log.length;
    relay.open();
    await world.podReady('p2', 10_000);
    await waitFor('biz1 is gone', () => base.installedKeys().join() === 'biz2:0.0.1');
    expect((await world.node(base)).metadata.uid).not.toBe(oldUid);
    const since = base.log.slice(position).map((one) => one.command);
    expect(since.indexOf('queryAllBiz')).toBeGreaterThanOrEqual(0);
    expect(since.indexOf('queryAllBiz')).toBeLessThan(since.indexOf('uninstallBiz'));
    const commands = [install, 'uninstallBiz biz1:0.0.1', 'installBiz biz2:0.0.1'];
    const after = { p2: 'Running, Ready=True, biz2 running' };
    await settles(world, { node: 'Ready=True', pods: after, list: ['biz2:0.0.1 ACTIVATED'], commands }, 5_000, {
      base,
    });
  });
});
