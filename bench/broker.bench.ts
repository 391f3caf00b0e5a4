/** The embedded broker: what 1 % of bad clients cost the others, and how many messages it takes in. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { AedesTunnel } from '@kouplet/broker';
import { Aedes } from 'aedes';
import type { Load, Taken } from './broker-load.ts';
import { type Bench, quantile, type Report } from './report.ts';

const bases = 1_000;
const bad = 10;
const commandsPerSecond = 500;
const windowMs = 3_000;
/** Quiet and troubled windows in turn, so that whatever else this machine does falls on both alike. */
const rounds = 5;

class LoadProcess {
  readonly #child: ChildProcess = fork(fileURLToPath(new URL('./broker-load.ts', import.meta.url)), { execArgv: [] });

  async start(load: Load): Promise<void> {
    this.#child.send({ start: load });
    await once(this.#child, 'message');
  }

  async take(): Promise<Taken> {
    this.#child.send('take');
    const [taken] = (await once(this.#child, 'message')) as [Taken];
    return taken;
  }

  async stop(): Promise<void> {
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
  }
}

const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Memory that is held, after a collection; the runner starts this with --expose-gc. */
function heldMb(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1e6;
}

interface Window {
  readonly latenciesMs: readonly number[];
  readonly sent: number;
  readonly heldMb: number;
  readonly rssMb: number;
  readonly cpuPercent: number;
}

/** Commands to every good base in turn, evenly paced, for one window; `also` is called as often as a command is sent. */
async function measure(
  tunnel: AedesTunnel,
  good: LoadProcess,
  also: (index: number) => void = () => {},
): Promise<Window> {
  await good.take();
  const startedAt = nowMs();
  const cpu = process.cpuUsage();
  let sent = 0;
  let rssMb = 0;
  while (nowMs() - startedAt < windowMs) {
    const due = Math.floor(((nowMs() - startedAt) / 1_000) * commandsPerSecond);
    for (; sent < due; sent++) {
      const base = `bases-${sent % bases}`;
      void tunnel.send(base, `koupleless_dev/${base}/health`, Buffer.from(`${nowMs()}`));
      also(sent);
    }
    rssMb = Math.max(rssMb, process.memoryUsage().rss / 1e6);
    await sleep(2);
  }
  const { user, system } = process.cpuUsage(cpu);
  const held = heldMb();
  await sleep(300);
  const { latenciesMs } = await good.take();
  return { latenciesMs, sent, heldMb: held, rssMb, cpuPercent: (user + system) / 10 / windowMs };
}

/** Windows of one kind: the median of their figures, so that one window in which the machine did something else does not decide; memory is the highest. */
function together(windows: readonly Window[]) {
  const medianOf = (figure: (one: Window) => number): number => quantile(windows.map(figure), 0.5);
  return {
    p50: medianOf((one) => quantile(one.latenciesMs, 0.5)),
    p99: medianOf((one) => quantile(one.latenciesMs, 0.99)),
    delivered: medianOf((one) => (one.latenciesMs.length / one.sent) * 100),
    heldMb: Math.max(...windows.map((one) => one.heldMb)),
    rssMb: Math.max(...windows.map((one) => one.rssMb)),
    cpuPercent: medianOf((one) => one.cpuPercent),
  };
}

async function badClients(report: Report): Promise<void> {
  const tunnel = new AedesTunnel({ env: 'dev', port: 0 });
  let heard = 0;
  await tunnel.start(() => {
    heard += 1;
  });
  const port = tunnel.broker?.port ?? 0;
  const good = new LoadProcess();
  await good.start({ kind: 'bases', port, count: bases, beatEveryMs: 10_000 });
  await measure(tunnel, good);

  const kinds = ['frozen', 'flooding', 'reconnecting'] as const;
  for (const kind of kinds) {
    const quietWindows: Window[] = [];
    const troubledWindows: Window[] = [];
    for (let round = 0; round < rounds; round++) {
      quietWindows.push(await measure(tunnel, good));
      const trouble = new LoadProcess();
      await trouble.start({ kind, port, count: bad });
      await sleep(300);
      // A frozen base is written to until every buffer on the way is full, and on: 400 kB/s to each.
      const toFrozen = (index: number): unknown =>
        tunnel.send(
          `frozen-${index % bad}`,
          `koupleless_dev/frozen-${index % bad}/installBiz`,
          Buffer.alloc(64 * 1024),
        );
      if (kind === 'frozen') for (let index = 0; index < 100 * bad; index++) await toFrozen(index);
      const troubled = await measure(tunnel, good, (index) => {
        if (kind === 'frozen' && index % 8 === 0) toFrozen(index / 8);
      });
      troubledWindows.push(troubled);
      await trouble.stop();
    }
    const quiet = together(quietWindows);
    const phase = together(troubledWindows);
    const of = { name: 'none', value: quiet.p99 };
    report({
      name: `command delivery p99, ${bad} of ${bases} ${kind}`,
      value: phase.p99,
      unit: 'ms',
      reference: of,
      aim: '≤ ×2',
    });
    report({ name: '  p50', value: phase.p50, unit: 'ms', reference: { name: 'none', value: quiet.p50 } });
    report({
      name: '  delivered',
      value: phase.delivered,
      unit: '%',
      reference: { name: 'none', value: quiet.delivered },
    });
    report({
      name: '  memory held',
      value: phase.heldMb,
      unit: 'MB',
      reference: { name: 'none', value: quiet.heldMb },
      aim: '≤ +50 MB',
    });
    report({
      name: '  resident set, highest',
      value: phase.rssMb,
      unit: 'MB',
      reference: { name: 'none', value: quiet.rssMb },
      aim: '≤ +50 MB',
    });
    report({
      name: '  CPU of the broker’s process',
      value: phase.cpuPercent,
      unit: '%',
      reference: { name: 'none', value: quiet.cpuPercent },
    });
  }
  console.log(`  (${heard} events heard in all; ${JSON.stringify(tunnel.broker?.counts())})`);
  await tunnel.close();
  await good.stop();
}

/** Messages a second taken in from clients that write as fast as they can. */
async function ingest(qos: 0 | 1, port: number, count: () => number): Promise<{ perSecond: number; cpuUs: number }> {
  const load = new LoadProcess();
  await load.start({ kind: 'ingest', port, count: 100, qos });
  await sleep(1_000);
  const before = count();
  const cpu = process.cpuUsage();
  const startedAt = nowMs();
  await sleep(4_000);
  const messages = count() - before;
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (nowMs() - startedAt) / 1_000;
  await load.stop();
  return { perSecond: messages / seconds, cpuUs: (user + system) / messages };
}

async function ingestRates(report: Report): Promise<void> {
  for (const qos of [0, 1] as const) {
    let bareCount = 0;
    const aedes = await Aedes.createBroker({ concurrency: 0 });
    const server = createServer({ noDelay: true }, aedes.handle).listen(0, '127.0.0.1');
    await once(server, 'listening');
    aedes.subscribe(
      'koupleless_dev/+/base/+',
      (_packet, done) => {
        bareCount += 1;
        done();
      },
      () => {},
    );
    const address = server.address();
    const bare = await ingest(qos, typeof address === 'object' && address !== null ? address.port : 0, () => bareCount);
    await new Promise<void>((resolve) => aedes.close(() => resolve()));
    server.close();

    let count = 0;
    // Limits lifted: what is measured is the way in, not the brake.
    const limits = { packetsPerSecond: 1e9, packetBurst: 1e9, bytesPerSecond: 1e12, byteBurst: 1e12 };
    const tunnel = new AedesTunnel({ env: 'dev', port: 0, limits });
    await tunnel.start(() => {
      count += 1;
    });
    const ours = await ingest(qos, tunnel.broker?.port ?? 0, () => count);
    await tunnel.close();
    report({
      name: `heartbeats taken in, QoS ${qos}, 100 clients flat out`,
      value: ours.perSecond,
      unit: '/s',
      reference: { name: 'bare Aedes', value: bare.perSecond },
      aim: '500/s at 5,000 bases',
    });
    report({
      name: '  CPU a message',
      value: ours.cpuUs,
      unit: 'µs',
      reference: { name: 'bare Aedes', value: bare.cpuUs },
    });
  }
}

export const bench: Bench = {
  name: 'broker',
  about:
    '1 % of 1,000 bases frozen, flooding or reconnecting in a loop, and what the others notice; heartbeats taken in',
  run: async (report) => {
    await badClients(report);
    await ingestRates(report);
  },
};
