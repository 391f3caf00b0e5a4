/** Brokers and API servers that are away for long: nothing is deleted, failed or installed again, and all is Ready afterwards. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { follow } from '../support/follow.ts';
import {
  type ControllerProcess,
  endProcesses,
  freePort,
  startBrokerProcess,
  startControllerProcess,
} from '../support/processes.ts';
import { expectNoneRetained, settles } from '../support/sight.ts';
import { staysTrue, waitFor } from '../support/wait.ts';
import { conditionOf, startWorld, type World } from '../support/world.ts';

let world: World;
const ends: Array<() => Promise<void> | void> = [];
afterEach(async () => {
  await world?.stop();
  for (const end of ends.splice(0).reverse()) await end();
  await endProcesses();
  expectNoneRetained(world);
});

const commands = ['installBiz biz1:0.0.1'];
const onLine = 'Running, Ready=True, biz1 running';
const there = ['biz1:0.0.1 ACTIVATED'];
const bases = 3;

async function onePodEach(): Promise<{ readonly uids: string[]; readonly pods: Json[]; readonly nodes: Json[] }> {
  for (const base of world.bases) await world.createPod(`p-${base.identity}`, { base });
  for (const base of world.bases) await world.podReady(`p-${base.identity}`);
  const uids = await Promise.all(world.bases.map(async (base) => (await world.node(base)).metadata.uid));
  const pods = await follow(world.api, `/api/v1/namespaces/${world.namespace}/pods`);
  ends.push(pods.stop);
  const nodes = await follow(world.api, '/api/v1/nodes');
  ends.push(nodes.stop);
  return { uids, pods: pods.events, nodes: nodes.events };
}

/** No Node deleted or lowered, no Pod deleted, failed or not Ready, in all that was seen. */
function expectNothingHappened({ pods, nodes }: { readonly pods: Json[]; readonly nodes: Json[] }): void {
  const names = world.bases.map((base) => world.nodeOf(base));
  const own = [...pods, ...nodes.filter(({ object }) => names.includes(object.metadata.name))];
  const bad = own.filter(
    ({ type, object }) =>
      type === 'DELETED' || conditionOf(object, 'Ready')?.status !== 'True' || object.status.phase === 'Failed',
  );
  expect(bad.map(({ type, object }) => `${type} ${object.metadata.name} ${JSON.stringify(object.status)}`)).toEqual([]);
}

async function allAsBefore(uids: readonly string[], deadlineMs: number): Promise<void> {
  for (const [index, base] of world.bases.entries()) {
    const pods = { [`p-${base.identity}`]: onLine };
    await settles(world, { node: 'Ready=True', pods, list: there, commands }, deadlineMs, { base });
    expect((await world.node(base)).metadata.uid).toBe(uids[index]);
  }
}

describe.each([15, 130])('away for %i s', (seconds) => {
  test('the embedded broker, with its controller', async () => {
    world = await startWorld({ bases });
    const seen = await onePodEach();
    await world.stopController();
    // A Node whose Lease stands still is Kubernetes' to lower: from 50 s on, on any cluster.
    const isShort = seconds < 40;
    await staysTrue(
      'no Node is deleted and no Pod fails',
      async () =>
        (await Promise.all(world.bases.map((base) => world.node(base)))).every((node) => node !== undefined) &&
        (await world.api.items(`/api/v1/namespaces/${world.namespace}/pods`)).every(
          (pod) => pod.status.phase === 'Running',
        ),
      seconds * 1_000,
    );
    await world.startController();
    // Bases are back within their back-off: 128 s at most.
    await allAsBefore(seen.uids, 150_000);
    if (isShort) expectNothingHappened(seen);
  });

  test('the external broker, under a controller that lives on', async () => {
    const port = await freePort();
    const broker = await startBrokerProcess(port);
    let controller: ControllerProcess | undefined;
    world = await startWorld({
      bases,
      openController: async (settings) => {
        const { holderIdentity } = settings;
        controller = await startControllerProcess(
          { ...settings, mqttPort: port },
          { broker: `mqtt://127.0.0.1:${port}`, holderIdentity },
        );
        return controller;
      },
    });
    const seen = await onePodEach();
    await broker.kill();
    await staysTrue(
      'no Node is lowered',
      async () =>
        (await Promise.all(world.bases.map((base) => world.node(base)))).every(
          (node) => conditionOf(node, 'Ready')?.status === 'True',
        ),
      seconds * 1_000,
    );
    await startBrokerProcess(port);
    await waitFor('all bases are back', () => world.bases.every((base) => base.isConnected), 150_000);
    await allAsBefore(seen.uids, 60_000);
    expectNothingHappened(seen);
  });

  test('the external broker and the controller with it', async () => {
    const port = await freePort();
    const broker = await startBrokerProcess(port);
    let controller: ControllerProcess | undefined;
    world = await startWorld({
      bases,
      openController: async (settings) => {
        controller = await startControllerProcess(
          { ...settings, mqttPort: port },
          { broker: `mqtt://127.0.0.1:${port}` },
        );
        return controller;
      },
    });
    const seen = await onePodEach();
    await broker.kill();
    await controller?.kill();
    await staysTrue(
      'no Node is deleted and no Pod fails',
      async () =>
        (await Promise.all(world.bases.map((base) => world.node(base)))).every((node) => node !== undefined) &&
        (await world.api.items(`/api/v1/namespaces/${world.namespace}/pods`)).every(
          (pod) => pod.status.phase === 'Running',
        ),
      seconds * 1_000,
    );
    await startBrokerProcess(port);
    await world.startController();
    // Without sessions a base that has come back is seen when it is asked again: at most a minute later.
    await allAsBefore(seen.uids, 220_000);
    if (seconds < 40) expectNothingHappened(seen);
  });
});

