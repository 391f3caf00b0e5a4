/**
 * A stand-in for ModuleController v2.2.0 over MQTT, where the Go program itself is not at hand: what it does to the API and to bases,
 * its faults included, written from what its code says (docs/upstream.md). It knows upstream's variables and no others, so the tests
 * start it or, with UPSTREAM_CONTROLLER, the real one in the same way. Nothing of ours is used.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import mqtt from 'mqtt';
import { type Json, openApi } from '../../support/api.ts';
import { follow } from '../../support/follow.ts';
import {
  type BaseTold,
  type BizTold,
  componentLabel,
  envLabel,
  isFresher,
  keyOf,
  leaseOf,
  mergePatch,
  micros,
  nodeOf,
  nodePatchOf,
  nodeStatusOf,
  podStatusOf,
} from './objects.ts';

const { KUBECONFIG = '', ENV: env = 'dev', CLIENT_ID: holder = crypto.randomUUID(), ...given } = process.env;
const api = openApi(KUBECONFIG);
const client = await mqtt.connectAsync(`mqtt://${given.MQTT_BROKER}:${given.MQTT_PORT}`, {
  clientId: `${given.MQTT_CLIENT_PREFIX ?? 'koupleless'}@@@${holder}`,
  username: given.MQTT_USERNAME ?? '',
  password: given.MQTT_PASSWORD ?? '',
});
const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
const mergeType = 'application/merge-patch+json';
const strategicType = 'application/strategic-merge-patch+json';
const leaseEveryMs = 10_000;
const expiredAfterMs = 10_000;
const deadAfterMs = 60_000;

interface VNode {
  readonly identity: string;
  readonly name: string;
  readonly told: BaseTold;
  /** ms since the epoch; 0 for one that was rebuilt from its Node: it is dead unless something comes at once. */
  aliveAt: number;
  isOver: boolean;
  isTaken: boolean;
  /** By `namespace/name`, with the status that it wrote last. */
  readonly pods: Map<string, Json>;
}
const nodes = new Map<string, VNode>();
/** Every module Pod that is bound, by `namespace/name`. */
const cachedPods = new Map<string, Json>();
/** The last write of a Pod's status that was asked for, by `namespace/name`: its queue writes them one after another. */
const statusWrites = new Map<string, Promise<unknown>>();

const command = (node: VNode, kind: string, body: Json): void => {
  client.publish(`koupleless_${env}/${node.identity}/${kind}`, JSON.stringify(body), { qos: 0, retain: true });
};
const bizOf = (container: Json): Json => {
  const [bizName, bizVersion] = keyOf(container).split(':');
  return { bizName, ...(bizVersion ? { bizVersion } : {}), ...(container.image ? { bizUrl: container.image } : {}) };
};

function startNode(identity: string, told: BaseTold, aliveAt: number): void {
  if (nodes.has(identity)) return;
  const name = `vnode.${identity}.${env}`;
  const node: VNode = { identity, name, told, aliveAt, isOver: false, isTaken: false, pods: new Map() };
  nodes.set(identity, node);
  void keepLease(node);
}

/** A Lease that is there and another's, or has run out, is left alone for ever. */
async function keepLease(node: VNode): Promise<void> {
  while (!node.isOver) {
    const lease = await api.find(`${leases}/${node.name}`);
    let isLeader = false;
    if (lease === undefined) {
      isLeader = (await api.request('POST', leases, leaseOf(node.name, env, holder))).status < 300;
    } else if (
      lease.spec.holderIdentity === holder &&
      Date.parse(lease.spec.renewTime) + lease.spec.leaseDurationSeconds * 1_000 > Date.now()
    ) {
      const renewal = { spec: { renewTime: micros() } };
      isLeader = (await api.request('PATCH', `${leases}/${node.name}`, renewal, mergeType)).status < 300;
    }
    if (isLeader && !node.isTaken) await takeOver(node);
    await sleep(leaseEveryMs);
  }
}

async function takeOver(node: VNode): Promise<void> {
  node.isTaken = true;
  const own = nodeOf(node.name, env, node.told);
  const there = await api.find(`/api/v1/nodes/${node.name}`);
  if (there === undefined) await api.call('POST', '/api/v1/nodes', own);
  else await api.call('PATCH', `/api/v1/nodes/${node.name}/status`, nodePatchOf(there, own), strategicType);
  await sleep(200);
  for (const channel of ['health', 'simpleBiz', 'biz', 'bizOperation', 'batchInstallBizResponse']) {
    await client.subscribeAsync(`koupleless_${env}/${node.identity}/base/${channel}`, { qos: 1 });
  }
  for (const [key, pod] of cachedPods) {
    if (pod.spec.nodeName === node.name && !node.pods.has(key)) createPod(node, pod);
  }
  every(node, 10_000, () => command(node, 'health', {}));
  every(node, 15_000, () => command(node, 'queryAllBiz', {}));
  every(node, 3_000, () => {
    if (Date.now() - node.aliveAt > deadAfterMs) void remove(node);
  });
}

