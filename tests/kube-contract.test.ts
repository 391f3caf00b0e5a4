/**
 * What the Kubernetes client takes for granted of an API server, on the embedded cluster and, where TEST_KUBECONFIG names one,
 * on a real control plane: the words that outcomes are decided by, watches that resume, Leases, Events.
 */
import { startCluster } from '@kouplet/cluster';
import {
  type ClusterAccess,
  collectionPath,
  configMaps,
  createEventRecorder,
  createObject,
  createReflector,
  createTransport,
  deleteObject,
  describeOutcome,
  fixedAccess,
  getObject,
  isKubeObject,
  jsonPatch,
  type KubeObject,
  loadCluster,
  mergePatch,
  nodes,
  patchObject,
  pods,
  type Reflector,
  type ReflectorEvent,
  replaceObject,
  strategicMergePatch,
  type Transport,
  writeLease,
} from '@kouplet/kube';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeNamespace } from './support/api.ts';
import { openCluster, type TestCluster } from './support/cluster.ts';
import { waitFor } from './support/wait.ts';

const run = Date.now().toString(36);
const namespace = `kube-contract-${run}`;
const nodeName = `vnode.contract-${run}.dev`;
const otherUid = '00000000-0000-0000-0000-000000000000';
const reflectors: Reflector[] = [];
let cluster: TestCluster;
let access: ClusterAccess;
let transport: Transport;

beforeAll(async () => {
  cluster = await openCluster();
  access = await loadCluster({ kubeconfig: cluster.kubeconfig });
  transport = createTransport({ access, userAgent: 'kouplet/contract' });
  await makeNamespace(cluster.api, namespace);
}, 30_000);

afterAll(async () => {
  await Promise.all(reflectors.map((reflector) => reflector.stop()));
  await transport?.request(deleteObject(nodes, { name: nodeName }));
  await cluster?.api.request('DELETE', `/api/v1/namespaces/${namespace}`);
  await transport?.close();
  access?.close();
  await cluster?.stop();
});

async function accepted(request: Parameters<Transport['request']>[0]): Promise<KubeObject> {
  const outcome = await transport.request(request);
  if (outcome.kind !== 'ok' || !isKubeObject(outcome.body)) throw new Error(describeOutcome(outcome));
  return outcome.body;
}

const podBody = (name: string): Readonly<Record<string, unknown>> => ({
  metadata: { name, labels: { run } },
  spec: { nodeName, containers: [{ name: 'biz', image: 'https://example.org/biz.jar' }] },
});

function reflect(path: string, options: { labelSelector?: string; pageSize?: number; transport?: Transport } = {}) {
  const present = new Map<string, KubeObject>();
  const events: ReflectorEvent<KubeObject>[] = [];
  const problems: string[] = [];
  const reflector = createReflector<KubeObject>({
    transport: options.transport ?? transport,
    path,
    query: options.labelSelector === undefined ? {} : { labelSelector: options.labelSelector },
    project: (raw) => raw,
    onEvents: (batch) => {
      for (const event of batch) {
        events.push(event);
        if (event.kind === 'upsert') present.set(event.key, event.object);
        if (event.kind === 'delete') present.delete(event.key);
      }
    },
    onProblem: (problem) => problems.push(`${problem.kind}: ${problem.message}`),
    limits: { pageSize: options.pageSize ?? 500 },
  });
  reflectors.push(reflector);
  reflector.start();
  const names = (): string[] => [...present.values()].map((object) => object.metadata.name).sort();
  return { reflector, present, events, problems, names };
}

