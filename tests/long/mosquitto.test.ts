/** The controller at a real mosquitto, where one is installed: the main path, and what upstream left retained there. */
import mqtt from 'mqtt';
import { afterEach, expect, test } from 'vitest';
import { hasMosquitto, startMosquitto } from '../support/mosquitto.ts';
import { endProcesses, startControllerProcess } from '../support/processes.ts';
import { settles } from '../support/sight.ts';
import { staysTrue, waitFor } from '../support/wait.ts';
import { startWorld, type World } from '../support/world.ts';
import { retainedOn } from '../upstream/left-behind.ts';

let world: World | undefined;
const ends: Array<() => Promise<void> | void> = [];
afterEach(async () => {
  await world?.stop();
  world = undefined;
  for (const end of ends.splice(0).reverse()) await end();
  await endProcesses();
});

async function mosquittoPort(): Promise<number> {
  const mosquitto = await startMosquitto();
  ends.push(mosquitto.stop);
  return mosquitto.port;
}

test.skipIf(!hasMosquitto)(
  'at mosquitto a module goes on line and off line with one command each, none retained',
  async () => {
    const port = await mosquittoPort();
    const broker = `mqtt://127.0.0.1:${port}`;
    const place = await startWorld({
      bases: 2,
      openController: (settings) => startControllerProcess({ ...settings, mqttPort: port }, { broker }),
    });
    world = place;
    await place.createPod('p1', { base: place.base() });
    await place.podReady('p1', 20_000);
    await place.deletePod('p1');
    await place.podGone('p1', 20_000);
    const commands = ['installBiz biz1:0.0.1', 'uninstallBiz biz1:0.0.1'];
    await settles(place, { node: 'Ready=True', pods: {}, list: [], commands }, 10_000);
    expect(place.commands(place.base(1))).toEqual([]);
    expect(await retainedOn(broker, [`koupleless_${place.env}/#`])).toEqual([]);
  },
);

test.skipIf(!hasMosquitto)(
  'commands that upstream left retained are cleared before a base that comes later takes them',
  async () => {
    const port = await mosquittoPort();
    const broker = `mqtt://127.0.0.1:${port}`;
    const client = await mqtt.connectAsync(broker);
    ends.push(() => client.endAsync(true));
    const body = JSON.stringify({ bizName: 'ghost', bizVersion: '1', bizUrl: 'https://modules.example.com/ghost.jar' });
    const topics: string[] = [];
    const place = await startWorld({
      bases: 1,
      openController: async (settings) => {
        topics.push(...['installBiz', 'uninstallBiz'].map((kind) => `koupleless_${settings.env}/late/${kind}`));
        for (const topic of topics) await client.publishAsync(topic, body, { retain: true, qos: 1 });
        return startControllerProcess({ ...settings, mqttPort: port }, { broker });
      },
    });
    world = place;
    await waitFor(
      'nothing is retained there any more',
      async () => (await retainedOn(broker, topics)).length === 0,
      20_000,
    );
    const base = await place.addBase({ identity: 'late' });
    await place.nodeReady(base, 20_000);
    await staysTrue('it is told to install nothing', () => place.commands(base).length === 0, 1_000);
    expect(base.installedKeys()).toEqual([]);
    expect(base.log.filter((one) => one.retained)).toEqual([]);
  },
);
