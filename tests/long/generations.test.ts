/** Bases of every release and both generations of topics at once, at a real mosquitto. */
import { afterAll, describe } from 'vitest';
import { describeGenerations } from '../e2e/generations.ts';
import { hasMosquitto, type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { endProcesses, startControllerProcess } from '../support/processes.ts';
import { waitFor } from '../support/wait.ts';
import { startWorld } from '../support/world.ts';

let mosquitto: Mosquitto | undefined;
afterAll(async () => {
  await mosquitto?.stop();
  await endProcesses();
});

describe.skipIf(!hasMosquitto)('at mosquitto', () => {
  describeGenerations(async () => {
    const { port, url } = await startMosquitto().then((started) => {
      mosquitto = started;
      return started;
    });
    return startWorld({
      bases: 0,
      openController: async (settings) => {
        const controller = await startControllerProcess({ ...settings, mqttPort: port }, { broker: url });
        // Ready is whoever sees the API. A base of 1.3.0 speaks every two minutes: its first word must be heard.
        await waitFor('it listens at the broker', async () =>
          (await (await fetch(`${controller.http}/metrics`)).text()).includes('kouplet_link_up{link="tunnel"} 1'),
        );
        return controller;
      },
    });
  });
});
