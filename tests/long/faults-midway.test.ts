/** Faults that come in the middle of something: while a module starts, stops, waits for its next try, or nobody looks. */
import type { Timings } from '@kouplet/core';
import { afterEach, describe, expect, test } from 'vitest';
import { expectNoneRetained, settles } from '../support/sight.ts';
import { waitFor } from '../support/wait.ts';
import { conditionOf, reasonOf, startWorld, urlOf, type World } from '../support/world.ts';

let world: World;
afterEach(async () => {
  await world?.stop();
  expectNoneRetained(world);
});

const install = 'installBiz biz1:0.0.1';
const uninstall = 'uninstallBiz biz1:0.0.1';
const onLine = 'Running, Ready=True, biz1 running';
const there = ['biz1:0.0.1 ACTIVATED'];
const empty = { node: 'Ready=True', pods: {}, list: [] };

const quick: Partial<Timings> = {
  sessionGraceMs: 300,
  answerOverdueMs: 300,
  operationOverdueMs: 300,
  operationLostMs: 900,
  backoffFirstMs: 400,
  backoffCapMs: 1_200,
  healthPeriodMs: 500,
};
const asks = (query: string) => ({ bizes: [{ name: 'biz1', url: urlOf('biz1', '0.0.1', query) }] });
const sent = (count: number) => waitFor(`${count} commands were sent`, () => world.commands().length >= count, 5_000);
const isAway = () =>
  waitFor('its absence shows', async () => conditionOf(await world.node(), 'Ready')?.status === 'Unknown', 5_000);

describe('a Pod deleted while its module', () => {
  test('is starting: the uninstall waits for the start, and is sent once', async () => {
    world = await startWorld({ timings: quick });
    await world.createPod('p1', asks('?kouplet-delay=1500ms'));
    await sent(1);
    await world.deletePod('p1');
    await settles(world, { ...empty, commands: [install, uninstall] }, 5_000);
  });

  test('is being downloaded: the uninstall waits for its end', async () => {
    world = await startWorld({ timings: { ...quick, operationLostMs: 10_000 } });
    await world.createPod('p1', asks('?kouplet-download=1500ms'));
    await sent(1);
    await world.deletePod('p1');
    await settles(world, { ...empty, commands: [install, uninstall] }, 5_000, { holdsMs: 1_000 });
  });

  test('is downloaded for so long that it was taken for lost: refused once, the uninstall waits for the end', async () => {
    world = await startWorld({ timings: { ...quick, operationLostMs: 300 } });
    await world.createPod('p1', asks('?kouplet-download=2500ms'));
    await sent(1);
    await world.deletePod('p1');
    await settles(world, { ...empty, commands: [install, uninstall, uninstall] }, 8_000, { holdsMs: 1_500 });
  });

  test('waits for its next try, and the base is away: nothing is known to be there, yet the Pod waits for the base', async () => {
    world = await startWorld({ timings: { ...quick, backoffFirstMs: 20_000 }, bases: [{ heartbeatDies: false }] });
    await world.createPod('p1', asks('?kouplet-fail=404'));
    await waitFor('it has failed', async () => reasonOf(await world.pod('p1'))?.startsWith('InstallFailed'));
    world.base().faults.partition(500);
    await isAway();
    await world.deletePod('p1');
    await settles(world, { ...empty, commands: [install] }, 8_000);
  });
});

describe('a base that', () => {
  test('crashes while a module starts gets it again', async () => {
    world = await startWorld({ timings: quick });
    await world.createPod('p1', asks('?kouplet-delay=300ms&kouplet-crash=500ms'));
    await settles(
      world,
      { node: 'Ready=True', pods: { p1: onLine }, list: there, commands: [install, install] },
      8_000,
    );
  });

  test('loses its connection while a module starts keeps it: no second install', async () => {
    world = await startWorld({ timings: quick, bases: [{ heartbeatDies: false }] });
    await world.createPod('p1', asks('?kouplet-delay=500ms'));
    await sent(1);
    world.base().faults.partition(800);
    await settles(world, { node: 'Ready=True', pods: { p1: onLine }, list: there, commands: [install] }, 8_000, {
      holdsMs: 1_500,
    });
  });

  test('says that an uninstall failed though the module is gone: the Pod goes', async () => {
    world = await startWorld({ timings: quick });
    await world.createPod('p1', asks('?kouplet-uninstall-fail=1'));
    await world.podReady('p1');
    await world.deletePod('p1');
    await settles(world, { ...empty, commands: [install, uninstall] }, 3_000);
  });

  test('leaves a module BROKEN: it is taken off and tried again with back-off, and the Pod says why', async () => {
    world = await startWorld({ timings: { ...quick, backoffFirstMs: 20_000, backoffCapMs: 20_000 } });
    await world.createPod('p1', asks('?kouplet-state=broken'));
    const pod = await waitFor('it says so', async () => {
      const seen = await world.pod('p1');
      return /broken/i.test(reasonOf(seen) ?? '') ? seen : undefined;
    });
    expect(conditionOf(pod, 'Ready').status).toBe('False');
    await world.deletePod('p1');
    await world.podGone('p1', 5_000);
    expect(world.base().list()).toEqual([]);
    expect(world.commands().slice(0, 2)).toEqual([install, uninstall]);
  });

  test('finds another name in the jar: the Pod says so, and what the jar made goes with the Pod', async () => {
    world = await startWorld({ timings: { ...quick, backoffFirstMs: 20_000, backoffCapMs: 20_000 } });
    await world.createPod('p1', asks('?kouplet-manifest=other:2.0'));
    await waitFor('it says so', async () =>
      /the jar says that it is other:2\.0/.test(reasonOf(await world.pod('p1')) ?? ''),
    );
    await world.deletePod('p1');
    await world.podGone('p1', 5_000);
    await settles(world, { ...empty, commands: [install, 'uninstallBiz other:2.0'] }, 3_000);
  });
});

