/** Peer Deployments under two replicas at one mosquitto: each is sized by one of them, and by the other once that one is gone. */
import { afterEach, describe, expect, test } from 'vitest';
import { hasMosquitto } from '../support/mosquitto.ts';
import { endProcesses } from '../support/processes.ts';
import { type ReplicaWorld, startReplicas } from '../support/replica-world.ts';
import { waitFor } from '../support/wait.ts';

let place: ReplicaWorld;
afterEach(async () => {
  await place?.stop();
  await endProcesses();
});

/** So many that each replica has some, whatever their UIDs. */
const count = 24;

async function createPeers(): Promise<void> {
  const { world } = place;
  for (let at = 0; at < count; at += 1) {
    const app = `d${at}`;
    await world.api.call('POST', `/apis/apps/v1/namespaces/${world.namespace}/deployments`, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: {
        name: app,
        labels: {
          'virtual-kubelet.koupleless.io/component': 'module-deployment',
          'virtual-kubelet.koupleless.io/env': world.env,
          'virtual-kubelet.koupleless.io/strategy': 'peer',
        },
      },
      spec: {
        selector: { matchLabels: { app } },
        template: {
          metadata: { labels: { app } },
          // Their sizes are what this is about: nobody schedules them.
          spec: {
            schedulerName: 'nobody',
            containers: [{ name: 'biz1', image: 'https://modules.example.com/biz1.jar' }],
          },
        },
      },
    });
  }
}

async function allBecome(replicas: number, withinMs: number): Promise<void> {
  const { world } = place;
  await waitFor(
    `all have ${replicas} replicas`,
    async () => {
      const all = await world.api.items(`/apis/apps/v1/namespaces/${world.namespace}/deployments`);
      const sizes = all.map(({ spec }) => spec.replicas);
      if (sizes.length === count && sizes.every((size) => size === replicas)) return true;
      throw new Error(sizes.join());
    },
    withinMs,
  );
}

/** How often their specs were written, their making included: the different numbers. */
async function generations(): Promise<number[]> {
  const { world } = place;
  const all = await world.api.items(`/apis/apps/v1/namespaces/${world.namespace}/deployments`);
  return [...new Set(all.map(({ metadata }) => metadata.generation as number))].toSorted();
}

const scalesOf = (at: number): string[] =>
  (place.replicas[at]?.proxy.writes ?? []).filter((write) => write.startsWith('PATCH ') && write.includes('/scale'));

describe.skipIf(!hasMosquitto)('peer Deployments under two replicas', () => {
  test('are each sized once, by one of them; by the other when that one is killed [SPEC N22]', async () => {
    place = await startReplicas(2, [{ identity: 'b1' }, { identity: 'b2' }], ['--peer-deployments']);
    // Both know of each other.
    await waitFor('both live', async () => new Set(Object.values(await place.holders())).size > 0);
    await createPeers();
    await allBecome(2, 20_000);
    const [first, second] = [scalesOf(0), scalesOf(1)];
    expect(first.length).toBeGreaterThan(0);
    expect(second.length).toBeGreaterThan(0);
    // A write may meet another version and be made again, by the same one.
    expect(first.filter((write) => second.includes(write))).toEqual([]);
    expect(await generations()).toEqual([2]);

    await place.replicas[0]?.process().kill();
    await place.world.addBase({ identity: 'b3', heartbeatDies: false });
    await allBecome(3, 60_000);
    expect(await generations()).toEqual([3]);
    await place.world.base(2).stop();
    await allBecome(2, 60_000);
  }, 240_000);
});
