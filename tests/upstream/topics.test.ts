/** What of ours passes through an external broker, where whatever else serves bases in its place must find its way: read at the broker itself. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Aedes, type Client } from 'aedes';
import { afterAll, expect, test } from 'vitest';
import { endProcesses, startControllerProcess } from '../support/processes.ts';
import { waitFor } from '../support/wait.ts';
import { startWorld } from '../support/world.ts';

const ends: Array<() => Promise<unknown> | unknown> = [];
afterAll(async () => {
  for (const end of ends.reverse()) await end();
  await endProcesses();
});

/** Whoever is no base, by the client id that its access rules go by. */
const isOurs = (client: Client | null): boolean => client?.id.startsWith('kouplet-controller@@@') ?? false;

/** Each thing once, in order; bodies are shown as they are. */
function recorded(at: Aedes): { readonly published: string[]; readonly subscribed: string[] } {
  const published = new Set<string>();
  const subscribed = new Set<string>();
  at.on('publish', ({ topic, qos, retain, payload }, client) => {
    if (!isOurs(client)) return;
    published.add(`${topic} QoS ${qos}${retain ? ', retained' : ''}: ${payload.toString() || 'empty'}`);
  });
  at.on('subscribe', (subscriptions, client) => {
    if (!isOurs(client)) return;
    for (const { topic, qos } of subscriptions) subscribed.add(`${topic} QoS ${qos}`);
  });
  at.on('unsubscribe', (filters, client) => {
    if (!isOurs(client)) return;
    for (const filter of filters) subscribed.add(`${filter} given back`);
  });
  return {
    get published() {
      return [...published];
    },
    get subscribed() {
      return [...subscribed];
    },
  };
}

test('everything that is published and subscribed while a module goes on line and off line: upstream’s topics, and nothing retained but what clears its own [U22]', async () => {
  const at = await Aedes.createBroker();
  ends.push(() => new Promise<void>((resolve) => at.close(resolve)));
  const server = createServer(at.handle).listen(0, '127.0.0.1');
  ends.push(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const seen = recorded(at);
  const world = await startWorld({
    bases: 0,
    openController: async (settings) => {
      // Of an upstream before us, for a base that is away.
      const left = { cmd: 'publish', dup: false, qos: 0, retain: true, payload: Buffer.from('{}') } as const;
      const topic = `koupleless_${settings.env}/b0/installBiz`;
      await new Promise<void>((resolve, reject) =>
        at.publish({ ...left, topic }, (error) => (error ? reject(error) : resolve())),
      );
      return startControllerProcess({ ...settings, mqttPort: port }, { broker: `mqtt://127.0.0.1:${port}` });
    },
  });
  ends.push(() => world.stop());
  const base = await world.addBase();
  await world.nodeReady(base, 20_000);
  await world.createPod('p1', { base });
  await world.podReady('p1', 20_000);
  await world.deletePod('p1');
  await world.podGone('p1', 20_000);
  // Names made for this run alone are shown as what they stand for.
  const shown = (lines: readonly string[]): string[] =>
    lines.map((line) => line.replaceAll(world.env, 'ENV').replace(/(kouplet-canary\/)[^ ]+/, '$1ID')).toSorted();
  await waitFor(
    'what is asked for by the clock has been asked for',
    () =>
      ['health', 'queryAllBiz', 'kouplet-canary'].every((name) => seen.published.some((line) => line.includes(name))),
    20_000,
  );
  await waitFor(
    'the filters of leftovers are given back',
    () => seen.subscribed.filter((line) => line.endsWith('given back')).length === 4,
    20_000,
  );
  expect(shown(seen.published)).toMatchInlineSnapshot(`
    [
      "koupleless_ENV/b0/installBiz QoS 1, retained: empty",
      "koupleless_ENV/b1/base/baseline QoS 1: []",
      "koupleless_ENV/b1/health QoS 1: {}",
      "koupleless_ENV/b1/installBiz QoS 1: {"bizName":"biz1","bizVersion":"0.0.1","bizUrl":"https://modules.example.com/biz1-0.0.1-ark-biz.jar"}",
      "koupleless_ENV/b1/queryAllBiz QoS 1: {}",
      "koupleless_ENV/b1/uninstallBiz QoS 1: {"bizName":"biz1","bizVersion":"0.0.1"}",
      "koupleless_ENV/kouplet-canary/ID QoS 0: canary",
    ]
  `);
  expect(shown(seen.subscribed)).toMatchInlineSnapshot(`
    [
      "koupleless/+/+ QoS 1",
      "koupleless/+/+ given back",
      "koupleless/+/base/+ QoS 1",
      "koupleless/+/base/baseline QoS 1",
      "koupleless/+/base/baseline given back",
      "koupleless_ENV/+/+ QoS 1",
      "koupleless_ENV/+/+ given back",
      "koupleless_ENV/+/base/+ QoS 1",
      "koupleless_ENV/+/base/baseline QoS 1",
      "koupleless_ENV/+/base/baseline given back",
      "koupleless_ENV/kouplet-canary/ID QoS 1",
    ]
  `);
});