const planeFolder = process.env.TEST_CONTROL_PLANE;
const planeCommand = process.env.TEST_CONTROL_PLANE_COMMAND;

/** TEST_CONTROL_PLANE: its folder; TEST_CONTROL_PLANE_COMMAND: what takes `stop|start FOLDER kube-apiserver`; TEST_KUBECONFIG: its kubeconfig. */
test.skipIf(planeFolder === undefined || planeCommand === undefined)(
  'a real API server stopped for fifteen seconds: what is asked after it is done, nothing twice',
  async () => {
    const plane = async (verb: 'start' | 'stop'): Promise<void> => {
      await promisify(execFile)(planeCommand ?? '', [verb, planeFolder ?? '', 'kube-apiserver'], { timeout: 90_000 });
    };
    world = await startWorld({ bases: [{ heartbeatDies: false }] });
    await world.createPod('p-b1', { base: world.base() });
    await world.podReady('p-b1');
    const { uid } = (await world.node()).metadata;
    await plane('stop');
    ends.push(() => plane('start'));
    await staysTrue('nothing is sent', () => world.commands().length === 1, 15_000);
    await plane('start');
    await waitFor('the API answers', () => world.nodeReady(), 60_000);
    await allAsBefore([uid], 30_000);
    await waitFor(
      'Pods can be made',
      async () => world.createPod('p2', { base: world.base(), bizes: [{ name: 'biz2' }] }).then(() => true),
      30_000,
    );
    await world.podReady('p2', 30_000);
    await world.deletePod('p2');
    await world.podGone('p2', 20_000);
    expect(world.commands()).toEqual([...commands, 'installBiz biz2:0.0.1', 'uninstallBiz biz2:0.0.1']);
  },
);

test('with TLS and users the embedded broker lets in whom it knows, as whom it says, and the path is the same', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kouplet-tls-'));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  const { generate } = await import('selfsigned');
  const pem = await generate([{ name: 'commonName', value: 'localhost' }], {
    extensions: [
      { name: 'basicConstraints', cA: true },
      { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] },
    ],
  });
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const users = { users: [{ name: 'orders', password: 'secret', identity: 'orders-*' }] };
  const args = [
    ...['--users', file('users.yaml', JSON.stringify(users))],
    ...['--tls-cert', file('cert.pem', pem.cert), '--tls-key', file('key.pem', pem.private)],
  ];
  world = await startWorld({ bases: 0, openController: (settings) => startControllerProcess(settings, { args }) });
  const broker = `mqtts://localhost:${world.mqttPort}`;
  const known = { broker, ca: pem.cert, username: 'orders', password: 'secret' };
  await expect(world.addBase({ ...known, identity: 'orders-1', password: 'wrong' })).rejects.toThrow(/refuse|authori/i);
  await expect(world.addBase({ ...known, identity: 'billing-1' })).rejects.toThrow();
  await expect(world.addBase({ ...known, identity: 'orders-1', ca: undefined })).rejects.toThrow(/certificate/i);
  const base = await world.addBase({ ...known, identity: 'orders-1' });
  await world.nodeReady(base);
  await world.createPod('p1');
  await world.podReady('p1');
  await settles(world, { node: 'Ready=True', pods: { p1: onLine }, list: there, commands }, 5_000);
  await world.deletePod('p1');
  await world.podGone('p1');
  expect(world.commands()).toEqual([...commands, 'uninstallBiz biz1:0.0.1']);
});
