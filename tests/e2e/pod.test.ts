/** The whole path for bare Pods: created, on line, off line, with exactly the commands that are due. */
import { afterEach, describe, expect, test } from 'vitest';
import { expectNoneRetained, settles } from '../support/sight.ts';
import { waitFor } from '../support/wait.ts';
import { conditionOf, eventsOf, reasonOf, startWorld, urlOf, type World } from '../support/world.ts';

let world: World;
afterEach(async () => {
  await world?.stop();
  expectNoneRetained(world);
});

describe('a module Pod', () => {
  test('goes on line within a second of the base’s answer and off line within a second of its uninstall', async () => {
    world = await startWorld();
    const base = world.base();
    await world.createPod('p1');
    const list = ['biz1:0.0.1 ACTIVATED'];
    await waitFor('the base has it', () => base.installedKeys().length === 1);
    const pods = { p1: 'Running, Ready=True, biz1 running' };
    await settles(world, { node: 'Ready=True', pods, list, commands: ['installBiz biz1:0.0.1'] }, 1_000);
    const pod = await world.podReady('p1');
    expect(pod.status.phase).toBe('Running');
    expect(pod.spec.nodeName).toBe(`vnode.${base.identity}.${world.env}`);
    expect(pod.status.podIP).toBe(base.facts.ip);
    expect(conditionOf(pod, 'ContainersReady').status).toBe('True');
    expect(pod.status.containerStatuses[0]).toMatchObject({ name: 'biz1', ready: true, restartCount: 0 });
    expect(pod.status.containerStatuses[0].state.running.startedAt).toBeTruthy();
    expect(base.installedKeys()).toEqual(['biz1:0.0.1']);

    await world.deletePod('p1');
    await waitFor('the base has it no longer', () => base.installedKeys().length === 0, 2_000);
    const commands = ['installBiz biz1:0.0.1', 'uninstallBiz biz1:0.0.1'];
    await settles(world, { node: 'Ready=True', pods: {}, list: [], commands }, 1_000);
  });

  test('tells in Events what was done: scheduled, installing, installed', async () => {
    world = await startWorld();
    await world.createPod('p1');
    await world.podReady('p1');
    const reasons = await waitFor('Installed is told', async () => {
      const events = (await eventsOf(world, 'p1')).map((event) => event.split(' ')[1] ?? '');
      return events.includes('Installed') ? events : undefined;
    });
    expect(reasons).toEqual(expect.arrayContaining(['Scheduled', 'Installing', 'Installed']));
  });

  test('with two modules is Ready once both are, and says which one fails', async () => {
    world = await startWorld();
    const bizes = [{ name: 'biz1' }, { name: 'biz2', url: urlOf('biz2', '0.0.1', '?kouplet-fail=404') }];
    await world.createPod('p1', { bizes });
    const pod = await waitFor('biz2 has failed', async () => {
      const seen = await world.pod('p1');
      return reasonOf(seen, 1)?.startsWith('InstallFailed') && seen.status.containerStatuses[0].ready
        ? seen
        : undefined;
    });
    expect(pod.status.phase).toBe('Running');
    expect(conditionOf(pod, 'Ready').status).toBe('False');
    expect(reasonOf(pod, 1)).toMatch(/FileNotFoundException/);
    expect(world.base().installedKeys()).toEqual(['biz1:0.0.1']);
    await world.deletePod('p1');
    await world.podGone('p1');
    expect(world.commands().filter((one) => one.startsWith('uninstall'))).toEqual(['uninstallBiz biz1:0.0.1']);
  });
});

describe('a base', () => {
  test('is a Ready Node with the labels, taint and addresses that manifests ask for', async () => {
    world = await startWorld();
    const node = await world.nodeReady();
    expect(node.metadata.labels).toMatchObject({
      'base.koupleless.io/stack': 'java',
      'base.koupleless.io/name': world.baseName,
      'base.koupleless.io/version': '1.1.1',
      'base.koupleless.io/cluster-name': 'default',
      'virtual-kubelet.koupleless.io/component': 'vnode',
      'virtual-kubelet.koupleless.io/env': world.env,
    });
    expect(node.spec.taints).toContainEqual(
      expect.objectContaining({ key: 'schedule.koupleless.io/virtual-node', value: 'True', effect: 'NoExecute' }),
    );
    expect(node.spec.providerID).toBe(`kouplet://${world.base().identity}`);
    expect(node.status.addresses).toContainEqual({ type: 'InternalIP', address: world.base().facts.ip });
  });
});
