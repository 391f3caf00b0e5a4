/** Upstream's variables (koupleless/module-controller v2.2.0), where neither flag nor `KOUPLET_` variable says something. */
import { type Command, InvalidArgumentError } from 'commander';
import type { Environment } from './environment.ts';
import { wrongUse } from './failure.ts';
import { type BrokerAddress, hideUserInfo } from './values.ts';

/** Options of `kouplet controller` that upstream has a variable for. */
const variables = {
  env: 'ENV',
  namespace: 'NAMESPACE',
  broker: 'MQTT_BROKER',
  mqttUsername: 'MQTT_USERNAME',
  mqttPasswordFile: 'MQTT_PASSWORD',
  mqttClientPrefix: 'MQTT_CLIENT_PREFIX',
  mqttCa: 'MQTT_CA_PATH',
  mqttCert: 'MQTT_CLIENT_CRT_PATH',
  mqttKey: 'MQTT_CLIENT_KEY_PATH',
  peerDeployments: 'ENABLE_MODULE_REPLICAS_SYNC_WITH_BASE',
  logs: 'KUBELET_PROXY_ENABLED',
  logsPort: 'KUBELET_PROXY_PORT',
} as const;
const variableByOption = new Map<string, string>(Object.entries(variables));

/** Set by upstream's manifests, and without anything here that they could change: each with why. */
const meaningless = {
  HTTP_TUNNEL_LISTEN_PORT: 'no bases over HTTP',
  IS_CLUSTER: 'replicas share the bases by themselves',
  WORKLOAD_MAX_LEVEL: 'replicas have no levels of load',
  VNODE_WORKER_NUM: 'no workers to count',
};

/** What of upstream's variables is set and not empty. */
export interface Upstream {
  readonly env?: string;
  readonly clientId?: string;
  readonly clientPrefix?: string;
  readonly namespace?: string;
  /** A host alone. */
  readonly host?: string;
  readonly port?: string;
  readonly username?: string;
  readonly password?: string;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  /** Peer Deployments are switched on. */
  readonly hasPeers?: true;
  /** Logs of modules are served. */
  readonly hasLogs?: true;
  readonly logsPort?: string;
  /** Started as upstream is started: its variables choose the tunnel. Nodes then carry upstream's env taint. */
  readonly isUpstreamStyle: boolean;
}

/** @throws Failure where a variable asks for something that is not here, rather than ignoring it */
export function readUpstream(environment: Environment): Upstream {
  if (isTrue(environment.ENABLE_HTTP_TUNNEL)) {
    throw wrongUse(
      'ENABLE_HTTP_TUNNEL: bases over HTTP are not served here, only over MQTT',
      'Unset it and connect the bases by MQTT (koupleless.arklet.mqtt.*).',
    );
  }
  for (const name of ['REPORT_HOOKS', 'TRACKER_CONFIG_PATH']) {
    if (!isSet(environment, name)) continue;
    throw wrongUse(
      `${name}: nothing is reported to hooks or by a tracker here`,
      'Unset it: what happens is told in Events of Pods and Nodes, in /metrics and in the log, which alerts can be made of.',
    );
  }
  return {
    isUpstreamStyle: isSet(environment, 'MQTT_BROKER') || isTrue(environment.ENABLE_MQTT_TUNNEL),
    ...(isTrue(environment.ENABLE_MODULE_REPLICAS_SYNC_WITH_BASE) ? { hasPeers: true } : {}),
    ...(isTrue(environment.KUBELET_PROXY_ENABLED) ? { hasLogs: true } : {}),
    ...field('logsPort', environment.KUBELET_PROXY_PORT),
    ...field('env', environment.ENV),
    ...field('clientId', environment.CLIENT_ID),
    ...field('clientPrefix', environment.MQTT_CLIENT_PREFIX),
    ...field('namespace', environment.NAMESPACE),
    ...field('host', environment.MQTT_BROKER),
    ...field('port', environment.MQTT_PORT),
    ...field('username', environment.MQTT_USERNAME),
    ...field('password', environment.MQTT_PASSWORD),
    ...field('caFile', environment.MQTT_CA_PATH),
    ...field('certFile', environment.MQTT_CLIENT_CRT_PATH),
    ...field('keyFile', environment.MQTT_CLIENT_KEY_PATH),
  };
}

/** What upstream's variables switch on unless a flag or variable of ours says otherwise, a no included. */
export function switchedOn(
  flags: { readonly envTaint?: boolean; readonly peerDeployments?: boolean; readonly logs?: boolean },
  upstream: Upstream,
): { readonly hasEnvTaint: boolean; readonly hasPeers: boolean; readonly hasLogs: boolean } {
  return {
    hasEnvTaint: flags.envTaint ?? upstream.isUpstreamStyle,
    hasPeers: flags.peerDeployments ?? upstream.hasPeers ?? false,
    hasLogs: flags.logs ?? upstream.hasLogs ?? false,
  };
}

