/** The controller killed before and after each effect of the path, and away for as long as a person sleeps through. */
import { afterEach, expect, test } from 'vitest';
import { effects, killAt, type Moment, type ProcessWorld, startProcessWorld } from '../support/process-world.ts';
import { endProcesses } from '../support/processes.ts';
import { settles } from '../support/sight.ts';
import { staysTrue, waitFor } from '../support/wait.ts';

let place: ProcessWorld;
afterEach(async () => {
  await place?.stop();
  await endProcesses();
});

const moments: readonly Moment[] = ['before', 'after'];

test('killed before and after each effect: nothing is done twice or unduly, and no Ready changes for three minutes', async () => {
  place = await startProcessWorld();
  const { world } = place;
  const first = await place.addBase();
  await world.nodeReady(first);
  await world.createPod('steady', { base: first, bizes: [{ name: 'steady' }] });
  await world.podReady('steady');
  const expected = ['installBiz steady:0.0.1'];
  const pods: string[] = ['steady'];
  let number = 0;

  for (const effect of effects) {
    for (const moment of moments) {
      number += 1;
      const name = `p${number}`;
      const biz = { name: `biz${number}` };
      const step = `${moment} ${effect.name}`;
      if (effect.when === 'joining') {
        const identity = `b${world.bases.length + 1}`;
        const node = `vnode.${identity}.${world.env}`;
        await killAt(place, effect, moment, node, name, () => place.addBase({ identity }));
        await world.startController();
        await world.nodeReady(world.base(world.bases.length - 1), 20_000);
        continue;
      }
      const node = world.nodeOf(first);
      const create = () => world.createPod(name, { base: first, bizes: [biz] });
      if (effect.when === 'installing') await killAt(place, effect, moment, node, name, create);
      else {
        await create();
        await world.podReady(name);
        await killAt(place, effect, moment, node, name, () => world.deletePod(name));
      }
      await world.startController();
      expected.push(`installBiz ${biz.name}:0.0.1`);
      if (effect.when === 'installing') {
        await world.podReady(name, 20_000);
        pods.push(name);
      } else {
        await world.podGone(name, 20_000);
        expected.push(`uninstallBiz ${biz.name}:0.0.1`);
      }
      if (step === 'before the record is removed') {
        // Where that record is all that the next process has, whether something is still to come is asked by an uninstall.
        const path = `/api/v1/namespaces/${world.namespace}/configmaps`;
        await waitFor('it is struck off', async () => {
          return !JSON.stringify(await world.api.items(path)).includes(`${biz.name}:`);
        });
        if (world.commands(first).length > expected.length) expected.push(`uninstallBiz ${biz.name}:0.0.1`);
      }
      expect(world.commands(first), step).toEqual(expected);
      // read from the watch, which may lag behind the read that saw it Ready
      await waitFor(`${step}: its Ready went up once`, () => place.readyOfPod(name).join() === 'False,True');
    }
  }

  const isAsItWas = (): boolean =>
    pods.every((name) => place.readyOfPod(name).join() === 'False,True') &&
    world.bases.every((base) => place.readyOfNode(base).join() === 'True') &&
    place.nodesDeleted() === 0;
  expect(world.bases.map((base) => place.readyOfNode(base))).toEqual(world.bases.map(() => ['True']));
  await staysTrue('no Pod’s and no Node’s Ready changes', isAsItWas, 180_000);
  expect(world.commands(first)).toEqual(expected);
  expect(first.installedKeys()).toHaveLength(pods.length);
  expect(world.bases.flatMap((base) => base.log).filter((one) => one.retained)).toEqual([]);
});

test('killed and followed by one of another name, it is taken over from in 15 s, and no Ready changes for three minutes', async () => {
  place = await startProcessWorld({ isAnonymous: true });
  const { world } = place;
  const base = await place.addBase();
  await world.nodeReady(base);
  await world.createPod('steady', { bizes: [{ name: 'steady' }] });
  await world.podReady('steady');
  await place.process().kill();
  const killedAt = performance.now();
  await world.createPod('p1', { bizes: [{ name: 'biz1' }] });
  await world.startController();
  await world.podReady('p1', 30_000);
  await staysTrue(
    'no Ready changes',
    () => place.readyOfPod('steady').join() === 'False,True' && place.readyOfNode(base).join() === 'True',
    killedAt + 180_000 - performance.now(),
  );
  expect(world.commands()).toEqual(['installBiz steady:0.0.1', 'installBiz biz1:0.0.1']);
});

test('killed while a Pod is deleted, it uninstalls when it is back, once', async () => {
  place = await startProcessWorld();
  const { world } = place;
  const base = await place.addBase();
  await world.nodeReady(base);
  for (const name of ['p1', 'p2']) await world.createPod(name, { bizes: [{ name: `biz-${name}` }] });
  await world.podReady('p1');
  await world.podReady('p2');
  await place.process().kill();
  await world.deletePod('p1');
  await world.deletePod('p2', { gracePeriodSeconds: 0 });
  await world.podGone('p2');
  await world.startController();
  await world.podGone('p1', 20_000);
  await staysTrue('nothing is uninstalled twice', () => world.commands().length <= 4, 10_000);
  expect(world.commands().slice(2).sort()).toEqual(['uninstallBiz biz-p1:0.0.1', 'uninstallBiz biz-p2:0.0.1']);
  expect(base.installedKeys()).toEqual([]);
});

test('killed when the install has reached its base and nothing else, it goes on line: its record was there before [SPEC M36]', async () => {
  place = await startProcessWorld();
  const { world } = place;
  const base = await place.addBase();
  await world.nodeReady(base);
  await world.createPod('steady', { bizes: [{ name: 'steady' }] });
  await world.podReady('steady');
  const install = place.relay.hold('to-base', '/installBiz');
  await world.createPod('p1');
  const held = await install;
  const records = await world.api.items(`/api/v1/namespaces/${world.namespace}/configmaps`);
  expect(JSON.stringify(records.map(({ data }) => data))).toContain('p1');
  const answers = place.relay.drop('from-base', '/bizOperation');
  held.release();
  await waitFor('it is installed', () => base.installedKeys().length === 2);
  await place.process().kill();
  answers();
  await world.startController();
  await world.podReady('p1', 15_000);
  const onLine = (biz: string) => `Running, Ready=True, ${biz} running`;
  await settles(
    world,
    {
      node: 'Ready=True',
      pods: { steady: onLine('steady'), p1: onLine('biz1') },
      list: ['biz1:0.0.1 ACTIVATED', 'steady:0.0.1 ACTIVATED'],
      commands: ['installBiz steady:0.0.1', 'installBiz biz1:0.0.1'],
    },
    10_000,
  );
});

test('killed when its record has been written and the install has not been sent, it is installed once [SPEC M36]', async () => {
  place = await startProcessWorld();
  const { world } = place;
  const base = await place.addBase();
  await world.nodeReady(base);
  await world.createPod('steady', { bizes: [{ name: 'steady' }] });
  await world.podReady('steady');
  const lost = place.relay.drop('to-base', '/installBiz');
  const write = place.proxy.hold((method, path) => method !== 'GET' && path.includes('/configmaps'));
  await world.createPod('p1', { bizes: [{ name: 'biz1' }] });
  await (await write).perform();
  await place.process().kill();
  lost();
  await world.startController();
  await world.podReady('p1', 15_000);
  expect(world.commands(base)).toEqual(['installBiz steady:0.0.1', 'installBiz biz1:0.0.1']);
});
