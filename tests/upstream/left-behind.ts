/**
 * What ModuleController v2.2.0 leaves behind when it is stopped, put there object by object and field by field: Nodes, Leases that it
 * renewed until then, Pods with its form of a status, retained commands and baselines at the broker. Modules run already.
 */
import type { SimulatedBase } from '@kouplet/base';
import mqtt from 'mqtt';
import type { Json, TestApi } from '../support/api.ts';
import { follow } from '../support/follow.ts';
import { freePort, type Running, startKouplet } from '../support/processes.ts';
import { waitFor } from '../support/wait.ts';
import { conditionOf, urlOf, type World } from '../support/world.ts';

const leasesPath = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
const micros = (): string => new Date().toISOString().replace('Z', '000Z');
const seconds = (): string => `${new Date().toISOString().slice(0, 19)}Z`;

/** What its samples put into a Pod: today's label, both tolerations, the base chosen by nodeAffinity. */
export function upstreamPodSpec(world: World, bizes: readonly string[]): Json {
  return {
    containers: bizes.map((biz) => ({
      name: biz,
      image: urlOf(biz, '0.0.1'),
      env: [{ name: 'BIZ_VERSION', value: '0.0.1' }],
    })),
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: 'base.koupleless.io/name', operator: 'In', values: [world.baseName] }] },
          ],
        },
      },
    },
    tolerations: ['schedule.koupleless.io/virtual-node', 'schedule.koupleless.io/node-env'].map((key) => ({
      key,
      operator: 'Exists',
      effect: 'NoExecute',
    })),
  };
}

export const upstreamModuleLabel = { 'virtual-kubelet.koupleless.io/component': 'module' };

/** A Node as it registers one, with the status of its last health answer. */
function nodeOf(world: World, base: SimulatedBase): Json {
  const { ip: localIP, hostName: localHostName } = base.facts;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: world.nodeOf(base),
      labels: {
        type: 'virtual-kubelet',
        'kubernetes.io/role': 'agent',
        'kubernetes.io/hostname': localHostName,
        'virtual-kubelet.koupleless.io/component': 'vnode',
        'virtual-kubelet.koupleless.io/env': world.env,
        'base.koupleless.io/name': base.facts.name,
        'base.koupleless.io/version': base.facts.version,
        'base.koupleless.io/cluster-name': base.facts.clusterName,
        'base.koupleless.io/host-name': localHostName,
      },
    },
    spec: {
      taints: [
        { key: 'schedule.koupleless.io/virtual-node', value: 'True', effect: 'NoExecute' },
        { key: 'schedule.koupleless.io/node-env', value: world.env, effect: 'NoExecute' },
      ],
    },
    status: {
      phase: 'Running',
      addresses: [
        { type: 'InternalIP', address: localIP },
        { type: 'Hostname', address: localHostName },
      ],
      // No limit of metaspace is known: it says that there is none at all.
      capacity: { pods: '65535', memory: '0' },
      allocatable: { pods: '65535', memory: '0' },
      conditions: [
        ['Ready', 'True'],
        ['MemoryPressure', 'False'],
        ['DiskPressure', 'False'],
        ['PIDPressure', 'False'],
        ['NetworkUnavailable', 'False'],
      ].map(([type, status]) => ({ type, status, lastHeartbeatTime: seconds(), lastTransitionTime: null })),
    },
  };
}

function leaseOf(world: World, base: SimulatedBase, clientId: string, durationSeconds: number): Json {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: {
      name: world.nodeOf(base),
      namespace: 'kube-node-lease',
      labels: {
        'virtual-kubelet.koupleless.io/component': 'vnode-lease',
        'virtual-kubelet.koupleless.io/env': world.env,
      },
    },
    spec: { holderIdentity: clientId, leaseDurationSeconds: durationSeconds, renewTime: micros() },
  };
}

/** The status that it patches once every module is ACTIVATED: no times, no hostIP, two conditions. */
export async function writeUpstreamStatus(world: World, pod: Json, base: SimulatedBase): Promise<void> {
  const { ip: localIP } = base.facts;
  const status = {
    phase: 'Running',
    podIP: localIP,
    podIPs: [{ ip: localIP }],
    conditions: ['Ready', 'ContainersReady'].map((type) => ({
      type,
      status: 'True',
      lastProbeTime: seconds(),
      lastTransitionTime: null,
    })),
    containerStatuses: pod.spec.containers.map(({ name, image }: Json) => ({
      name,
      image,
      containerID: name,
      imageID: image,
      ready: true,
      started: true,
      restartCount: 0,
      lastState: {},
      state: { running: { startedAt: seconds() } },
    })),
  };
  const path = `/api/v1/namespaces/${world.namespace}/pods/${pod.metadata.name}/status`;
  await world.api.call('PATCH', path, { status }, 'application/merge-patch+json');
}

export interface Upstream {
  /** It ends as it ends: nothing is handed back or cleaned up. */
  stop(): void;
}

/**
 * Nodes and Leases of these bases, the Leases renewed every 10 s until the stop, as v2.2.0 does.
 *
 * @param durationSeconds  40 in truth
 */
export async function startUpstream(
  world: World,
  clientId: string,
  { durationSeconds = 40 }: { readonly durationSeconds?: number } = {},
): Promise<Upstream> {
  for (const base of world.bases) {
    await world.api.call('POST', leasesPath, leaseOf(world, base, clientId, durationSeconds));
    await world.api.call('POST', '/api/v1/nodes', nodeOf(world, base));
    await world.nodeReady(base);
  }
  const timer = setInterval(
    () => {
      for (const base of world.bases) {
        const body = { spec: { renewTime: micros() } };
        const path = `${leasesPath}/${world.nodeOf(base)}`;
        void world.api.request('PATCH', path, body, 'application/merge-patch+json').catch(() => undefined);
      }
    },
    (durationSeconds * 1_000) / 4,
  );
  return { stop: () => clearInterval(timer) };
}