function every(node: VNode, periodMs: number, act: () => void): void {
  act();
  const timer = setInterval(() => (node.isOver ? clearInterval(timer) : act()), periodMs);
}

async function remove(node: VNode): Promise<void> {
  node.isOver = true;
  nodes.delete(node.identity);
  await api.request('DELETE', `/api/v1/nodes/${node.name}`);
  await api.request('DELETE', `${leases}/${node.name}`);
}

/** Every Pod that is new to it is installed, whatever runs already. */
function createPod(node: VNode, pod: Json): void {
  if (['Succeeded', 'Failed'].includes(pod.status?.phase) || pod.metadata.deletionTimestamp !== undefined) return;
  node.pods.set(`${pod.metadata.namespace}/${pod.metadata.name}`, pod);
  for (const container of pod.spec.containers) command(node, 'installBiz', bizOf(container));
}

function podChanged({ type, object: pod }: Json): void {
  const { namespace, name, deletionTimestamp, deletionGracePeriodSeconds = 30 } = pod.metadata;
  const key = `${namespace}/${name}`;
  if (pod.spec.nodeName === undefined) return;
  if (type === 'DELETED') cachedPods.delete(key);
  else cachedPods.set(key, pod);
  const node = [...nodes.values()].find((one) => one.name === pod.spec.nodeName && one.isTaken);
  if (node === undefined) return;
  const known = node.pods.get(key);
  if (type !== 'DELETED' && deletionTimestamp === undefined) {
    if (known === undefined) createPod(node, pod);
    return;
  }
  if (known === undefined) return;
  node.pods.delete(key);
  for (const container of pod.spec.containers) command(node, 'uninstallBiz', bizOf(container));
  if (type === 'DELETED') return;
  const isRunning = pod.status?.containerStatuses?.some(({ state }: Json) => state?.running !== undefined) ?? false;
  void sleep(isRunning ? deletionGracePeriodSeconds * 1_000 : 0).then(() =>
    api.request('DELETE', `/api/v1/namespaces/${namespace}/pods/${name}?gracePeriodSeconds=0`),
  );
}

/** News of one module: to its Pod where it is fresher, or, where no Pod has it, an uninstall at once. */
async function bizChanged(node: VNode, told: BizTold): Promise<void> {
  const isOf = (pod: Json): boolean =>
    pod.spec.nodeName === node.name &&
    pod.spec.containers.some((one: Json) => one.image.includes('.jar') && keyOf(one) === told.key);
  const cached = [...cachedPods.entries()].filter(([, pod]) => isOf(pod)).at(-1);
  if (cached === undefined) {
    const [bizName, bizVersion] = told.key.split(':');
    command(node, 'uninstallBiz', { bizName, bizVersion });
    return;
  }
  const [key, there] = cached;
  const known = node.pods.get(key);
  if (known === undefined || !isFresher(known, told)) return;
  const status = podStatusOf(known, node.told.ip, told);
  node.pods.set(key, { ...known, status });
  if (['Succeeded', 'Failed'].includes(there.status?.phase)) return;
  const write = (statusWrites.get(key) ?? Promise.resolve()).then(() => writeStatus(node, key));
  statusWrites.set(
    key,
    write.catch(() => undefined),
  );
  await write;
}

/** Writes what is known by now, which may be more than when the write was asked for. */
async function writeStatus(node: VNode, key: string): Promise<void> {
  const status = node.pods.get(key)?.status;
  const [namespace, name] = key.split('/');
  const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
  const now = await api.find(path);
  if (status === undefined || now === undefined) return;
  await api.request('PATCH', `${path}/status`, { status: mergePatch(now.status, status) }, mergeType);
}

async function listArrived(node: VNode, bizes: readonly BizTold[]): Promise<void> {
  const listed = new Set(bizes.map(({ key }) => key));
  const missing = [...node.pods.values()].flatMap((pod) =>
    pod.spec.containers
      .filter((one: Json) => !listed.has(keyOf(one)))
      .map((one: Json) => ({ key: keyOf(one), name: one.name, state: 'UNRESOLVED', changedAt: Date.now() })),
  );
  for (const told of [...bizes, ...missing]) await bizChanged(node, told);
}

function simpleBizOf({ name, version, state, latestStateRecord: record }: Json, publishedAt: number): BizTold {
  const isDated = (record?.changeTime ?? 0) > 0;
  const base = { key: `${name}:${version}`, name, state: state ?? '' };
  if (!isDated) return { ...base, changedAt: publishedAt };
  return { ...base, changedAt: record.changeTime, reason: record.reason, message: record.message };
}

