/** Modules that meet: on one base, in one Pod, under one name, one after the other. What is seen, and exactly what is sent. */
import { markOf, maskUrl, type Timings } from '@kouplet/core';
import { afterEach, describe, expect, test } from 'vitest';
import { moduleDeployment } from '../support/deployment.ts';
import { follow } from '../support/follow.ts';
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

describe('modules that come together', () => {
  test('the same version deleted and created at once: out, confirmed, in, for the new Pod', async () => {
    world = await startWorld({ timings: quick });
    const slow = asks('?kouplet-uninstall-delay=600ms');
    const old = await world.createPod('p1', slow);
    await world.podReady('p1');
    await world.deletePod('p1');
    const created = await world.createPod('p2', slow);
    expect(created.metadata.uid).not.toBe(old.metadata.uid);
    await waitFor('the new one says what it waits for', async () =>
      reasonOf(await world.pod('p2'))?.startsWith('Uninstalling:'),
    );
    expect(world.commands()).toEqual([install, uninstall]);
    const list = ['biz1:0.0.1 ACTIVATED'];
    const commands = [install, uninstall, install];
    await settles(world, { node: 'Ready=True', pods: { p2: onLine }, list, commands }, 3_000);
  });

  test('of the very same name: kubectl replace --force', async () => {
    world = await startWorld({ timings: quick });
    const old = await world.createPod('p1');
    await world.podReady('p1');
    await world.deletePod('p1');
    await waitFor('the name is free', () => world.createPod('p1').catch(() => undefined), 3_000);
    const list = ['biz1:0.0.1 ACTIVATED'];
    const commands = [install, uninstall, install];
    await settles(world, { node: 'Ready=True', pods: { p1: onLine }, list, commands }, 3_000);
    expect((await world.podReady('p1')).metadata.uid).not.toBe(old.metadata.uid);
  });

  test('nine slow ones on one base: three at once, all done, and the base counts as alive all the while', async () => {
    const timings = { ...quick, askAfterSilenceMs: 500, silentAfterMs: 1_000 };
    world = await startWorld({ timings, bases: [{ heartbeatDies: false }] });
    world.base().faults.freezeHeartbeats();
    const watch = await follow(world.api, `/api/v1/nodes?fieldSelector=metadata.name=${world.nodeOf(world.base())}`);
    const names = Array.from({ length: 9 }, (_, index) => `biz${index + 1}`);
    let most = 0;
    const bizes = names.map((name) => ({ name, url: urlOf(name, '0.0.1', '?kouplet-delay=800ms') }));
    for (const biz of bizes) await world.createPod(biz.name, { bizes: [biz] });
    await waitFor('all nine are there', () => {
      most = Math.max(
        most,
        world
          .base()
          .list()
          .filter((biz) => biz.state === 'RESOLVED').length,
      );
      return world.base().installedKeys().length === 9;
    });
    expect(most).toBe(3);
    const pods = Object.fromEntries(names.map((name) => [name, `Running, Ready=True, ${name} running`]));
    const list = names.map((name) => `${name}:0.0.1 ACTIVATED`);
    const commands = world.commands();
    expect(commands.toSorted()).toEqual(names.map((name) => `installBiz ${name}:0.0.1`));
    await settles(world, { node: 'Ready=True', pods, list, commands }, 2_000);
    watch.stop();
    const readies = watch.events.map((event) => conditionOf(event.object, 'Ready')?.status);
    expect(new Set(readies)).toEqual(new Set(['True']));
  });

  test('two in a Pod, one of which fails at first: the other is on line meanwhile and is not touched', async () => {
    world = await startWorld({ timings: { ...quick, backoffFirstMs: 800 } });
    const bizes = [{ name: 'biz1' }, { name: 'biz2', url: urlOf('biz2', '0.0.1', '?kouplet-fail-times=1') }];
    await world.createPod('p1', { bizes });
    const half = 'Running, Ready=False, biz1 running, biz2 waiting InstallFailed';
    const first = ['installBiz biz1:0.0.1', 'installBiz biz2:0.0.1'];
    await settles(
      world,
      { node: 'Ready=True', pods: { p1: half }, list: ['biz1:0.0.1 ACTIVATED'], commands: first },
      3_000,
      { holdsMs: 100 },
    );
    const list = ['biz1:0.0.1 ACTIVATED', 'biz2:0.0.1 ACTIVATED'];
    const p1 = 'Running, Ready=True, biz1 running, biz2 running';
    const commands = [...first, 'installBiz biz2:0.0.1'];
    await settles(world, { node: 'Ready=True', pods: { p1 }, list, commands }, 3_000);
    await world.deletePod('p1');
    await world.podGone('p1', 2_000);
    expect(world.commands().slice(3).sort()).toEqual(['uninstallBiz biz1:0.0.1', 'uninstallBiz biz2:0.0.1']);
    expect(world.base().list()).toEqual([]);
  });

  test('an image changed on a live Pod: old out, new in, one restart, the same Pod', async () => {
    world = await startWorld({ timings: quick });
    const before = await world.createPod('p1');
    await world.podReady('p1');
    const image = urlOf('biz1', '0.0.1', '?build=2');
    await world.setImage('p1', image);
    const list = ['biz1:0.0.1 ACTIVATED'];
    const commands = [install, uninstall, install];
    const p1 = 'Running, Ready=True, biz1 running restarts=1';
    await settles(world, { node: 'Ready=True', pods: { p1 }, list, commands }, 3_000);
    const after = await world.podReady('p1');
    expect(after.metadata.uid).toBe(before.metadata.uid);
    expect(after.status.containerStatuses[0]).toMatchObject({ image: maskUrl(image), imageID: markOf(image) });
    expect(after.status.containerStatuses[0].lastState.terminated).toMatchObject({ reason: 'Uninstalled' });
    expect(world.base().list()[0]?.url).toBe(image);
  });
});

