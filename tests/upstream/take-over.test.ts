/** ModuleController v2.2.0 is stopped, Kouplet is started with the same environment: nobody notices. At mosquitto and at length: tests/long/upstream.test.ts. */
import { afterAll, describe, test } from 'vitest';
import { endProcesses, freePort, startBrokerProcess } from '../support/processes.ts';
import { leaveFleet, takeOver } from './take-over.ts';

const stops: Array<() => Promise<unknown>> = [];
afterAll(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  await endProcesses();
});

/** A broker of ours without users tells controllers from bases by it. */
const environment = { MQTT_CLIENT_PREFIX: 'kouplet-controller' };

async function fleetAtBroker(clientId: string, durationSeconds?: number) {
  const brokerPort = await freePort();
  await startBrokerProcess(brokerPort);
  const fleet = await leaveFleet(brokerPort, clientId, durationSeconds === undefined ? {} : { durationSeconds });
  stops.push(() => fleet.world.stop());
  return { brokerPort, fleet };
}

describe.concurrent('a fleet of ModuleController v2.2.0', () => {
  test('with the same CLIENT_ID it is taken over at once: no command, the same Nodes, no Ready changes, and then all works [U43]', async () => {
    const { brokerPort, fleet } = await fleetAtBroker('module-controller-1');
    await takeOver(fleet, {
      brokerPort,
      clientId: 'module-controller-1',
      nextClientId: 'module-controller-1',
      takesMs: 20_000,
      watchMs: 4_000,
      environment,
    });
  }, 60_000);

  test('without a CLIENT_ID, as after any restart of it, it is taken over once the Leases stood still for their duration, as quietly [U49]', async () => {
    const { brokerPort, fleet } = await fleetAtBroker('a-random-uuid', 4);
    await takeOver(fleet, {
      brokerPort,
      clientId: 'a-random-uuid',
      nextClientId: undefined,
      takesMs: 30_000,
      watchMs: 2_000,
      environment,
    });
  }, 60_000);
});