function operationOf({ command: kind, bizName, bizVersion, response }: Json, publishedAt: number): BizTold {
  const isDone = response.code === 'SUCCESS';
  const state = !isDone ? 'BROKEN' : kind === 'installBiz' ? 'ACTIVATED' : 'STOPPED';
  const reason = `${bizName}:${bizVersion} ${kind} ${isDone ? 'succeed' : 'failed'}`;
  const base = { key: `${bizName}:${bizVersion}`, name: bizName, state, changedAt: publishedAt, reason };
  return { ...base, message: response.data?.message };
}

async function baselineAsked(identity: string, { clusterName }: Json): Promise<void> {
  const deployments = await api.items(
    `/apis/apps/v1/deployments?labelSelector=${encodeURIComponent(`${envLabel}=${env}`)}`,
  );
  const wanted = deployments.filter(({ metadata, spec }) => {
    const label = 'base.koupleless.io/cluster-name';
    return (metadata.labels?.[label] ?? spec.template.spec.nodeSelector?.[label]) === clusterName;
  });
  const bizes = wanted.flatMap(({ spec }) => spec.template.spec.containers.map(bizOf));
  client.publish(`koupleless_${env}/${identity}/base/baseline`, JSON.stringify(bizes), { qos: 1, retain: true });
}

async function heard(topic: string, text: string): Promise<void> {
  const { data, publishTimestamp: publishedAt } = JSON.parse(text);
  const [, identity = '', , channel] = topic.split('/');
  const node = nodes.get(identity);
  const isLate = publishedAt + expiredAfterMs <= Date.now();
  if (isLate && channel !== 'bizOperation') return;
  if (channel === 'heart') {
    const { baseMetadata, localIP, localHostName, state } = data;
    if (state?.toUpperCase() !== 'ACTIVATED') return node && remove(node);
    const { name, version, clusterName } = baseMetadata;
    if (node) node.aliveAt = Date.now();
    else startNode(identity, { name, version, clusterName, ip: localIP, hostName: localHostName }, Date.now());
  } else if (channel === 'queryBaseline') await baselineAsked(identity, data);
  else if (node === undefined) return;
  else if (channel === 'simpleBiz') {
    await listArrived(
      node,
      data.map((one: Json) => simpleBizOf(one, publishedAt)),
    );
  } else if (channel === 'bizOperation') await bizChanged(node, operationOf(data, publishedAt));
  else if (channel === 'health' && data.code === 'SUCCESS') {
    node.aliveAt = Date.now();
    const { jvm = {} } = data.data.healthData;
    const memory = { maxBytes: jvm['java max metaspace'] ?? -1, committedBytes: jvm['java committed metaspace'] ?? 0 };
    const there = await api.find(`/api/v1/nodes/${node.name}`);
    // Each health answer brings this label.
    const labels = { ...node.told.labels, 'base.koupleless.io/stack': 'java' };
    const own = nodeOf(node.name, env, { ...node.told, labels });
    const status = nodeStatusOf(node.told, memory);
    const path = `/api/v1/nodes/${node.name}/status`;
    if (there) await api.request('PATCH', path, nodePatchOf(there, { ...own, status }), strategicType);
  }
}

const selecting = (labels: string): string => `labelSelector=${encodeURIComponent(labels)}`;
await follow(api, `/api/v1/pods?${selecting(`${componentLabel}=module`)}`, podChanged);
for (const { metadata, status, spec } of await api.items(
  `/api/v1/nodes?${selecting(`${componentLabel}=vnode,${envLabel}=${env}`)}`,
)) {
  const { labels } = metadata;
  const address = (type: string): string => status.addresses?.find((one: Json) => one.type === type)?.address ?? '';
  const [name, version] = [labels['base.koupleless.io/name'], labels['base.koupleless.io/version']];
  const clusterName = labels['base.koupleless.io/cluster-name'];
  const told = { name, version, clusterName, ip: address('InternalIP'), hostName: address('Hostname') };
  startNode(metadata.name.split('.').slice(1, -1).join('.'), { ...told, labels, taints: spec.taints ?? [] }, 0);
}
client.on('message', (topic, payload) => {
  heard(topic, payload.toString()).catch((error: unknown) => console.error(topic, error));
});
await client.subscribeAsync([`koupleless_${env}/+/base/heart`, `koupleless_${env}/+/base/queryBaseline`], { qos: 1 });
console.log('all tunnels are ready');
// It ends as it ends: nothing is handed back or cleaned up.
process.on('SIGTERM', () => process.exit(0));