describe('two versions of one module', () => {
  const first = { bizes: [{ name: 'biz1', version: '0.0.1' }] };
  const second = { bizes: [{ name: 'biz1', version: '0.0.2' }] };
  const commands = [install, 'installBiz biz1:0.0.2'];

  test('on an ordinary base: the second stays DEACTIVATED, is not Ready and says what helps', async () => {
    world = await startWorld({ timings: quick });
    await world.createPod('p1', first);
    await world.podReady('p1');
    await world.createPod('p2', second);
    const pods = { p1: onLine, p2: 'Pending, Ready=False, biz1 waiting Deactivated' };
    const list = ['biz1:0.0.1 ACTIVATED', 'biz1:0.0.2 DEACTIVATED'];
    const node = 'Ready=True, SettingsAdvised';
    await settles(world, { node, pods, list, commands }, 3_000, { holdsMs: 1_000 });
    expect(reasonOf(await world.pod('p2'))).toMatch(/-Dactivate\.new\.module=true/);
    await world.deletePod('p2');
    const left = { node: 'Ready=True', pods: { p1: onLine }, list: ['biz1:0.0.1 ACTIVATED'] };
    await settles(world, { ...left, commands: [...commands, 'uninstallBiz biz1:0.0.2'] }, 2_000);
  });

  test('on a base with activate.new.module: the second serves, and the first says that it no longer does', async () => {
    world = await startWorld({ timings: quick, bases: [{ activateNewModule: true }] });
    await world.createPod('p1', first);
    await world.podReady('p1');
    await world.createPod('p2', second);
    const pods = { p1: 'Running, Ready=False, biz1 waiting Deactivated', p2: onLine };
    const list = ['biz1:0.0.1 DEACTIVATED', 'biz1:0.0.2 ACTIVATED'];
    await settles(world, { node: 'Ready=True', pods, list, commands }, 3_000, { holdsMs: 1_000 });
    await world.deletePod('p1');
    const left = { node: 'Ready=True', pods: { p2: onLine }, list: ['biz1:0.0.2 ACTIVATED'] };
    await settles(world, { ...left, commands: [...commands, uninstall] }, 2_000);
  });
});

describe('two Pods that want one name and version on one base', () => {
  test('of different workloads: the newer says who has it, and gets it when that one goes', async () => {
    world = await startWorld({ timings: quick });
    await world.createPod('p1');
    await world.podReady('p1');
    await world.createPod('p2');
    const pods = { p1: onLine, p2: 'Pending, Ready=False, biz1 waiting BizOccupied' };
    const list = ['biz1:0.0.1 ACTIVATED'];
    await settles(world, { node: 'Ready=True', pods, list, commands: [install] }, 3_000, { holdsMs: 800 });
    const why = reasonOf(await world.pod('p2'));
    expect(why).toContain(`${world.namespace}/p1`);
    expect(why).toMatch(/anti-affinity.*BIZ_VERSION/);
    await world.deletePod('p1');
    const after = [install, uninstall, install];
    await settles(world, { node: 'Ready=True', pods: { p2: onLine }, list, commands: after }, 3_000);
  });

  test('of which the one that waits is deleted: nothing is sent, and the other stays', async () => {
    world = await startWorld({ timings: quick });
    await world.createPod('p1');
    await world.podReady('p1');
    await world.createPod('p2');
    await waitFor('p2 waits', async () => reasonOf(await world.pod('p2'))?.startsWith('BizOccupied'));
    await world.deletePod('p2');
    const list = ['biz1:0.0.1 ACTIVATED'];
    await settles(world, { node: 'Ready=True', pods: { p1: onLine }, list, commands: [install] }, 2_000);
  });

  test('of one Deployment in a rolling restart: the newer supersedes, and the rollout completes', async () => {
    world = await startWorld({ timings: quick });
    const path = `/apis/apps/v1/namespaces/${world.namespace}/deployments`;
    await world.api.call('POST', path, moduleDeployment(world));
    const old = await available(1);
    const patch = { spec: { template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': '1' } } } } };
    await world.api.call('PATCH', `${path}/d1`, patch, 'application/strategic-merge-patch+json');
    const fresh = await waitFor(
      'the rollout is complete',
      async () => {
        const seen = await world.api.find(`${path}/d1`);
        if (seen.status.observedGeneration !== seen.metadata.generation) return undefined;
        const { replicas, updatedReplicas, availableReplicas } = seen.status;
        if (`${replicas} ${updatedReplicas} ${availableReplicas}` !== '1 1 1') return undefined;
        const pods = await world.api.items(`/api/v1/namespaces/${world.namespace}/pods`);
        return pods.length === 1 ? pods[0].metadata.name : undefined;
      },
      10_000,
    );
    expect(fresh).not.toBe(old);
    const list = ['biz1:0.0.1 ACTIVATED'];
    const commands = [install, uninstall, install];
    await settles(world, { node: 'Ready=True', pods: { [fresh]: onLine }, list, commands }, 2_000, { holdsMs: 800 });
  });
});

/** Waits until the Deployment has so many available Pods; the name of the only one. */
async function available(count: number): Promise<string> {
  const base = `/namespaces/${world.namespace}`;
  await waitFor('the Deployment is available', async () => {
    const seen = await world.api.find(`/apis/apps/v1${base}/deployments/d1`);
    return seen?.status?.availableReplicas === count;
  });
  return (await world.api.items(`/api/v1${base}/pods`))[0].metadata.name;
}
