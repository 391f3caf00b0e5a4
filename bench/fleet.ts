/**
 * A fleet to measure on: the controller as a process of its own against any cluster, simulated bases and the load in this
 * process. One clock for all that is compared: this process' own, for commands, watch lines and requests are all seen here.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type Fleet, startFleet } from '@kouplet/base';
import { type Json, openApi, type TestApi } from '../tests/support/api.ts';
import { waitFor } from '../tests/support/wait.ts';

const kouplet = fileURLToPath(new URL('../packages/kouplet/src/main.ts', import.meta.url));

const profiles = process.env.KOUPLET_BENCH_PROFILE;

/** Milliseconds since the epoch, to the microsecond. */
export const nowMs = (): number => performance.timeOrigin + performance.now();

export interface BenchFleet {
  readonly api: TestApi;
  readonly fleet: Fleet;
  readonly controller: ChildProcess;
  readonly env: string;
  readonly namespace: string;
  nodeOf(index: number): string;
  /** CPU milliseconds that the controller has used. */
  cpuMs(): number;
  /** Resident memory of the controller, MB. */
  residentMb(): number;
  /** A counter of /metrics, over all its labels or those that match. */
  counter(name: string, labels?: RegExp): Promise<number>;
  /** The same of several: to be counted once, as that costs the controller something with thousands of bases. */
  counters(...names: readonly string[]): Promise<readonly number[]>;
  stop(): Promise<void>;
}

/** @param command  what is run: the sources, or a file that was built */
export async function startKouplet(
  args: readonly string[],
  until: RegExp,
  command: string = kouplet,
): Promise<ChildProcess> {
  const child = spawn(process.execPath, [command, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-10_000);
      if (until.test(said)) resolve();
    });
    child.once('exit', (code) => reject(new Error(`kouplet ${args[0]} ended with ${code}: ${said}`)));
  });
  return child;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

