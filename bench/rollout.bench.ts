/**
 * Pods on 100 bases, on line and off line: 20 a second, as they come from a Deployment, then 1,000 as fast as they are taken; and
 * the fleet at rest. On the real control plane that TEST_KUBECONFIG names, and on the embedded cluster in the same run.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { waitFor } from '../tests/support/wait.ts';
import {
  type BenchFleet,
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
import { type Bench, type Figure, quantile, type Report } from './report.ts';

const bases = 100;
const pods = 1_000;
const steadyRate = 20;
const steadySeconds = 20;
const restSeconds = Number(process.env.KOUPLET_BENCH_REST ?? 60);

export const bench: Bench = {
  name: 'rollout',
  about: `${steadyRate} Pods/s and ${pods} Pods at once on ${bases} bases, on line and off line, and ${restSeconds} s at rest; on the embedded cluster, and on TEST_KUBECONFIG's where it is set`,
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
    const reference = { name: 'one status patch alone', value: quantile(await patchesAlone(fleet, 100), 0.5) };
    await measureSteady(`${which}, ${steadyRate} Pods/s`, fleet, reference, report);

    const times = new Map<string, PodTimes>();
    const unfollow = await followPods(fleet, times);
    const [cpuBefore, writesBefore] = [fleet.cpuMs(), await fleet.counter('kouplet_api_writes_total')];
    const recordsBefore = await fleet.counter('kouplet_api_writes_total', /write-record/);
    const eventsBefore = await fleet.counter('kouplet_events_total', /created|counted/);
    // through the scheduler, 16 requests at a time: as fast as the server takes them
    const names = Array.from({ length: pods }, (_, n) => `m${n}`);
    await inParallel(names, 16, (name) => create(fleet, times, name));
    await allHave('Ready', times, 'readyAt');
    const [cpuOnLine, writesOnLine] = [fleet.cpuMs(), await fleet.counter('kouplet_api_writes_total')];
    const recordsOnLine = (await fleet.counter('kouplet_api_writes_total', /write-record/)) - recordsBefore;
    takeCommands(fleet, times);

    const messages = async (): Promise<number> =>
      (await fleet.counter('kouplet_messages_total')) + (await fleet.counter('kouplet_commands_total'));
    await waitFor('all Events are written', async () => (await fleet.counter('kouplet_events_waiting')) === 0, 60_000);
    const eventsOnLine = (await fleet.counter('kouplet_events_total', /created|counted/)) - eventsBefore;
    await setTimeout(5_000);
    const rest = {
      cpu: fleet.cpuMs(),
      messages: await messages(),
      writes: await fleet.counter('kouplet_api_writes_total'),
      leases: await fleet.counter('kouplet_api_writes_total', /write-lease/),
      at: nowMs(),
    };
    await setTimeout(restSeconds * 1_000);
    const restS = ((nowMs() - rest.at) / 1_000) * bases;
    const atRest = {
      cpu: (fleet.cpuMs() - rest.cpu) / restS,
      messages: ((await messages()) - rest.messages) / restS,
      writes: ((await fleet.counter('kouplet_api_writes_total')) - rest.writes) / restS,
      leases: ((await fleet.counter('kouplet_api_writes_total', /write-lease/)) - rest.leases) / restS,
    };

    const cpuBeforeOff = fleet.cpuMs();
    await inParallel(names, 16, (name) => remove(fleet, times, name));
    await allHave('gone', times, 'goneAt');
    const cpuOffLine = fleet.cpuMs() - cpuBeforeOff;
    unfollow();

    tellSpans(which, times, reference, report);
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

/** Pods as they come from a Deployment: kube-controller-manager creates no more in a second, unless told otherwise. */
async function measureSteady(which: string, fleet: BenchFleet, reference: Reference, report: Report): Promise<void> {
  const times = new Map<string, PodTimes>();
  const unfollow = await followPods(fleet, times);
  const names = Array.from({ length: steadyRate * steadySeconds }, (_, n) => `s${n}`);
  const cpuBefore = fleet.cpuMs();
  await atRate(names, steadyRate, (name) => create(fleet, times, name));
  await allHave('Ready', times, 'readyAt');
  takeCommands(fleet, times);
  await atRate(names, steadyRate, (name) => remove(fleet, times, name));
  await allHave('gone', times, 'goneAt');
  unfollow();
  tellSpans(which, times, reference, report);
  const cpu = (fleet.cpuMs() - cpuBefore) / names.length;
  report({ name: `${which}: CPU a Pod, on line and off line, and of the bases meanwhile`, value: cpu, unit: 'ms' });
}

async function create(fleet: BenchFleet, times: Map<string, PodTimes>, name: string): Promise<void> {
  times.set(name, { createdAt: nowMs() });
  await fleet.api.call('POST', `/api/v1/namespaces/${fleet.namespace}/pods`, modulePod(fleet, name));
}

async function remove(fleet: BenchFleet, times: ReadonlyMap<string, PodTimes>, name: string): Promise<void> {
  const one = times.get(name);
  if (one !== undefined) one.deletedAt = nowMs();
  await fleet.api.call('DELETE', `/api/v1/namespaces/${fleet.namespace}/pods/${name}`);
}

async function allHave(what: string, times: ReadonlyMap<string, PodTimes>, instant: keyof PodTimes): Promise<void> {
  await waitFor(`every Pod is ${what}`, () => [...times.values()].every((one) => one[instant] !== undefined), 180_000);
}

type Reference = NonNullable<Figure['reference']>;

function tellSpans(which: string, times: ReadonlyMap<string, PodTimes>, reference: Reference, report: Report): void {
  const tell = (name: string, from: keyof PodTimes, to: keyof PodTimes, aim?: string): void => {
    const values = spans(times.values(), from, to);
    report({ name: `${which}: ${name}, p50`, value: quantile(values, 0.5), unit: 'ms', reference });
    const p99 = { name: `${which}: ${name}, p99`, value: quantile(values, 0.99), unit: 'ms' };
    report(aim === undefined ? p99 : { ...p99, aim });
  };
  tell('created → bound on the watch', 'createdAt', 'boundAt');
  tell('created → command', 'createdAt', 'commandAt', '≤ 100 ms');
  tell('bound on the watch → command', 'boundAt', 'commandAt');
  tell('answer → Ready', 'commandAt', 'readyAt', '≤ 150 ms');
  tell('created → Ready', 'createdAt', 'readyAt');
  tell('deleted → gone', 'deletedAt', 'goneAt');
}

/** Begins so many a second, whether the ones before have ended or not. */
async function atRate<T>(items: readonly T[], rate: number, work: (item: T) => Promise<void>): Promise<void> {
  const startedAt = performance.now();
  const begun: Promise<void>[] = [];
  for (const [n, item] of items.entries()) {
    await setTimeout(Math.max(0, startedAt + (n * 1_000) / rate - performance.now()));
    begun.push(work(item));
  }
  await Promise.all(begun);
}

async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
