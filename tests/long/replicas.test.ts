/** Two and three replicas at one mosquitto: shared, handed over, killed, frozen, cut off; nothing is done twice, no Ready falls. */
import { afterEach, describe, expect, test } from 'vitest';
import { hasMosquitto } from '../support/mosquitto.ts';
import { endProcesses } from '../support/processes.ts';
import { type Replica, type ReplicaWorld, startReplicas } from '../support/replica-world.ts';
import { staysTrue, waitFor } from '../support/wait.ts';
import { retainedOn } from '../upstream/left-behind.ts';

let place: ReplicaWorld;
afterEach(async () => {
  await place?.stop();
  await endProcesses();
});

const identities = Array.from({ length: 9 }, (_none, at) => ({ identity: `b${at + 1}` }));

/** A module Pod on each base, Ready. */
async function onePodEach(): Promise<void> {
  const { world } = place;
  for (const base of world.bases) await world.createPod(`p-${base.identity}`, { base });
  for (const base of world.bases) await world.podReady(`p-${base.identity}`, 30_000);
}

/** Each base got one install and nothing else so far, whoever sent it, and the broker keeps none of it. */
async function expectOneInstallEach(): Promise<void> {
  const { world, mosquitto } = place;
  expect(world.bases.map((base) => world.commands(base))).toEqual(world.bases.map(() => ['installBiz biz1:0.0.1']));
  expect(await retainedOn(mosquitto.url, [`koupleless_${world.env}/#`])).toEqual([]);
}

/** A module goes on line and off line on each base, with one command each. */
async function expectWorkGoesOn(name: string, deadlineMs: number): Promise<void> {
  const { world } = place;
  const before = world.bases.map((base) => world.commands(base));
  for (const base of world.bases) {
    await world.createPod(`${name}-${base.identity}`, { base, bizes: [{ name }] });
  }
  for (const base of world.bases) await world.podReady(`${name}-${base.identity}`, deadlineMs);
  for (const base of world.bases) await place.deletePod(`${name}-${base.identity}`);
  for (const base of world.bases) await world.podGone(`${name}-${base.identity}`, deadlineMs);
  const expected = before.map((one) => [...one, `installBiz ${name}:0.0.1`, `uninstallBiz ${name}:0.0.1`]);
  expect(world.bases.map((base) => world.commands(base))).toEqual(expected);
}

async function heldBy(replica: Replica): Promise<string[]> {
  const holders = await place.holders();
  return Object.keys(holders).filter((node) => holders[node] === replica.holder());
}

/** Every base is held, and each of these replicas holds some. */
async function allShared(replicas: readonly Replica[], deadlineMs: number): Promise<void> {
  await waitFor(
    'each replica holds its share',
    async () => {
      const shares = await Promise.all(replicas.map(async (one) => (await heldBy(one)).length));
      const total = shares.reduce((sum, share) => sum + share, 0);
      if (total === place.world.bases.length && shares.every((share) => share > 0)) return true;
      throw new Error(JSON.stringify(shares));
    },
    deadlineMs,
  );
}

describe.skipIf(!hasMosquitto)('several replicas at one mosquitto', () => {
  test('share the bases, also with one that comes later, and bring each module on line once [SPEC N16] [SPEC N17]', async () => {
    place = await startReplicas(2, identities);
    await onePodEach();
    await allShared(place.replicas, 60_000);
    await place.addReplica();
    await allShared(place.replicas, 90_000);
    await expectOneInstallEach();
    expect(place.misdeeds()).toEqual([]);
    await expectWorkGoesOn('later', 30_000);
  });

  test('one that ends hands its bases over at once', async () => {
    place = await startReplicas(2, identities);
    await onePodEach();
    await allShared(place.replicas, 60_000);
    const [first, second] = place.replicas as [Replica, Replica];
    const { code } = await first.process().terminate();
    expect(code).toBe(0);
    await allShared([second], 8_000);
    await expectWorkGoesOn('after', 10_000);
    expect(place.misdeeds()).toEqual([]);
  });

  test('one that is killed is followed within 25 s, and what was under way is finished once', async () => {
    place = await startReplicas(3, identities);
    await onePodEach();
    await allShared(place.replicas, 90_000);
    const [first] = place.replicas as [Replica];
    await first.process().kill();
    await expectWorkGoesOn('orphaned', 40_000);
    await allShared(place.replicas.slice(1), 25_000);
    await first.restart();
    await allShared(place.replicas, 90_000);
    expect(place.misdeeds()).toEqual([]);
  });

  test('one that is frozen and wakes again has lost its bases and does nothing to them', async () => {
    place = await startReplicas(2, identities);
    await onePodEach();
    await allShared(place.replicas, 60_000);
    const [first, second] = place.replicas as [Replica, Replica];
    first.process().child.kill('SIGSTOP');
    await allShared([second], 40_000);
    await expectWorkGoesOn('meanwhile', 30_000);
    first.process().child.kill('SIGCONT');
    await staysTrue('it does nothing', () => place.misdeeds().length === 0, 5_000);
    await allShared(place.replicas, 90_000);
    await expectWorkGoesOn('afterwards', 30_000);
    expect(place.misdeeds()).toEqual([]);
  });

  test.each([
    ['the API', (replica: Replica) => replica.proxy],
    ['the broker', (replica: Replica) => replica.relay],
  ] as const)('one that is cut off from %s lowers nothing, and others do its work', async (side, linkOf) => {
    place = await startReplicas(2, identities);
    await onePodEach();
    await allShared(place.replicas, 60_000);
    const [first, second] = place.replicas as [Replica, Replica];
    linkOf(first).cut();
    await allShared([second], 60_000);
    await expectWorkGoesOn('meanwhile', 30_000);
    linkOf(first).open();
    await allShared(place.replicas, 120_000);
    await expectWorkGoesOn('afterwards', 30_000);
    expect(place.misdeeds(), side).toEqual([]);
  });
});
