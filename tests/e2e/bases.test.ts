/** Bases as strangers: odd names, odd addresses, rubbish, and one that would speak for another. */
import { baseChannels, baseTopicOf } from '@kouplet/protocol';
import mqtt from 'mqtt';
import { afterEach, describe, expect, test } from 'vitest';
import { expectNoneRetained, settles, sightOf } from '../support/sight.ts';
import { waitFor } from '../support/wait.ts';
import { eventsOf, startWorld, type World } from '../support/world.ts';

let world: World;
const clients: mqtt.MqttClient[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.endAsync(true)));
  await world?.stop();
  expectNoneRetained(world);
});

const install = 'installBiz biz1:0.0.1';
const uninstall = 'uninstallBiz biz1:0.0.1';
const running = 'Running, Ready=True, biz1 running';
const there = ['biz1:0.0.1 ACTIVATED'];

/** One more connection that the broker takes for that base's, beside its own. */
async function connectAs(identity: string): Promise<mqtt.MqttClient> {
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${world.mqttPort}`, {
    clientId: `stranger@@@${identity}`,
    clean: true,
    reconnectPeriod: 0,
  });
  client.on('error', () => undefined);
  clients.push(client);
  return client;
}

async function rejections(): Promise<number> {
  const text = await (await fetch(`${world.controller.address}/metrics`)).text();
  return [...text.matchAll(/^kouplet_rejections_total\{.*\} (\d+)$/gm)].reduce((sum, line) => sum + Number(line[1]), 0);
}

describe('a base', () => {
  test('with odd names has valid labels, keeps its own words in annotations, and says so', async () => {
    const odd = { name: 'Größe 9/Übung', version: '1.0 (beta)', clusterName: '-nord-', hostName: 'host_.' };
    world = await startWorld({ bases: [odd] });
    const node = await world.nodeReady();
    const { labels, annotations } = node.metadata;
    expect(labels['base.koupleless.io/name']).toMatch(/^Gr-e-9-bung-[0-9a-f]{8}$/);
    expect(labels['base.koupleless.io/version']).toMatch(/^1\.0-beta-[0-9a-f]{8}$/);
    expect(labels['base.koupleless.io/cluster-name']).toMatch(/^nord-[0-9a-f]{8}$/);
    expect(labels['base.koupleless.io/host-name']).toMatch(/^host-[0-9a-f]{8}$/);
    expect(annotations).toMatchObject({
      'kouplet.io/reported-name': odd.name,
      'kouplet.io/reported-version': odd.version,
      'kouplet.io/reported-cluster-name': odd.clusterName,
      'kouplet.io/reported-host-name': odd.hostName,
    });
    const told = await waitFor('it is told', async () =>
      (await eventsOf(world, node.metadata.name, 'default')).find((event) => event.includes(' ValuesChanged ')),
    );
    expect(told).toContain(odd.name);
    await goesOnAndOffLine();
  });

  test.each([
    '10.1.2.3',
    'My_Base.01',
    'UPPER',
    `long-${'x'.repeat(240)}`,
  ])('with the identity %s is a Node that takes modules', async (identity) => {
    world = await startWorld({ bases: [{ identity }] });
    const node = await world.nodeReady();
    expect(node.metadata.annotations['kouplet.io/identity']).toBe(identity);
    expect(node.spec.providerID).toBe(`kouplet://${identity}`);
    await goesOnAndOffLine();
  });

  test.each([
    '127.0.0.1',
    '169.254.1.1',
    'no address',
  ])('with the address %s gives its Pods none, and says so', async (ip) => {
    world = await startWorld({ bases: [{ ip }] });
    await world.createPod('p1');
    const pod = await world.podReady('p1');
    expect(pod.status.podIP).toBeUndefined();
    expect(pod.status.hostIP).toBeUndefined();
    const told = await waitFor('it is told', async () =>
      (await eventsOf(world, world.nodeOf(world.base()), 'default')).find((event) => event.includes('AddressUnusable')),
    );
    expect(told).toContain(ip);
  });

  test('that sends rubbish on every topic changes nothing, and is counted', async () => {
    world = await startWorld();
    await world.createPod('p1');
    await world.podReady('p1');
    const expected = { node: 'Ready=True', pods: { p1: running }, list: there, commands: [install] };
    await settles(world, expected, 2_000);
    const before = await rejections();
    const versions = async () => [await world.node(), await world.pod('p1')].map((one) => one.metadata.resourceVersion);
    const seen = await versions();
    const rubbish = [
      Buffer.alloc(0),
      Buffer.from('rubbish'),
      Buffer.from('{"data":'),
      Buffer.from([0xff, 0xfe, 0x00, 0x80]),
      Buffer.from('null'),
      Buffer.from('[]'),
      Buffer.from('{"data":7,"publishTimestamp":"then"}'),
      Buffer.from(`{"data":${'['.repeat(50_000)}`),
    ];
    const client = await connectAs(world.base().identity);
    for (const channel of baseChannels) {
      const topic = baseTopicOf(world.env, world.base().identity, 'current', channel);
      for (const bytes of rubbish) await client.publishAsync(topic, bytes, { qos: 1 });
    }
    const nonsense = `koupleless_${world.env}/${world.base().identity}/base/nonsense`;
    await client.publishAsync(nonsense, 'rubbish', { qos: 1 });
    const count = baseChannels.length * rubbish.length;
    await waitFor('all are counted', async () => (await rejections()) - before >= count, 3_000);
    await settles(world, expected, 500, { holdsMs: 800 });
    expect(await versions()).toEqual(seen);
    const told = (await eventsOf(world, world.nodeOf(world.base()), 'default')).filter((event) =>
      event.includes(' MessageRejected '),
    );
    expect(told.length).toBeGreaterThanOrEqual(1);
    expect(told.length).toBeLessThan(count);
    await world.deletePod('p1');
    await settles(world, { ...expected, pods: {}, list: [], commands: [install, uninstall] }, 2_000);
  });

  test('can not speak as another one, nor hear what is for it', async () => {
    world = await startWorld({ bases: 2 });
    const [a, b] = [world.base(0), world.base(1)];
    await world.createPod('p1', { base: b });
    await world.podReady('p1');
    const theirs = { node: 'Ready=True', pods: { p1: running }, list: there, commands: [install] };
    const client = await connectAs(a.identity);
    const heard: string[] = [];
    client.on('message', (topic) => heard.push(topic));
    const envelope = (data: unknown) => JSON.stringify({ data, publishTimestamp: Date.now() });
    const root = `koupleless_${world.env}/${b.identity}`;
    const says = (topic: string, text: string) => client.publishAsync(`${root}/${topic}`, text, { qos: 1 });
    await says('base/simpleBiz', envelope([]));
    const metadata = { identity: b.identity, name: 'stolen', version: '9', clusterName: 'stolen' };
    await says('base/heart', envelope({ baseMetadata: metadata, localIP: '10.9.9.9', state: 'deactivated' }));
    await says('base/queryBaseline', envelope(metadata));
    await says('uninstallBiz', JSON.stringify({ bizName: 'biz1', bizVersion: '0.0.1' }));
    await says('base/baseline', '[]');
    for (const filter of ['#', '+/+/+', `${root}/+`, `${root}/base/+`, `koupleless_${world.env}/+/installBiz`]) {
      const granted = await client.subscribeAsync(filter, { qos: 1 }).catch(() => []);
      expect(granted.filter((one) => one.qos < 128)).toEqual([]);
    }
    await settles(world, theirs, 1_000, { base: b, holdsMs: 1_000 });
    expect((await world.node(b)).metadata.labels['base.koupleless.io/name']).toBe(world.baseName);
    await world.deletePod('p1');
    await settles(world, { ...theirs, pods: {}, list: [], commands: [install, uninstall] }, 2_000, { base: b });
    expect(heard).toEqual([]);
    expect(await sightOf(world, a)).toEqual({ node: 'Ready=True', pods: {}, list: [], commands: [] });
  });
});

async function goesOnAndOffLine(): Promise<void> {
  const base = world.base();
  await world.createPod('p1', { base });
  await settles(world, { node: 'Ready=True', pods: { p1: running }, list: there, commands: [install] }, 3_000);
  await world.deletePod('p1');
  await settles(world, { node: 'Ready=True', pods: {}, list: [], commands: [install, uninstall] }, 2_000);
}
