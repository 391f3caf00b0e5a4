/** docker-compose.yml: its shape, and its service's own command as a process (Docker itself is not needed). */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type Json, openApi } from '../support/api.ts';
import { endProcesses, startKouplet } from '../support/processes.ts';
import { waitFor } from '../support/wait.ts';
import { conditionOf } from '../support/world.ts';

const compose: Json = parse(readFileSync('docker-compose.yml', 'utf8'));
const service: Json = compose.services.kouplet;
const dir = mkdtempSync(join(tmpdir(), 'kouplet-compose-'));
afterEach(endProcesses);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const flag = (name: string): string => {
  const found = service.command.find((part: string) => part.startsWith(`--${name}=`));
  return found?.slice(name.length + 3);
};

test('the compose file is one service on the host’s loopback with fixed ports, as an ordinary user', () => {
  expect(Object.keys(compose)).toEqual(['services']);
  expect(Object.keys(compose.services)).toEqual(['kouplet']);
  expect(service.image).toMatch(/^node:24/);
  expect(service.network_mode).toBe('host');
  expect(service.ports).toBeUndefined();
  // The kubeconfig is for its owner only: who runs kubectl on the host must be that one.
  expect(service.user).toMatch(/^\$\{\w+:-1000\}:\$\{\w+:-1000\}$/);
  const [source, target] = service.volumes[0].split(':');
  expect(service.volumes).toHaveLength(1);
  expect(resolve(source)).toBe(resolve('.'));
  expect(target).toBe(service.working_dir);
  expect(service.command.slice(0, 3)).toEqual(['node', 'packages/kouplet/src/main.ts', 'up']);
  expect(existsSync(service.command[1])).toBe(true);
  expect([flag('api-port'), flag('mqtt-port')]).toEqual(['16443', '1883']);
  expect(flag('dir')).toBe('.kouplet');
  expect(existsSync(flag('apply'))).toBe(true);
  expect(service.stop_grace_period).toBe('10s');
});

test('the service’s command brings the sample on line and ends within five seconds of SIGTERM with 0', async () => {
  const args = service.command
    .slice(2)
    .map((part: string) => part.replace(/-port=\d+$/, '-port=0').replace(/^--dir=.*/, `--dir=${dir}`));
  const running = startKouplet(args);
  const kubeconfig = join(dir, 'kubeconfig');
  await waitFor('the kubeconfig is written', () => existsSync(kubeconfig), 15_000);
  expect(statSync(kubeconfig).mode & 0o777).toBe(0o600);
  const api = openApi(kubeconfig);
  try {
    const pod = await waitFor(
      'the sample is Running',
      async () => {
        const [only] = await api.items('/api/v1/namespaces/default/pods');
        return conditionOf(only, 'Ready')?.status === 'True' ? only : undefined;
      },
      15_000,
    );
    expect(pod.status.phase).toBe('Running');
    expect(pod.spec.nodeName).toMatch(/^vnode\.base-[123]\.dev$/);
    const nodes = await api.items('/api/v1/nodes');
    expect(nodes.map((node) => conditionOf(node, 'Ready')?.status)).toEqual(['True', 'True', 'True']);
  } finally {
    await api.close();
  }
  const begunAt = performance.now();
  const { code, stderr } = await running.terminate();
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(performance.now() - begunAt).toBeLessThan(5_000);
});