describe('what a server answers is the outcome that the client takes it for [SPEC K2]', () => {
  it('for a Pod on a Node of ours, from its creation to its confirmed end', async () => {
    const status = {
      capacity: { cpu: '1k', memory: '1Ti', pods: '65535' },
      allocatable: { cpu: '1k', memory: '1Ti', pods: '65535' },
    };
    await accepted(createObject(nodes, undefined, { metadata: { name: nodeName }, status }));
    const ref = { namespace, name: 'p1' };
    const made = await accepted(createObject(pods, namespace, podBody('p1')));
    const { uid, resourceVersion } = made.metadata;
    const condition = { type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00.123Z' };
    const toStatus = (body: Readonly<Record<string, unknown>>, name = 'p1') =>
      transport.request(patchObject(pods, { namespace, name }, strategicMergePatch(body), { subresource: 'status' }));

    // The answer is the object after the server's normalisation: a time cut to seconds, an unknown field gone.
    const patched = await toStatus({
      metadata: { uid },
      status: { phase: 'Running', conditions: [condition], noSuchField: 1 },
    });
    expect(patched).toMatchObject({
      kind: 'ok',
      body: {
        status: { phase: 'Running', conditions: [{ type: 'Ready', lastTransitionTime: '2026-01-01T00:00:00Z' }] },
      },
    });
    expect(JSON.stringify(patched)).not.toContain('noSuchField');
    const again = await toStatus({ metadata: { uid }, status: { phase: 'Running', conditions: [condition] } });
    expect(again.kind === 'ok' && again.body).toEqual(patched.kind === 'ok' && patched.body);

    expect(await toStatus({ metadata: { uid: otherUid }, status: { phase: 'Failed' } })).toMatchObject({
      kind: 'gone',
      why: 'other-incarnation',
    });
    expect(await toStatus({ metadata: { resourceVersion }, status: { phase: 'Failed' } })).toMatchObject({
      kind: 'conflict',
    });
    expect(await toStatus({ status: {} }, 'nope')).toMatchObject({ kind: 'gone', why: 'not-found' });
    expect(await transport.request(createObject(pods, namespace, podBody('p1')))).toMatchObject({
      kind: 'conflict',
      failure: { reason: 'AlreadyExists' },
    });

    const end = (preconditions: { uid: string }, gracePeriodSeconds = 0) =>
      transport.request(deleteObject(pods, ref, { gracePeriodSeconds, preconditions }));
    expect(await end({ uid: otherUid })).toMatchObject({ kind: 'gone', why: 'other-incarnation' });
    // The body reached the server: without it the Pod would be Terminating for 30 s.
    expect(await end({ uid }, 7)).toMatchObject({ kind: 'ok', body: { metadata: { deletionGracePeriodSeconds: 7 } } });
    expect(await end({ uid })).toMatchObject({ kind: 'ok' });
    expect(await transport.request(getObject(pods, ref))).toMatchObject({ kind: 'gone', why: 'not-found' });
  });

  it('for what is invalid, missing or not served', async () => {
    const invalid = createObject(pods, namespace, { metadata: { name: 'p2' }, spec: { containers: [] } });
    expect(await transport.request(invalid)).toMatchObject({
      kind: 'unprocessable',
      failure: { reason: 'Invalid', causes: [{ field: 'spec.containers' }] },
    });
    expect(
      await transport.request(createObject(configMaps, 'no-such-namespace', { metadata: { name: 'x' } })),
    ).toMatchObject({ kind: 'refused', status: 404 });
    expect(await transport.request({ method: 'GET', path: '/api/v1/noways/x' })).toMatchObject({
      kind: 'refused',
      status: 404,
    });
    expect(await transport.request({ method: 'GET', path: '/apis/no.such.group/v1/things' })).toMatchObject({
      kind: 'refused',
      status: 404,
    });
  });

  it('for every kind of write to a ConfigMap', async () => {
    const ref = { namespace, name: 'record' };
    const made = await accepted(
      createObject(configMaps, namespace, { metadata: { name: 'record' }, data: { a: '1', b: '2' } }),
    );
    const merged = await accepted(patchObject(configMaps, ref, mergePatch({ data: { a: null, c: '3' } })));
    expect(merged.data).toEqual({ b: '2', c: '3' });
    const changed = await accepted(
      patchObject(configMaps, ref, jsonPatch([{ op: 'replace', path: '/data/b', value: '4' }])),
    );
    expect(changed.data).toEqual({ b: '4', c: '3' });
    const replacement = (resourceVersion: string) =>
      transport.request(
        replaceObject(configMaps, ref, { metadata: { name: 'record', namespace, resourceVersion }, data: {} }),
      );
    expect(await replacement(made.metadata.resourceVersion)).toMatchObject({
      kind: 'conflict',
      failure: { reason: 'Conflict' },
    });
    expect(await replacement(changed.metadata.resourceVersion)).toMatchObject({ kind: 'ok' });
    expect(await transport.request(deleteObject(configMaps, ref))).toMatchObject({ kind: 'ok' });
  });

  it('for a Lease: created, renewed, refused to who comes late, handed back [SPEC K14]', async () => {
    const lease = {
      namespace,
      name: 'replica',
      holderIdentity: 'one',
      leaseDurationSeconds: 15,
      acquiredAt: Date.now(),
      renewedAt: Date.now(),
      leaseTransitions: 0,
    };
    const first = await accepted(writeLease(lease));
    const second = await accepted(
      writeLease({ ...lease, renewedAt: Date.now() + 1, resourceVersion: first.metadata.resourceVersion }),
    );
    expect(second.metadata.resourceVersion).not.toBe(first.metadata.resourceVersion);
    expect(
      await transport.request(
        writeLease({ ...lease, holderIdentity: 'two', resourceVersion: first.metadata.resourceVersion }),
      ),
    ).toMatchObject({ kind: 'conflict' });
    expect(await transport.request(writeLease(lease))).toMatchObject({
      kind: 'conflict',
      failure: { reason: 'AlreadyExists' },
    });
    const back = await accepted(
      writeLease({ ...lease, holderIdentity: '', resourceVersion: second.metadata.resourceVersion }),
    );
    expect(back.spec).toMatchObject({ holderIdentity: '' });
  });
});

describe('a reflector', () => {
  const configMap = (name: string): Readonly<Record<string, unknown>> => ({
    metadata: { name, labels: { run: `cm-${run}` } },
  });

  it('lists in pages, then sees each change, with a selector [SPEC K7]', async () => {
    for (let index = 0; index < 7; index += 1)
      await accepted(createObject(configMaps, namespace, configMap(`cm-${index}`)));
    const seen = reflect(collectionPath(configMaps, namespace), { labelSelector: `run=cm-${run}`, pageSize: 3 });
    await waitFor('the list', () => seen.reflector.state.kind === 'watching');
    expect(seen.names()).toEqual(['cm-0', 'cm-1', 'cm-2', 'cm-3', 'cm-4', 'cm-5', 'cm-6']);
    await accepted(createObject(configMaps, namespace, configMap('cm-7')));
    await accepted(createObject(configMaps, namespace, { metadata: { name: 'not-selected' } }));
    await transport.request(deleteObject(configMaps, { namespace, name: 'cm-0' }));
    // One that loses the label leaves the view, though it is still there.
    await accepted(
      patchObject(configMaps, { namespace, name: 'cm-1' }, mergePatch({ metadata: { labels: { run: null } } })),
    );
    await waitFor('the changes', () => seen.names().join() === 'cm-2,cm-3,cm-4,cm-5,cm-6,cm-7');
    expect(seen.problems).toEqual([]);
    expect(seen.events.filter((event) => event.kind === 'relist-started')).toHaveLength(1);
  });

  it('sees only the Pods of one Node by a field selector, and their end', async () => {
    const seen = reflect(collectionPath(pods), { labelSelector: `run=${run}` });
    await waitFor('the list', () => seen.reflector.state.kind === 'watching');
    const made = await accepted(createObject(pods, namespace, podBody('p3')));
    await waitFor('the Pod', () => seen.present.has(made.metadata.uid));
    await transport.request(deleteObject(pods, { namespace, name: 'p3' }, { gracePeriodSeconds: 0 }));
    await waitFor('its end', () => !seen.present.has(made.metadata.uid));
    expect(seen.events.at(-1)).toMatchObject({ kind: 'delete', last: { metadata: { name: 'p3' } } });
  });
});

it('a server that was ended and begun anew under the same address is followed into its new history [SPEC K12]', async () => {
  const first = await startCluster({ controllers: false });
  first.api.create('configmaps', { metadata: { name: 'old' } }, { actor: 'test', namespace: 'default' });
  const own = createTransport({ access: fixedAccess({ server: first.url }), userAgent: 'kouplet/contract' });
  const seen = reflect(collectionPath(configMaps, 'default'), { transport: own });
  await waitFor('the list', () => seen.names().includes('old') && seen.reflector.state.kind === 'watching');
  await first.close();
  await waitFor('the loss', () => seen.problems.length > 0);
  const second = await startCluster({ controllers: false, port: first.port });
  try {
    second.api.create('configmaps', { metadata: { name: 'new' } }, { actor: 'test', namespace: 'default' });
    await waitFor('the new history', () => seen.names().includes('new') && !seen.names().includes('old'));
  } finally {
    await seen.reflector.stop();
    await own.close();
    await second.close();
  }
});

it('Events are counted on one object and combined after ten [SPEC K15] [SPEC K16]', async () => {
  const recorder = createEventRecorder({ transport, component: 'contract', host: 'here' });
  const regarding = { apiVersion: 'v1', kind: 'Pod', name: 'p9', namespace, uid: otherUid };
  const record = (reason: string, message: string) => recorder.record({ regarding, type: 'Normal', reason, message });
  expect([await record('Same', 'm'), await record('Same', 'm')]).toEqual(['created', 'counted']);
  for (let index = 1; index <= 12; index += 1) await record('Similar', `m ${index}`);
  const written = (await cluster.api.items(`/api/v1/namespaces/${namespace}/events`)).filter(
    (event) => event.source?.component === 'contract',
  );
  expect(written.filter((event) => event.reason === 'Same').map((event) => event.count)).toEqual([2]);
  const similar = written.filter((event) => event.reason === 'Similar');
  expect(similar).toHaveLength(11);
  expect(similar.find((event) => event.count === 2)?.message).toBe('(combined from similar events): m 12');
});
