import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { watchInvariants } from './invariants.ts';
import { runScenario, settle } from './runner.ts';
import type { LinkFault } from './setting.ts';

const folder = new URL('.', import.meta.url);
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.txt'))
  .toSorted();

/** Faults of one delivery: message, command or watch event. Late ones come after what followed them. */
const mutations: Readonly<Record<string, (copies: number) => ReturnType<LinkFault>>> = {
  dropped: () => ({ copies: 0, delayMs: 0 }),
  doubled: () => ({ copies: 2, delayMs: 0 }),
  'swapped with its neighbour': () => ({ copies: 1, delayMs: 3 }),
  late: () => ({ copies: 1, delayMs: 700 }),
};

/** Deliveries of a scenario that are mutated, spread over its length. */
const placesPerScenario = 3;

describe.each(files)('%s with faults on the way', (file) => {
  const source = readFileSync(new URL(file, folder), 'utf8');
  let deliveries = 0;
  const count: LinkFault = (_delivery, index) => {
    deliveries = Math.max(deliveries, index);
    return { copies: 1, delayMs: 0 };
  };
  const quiet = runScenario(source, count);
  const total = deliveries;
  const expected = settle(quiet.run);
  // What a fault takes from everyone for ever is no fault that anything could heal: the scenario says so.
  const spared = /^# spared: (\w+)/m.exec(source)?.[1];
  const names = Object.keys(mutations).filter((name) => name !== spared);
  const stride = Math.max(1, Math.ceil(total / placesPerScenario));

  test.each(names)('one delivery %s: the invariants hold, and it comes to the same end', (name) => {
    const mutation = mutations[name];
    for (let place = 1; place <= total; place += stride) {
      const violations: string[] = [];
      const fault: LinkFault = (_delivery, index) =>
        index === place && mutation !== undefined ? mutation(1) : { copies: 1, delayMs: 0 };
      const ran = runScenario(source, fault, (world) => watchInvariants(world, violations));
      const end = settle(ran.run);
      expect({ place, violations, end }).toEqual({ place, violations: [], end: expected });
      for (const id of ran.run.world.states.keys()) {
        const { actions } = ran.run.world.planFor(id);
        expect({ place, id, actions }).toEqual({ place, id, actions: [] });
      }
    }
  });
});
