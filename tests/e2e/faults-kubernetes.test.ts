/** What others do to our objects: Nodes and Leases deleted, limits that give every Pod requests. */
import { afterEach, describe, expect, test } from 'vitest';
import { expectNoneRetained, settles } from '../support/sight.ts';
import { staysTrue, waitFor } from '../support/wait.ts';
import { conditionOf, startWorld, type World } from '../support/world.ts';

let world: World;
afterEach(async () => {
  await world?.stop();
  expectNoneRetained(world);
});

const install = 'installBiz biz1:0.0.1';
const onLine = 'Running, Ready=True, biz1 running';
const there = ['biz1:0.0.1 ACTIVATED'];
const nodeLease = () => `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${world.nodeOf(world.base())}`;

describe('deleted by others while the base lives', () => {
  test('a Node is made again within a second, Ready, and its Pods stay as they are', async () => {
    world = await startWorld();
    const created = await world.createPod('p1');
    await world.podReady('p1');
    const old = await world.node();
    const deletedAt = performance.now();
    await world.api.call('DELETE', `/api/v1/nodes/${old.metadata.name}`);
    const node = await waitFor(
      'another Node is there',
      async () => {
        const seen = await world.node();
        return seen !== undefined && seen.metadata.uid !== old.metadata.uid ? seen : undefined;
      },
      1_000,
    );
    expect(performance.now() - deletedAt).toBeLessThan(1_500);
    expect(conditionOf(node, 'Ready').status).toBe('True');
    expect(node.metadata.labels).toEqual(old.metadata.labels);
    await staysTrue(
      'the Pod stays Ready',
      async () => conditionOf(await world.pod('p1'), 'Ready')?.status === 'True',
      2_000,
    );
    expect((await world.pod('p1')).metadata.uid).toBe(created.metadata.uid);
    await settles(world, { node: 'Ready=True', pods: { p1: onLine }, list: there, commands: [install] }, 2_000);
    const lease = await waitFor('the Lease belongs to the new Node', async () => {
      const seen = await world.api.find(nodeLease());
      return seen?.metadata.ownerReferences?.[0]?.uid === node.metadata.uid ? seen : undefined;
    });
    expect(lease.spec.holderIdentity).toBe(`holder-${world.env}`);
  });

  test('a Lease is made again, and nothing is sent or lowered', async () => {
    world = await startWorld();
    await world.createPod('p1');
    await world.podReady('p1');
    const old = await world.api.find(nodeLease());
    await world.api.call('DELETE', nodeLease());
    const lease = await waitFor(
      'another Lease is there',
      async () => {
        const seen = await world.api.find(nodeLease());
        return seen !== undefined && seen.metadata.uid !== old.metadata.uid ? seen : undefined;
      },
      2_000,
    );
    expect(lease.spec.holderIdentity).toBe(`holder-${world.env}`);
    await settles(world, { node: 'Ready=True', pods: { p1: onLine }, list: there, commands: [install] }, 2_000);
    await world.deletePod('p1');
    await world.podGone('p1');
    const gone = { node: 'Ready=True', pods: {}, list: [], commands: [install, 'uninstallBiz biz1:0.0.1'] };
    await settles(world, gone, 2_000);
  });

  test('our own replica’s Lease is made again, and work goes on', async () => {
    world = await startWorld({ timings: { replicaLeaseRenewMs: 300 } });
    const leases = `/apis/coordination.k8s.io/v1/namespaces/${world.namespace}/leases`;
    const [old] = await world.api.items(leases);
    await world.api.call('DELETE', `${leases}/${old.metadata.name}`);
    await waitFor('another is there', async () => {
      const [seen] = await world.api.items(leases);
      return seen !== undefined && seen.metadata.uid !== old.metadata.uid;
    });
    await world.createPod('p1');
    await world.podReady('p1');
    await settles(world, { node: 'Ready=True', pods: { p1: onLine }, list: there, commands: [install] }, 2_000);
  });

  test('the record is written again, and still proves what is ours', async () => {
    world = await startWorld();
    await world.createPod('p1');
    await world.podReady('p1');
    const records = `/api/v1/namespaces/${world.namespace}/configmaps`;
    const find = async () =>
      (await world.api.items(records)).find((one) => one.metadata.name.startsWith('kouplet-record'));
    const old = await waitFor('the record is there', find);
    await world.api.call('DELETE', `${records}/${old.metadata.name}`);
    const record = await waitFor('another is there', async () => {
      const seen = await find();
      return seen !== undefined && seen.metadata.uid !== old.metadata.uid ? seen : undefined;
    });
    expect(record.data).toEqual(old.data);
    await settles(world, { node: 'Ready=True', pods: { p1: onLine }, list: there, commands: [install] }, 2_000);
  });
});

test('a LimitRange that gives every container requests and limits still lets thirty modules on one base', async () => {
  // An ordinary JVM: some cores, metaspace without a limit.
  world = await startWorld({ bases: [{ cpuCount: 4, maxMetaspaceBytes: -1 }] });
  await world.api.call('POST', `/api/v1/namespaces/${world.namespace}/limitranges`, {
    apiVersion: 'v1',
    kind: 'LimitRange',
    metadata: { name: 'usual' },
    spec: {
      limits: [
        {
          type: 'Container',
          default: { cpu: '500m', memory: '512Mi' },
          defaultRequest: { cpu: '100m', memory: '128Mi' },
        },
      ],
    },
  });
  const names = Array.from({ length: 30 }, (_, index) => `m${index + 1}`);
  await waitFor('the limits hold', async () => {
    const pod = await world.api.request('POST', `/api/v1/namespaces/${world.namespace}/pods?dryRun=All`, {
      metadata: { name: 'probe' },
      spec: { containers: [{ name: 'a', image: 'b' }] },
    });
    return pod.body.spec?.containers[0].resources?.requests?.cpu === '100m';
  });
  await Promise.all(names.map((name) => world.createPod(name, { bizes: [{ name }] })));
  for (const name of names) await world.podReady(name, 15_000);
  expect((await world.pod('m1')).spec.containers[0].resources.requests).toEqual({ cpu: '100m', memory: '128Mi' });
  const commands = world.commands();
  expect(commands.toSorted()).toEqual(names.map((name) => `installBiz ${name}:0.0.1`).toSorted());
  const pods = Object.fromEntries(names.map((name) => [name, `Running, Ready=True, ${name} running`]));
  const list = names.map((name) => `${name}:0.0.1 ACTIVATED`).toSorted();
  const node = 'Ready=True, SettingsAdvised';
  await settles(world, { node, pods, list, commands }, 3_000);
});
