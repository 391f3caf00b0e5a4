/** Metrics of prom-client, in a registry of this controller. No label names a base, a Pod or a Node: series stay few. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** What is counted over all bases when somebody asks, and not before. */
export interface FleetCounts {
  readonly bases: number;
  /** Bases whose Node is Ready by what we know. */
  readonly ready: number;
  readonly silent: number;
  readonly quarantined: number;
  readonly pods: number;
  readonly inFlight: number;
  readonly eventsWaiting: number;
  readonly links: Readonly<Record<'api' | 'tunnel', boolean>>;
  readonly isSynced: boolean;
}

export interface Metrics {
  messageIn(kind: string): void;
  rejected(code: string): void;
  command(kind: string, outcome: string): void;
  apiWrite(kind: string, outcome: string): void;
  event(outcome: string): void;
  crashed(where: string): void;
  stalled(): void;
  planned(seconds: number): void;
  expose(): Promise<{ readonly contentType: string; readonly body: string }>;
  close(): void;
}

/** @param count called when the metrics are read; must not throw */
export function createMetrics(count: () => FleetCounts): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const messages = new Counter({
    name: 'kouplet_messages_total',
    help: 'Messages accepted from bases, by kind.',
    labelNames: ['kind'],
    registers,
  });
  const rejections = new Counter({
    name: 'kouplet_rejections_total',
    help: 'Messages rejected, by code.',
    labelNames: ['code'],
    registers,
  });
  const commands = new Counter({
    name: 'kouplet_commands_total',
    help: 'Commands to bases, by kind and by what became of handing them over.',
    labelNames: ['kind', 'outcome'],
    registers,
  });
  const writes = new Counter({
    name: 'kouplet_api_writes_total',
    help: 'Writes to the Kubernetes API, by kind and outcome.',
    labelNames: ['kind', 'outcome'],
    registers,
  });
  const events = new Counter({
    name: 'kouplet_events_total',
    help: 'Kubernetes Events, by what became of them: created, counted, limited, failed, dropped, superseded.',
    labelNames: ['outcome'],
    registers,
  });
  const crashes = new Counter({
    name: 'kouplet_crashes_total',
    help: 'Exceptions that quarantined one key, by where they were thrown.',
    labelNames: ['where'],
    registers,
  });
  const stalls = new Counter({
    name: 'kouplet_stalls_total',
    help: 'Times this process stood still for more than two seconds.',
    registers,
  });
  const plans = new Histogram({
    name: 'kouplet_plan_seconds',
    help: 'Time to plan one base.',
    buckets: [0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 1],
    registers,
  });
  let counts: FleetCounts | undefined;
  gauges(registers, () => counts ?? count());
  const lag = monitorEventLoopDelay({ resolution: 20 });
  lag.enable();
  new Gauge({
    name: 'kouplet_loop_lag_seconds',
    help: 'Event loop delay since the last reading, 99th percentile.',
    registers,
    collect() {
      this.set(Number.isFinite(lag.percentile(99)) ? lag.percentile(99) / 1e9 : 0);
      lag.reset();
    },
  });
  return {
    messageIn: (kind) => messages.inc({ kind }),
    rejected: (code) => rejections.inc({ code }),
    command: (kind, outcome) => commands.inc({ kind, outcome }),
    apiWrite: (kind, outcome) => writes.inc({ kind, outcome }),
    event: (outcome) => events.inc({ outcome }),
    crashed: (where) => crashes.inc({ where }),
    stalled: () => stalls.inc(),
    planned: (seconds) => plans.observe(seconds),
    expose: async () => {
      // Once for all gauges: it goes over every base.
      counts = count();
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
    close() {
      lag.disable();
      registry.clear();
    },
  };
}

function gauges(registers: Registry[], count: () => FleetCounts): void {
  const gauge = (name: string, help: string, read: (counts: FleetCounts) => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read(count()));
      },
    });
  };
  gauge('kouplet_bases', 'Bases known.', (counts) => counts.bases);
  gauge('kouplet_bases_ready', 'Bases whose Node is Ready.', (counts) => counts.ready);
  gauge('kouplet_bases_silent', 'Bases that are silent or disconnected.', (counts) => counts.silent);
  gauge(
    'kouplet_bases_quarantined',
    'Bases whose handling threw and that wait for their next try.',
    (counts) => counts.quarantined,
  );
  gauge('kouplet_pods', 'Pods bound to Nodes of ours.', (counts) => counts.pods);
  gauge('kouplet_events_waiting', 'Kubernetes Events that wait to be written.', (counts) => counts.eventsWaiting);
  gauge('kouplet_actions_in_flight', 'Actions taken up and not yet ended.', (counts) => counts.inFlight);
  gauge('kouplet_synced', '1 once the first lists are in.', (counts) => (counts.isSynced ? 1 : 0));
  new Gauge({
    name: 'kouplet_link_up',
    help: '1 while the link works: api to Kubernetes, tunnel to the bases.',
    labelNames: ['link'],
    registers,
    collect() {
      const { links } = count();
      this.set({ link: 'api' }, links.api ? 1 : 0);
      this.set({ link: 'tunnel' }, links.tunnel ? 1 : 0);
    },
  });
}
