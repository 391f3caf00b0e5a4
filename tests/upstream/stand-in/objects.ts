/**
 * What ModuleController v2.2.0 writes, field by field, as its code (virtual-kubelet v0.3.10) says it: Node, Lease, the status of a
 * Pod, and the patches it makes of them. Pure, but for the clock in times.
 */
import type { Json } from '../../support/api.ts';

export const unreachableTaint = 'schedule.koupleless.io/virtual-node';
export const componentLabel = 'virtual-kubelet.koupleless.io/component';
export const envLabel = 'virtual-kubelet.koupleless.io/env';

export const micros = (): string => new Date().toISOString().replace('Z', '000Z');
export const seconds = (at = Date.now()): string => `${new Date(at).toISOString().slice(0, 19)}Z`;

/** What a heartbeat, or a Node that was there already, tells of a base. */
export interface BaseTold {
  readonly name: string;
  readonly version: string;
  readonly clusterName: string;
  readonly ip: string;
  readonly hostName: string;
  /** Of a Node that was there: its labels and taints, which it keeps and adds to. */
  readonly labels?: Record<string, string>;
  readonly taints?: readonly Json[];
}

/** A Node as it registers one. Its taints double where the Node was there before: it appends those to its own. */
export function nodeOf(name: string, env: string, told: BaseTold): Json {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: {
        type: 'virtual-kubelet',
        'kubernetes.io/role': 'agent',
        'kubernetes.io/hostname': told.hostName,
        [componentLabel]: 'vnode',
        [envLabel]: env,
        'base.koupleless.io/name': told.name,
        'base.koupleless.io/version': told.version,
        'base.koupleless.io/cluster-name': told.clusterName,
        'base.koupleless.io/host-name': told.hostName,
        ...told.labels,
      },
    },
    spec: {
      taints: [
        { key: unreachableTaint, value: 'True', effect: 'NoExecute' },
        { key: 'schedule.koupleless.io/node-env', value: env, effect: 'NoExecute' },
        ...(told.taints ?? []),
      ],
    },
    status: nodeStatusOf(told),
  };
}

/** @param memory  of a health answer: max and committed metaspace in bytes, −1 where there is no limit */
export function nodeStatusOf(
  told: BaseTold,
  memory?: { readonly maxBytes: number; readonly committedBytes: number },
): Json {
  const quantity = (bytes: number): string => `${Math.max(0, Math.trunc(bytes / 1024))}Ki`;
  const limits =
    memory === undefined
      ? undefined
      : memory.maxBytes === -1
        ? { capacity: '0', allocatable: '0' }
        : { capacity: quantity(memory.maxBytes), allocatable: quantity(memory.maxBytes - memory.committedBytes) };
  return {
    phase: 'Running',
    addresses: [
      { type: 'InternalIP', address: told.ip || '127.0.0.1' },
      { type: 'Hostname', address: told.hostName },
    ],
    capacity: { pods: '65535', ...(limits ? { memory: limits.capacity } : {}) },
    allocatable: { pods: '65535', ...(limits ? { memory: limits.allocatable } : {}) },
    conditions: [
      ['Ready', 'True'],
      ['MemoryPressure', 'False'],
      ['DiskPressure', 'False'],
      ['PIDPressure', 'False'],
      ['NetworkUnavailable', 'False'],
    ].map(([type, status]) => ({ type, status, lastHeartbeatTime: seconds(), lastTransitionTime: null })),
    // Go writes these as they are: empty.
    nodeInfo: Object.fromEntries(nodeInfoFields.map((field) => [field, ''])),
    daemonEndpoints: { kubeletEndpoint: { Port: 0 } },
  };
}

const nodeInfoFields = [
  ...['machineID', 'systemUUID', 'bootID', 'kernelVersion', 'osImage', 'containerRuntimeVersion', 'kubeletVersion'],
  ...['kubeProxyVersion', 'operatingSystem', 'architecture'],
];

/**
 * Its strategic merge patch of a Node's status: what is there and not in its own Node goes, all annotations and labels included; the
 * server leaves spec alone.
 */
export function nodePatchOf(there: Json, own: Json): Json {
  const gone = (before: Record<string, unknown> = {}, after: Record<string, unknown> = {}) =>
    Object.fromEntries(Object.keys(before).flatMap((key) => (key in after ? [] : [[key, null]])));
  const conditions = (there.status.conditions ?? [])
    .filter(({ type }: Json) => !own.status.conditions.some((one: Json) => one.type === type))
    .map(({ type }: Json) => ({ $patch: 'delete', type }));
  return {
    metadata: {
      labels: { ...gone(there.metadata.labels, own.metadata.labels), ...own.metadata.labels },
      ...(there.metadata.annotations === undefined ? {} : { annotations: null }),
    },
    status: {
      ...own.status,
      capacity: { ...gone(there.status.capacity, own.status.capacity), ...own.status.capacity },
      allocatable: { ...gone(there.status.allocatable, own.status.allocatable), ...own.status.allocatable },
      conditions: [...own.status.conditions, ...conditions],
    },
  };
}

