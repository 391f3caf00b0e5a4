/**
 * A fleet that a running ModuleController v2.2.0 has made, at a real mosquitto: Kouplet observes beside it, takes its place with the
 * same environment, gives it back and takes it again. With UPSTREAM_CONTROLLER the real program, for five minutes; else a stand-in.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { type ApiProxy, startApiProxy } from '../support/api-proxy.ts';
import { hasMosquitto, startMosquitto } from '../support/mosquitto.ts';
import { type MqttRelay, startMqttRelay } from '../support/mqtt-relay.ts';
import { endProcesses, freePort, type Running, startKouplet } from '../support/processes.ts';
import { staysTrue, waitFor } from '../support/wait.ts';
import { startWorld, type World } from '../support/world.ts';
import { leaseHolders, retainedOn, startInItsPlace, watchUnnoticed } from '../upstream/left-behind.ts';
import { isRealUpstream, leftOut, startUpstreamProgram } from '../upstream/live.ts';
import { createWorkloads, podsOf } from '../upstream/take-over.ts';

if (leftOut !== undefined) console.log(`== left out: ${leftOut}`);

const stops: Array<() => Promise<unknown> | unknown> = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  await endProcesses();
});

const watchMs = isRealUpstream ? 300_000 : 30_000;
const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
const moduleCommands = (world: World): string[][] => world.bases.map((base) => world.commands(base));
/** What clears a retained command comes as an empty message to whoever is connected; a base does not act on it. */
const withoutClearing = (commands: readonly string[]): string[] =>
  commands.filter((one) => !one.endsWith(' undefined'));

async function uidsOf(world: World): Promise<Record<string, string>> {
  const nodes = await Promise.all(world.bases.map((base) => world.node(base)));
  return Object.fromEntries(nodes.map((node) => [node?.metadata.name, node?.metadata.uid]));
}

async function allReady(world: World, deadlineMs: number): Promise<void> {
  for (const { metadata } of await podsOf(world)) await world.podReady(metadata.name, deadlineMs);
}

/** Waits until each base was asked so many times for its list, from now on. */
async function pollsOf(world: World, count: number): Promise<void> {
  const before = world.bases.map(({ log }) => log.length);
  const polls = (): number[] =>
    world.bases.map(({ log }, at) => log.slice(before[at]).filter(({ command }) => command === 'queryAllBiz').length);
  await waitFor(`${count} more polls of each base`, () => polls().every((one) => one >= count), 120_000);
}

interface Observer {
  readonly running: Running;
  readonly proxy: ApiProxy;
  readonly relay: MqttRelay;
}

/** `kouplet controller --observe`, whose every request and every message is seen. */
async function startObserver(world: World, brokerPort: number): Promise<Observer> {
  const proxy = await startApiProxy(world.api.kubeconfig);
  stops.push(() => proxy.close());
  const relay = await startMqttRelay(() => brokerPort);
  stops.push(() => relay.close());
  const running = startKouplet([
    ...['controller', '--observe', '--kubeconfig', proxy.kubeconfig, '--broker', relay.url],
    ...['--env', world.env, '--namespace', world.namespace, '--env-taint'],
    ...['--http', `127.0.0.1:${await freePort()}`],
  ]);
  return { running, proxy, relay };
}

/** What it says it would do, and has not taken back, a line each. */
function wouldDo({ running }: Observer): string[] {
  const due = new Set<string>();
  for (const line of running.stdout().split('\n')) {
    if (!line.includes('"would')) continue;
    const { base, do: text, msg } = JSON.parse(line);
    if (msg === 'would') due.add(`${base}: ${text}`);
    if (msg === 'would-no-longer') due.delete(`${base}: ${text}`);
  }
  return [...due];
}

/** Nobody notices that another serves; then all works with one command each. */
async function takesItsPlace(
  world: World,
  given: { readonly brokerPort: number; readonly clientId: string | undefined; readonly forMs: number },
  endUpstream: () => Promise<unknown>,
): Promise<Running> {
  const unnoticed = await watchUnnoticed(world, '');
  stops.push(unnoticed.stop);
  const before = moduleCommands(world).map(({ length }) => length);
  const sent = (): string[][] =>
    moduleCommands(world).map((commands, index) => withoutClearing(commands.slice(before[index])));
  const uids = await uidsOf(world);
  const formerHolders = new Set(Object.values(await leaseHolders(world)));
  await endUpstream();
  const ours = await startInItsPlace(world, given.brokerPort, given.clientId);
  await waitFor(
    'every Node is served by Kouplet, every Lease its own',
    async () => {
      const nodes = await Promise.all(world.bases.map((base) => world.node(base)));
      const holders = Object.values(await leaseHolders(world));
      const isHeld = holders.every((one) =>
        given.clientId === undefined ? one !== '' && !formerHolders.has(one) : one === given.clientId,
      );
      const isServed = nodes.every((node) => node?.status.nodeInfo.kubeletVersion.includes('kouplet'));
      if (isHeld && isServed && holders.length === world.bases.length) return true;
      throw new Error(`${JSON.stringify(holders)} ${nodes.map((node) => node?.status.nodeInfo.kubeletVersion)}`);
    },
    90_000,
  );
  const isQuiet = (): boolean => unnoticed.lines().length === 0 && sent().every(({ length }) => length === 0);
  await staysTrue('nobody notices', isQuiet, given.forMs).catch(() => undefined);
  expect({ noticed: unnoticed.lines(), sent: sent() }).toEqual({ noticed: [], sent: world.bases.map(() => []) });
  expect(await uidsOf(world)).toEqual(uids);
  unnoticed.stop();
  return ours;
}

