import type { SendOutcome, Tunnel } from '@kouplet/broker';
import { type Cluster, startCluster } from '@kouplet/cluster';
import { type Action, type ActionBody, givenUpAnnotation, type PodStatus } from '@kouplet/core';
import {
  type ApiOutcome,
  createEventOutbox,
  createEventRecorder,
  createTransport,
  fixedAccess,
  type Transport,
} from '@kouplet/kube';
import type { BaseId } from '@kouplet/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../testing/eventually.ts';
import { createExecute, type Execute } from './execute.ts';
import { outcomeOfWrite } from './outcome.ts';

const failure = { message: 'why' };
test.each<[ApiOutcome, object]>([
  [{ kind: 'ok', status: 200, body: {} }, { kind: 'done' }],
  [{ kind: 'gone', status: 404, why: 'not-found', failure }, { kind: 'gone' }],
  [{ kind: 'gone', status: 409, why: 'other-incarnation', failure }, { kind: 'gone' }],
  [{ kind: 'conflict', status: 409, failure }, { kind: 'conflict' }],
  [
    { kind: 'unprocessable', status: 422, failure },
    { kind: 'refused', message: '422 unprocessable: why' },
  ],
  [
    { kind: 'refused', status: 403, failure },
    { kind: 'refused', message: '403 refused: why' },
  ],
  [
    { kind: 'unauthorized', status: 401, failure },
    { kind: 'refused', message: '401 unauthorized: why' },
  ],
  [
    { kind: 'throttled', status: 429, retryAfterMs: 2_000, failure },
    { kind: 'failed', message: '429 throttled: why', retryAfterMs: 2_000 },
  ],
  [
    { kind: 'failed', status: 503, why: 'server', failure },
    { kind: 'failed', message: '503 failed: why' },
  ],
  [
    { kind: 'failed', why: 'timeout', failure },
    { kind: 'failed', message: 'failed: why' },
  ],
])('$kind $status: the plan is told %j [SPEC E18]', (answer, outcome) => {
  expect(outcomeOfWrite(answer)).toEqual(outcome);
});

