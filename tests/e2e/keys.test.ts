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

const commands = ['installBiz biz1:0.0.1'];
const onLine = 'Running, Ready=True, biz1 running';
const there = ['biz1:0.0.1 ACTIVATED'];

test('a plan that throws for one base and a fold for another: the third serves, it is told, and after the hold all do', async () => {
  let isBroken = false;
  world = await startWorld({
    bases: 3,
    core: {
      foldFleet,
      planFleet,
      isForgettable,
      planBase: (state, ...rest) => {
        if (isBroken && state.baseId === 'b1') throw new Error('injected into the plan');
        return planBase(state, ...rest);
      },
      foldBase: (state, input, policy) => {
        if (isBroken && state.baseId === 'b2' && input.kind === 'pod-observed')
          throw new Error('injected into the fold');
        return foldBase(state, input, policy);
      },
    },
  });
  const [planless, foldless, well] = [world.base(0), world.base(1), world.base(2)];
  const at = (base: typeof well, pod: string) =>
    settles(world, { node: 'Ready=True', pods: { [pod]: onLine }, list: there, commands }, 5_000, { base });
  isBroken = true;
  await world.createPod('p1', { base: planless });
  await world.createPod('p2', { base: foldless });
  await world.createPod('p3', { base: well });
  await world.podReady('p3');
  await at(well, 'p3');
  for (const base of [planless, foldless]) {
    await waitFor(`${base.identity} is quarantined`, () =>
      JSON.stringify(world.controller.debugPlan(base.identity)).includes('injected into'),
    );
    expect(world.commands(base)).toEqual([]);
  }

  isBroken = false;
  await world.podReady('p1', 30_000);
  await world.podReady('p2', 30_000);
  await at(planless, 'p1');
  await at(foldless, 'p2');
  for (const [base, words] of [
    [planless, /Warning \w+ .*injected into the plan/],
    [foldless, /Warning \w+ .*injected into the fold/],
  ] as const) {
    await waitFor('it is told', async () =>
      words.test((await eventsOf(world, world.nodeOf(base), 'default')).join('\n')),
    );
  }
  const told = (await eventsOf(world, world.nodeOf(well), 'default')).join('\n');
  expect(told).not.toContain('injected');
}, 60_000);
