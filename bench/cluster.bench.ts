/**
 * The embedded cluster as an API server, in memory and with its state kept in both ways, beside a real control plane in the
 * same run: the one that TEST_KUBECONFIG names, or one that CONTROL_PLANE (a command that knows `start DIR` and `stop DIR`
 * and writes DIR/kubeconfig) starts. Its client shares the machine with it: rates are of both, CPU is of the server alone.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { firstAnswer, type Load, measureLoad, type Rate, type Target } from './api-load.ts';
import { startKouplet } from './fleet.ts';
import type { Bench, Figure, Report } from './report.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

const embedded: ReadonlyArray<{ readonly name: string; readonly args: (folder: string) => readonly string[] }> = [
  { name: 'in memory', args: () => [] },
  { name: '--dir', args: (folder) => ['--dir', join(folder, 'kill')] },
  { name: '--durable power-loss', args: (folder) => ['--dir', join(folder, 'power'), '--durable', 'power-loss'] },
];

export const bench: Bench = {
  name: 'cluster',
  about:
    'starts, creates, patches, lists and watches, on the embedded cluster and on a real control plane (TEST_KUBECONFIG or CONTROL_PLANE)',
  run: async (report) => {
    const folder = mkdtempSync(join(tmpdir(), 'kouplet-bench-'));
    try {
      // What is installed is what is measured: a start from the sources strips their types first.
      execFileSync(process.execPath, [join(root, 'scripts/build.ts')], { cwd: root, stdio: 'ignore' });
      const real = await takeRealOne(folder);
      if (real === undefined)
        console.log('  (neither TEST_KUBECONFIG nor CONTROL_PLANE: the real control plane is left out)');
      const reference = real === undefined ? undefined : await measured(real);
      for (const { name, args } of embedded) {
        const target = await startEmbedded(name, folder, args(folder));
        tell(report, target, await measured(target), real, reference);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function measured(target: Target): Promise<Load> {
  try {
    return await measureLoad(target);
  } finally {
    await target.stop();
  }
}

async function startEmbedded(name: string, folder: string, args: readonly string[]): Promise<Target> {
  const kubeconfig = join(folder, 'kubeconfig');
  const startedAt = performance.now();
  const built = join(root, 'build/package/dist/main.js');
  const child = await startKouplet(['cluster', '--kubeconfig', kubeconfig, ...args], /ready/, built);
  const startMs = await firstAnswer(kubeconfig, startedAt);
  return {
    name,
    kubeconfig,
    startMs,
    pid: child.pid,
    stop: async () => {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

async function takeRealOne(folder: string): Promise<Target | undefined> {
  const { TEST_KUBECONFIG: given, CONTROL_PLANE: command } = process.env;
  if (given) return { name: 'real', kubeconfig: given, stop: async () => undefined };
  if (!command) return undefined;
  const dir = join(folder, 'control-plane');
  const startedAt = performance.now();
  execFileSync(command, ['start', dir], { stdio: 'ignore' });
  const kubeconfig = join(dir, 'kubeconfig');
  const startMs = await firstAnswer(kubeconfig, startedAt);
  const stop = async (): Promise<void> => void execFileSync(command, ['stop', dir], { stdio: 'ignore' });
  return { name: 'real', kubeconfig, startMs, stop };
}

function tell(report: Report, target: Target, load: Load, real: Target | undefined, reference: Load | undefined): void {
  const figure = (
    name: string,
    unit: string,
    value: number | undefined,
    other: number | undefined,
    aim?: string,
  ): void => {
    if (value === undefined) return;
    const beside: Partial<Figure> = other === undefined ? {} : { reference: { name: 'real', value: other } };
    report({ name: `${target.name}: ${name}`, value, unit, ...beside, ...(aim === undefined ? {} : { aim }) });
  };
  const rate = (name: string, of: (load: Load) => Rate, aim?: string): void => {
    const { perSecond, cpuMsEach } = of(load);
    figure(name, '/s', perSecond, reference && of(reference).perSecond, aim);
    figure(`${name}, CPU of the server each`, 'ms', cpuMsEach, undefined);
  };
  figure('start to first answer', 'ms', target.startMs, real?.startMs, '≤ 200 ms');
  figure('kubectl apply of one object', 'ms', load.applyMs, reference?.applyMs);
  rate('creates of Pods, 32 connections', (of) => of.creates, '3 × real');
  rate('Pod status patches, 32 connections', (of) => of.statusPatches, '3 × real (1,900/s)');
  rate('Lease patches, 32 connections', (of) => of.leasePatches, '3 × real (3,800/s)');
  figure('list of 10,000 Pods', 'ms', load.list.ms, reference?.list.ms);
  figure('list of 10,000 Pods', 'MB', load.list.bytes / 1e6, reference && reference.list.bytes / 1e6);
  figure('one change to 1,000 watchers', 'ms', load.fanOutMs, reference?.fanOutMs);
}
