/** Bases that restart, die, fall silent or are away, and what they carry: what is seen, and exactly what is sent. */
import type { Timings } from '@kouplet/core';
import { afterEach, describe, expect, test } from 'vitest';
import { follow } from '../support/follow.ts';
import { expectNoneRetained, settles } from '../support/sight.ts';
import { staysTrue, waitFor } from '../support/wait.ts';
import { conditionOf, eventsOf, startWorld, type World } from '../support/world.ts';

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

describe('a base', () => {
  test('that restarts empty gets its modules back: one restart each, the Pods stay', async () => {
    world = await startWorld({ timings: quick });
    const bizes = [{ name: 'biz1' }, { name: 'biz2' }];
    const created = await world.createPod('p1', { bizes });
    await world.podReady('p1');
    expect(world.commands().toSorted()).toEqual(['installBiz biz1:0.0.1', 'installBiz biz2:0.0.1']);
    const first = world.commands();
    world.base().faults.restart(100);
    await waitFor('the modules are sent again', () => world.commands().length === 4);
    const again = world.commands().slice(2);
    expect(again.toSorted()).toEqual(first.toSorted());
    const p1 = 'Running, Ready=True, biz1 running restarts=1, biz2 running restarts=1';
    const list = ['biz1:0.0.1 ACTIVATED', 'biz2:0.0.1 ACTIVATED'];
    await settles(world, { node: 'Ready=True', pods: { p1 }, list, commands: [...first, ...again] }, 5_000);
    const pod = await world.podReady('p1');
    expect(pod.metadata.uid).toBe(created.metadata.uid);
    expect(pod.status.containerStatuses[0].lastState.terminated.reason).toBe('BaseRestarted');
    expect((await eventsOf(world, 'p1')).join('\n')).toMatch(/Warning BaseRestarted the base is a new process/);
  });

  test('that dies is not Ready within five seconds, nor are its Pods; returned, it serves again', async () => {
    world = await startWorld();
    const created = await world.createPod('p1');
    await world.podReady('p1');
    const dead = world.base();
    const diedAt = performance.now();
    dead.kill();
    const lowered = 'Running, Ready=False, biz1 running';
    const gone = { node: 'Ready=Unknown BaseDisconnected', pods: { p1: lowered }, list: [], commands: [install] };
    await settles(world, gone, 5_000 - (performance.now() - diedAt), { holdsMs: 200 });
    expect(conditionOf(await world.pod('p1'), 'Ready').reason).toBe('BaseDisconnected');
    const returned = await world.addBase({ identity: dead.identity, index: 0 });
    const p1 = 'Running, Ready=True, biz1 running restarts=1';
    await settles(world, { node: 'Ready=True', pods: { p1 }, list: there, commands: [install] }, 5_000, {
      base: returned,
    });
    expect((await world.pod('p1')).metadata.uid).toBe(created.metadata.uid);
  });

  test('whose connection breaks for a moment keeps everything, and nothing is sent', async () => {
    world = await startWorld();
    await world.createPod('p1');
    await world.podReady('p1');
    const path = `/api/v1/nodes?fieldSelector=metadata.name=${world.nodeOf(world.base())}`;
    const watch = await follow(world.api, path);
    world.base().faults.partition(300);
    await waitFor('it is away', () => !world.base().isConnected);
    await waitFor('it is back', () => world.base().isConnected, 5_000);
    const expected = { node: 'Ready=True', pods: { p1: onLine }, list: there, commands: [install] };
    await settles(world, expected, 1_000, { holdsMs: 2_500 });
    watch.stop();
    expect(new Set(watch.events.map((event) => conditionOf(event.object, 'Ready')?.status))).toEqual(new Set(['True']));
  });

  test('whose heartbeat has died but which answers stays Ready and gets installs', async () => {
    const timings = { ...quick, askAfterSilenceMs: 400, silentAfterMs: 1_600, healthPeriodMs: 60_000 };
    world = await startWorld({ timings });
    await world.createPod('p1');
    await world.podReady('p1');
    world.base().faults.freezeHeartbeats();
    const isReady = async () => conditionOf(await world.node(), 'Ready')?.status === 'True';
    await staysTrue('the Node is Ready', isReady, 4_000);
    await world.createPod('p2', { bizes: [{ name: 'biz2' }] });
    const pods = { p1: onLine, p2: 'Running, Ready=True, biz2 running' };
    const list = ['biz1:0.0.1 ACTIVATED', 'biz2:0.0.1 ACTIVATED'];
    await settles(world, { node: 'Ready=True', pods, list, commands: [install, 'installBiz biz2:0.0.1'] }, 3_000);
  });

  test('that hears but says nothing more is not Ready, and is again with its first word', async () => {
    const timings = { ...quick, askAfterSilenceMs: 400, silentAfterMs: 900 };
    world = await startWorld({ timings });
    await world.createPod('p1');
    await world.podReady('p1');
    world.base().faults.mute();
    const lowered = 'Running, Ready=False, biz1 running';
    const silent = { node: 'Ready=Unknown BaseSilent', pods: { p1: lowered }, list: there, commands: [install] };
    await settles(world, silent, 4_000);
    world.base().faults.mute(false);
    await settles(world, { node: 'Ready=True', pods: { p1: onLine }, list: there, commands: [install] }, 5_000);
  });
});

describe('a Pod deleted while its base is away', () => {
  test('stays Terminating, says why, and goes when the base is back: one uninstall', async () => {
    world = await startWorld({ timings: quick, bases: [{ heartbeatDies: false }] });
    await world.createPod('p1');
    await world.podReady('p1');
    world.base().faults.partition(2_000);
    await waitFor('its absence shows', async () => conditionOf(await world.node(), 'Ready')?.status === 'Unknown');
    await world.deletePod('p1');
    const terminating = 'Running Terminating, Ready=False, biz1 running';
    const away = {
      node: 'Ready=Unknown BaseDisconnected',
      pods: { p1: terminating },
      list: there,
      commands: [install],
    };
    await settles(world, away, 1_000, { holdsMs: 500 });
    const told = (await eventsOf(world, 'p1')).filter((event) => event.startsWith('Warning DeletionWaits'));
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(/stays Terminating/);
    await settles(world, { node: 'Ready=True', pods: {}, list: [], commands: [install, uninstall] }, 8_000);
    expect(await records()).toEqual([]);
  });

  test('with a base that returns empty goes without a command', async () => {
    world = await startWorld({ timings: quick });
    await world.createPod('p1');
    await world.podReady('p1');
    world.base().kill();
    await waitFor('its absence shows', async () => conditionOf(await world.node(), 'Ready')?.status === 'Unknown');
    await world.deletePod('p1');
    const returned = await world.addBase({ identity: world.base().identity, index: 0 });
    await settles(world, { node: 'Ready=True', pods: {}, list: [], commands: [] }, 3_000, { base: returned });
  });
});
