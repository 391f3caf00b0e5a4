/**
 * 1,000 Pods on 100 bases, on line and off line, and the fleet at rest: on the real control plane that TEST_KUBECONFIG names,
 * and on the embedded cluster in the same run.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '../tests/support/wait.ts';
import {
  followPods,
  modulePod,
  nowMs,
  type PodTimes,
  patchesAlone,
  spans,
  startBenchFleet,
  startKouplet,
  takeCommands,
} from './fleet.ts';
import { type Bench, quantile, type Report } from './report.ts';

const bases = 100;
const pods = 1_000;
const restSeconds = Number(process.env.KOUPLET_BENCH_REST ?? 60);

export const bench: Bench = {
  name: 'rollout',
  about: `${pods} Pods on ${bases} bases, on line and off line, then ${restSeconds} s at rest; on the embedded cluster, and on TEST_KUBECONFIG's where it is set`,
  run: async (report) => {
    const real = process.env.TEST_KUBECONFIG;
    if (process.env.KOUPLET_BENCH_ON !== 'real') {
      const folder = mkdtempSync(join(tmpdir(), 'kouplet-bench-'));
      const kubeconfig = join(folder, 'kubeconfig');
      const cluster = await startKouplet(['cluster', '--kubeconfig', kubeconfig], /ready/);
      try {
        await measure('embedded', kubeconfig, report);
      } finally {
        cluster.kill('SIGTERM');
        rmSync(folder, { recursive: true, force: true });
      }
    }
    if (real) await measure('real', real, report);
    else console.log('  (no TEST_KUBECONFIG: the real control plane is left out)');
  },
};

async function measure(which: string, kubeconfig: string, report: Report): Promise<void> {
  const fleet = await startBenchFleet(kubeconfig, bases);
  try {
    const path = `/api/v1/namespaces/${fleet.namespace}/pods`;
    const alone = await patchesAlone(fleet, 100);
    const times = new Map<string, PodTimes>();
    const unfollow = await followPods(fleet, times);
    const [cpuBefore, writesBefore] = [fleet.cpuMs(), await fleet.counter('kouplet_api_writes_total')];
    const recordsBefore = await fleet.counter('kouplet_api_writes_total', /write-record/);
    const eventsBefore = await fleet.counter('kouplet_events_total', /created|counted/);
    // through the scheduler, 16 requests at a time: as fast as the server takes them
    const names = Array.from({ length: pods }, (_, n) => `m${n}`);
    await inParallel(names, 16, async (name) => {
      times.set(name, { createdAt: nowMs() });
      await fleet.api.call('POST', path, modulePod(fleet, name));
    });
    await waitFor(
      'every Pod is Ready',
      () => times.size === pods && [...times.values()].every((one) => one.readyAt !== undefined),
      180_000,
    );
    const [cpuOnLine, writesOnLine] = [fleet.cpuMs(), await fleet.counter('kouplet_api_writes_total')];
    const recordsOnLine = (await fleet.counter('kouplet_api_writes_total', /write-record/)) - recordsBefore;
    takeCommands(fleet, times);

    const messages = async (): Promise<number> =>
      (await fleet.counter('kouplet_messages_total')) + (await fleet.counter('kouplet_commands_total'));
    await waitFor('all Events are written', async () => (await fleet.counter('kouplet_events_waiting')) === 0, 60_000);
    const eventsOnLine = (await fleet.counter('kouplet_events_total', /created|counted/)) - eventsBefore;
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    const rest = {
      cpu: fleet.cpuMs(),
      messages: await messages(),
      writes: await fleet.counter('kouplet_api_writes_total'),
      leases: await fleet.counter('kouplet_api_writes_total', /write-lease/),
      at: nowMs(),
    };
    await new Promise((resolve) => setTimeout(resolve, restSeconds * 1_000));
    const restS = ((nowMs() - rest.at) / 1_000) * bases;
    const atRest = {
      cpu: (fleet.cpuMs() - rest.cpu) / restS,
      messages: ((await messages()) - rest.messages) / restS,
      writes: ((await fleet.counter('kouplet_api_writes_total')) - rest.writes) / restS,
      leases: ((await fleet.counter('kouplet_api_writes_total', /write-lease/)) - rest.leases) / restS,
    };

    const cpuBeforeOff = fleet.cpuMs();
    await inParallel(names, 16, async (name) => {
      const one = times.get(name);
      if (one !== undefined) one.deletedAt = nowMs();
      await fleet.api.call('DELETE', `${path}/${name}`);
    });
    await waitFor('every Pod is gone', () => [...times.values()].every((one) => one.goneAt !== undefined), 180_000);
    const cpuOffLine = fleet.cpuMs() - cpuBeforeOff;
    unfollow();

    const reference = { name: 'one status patch alone', value: quantile(alone, 0.5) };
    const tell = (name: string, values: readonly number[], aim?: string): void => {
      report({ name: `${which}: ${name}, p50`, value: quantile(values, 0.5), unit: 'ms', reference });
      report({
        name: `${which}: ${name}, p99`,
        value: quantile(values, 0.99),
        unit: 'ms',
        ...(aim === undefined ? {} : { aim }),
      });
    };
    tell('created → bound on the watch', spans(times.values(), 'createdAt', 'boundAt'));
    tell('created → command', spans(times.values(), 'createdAt', 'commandAt'), '≤ 100 ms');
    tell('bound on the watch → command', spans(times.values(), 'boundAt', 'commandAt'));
    tell('answer → Ready', spans(times.values(), 'commandAt', 'readyAt'), '≤ 150 ms');
    tell('created → Ready', spans(times.values(), 'createdAt', 'readyAt'));
    tell('deleted → gone', spans(times.values(), 'deletedAt', 'goneAt'));
    report({ name: `${which}: CPU a Pod on line`, value: (cpuOnLine - cpuBefore) / pods, unit: 'ms', aim: '≤ 1 ms' });
    report({ name: `${which}: CPU a Pod off line`, value: cpuOffLine / pods, unit: 'ms' });
    report({
      name: `${which}: API writes a Pod on line, Events aside`,
      value: (writesOnLine - writesBefore) / pods,
      unit: '',
    });
    report({ name: `${which}: of these, records`, value: recordsOnLine / pods, unit: '' });
    report({ name: `${which}: Events a Pod on line`, value: eventsOnLine / pods, unit: '' });
    report({
      name: `${which}: API writes a Pod on line, all in all`,
      value: (writesOnLine - writesBefore + eventsOnLine) / pods,
      unit: '',
      aim: '≤ 3',
    });
    report({ name: `${which}: at rest, messages both ways a base`, value: atRest.messages, unit: '/s', aim: '≤ 0.14' });
    report({ name: `${which}: at rest, API writes a base`, value: atRest.writes, unit: '/s', aim: '≤ 0.1' });
    report({ name: `${which}: of these, Leases`, value: atRest.leases, unit: '/s' });
    report({ name: `${which}: at rest, CPU a base`, value: atRest.cpu, unit: 'ms/s' });
    report({ name: `${which}: memory of the controller`, value: fleet.residentMb(), unit: 'MB' });
  } finally {
    await fleet.stop();
  }
}

async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
