/**
 * A whole world for one test: a cluster (embedded, or the real one of TEST_KUBECONFIG), the controller with its embedded
 * broker, and simulated bases. Each world has an env, a namespace and a base name of its own, so that worlds share a real
 * cluster without meeting. Everything ends with `stop()`, also after a failure.
 */
import { randomBytes } from 'node:crypto';
import { type BaseOptions, type LoggedCommand, type SimulatedBase, startBase } from '@kouplet/base';
import { AedesTunnel } from '@kouplet/broker';
import { type Controller, type ControllerOptions, openLog, startController } from '@kouplet/controller';
import { defaultTimings, nodeNameOf, type Policy, type Timings } from '@kouplet/core';
import { type ClusterAccess, loadCluster } from '@kouplet/kube';
import type { BaseId } from '@kouplet/protocol';
import { type Json, makeNamespace, type TestApi } from './api.ts';
import { installChart } from './chart.ts';
import { openCluster, type TestCluster } from './cluster.ts';
import { waitFor } from './wait.ts';

export interface WorldOptions {
  /** How many bases, or each one's own options. Default 1. */
  readonly bases?: number | ReadonlyArray<Partial<BaseOptions>>;
  readonly policy?: Partial<Omit<Policy, 'timings'>>;
  readonly timings?: Partial<Timings>;
  readonly hasPeers?: boolean;
  /** Logs of modules are served: what a chart of this world grants, too. */
  readonly hasLogs?: boolean;
  /** A cluster that the caller opened and ends; default: one of its own. */
  readonly cluster?: TestCluster;
  /** The core's functions, for a test that makes one throw. */
  readonly core?: ControllerOptions['core'];
  /** Base name that samples ask for; default: unique in this world. */
  readonly baseName?: string;
  /** The kubeconfig that the controller gets, where it must take another way to the API (a proxy) than the test. */
  readonly controllerKubeconfig?: string;
  /** Runs the controller in another way than in this process; `policy` and `timings` are then its own. */
  readonly openController?: (settings: ControllerSettings) => Promise<OpenedController>;
}

/** What a controller of this world must be told. */
export interface ControllerSettings {
  readonly kubeconfig: string;
  readonly env: string;
  readonly namespace: string;
  readonly holderIdentity: string;
  /** Where it listened before, 0 at first. */
  readonly mqttPort: number;
}

export interface OpenedController {
  /** Where bases connect. */
  readonly mqttPort: number;
  stop(): Promise<void>;
}

export interface World {
  readonly api: TestApi;
  readonly cluster: TestCluster;
  readonly env: string;
  readonly namespace: string;
  readonly baseName: string;
  readonly bases: SimulatedBase[];
  readonly mqttPort: number;
  /** @throws where it does not run in this process */
  readonly controller: Controller;
  /** The n-th base. */
  base(index?: number): SimulatedBase;
  nodeOf(base: SimulatedBase): string;
  addBase(options?: Partial<BaseOptions>): Promise<SimulatedBase>;
  /** Installs and uninstalls that reached a base, in order: `installBiz biz1:0.0.1`. */
  commands(base?: SimulatedBase): string[];
  /** Ends the controller and its broker cleanly. */
  stopController(): Promise<void>;
  /** Starts another one on the same port, as a restarted process would. */
  startController(): Promise<void>;
  createPod(name: string, options?: PodOptions): Promise<Json>;
  pod(name: string): Promise<Json | undefined>;
  node(base?: SimulatedBase): Promise<Json | undefined>;
  /** Waits until a Pod is Ready, and answers it. */
  podReady(name: string, deadlineMs?: number): Promise<Json>;
  podGone(name: string, deadlineMs?: number): Promise<void>;
  nodeReady(base?: SimulatedBase, deadlineMs?: number): Promise<Json>;
  deletePod(name: string, options?: Json): Promise<void>;
  /** Another image for a container of a live Pod. */
  setImage(pod: string, image: string, container?: string): Promise<void>;
  stop(): Promise<void>;
}

export interface PodOptions {
  readonly base?: SimulatedBase;
  readonly bizes?: ReadonlyArray<{ readonly name: string; readonly version?: string; readonly url?: string }>;
  readonly labels?: Record<string, string>;
  /** Merged into the Pod's spec. */
  readonly spec?: Json;
}

export const moduleLabel = { 'module-controller.koupleless.io/component': 'module' };
export const moduleToleration = { key: 'schedule.koupleless.io/virtual-node', operator: 'Exists', effect: 'NoExecute' };