/** Modules of a Pod run on its base, as they do since upstream had them installed, and its status says so. */
export async function runAsBefore(world: World, pod: Json): Promise<void> {
  const base = world.bases.find((one) => world.nodeOf(one) === pod.spec.nodeName);
  if (base === undefined) throw new Error(`Pod ${pod.metadata.name} is on no base`);
  for (const { name, image } of pod.spec.containers) base.faults.operateAside(name, '0.0.1', image);
  await writeUpstreamStatus(world, pod, base);
}

/** Upstream's variables, as its samples set them. */
export function upstreamEnvironment(
  world: World,
  brokerPort: number,
  clientId: string | undefined,
): Record<string, string> {
  return {
    KUBECONFIG: world.api.kubeconfig,
    ENABLE_MQTT_TUNNEL: 'true',
    ENABLE_HTTP_TUNNEL: 'false',
    MQTT_BROKER: '127.0.0.1',
    MQTT_PORT: String(brokerPort),
    MQTT_USERNAME: 'test',
    MQTT_PASSWORD: 'public',
    MQTT_CLIENT_PREFIX: 'koupleless',
    NAMESPACE: world.namespace,
    ENV: world.env,
    IS_CLUSTER: 'true',
    WORKLOAD_MAX_LEVEL: '3',
    VNODE_WORKER_NUM: '8',
    ...(clientId === undefined ? {} : { CLIENT_ID: clientId }),
  };
}

/** `kouplet controller` with nothing but upstream's variables (and where its own HTTP server listens). */
export async function startInItsPlace(
  world: World,
  brokerPort: number,
  clientId: string | undefined,
  more: Readonly<Record<string, string>> = {},
): Promise<Running & { readonly http: string }> {
  const httpPort = await freePort();
  const started = startKouplet(['controller'], {
    ...upstreamEnvironment(world, brokerPort, clientId),
    KOUPLET_HTTP: `127.0.0.1:${httpPort}`,
    ...more,
  });
  const http = `http://127.0.0.1:${httpPort}`;
  await waitFor(
    'the controller is ready',
    async () => {
      if (started.child.exitCode !== null) throw new Error(`it ended: ${started.stdout()}${started.stderr()}`);
      return (await fetch(`${http}/readyz`)).ok;
    },
    60_000,
  );
  return { ...started, http };
}

/** Commands and a baseline as v2.2.0 publishes them: retained. */
export async function publishRetained(
  brokerUrl: string,
  messages: Readonly<Record<string, unknown>>,
): Promise<{ readonly topics: readonly string[] }> {
  const client = await mqtt.connectAsync(brokerUrl);
  try {
    for (const [topic, body] of Object.entries(messages)) {
      await client.publishAsync(topic, JSON.stringify(body), { retain: true, qos: 1 });
    }
  } finally {
    await client.endAsync(true);
  }
  return { topics: Object.keys(messages) };
}

/** What a broker still keeps on these topics. */
export async function retainedOn(brokerUrl: string, topics: readonly string[]): Promise<string[]> {
  const probe = await mqtt.connectAsync(brokerUrl);
  const seen: string[] = [];
  probe.on('message', (topic, payload, packet) => {
    if (packet.retain && payload.length > 0) seen.push(topic);
  });
  try {
    await probe.subscribeAsync([...topics]);
    // What is retained comes right behind the SUBACK; an answer to a publish of our own comes after it.
    await probe.publishAsync('kouplet-tests/probe', '', { qos: 1 });
  } finally {
    await probe.endAsync();
  }
  return seen.toSorted();
}

/**
 * Watches what nobody may notice: a Node that goes, a Ready that changes. Lines about each, from now on.
 *
 * @param except  a Pod of which it may
 */
export async function watchUnnoticed(
  world: World,
  except: string,
): Promise<{ readonly lines: () => string[]; stop(): void }> {
  const lines: string[] = [];
  const shown = new Map<string, string>();
  const look = ({ type, object }: Json): void => {
    const { kind, metadata } = object;
    if ((kind !== 'Node' && kind !== 'Pod') || metadata.name === except) return;
    if (type === 'DELETED') lines.push(`${kind} ${metadata.name} is deleted`);
    const key = `${kind} ${metadata.name} ${metadata.uid}`;
    const ready: string = conditionOf(object, 'Ready')?.status ?? 'none';
    const before = shown.get(key);
    if (before !== undefined && before !== ready) lines.push(`${kind} ${metadata.name}: ${before} → ${ready}`);
    shown.set(key, ready);
  };
  const selector = encodeURIComponent(`virtual-kubelet.koupleless.io/env=${world.env}`);
  const watches = [
    await follow(world.api, `/api/v1/nodes?labelSelector=${selector}`, look),
    await follow(world.api, `/api/v1/namespaces/${world.namespace}/pods`, look),
  ];
  return {
    lines: () => [...lines],
    stop: () => {
      for (const watch of watches) watch.stop();
    },
  };
}

export async function leaseHolders(world: World): Promise<Record<string, string>> {
  const selector = encodeURIComponent(`virtual-kubelet.koupleless.io/env=${world.env}`);
  const leases = await world.api.items(`${leasesPath}?labelSelector=${selector}`);
  return Object.fromEntries(leases.map(({ metadata, spec }: Json) => [metadata.name, spec.holderIdentity ?? '']));
}

export type { TestApi };