export async function startBenchFleet(kubeconfig: string, bases: number): Promise<BenchFleet> {
  const env = `bench${process.pid}`;
  const namespace = `bench-${process.pid}`;
  const api = openApi(kubeconfig);
  await api.call('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
  const [mqttPort, httpPort] = [await freePort(), await freePort()];
  const controller = spawn(
    process.execPath,
    [
      // KOUPLET_BENCH_PROFILE=FOLDER: a CPU profile of the controller, written there when it ends
      ...(profiles === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profiles]),
      kouplet,
      'controller',
      '--kubeconfig',
      kubeconfig,
      '--listen',
      `127.0.0.1:${mqttPort}`,
      '--http',
      `127.0.0.1:${httpPort}`,
      '--env',
      env,
      '--namespace',
      namespace,
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const http = `http://127.0.0.1:${httpPort}`;
  await waitFor('the controller is ready', async () => (await fetch(`${http}/readyz`)).ok, 30_000);
  const fleet = await startFleet({
    broker: `mqtt://127.0.0.1:${mqttPort}`,
    count: bases,
    env,
    name: `base-${env}`,
    identityOf: (index) => `b${index}`,
    downloadMs: 0,
    startMs: 0,
    stopMs: 0,
    logLimit: 10_000,
    // A controller that comes back is measured, not Paho's 1, 2, 4 … 128 s.
    reconnectMaxMs: 1_000,
  });
  const metrics = async (): Promise<readonly string[]> => (await (await fetch(`${http}/metrics`)).text()).split('\n');
  const nodes = `/api/v1/nodes?labelSelector=${encodeURIComponent(`virtual-kubelet.koupleless.io/env=${env}`)}`;
  await waitFor(
    'every base is a Ready Node',
    async () => {
      const items = await api.items(nodes);
      const ready = items.filter((node) =>
        node.status.conditions?.some((one: Json) => one.type === 'Ready' && one.status === 'True'),
      );
      return ready.length === bases;
    },
    300_000,
  );
  return {
    api,
    fleet,
    controller,
    env,
    namespace,
    nodeOf: (index) => `vnode.b${index}.${env}`,
    cpuMs: () => cpuMsOf(controller.pid),
    residentMb: () => (Number(statOf(controller.pid)[21]) * 4096) / 1e6,
    counter: async (name, labels = /./) => sumOf(await metrics(), name, labels),
    counters: async (...names) => {
      const lines = await metrics();
      return names.map((name) => sumOf(lines, name, /./));
    },
    stop: async () => {
      await fleet.stop();
      controller.kill('SIGTERM');
      if (controller.exitCode === null && controller.signalCode === null) await once(controller, 'exit');
      await api.request('DELETE', nodes);
      await api.request('DELETE', `/api/v1/namespaces/${namespace}`);
      await api.close();
    },
  };
}

function sumOf(metrics: readonly string[], name: string, labels: RegExp): number {
  return metrics
    .filter((line) => (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) && labels.test(line))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

function statOf(pid: number | undefined): readonly string[] {
  return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
}

/** CPU milliseconds that a process has used: utime and stime, in ticks of 10 ms. */
export function cpuMsOf(pid: number | undefined): number {
  const stat = statOf(pid);
  return (Number(stat[11]) + Number(stat[12])) * 10;
}

/** Instants of one Pod, ms since the epoch as seen by this process. */
export interface PodTimes {
  createdAt: number;
  /** The watch line that shows it bound. */
  boundAt?: number;
  /** The install that reached its base; its answer leaves in the same turn. */
  commandAt?: number;
  readyAt?: number;
  deletedAt?: number;
  goneAt?: number;
}

/**
 * Follows all Pods of the namespace by a watch of its own. A server ends the watch of whom it finds too slow: it is then begun
 * anew, and said so, as what came in between was seen late.
 */
export async function followPods(bench: BenchFleet, times: ReadonlyMap<string, PodTimes>): Promise<() => void> {
  const path = `/api/v1/namespaces/${bench.namespace}/pods`;
  let watch = await bench.api.watch(path);
  let seen = 0;
  let isReopening = false;
  const take = (): void => {
    for (; seen < watch.events.length; seen++) {
      const { type, object, seenAt } = watch.events[seen];
      const one = times.get(object.metadata?.name);
      if (one === undefined) continue;
      if (type === 'DELETED') one.goneAt ??= seenAt;
      if (object.spec.nodeName !== undefined) one.boundAt ??= seenAt;
      if (object.status.conditions?.some((each: Json) => each.type === 'Ready' && each.status === 'True'))
        one.readyAt ??= seenAt;
    }
    if (!watch.ended() || isReopening) return;
    isReopening = true;
    console.log('  (the server ended the watch of Pods; begun anew)');
    reopen().finally(() => {
      isReopening = false;
    });
  };
  const reopen = async (): Promise<void> => {
    watch = await bench.api.watch(path);
    seen = 0;
    const present = new Set((await bench.api.items(path)).map((pod) => pod.metadata.name));
    for (const [name, one] of times) if (one.boundAt !== undefined && !present.has(name)) one.goneAt ??= nowMs();
  };
  const poll = setInterval(take, 20);
  return () => {
    clearInterval(poll);
    take();
    watch.stop();
  };
}

/** Fills in when each Pod's install reached its base: Pods carry the name of their one biz. */
export function takeCommands(bench: BenchFleet, times: ReadonlyMap<string, PodTimes>): void {
  for (const base of bench.fleet.bases) {
    for (const command of base.log) {
      if (command.command !== 'installBiz') continue;
      const one = times.get(command.key?.split(':')[0] ?? '');
      if (one !== undefined) one.commandAt ??= command.at;
    }
  }
}

export function modulePod(bench: BenchFleet, name: string, nodeName?: string): Json {
  return {
    metadata: { name, labels: { 'module-controller.koupleless.io/component': 'module' } },
    spec: {
      containers: [
        { name, image: `https://modules.example.com/${name}-1.jar`, env: [{ name: 'BIZ_VERSION', value: '1' }] },
      ],
      tolerations: [{ key: 'schedule.koupleless.io/virtual-node', operator: 'Exists', effect: 'NoExecute' }],
      ...(nodeName === undefined ? { nodeSelector: { 'base.koupleless.io/name': `base-${bench.env}` } } : { nodeName }),
    },
  };
}

/** Differences of two instants over all Pods that have both. */
export function spans(times: Iterable<PodTimes>, from: keyof PodTimes, to: keyof PodTimes): number[] {
  return [...times].flatMap((one) => {
    const [a, b] = [one[from], one[to]];
    return a === undefined || b === undefined ? [] : [b - a];
  });
}

/** How long status patches take one after the other on an otherwise idle server, ms each: the reference of a run. */
export async function patchesAlone(bench: BenchFleet, count: number): Promise<readonly number[]> {
  const path = `/api/v1/namespaces/${bench.namespace}/pods`;
  await bench.api.call('POST', path, modulePod(bench, 'reference', 'no-such-node'));
  const spansMs: number[] = [];
  for (let n = 0; n < count; n++) {
    const at = performance.now();
    const body = { status: { message: `${n}` } };
    await bench.api.call('PATCH', `${path}/reference/status`, body, 'application/strategic-merge-patch+json');
    spansMs.push(performance.now() - at);
  }
  return spansMs;
}
