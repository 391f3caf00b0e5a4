/** docker-compose.yml: its shape, and its services' own commands as processes (no Docker engine is needed). */
import { spawnSync } from 'node:child_process';
import { pbkdf2Sync } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { type Json, openApi, type TestApi } from '../support/api.ts';
import { compose, composeHost, servicesOf } from '../support/compose.ts';
import { kubectlFor, noKubectl } from '../support/kubectl.ts';
import { endProcesses } from '../support/processes.ts';
import { waitFor } from '../support/wait.ts';
import { conditionOf } from '../support/world.ts';

const dir = mkdtempSync(join(tmpdir(), 'kouplet-compose-'));
let api: TestApi | undefined;
afterEach(async () => {
  await api?.close();
  api = undefined;
  await endProcesses();
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const ours = [...servicesOf(), ...servicesOf('external')].filter((name) => compose.services[name].image === 'kouplet');

test('a cluster, a controller and three bases without a profile; mosquitto and two replicas with `external`', () => {
  expect(servicesOf()).toEqual(['cluster', 'controller', 'base-1', 'base-2', 'base-3']);
  expect(servicesOf('external')).toEqual(['mosquitto', 'cluster', 'controller-a', 'controller-b', 'external-base']);
  expect(servicesOf('sample').at(-1)).toBe('apply');
});

describe.each([...new Set(ours)])('%s', (name) => {
  const service = compose.services[name];

  test('is the image of the Dockerfile, as an ordinary user that writes only where it has to', () => {
    expect(service.build).toBe('.');
    expect(service.user).toMatch(/^\$\{\w+:-1000\}:\$\{\w+:-1000\}$/);
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], stop_grace_period: '10s' });
    const writable = (service.volumes ?? []).filter((one: string) => !one.endsWith(':ro'));
    expect(writable).toEqual(name === 'cluster' ? ['./.kouplet:/var/lib/kouplet'] : []);
  });

  test('mounts what is there, and is reached from this machine alone', () => {
    for (const volume of service.volumes ?? []) {
      const [source] = volume.split(':');
      expect(source === './.kouplet' || existsSync(resolve(source)), source).toBe(true);
    }
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  });
});

test('each service says whether it is well, and what needs another waits until that is', () => {
  for (const name of [...servicesOf(), ...servicesOf('external')]) {
    expect(compose.services[name].healthcheck, name).toMatchObject({ interval: '2s', timeout: '5s', retries: 30 });
    const needed: Json[] = Object.values(compose.services[name].depends_on ?? {});
    for (const { condition } of needed) expect(condition, name).toBe('service_healthy');
  }
});

describe.skipIf(process.platform !== 'linux')('a base’s health (reads /proc)', () => {
  const broker = createServer();
  broker.on('connection', (socket) => socket.resume());
  afterAll(() => broker.close());

  test.each(
    ours.filter((name) => compose.services[name].command[0] === 'base'),
  )('%s is well as long as it has a connection to its broker’s port', async (name) => {
    const { command, healthcheck } = compose.services[name];
    const [kind, node, ...script]: string[] = healthcheck.test;
    expect([kind, node]).toEqual(['CMD', 'node']);
    expect(command).toContain(`--broker=${script.at(-1)}`);
    if (!broker.listening) await once(broker.listen(0, '127.0.0.1'), 'listening');
    const { port } = broker.address() as AddressInfo;
    const here = script.map((part) => part.replace(/^mqtt:.*/, `mqtt://127.0.0.1:${port}`));
    const isWell = (): boolean => spawnSync(process.execPath, here).status === 0;
    expect(isWell()).toBe(false);
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    expect(isWell()).toBe(true);
    socket.destroy();
    await waitFor('the connection is gone', () => !isWell());
  });
});

test('mosquitto’s health is asked as a user that it has, of a topic that this user may read', () => {
  const { healthcheck, volumes } = compose.services.mosquitto;
  const [kind, command]: string[] = healthcheck.test;
  expect(kind).toBe('CMD-SHELL');
  const [, user, file] = /-u (\S+) -P "\$\$\(cat (\S+)\)" -t koupleless_ext\/\S+ -E /.exec(command ?? '') ?? [];
  const source = volumes.find((one: string) => one.endsWith(`:${file}:ro`)).split(':')[0];
  const passwords = readFileSync('deploy/compose/mosquitto/passwords', 'utf8');
  const line = passwords.split('\n').find((one) => one.startsWith(`${user}:`));
  const [, , rounds, salt = '', hash] = line?.split('$') ?? [];
  const password = readFileSync(source, 'utf8').trim();
  expect(pbkdf2Sync(password, Buffer.from(salt, 'base64'), Number(rounds), 64, 'sha512').toString('base64')).toBe(hash);
  expect(readFileSync('deploy/compose/mosquitto/acl', 'utf8')).toContain(
    `user ${user}\ntopic readwrite koupleless_ext/#\n`,
  );
});

test.skipIf(noKubectl !== undefined)(
  'its commands bring the sample on line, the state outlives the cluster’s process, and each ends with 0 within five seconds',
  async () => {
    const host = await composeHost(dir);
    const running = new Map<string, Awaited<ReturnType<typeof host.up>>>();
    for (const name of servicesOf()) running.set(name, await host.up(name));
    const kubeconfig = join(dir, 'kubeconfig');
    expect(statSync(kubeconfig).mode & 0o777).toBe(0o600);
    expect(await kubectlFor(kubeconfig, 'default')(host.commandOf('apply').slice(1))).toContain(
      'deployment.apps/test-module-deployment created',
    );
    const open = openApi(kubeconfig);
    api = open;
    const sample = () =>
      waitFor(
        'the sample is Running',
        async () => {
          const [only] = await open.items('/api/v1/namespaces/default/pods');
          return conditionOf(only, 'Ready')?.status === 'True' ? only : undefined;
        },
        30_000,
      );
    const pod = await sample();
    expect(pod.spec.nodeName).toMatch(/^vnode\.base-[123]\.dev$/);
    await running.get('cluster')?.kill();
    running.set('cluster', await host.up('cluster'));
    expect((await sample()).metadata.uid).toBe(pod.metadata.uid);
    const nodes = await open.items('/api/v1/nodes');
    expect(nodes.map((node) => node.metadata.name).sort()).toEqual([1, 2, 3].map((n) => `vnode.base-${n}.dev`));
    for (const [name, one] of [...running].reverse()) {
      const begunAt = performance.now();
      const { code } = await one.terminate();
      expect([name, code]).toEqual([name, 0]);
      expect(performance.now() - begunAt).toBeLessThan(5_000);
    }
  },
  120_000,
);
