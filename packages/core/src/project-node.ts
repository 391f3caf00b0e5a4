/** The Node that a base should be. [SPEC N1] [SPEC N2] [SPEC N3] */
import { binaryQuantity, isIpAddress, labelValueOf } from './labels.ts';
import { identityAnnotation, releaseAnnotation, topicsAnnotation } from './names.ts';
import type { Condition, NodeStatus, Taint } from './observed.ts';
import type { LogsEndpoint } from './policy.ts';
import { secondsOf } from './records.ts';
import { generationOf, type Situation } from './situation.ts';
import { hungToBlock } from './slots.ts';

/** Removed Nodes first get this NoExecute taint. */
export const leavingTaint = 'kouplet.io/leaving';
const virtualNodeTaint = 'schedule.koupleless.io/virtual-node';
const envTaint = 'schedule.koupleless.io/node-env';
/** Above this share of its limit metaspace is under pressure. */
const metaspacePressure = 0.9;

export interface DesiredNode {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly providerID: string;
  readonly taints: readonly Taint[];
  readonly status: NodeStatus;
  /** `field: value` of what had to be changed to be valid. */
  readonly changed: readonly string[];
}

export function projectNode(situation: Situation): DesiredNode {
  const facts = factLabels(situation);
  const { release } = situation.state.facts ?? {};
  return {
    labels: { ...fixedLabels(situation), ...facts.labels },
    annotations: {
      [identityAnnotation]: situation.state.baseId,
      ...facts.annotations,
      ...reportedAddress(situation),
      ...(release === undefined ? {} : { [releaseAnnotation]: release }),
      ...(generationOf(situation.state) === 'seed' ? { [topicsAnnotation]: 'seed' } : {}),
    },
    providerID: `kouplet://${situation.state.baseId}`,
    taints: taintsOf(situation),
    status: statusOf(situation),
    changed: facts.changed,
  };
}