export function urlOf(name: string, version: string, query = ''): string {
  return `https://modules.example.com/${name}-${version}-ark-biz.jar${query}`;
}

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const id = `t${randomBytes(3).toString('hex')}`;
  const ends: Array<() => Promise<void>> = [];
  try {
    return await buildWorld(id, options, ends);
  } catch (error) {
    for (const end of ends.reverse()) await end().catch(() => undefined);
    throw error;
  }
}

async function buildWorld(id: string, options: WorldOptions, ends: Array<() => Promise<void>>): Promise<World> {
  const cluster = options.cluster ?? (await openCluster());
  if (options.cluster === undefined) ends.push(() => cluster.stop());
  const { api } = cluster;
  const env = id;
  const namespace = `kouplet-${id}`;
  const baseName = options.baseName ?? `base-${id}`;
  await makeNamespace(api, namespace);
  ends.push(async () => {
    if (cluster.isReal) await cleanUp(api, env, namespace);
  });
  let kubeconfig = options.controllerKubeconfig ?? cluster.kubeconfig;
  if (process.env.TEST_CHART && options.controllerKubeconfig === undefined) {
    // The controller is then who the Helm chart makes it, with exactly those rights.
    const chart = await installChart(api, namespace, {
      peerDeployments: { enabled: options.hasPeers ?? false },
      logs: { enabled: options.hasLogs ?? false },
    });
    ends.push(chart.remove);
    ({ kubeconfig } = chart);
  }
  const access: ClusterAccess = await loadCluster({ kubeconfig });
  ends.push(async () => access.close());

  const policy: Policy = {
    env,
    holderIdentity: `holder-${id}`,
    namespace,
    kubeletVersion: 'v1.34.0-kouplet.0.1.0',
    hasEnvTaint: false,
    hasOsLabels: false,
    unmanagedModules: 'report',
    goneAfterMs: 60_000,
    hasSessions: true,
    ...options.policy,
    timings: { ...defaultTimings, ...options.timings },
  };
  let mqttPort = 0;
  const log = openLog({ level: process.env.TEST_LOG ? 'debug' : 'silent' }).log;
  let inProcess: Controller | undefined;
  const openHere = async (): Promise<OpenedController> => {
    const tunnel = new AedesTunnel({ env, port: mqttPort });
    const controller = await startController({
      policy,
      tunnel,
      access,
      userAgent: 'kouplet/test',
      log,
      http: { host: '127.0.0.1', port: 0 },
      ...(options.core === undefined ? {} : { core: options.core }),
      ...(options.hasPeers === undefined ? {} : { hasPeers: options.hasPeers }),
    });
    inProcess = controller;
    await controller.ready;
    return { mqttPort: tunnel.broker?.port ?? 0, stop: () => controller.stop() };
  };
  let opened: OpenedController | undefined;
  const open = async (): Promise<void> => {
    const { holderIdentity } = policy;
    const settings = { kubeconfig, env, namespace, holderIdentity, mqttPort };
    opened = await (options.openController?.(settings) ?? openHere());
    mqttPort = opened.mqttPort;
  };

  const bases: SimulatedBase[] = [];
  ends.push(async () => opened?.stop());
  ends.push(async () => {
    await Promise.all(bases.map((base) => base.stop()));
  });
  await open();
  const world: World = {
    api,
    cluster,
    env,
    namespace,
    baseName,
    bases,
    get mqttPort() {
      return mqttPort;
    },
    get controller() {
      if (inProcess === undefined) throw new Error('the controller does not run in this process');
      return inProcess;
    },
    base: (index = 0) => {
      const base = bases[index];
      if (base === undefined) throw new Error(`there is no base ${index}`);
      return base;
    },
    nodeOf: (base) => nodeNameOf(base.identity as BaseId, env),
    addBase: async (own = {}) => {
      const base = await startBase({
        broker: `mqtt://127.0.0.1:${mqttPort}`,
        index: bases.length,
        identity: `b${bases.length + 1}`,
        env,
        name: baseName,
        version: '1.1.1',
        ...own,
      });
      bases.push(base);
      return base;
    },
    commands: (base) => (base ?? world.base()).log.filter(isOperation).map((one) => `${one.command} ${one.key}`),
    stopController: async () => opened?.stop(),
    startController: open,
    createPod: (name, own = {}) => api.call('POST', `/api/v1/namespaces/${namespace}/pods`, podBody(world, name, own)),
    pod: (name) => api.find(`/api/v1/namespaces/${namespace}/pods/${name}`),
    node: (base) => api.find(`/api/v1/nodes/${world.nodeOf(base ?? world.base())}`),
    podReady: (name, deadlineMs = 10_000) =>
      waitFor(
        `Pod ${name} is Ready`,
        async () => {
          const pod = await world.pod(name);
          if (conditionOf(pod, 'Ready')?.status === 'True') return pod;
          throw new Error(JSON.stringify(pod?.status ?? 'there is no such Pod'));
        },
        deadlineMs,
      ),
    podGone: async (name, deadlineMs = 10_000) => {
      await waitFor(`Pod ${name} is gone`, async () => (await world.pod(name)) === undefined, deadlineMs);
    },
    nodeReady: (base, deadlineMs = 10_000) =>
      waitFor(
        'the Node is Ready',
        async () => {
          const node = await world.node(base);
          if (conditionOf(node, 'Ready')?.status === 'True') return node;
          throw new Error(JSON.stringify(node?.status?.conditions ?? 'there is no such Node'));
        },
        deadlineMs,
      ),
    deletePod: async (name, body = {}) => {
      await api.call('DELETE', `/api/v1/namespaces/${namespace}/pods/${name}`, {
        kind: 'DeleteOptions',
        apiVersion: 'v1',
        ...body,
      });
    },
    setImage: async (name, image, container = 'biz1') => {
      const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
      const body = { spec: { containers: [{ name: container, image }] } };
      await api.call('PATCH', path, body, 'application/strategic-merge-patch+json');
    },
    stop: async () => {
      for (const end of ends.reverse()) await end();
    },
  };
  const wanted =
    typeof options.bases === 'number' ? Array.from({ length: options.bases }, () => ({})) : (options.bases ?? [{}]);
  for (const own of wanted) await world.addBase(own);
  await Promise.all(bases.map((base) => world.nodeReady(base, 20_000)));
  return world;
}

