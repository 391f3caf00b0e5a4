/**
 * `kouplet up`: everything in one process, and nothing told of itself but what a real one would be: the controller talks to
 * the cluster over HTTP with the kubeconfig that kubectl uses, the bases talk to the broker over MQTT.
 */
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type Fleet, startFleet } from '@kouplet/base';
import { AedesTunnel, BrokerError } from '@kouplet/broker';
import { type Cluster, type Durability, startCluster } from '@kouplet/cluster';
import { type Change, type Controller, openLog, startController } from '@kouplet/controller';
import { defaultTimings, maskText, type Policy } from '@kouplet/core';
import { createTransport, loadCluster } from '@kouplet/kube';
import { failed, listenFailure, messageOf } from '../failure.ts';
import { type RecordFlags, recordTo } from '../journal.ts';
import { shownPath, writeKubeconfig } from '../kubeconfig-file.ts';
import { brokerLogTo, say, warn } from '../output.ts';
import { type Lifetime, listenToSignals, Stops } from '../stopping.ts';
import { holdFolder } from '../up/folder.ts';
import { lineOf, linesToTry, listed } from '../up/lines.ts';
import { applyManifest, type Manifest, readManifests } from '../up/manifests.ts';
import { kubeletVersion, userAgent, version } from '../version.ts';
import { refuseDurability } from './cluster.ts';

export interface UpFlags extends RecordFlags {
  readonly bases: number;
  readonly dir: string;
  /** Whether the cluster's state is kept in `dir`. */
  readonly keep?: true;
  readonly durable: Durability;
  /** TLS and a token for the Kubernetes API. */
  readonly tls?: true;
  readonly apiPort: number;
  readonly mqttPort: number;
  readonly env: string;
  readonly apply?: readonly string[];
}

const host = '127.0.0.1';
/** How long the start waits for all Nodes before it goes on and says so. */
const nodesWithinMs = 15_000;

export async function up(flags: UpFlags): Promise<void> {
  if (flags.keep !== true) refuseDurability(flags.durable, '--keep');
  const manifests = (flags.apply ?? []).flatMap((path) => readManifests(path));
  const stops = new Stops();
  const lifetime = listenToSignals(
    (code) => process.exit(code),
    () => say('\nending …'),
  );
  try {
    const controller = await start(flags, manifests, stops, lifetime);
    if (controller !== undefined) await Promise.race([lifetime.ended, controller.done]);
  } finally {
    for (const { name, error } of await stops.all())
      warn(maskText(`kouplet: ${name} did not end well: ${messageOf(error)}`));
  }
  say('ended');
}

