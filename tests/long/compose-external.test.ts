/** The `external` profile of docker-compose.yml: a real mosquitto with its users and rules, two replicas, a base that is confined to itself. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mqtt from 'mqtt';
import { afterEach, expect, test } from 'vitest';
import { openApi } from '../support/api.ts';
import { composeHost, servicesOf } from '../support/compose.ts';
import { hasMosquitto } from '../support/mosquitto.ts';
import { endProcesses } from '../support/processes.ts';
import { waitFor } from '../support/wait.ts';
import { conditionOf, moduleLabel, moduleToleration } from '../support/world.ts';

const ends: Array<() => Promise<unknown> | unknown> = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  await endProcesses();
});

/** Its own configuration, with the folder and the port of this machine. */
function startConfigured(port: number, dir: string): void {
  const folder = join(dir, 'mosquitto');
  cpSync('deploy/compose/mosquitto', folder, { recursive: true });
  const config = join(folder, 'mosquitto.conf');
  const text = readFileSync(config, 'utf8').replaceAll('/etc/mosquitto', folder);
  writeFileSync(config, text.replace('listener 1883', `listener ${port} 127.0.0.1`));
  // read by the user that mosquitto becomes
  for (const path of [dir, folder]) chmodSync(path, 0o755);
  const child: ChildProcess = spawn('mosquitto', ['-c', config], { stdio: 'ignore' });
  ends.push(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
}

test.skipIf(!hasMosquitto)(
  'two replicas at mosquitto bring a module on line on a base that may only be itself',
  async () => {
    const dir = mkdtempSync(join(tmpdir(), 'kouplet-compose-'));
    ends.push(() => rmSync(dir, { recursive: true, force: true }));
    const host = await composeHost(dir);
    const broker = `mqtt://127.0.0.1:${host.portOf('mosquitto', 1883)}`;
    startConfigured(host.portOf('mosquitto', 1883), dir);
    for (const name of servicesOf('external')) if (name !== 'mosquitto') await host.up(name);
    const api = openApi(join(dir, 'kubeconfig'));
    ends.push(() => api.close());
    const node = 'vnode.external-base.ext';
    await waitFor(
      'the base is a Ready Node',
      async () => conditionOf(await api.find(`/api/v1/nodes/${node}`), 'Ready')?.status === 'True',
      30_000,
    );
    await api.call('POST', '/api/v1/namespaces/default/pods', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p1', labels: moduleLabel },
      spec: {
        nodeName: node,
        tolerations: [moduleToleration],
        containers: [
          { name: 'biz1', image: 'https://modules.example.com/biz1.jar', env: [{ name: 'BIZ_VERSION', value: '1' }] },
        ],
      },
    });
    await waitFor(
      'the module is on line',
      async () => conditionOf(await api.find('/api/v1/namespaces/default/pods/p1'), 'Ready')?.status === 'True',
      30_000,
    );
    const as = { username: 'external-base', password: 'try-kouplet-here', reconnectPeriod: 0 };
    const base = await mqtt.connectAsync(broker, as);
    ends.push(() => base.endAsync(true));
    const [own] = await base.subscribeAsync('koupleless_ext/external-base/+');
    expect(own?.qos).toBe(0);
    const heard: string[] = [];
    base.on('message', (topic) => heard.push(topic));
    await base.subscribeAsync('koupleless_ext/other/+').catch(() => undefined);
    const controller = await mqtt.connectAsync(broker, {
      ...as,
      username: 'controller',
      password: 'try-the-controller',
    });
    ends.push(() => controller.endAsync(true));
    await controller.publishAsync('koupleless_ext/other/installBiz', '{}', { qos: 1 });
    await controller.publishAsync('koupleless_ext/external-base/nothing', '{}', { qos: 1 });
    await waitFor('its own is heard', () => heard.length > 0);
    expect(heard).toEqual(['koupleless_ext/external-base/nothing']);
  },
);
