/**
 * Taking over from ModuleController v2.2.0 at a real mosquitto, with its Leases of 40 s and its retained commands; nothing may be
 * noticed for five minutes. The quick form of it: tests/upstream/take-over.test.ts.
 */
import { afterAll, describe, expect, test } from 'vitest';
import { hasMosquitto, startMosquitto } from '../support/mosquitto.ts';
import { endProcesses } from '../support/processes.ts';
import { waitFor } from '../support/wait.ts';
import { urlOf, type World } from '../support/world.ts';
import { publishRetained, retainedOn } from '../upstream/left-behind.ts';
import { leaveFleet, takeOver } from '../upstream/take-over.ts';

const stops: Array<() => Promise<unknown>> = [];
afterAll(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  await endProcesses();
});

/** The last of each kind that it sent to every base, and the baseline that every replica of it answered with. */
async function leaveRetained(brokerUrl: string, { bases, env }: World): Promise<readonly string[]> {
  const biz = (bizName: string, bizVersion: string) => ({ bizName, bizVersion, bizUrl: urlOf(bizName, bizVersion) });
  const messages = bases.flatMap((base) => {
    const topic = (last: string): string => `koupleless_${env}/${base.identity}/${last}`;
    return [
      [topic('installBiz'), biz('biz1', '0.0.1')],
      [topic('uninstallBiz'), biz('biz1', '0.0.0')],
      [topic('health'), {}],
      [topic('queryAllBiz'), {}],
      [topic('base/baseline'), [biz('biz1', '0.0.1')]],
    ] as const;
  });
  const before = bases.map((base) => base.log.length);
  const { topics } = await publishRetained(brokerUrl, Object.fromEntries(messages));
  await waitFor('the bases have had them live', () =>
    bases.every((base, index) => base.log.length >= (before[index] ?? 0) + 5),
  );
  return topics;
}

const courses = [
  { name: 'with another CLIENT_ID, its Leases of 40 s', next: 'kouplet-1', takesMs: 90_000, watchMs: 300_000 },
  { name: 'with its own CLIENT_ID', next: 'module-controller-1', takesMs: 20_000, watchMs: 30_000 },
];

describe.skipIf(!hasMosquitto).concurrent('a fleet of ModuleController v2.2.0 at mosquitto', () => {
  test.each(
    courses,
  )('is taken over $name, unnoticed; what it left retained is gone before a base that comes back can take it', async ({
    next,
    takesMs,
    watchMs,
  }) => {
    const mosquitto = await startMosquitto();
    stops.push(() => mosquitto.stop());
    const fleet = await leaveFleet(mosquitto.port, 'module-controller-1');
    const { world } = fleet;
    stops.push(() => world.stop());
    const topics = await leaveRetained(mosquitto.url, world);
    expect(await retainedOn(mosquitto.url, topics)).toHaveLength(10);
    await takeOver(fleet, {
      brokerPort: mosquitto.port,
      clientId: 'module-controller-1',
      nextClientId: next,
      takesMs,
      watchMs,
      meanwhile: async () => {
        expect(await retainedOn(mosquitto.url, topics)).toEqual([]);
        for (const base of world.bases) {
          const asked = base.log.length;
          base.faults.partition(200);
          await waitFor('the base is cut off', () => !base.isConnected);
          await waitFor('the base is back and hears us', () => base.log.length > asked, 90_000);
        }
      },
    });
  }, 600_000);
});
