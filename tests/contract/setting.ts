/**
 * The contract that the embedded cluster keeps: what a real Kubernetes 1.34.4 answered, on both. The snapshots beside the
 * suites are the real one's words; written anew by `TEST_KUBECONFIG=… npx vitest run tests/contract -u` and by nothing else.
 *
 * Each suite has a namespace and Nodes of its own, so that it may share a real cluster with others.
 */
import { afterAll, beforeAll } from 'vitest';
import { type Answer, type Json, makeNamespace } from '../support/api.ts';
import { openCluster, type TestCluster } from '../support/cluster.ts';
import { contractKubectl, type Kubectl, kubectlFor } from '../support/kubectl.ts';
import { waitFor } from '../support/wait.ts';

export const JSON_PATCH = 'application/json-patch+json';
export const MERGE_PATCH = 'application/merge-patch+json';
export const STRATEGIC_PATCH = 'application/strategic-merge-patch+json';

export interface Said {
  readonly code: number;
  body: Json;
  readonly warnings?: readonly string[];
}

export interface Setting {
  readonly cluster: TestCluster;
  readonly namespace: string;
  readonly kubectl: Kubectl;
  /** The full name of one of this suite's Nodes. */
  node(short: string): string;
  /** `pods/x`, `deployments.apps/x/status?dryRun=All`, `nodes/x` or a whole path. */
  at(resource: string): string;
  /** A request and its answer in words that do not change from run to run. */
  say(method: string, resource: string, body?: Json, contentType?: string): Promise<Said>;
  /** The body of a success as it is. */
  get(resource: string): Promise<Json>;
  call(method: string, resource: string, body?: Json, contentType?: string): Promise<Json>;
  raw(method: string, resource: string, body?: Json, contentType?: string, accept?: string): Promise<Answer>;
  /** Without times, uids, revisions, hashes and this run's own names. */
  plain<T>(value: T): T;
  /** A Ready Node with the label `suite: <namespace>`, kept alive by its Lease. */
  makeNode(short: string, extra?: { labels?: Json; taints?: Json; status?: Json }): Promise<string>;
  /** Runs what is bound to this suite's Nodes, and ends what is deleted there. */
  startKubelet(): Promise<void>;
}

const GROUPS: Readonly<Record<string, string>> = {
  '': '/api/v1',
  apps: '/apis/apps/v1',
  batch: '/apis/batch/v1',
  policy: '/apis/policy/v1',
  'coordination.k8s.io': '/apis/coordination.k8s.io/v1',
  'events.k8s.io': '/apis/events.k8s.io/v1',
  'scheduling.k8s.io': '/apis/scheduling.k8s.io/v1',
  'discovery.k8s.io': '/apis/discovery.k8s.io/v1',
  'rbac.authorization.k8s.io': '/apis/rbac.authorization.k8s.io/v1',
};
const OF_THE_CLUSTER = new Set(['nodes', 'namespaces', 'priorityclasses', 'persistentvolumes']);
const LEASE_PERIOD_MS = 10_000;

