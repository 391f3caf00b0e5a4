/**
 * `npm run soak:replicas`: three replicas at one mosquitto, 300 bases with ten module Pods each; one replica is killed (SIGKILL) every
 * 20 s for five minutes and is back 5 s later. No module may be installed twice or uninstalled, no Pod's and no Node's Ready may fall.
 * On the cluster of TEST_KUBECONFIG, or an embedded one.
 *
 *   --bases 300 --pods 10 --minutes 5
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { follow } from '../support/follow.ts';
import { hasMosquitto } from '../support/mosquitto.ts';
import { endProcesses } from '../support/processes.ts';
import { type ReplicaWorld, startReplicas } from '../support/replica-world.ts';
import { waitFor } from '../support/wait.ts';
import { conditionOf } from '../support/world.ts';

const killEveryMs = 20_000;
const backAfterMs = 5_000;
const createdAtOnce = 16;

/** @returns what was wrong, a line each */
export async function soakReplicas(args: readonly string[]): Promise<string[]> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      bases: { type: 'string', default: '300' },
      pods: { type: 'string', default: '10' },
      minutes: { type: 'string', default: '5' },
    },
  });
  const [baseCount, podCount, minutes] = [Number(values.bases), Number(values.pods), Number(values.minutes)];
  if (!hasMosquitto) return ['there is no mosquitto on PATH'];
  const say = (text: string) => console.log(`${new Date().toISOString().slice(11, 19)}  ${text}`);
  const identities = Array.from({ length: baseCount }, (_none, at) => ({ identity: `b${at + 1}` }));
  const place = await startReplicas(3, identities);
  const { world } = place;
  try {
    say(`${baseCount} bases are Ready Nodes, three replicas`);
    const ready = new Set<string>();
    const pods = await follow(world.api, `/api/v1/namespaces/${world.namespace}/pods`, ({ object }) => {
      if (conditionOf(object, 'Ready')?.status === 'True') ready.add(object.metadata.name);
    });
    const wanted = world.bases.flatMap((base) =>
      Array.from({ length: podCount }, (_none, at) => ({ base, name: `${base.identity}-m${at}`, biz: `m${at}` })),
    );
    const begunAt = performance.now();
    const queue = [...wanted];
    await Promise.all(
      Array.from({ length: createdAtOnce }, async () => {
        for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
          await world.createPod(next.name, { base: next.base, bizes: [{ name: next.biz }] });
        }
      }),
    );
    await waitFor('all Pods are Ready', () => ready.size === wanted.length, 600_000);
    say(`${wanted.length} Pods are Ready after ${Math.round((performance.now() - begunAt) / 1_000)} s`);

    let kills = 0;
    const until = performance.now() + minutes * 60_000;
    const restarts: Promise<void>[] = [];
    const takenAfterMs: number[] = [];
    while (performance.now() < until) {
      const replica = place.replicas[kills % place.replicas.length];
      if (replica === undefined) throw new Error('there is no replica');
      const holder = replica.holder();
      await replica.process().kill();
      kills += 1;
      restarts.push(freeOf(place, holder).then((ms) => void takenAfterMs.push(ms)));
      restarts.push(sleep(backAfterMs).then(() => replica.restart()));
      await sleep(killEveryMs);
    }
    await Promise.all(restarts);
    const [median, longest] = [0.5, 1].map((share) => {
      const sorted = takenAfterMs.toSorted((a, b) => a - b);
      return (sorted[Math.ceil(share * sorted.length) - 1] ?? 0) / 1_000;
    });
    say(`${kills} kills; all that a killed replica held was another's after ${median} s, at most ${longest} s`);
    await sleep(45_000);
    const holders = Object.values(await place.holders());
    const shares = place.replicas.map((replica) => holders.filter((holder) => holder === replica.holder()).length);
    say(`bases a replica: ${shares.join(', ')}`);
    pods.stop();

    const wrong = place.misdeeds();
    const falls = wrong.length;
    let repeated = 0;
    let uninstalled = 0;
    let missing = 0;
    for (const base of world.bases) {
      const commands = world.commands(base);
      const twice = commands.filter((one, at) => commands.indexOf(one) !== at);
      const uninstalls = commands.filter((one) => one.startsWith('uninstall'));
      repeated += twice.length;
      uninstalled += uninstalls.length;
      for (const one of [...twice, ...uninstalls]) wrong.push(`${base.identity}: ${one}`);
      const there = base.installedKeys().length;
      missing += podCount - there;
      if (there !== podCount) wrong.push(`${base.identity} has ${there}`);
    }
    if (shares.reduce((sum, share) => sum + share, 0) !== baseCount) wrong.push('not every base is held');
    const installs = world.bases.reduce((sum, base) => sum + world.commands(base).length, 0);
    say(
      `${installs} commands in all: ${repeated} repeated, ${uninstalled} uninstalls; ${missing} modules missing, ${falls} falls of a Ready; ${wrong.length} things wrong`,
    );
    return wrong;
  } finally {
    await place.stop();
    await endProcesses();
  }
}

/** How long until nothing is held by one that was killed, in ms. */
async function freeOf(place: ReplicaWorld, holder: string): Promise<number> {
  const killedAt = performance.now();
  await waitFor(
    `nothing is held by ${holder} any more`,
    async () => {
      await sleep(250);
      return !Object.values(await place.holders()).includes(holder);
    },
    120_000,
  );
  return Math.round(performance.now() - killedAt);
}

if (import.meta.main) {
  const wrong = await soakReplicas(process.argv.slice(2));
  for (const line of wrong.slice(0, 50)) console.log(`WRONG ${line}`);
  process.exitCode = wrong.length === 0 ? 0 : 1;
}
