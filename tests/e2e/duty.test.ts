/** For the person on duty: why something is as it is, a pause, and a look from the side before a switch. */
import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { type ApiProxy, startApiProxy } from '../support/api-proxy.ts';
import { openCluster, type TestCluster } from '../support/cluster.ts';
import { type MqttRelay, startMqttRelay } from '../support/mqtt-relay.ts';
import { type ProcessWorld, startProcessWorld } from '../support/process-world.ts';
import {
  type ControllerProcess,
  type Ended,
  endProcesses,
  freePort,
  startBrokerProcess,
  startControllerProcess,
  startKouplet,
} from '../support/processes.ts';
import { waitFor } from '../support/wait.ts';
import { conditionOf, eventsOf, reasonOf, startWorld, urlOf, type World } from '../support/world.ts';

const ends: Array<() => Promise<unknown> | unknown> = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  await endProcesses();
});
const ended = <T>(made: T, end: (made: T) => unknown): T => {
  ends.push(() => end(made));
  return made;
};

const why = (args: readonly string[], http: string): Promise<Ended> =>
  startKouplet(['why', ...args, '--http', http]).ended;

/** As `kubectl annotate … kouplet.io/paused=true` does, or `kouplet.io/paused-`. */
async function pause(world: World, path: string, value: 'true' | null): Promise<void> {
  const body = { metadata: { annotations: { 'kouplet.io/paused': value } } };
  await world.api.call('PATCH', path, body, 'application/merge-patch+json');
}

const reasonIs = (world: World, name: string, reason: string): Promise<string> =>
  waitFor(`Pod ${name} waits with ${reason}`, async () => {
    const shown = reasonOf(await world.pod(name));
    if (shown?.startsWith(`${reason}: `)) return shown;
    throw new Error(String(shown));
  });

async function oneProcess(): Promise<ProcessWorld> {
  const made = ended(await startProcessWorld(), (one) => one.stop());
  await made.addBase();
  await made.world.nodeReady();
  return made;
}

test('kouplet why says in the words of the container what a Pod waits for, and until when [SPEC M41] [SPEC O11]', async () => {
  const { world, process } = await oneProcess();
  const { namespace, env } = world;
  const { http } = process();
  await world.createPod('runs');
  await world.podReady('runs');
  await world.createPod('fails', { bizes: [{ name: 'biz2', url: urlOf('biz2', '0.0.1', '?kouplet-fail=404') }] });
  const shown = await reasonIs(world, 'fails', 'InstallFailed');

  const runs = await why(['pod/runs', '-n', namespace], http);
  expect(runs).toMatchObject({ code: 0, stderr: '' });
  expect(runs.stdout).toContain(`pod/${namespace}/runs (base b1, Node vnode.b1.${env})\n`);
  expect(runs.stdout).toMatch(/^ {2}wanted +biz1:0\.0\.1 from https:/m);
  expect(runs.stdout).toMatch(/^ {2}base +b1 was last heard \d+\.\d s ago \(\d{4}-[^)]+Z\) and is alive/m);
  expect(runs.stdout).toMatch(/^ {2}list +biz1:0\.0\.1 is ACTIVATED on the base, as of /m);
  expect(runs.stdout).toMatch(/^ {2}command +installBiz biz1:0\.0\.1: done \d+/m);
  expect(runs.stdout).toMatch(/^ {2}waits +for nothing$/m);

  const fails = await why(['pod/fails', '--namespace', namespace], http);
  const [, sentence = '', again = ''] =
    /^ {2}waits +biz2: (.*) – tried again in (\d+\.\d s) \(/m.exec(fails.stdout) ?? [];
  expect(sentence).toBe(shown);
  expect(sentence).toContain('?***');
  expect(Number.parseFloat(again)).toBeGreaterThan(0);
  expect(fails.stdout).toMatch(
    /^ {2}command +installBiz biz2:0\.0\.1: failed .* ago \(.*\) after 1 attempt: java\.io\./m,
  );

  const topics = (text: string): string[] => [...text.matchAll(/^ {2}([a-z]+) /gm)].map(([, topic = '']) => topic);
  const [, readme = ''] = /^```text\n(pod\/[\s\S]*?)^```/m.exec(readFileSync('README.md', 'utf8')) ?? [];
  expect(topics(readme)).toEqual(topics(fails.stdout));

  const node = await why([`node/vnode.b1.${env}`], http);
  expect(node.stdout).toMatch(/^ {2}wanted +2 modules by 2 Pods; 1 on line$/m);
  expect(node.stdout).toMatch(/^ {2}lease +held by this controller, /m);

  expect(await why(['pod/nobody', '-n', namespace], http)).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^kouplet: pod\/\S+\/nobody is not known here: .*\n$/),
  });
});

