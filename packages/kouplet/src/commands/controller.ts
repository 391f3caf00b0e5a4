/** `kouplet controller`: the controller for a Kubernetes that exists. */
import { randomBytes, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { AedesTunnel, isLoopback, MqttTunnel, type Tunnel } from '@kouplet/broker';
import { type Log, openLog, startController } from '@kouplet/controller';
import { defaultTimings, maskText, type Policy } from '@kouplet/core';
import { loadCluster } from '@kouplet/kube';
import type { Command } from 'commander';
import type { Environment } from '../environment.ts';
import { Failure, listenFailure, wrongUse } from '../failure.ts';
import { followServerFiles, readServerFiles, type ServerFlags } from '../files.ts';
import { type RecordFlags, recordTo } from '../journal.ts';
import { type LogsFlags, openLogs } from '../logs.ts';
import { brokerLogTo, warn } from '../output.ts';
import { listenToSignals } from '../stopping.ts';
import { readAuthorities, readPassword, readText } from '../text-files.ts';
import {
  isGiven,
  meaninglessLine,
  namingAsSet,
  orUpstream,
  readUpstream,
  switchedOn,
  type Upstream,
  upstreamBroker,
} from '../upstream.ts';
import { type BrokerAddress, clientPrefix, envName, type HostPort, namespaceName, showHostPort } from '../values.ts';
import { kubeletVersion, userAgent } from '../version.ts';

export interface ControllerFlags extends ServerFlags, LogsFlags, RecordFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly listen: HostPort;
  readonly broker?: BrokerAddress;
  readonly env: string;
  readonly namespace: string;
  readonly http: HostPort;
  readonly envTaint?: boolean;
  readonly osLabels?: boolean;
  readonly peerDeployments?: boolean;
  readonly observe?: boolean;
  readonly unmanagedModules: 'report' | 'uninstall';
  readonly goneAfter: number;
  readonly mqttUsername?: string;
  readonly mqttPasswordFile?: string;
  readonly mqttClientPrefix?: string;
  readonly mqttCa?: string;
  readonly mqttCert?: string;
  readonly mqttKey?: string;
}

/** How long the start waits for an external broker that is not there yet. */
const brokerWaitMs = 15_000;

export async function controller(flags: ControllerFlags, command: Command, environment: Environment): Promise<void> {
  const asSet = namingAsSet(command, environment);
  try {
    await control(flags, command, environment, asSet);
  } catch (error) {
    // Loaded only now: it knows the errors of all rooms.
    const explained = (await import('../explain.ts')).explain(error);
    if (!(explained instanceof Failure)) throw explained;
    throw new Failure(explained.exitCode, asSet(explained.message), asSet(explained.advice));
  }
}

/** @param asSet names the flags in a text as the user set them */
async function control(
  flags: ControllerFlags,
  command: Command,
  environment: Environment,
  asSet: (text: string) => string,
): Promise<void> {
  const upstream = readUpstream(environment);
  const env = orUpstream(command, 'env', upstream.env, envName);
  const namespace = orUpstream(command, 'namespace', upstream.namespace, namespaceName);
  const place = chooseBroker(flags, command, upstream);
  const { hasEnvTaint, hasPeers } = switchedOn(flags, upstream);
  const isObserver = flags.observe === true;
  if (isObserver && place.kind === 'listen') {
    throw wrongUse(
      '--observe is for an external broker',
      'Name the one where the bases and the controller in charge are with --broker: at a broker of its own it would hear nobody.',
    );
  }
  const clientId = clientIdOf(command, upstream, isObserver);
  const meaningless = meaninglessLine(environment);
  if (meaningless !== undefined) warn(`kouplet: ${meaningless}`);
  const { log, close, flush } = openLog();
  process.once('exit', flush);
  const lifetime = listenToSignals((code) => {
    flush();
    process.exit(code);
  });
  try {
    const tunnel = openTunnel(place, { flags, upstream, env, clientId, log, asSet });
    const policy: Policy = {
      env,
      // An observer is never taken for the one that it shadows, though it be given the same environment.
      holderIdentity: isObserver ? `observer_${ownName()}` : (upstream.clientId ?? ownName()),
      namespace,
      kubeletVersion,
      hasEnvTaint,
      hasOsLabels: flags.osLabels ?? false,
      unmanagedModules: flags.unmanagedModules,
      goneAfterMs: flags.goneAfter,
      hasSessions: tunnel.kind === 'embedded',
      ...(isObserver ? { isObserver } : {}),
      timings: defaultTimings,
    };
    const access = await loadCluster({
      ...(flags.kubeconfig === undefined ? {} : { kubeconfig: flags.kubeconfig }),
      ...(flags.context === undefined ? {} : { context: flags.context }),
      onRefreshFailed: (error) => log.warn({ message: error.message }, 'credentials-not-refreshed'),
    });
    try {
      // Listens from here on, so that Nodes are told a port that is served.
      const logs = await openLogs(flags, command, upstream, environment, isObserver, log);
      const inUse: Policy = logs === undefined ? policy : { ...policy, logs: logs.endpoint };
      const starting = startController({
        ...{ tunnel, access, userAgent, http: flags.http, log, hasPeers },
        ...(logs === undefined ? {} : { logs: logs.server }),
        ...{ policy: inUse, ...recordTo(flags, inUse, log) },
      });
      const started = await Promise.race([starting, lifetime.ended]).catch((error: unknown) => {
        throw listenFailure(error, 'the HTTP server', showHostPort(flags.http), '--http');
      });
      if (typeof started === 'string') {
        // Told to end while it starts, perhaps while it waits for a broker: nothing is held yet that could be handed back.
        starting.then((late) => late.stop()).catch(() => {});
        await Promise.all([tunnel.close(), logs?.server.close()]);
        return;
      }
      try {
        await Promise.race([lifetime.ended, started.done]);
      } finally {
        await started.stop();
      }
    } finally {
      access.close();
    }
  } finally {
    close();
  }
}

