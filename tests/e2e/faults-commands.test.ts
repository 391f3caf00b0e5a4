/** Commands and answers that get lost, and installs that fail: what is seen, and exactly what is sent. */
import type { Timings } from '@kouplet/core';
import { afterEach, describe, expect, test } from 'vitest';
import { kubectlFor, noKubectl } from '../support/kubectl.ts';
import { expectNoneRetained, settles } from '../support/sight.ts';
import { staysTrue, waitFor } from '../support/wait.ts';
import { conditionOf, eventsOf, reasonOf, startWorld, urlOf, type World } from '../support/world.ts';

let world: World;
afterEach(async () => {
  await world?.stop();
  expectNoneRetained(world);
});

const install = 'installBiz biz1:0.0.1';
const uninstall = 'uninstallBiz biz1:0.0.1';
const onLine = 'Running, Ready=True, biz1 running';

/** What depends on no true figure, but on the order of figures. */
const quick: Partial<Timings> = {
  answerOverdueMs: 300,
  operationOverdueMs: 300,
  operationLostMs: 900,
  backoffFirstMs: 400,
  backoffCapMs: 1_200,
  healthPeriodMs: 500,
};
const asks = (query: string) => ({ bizes: [{ name: 'biz1', url: urlOf('biz1', '0.0.1', query) }] });

describe('a command that never arrives', () => {
  test('is asked after, found lost, and sent once more: an install', async () => {
    world = await startWorld({ timings: quick });
    await world.createPod('p1', asks('?kouplet-lose=command'));
    const list = ['biz1:0.0.1 ACTIVATED'];
    await settles(world, { node: 'Ready=True', pods: { p1: onLine }, list, commands: [install, install] }, 5_000);
    const told = await waitFor('the loss is told', async () =>
      (await eventsOf(world, world.nodeOf(world.base()), 'default')).find((event) => event.includes('CommandLost')),
    );
    expect(told).toMatch(/installBiz biz1:0\.0\.1 had no answer and no effect; it is sent again/);
  });

  test('is asked after, found lost, and sent once more: an uninstall', async () => {
    world = await startWorld({ timings: quick });
    await world.createPod('p1');
    await world.podReady('p1');
    world.base().faults.dropCommands(1, 'uninstallBiz');
    await world.deletePod('p1');
    const commands = [install, uninstall, uninstall];
    await settles(world, { node: 'Ready=True', pods: {}, list: [], commands }, 5_000);
  });
});

describe('an answer that never comes', () => {
  test('is replaced by a list: the install is not repeated', async () => {
    world = await startWorld({ timings: quick });
    await world.createPod('p1', asks('?kouplet-lose=answer'));
    const list = ['biz1:0.0.1 ACTIVATED'];
    await settles(world, { node: 'Ready=True', pods: { p1: onLine }, list, commands: [install] }, 5_000, {
      holdsMs: 1_200,
    });
    expect((await world.podReady('p1')).status.containerStatuses[0].restartCount).toBe(0);
  });

  test('is replaced by a list: the uninstall is not repeated, and the Pod goes', async () => {
    world = await startWorld({ timings: quick });
    await world.createPod('p1');
    await world.podReady('p1');
    world.base().faults.dropAnswers();
    await world.deletePod('p1');
    await settles(world, { node: 'Ready=True', pods: {}, list: [], commands: [install, uninstall] }, 5_000, {
      holdsMs: 1_200,
    });
  });
});