test('a paused Node and a paused Pod are left alone, and say so; taken off, work goes on [SPEC M40] [SPEC N19]', async () => {
  const { world, process } = await oneProcess();
  const { namespace } = world;
  const node = `/api/v1/nodes/${world.nodeOf(world.base())}`;
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  await world.createPod('p0');
  await world.createPod('p1', { bizes: [{ name: 'biz2' }] });
  await world.podReady('p0');
  await world.podReady('p1');
  const before = world.commands();

  await pause(world, node, 'true');
  await waitFor('the Node shows it', async () => conditionOf(await world.node(), 'Paused')?.status === 'True');
  await world.createPod('p2', { bizes: [{ name: 'biz3' }] });
  expect(await reasonIs(world, 'p2', 'Paused')).toContain(`on Node ${world.nodeOf(world.base())}`);
  await world.deletePod('p0');
  await waitFor('its deletion says why it waits', async () =>
    (await eventsOf(world, 'p0')).some((event) => /Warning DeletionWaits .*kouplet\.io\/paused on Node/.test(event)),
  );
  expect((await why(['pod/p2', '-n', namespace], process().http)).stdout).toMatch(
    /^ {2}paused +by the annotation kouplet\.io\/paused on Node /m,
  );
  expect(conditionOf(await world.node(), 'Ready')?.status).toBe('True');
  expect(world.commands()).toEqual(before);
  expect(await world.pod('p0')).toBeDefined();

  await pause(world, `${pods}/p1`, 'true');
  await pause(world, node, null);
  await world.podGone('p0');
  await world.podReady('p2');
  await waitFor('the Node shows no pause', async () => conditionOf(await world.node(), 'Paused')?.status === 'False');

  await world.deletePod('p1');
  await waitFor('its deletion says why it waits', async () =>
    (await eventsOf(world, 'p1')).some((event) => /Warning DeletionWaits .*kouplet\.io\/paused on Pod/.test(event)),
  );
  expect((await why(['pod/p1', '-n', namespace], process().http)).stdout).toMatch(/^ {2}waits +Paused: paused by /m);
  expect(world.commands().filter((command) => command.includes('biz2'))).toEqual(['installBiz biz2:0.0.1']);
  await pause(world, `${pods}/p1`, null);
  await world.podGone('p1');
  const course = `${JSON.stringify(world.base().log)}\n${process().stdout()}`;
  expect(world.commands().slice(before.length).sort(), course).toEqual([
    'installBiz biz3:0.0.1',
    'uninstallBiz biz1:0.0.1',
    'uninstallBiz biz2:0.0.1',
  ]);
});

interface Side {
  readonly process: ControllerProcess;
  readonly proxy: ApiProxy;
  readonly relay: MqttRelay;
}

test('--observe beside another tells what it would do, and writes and sends nothing [SPEC E31] [SPEC M42]', async () => {
  const cluster: TestCluster = ended(await openCluster(), (one) => one.stop());
  const brokerPort = await freePort();
  await startBrokerProcess(brokerPort);
  const sides: Side[] = [];
  const startSide = async (env: string, namespace: string, args: readonly string[]): Promise<Side> => {
    const proxy = ended(await startApiProxy(cluster.kubeconfig), (one) => one.close());
    const relay = ended(await startMqttRelay(() => brokerPort), (one) => one.close());
    const settings = { kubeconfig: proxy.kubeconfig, env, namespace, mqttPort: brokerPort };
    const process = ended(await startControllerProcess(settings, { broker: relay.url, args }), (one) => one.stop());
    const side = { process, proxy, relay };
    sides.push(side);
    return side;
  };
  const world = ended(
    await startWorld({
      bases: 0,
      cluster,
      openController: async ({ env, namespace }) => {
        await startSide(env, namespace, []);
        await startSide(env, namespace, ['--observe']);
        return { mqttPort: brokerPort, stop: async () => undefined };
      },
    }),
    (one) => one.stop(),
  );
  const [inCharge, observer] = sides;
  if (inCharge === undefined || observer === undefined) throw new Error('both sides were started');
  const { namespace } = world;
  const lines = (event: string): string[] =>
    observer.process
      .stdout()
      .split('\n')
      .filter((line) => line.includes(`"${event}"`));
  const operationsDue = async (): Promise<string[]> => {
    const { plan } = (await (await fetch(`${observer.process.http}/debug/plan?base=b1`)).json()) as {
      plan: { actions: Array<{ bizKey?: string; command?: { kind: string } }> };
    };
    return plan.actions.flatMap(({ bizKey, command }) => (bizKey === undefined ? [] : `${command?.kind} ${bizKey}`));
  };

  await world.addBase();
  await world.nodeReady();
  await world.createPod('done');
  await world.podReady('done');
  await waitFor('nothing is left to do for what the other did', async () => (await operationsDue()).length === 0);

  const held = await (async () => {
    const caught = inCharge.relay.hold('from-base', '/installBiz');
    await world.createPod('undone', { bizes: [{ name: 'biz2' }] });
    return caught;
  })();
  const would = `installBiz biz2:0.0.1 from ${urlOf('biz2', '0.0.1')} for Pod ${namespace}/undone`;
  await waitFor('it tells what it would do', () => lines('would').some((line) => line.includes(would)));
  expect(await operationsDue()).toEqual(['installBiz biz2:0.0.1']);
  await waitFor('a summary', () => lines('would-in-all').some((line) => line.includes('"send-command":1')));
  const said = await why(['pod/undone', '-n', namespace], observer.process.http);
  expect(said.stdout).toMatch(/^ {2}lease +held by \S+; this one only observes$/m);

  held.release();
  await world.podReady('undone');
  await waitFor('it would no longer', () => lines('would-no-longer').some((line) => line.includes(would)));
  await world.deletePod('done');
  await world.podGone('done');
  await waitFor('nothing is left to do', async () => (await operationsDue()).length === 0);
  expect(await (await fetch(`${observer.process.http}/metrics`)).text()).toContain('kouplet_');

  // Another replica that acts says who holds the Node.
  const second = await startSide(world.env, namespace, []);
  const elsewhere = await why([`node/${world.nodeOf(world.base())}`], second.process.http);
  expect(elsewhere).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/is held by \S+\. Ask there: /),
  });

  expect((await observer.process.terminate()).code).toBe(0);
  expect({ writes: observer.proxy.writes, published: observer.relay.published }).toEqual({ writes: [], published: [] });
  expect(world.commands()).toEqual(['installBiz biz1:0.0.1', 'installBiz biz2:0.0.1', 'uninstallBiz biz1:0.0.1']);
});
