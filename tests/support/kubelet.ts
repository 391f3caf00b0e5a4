/** Nodes that nobody runs, and what a kubelet would write of their Pods: on a real API server as on an embedded one. */
import type { Json, TestApi } from './api.ts';
import { waitFor } from './wait.ts';

const STRATEGIC_PATCH = 'application/strategic-merge-patch+json';
const MERGE_PATCH = 'application/merge-patch+json';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
const LEASE_PERIOD_MS = 10_000;

/** A Ready Node without the not-ready taint, with a Lease. */
export async function makeReadyNode(api: TestApi, name: string): Promise<void> {
  const resources = { cpu: '2', memory: '4Gi', pods: '10' };
  await api.call('POST', '/api/v1/nodes', {
    metadata: { name, labels: { 'kubernetes.io/hostname': name } },
    status: {
      capacity: resources,
      conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }],
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      nodeInfo: {
        kubeletVersion: 'v1.34.0-test',
        osImage: 'none',
        kernelVersion: '6.0',
        containerRuntimeVersion: 'none://1',
      },
    },
  });
  await renew(api, name);
  await waitFor(`${name} without the not-ready taint`, async () => {
    const { spec } = await api.call('GET', `/api/v1/nodes/${name}`);
    return !(spec.taints ?? []).some((taint: Json) => taint.key === 'node.kubernetes.io/not-ready');
  });
}

async function renew(api: TestApi, name: string): Promise<void> {
  const renewTime = new Date().toISOString().replace('Z', '000Z');
  const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime };
  const changed = await api.request('PATCH', `${LEASES}/${name}`, { spec }, MERGE_PATCH);
  if (changed.status === 404) await api.request('POST', LEASES, { metadata: { name }, spec });
}

/**
 * Until the answer is called: keeps these Nodes alive, makes Pods there Running (Succeeded, where a Job owns them; waiting
 * for ever, where the image is called broken) and ends what is deleted there.
 */
export async function actAsKubelet(api: TestApi, nodes: readonly string[]): Promise<() => void> {
  const timer = setInterval(() => {
    for (const one of nodes) void renew(api, one).catch(() => undefined);
  }, LEASE_PERIOD_MS);
  const watch = await api.watch('/api/v1/pods', ({ type, object }) => {
    if (type === 'DELETED' || !nodes.includes(object.spec?.nodeName)) return;
    void actOn(api, object).catch(() => undefined);
  });
  return () => {
    clearInterval(timer);
    watch.stop();
  };
}

async function actOn(api: TestApi, { metadata, spec, status }: Json): Promise<void> {
  const path = `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}`;
  const { uid } = metadata;
  if (metadata.deletionTimestamp !== undefined) {
    await api.request('DELETE', path, { gracePeriodSeconds: 0, preconditions: { uid } });
    return;
  }
  if (status.phase !== 'Pending') return;
  const next = statusOf(metadata, spec);
  await api.request('PATCH', `${path}/status`, { metadata: { uid }, status: next }, STRATEGIC_PATCH);
}

function statusOf(metadata: Json, spec: Json): Json {
  const ends = metadata.ownerReferences?.some((one: Json) => one.kind === 'Job') === true;
  const fails = spec.containers.some((one: Json) => one.image.includes('broken'));
  const runs = !ends && !fails;
  const since = metadata.creationTimestamp;
  const state = fails
    ? { waiting: { reason: 'ErrImagePull', message: 'no such image' } }
    : ends
      ? { terminated: { exitCode: 0, reason: 'Completed', startedAt: since, finishedAt: since } }
      : { running: { startedAt: since } };
  return {
    phase: fails ? 'Pending' : ends ? 'Succeeded' : 'Running',
    podIP: '10.9.8.7',
    startTime: since,
    conditions: ['Initialized', 'Ready', 'ContainersReady'].map((type) => ({
      type,
      status: runs || type === 'Initialized' ? 'True' : 'False',
      lastTransitionTime: since,
    })),
    containerStatuses: spec.containers.map((one: Json) => ({
      name: one.name,
      image: one.image,
      imageID: '',
      ready: runs,
      started: runs,
      restartCount: 0,
      state,
    })),
  };
}