describe('an install that fails', () => {
  test('shows its reason over all later lists, is retried with back-off, and heals', async () => {
    world = await startWorld({ timings: { ...quick, backoffFirstMs: 1_000, backoffCapMs: 2_000 } });
    await world.createPod('p1', asks('?kouplet-fail=404&kouplet-fail-times=2'));
    const failed = await waitFor('the first failure shows', async () => {
      const pod = await world.pod('p1');
      return reasonOf(pod)?.startsWith('InstallFailed') ? pod : undefined;
    });
    expect(reasonOf(failed)).toMatch(
      /^InstallFailed: java\.io\.FileNotFoundException: https:\/\/modules\.example\.com/,
    );
    expect(failed.status.phase).toBe('Pending');
    expect(conditionOf(failed, 'Ready')).toMatchObject({ status: 'False', reason: 'ContainersNotReady' });
    const listsBefore = world
      .base()
      .log.filter((one) => one.command === 'queryAllBiz' || one.command === 'health').length;
    await staysTrue(
      'the reason stays until a success',
      async () => {
        const pod = await world.pod('p1');
        return conditionOf(pod, 'Ready')?.status === 'True' || /FileNotFoundException/.test(reasonOf(pod) ?? '');
      },
      1_500,
    );
    const lists = world.base().log.filter((one) => one.command === 'queryAllBiz' || one.command === 'health').length;
    expect(lists).toBeGreaterThan(listsBefore);
    const list = ['biz1:0.0.1 ACTIVATED'];
    const commands = [install, install, install];
    await settles(world, { node: 'Ready=True', pods: { p1: onLine }, list, commands }, 6_000);
    const sentAt = world
      .base()
      .log.filter((one) => one.command === 'installBiz')
      .map((one) => one.at);
    // Shortened by up to a fifth, so that many do not come at once.
    expect((sentAt[1] ?? 0) - (sentAt[0] ?? 0)).toBeGreaterThanOrEqual(800);
    expect((sentAt[2] ?? 0) - (sentAt[1] ?? 0)).toBeGreaterThanOrEqual(1_600);
    const events = await eventsOf(world, 'p1');
    expect(events.find((event) => event.startsWith('Warning InstallFailed'))).toMatch(
      /biz1:0\.0\.1: java\.io\.FileNotFoundException: .*\n.*at /s,
    );
    expect(events.filter((event) => event.includes(' Installed '))).toHaveLength(1);
  });

  test('for good is retried for ever, and its Pod goes without a command', async () => {
    world = await startWorld({ timings: { ...quick, backoffFirstMs: 200, backoffCapMs: 400 } });
    await world.createPod('p1', asks('?kouplet-fail=start'));
    await waitFor('it is tried five times', () => world.commands().length >= 5);
    const pod = await world.pod('p1');
    expect(reasonOf(pod)).toMatch(/^InstallBackOff: /);
    expect(reasonOf(pod)).not.toMatch(/\n/);
    await world.deletePod('p1');
    await world.podGone('p1', 3_000);
    const { node, list, commands } = {
      node: 'Ready=True',
      list: [],
      commands: world.commands(),
    };
    await settles(world, { node, pods: {}, list, commands }, 1_000, { holdsMs: 700 });
    expect(new Set(commands)).toEqual(new Set([install]));
  });

  test('heals at once when the image is put right, without waiting for the back-off', async () => {
    world = await startWorld({ timings: { ...quick, backoffFirstMs: 30_000, backoffCapMs: 60_000 } });
    await world.createPod('p1', asks('?kouplet-fail=unknown-host'));
    await waitFor('it has failed', async () => reasonOf(await world.pod('p1'))?.startsWith('InstallFailed'));
    await world.setImage('p1', urlOf('biz1', '0.0.1'));
    const list = ['biz1:0.0.1 ACTIVATED'];
    await settles(world, { node: 'Ready=True', pods: { p1: onLine }, list, commands: [install, install] }, 2_000);
    expect(world.base().list()[0]?.url).toBe(urlOf('biz1', '0.0.1'));
  });

  test.skipIf(noKubectl)('is what kubectl get and describe say', async () => {
    world = await startWorld({ timings: { ...quick, backoffFirstMs: 30_000, backoffCapMs: 60_000 } });
    const kubectl = kubectlFor(world.cluster.kubeconfig, world.namespace);
    await world.createPod('p1', asks('?kouplet-fail=404'));
    await waitFor('get pods shows it', async () => /p1 +0\/1 +InstallFailed +0/.test(await kubectl('get pods')));
    const described = await waitFor('describe shows it', async () => {
      const text = await kubectl('describe pod p1');
      return text.includes('Warning  InstallFailed') ? text : undefined;
    });
    expect(described).toMatch(/State: +Waiting\n +Reason: +InstallFailed\n/);
    expect(described).toMatch(/Warning +InstallFailed .*biz1:0\.0\.1: java\.io\.FileNotFoundException: /);
  });

  test('in a Pod with restartPolicy Never ends the Pod as Failed', async () => {
    world = await startWorld({ timings: quick });
    await world.createPod('p1', { ...asks('?kouplet-fail=404'), spec: { restartPolicy: 'Never' } });
    const p1 = 'Failed, Ready=False, biz1 terminated InstallFailed 1';
    await settles(world, { node: 'Ready=True', pods: { p1 }, list: [], commands: [install] }, 3_000, {
      holdsMs: 1_000,
    });
    expect(reasonOf(await world.pod('p1'))).toMatch(/^InstallFailed: java\.io\.FileNotFoundException/);
    await world.deletePod('p1');
    await settles(world, { node: 'Ready=True', pods: {}, list: [], commands: [install] }, 2_000);
  });
});
