/** docker-compose.yml: its shape, and its services' own commands as processes (no Docker engine is needed). */
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { openApi, type TestApi } from '../support/api.ts';
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