const endings = [
  { name: 'stopped', clientId: 'module-controller-1', end: (one: Running) => one.terminate() },
  // Without a CLIENT_ID, as its samples are: another one at every start, so that its Leases must run out.
  { name: 'killed with -9', clientId: undefined, end: (one: Running) => one.kill() },
];

describe.skipIf(!hasMosquitto || leftOut !== undefined)('a ModuleController v2.2.0 that runs', () => {
  test.each(endings)('is observed, $name, replaced unnoticed, given back to and replaced again', async ({
    clientId,
    end,
  }) => {
    const mosquitto = await startMosquitto();
    stops.push(() => mosquitto.stop());
    const brokerPort = mosquitto.port;
    const world = await startWorld({
      bases: 0,
      openController: async () => ({ mqttPort: brokerPort, stop: async () => undefined }),
    });
    stops.push(() => world.stop());
    let upstream = await startUpstreamProgram(world, brokerPort, clientId);
    for (const identity of [`a-${world.env}`, `b-${world.env}`]) {
      await world.addBase({ identity, heartbeatDies: false });
    }
    for (const base of world.bases) await world.nodeReady(base, 60_000);
    await createWorkloads(world);
    await allReady(world, 90_000);
    const modules = world.bases.map((base) => base.installedKeys().map(String).toSorted());
    expect(modules).toEqual([['biz1:0.0.1', 'biz2:0.0.1', 'biz3:0.0.1'], ['biz1:0.0.1']]);

    // Beside it: its questions for the list are overheard.
    const observer = await startObserver(world, brokerPort);
    await pollsOf(world, 3);
    const would = wouldDo(observer);
    console.log(`beside upstream the observer would do:\n  ${would.join('\n  ') || 'nothing'}`);
    expect(would.filter((line) => /installBiz|delete|create/i.test(line))).toEqual([]);
    expect(observer.proxy.writes).toEqual([]);
    expect(observer.relay.published).toEqual([]);
    await observer.running.terminate();
    const managers = (await Promise.all(world.bases.map((base) => world.node(base))))
      .concat(await podsOf(world))
      .flatMap((object) => object.metadata.managedFields ?? [])
      .map(({ manager }) => manager);
    expect(managers.filter((name) => name.startsWith('kouplet/') || name === 'kouplet')).toEqual([]);

    const running = upstream;
    const ours = await takesItsPlace(world, { brokerPort, clientId, forMs: watchMs }, () => end(running));
    const topics = world.bases.flatMap(({ identity }) =>
      ['installBiz', 'uninstallBiz', 'health', 'queryAllBiz'].map(
        (kind) => `koupleless_${world.env}/${identity}/${kind}`,
      ),
    );
    expect(await retainedOn(mosquitto.url, topics)).toEqual([]);

    // Back, as docs/upstream.md says it.
    const uids = await uidsOf(world);
    const ourCommands = moduleCommands(world).map(({ length }) => length);
    const noticed = await watchUnnoticed(world, '');
    await ours.terminate();
    const selector = encodeURIComponent(`virtual-kubelet.koupleless.io/env=${world.env}`);
    await world.api.call('DELETE', `${leases}?labelSelector=${selector}`);
    upstream = await startUpstreamProgram(world, brokerPort, clientId);
    const itsCommands = (): string[] =>
      moduleCommands(world).flatMap((commands, index) => commands.slice(ourCommands[index]));
    await waitFor(
      'it has sent each install again, as at each of its starts',
      () => itsCommands().filter((one) => one.startsWith('installBiz')).length >= 4,
      90_000,
    );
    for (const base of world.bases) await world.nodeReady(base, 60_000);
    // An install of what is there is answered REPEAT_BIZ, which it takes for broken until a later poll.
    await pollsOf(world, 2);
    await allReady(world, 90_000);
    const isSame = JSON.stringify(await uidsOf(world)) === JSON.stringify(uids);
    console.log(
      `back to upstream: ${itsCommands().join(', ')}\n  ${isSame ? 'the same Nodes' : 'Nodes made anew'}\n  ${noticed.lines().join('\n  ')}`,
    );
    noticed.stop();
    expect(world.bases.map((base) => base.installedKeys().map(String).toSorted())).toEqual(modules);

    // And forth: what our records said then is still so.
    const its = upstream;
    const again = await takesItsPlace(world, { brokerPort, clientId, forMs: 10_000 }, () => end(its));
    await world.deletePod('two');
    await world.podGone('two', 20_000);
    expect(world.base().installedKeys().map(String)).toEqual(['biz1:0.0.1']);
    await again.terminate();
  }, 1_200_000);
});