/**
 * The broker that upstream's variables name. With TLS exactly where an authority is given, as there.
 *
 * @param hasCa whether one is given, by them or otherwise
 * @returns undefined where they name none
 * @throws Failure for variables that name none though they ask for one
 */
export function upstreamBroker(upstream: Upstream, hasCa: boolean): BrokerAddress | undefined {
  const { host, port = '1883', certFile, keyFile } = upstream;
  if (host === undefined) {
    if (!upstream.isUpstreamStyle) return undefined;
    throw wrongUse(
      'ENABLE_MQTT_TUNNEL is set, but MQTT_BROKER is not',
      'Set MQTT_BROKER to the host, or use --broker or --listen.',
    );
  }
  if (!/^(?:\[[\da-f:.]+\]|[^\s:/?#@[\]]+)$/i.test(host)) {
    throw wrongUse(
      `MQTT_BROKER: "${hideUserInfo(host)}" is no host, such as mosquitto.example.com`,
      'Say the host alone; its port is in MQTT_PORT, user and password in MQTT_USERNAME and MQTT_PASSWORD.',
    );
  }
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) {
    throw wrongUse(`MQTT_PORT: "${port}" is no port`, 'Say a number such as 1883.');
  }
  if (!hasCa && (certFile ?? keyFile) !== undefined) {
    throw wrongUse(
      `${certFile === undefined ? variables.mqttKey : variables.mqttCert} is set, but MQTT_CA_PATH is not, and without it there is no TLS`,
      'Set it to the file of the authority of the broker, or unset MQTT_CLIENT_CRT_PATH and MQTT_CLIENT_KEY_PATH.',
    );
  }
  return { url: `${hasCa ? 'mqtts' : 'mqtt'}://${host}:${port}`, isTls: hasCa };
}

/** One line about the variables that are set and change nothing here. @returns undefined where there is none */
export function meaninglessLine(environment: Environment): string | undefined {
  const found = Object.entries(meaningless).flatMap(([name, why]) =>
    isSet(environment, name) ? [`${name} (${why})`] : [],
  );
  return found.length === 0 ? undefined : `set, but without a meaning here: ${found.join(', ')}`;
}

/** The option's value, or upstream's where neither flag nor variable gave one. An error names upstream's variable. */
export function orUpstream<T>(
  command: Command,
  name: keyof typeof variables,
  upstream: string | undefined,
  parse: (value: string) => T,
): T {
  if (upstream === undefined || isGiven(command, name)) return command.getOptionValue(name);
  try {
    return parse(upstream);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    const ours = command.options.find((option) => option.attributeName() === name)?.envVar ?? 'our variable';
    throw wrongUse(`${variables[name]}: ${error.message}`, `Set it right, or set ${ours}, which goes before it.`);
  }
}

/** Whether an option was given, by flag or variable. */
export function isGiven(command: Command, name: string): boolean {
  const source = command.getOptionValueSource(name);
  return source === 'cli' || source === 'env';
}

/**
 * Texts name settings by their flags. Whoever set a variable is told of that: ours, or upstream's, also for what is still to be said of
 * a broker that upstream's variables name.
 *
 * @returns the text with each flag of the command as it was set
 */
export function namingAsSet(command: Command, environment: Environment): (text: string) => string {
  const isBrokerUpstreams = isSet(environment, variables.broker) && !isGiven(command, 'broker');
  const names = new Map<string, string>();
  for (const option of command.options) {
    const { long, envVar } = option;
    const name = option.attributeName();
    if (long === undefined || envVar === undefined || command.getOptionValue(name) === false) continue;
    const variable = variableByOption.get(name);
    if (command.getOptionValueSource(name) === 'env') names.set(long, envVar);
    else if (isGiven(command, name) || variable === undefined) continue;
    else if (isSet(environment, variable) || (isBrokerUpstreams && variable.startsWith('MQTT_')))
      names.set(long, variable);
  }
  return (text) => text.replace(/--[a-z]+(?:-[a-z]+)*/g, (flag) => names.get(flag) ?? flag);
}

function isSet(environment: Environment, name: string): boolean {
  return (environment[name] ?? '') !== '';
}

function isTrue(value: string | undefined): boolean {
  return value?.toLowerCase() === 'true';
}

function field<K extends string>(key: K, value: string | undefined): { [P in K]?: string } {
  const made: { [P in K]?: string } = {};
  if (value !== undefined && value !== '') made[key] = value;
  return made;
}
