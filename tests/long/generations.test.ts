/** Bases of every release and both generations of topics at once, at a real mosquitto. */
import { afterAll, describe } from 'vitest';
import { describeGenerations } from '../e2e/generations.ts';
import { hasMosquitto, type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { endProcesses, startControllerProcess } from '../support/processes.ts';
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
      openController: (settings) => startControllerProcess({ ...settings, mqttPort: port }, { broker: url }),
    });
  });
});