function ownName(): string {
  return `${hostname()}_${randomBytes(4).toString('hex')}`;
}

type Place = { readonly kind: 'listen'; readonly at: HostPort } | { readonly kind: 'broker'; readonly url: string };

/** Where the bases are reached: the embedded broker unless an external one was named, by flag, variable or upstream's variables. */
function chooseBroker(flags: ControllerFlags, command: Command, upstream: Upstream): Place {
  const isListenGiven = isGiven(command, 'listen');
  if (flags.broker !== undefined && isListenGiven) {
    throw wrongUse(
      '--listen and --broker exclude each other',
      'Bases connect either to the embedded broker or to an external one.',
    );
  }
  const hasCa = (flags.mqttCa ?? upstream.caFile) !== undefined;
  const external = flags.broker ?? (isListenGiven ? undefined : upstreamBroker(upstream, hasCa));
  const [forListen, forBroker] = [
    ['users', 'tlsCert', 'tlsKey', 'tlsClientCa'],
    ['mqttUsername', 'mqttPasswordFile', 'mqttClientPrefix', 'mqttCa', 'mqttCert', 'mqttKey'],
  ];
  for (const name of (external === undefined ? forBroker : forListen) ?? []) {
    if (command.getOptionValueSource(name) !== 'cli') continue;
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw external === undefined
      ? wrongUse(`${flag} is for an external broker`, 'Name it with --broker.')
      : wrongUse(`${flag} is for the embedded broker`, 'Leave it out, or leave out --broker.');
  }
  if (external !== undefined) return { kind: 'broker', url: external.url };
  if (flags.users === undefined && !isLoopback(flags.listen.host)) {
    // The broker refuses it, too, but is opened only once the API has answered.
    throw wrongUse(
      `refusing to listen on ${flags.listen.host} without users: anyone who reaches it could install modules into every base`,
      'Give a users file with --users, or listen on 127.0.0.1.',
    );
  }
  return { kind: 'listen', at: flags.listen };
}

/** Our client id at an external broker, where its rules may go by it; undefined: the tunnel's own. */
function clientIdOf(command: Command, upstream: Upstream, isObserver: boolean): string | undefined {
  const prefix = orUpstream(command, 'mqttClientPrefix', upstream.clientPrefix, clientPrefix);
  if (prefix === undefined) return undefined;
  // Under the same one an observer and the one that it shadows would cut each other off.
  const { clientId = randomUUID() } = isObserver ? {} : upstream;
  return `${prefix}@@@${clientId}`;
}

interface Connecting {
  readonly flags: ControllerFlags;
  readonly upstream: Upstream;
  readonly env: string;
  readonly clientId: string | undefined;
  readonly log: Log;
  readonly asSet: (text: string) => string;
}

function openTunnel(place: Place, { flags, upstream, env, clientId, log, asSet }: Connecting): Tunnel {
  if (place.kind === 'listen') {
    const tunnel = new AedesTunnel({ env, ...place.at, ...readServerFiles(flags), log: brokerLogTo(log) });
    followServerFiles(
      flags,
      (files) => tunnel.broker?.renew(files),
      (message) => log.error({ message }, 'files-not-renewed'),
    );
    return tunnel;
  }
  const caFile = flags.mqttCa ?? upstream.caFile;
  const certFile = flags.mqttCert ?? upstream.certFile;
  const keyFile = flags.mqttKey ?? upstream.keyFile;
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw wrongUse('--mqtt-cert and --mqtt-key go together', 'Give both, or none.');
  }
  const readCredentials = () => {
    const username = flags.mqttUsername ?? upstream.username;
    const password =
      flags.mqttPasswordFile === undefined
        ? upstream.password
        : readPassword(asSet('--mqtt-password-file'), flags.mqttPasswordFile);
    return {
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(caFile === undefined ? {} : { ca: readAuthorities(asSet('--mqtt-ca'), caFile) }),
      ...(certFile === undefined ? {} : { cert: readText(asSet('--mqtt-cert'), certFile) }),
      ...(keyFile === undefined ? {} : { key: readText(asSet('--mqtt-key'), keyFile) }),
    };
  };
  return new MqttTunnel({
    url: place.url,
    env,
    ...(clientId === undefined ? {} : { clientId }),
    ...readCredentials(),
    credentials: readCredentials,
    listensOnly: flags.observe === true,
    startTimeoutMs: brokerWaitMs,
    onWaiting: (reason) => warn(maskText(`kouplet: waiting for the broker at ${place.url}: ${asSet(reason)}`)),
    log: brokerLogTo(log),
  });
}