describe('an image changed', () => {
  test('while the module starts: the start is awaited, then old out and new in', async () => {
    world = await startWorld({ timings: quick });
    await world.createPod('p1', asks('?kouplet-delay=700ms'));
    await sent(1);
    await world.setImage('p1', urlOf('biz1', '0.0.1'));
    const p1 = 'Running, Ready=True, biz1 running restarts=1';
    const commands = [install, uninstall, install];
    await settles(world, { node: 'Ready=True', pods: { p1 }, list: there, commands }, 5_000);
    expect(world.base().list()[0]?.url).toBe(urlOf('biz1', '0.0.1'));
  });

  test('while the controller is down is seen at the next start', async () => {
    world = await startWorld({ timings: quick, bases: [{ heartbeatDies: false }] });
    await world.createPod('p1');
    await world.podReady('p1');
    await world.stopController();
    await world.setImage('p1', urlOf('biz1', '0.0.1', '?build=2'));
    await world.startController();
    const p1 = 'Running, Ready=True, biz1 running restarts=1';
    const commands = [install, uninstall, install];
    await settles(world, { node: 'Ready=True', pods: { p1 }, list: there, commands }, 8_000);
    expect(world.base().list()[0]?.url).toBe(urlOf('biz1', '0.0.1', '?build=2'));
  });
});

describe('while the controller is down', () => {
  test('a Pod is deleted and another of the same version created: out, confirmed, in', async () => {
    world = await startWorld({ timings: quick, bases: [{ heartbeatDies: false }] });
    await world.createPod('p1');
    await world.podReady('p1');
    await world.stopController();
    await world.deletePod('p1');
    await world.createPod('p2', { base: world.base() });
    await world.startController();
    const commands = [install, uninstall, install];
    await settles(world, { node: 'Ready=True', pods: { p2: onLine }, list: there, commands }, 8_000);
  });

  test('a base restarts empty: its module comes back, one restart', async () => {
    world = await startWorld({ timings: quick, bases: [{ heartbeatDies: false }] });
    await world.createPod('p1');
    await world.podReady('p1');
    await world.stopController();
    world.base().faults.restart();
    await world.startController();
    const p1 = 'Running, Ready=True, biz1 running restarts=1';
    await settles(world, { node: 'Ready=True', pods: { p1 }, list: there, commands: [install, install] }, 8_000);
  });

  test('nothing happens: nothing is sent, no status moves', async () => {
    world = await startWorld({ timings: quick, bases: [{ heartbeatDies: false }] });
    await world.createPod('p1');
    const before = await world.podReady('p1');
    await world.stopController();
    await world.startController();
    await waitFor('the base is back', () => world.base().isConnected);
    const expected = { node: 'Ready=True', pods: { p1: onLine }, list: there, commands: [install] };
    await settles(world, expected, 8_000, { holdsMs: 1_500 });
    const after = await world.podReady('p1');
    expect(after.status.containerStatuses).toEqual(before.status.containerStatuses);
    expect(conditionOf(after, 'Ready')).toEqual(conditionOf(before, 'Ready'));
  });
});

test('a Pod deleted and another of the same version created while the base is away: out, confirmed, in', async () => {
  world = await startWorld({ timings: quick, bases: [{ heartbeatDies: false }] });
  await world.createPod('p1');
  await world.podReady('p1');
  world.base().faults.partition(1_000);
  await isAway();
  await world.deletePod('p1');
  await world.createPod('p2', { base: world.base() });
  const commands = [install, uninstall, install];
  await settles(world, { node: 'Ready=True', pods: { p2: onLine }, list: there, commands }, 8_000);
});
