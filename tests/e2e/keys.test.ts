/** A fault of ours has the size of its key: an exception for one base holds that base alone, is told, and heals. */
import { foldBase, foldFleet, isForgettable, planBase, planFleet } from '@kouplet/core';
import { afterEach, expect, test } from 'vitest';
import { expectNoneRetained, settles } from '../support/sight.ts';
import { waitFor } from '../support/wait.ts';
import { eventsOf, startWorld, type World } from '../support/world.ts';

let world: World;
afterEach(async () => {
  await world?.stop();
  expectNoneRetained(world);
});

const core = { foldBase, planBase, foldFleet, planFleet, isForgettable };
const onLine = 'Running, Ready=True, biz1 running';
const there = ['biz1:0.0.1 ACTIVATED'];

test('a plan that throws for one base: the other serves, it is told, and after the hold the base serves too', async () => {
  let isBroken = false;
  world = await startWorld({
    bases: 2,
    core: {
      ...core,
      planBase: (state, ...rest) => {
        if (isBroken && state.baseId === 'b1') throw new Error('injected into the plan of b1');
        return planBase(state, ...rest);
      },
    },
  });
  const [ill, well] = [world.base(0), world.base(1)];
  isBroken = true;
  await world.createPod('p1', { base: ill });
  await world.createPod('p2', { base: well });
  await world.podReady('p2');
  await waitFor('the base is quarantined', () => JSON.stringify(world.controller.debugPlan('b1')).includes('injected'));
  expect(world.commands(ill)).toEqual([]);
  await settles(
    world,
    { node: 'Ready=True', pods: { p2: onLine }, list: there, commands: ['installBiz biz1:0.0.1'] },
    2_000,
    { base: well },
  );
  isBroken = false;
  await world.podReady('p1', 18_000);
  await settles(
    world,
    { node: 'Ready=True', pods: { p1: onLine }, list: there, commands: ['installBiz biz1:0.0.1'] },
    2_000,
    { base: ill },
  );
  const events = await waitFor('it is told', async () => {
    const told = (await eventsOf(world, world.nodeOf(ill), 'default')).join('\n');
    return told.includes('injected') ? told : undefined;
  });
  expect(events).toMatch(/Warning \w+ .*injected into the plan of b1/);
  expect(await eventsOf(world, world.nodeOf(well), 'default')).not.toContainEqual(expect.stringContaining('injected'));
}, 40_000);

test('a fold that throws for one base: what it lost is told again, and its Pod goes on line after the hold', async () => {
  let isBroken = false;
  world = await startWorld({
    bases: 2,
    core: {
      ...core,
      foldBase: (state, input, policy) => {
        if (isBroken && state.baseId === 'b1' && input.kind === 'pod-observed')
          throw new Error('injected into the fold');
        return foldBase(state, input, policy);
      },
    },
  });
  const [ill, well] = [world.base(0), world.base(1)];
  isBroken = true;
  await world.createPod('p1', { base: ill });
  await world.createPod('p2', { base: well });
  await world.podReady('p2');
  expect(world.commands(ill)).toEqual([]);
  isBroken = false;
  await world.podReady('p1', 18_000);
  for (const [name, base] of [
    ['p1', ill],
    ['p2', well],
  ] as const) {
    const commands = ['installBiz biz1:0.0.1'];
    await settles(world, { node: 'Ready=True', pods: { [name]: onLine }, list: there, commands }, 2_000, { base });
  }
}, 40_000);
