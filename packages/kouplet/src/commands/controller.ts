/** `kouplet controller`: the controller for a Kubernetes that exists. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { AedesTunnel, MqttTunnel, type Tunnel } from '@kouplet/broker';
import { type Log, openLog, startController } from '@kouplet/controller';
import { defaultTimings, maskText, type Policy } from '@kouplet/core';
import { loadCluster } from '@kouplet/kube';
import type { Command } from 'commander';
import { type Environment, orUpstream, readUpstream, type Upstream } from '../environment.ts';
import { listenFailure, wrongUse } from '../failure.ts';
import { followServerFiles, readServerFiles, type ServerFlags } from '../files.ts';
import { type RecordFlags, recordTo } from '../journal.ts';
import { type LogsFlags, openLogs } from '../logs.ts';
import { brokerLogTo, warn } from '../output.ts';
import { listenToSignals } from '../stopping.ts';
import { readAuthorities, readPassword, readText } from '../text-files.ts';
import { type BrokerAddress, brokerAddress, envName, type HostPort, namespaceName, showHostPort } from '../values.ts';
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
  readonly mqttCa?: string;
  readonly mqttCert?: string;
  readonly mqttKey?: string;
}

/** How long the start waits for an external broker that is not there yet. */
const brokerWaitMs = 15_000;

export async function controller(flags: ControllerFlags, command: Command, environment: Environment): Promise<void> {
  const upstream = readUpstream(environment);
  const env = orUpstream(command, 'env', upstream.env, 'ENV', envName);
  const namespace = orUpstream(command, 'namespace', upstream.namespace, 'NAMESPACE', namespaceName);
  const place = chooseBroker(flags, command, upstream);
  const isObserver = flags.observe === true;
  if (isObserver && place.kind === 'listen') {
    throw wrongUse(
      '--observe is for an external broker',
      'Name the one where the bases and the controller in charge are with --broker: at a broker of its own it would hear nobody.',
    );
  }
  const { log, close, flush } = openLog();
  process.once('exit', flush);
  const lifetime = listenToSignals((code) => {
    flush();
    process.exit(code);
  });
  try {
    const tunnel = openTunnel(place, flags, upstream, env, log);
    const policy: Policy = {
      env,
      // An observer is never taken for the one that it shadows, though it be given the same environment.
      holderIdentity: isObserver ? `observer_${ownName()}` : (upstream.clientId ?? ownName()),
      namespace,
      kubeletVersion,
      hasEnvTaint: flags.envTaint ?? upstream.isUpstreamStyle,
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
      const hasPeers = flags.peerDeployments ?? upstream.hasPeers ?? false;
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
  const external =
    flags.broker ??
    (isListenGiven ? undefined : orUpstream(command, 'broker', upstream.broker, 'BROKER', brokerAddress));
  const [forListen, forBroker] = [
    ['users', 'tlsCert', 'tlsKey', 'tlsClientCa'],
    ['mqttUsername', 'mqttPasswordFile', 'mqttCa', 'mqttCert', 'mqttKey'],
  ];
  for (const name of (external === undefined ? forBroker : forListen) ?? []) {
    if (command.getOptionValueSource(name) !== 'cli') continue;
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw external === undefined
      ? wrongUse(`${flag} is for an external broker`, 'Name it with --broker.')
      : wrongUse(`${flag} is for the embedded broker`, 'Leave it out, or leave out --broker.');
  }
  return external === undefined ? { kind: 'listen', at: flags.listen } : { kind: 'broker', url: external.url };
}

function isGiven(command: Command, name: string): boolean {
  const source = command.getOptionValueSource(name);
  return source === 'cli' || source === 'env';
}

function openTunnel(place: Place, flags: ControllerFlags, upstream: Upstream, env: string, log: Log): Tunnel {
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
        : readPassword('--mqtt-password-file', flags.mqttPasswordFile);
    return {
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(caFile === undefined ? {} : { ca: readAuthorities('--mqtt-ca', caFile) }),
      ...(certFile === undefined ? {} : { cert: readText('--mqtt-cert', certFile) }),
      ...(keyFile === undefined ? {} : { key: readText('--mqtt-key', keyFile) }),
    };
  };
  return new MqttTunnel({
    url: place.url,
    env,
    ...readCredentials(),
    credentials: readCredentials,
    listensOnly: flags.observe === true,
    startTimeoutMs: brokerWaitMs,
    onWaiting: (reason) => warn(maskText(`kouplet: waiting for the broker at ${place.url}: ${reason}`)),
    log: brokerLogTo(log),
  });
}