export function leaseOf(name: string, env: string, holder: string): Json {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: {
      name,
      namespace: 'kube-node-lease',
      labels: { [componentLabel]: 'vnode-lease', [envLabel]: env },
    },
    spec: { holderIdentity: holder, leaseDurationSeconds: 40, renewTime: micros() },
  };
}

/** What it takes for the state of one module. */
export interface BizTold {
  /** `name:version`. */
  readonly key: string;
  readonly name: string;
  /** As it came, in any case; `UNRESOLVED` where a list has it not. */
  readonly state: string;
  readonly changedAt: number;
  readonly reason?: string;
  readonly message?: string;
}

export function keyOf(container: Json): string {
  return `${container.name}:${container.env?.find(({ name }: Json) => name === 'BIZ_VERSION')?.value ?? ''}`;
}

function containerStatusOf(container: Json, told: BizTold): Json {
  const state = told.state.toUpperCase();
  const isReady = state === 'ACTIVATED';
  const why = { reason: told.reason, message: told.message };
  const at = seconds(told.changedAt);
  const states: Readonly<Record<string, Json>> = {
    ACTIVATED: { running: { startedAt: at } },
    RESOLVED: { waiting: why },
    DEACTIVATED: { waiting: why },
    BROKEN: { waiting: why },
    STOPPED: { terminated: { exitCode: 1, ...why, startedAt: at, finishedAt: at } },
  };
  return {
    name: container.name,
    image: container.image,
    containerID: container.name,
    imageID: container.image,
    ready: isReady,
    started: isReady,
    restartCount: 0,
    lastState: {},
    state: states[state] ?? {},
  };
}

/** The status of a Pod after news of one module: the others keep what stood there. */
export function podStatusOf(pod: Json, ip: string, told: BizTold): Json {
  const jars = pod.spec.containers.filter(({ image }: Json) => image.includes('.jar'));
  const containerStatuses = jars.map((container: Json) => {
    const before = pod.status?.containerStatuses?.find(({ name }: Json) => name === container.name);
    if (container.name !== told.name && before !== undefined) return before;
    const nothing = { key: keyOf(container), name: container.name, state: 'UNRESOLVED', changedAt: 0 };
    return containerStatusOf(container, container.name === told.name ? told : nothing);
  });
  const count = (is: (one: Json) => boolean): number => containerStatuses.filter(is).length;
  const ready = count((one) => one.ready);
  const terminated = count((one) => !one.ready && one.state.terminated !== undefined);
  const waiting = count((one) => !one.ready && (one.state.waiting ?? one.state.running) !== undefined);
  const isReady = jars.length > 0 && ready === jars.length;
  const phase = jars.length === terminated ? 'Succeeded' : isReady || waiting > 0 || ready > 0 ? 'Running' : 'Pending';
  return {
    phase,
    podIP: ip,
    podIPs: [{ ip }],
    conditions: ['Ready', 'ContainersReady'].map((type) => ({
      type,
      status: isReady ? 'True' : 'False',
      lastProbeTime: seconds(),
      lastTransitionTime: null,
    })),
    containerStatuses,
  };
}

/** Its freshness rule (since v0.3.8): the second of the minute must have grown. */
export function isFresher(pod: Json, told: BizTold): boolean {
  const before = pod.status?.containerStatuses?.find(({ name }: Json) => name === told.name)?.state ?? {};
  const at = before.running?.startedAt ?? before.terminated?.finishedAt;
  return at === undefined || new Date(told.changedAt).getUTCSeconds() > new Date(at).getUTCSeconds();
}

/** A JSON merge patch from one value to another: lists go whole. */
export function mergePatch(before: Json, after: Json): Json {
  const patch: Record<string, Json> = {};
  for (const key of Object.keys(before ?? {})) if (!(key in after)) patch[key] = null;
  for (const [key, value] of Object.entries<Json>(after)) {
    const old = before?.[key];
    if (JSON.stringify(old) === JSON.stringify(value)) continue;
    patch[key] = isPlain(old) && isPlain(value) ? mergePatch(old, value) : value;
  }
  return patch;
}

const isPlain = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);
