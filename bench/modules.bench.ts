/** A thousand Pods a second over 500 bases, on the embedded cluster: how long the controller takes for its part of the way. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '../tests/support/wait.ts';
import {
  followPods,
  modulePod,
  nowMs,
  type PodTimes,
  spans,
  startBenchFleet,
  startKouplet,
  takeCommands,
} from './fleet.ts';
import { type Bench, quantile } from './report.ts';

const bases = 500;
const podsPerSecond = 1_000;
const seconds = 10;

export const bench: Bench = {
  name: 'modules',
  about: `${podsPerSecond} Pods/s over ${bases} bases for ${seconds} s on the embedded cluster; cluster, controller and bases are three processes`,
  run: async (report) => {
    const folder = mkdtempSync(join(tmpdir(), 'kouplet-bench-'));
    const kubeconfig = join(folder, 'kubeconfig');
    const cluster = await startKouplet(['cluster', '--kubeconfig', kubeconfig], /ready/);
    try {
      const fleet = await startBenchFleet(kubeconfig, bases);
      try {
        const path = `/api/v1/namespaces/${fleet.namespace}/pods`;
        // the reference of this run: what one status patch costs on this server, alone
        await fleet.api.call('POST', path, modulePod(fleet, 'reference', 'no-such-node'));
        const alone: number[] = [];
        for (let n = 0; n < 200; n++) {
          const at = performance.now();
          await fleet.api.call(
            'PATCH',
            `${path}/reference/status`,
            { status: { message: `${n}` } },
            'application/strategic-merge-patch+json',
          );
          alone.push(performance.now() - at);
        }
        const times = new Map<string, PodTimes>();
        const unfollow = await followPods(fleet, times);
        const cpuBefore = fleet.cpuMs();
        const writesBefore = await fleet.counter('kouplet_api_writes_total');
        const plansBefore = await fleet.counter('kouplet_plan_seconds_count');
        const startedAt = performance.now();
        const requests: Promise<unknown>[] = [];
        for (let n = 0; n < podsPerSecond * seconds; n++) {
          const dueAt = startedAt + (n * 1_000) / podsPerSecond;
          while (performance.now() < dueAt) await new Promise((resolve) => setTimeout(resolve, 1));
          const name = `m${n}`;
          times.set(name, { createdAt: nowMs() });
          requests.push(fleet.api.call('POST', path, modulePod(fleet, name, fleet.nodeOf(n % bases))));
        }
        await Promise.all(requests);
        const offered = (times.size / (performance.now() - startedAt)) * 1_000;
        await waitFor(
          'every Pod is Ready',
          () => [...times.values()].every((one) => one.readyAt !== undefined),
          60_000,
        );
        unfollow();
        takeCommands(fleet, times);
        const reference = { name: 'one status patch alone', value: quantile(alone, 0.99) };
        report({ name: 'Pods offered', value: offered, unit: 'Pods/s' });
        const toCommand = spans(times.values(), 'boundAt', 'commandAt');
        const toReady = spans(times.values(), 'commandAt', 'readyAt');
        report({
          name: 'Pod seen on the watch → command on the socket, p50',
          value: quantile(toCommand, 0.5),
          unit: 'ms',
        });
        report({
          name: 'Pod seen on the watch → command on the socket, p99',
          value: quantile(toCommand, 0.99),
          unit: 'ms',
          reference,
          aim: '≤ 20 ms',
        });
        report({ name: 'base’s answer → Ready seen on the watch, p50', value: quantile(toReady, 0.5), unit: 'ms' });
        report({
          name: 'base’s answer → Ready seen on the watch, p99',
          value: quantile(toReady, 0.99),
          unit: 'ms',
          reference,
          aim: '≤ 20 ms',
        });
        report({ name: 'CPU of the controller a Pod', value: (fleet.cpuMs() - cpuBefore) / times.size, unit: 'ms' });
        report({
          name: 'API writes a Pod',
          value: ((await fleet.counter('kouplet_api_writes_total')) - writesBefore) / times.size,
          unit: '',
        });
        report({
          name: 'plans a Pod',
          value: ((await fleet.counter('kouplet_plan_seconds_count')) - plansBefore) / times.size,
          unit: '',
        });
        report({ name: 'memory of the controller', value: fleet.residentMb(), unit: 'MB' });
      } finally {
        await fleet.stop();
      }
    } finally {
      cluster.kill('SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