function fixedLabels({ policy }: Situation): Record<string, string> {
  return {
    type: 'virtual-kubelet',
    'kubernetes.io/role': 'agent',
    'virtual-kubelet.koupleless.io/component': 'vnode',
    'virtual-kubelet.koupleless.io/env': policy.env,
    'base.koupleless.io/stack': 'java',
    'vnode.koupleless.io/tunnel': 'mqtt_tunnel_provider',
    'node.kubernetes.io/exclude-from-external-load-balancers': '',
    ...(policy.hasOsLabels ? { 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' } : {}),
  };
}

/** Labels from what the base says of itself; those of a base that has said nothing yet stay as they are. */
function factLabels({ state }: Situation) {
  const labels: Record<string, string> = {};
  const annotations: Record<string, string> = {};
  const changed: string[] = [];
  const facts = state.facts;
  const put = (field: string, keys: readonly string[], text: string | undefined) => {
    const value = text === undefined ? undefined : labelValueOf(text);
    if (text === undefined || value === undefined) return;
    for (const key of keys) labels[key] = value;
    if (value !== text) {
      annotations[`kouplet.io/reported-${field}`] = text;
      changed.push(`${field} "${text}"`);
    }
  };
  // `vnode.…`: what manifests of upstream 2.0.0 to 2.1.1 select by.
  put('name', ['base.koupleless.io/name', 'vnode.koupleless.io/name'], facts?.baseName);
  put('version', ['base.koupleless.io/version', 'vnode.koupleless.io/version'], facts?.baseVersion);
  put('cluster-name', ['base.koupleless.io/cluster-name', 'vnode.koupleless.io/cluster-name'], facts?.clusterName);
  put('host-name', ['base.koupleless.io/host-name', 'kubernetes.io/hostname'], facts?.localHostName);
  const known = state.node?.metadata.labels?.['kubernetes.io/hostname'];
  const hostname = labels['kubernetes.io/hostname'] ?? known ?? labelValueOf(state.baseId);
  if (hostname !== undefined) labels['kubernetes.io/hostname'] = hostname;
  return { labels, annotations, changed };
}

/** Foreign taints stay; ours are put right; `leaving` only while the base is given up. */
function taintsOf({ state, policy, givingUp }: Situation): readonly Taint[] {
  const ours = new Set([virtualNodeTaint, envTaint, leavingTaint]);
  const present = state.node?.spec.taints ?? [];
  const desired: Taint[] = [{ key: virtualNodeTaint, value: 'True', effect: 'NoExecute' }];
  if (policy.hasEnvTaint || state.hasAdoptedEnvTaint === true) {
    desired.push({ key: envTaint, value: policy.env, effect: 'NoExecute' });
  }
  if (givingUp.kind === 'yes') desired.push({ key: leavingTaint, effect: 'NoExecute' });
  // In the server's order, so that a list that says the same is the same; its own fields (timeAdded) are kept.
  const kept = present.filter((taint) => !ours.has(taint.key) || desired.some((other) => isSameTaint(other, taint)));
  const unique = kept.filter((taint, index) => kept.findIndex((other) => isSameTaint(other, taint)) === index);
  return [...unique, ...desired.filter((taint) => !unique.some((other) => isSameTaint(other, taint)))];
}

function isSameTaint(left: Taint, right: Taint): boolean {
  return left.key === right.key && left.effect === right.effect && (left.value ?? '') === (right.value ?? '');
}

function statusOf(situation: Situation): NodeStatus {
  const { state, policy } = situation;
  const resources = {
    cpu: state.vitals?.cpuCount === undefined ? knownQuantity(situation, 'cpu', '1k') : String(state.vitals.cpuCount),
    memory: memoryOf(situation),
    pods: '65535',
  };
  const { baseVersion } = state.facts ?? {};
  return {
    phase: 'Running',
    capacity: resources,
    allocatable: resources,
    ...reachedAt(situation),
    conditions: conditionsOf(situation),
    nodeInfo: {
      kubeletVersion: policy.kubeletVersion,
      operatingSystem: 'linux',
      architecture: 'amd64',
      osImage:
        baseVersion === undefined
          ? knownInfo(situation, 'osImage', 'Koupleless base')
          : `Koupleless base ${baseVersion}`,
      kernelVersion:
        state.vitals?.javaVersion === undefined
          ? knownInfo(situation, 'kernelVersion', 'java')
          : `java ${state.vitals.javaVersion}`,
      containerRuntimeVersion: 'koupleless://arklet',
    },
  };
}

/**
 * The base's addresses; where logs are served, ours: the API server connects to the first address of the type that it prefers, and to
 * the port that stands beside. Which type that is differs (kubeadm: InternalIP; the server's own default: Hostname), so both are. [SPEC N23]
 */
function reachedAt(situation: Situation): Pick<NodeStatus, 'addresses' | 'daemonEndpoints'> {
  const { state } = situation;
  const logs = logsOf(situation);
  if (logs !== undefined) {
    const { address, port } = logs;
    return {
      addresses: ['InternalIP', 'Hostname'].map((type) => ({ type, address })),
      daemonEndpoints: { kubeletEndpoint: { Port: port } },
    };
  }
  const { localIP, localHostName } = state.facts ?? {};
  const addresses = [
    ...(localIP !== undefined && isIpAddress(localIP) ? [{ type: 'InternalIP', address: localIP }] : []),
    ...(localHostName === undefined || localHostName === '' ? [] : [{ type: 'Hostname', address: localHostName }]),
  ];
  const wasServed = state.node?.status.daemonEndpoints !== undefined;
  return {
    ...(state.facts === undefined ? {} : { addresses }),
    ...(wasServed ? { daemonEndpoints: { kubeletEndpoint: { Port: 0 } } } : {}),
  };
}

/** Where the Node's addresses are ours, the base's stands beside; so it does for whoever takes the Node over. [SPEC N23] */
function reportedAddress(situation: Situation): Record<string, string> {
  const { localIP } = situation.state.facts ?? {};
  return logsOf(situation) === undefined || localIP === undefined || !isIpAddress(localIP)
    ? {}
    : { 'kouplet.io/reported-ip': localIP };
}

/** Where an observer looks on, logs are served by the one that it shadows. */
function logsOf({ state, policy }: Situation): LogsEndpoint | undefined {
  if (policy.isObserver !== true) return policy.logs;
  const { daemonEndpoints, addresses = [] } = state.node?.status ?? {};
  const address = addresses.find(({ type }) => type === 'InternalIP')?.address;
  if (daemonEndpoints === undefined || address === undefined) return undefined;
  return { address, port: daemonEndpoints.kubeletEndpoint.Port };
}

/** What is not known since our start stays as the Node has it. */
function knownQuantity({ state }: Situation, name: string, otherwise: string): string {
  const known = state.healthAnsweredAt === undefined ? state.node?.status.capacity?.[name] : undefined;
  return known === undefined || known === '0' ? otherwise : known;
}

function knownInfo({ state }: Situation, name: string, otherwise: string): string {
  return state.node?.status.nodeInfo?.[name] || otherwise;
}

function memoryOf(situation: Situation): string {
  const max = situation.state.vitals?.maxMetaspaceBytes;
  return max === undefined || max < 1024 ? knownQuantity(situation, 'memory', '1Ti') : binaryQuantity(max);
}

/** [SPEC N5] [SPEC N6] [SPEC N7] */
function conditionsOf(situation: Situation): readonly Condition[] {
  const ready = readyOf(situation);
  const conditions: Condition[] = ready === undefined ? [] : [ready];
  conditions.push(memoryPressureOf(situation));
  conditions.push(
    condition('DiskPressure', 'False', 'BaseHasNoDiskPressure', 'a base takes no disk of Pods'),
    condition('PIDPressure', 'False', 'BaseHasSufficientPID', 'modules are no processes'),
    condition('NetworkUnavailable', 'False', 'BaseHasNetwork', 'modules use the network of their base'),
  );
  for (const special of specialConditions(situation)) {
    const isKnown = situation.state.node?.status.conditions?.some((known) => known.type === special.type) ?? false;
    if (special.status === 'True' || isKnown) conditions.push(special);
  }
  const seconds = secondsOf(situation.now.wall);
  return conditions.map((wanted) => withTimes(situation, wanted, seconds));
}

/** undefined: nothing may be said, what the server shows stays. [SPEC N5] */
function readyOf(situation: Situation): Condition | undefined {
  const { state, liveness, now } = situation;
  switch (liveness.kind) {
    case 'alive':
      break;
    case 'unproven':
      return undefined;
    case 'disconnected':
      return condition(
        'Ready',
        'Unknown',
        'BaseDisconnected',
        'the connection of the base closed and did not come back',
      );
    case 'silent':
      return condition('Ready', 'Unknown', 'BaseSilent', 'nothing is heard of the base and it does not answer');
    default:
      liveness satisfies never;
  }
  void now;
  if (state.goodbyeAt !== undefined) return condition('Ready', 'False', 'BaseDeactivated', 'the base said DEACTIVATED');
  const master = state.vitals?.masterBizState;
  if (master !== undefined && master !== 'ACTIVATED') {
    return condition('Ready', 'False', 'BaseNotActivated', `the master biz of the base is ${master}`);
  }
  return condition('Ready', 'True', 'BaseReady', 'the base is connected and answers');
}

function memoryPressureOf({ state }: Situation): Condition {
  const { usedMetaspaceBytes: used, maxMetaspaceBytes: max } = state.vitals ?? {};
  return used !== undefined && max !== undefined && max > 0 && used / max > metaspacePressure
    ? condition('MemoryPressure', 'True', 'MetaspaceNearLimit', 'more than 90 % of the metaspace is in use')
    : condition('MemoryPressure', 'False', 'BaseHasSufficientMetaspace', 'metaspace is sufficient');
}

/** What a setting of the base would make better, in words for whoever starts it. [SPEC N25] */
export function adviceOf({ state, idle }: Situation): string {
  const { usedMetaspaceBytes: used, maxMetaspaceBytes: max } = state.vitals ?? {};
  return [
    ...(used === undefined || max !== undefined
      ? []
      : ['without -XX:MaxMetaspaceSize nobody can tell when metaspace runs short']),
    ...(idle.length === 0
      ? []
      : [`with -Dactivate.new.module=true ${idle.join(', ')} would serve in place of the version before`]),
    ...(/^unknown-\w{5}$/.test(state.baseId)
      ? ['the base found no address and made its identity up, another at each start: a metadata class gives it one']
      : []),
  ].join('; ');
}

export function specialConditions(situation: Situation): readonly Condition[] {
  const { hasIdentityConflict, hung, unmanaged, pause } = situation;
  const advice = adviceOf(situation);
  return [
    advice === ''
      ? condition('SettingsAdvised', 'False', 'NothingAdvised', '')
      : condition('SettingsAdvised', 'True', 'BaseSettings', advice),
    pause === undefined
      ? condition('Paused', 'False', 'NotPaused', '')
      : condition('Paused', 'True', 'PausedByAnnotation', pause.message),
    hasIdentityConflict
      ? condition(
          'IdentityConflict',
          'True',
          'TwoProcesses',
          'two processes seem to run under this identity: give each base its own',
        )
      : condition('IdentityConflict', 'False', 'OneProcess', ''),
    hung.length >= hungToBlock
      ? condition(
          'CommandsBlocked',
          'True',
          'OperationsHang',
          `the base does not end ${hung.join(', ')}; it takes a restart of the base`,
        )
      : condition('CommandsBlocked', 'False', 'OperationsEnd', ''),
    unmanaged.length > 0
      ? condition('UnmanagedModules', 'True', 'NotInstalledByUs', `left alone: ${unmanaged.join(', ')}`)
      : condition('UnmanagedModules', 'False', 'AllModulesManaged', ''),
  ];
}

function condition(type: string, status: Condition['status'], reason: string, message: string): Condition {
  return { type, status, reason, message };
}

/** The transition's time moves with the status only. [SPEC N8] */
function withTimes({ state }: Situation, wanted: Condition, seconds: string): Condition {
  const known = state.node?.status.conditions?.find((other) => other.type === wanted.type);
  const kept = known?.status === wanted.status ? known.lastTransitionTime : undefined;
  return { ...wanted, lastHeartbeatTime: seconds, lastTransitionTime: kept ?? seconds };
}