describe('on an API', () => {
  let cluster: Cluster;
  let transport: Transport;
  let execute: Execute;
  let sendOutcome: SendOutcome = 'sent';
  const sent: Array<{ baseId: string; topic: string; payload: string }> = [];
  const tunnel: Tunnel = {
    kind: 'embedded',
    start: async () => {},
    send: async (baseId, topic, payload) => {
      sent.push({ baseId, topic, payload: Buffer.from(payload).toString() });
      return sendOutcome;
    },
    clearRetained: async (): Promise<SendOutcome> => 'sent',
    close: async () => {},
  };
  let ids = 0;
  const act = (body: ActionBody) => {
    ids += 1;
    const action: Action = { ...body, key: 'k', id: ids };
    return execute(action);
  };

  beforeAll(async () => {
    cluster = await startCluster({ controllers: false });
    transport = createTransport({ access: fixedAccess({ server: cluster.url }), userAgent: 'kouplet/test' });
    const recorder = createEventRecorder({ transport, component: 'kouplet' });
    const outbox = createEventOutbox({ recorder, others: () => 0 });
    execute = createExecute({ transport, tunnel, outbox, env: 'dev' });
  });
  afterAll(async () => {
    await transport.close();
    await cluster.close();
  });

  const createNode = (name: string) =>
    act({
      kind: 'create-node',
      name,
      labels: { type: 'virtual-kubelet' },
      annotations: { 'kouplet.io/identity': 'b1' },
      spec: {
        providerID: 'kouplet://b1',
        taints: [{ key: 'schedule.koupleless.io/virtual-node', value: 'True', effect: 'NoExecute' }],
      },
      status: { capacity: { cpu: '8' }, addresses: [{ type: 'InternalIP', address: '10.0.0.1' }] },
    });

  const createPod = (name: string): string =>
    cluster.api.create(
      'pods',
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name },
        spec: { nodeName: 'vnode.b1.dev', containers: [{ name: 'biz1', image: 'https://repo/biz1.jar' }] },
      },
      { actor: 'test', namespace: 'default' },
    ).metadata.uid;

  test('a Node is created whole, its status too, and the answer is an observation', async () => {
    const { outcome, observed } = await createNode('vnode.n1.dev');
    expect(outcome).toEqual({ kind: 'done' });
    expect(observed).toMatchObject({
      kind: 'node-observed',
      node: { status: { capacity: { cpu: '8' } }, spec: { providerID: 'kouplet://b1' } },
    });
  });

  test('a conflict shows the object as it is, which the watch may never do [SPEC E19]', async () => {
    await createNode('vnode.n2.dev');
    expect(await createNode('vnode.n2.dev')).toMatchObject({
      outcome: { kind: 'conflict' },
      observed: { kind: 'node-observed', node: { metadata: { name: 'vnode.n2.dev' } } },
    });
    const lease = {
      kind: 'write-lease',
      namespace: 'kube-node-lease',
      name: 'vnode.n2.dev',
      labels: {},
      holderIdentity: 'me',
      leaseDurationSeconds: 40,
      renewedAt: Date.UTC(2026, 0, 1),
    } as const;
    expect(await act(lease)).toMatchObject({ outcome: { kind: 'done' }, observed: { kind: 'lease-observed' } });
    expect(await act({ ...lease, holderIdentity: 'other' })).toMatchObject({
      outcome: { kind: 'conflict' },
      observed: { kind: 'lease-observed', lease: { spec: { holderIdentity: 'me' } } },
    });
    expect(await act({ ...lease, resourceVersion: '1' })).toMatchObject({
      outcome: { kind: 'conflict' },
      observed: { kind: 'lease-observed', lease: { spec: { holderIdentity: 'me' } } },
    });
  });

  test('labels and annotations merge, null removes, taints are the whole list', async () => {
    const created = await createNode('vnode.n3.dev');
    if (created.observed?.kind !== 'node-observed') throw new Error('no Node');
    const { uid } = created.observed.node.metadata;
    const { observed } = await act({
      kind: 'patch-node',
      name: 'vnode.n3.dev',
      uid,
      labels: { a: 'b' },
      annotations: { 'kouplet.io/identity': null },
      taints: [{ key: 'kouplet.io/leaving', effect: 'NoExecute' }],
    });
    if (observed?.kind !== 'node-observed') throw new Error('no Node');
    expect(observed.node.metadata.labels).toMatchObject({ a: 'b', type: 'virtual-kubelet' });
    expect(observed.node.metadata.annotations).toBeUndefined();
    expect(observed.node.spec.taints?.map(({ key }) => key)).toEqual(['kouplet.io/leaving']);
  });

  test('an adopted Node without a providerID gets ours', async () => {
    const node = cluster.api.create(
      'nodes',
      { apiVersion: 'v1', kind: 'Node', metadata: { name: 'vnode.n5.dev' } },
      { actor: 'test' },
    );
    const { uid } = node.metadata;
    const { observed } = await act({ kind: 'patch-node', name: 'vnode.n5.dev', uid, providerID: 'kouplet://n5' });
    expect(observed).toMatchObject({ node: { spec: { providerID: 'kouplet://n5' } } });
  });

  test.each<[string, (uid: string) => ActionBody]>([
    ['patch-node', (uid) => ({ kind: 'patch-node', name: 'vnode.n4.dev', uid, labels: { a: 'b' } })],
    ['patch-node-status', (uid) => ({ kind: 'patch-node-status', name: 'vnode.n4.dev', uid, status: {} })],
    ['delete-node', (uid) => ({ kind: 'delete-node', name: 'vnode.n4.dev', uid })],
    ['patch-pod-status', (uid) => ({ kind: 'patch-pod-status', namespace: 'default', name: 'p4', uid, status: {} })],
    ['delete-pod', (uid) => ({ kind: 'delete-pod', namespace: 'default', name: 'p4', uid })],
  ])('%s of another incarnation touches nothing [SPEC E20]', async (kind, body) => {
    const resource = kind.includes('node') ? 'nodes' : 'pods';
    if (resource === 'nodes') await createNode('vnode.n4.dev');
    else if (cluster.api.get('pods', 'p4', 'default') === undefined) createPod('p4');
    const read = () =>
      resource === 'nodes' ? cluster.api.get('nodes', 'vnode.n4.dev') : cluster.api.get('pods', 'p4', 'default');
    const before = read();
    expect((await act(body('11111111-2222-3333-4444-555555555555'))).outcome).toEqual({ kind: 'gone' });
    expect(read()).toEqual(before);
    expect(before).toBeDefined();
  });

  test('a Pod’s status is patched; an address that a base had before does not stay beside the new one', async () => {
    const uid = createPod('p1');
    const status = (ip: string): PodStatus => ({
      phase: 'Running',
      podIP: ip,
      podIPs: [{ ip }],
      hostIP: ip,
      hostIPs: [{ ip }],
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }],
    });
    const patch = (ip: string, replaces: { readonly replacesAddresses?: true }) =>
      act({ kind: 'patch-pod-status', namespace: 'default', name: 'p1', uid, status: status(ip), ...replaces });
    await patch('10.0.0.1', {});
    const { observed } = await patch('10.0.0.2', { replacesAddresses: true });
    if (observed?.kind !== 'pod-observed') throw new Error('no Pod');
    expect(observed.pod.status).toMatchObject({ podIP: '10.0.0.2', hostIP: '10.0.0.2' });
    expect(observed.pod.status.podIPs).toEqual([{ ip: '10.0.0.2' }]);
    expect(observed.pod.status.hostIPs).toEqual([{ ip: '10.0.0.2' }]);
    const cleared = { podIP: '', podIPs: [], hostIP: '', hostIPs: [] };
    const answer = await act({ kind: 'patch-pod-status', namespace: 'default', name: 'p1', uid, status: cleared });
    if (answer.observed?.kind !== 'pod-observed') throw new Error('no Pod');
    for (const field of ['podIP', 'podIPs', 'hostIP', 'hostIPs'])
      expect(answer.observed.pod.status).not.toHaveProperty(field);
    expect(answer.observed.pod.status.phase).toBe('Running');
  });

  test('a deletion is confirmed at once, whatever grace the Pod has, and again is gone [SPEC E20]', async () => {
    const uid = createPod('p2');
    cluster.api.delete('pods', 'p2', 'default', { gracePeriodSeconds: 30 });
    expect(cluster.api.get('pods', 'p2', 'default')?.metadata.deletionTimestamp).toBeDefined();
    const deletion = { kind: 'delete-pod', namespace: 'default', name: 'p2', uid } as const;
    expect((await act(deletion)).outcome).toEqual({ kind: 'done' });
    expect(cluster.api.get('pods', 'p2', 'default')).toBeUndefined();
    expect((await act(deletion)).outcome).toEqual({ kind: 'gone' });
  });

  test('a record is written, read back, replaced and deleted; when its base was given up it says until the next write [SPEC M37]', async () => {
    const install = { podUid: 'p', namespace: 'default', podName: 'm', url: 'https://repo/x.jar' };
    const write = {
      kind: 'write-record',
      baseId: 'b1' as BaseId,
      namespace: 'default',
      name: 'kouplet-record.b1.dev',
      installs: { 'biz1:1': install },
    } as const;
    const { observed } = await act(write);
    if (observed?.kind !== 'record-observed') throw new Error('no record');
    expect(observed.record).toMatchObject({ baseId: 'b1', isReadable: true, installs: { 'biz1:1': install } });
    const { uid } = observed.record.metadata;
    const givenUpAt = '2026-01-01T00:00:00.000Z';
    const marked = await act({ ...write, givenUpAt, resourceVersion: observed.record.metadata.resourceVersion });
    if (marked.observed?.kind !== 'record-observed') throw new Error('no record');
    const { annotations, resourceVersion } = marked.observed.record.metadata;
    expect(annotations?.[givenUpAnnotation]).toBe(givenUpAt);
    const replaced = await act({ ...write, installs: {}, resourceVersion });
    if (replaced.observed?.kind !== 'record-observed') throw new Error('no record');
    expect(replaced.observed.record.metadata.annotations?.[givenUpAnnotation]).toBeUndefined();
    expect(replaced).toMatchObject({
      outcome: { kind: 'done' },
      observed: { record: { installs: {} } },
    });
    expect((await act({ ...write, resourceVersion })).outcome).toEqual({ kind: 'conflict' });
    const deletion = {
      kind: 'delete-record',
      baseId: write.baseId,
      namespace: 'default',
      name: write.name,
      uid,
    } as const;
    expect((await act(deletion)).outcome).toEqual({ kind: 'done' });
  });

  test('an Event is one about its object', async () => {
    const uid = createPod('p3');
    const { outcome } = await act({
      kind: 'record-event',
      regarding: { kind: 'Pod', name: 'p3', namespace: 'default', uid },
      type: 'Normal',
      reason: 'Installed',
      message: 'biz1:1 installed',
    });
    expect(outcome).toEqual({ kind: 'done' });
    const about = () =>
      cluster.api.list('events', { namespace: 'default' }).filter((each) => each.involvedObject.uid === uid);
    await eventually('it is written', () => about().length > 0);
    expect(about()).toMatchObject([{ reason: 'Installed', source: { component: 'kouplet' } }]);
  });

  test.each<[SendOutcome, string]>([
    ['sent', 'done'],
    ['no-session', 'unsent'],
    ['down', 'unsent'],
  ])('a command that is %s is %s', async (answer, kind) => {
    sendOutcome = answer;
    sent.length = 0;
    const command = { kind: 'uninstallBiz', name: 'biz1', version: '1' } as const;
    const { outcome } = await act({ kind: 'send-command', baseId: 'b1' as BaseId, generation: 'current', command });
    expect(outcome).toEqual({ kind });
    expect(sent).toEqual([
      { baseId: 'b1', topic: 'koupleless_dev/b1/uninstallBiz', payload: '{"bizName":"biz1","bizVersion":"1"}' },
    ]);
  });

  test('nobody there, or a name that is none, is a failure and no exception [SPEC E18]', async () => {
    const nowhere = createTransport({ access: fixedAccess({ server: 'http://127.0.0.1:1' }), userAgent: 'test' });
    try {
      const lost = createExecute({
        transport: nowhere,
        tunnel,
        outbox: createEventOutbox({
          recorder: createEventRecorder({ transport: nowhere, component: 'kouplet' }),
          others: () => 0,
        }),
        env: 'dev',
      });
      const node = { kind: 'delete-node', uid: 'u', key: 'k', id: 1 } as const;
      expect((await lost({ ...node, name: 'x' })).outcome.kind).toBe('failed');
      expect((await lost({ ...node, name: '' })).outcome.kind).toBe('failed');
    } finally {
      await nowhere.close();
    }
  });
});
