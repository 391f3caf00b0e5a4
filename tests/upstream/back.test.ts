/** The way back: what ModuleController v2.2.0 needs to find when it is started again where Kouplet stood. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';
import { startWorld, type World } from '../support/world.ts';
import { leaseOf, type MockBase, nodeOf, nodeReady, startMockBase } from './mock-base.ts';

let world: World;
let base: MockBase;
beforeAll(async () => {
  // As with upstream's variables: its Nodes carry the taint of their env.
  world = await startWorld({ bases: 0, policy: { hasEnvTaint: true } });
  base = await startMockBase(world, 'b1');
  await base.heartbeat();
  await nodeReady(world, base, 20_000);
});
afterAll(async () => {
  await base?.stop();
  await world?.stop();
});

const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
const selecting = (labels: string): string => `labelSelector=${encodeURIComponent(labels)}`;
/** The world's own names made those of any world. */
const plain = (value: Json): Json =>
  JSON.parse(JSON.stringify(value).replaceAll(world.env, 'ENV').replaceAll(`base-ENV`, 'BASE'));

test('Nodes are found by its selector, with the labels it rebuilds a base from, and with both taints', async () => {
  const selector = selecting(
    `virtual-kubelet.koupleless.io/component=vnode,virtual-kubelet.koupleless.io/env=${world.env}`,
  );
  const found = await world.api.items(`/api/v1/nodes?${selector}`);
  expect(found.map(({ metadata }: Json) => metadata.name)).toEqual([base.node]);
  const node = plain(found[0]);
  // Kubernetes' own come and go.
  const taints = node.spec.taints.filter(({ key }: Json) => key.startsWith('schedule.'));
  expect({ name: node.metadata.name, labels: node.metadata.labels, taints }).toMatchInlineSnapshot(`
    {
      "labels": {
        "base.koupleless.io/cluster-name": "test-cluster",
        "base.koupleless.io/host-name": "b1-host",
        "base.koupleless.io/name": "BASE",
        "base.koupleless.io/stack": "java",
        "base.koupleless.io/version": "1.1.1",
        "kubernetes.io/hostname": "b1-host",
        "kubernetes.io/role": "agent",
        "node.kubernetes.io/exclude-from-external-load-balancers": "",
        "type": "virtual-kubelet",
        "virtual-kubelet.koupleless.io/component": "vnode",
        "virtual-kubelet.koupleless.io/env": "ENV",
        "vnode.koupleless.io/cluster-name": "test-cluster",
        "vnode.koupleless.io/name": "BASE",
        "vnode.koupleless.io/tunnel": "mqtt_tunnel_provider",
        "vnode.koupleless.io/version": "1.1.1",
      },
      "name": "vnode.b1.ENV",
      "taints": [
        {
          "effect": "NoExecute",
          "key": "schedule.koupleless.io/virtual-node",
          "value": "True",
        },
        {
          "effect": "NoExecute",
          "key": "schedule.koupleless.io/node-env",
          "value": "ENV",
        },
      ],
    }
  `);
  expect(node.status.addresses).toEqual([
    { type: 'InternalIP', address: '10.9.8.7' },
    { type: 'Hostname', address: 'b1-host' },
  ]);
});

test('Leases have its name, place, labels and duration', async () => {
  const selector = selecting(
    `virtual-kubelet.koupleless.io/component=vnode-lease,virtual-kubelet.koupleless.io/env=${world.env}`,
  );
  const found = await world.api.items(`${leases}?${selector}`);
  expect(found.map(({ metadata }: Json) => metadata.name)).toEqual([base.node]);
  const { metadata, spec } = plain(found[0]);
  expect({
    labels: metadata.labels,
    duration: spec.leaseDurationSeconds,
    holder: spec.holderIdentity,
    fields: Object.keys(spec).toSorted(),
  }).toMatchInlineSnapshot(`
    {
      "duration": 40,
      "fields": [
        "acquireTime",
        "holderIdentity",
        "leaseDurationSeconds",
        "leaseTransitions",
        "renewTime",
      ],
      "holder": "holder-ENV",
      "labels": {
        "app.kubernetes.io/managed-by": "kouplet",
        "virtual-kubelet.koupleless.io/component": "vnode-lease",
        "virtual-kubelet.koupleless.io/env": "ENV",
      },
    }
  `);
});

test('a stop leaves Nodes as they are and Leases handed back, to be deleted by label', async () => {
  const uid = (await nodeOf(world, base))?.metadata.uid;
  await world.stopController();
  const lease = await waitFor('its Lease is handed back', async () => {
    const seen = await leaseOf(world, base);
    return (seen?.spec.holderIdentity ?? '') === '' ? seen : undefined;
  });
  expect(lease.spec.leaseDurationSeconds).toBe(40);
  expect((await nodeOf(world, base))?.metadata.uid).toBe(uid);
  // v2.2.0 takes no Lease that is there and not its own: they are deleted before it is started (docs/upstream.md).
  await world.api.call('DELETE', `${leases}?${selecting(`virtual-kubelet.koupleless.io/env=${world.env}`)}`);
  expect(await leaseOf(world, base)).toBeUndefined();
  expect((await nodeOf(world, base))?.metadata.uid).toBe(uid);
});
