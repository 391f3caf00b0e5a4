/** The controller as a process that is killed, or ended, and started again. Every step: tests/long/controller-killed.test.ts. */
import { afterEach, describe, expect, test } from 'vitest';
import { effects, killAt, type ProcessWorld, startProcessWorld } from '../support/process-world.ts';
import { endProcesses } from '../support/processes.ts';
import { waitFor } from '../support/wait.ts';

let place: ProcessWorld;
afterEach(async () => {
  await place?.stop();
  await endProcesses();
});

const effect = (name: string) => {
  const found = effects.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no such effect: ${name}`);
  return found;
};

describe('a controller that is killed and started again', () => {
  test('while an install and an uninstall run repeats neither, and what was Ready stays so', async () => {
    place = await startProcessWorld();
    const { world } = place;
    const base = await place.addBase();
    const node = await world.nodeReady(base);
    await world.createPod('steady', { bizes: [{ name: 'steady' }] });
    await world.podReady('steady');

    await killAt(place, effect('the install is answered'), 'before', node.metadata.name, 'p1', () =>
      world.createPod('p1'),
    );
    await world.startController();
    await world.podReady('p1');
    expect(base.installedKeys()).toEqual(['biz1:0.0.1', 'steady:0.0.1']);

    await killAt(place, effect('the uninstall is sent'), 'after', node.metadata.name, 'p1', () =>
      world.deletePod('p1'),
    );
    await world.startController();
    await world.podGone('p1');

    expect(world.commands()).toEqual(['installBiz steady:0.0.1', 'installBiz biz1:0.0.1', 'uninstallBiz biz1:0.0.1']);
    expect(base.log.filter((one) => one.retained)).toEqual([]);
    expect(base.installedKeys()).toEqual(['steady:0.0.1']);
    expect(place.readyOfPod('steady')).toEqual(['False', 'True']);
    expect(place.readyOfNode(base)).toEqual(['True']);
    expect(place.nodesDeleted()).toBe(0);
    expect((await world.node(base)).metadata.uid).toBe(node.metadata.uid);
  }, 60_000);
});

describe('SIGTERM', () => {
  test('ends it with 0 within five seconds, its Leases handed back, and the next takes over at once', async () => {
    place = await startProcessWorld({ isAnonymous: true });
    const { world } = place;
    const base = await place.addBase();
    await world.nodeReady(base);
    await world.createPod('p1');
    await world.podReady('p1');
    const lease = () =>
      world.api.find(`/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${world.nodeOf(base)}`);
    const before = (await lease()).spec.holderIdentity;
    expect(before).not.toBe('');

    const at = performance.now();
    const ended = await place.process().terminate();
    expect(performance.now() - at).toBeLessThan(5_000);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect((await lease()).spec.holderIdentity ?? '').toBe('');
    expect(await world.api.items(`/apis/coordination.k8s.io/v1/namespaces/${world.namespace}/leases`)).toEqual([]);

    await world.startController();
    const holder = await waitFor('another holds the Lease', async () => (await lease()).spec.holderIdentity, 3_000);
    expect(holder).not.toBe(before);
    await world.createPod('p2', { bizes: [{ name: 'biz2' }] });
    await world.podReady('p2', 5_000);
    expect(world.commands()).toEqual(['installBiz biz1:0.0.1', 'installBiz biz2:0.0.1']);
    expect(place.readyOfPod('p1')).toEqual(['False', 'True']);
    expect(place.readyOfNode(base)).toEqual(['True']);
  }, 60_000);
});