/** Call once a file. @param name  a word that tells this suite's names from others' */
export function openSetting(name: string): Setting {
  const run = `${name}-${Date.now().toString(36)}`;
  let cluster: TestCluster | undefined;
  let kubectl: Kubectl | undefined;
  const nodes: string[] = [];
  const ends: Array<() => void> = [];
  const needed = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error('used before the suite began');
    return value;
  };
  const api = () => needed(cluster).api;

  const at = (resource: string): string => {
    if (resource.startsWith('/')) return resource;
    const [first = '', ...rest] = resource.split(/(?=[/?])/);
    const dot = first.indexOf('.');
    const plural = dot < 0 ? first : first.slice(0, dot);
    const prefix = GROUPS[dot < 0 ? '' : first.slice(dot + 1)] ?? '/unknown';
    const space = OF_THE_CLUSTER.has(plural) ? '' : `/namespaces/${run}`;
    return `${prefix}${space}/${plural}${rest.join('')}`;
  };
  const node = (short: string): string => `${short}.${run}`;

  const plainText = (text: string): string =>
    text
      .replaceAll(run, 'SUITE')
      .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, 'UID')
      .replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z/g, 'MICRO-TIME')
      .replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, 'TIME')
      .replace(/-[bcdfghjklmnpqrstvwxz2456789]{6,10}(?=-|\b)/g, '-HASH')
      .replace(/(-HASH|gen)-[bcdfghjklmnpqrstvwxz2456789]{5}\b/g, '$1-RANDOM');
  const plain = (value: Json, key = ''): Json => {
    if (Array.isArray(value)) return value.map((one) => plain(one));
    if (typeof value === 'object' && value !== null) {
      const entries = Object.entries(value).filter(([field]) => field !== 'managedFields');
      return Object.fromEntries(entries.map(([field, one]) => [plainText(field), plain(one, field)]));
    }
    if (typeof value !== 'string') return value;
    if (key === 'resourceVersion' && /^\d+$/.test(value)) return 'REVISION';
    if (key === 'pod-template-hash' || key === 'controller-revision-hash') return 'HASH';
    if (key === 'continue') return 'CONTINUE';
    return plainText(value);
  };

  const raw: Setting['raw'] = (method, resource, body, contentType, accept) =>
    api().request(method, at(resource), body, contentType, accept);
  const call: Setting['call'] = (method, resource, body, contentType) =>
    api().call(method, at(resource), body, contentType);
  const say: Setting['say'] = async (method, resource, body, contentType) => {
    const answer = await raw(method, resource, body, contentType);
    const { warning } = answer.headers;
    const warnings = warning === undefined ? [] : [warning].flat();
    return {
      code: answer.status,
      body: plain(answer.body),
      ...(warnings.length === 0 ? {} : { warnings: warnings.map(plainText) }),
    };
  };

  const renew = async (full: string): Promise<void> => {
    const path = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
    const renewTime = new Date().toISOString().replace('Z', '000Z');
    const spec = { holderIdentity: full, leaseDurationSeconds: 40, renewTime };
    const changed = await api().request('PATCH', `${path}/${full}`, { spec }, MERGE_PATCH);
    if (changed.status === 404) await api().request('POST', path, { metadata: { name: full }, spec });
  };

  const makeNode: Setting['makeNode'] = async (short, { labels, taints, status } = {}) => {
    const full = node(short);
    nodes.push(full);
    const capacity = { cpu: '2', memory: '4Gi', pods: '10' };
    await api().call('POST', '/api/v1/nodes', {
      metadata: { name: full, labels: { 'kubernetes.io/hostname': full, suite: run, ...labels } },
      ...(taints === undefined ? {} : { spec: { taints } }),
      status: { capacity, conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }], ...status },
    });
    await renew(full);
    await waitFor(`${full} without the not-ready taint`, async () => {
      const seen = await api().call('GET', `/api/v1/nodes/${full}`);
      return !(seen.spec.taints ?? []).some((taint: Json) => taint.key === 'node.kubernetes.io/not-ready');
    });
    return full;
  };

  const startKubelet = async (): Promise<void> => {
    const watch = await api().watch(at('pods'), ({ type, object }) => {
      if (type === 'DELETED' || !nodes.includes(object.spec?.nodeName)) return;
      void actOn(object).catch(() => undefined);
    });
    ends.push(() => watch.stop());
  };
  const actOn = async ({ metadata, spec, status }: Json): Promise<void> => {
    const path = at(`pods/${metadata.name}`);
    const { uid } = metadata;
    if (metadata.deletionTimestamp !== undefined) {
      await api().request('DELETE', path, { gracePeriodSeconds: 0, preconditions: { uid } });
      return;
    }
    if (status.phase !== 'Pending' || metadata.annotations?.kubelet === 'asleep') return;
    const fails = spec.containers.some((one: Json) => one.image.includes('broken'));
    const conditions = ['Initialized', 'Ready', 'ContainersReady'].map((type) => ({
      type,
      status: fails && type !== 'Initialized' ? 'False' : 'True',
      lastTransitionTime: metadata.creationTimestamp,
    }));
    const containerStatuses = spec.containers.map((one: Json) => ({
      name: one.name,
      image: one.image,
      imageID: '',
      ready: !fails,
      restartCount: 0,
      state: fails
        ? { waiting: { reason: 'ErrImagePull', message: 'no such image' } }
        : { running: { startedAt: metadata.creationTimestamp } },
    }));
    const next = { phase: fails ? 'Pending' : 'Running', conditions, containerStatuses, podIP: '10.9.8.7' };
    await api().request('PATCH', `${path}/status`, { metadata: { uid }, status: next }, STRATEGIC_PATCH);
  };

  beforeAll(async () => {
    cluster = await openCluster();
    kubectl = kubectlFor(cluster.kubeconfig, run, contractKubectl);
    await makeNamespace(api(), run);
    const timer = setInterval(() => {
      for (const one of nodes) void renew(one).catch(() => undefined);
    }, LEASE_PERIOD_MS);
    ends.push(() => clearInterval(timer));
  });

  afterAll(async () => {
    if (cluster?.isReal) await cleanUp();
    for (const end of ends) end();
    await cluster?.stop();
  });
  const cleanUp = async (): Promise<void> => {
    for (const one of nodes) await api().request('DELETE', `/api/v1/nodes/${one}`);
    await api().request('DELETE', `/api/v1/namespaces/${run}`);
    await api().request('DELETE', `${at('pods')}?gracePeriodSeconds=0`);
    await waitFor(
      `the end of ${run}`,
      async () => (await api().find(`/api/v1/namespaces/${run}`)) === undefined,
      25_000,
    );
  };

  return {
    get cluster() {
      return needed(cluster);
    },
    get kubectl() {
      return needed(kubectl);
    },
    namespace: run,
    node,
    at,
    say,
    get: (resource) => call('GET', resource),
    call,
    raw,
    plain: (value) => plain(value),
    makeNode,
    startKubelet,
  };
}

/** A Pod that asks for nothing, and whose answers no ServiceAccount token changes. */
export function podOf(name: string, spec: Json = {}, metadata: Json = {}): Json {
  return {
    metadata: { name, ...metadata },
    spec: { automountServiceAccountToken: false, containers: [{ name: 'c', image: 'nginx:1' }], ...spec },
  };
}

/** A Deployment, ReplicaSet, StatefulSet or DaemonSet spec over such Pods with label `app: NAME`. */
export function workloadOf(name: string, spec: Json = {}, pod: Json = {}): Json {
  return {
    metadata: { name },
    spec: {
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: podOf('x', pod).spec },
      ...spec,
    },
  };
}
