/**
 * A large cluster: what the embedded API server needs of memory and time for 5,000 Nodes and 150,000 Pods, and how long the
 * controller takes to have a fleet again after it was killed. SCALE_BASES and SCALE_PODS (a base) choose the fleet's size: it
 * is brought on line for real before, by simulated bases in this process, and that takes most of the time.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { SimulatedBase } from '@kouplet/base';
import { startCluster } from '@kouplet/cluster';
import { openApi } from '../tests/support/api.ts';
import { inParallel, podOf, residentMbOf } from './api-load.ts';
import { cpuMsOf, modulePod, startBenchFleet, startKouplet } from './fleet.ts';
import type { Bench, Report } from './report.ts';

const nodes = 5_000;
const podsInAll = 150_000;
const small = 10_000;
const bases = Number(process.env.SCALE_BASES ?? 500);
const podsEach = Number(process.env.SCALE_PODS ?? 30);

export const bench: Bench = {
  name: 'scale',
  about: `${nodes} Nodes and ${podsInAll} Pods kept in a directory, and a controller that comes back to ${bases} bases with ${podsEach} modules each`,
  run: async (report) => {
    const folder = mkdtempSync(join(tmpdir(), 'kouplet-bench-'));
    try {
      await measureState(folder, small, 0, report);
      await measureState(folder, podsInAll, nodes, report);
      await measureColdStart(folder, report);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

/** Fills a directory in this process, and starts the command on it. */
async function measureState(folder: string, pods: number, withNodes: number, report: Report): Promise<void> {
  const dir = join(folder, `state-${pods}`);
  const name = `${pods} Pods and ${withNodes} Nodes`;
  const filling = await startCluster({ dir, controllers: false });
  const { api } = filling;
  for (let n = 0; n < withNodes; n++) {
    const object = { metadata: { name: `node-${n}` }, status: { allocatable: { pods: '2000' } } };
    api.create('nodes', object, { actor: 'bench' });
  }
  for (let n = 0; n < pods; n++) {
    const pod = podOf(`p${n}`, withNodes === 0 ? undefined : `node-${n % withNodes}`);
    api.create('pods', pod, { actor: 'bench', namespace: 'default' });
    // Lets the turn end, so that it is kept bit by bit.
    if (n % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await filling.close();
  report({ name: `${name}: on disk`, value: statSync(join(dir, 'cluster.db')).size / 1e6, unit: 'MB' });

  const kubeconfig = join(folder, 'kubeconfig');
  const startedAt = performance.now();
  const child = await startKouplet(['cluster', '--dir', dir, '--kubeconfig', kubeconfig], /ready/);
  const ended = once(child, 'exit');
  try {
    const aim = pods === small ? { aim: '≤ 2,000 ms' } : {};
    report({ name: `${name}: from start to ready`, value: performance.now() - startedAt, unit: 'ms', ...aim });
    report({ name: `${name}: memory of the server`, value: residentMbOf(child.pid ?? 0), unit: 'MB' });
    const api = openApi(kubeconfig);
    const listedAt = performance.now();
    const { status } = await api.request('GET', '/api/v1/pods?limit=500');
    if (status !== 200) throw new Error(`a list is answered ${status}`);
    report({ name: `${name}: a page of 500`, value: performance.now() - listedAt, unit: 'ms' });
    await api.close();
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}

async function measureColdStart(folder: string, report: Report): Promise<void> {
  const kubeconfig = join(folder, 'kubeconfig');
  const cluster = await startKouplet(['cluster', '--kubeconfig', kubeconfig], /ready/);
  const name = `${bases} bases, ${bases * podsEach} Pods`;
  try {
    const fleet = await startBenchFleet(kubeconfig, bases);
    try {
      const path = `/api/v1/namespaces/${fleet.namespace}/pods`;
      const startedAt = performance.now();
      await inParallel(bases * podsEach, (n) =>
        fleet.api.call('POST', path, modulePod(fleet, `m${n}`, fleet.nodeOf(n % bases))),
      );
      const onLine = async (): Promise<boolean> => {
        const { body } = await fleet.api.request('GET', `${path}?fieldSelector=status.phase%21%3DRunning&limit=1`);
        return body.items.length === 0;
      };
      while (!(await onLine())) await setTimeout(1_000);
      const seconds = (performance.now() - startedAt) / 1_000;
      report({ name: `${name}: brought on line`, value: (bases * podsEach) / seconds, unit: '/s' });
      report({ name: `${name}: memory of the cluster`, value: residentMbOf(cluster.pid ?? 0), unit: 'MB' });

      const { controller } = fleet;
      controller.kill('SIGKILL');
      await once(controller, 'exit');
      const again = spawn(process.execPath, controller.spawnargs.slice(1), { stdio: ['ignore', 'ignore', 'inherit'] });
      const killedAt = performance.now();
      try {
        const killedWall = Date.now();
        const hasListed = (base: SimulatedBase): boolean =>
          (base.log.findLast(({ command }) => command === 'queryAllBiz')?.at ?? 0) >= killedWall;
        // Every base is Ready, every Pod is held in the new process' own sight, and every base was asked for its list.
        const isWhole = async (): Promise<boolean> => {
          const [ready, pods] = await fleet.counters('kouplet_bases_ready', 'kouplet_pods');
          return ready === bases && pods === bases * podsEach && fleet.fleet.bases.every(hasListed);
        };
        // A look costs the controller some of the time that is measured: two a second.
        while (!(await isWhole().catch(() => false))) {
          if (performance.now() - killedAt > 300_000) throw new Error('the controller does not come back');
          await setTimeout(500);
        }
        const aim = { aim: '≤ 15,000 ms' };
        report({
          name: `${name}: all Ready and adopted again`,
          value: performance.now() - killedAt,
          unit: 'ms',
          ...aim,
        });
        report({ name: `${name}: CPU of the controller by then`, value: cpuMsOf(again.pid), unit: 'ms' });
        report({ name: `${name}: memory of the controller`, value: residentMbOf(again.pid ?? 0), unit: 'MB' });
        const sent = fleet.fleet.bases.reduce(
          (sum, base) => sum + base.log.filter(({ command }) => command === 'installBiz').length,
          0,
        );
        report({ name: `${name}: installs sent in all, a Pod`, value: sent / (bases * podsEach), unit: '' });
      } finally {
        again.kill('SIGTERM');
        await once(again, 'exit');
      }
    } finally {
      await fleet.stop();
    }
  } finally {
    cluster.kill('SIGTERM');
  }
}
