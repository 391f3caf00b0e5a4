/** Load on a Kubernetes API, real or embedded: the same requests from the same client, 32 at a time. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type Json, makeNamespace, openApi, type TestApi } from '../tests/support/api.ts';
import { waitFor } from '../tests/support/wait.ts';
import { quantile } from './report.ts';

export const connections = 32;
const podsInAll = 10_000;
const patches = 6_000;
const leases = 500;
const watchers = 1_000;
const strategic = 'application/strategic-merge-patch+json';
const merge = 'application/merge-patch+json';

/** A cluster to measure. */
export interface Target {
  readonly name: string;
  readonly kubeconfig: string;
  /** Milliseconds from the start of its process to the first answer, where this run started it. */
  readonly startMs?: number;
  /** Process whose CPU and memory are told. */
  readonly pid?: number | undefined;
  stop(): Promise<void>;
}

/** What one target took. Rates are per second, CPU is of the server's process. */
export interface Load {
  readonly applyMs: number | undefined;
  readonly creates: Rate;
  readonly statusPatches: Rate;
  readonly leasePatches: Rate;
  readonly list: { readonly ms: number; readonly bytes: number };
  /** From the request of a change to the last of 1,000 watchers. */
  readonly fanOutMs: number;
}

export interface Rate {
  readonly perSecond: number;
  readonly cpuMsEach: number | undefined;
}

/** Milliseconds of CPU that a process has used. */
export function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Resident memory of a process, MB. */
export function residentMbOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[21]) * 4096) / 1e6;
}

/** Does `work` for each index below `count`, so many at a time. */
export async function inParallel(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: connections }, worker));
}

export async function measureLoad(target: Target): Promise<Load> {
  const api = openApi(target.kubeconfig);
  const namespace = `bench-load-${process.pid}`;
  try {
    await makeNamespace(api, namespace);
    const rateOf = async (count: number, work: (index: number) => Promise<unknown>): Promise<Rate> => {
      const cpuBefore = target.pid === undefined ? 0 : cpuMsOf(target.pid);
      const startedAt = performance.now();
      await inParallel(count, work);
      const seconds = (performance.now() - startedAt) / 1_000;
      const cpuMs = target.pid === undefined ? undefined : (cpuMsOf(target.pid) - cpuBefore) / count;
      return { perSecond: count / seconds, cpuMsEach: cpuMs };
    };
    const pods = `/api/v1/namespaces/${namespace}/pods`;
    const leasesPath = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
    const creates = await rateOf(podsInAll, (index) => api.call('POST', pods, podOf(`p${index}`)));
    const statusPatches = await rateOf(patches, (index) =>
      api.call('PATCH', `${pods}/p${index % podsInAll}/status`, statusOf(index), strategic),
    );
    await inParallel(leases, (index) => api.call('POST', leasesPath, leaseOf(`l${index}`)));
    const leasePatches = await rateOf(patches, (index) =>
      api.call('PATCH', `${leasesPath}/l${index % leases}`, { spec: { renewTime: microTime() } }, merge),
    );
    const list = await measureList(api, pods);
    const fanOutMs = await measureFanOut(target.kubeconfig, namespace);
    const applyMs = measureApply(target.kubeconfig, namespace);
    return { applyMs, creates, statusPatches, leasePatches, list, fanOutMs };
  } finally {
    await api.request('DELETE', `/api/v1/namespaces/${namespace}`);
    await api.close();
  }
}

async function measureList(api: TestApi, pods: string): Promise<Load['list']> {
  const spans: number[] = [];
  let bytes = 0;
  for (let round = 0; round < 3; round++) {
    const startedAt = performance.now();
    // As text: what the client makes of it is not the server's time.
    const answer = await api.request('GET', pods, undefined, undefined, 'application/json');
    spans.push(performance.now() - startedAt);
    bytes = JSON.stringify(answer.body).length;
  }
  return { ms: quantile(spans, 0.5), bytes };
}

