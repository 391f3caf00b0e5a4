/** Whose a module is: what was deleted by force, what others installed or stopped. What is seen, and exactly what is sent. */
import type { Timings } from '@kouplet/core';
import { afterEach, describe, expect, test } from 'vitest';
import { expectNoneRetained, settles, sightOf } from '../support/sight.ts';
import { waitFor } from '../support/wait.ts';
import { conditionOf, eventsOf, reasonOf, startWorld, type World } from '../support/world.ts';

let world: World;
afterEach(async () => {
  await world?.stop();
  expectNoneRetained(world);
});

const install = 'installBiz biz1:0.0.1';
const uninstall = 'uninstallBiz biz1:0.0.1';
const onLine = 'Running, Ready=True, biz1 running';
const there = ['biz1:0.0.1 ACTIVATED'];

const quick: Partial<Timings> = {
  sessionGraceMs: 300,
  answerOverdueMs: 300,
  operationOverdueMs: 300,
  healthPeriodMs: 500,
};
const records = async () =>
  (await world.api.items(`/api/v1/namespaces/${world.namespace}/configmaps`))
    .map((one) => one.metadata.name)
    .filter((name) => name.startsWith('kouplet-record'));

describe('kubectl delete --force', () => {
  const force = { gracePeriodSeconds: 0 };

  test('with the controller up: the Pod goes at once, then its module', async () => {
    world = await startWorld({ timings: quick });
    await world.createPod('p1');
    await world.podReady('p1');
    expect(await records()).toHaveLength(1);
    await world.deletePod('p1', force);
    expect(await world.pod('p1')).toBeUndefined();
    await settles(world, { node: 'Ready=True', pods: {}, list: [], commands: [install, uninstall] }, 2_000);
    expect(await records()).toEqual([]);
  });

  test('with the controller down: the record proves the module ours, and it goes at the next start', async () => {
    world = await startWorld({ timings: quick, bases: [{ heartbeatDies: false }] });
    await world.createPod('p1');
    await world.createPod('p2', { bizes: [{ name: 'biz2' }] });
    await world.podReady('p1');
    await world.podReady('p2');
    const before = world.commands();
    await world.stopController();
    await world.deletePod('p1', force);
    expect(await world.pod('p1')).toBeUndefined();
    await world.startController();
    const pods = { p2: 'Running, Ready=True, biz2 running' };
    const list = ['biz2:0.0.1 ACTIVATED'];
    await settles(world, { node: 'Ready=True', pods, list, commands: [...before, uninstall] }, 8_000);
  });

  test('while the base is away: its module goes when the base is back, before anything new comes', async () => {
    world = await startWorld({ timings: quick, bases: [{ heartbeatDies: false }] });
    await world.createPod('p1');
    await world.podReady('p1');
    world.base().faults.partition(1_000);
    await waitFor('its absence shows', async () => conditionOf(await world.node(), 'Ready')?.status === 'Unknown');
    await world.deletePod('p1', force);
    await world.createPod('p2', { base: world.base() });
    const commands = [install, uninstall, install];
    await settles(world, { node: 'Ready=True', pods: { p2: onLine }, list: there, commands }, 8_000);
  });
});

describe('a module that we did not install', () => {
  const url = 'https://elsewhere.example.com/other-1.0-ark-biz.jar';

  test('is told by Event and Node condition, and left alone', async () => {
    world = await startWorld({ timings: quick });
    world.base().faults.operateAside('other', '1.0', url);
    const list = ['other:1.0 ACTIVATED'];
    const reported = { node: 'Ready=True, UnmanagedModules', pods: {}, list, commands: [] };
    await settles(world, reported, 3_000, { holdsMs: 1_000 });
    const condition = conditionOf(await world.node(), 'UnmanagedModules');
    expect(condition).toMatchObject({ reason: 'NotInstalledByUs', message: expect.stringContaining('other:1.0') });
    const events = await eventsOf(world, world.nodeOf(world.base()), 'default');
    expect(events.filter((event) => event.startsWith('Warning UnmanagedModules'))).toHaveLength(1);
    world.base().faults.operateAside('other', '1.0');
    await settles(world, { node: 'Ready=True', pods: {}, list: [], commands: [] }, 3_000);
    expect(conditionOf(await world.node(), 'UnmanagedModules')).toMatchObject({ status: 'False' });
  });

  test('goes where unmanaged modules are to be uninstalled', async () => {
    world = await startWorld({ timings: quick, policy: { unmanagedModules: 'uninstall' } });
    await world.createPod('p1');
    await world.podReady('p1');
    world.base().faults.operateAside('other', '1.0', url);
    const commands = [install, 'uninstallBiz other:1.0'];
    await settles(world, { node: 'Ready=True', pods: { p1: onLine }, list: there, commands }, 3_000, { holdsMs: 800 });
  });

  test('under the name that a Pod wants is not taken for the Pod’s: it says so and waits', async () => {
    world = await startWorld({ timings: quick });
    await world.createPod('p1', { bizes: [{ name: 'biz1' }] });
    await world.podReady('p1');
    world.base().faults.operateAside('biz2', '0.0.1', url);
    await waitFor('it is reported', async () => (await sightOf(world)).node.includes('UnmanagedModules'), 3_000);
    await world.createPod('p2', { bizes: [{ name: 'biz2' }] });
    const pods = { p1: onLine, p2: 'Pending, Ready=False, biz2 waiting BizOccupied' };
    const list = ['biz1:0.0.1 ACTIVATED', 'biz2:0.0.1 ACTIVATED'];
    const node = 'Ready=True, UnmanagedModules';
    await settles(world, { node, pods, list, commands: [install] }, 3_000, { holdsMs: 800 });
    expect(reasonOf(await world.pod('p2'))).toMatch(/not installed by Kouplet/);
    world.base().faults.operateAside('biz2', '0.0.1');
    const after = { p1: onLine, p2: 'Running, Ready=True, biz2 running' };
    const commands = [install, 'installBiz biz2:0.0.1'];
    await settles(world, { node: 'Ready=True', pods: after, list, commands }, 4_000);
  });
});

test('a module stopped on its base by others is put back: one restart', async () => {
  world = await startWorld({ timings: quick });
  await world.createPod('p1');
  await world.podReady('p1');
  world.base().faults.operateAside('biz1', '0.0.1');
  const p1 = 'Running, Ready=True, biz1 running restarts=1';
  await settles(world, { node: 'Ready=True', pods: { p1 }, list: there, commands: [install, install] }, 3_000);
  const [status] = (await world.podReady('p1')).status.containerStatuses;
  expect(status.lastState.terminated.reason).toBe('BizStopped');
});