const isOperation = (one: LoggedCommand): boolean => one.command === 'installBiz' || one.command === 'uninstallBiz';

export function conditionOf(object: Json | undefined, type: string): Json | undefined {
  return object?.status?.conditions?.find((one: Json) => one.type === type);
}

/** `reason: message` of a container that waits or has ended; undefined while it runs. */
export function reasonOf(pod: Json, container = 0): string | undefined {
  const state = pod?.status?.containerStatuses?.[container]?.state;
  const why = state?.waiting ?? state?.terminated;
  return why === undefined ? undefined : `${why.reason}: ${why.message ?? ''}`;
}

/** Events about an object, oldest first: `Normal Installed …`. */
export async function eventsOf(world: World, name: string, namespace = world.namespace): Promise<string[]> {
  const items = await world.api.items(
    `/api/v1/namespaces/${namespace}/events?fieldSelector=${encodeURIComponent(`involvedObject.name=${name}`)}`,
  );
  return items.map((event) => `${event.type} ${event.reason} ${event.message}`);
}

function podBody(world: World, name: string, options: PodOptions): Json {
  const bizes = options.bizes ?? [{ name: 'biz1' }];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { ...moduleLabel, ...options.labels } },
    spec: {
      containers: bizes.map(({ name: biz, version = '0.0.1', url }) => ({
        name: biz,
        image: url ?? urlOf(biz, version),
        env: [{ name: 'BIZ_VERSION', value: version }],
      })),
      tolerations: [moduleToleration],
      ...(options.base === undefined
        ? { nodeSelector: { 'base.koupleless.io/name': world.baseName } }
        : { nodeName: world.nodeOf(options.base) }),
      ...options.spec,
    },
  };
}

/** Takes a world's traces off a cluster that others use: its Nodes, their Leases, its namespace. */
async function cleanUp(api: TestApi, env: string, namespace: string): Promise<void> {
  const selector = encodeURIComponent(`virtual-kubelet.koupleless.io/env=${env}`);
  await api.request('DELETE', `/api/v1/nodes?labelSelector=${selector}`);
  await api.request(
    'DELETE',
    `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases?labelSelector=${selector}`,
  );
  for (const pod of await api.items(`/api/v1/namespaces/${namespace}/pods`)) {
    await api.request('DELETE', `/api/v1/namespaces/${namespace}/pods/${pod.metadata.name}?gracePeriodSeconds=0`);
  }
  await api.request('DELETE', `/api/v1/namespaces/${namespace}`);
}