async function measureFanOut(kubeconfig: string, namespace: string): Promise<number> {
  const apis = Array.from({ length: Math.ceil(watchers / connections) + 1 }, () => openApi(kubeconfig));
  const [writer, ...readers] = apis;
  if (writer === undefined) throw new Error('no client');
  const path = `/api/v1/namespaces/${namespace}/configmaps`;
  const stops: Array<() => void> = [];
  const seen = new Map<string, number>();
  const spans: number[] = [];
  try {
    await inParallel(watchers, async (index) => {
      const reader = readers[index % readers.length] ?? writer;
      const watch = await reader.watch(path, ({ object }: Json) => {
        const { name } = object.metadata;
        seen.set(name, (seen.get(name) ?? 0) + 1);
      });
      stops.push(watch.stop);
    });
    for (let round = 0; round < 10; round++) {
      const name = `told-${round}`;
      const startedAt = performance.now();
      await writer.call('POST', path, { metadata: { name }, data: { text: 'x'.repeat(1_000) } });
      await new Promise<void>((resolve) => {
        const look = (): void => {
          if (seen.get(name) === watchers) resolve();
          else setImmediate(look);
        };
        look();
      });
      spans.push(performance.now() - startedAt);
    }
  } finally {
    for (const stop of stops) stop();
    await Promise.all(apis.map((api) => api.close()));
  }
  return quantile(spans, 0.5);
}

/** kubectl on PATH, one ConfigMap; its process included. Undefined without kubectl. */
function measureApply(kubeconfig: string, namespace: string): number | undefined {
  const spans: number[] = [];
  for (let round = 0; round < 5; round++) {
    const manifest = JSON.stringify({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'applied', namespace },
      data: { round: String(round) },
    });
    const startedAt = performance.now();
    try {
      execFileSync('kubectl', ['--kubeconfig', kubeconfig, 'apply', '-f', '-'], { input: manifest, stdio: 'pipe' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    spans.push(performance.now() - startedAt);
  }
  return quantile(spans, 0.5);
}

/** Waits for the first answer. @returns milliseconds since `startedAt` */
export async function firstAnswer(kubeconfig: string, startedAt: number): Promise<number> {
  const at = await waitFor('the first answer', async () => {
    const api = openApi(kubeconfig);
    const { status } = await api.request('GET', '/api/v1/namespaces/default').finally(() => api.close());
    return status === 200 && performance.now();
  });
  return at - startedAt;
}

/** A module's Pod, waiting for a scheduler that is not there: nobody but the load touches it. */
export function podOf(name: string, nodeName?: string): Json {
  return {
    metadata: { name, labels: { app: name, 'module-controller.koupleless.io/component': 'module' } },
    spec: {
      ...(nodeName === undefined ? { schedulerName: 'nobody' } : { nodeName }),
      containers: [
        { name, image: `https://modules.example.com/${name}-1.jar`, env: [{ name: 'BIZ_VERSION', value: '1' }] },
      ],
      tolerations: [{ key: 'schedule.koupleless.io/virtual-node', operator: 'Exists', effect: 'NoExecute' }],
    },
  };
}

function statusOf(index: number): Json {
  const at = new Date(1.7e12 + index * 1_000).toISOString().replace(/\.\d+/, '');
  const condition = (type: string): Json => ({ type, status: 'True', lastTransitionTime: at });
  return {
    status: {
      phase: 'Running',
      startTime: at,
      podIP: '10.0.0.1',
      conditions: ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map(condition),
      containerStatuses: [
        { name: 'c', image: 'x', imageID: '', ready: true, restartCount: 0, state: { running: { startedAt: at } } },
      ],
    },
  };
}

const microTime = (): string => new Date().toISOString().replace('Z', '000Z');

function leaseOf(name: string): Json {
  return { metadata: { name }, spec: { holderIdentity: 'bench', leaseDurationSeconds: 40, renewTime: microTime() } };
}
