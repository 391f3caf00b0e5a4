/** What is a module and what is none: Pods on a base's Node that are no modules stay visible, harmless and deletable. */
import { afterEach, describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { expectNoneRetained, settles } from '../support/sight.ts';
import { waitFor } from '../support/wait.ts';
import { eventsOf, reasonOf, startWorld, urlOf, type World } from '../support/world.ts';

let world: World;
afterEach(async () => {
  await world?.stop();
  expectNoneRetained(world);
});

const install = 'installBiz biz1:0.0.1';
const biz = (name: string): Json => ({
  name,
  image: urlOf(name, '0.0.1'),
  env: [{ name: 'BIZ_VERSION', value: '0.0.1' }],
});
const sidecar: Json = { name: 'istio-proxy', image: 'docker.io/istio/proxyv2:1.24' };

/** What it says, in its status and in one Event; then that it goes at once, and that no base ever heard of it. */
async function isNoModule(name: string, reason: string, message: RegExp): Promise<void> {
  const containers = (await world.pod(name))?.spec.containers ?? [];
  const waiting = containers.map((one: Json) => `${one.name} waiting ${reason}`);
  const pods = { [name]: ['Pending', 'Ready=False', ...waiting].join(', ') };
  await settles(world, { node: 'Ready=True', pods, list: [], commands: [] }, 3_000, { holdsMs: 600 });
  const pod = await world.pod(name);
  expect(pod.status).toMatchObject({ reason, message: expect.stringMatching(message) });
  expect(reasonOf(pod)).toMatch(message);
  const told = await waitFor('it is told', async () => {
    const events = (await eventsOf(world, name)).filter((event) => event.includes(` ${reason} `));
    return events.length > 0 ? events : undefined;
  });
  expect(told).toHaveLength(1);
  await world.deletePod(name);
  await settles(world, { node: 'Ready=True', pods: {}, list: [], commands: [] }, 1_500);
}

describe('a Pod that is no module', () => {
  test('as it has no label: a DaemonSet’s that tolerates everything', async () => {
    world = await startWorld();
    const path = `/api/v1/namespaces/${world.namespace}/pods`;
    await world.api.call('POST', path, {
      metadata: { name: 'agent' },
      spec: {
        nodeName: world.nodeOf(world.base()),
        containers: [{ name: 'agent', image: 'registry.example.com/agent:1' }],
        tolerations: [{ operator: 'Exists' }],
      },
    });
    await isNoModule('agent', 'NotAModule', /no label virtual-kubelet\.koupleless\.io\/component=module/);
  });

  test('as it has initContainers', async () => {
    world = await startWorld();
    await world.createPod('p1', { spec: { initContainers: [{ name: 'prepare', image: 'busybox' }] } });
    await isNoModule('p1', 'InvalidModule', /initContainers \(prepare\) cannot run on a base/);
  });

  test('as no container has BIZ_VERSION', async () => {
    world = await startWorld();
    await world.createPod('p1', { spec: { containers: [{ name: 'biz1', image: urlOf('biz1', '0.0.1') }] } });
    await isNoModule('p1', 'InvalidModule', /no container \(biz1\) has the env BIZ_VERSION/);
  });

  test.each([
    ['comes from elsewhere', { valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }, /literal value/],
    ['is empty', { value: '' }, /BIZ_VERSION is empty/],
    ['has a colon', { value: '1:2' }, /must not contain ":"/],
  ])('as its BIZ_VERSION %s', async (_, entry, message) => {
    world = await startWorld();
    const env = [{ name: 'BIZ_VERSION', ...entry }];
    await world.createPod('p1', { spec: { containers: [{ ...biz('biz1'), env }] } });
    await isNoModule('p1', 'InvalidModule', message);
  });
});

test('a sidecar injected into a module Pod waits as NotAModule and does not count for readiness', async () => {
  world = await startWorld();
  await world.createPod('p1', { spec: { containers: [sidecar, biz('biz1')] } });
  const p1 = 'Running, Ready=True, istio-proxy waiting NotAModule, biz1 running';
  const list = ['biz1:0.0.1 ACTIVATED'];
  await settles(world, { node: 'Ready=True', pods: { p1 }, list, commands: [install] }, 3_000);
  expect(reasonOf(await world.pod('p1'))).toMatch(/without BIZ_VERSION can be no module/);
  await world.deletePod('p1');
  const commands = [install, 'uninstallBiz biz1:0.0.1'];
  await settles(world, { node: 'Ready=True', pods: {}, list: [], commands }, 2_000);
});

test('a readiness gate counts: Ready only when somebody says so, and Ready no longer when they take it back', async () => {
  world = await startWorld();
  const conditionType = 'example.com/traffic';
  await world.createPod('p1', { spec: { readinessGates: [{ conditionType }] } });
  const say = (status: string) =>
    world.api.call(
      'PATCH',
      `/api/v1/namespaces/${world.namespace}/pods/p1/status`,
      { status: { conditions: [{ type: conditionType, status }] } },
      'application/strategic-merge-patch+json',
    );
  const seen = (ready: string) => ({
    node: 'Ready=True',
    pods: { p1: `Running, Ready=${ready}, biz1 running` },
    list: ['biz1:0.0.1 ACTIVATED'],
    commands: [install],
  });
  await settles(world, seen('False'), 3_000);
  await say('True');
  await settles(world, seen('True'), 1_000);
  await say('False');
  await settles(world, seen('False'), 1_000);
});