/** @returns undefined when it was told to end before it was up */
async function start(
  flags: UpFlags,
  manifests: readonly Manifest[],
  stops: Stops,
  lifetime: Lifetime,
): Promise<Controller | undefined> {
  const { env, dir } = flags;
  const kubeconfigPath = join(dir, 'kubeconfig');
  stops.add('the folder', await holdFolder(dir));
  say(`kouplet ${version}`);

  const cluster = await startCluster({
    host,
    port: flags.apiPort,
    ...(flags.tls === true ? { secure: {} } : {}),
    ...(flags.keep === true ? { dir, durability: flags.durable } : {}),
    onError: (error) => warn(maskText(`cluster: ${messageOf(error)}`)),
  }).catch((error: unknown) => {
    throw listenFailure(error, 'the Kubernetes API', `${host}:${flags.apiPort}`, '--api-port');
  });
  stops.add('the Kubernetes API', () => cluster.close());
  writeKubeconfig(kubeconfigPath, cluster.kubeconfig(), '--dir');
  say(
    `  Kubernetes API   ${cluster.url}  (embedded, ${flags.keep === true ? `state in ${shownPath(dir)}` : 'in memory'})`,
  );
  if (lifetime.isEnding) return undefined;

  let fleet: Fleet | undefined;
  stops.add('the bases', () => fleet?.stop());
  const logPath = join(dir, 'controller.log');
  const log = openLogFile(logPath);
  stops.add('the log', log.close);
  const tunnel = new AedesTunnel({ env, host, port: flags.mqttPort, log: brokerLogTo(log.log) });
  const access = await loadCluster({ kubeconfig: kubeconfigPath });
  stops.add('the credentials', () => access.close());
  const changes = new Changes(readyNodes(cluster));
  const policy = policyOf(env);
  const controller = await startController({
    policy,
    ...recordTo(flags, policy, log.log),
    tunnel,
    access,
    userAgent,
    http: { host, port: 0 },
    log: log.log,
    onChange: (change) => changes.tell(change),
  }).catch((error: unknown): Controller => {
    if (!(error instanceof BrokerError)) throw error;
    throw failed(error.message, 'It is set by --mqtt-port.');
  });
  stops.add('the controller', () => controller.stop());
  await Promise.race([controller.ready, lifetime.ended]);
  const mqttUrl = tunnel.broker?.url ?? `mqtt://${host}:${flags.mqttPort}`;
  say(`  MQTT broker      ${mqttUrl}  (env ${env})`);
  say(
    `  controller       ${controller.address}  /readyz /metrics /debug/plan?base=IDENTITY  (log: ${shownPath(logPath)})`,
  );
  if (lifetime.isEnding) return undefined;

  fleet = await startFleet({ broker: mqttUrl, count: flags.bases, env });
  const ready = await Promise.race([changes.nodesReady(flags.bases, nodesWithinMs), lifetime.ended]);
  if (lifetime.isEnding) return undefined;
  if (ready === false)
    warn(`kouplet: not all Nodes are Ready after ${nodesWithinMs / 1_000} s; see ${shownPath(logPath)}`);
  const names = fleet.bases.map(({ identity }) => identity);
  if (names.length > 0)
    say(
      `  bases            ${listed(names)}  (Nodes ${listed(
        names.map((name) => `vnode.${name}.${env}`),
        1,
      )})`,
    );

  const transport = createTransport({ access, userAgent });
  stops.add('the client', () => transport.close());
  for (const manifest of manifests) say(`  applied          ${await applyManifest(transport, manifest)}`);

  say('\nTry, in another terminal:');
  for (const line of linesToTry(shownPath(kubeconfigPath), manifests)) say(`  ${line}`);
  say('\nCtrl-C ends it. What happens from here on:');
  changes.speak();
  return controller;
}

function policyOf(env: string): Policy {
  return {
    env,
    holderIdentity: `${hostname()}_${process.pid}`,
    namespace: 'default',
    kubeletVersion,
    hasEnvTaint: false,
    hasOsLabels: false,
    unmanagedModules: 'report',
    goneAfterMs: 60_000,
    hasSessions: true,
    timings: defaultTimings,
  };
}

/** The controller's log, from this run only. */
function openLogFile(path: string) {
  try {
    mkdirSync(join(path, '..'), { recursive: true });
    const file = openSync(path, 'w', 0o600);
    const { log, close } = openLog({ to: file });
    return {
      log,
      close: () => {
        close();
        closeSync(file);
      },
    };
  } catch (error) {
    throw failed(`the log ${path} cannot be written: ${messageOf(error)}`, 'Choose another place with --dir.');
  }
}

/** Of a kept state: Nodes that were Ready and still are. That is no change, so nobody will tell of it. */
function readyNodes({ api }: Cluster): string[] {
  const isReady = ({ type, status }: { readonly type: string; readonly status: string }): boolean =>
    type === 'Ready' && status === 'True';
  return api.list('nodes').flatMap((node) => (node.status?.conditions?.some(isReady) ? [node.metadata.name] : []));
}

/** Changes while it starts are kept for their lines, which come once everything else has been said. */
class Changes {
  #kept: Array<{ readonly change: Change; readonly at: Date }> | undefined = [];
  readonly #ready: Set<string>;
  #onReady: () => void = () => {};

  constructor(readyNodes: Iterable<string>) {
    this.#ready = new Set(readyNodes);
  }

  tell(change: Change): void {
    if (change.kind === 'node-ready') {
      this.#ready.add(change.nodeName);
      this.#onReady();
    }
    const at = new Date();
    if (this.#kept === undefined) say(lineOf(change, at));
    else if (change.kind !== 'node-ready') this.#kept.push({ change, at });
  }

  /** @returns false where not so many were Ready in time */
  nodesReady(count: number, withinMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), withinMs);
      this.#onReady = () => {
        if (this.#ready.size < count) return;
        clearTimeout(timer);
        resolve(true);
      };
      this.#onReady();
    });
  }

  /** Says what was kept, and from now on everything at once. */
  speak(): void {
    for (const { change, at } of this.#kept ?? []) say(lineOf(change, at));
    this.#kept = undefined;
  }
}
