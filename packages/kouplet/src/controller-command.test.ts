import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cluster, startCluster } from '@kouplet/cluster';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { endCommands, type RunningCommand, startCommand } from './testing/command.ts';

const dir = mkdtempSync(join(tmpdir(), 'kouplet-controller-'));
const kubeconfig = join(dir, 'kubeconfig');
let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
  writeFileSync(kubeconfig, cluster.kubeconfig(), { mode: 0o600 });
});
afterEach(endCommands);
afterAll(async () => {
  await cluster.close();
  rmSync(dir, { recursive: true, force: true });
});

async function until(what: string, look: () => boolean): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!look()) {
    if (performance.now() > deadline) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const holderOf = (node: string): unknown =>
  cluster.api.get('leases.coordination.k8s.io', node, 'kube-node-lease')?.spec.holderIdentity;
const isReady = (node: string): boolean =>
  cluster.api
    .get('nodes', node)
    ?.status.conditions?.some(
      (each: { type: string; status: string }) => each.type === 'Ready' && each.status === 'True',
    ) === true;

async function ends(command: RunningCommand): Promise<void> {
  const begunAt = performance.now();
  command.process.kill('SIGTERM');
  expect(await command.ended).toMatchObject({ code: 0, stderr: '' });
  expect(performance.now() - begunAt).toBeLessThan(5_000);
}

test('two controllers at an external broker hand over: the Lease goes back at SIGTERM and is taken up at once [SPEC O8]', async () => {
  const broker = startCommand(['broker', '--listen', '127.0.0.1:0']);
  const [, url = ''] = await broker.says(/"url":"(mqtt:[^"]+)"/);
  const controller = (id: string): RunningCommand =>
    startCommand(['controller', '--kubeconfig', kubeconfig, '--broker', url, '--http', '127.0.0.1:0'], {
      CLIENT_ID: id,
    });
  const first = controller('first');
  await first.says(/"synced"/);
  const base = startCommand(['base', '--broker', url, '--identity', 'b1']);
  await until('the Node is Ready', () => isReady('vnode.b1.dev'));
  expect(holderOf('vnode.b1.dev')).toBe('first');
  const second = controller('second');
  await second.says(/"synced"/);
  await ends(first);
  await until('the other has it', () => holderOf('vnode.b1.dev') === 'second');
  expect(isReady('vnode.b1.dev')).toBe(true);
  await ends(second);
  expect(holderOf('vnode.b1.dev') ?? '').toBe('');
  await ends(base);
  await ends(broker);
}, 60_000);

test('logs are JSON lines, /readyz answers, and upstream’s env taint comes with upstream’s variables only [SPEC O4]', async () => {
  const command = startCommand(
    [
      'controller',
      '--kubeconfig',
      kubeconfig,
      '--listen',
      '127.0.0.1:0',
      '--http',
      '127.0.0.1:0',
      '--namespace',
      'default',
    ],
    { ENV: 'Test' },
  );
  const [, http] = await command.says(/"http":"([^"]+)"/);
  await command.says(/"synced"/);
  expect((await fetch(`${http}/readyz`)).status).toBe(200);
  const [, url = ''] = await command.says(/"url":"(mqtt:[^"]+)"/);
  const base = startCommand(['base', '--broker', url, '--identity', 'b2', '--env', 'test']);
  await until('the Node is Ready', () => isReady('vnode.b2.test'));
  // Kubernetes adds taints of its own, for a moment.
  const taints = cluster.api
    .get('nodes', 'vnode.b2.test')
    ?.spec.taints.map(({ key }: { key: string }) => key)
    .filter((key: string) => key.startsWith('schedule.koupleless.io/'));
  expect(taints).toEqual(['schedule.koupleless.io/virtual-node']);
  await ends(base);
  await ends(command);
  for (const line of command.stdout().trim().split('\n'))
    expect(JSON.parse(line)).toMatchObject({ msg: expect.any(String) });
}, 60_000);

/** As upstream would be started at that broker. */
const upstreamAt = (url: string, more: Readonly<Record<string, string>>): RunningCommand =>
  startCommand(['controller', '--kubeconfig', kubeconfig, '--http', '127.0.0.1:0'], {
    MQTT_BROKER: '127.0.0.1',
    MQTT_PORT: new URL(url).port,
    VNODE_WORKER_NUM: '8',
    CLIENT_ID: 'mc-1',
    ...more,
  });

test('with upstream’s variables: KOUPLET_ENV_TAINT=false holds, what means nothing is one line, the client id is upstream’s [SPEC O4] [SPEC O16]', async () => {
  const broker = startCommand(['broker', '--listen', '127.0.0.1:0']);
  const [, url = ''] = await broker.says(/"url":"(mqtt:[^"]+)"/);
  // A broker of ours without users takes whoever begins otherwise for a base, and says so of it.
  const refused = await upstreamAt(url, { MQTT_CLIENT_PREFIX: 'shop' }).ended;
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/client id "shop@@@mc-1".* MQTT_CLIENT_PREFIX\.\n$/);
  const command = upstreamAt(url, { MQTT_CLIENT_PREFIX: 'kouplet-controller', KOUPLET_ENV_TAINT: 'false' });
  await command.says(/"synced"/);
  const base = startCommand(['base', '--broker', url, '--identity', 'b3']);
  await until('the Node is Ready', () => isReady('vnode.b3.dev'));
  const keys = cluster.api.get('nodes', 'vnode.b3.dev')?.spec.taints.map(({ key }: { key: string }) => key);
  expect(keys.filter((key: string) => key.startsWith('schedule.koupleless.io/'))).toEqual([
    'schedule.koupleless.io/virtual-node',
  ]);
  await ends(base);
  command.process.kill('SIGTERM');
  expect(await command.ended).toMatchObject({
    code: 0,
    stderr: 'kouplet: set, but without a meaning here: VNODE_WORKER_NUM (no workers to count)\n',
  });
  await ends(broker);
}, 60_000);
