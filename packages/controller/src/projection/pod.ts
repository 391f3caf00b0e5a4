/** A Pod of the API server → `ObservedPod`: the fields that a rule reads and nothing else (2 KB instead of 13 a Pod). */
import {
  type ContainerSpec,
  type ContainerState,
  type ContainerStatus,
  type Handed,
  handedOf,
  handOverAnnotation,
  type ObservedPod,
  type PodStatus,
} from '@kouplet/core';
import { boolean, type Json, list, number, oneOf, present, record, text } from './json.ts';
import { projectConditions, projectMeta } from './meta.ts';

const phases = ['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'] as const;
const restartPolicies = ['Always', 'OnFailure', 'Never'] as const;
/** Where every API server mounts the ServiceAccount's token unasked: not a mount that a person wanted. */
const serviceAccountMount = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * @returns undefined for a Pod that is bound to no Node, or to one that `isOurs` denies: neither is kept in memory.
 * Annotations but ours are dropped (kubectl's last-applied is as large as the Pod), and so is every env but BIZ_VERSION, unless the
 * Pod has them handed over: what is not kept cannot be shown by mistake.
 */
export function projectPod(raw: unknown, isOurs: (nodeName: string) => boolean): ObservedPod | undefined {
  const object = record(raw);
  const spec = record(object.spec);
  const nodeName = text(spec.nodeName);
  if (nodeName === undefined || nodeName === '' || !isOurs(nodeName)) return undefined;
  const metadata = projectMeta(raw, isOurAnnotation);
  if (metadata === undefined) return undefined;
  const handed = handedOf(metadata.annotations?.[handOverAnnotation]);
  const initContainers = list(spec.initContainers).map((entry) => ({ name: text(record(entry).name) ?? '' }));
  const readinessGates = list(spec.readinessGates).flatMap((entry) => {
    const conditionType = text(record(entry).conditionType);
    return conditionType === undefined ? [] : [{ conditionType }];
  });
  return {
    metadata,
    spec: present({
      nodeName,
      restartPolicy: oneOf(spec.restartPolicy, restartPolicies) ?? ('Always' as const),
      terminationGracePeriodSeconds: number(spec.terminationGracePeriodSeconds),
      containers: list(spec.containers).map((container) => projectContainer(container, handed)),
      initContainers: initContainers.length > 0 ? initContainers : undefined,
      readinessGates: readinessGates.length > 0 ? readinessGates : undefined,
    }),
    status: projectStatus(record(object.status)),
  };
}

function isOurAnnotation(key: string): boolean {
  return key.includes('koupleless.io/') || key.includes('kouplet.io/');
}

function projectContainer(raw: unknown, handed: Handed): ContainerSpec {
  const container = record(raw);
  const env = list(container.env).flatMap((entry) => {
    const variable = record(entry);
    const name = text(variable.name);
    if (name === undefined || (name !== 'BIZ_VERSION' && !handed.hasEnv)) return [];
    return [
      present({
        name,
        value: text(variable.value),
        hasValueFrom: variable.valueFrom === undefined || variable.valueFrom === null ? undefined : true,
      }),
    ];
  });
  const args = handed.hasArgs ? list(container.args).filter((arg) => typeof arg === 'string') : [];
  const ignoredFields = ignoredFieldsOf(container, handed);
  return present({
    name: text(container.name) ?? '',
    image: text(container.image),
    env: env.length > 0 ? env : undefined,
    args: args.length > 0 ? args : undefined,
    hasEnvFrom: handed.hasEnv && list(container.envFrom).length > 0 ? (true as const) : undefined,
    ignoredFields: ignoredFields.length > 0 ? ignoredFields : undefined,
  });
}

/** Fields that mean something to a kubelet and nothing to a base, in the order of the API reference. */
function ignoredFieldsOf(container: Json, { hasEnv, hasArgs }: Handed): string[] {
  const fields: string[] = [];
  for (const name of ['command', ...(hasArgs ? [] : ['args']), ...(hasEnv ? [] : ['envFrom'])]) {
    if (list(container[name]).length > 0) fields.push(name);
  }
  if (!hasEnv && list(container.env).some((variable) => record(variable).name !== 'BIZ_VERSION')) fields.push('env');
  const resources = record(container.resources);
  if (Object.keys(record(resources.requests)).length > 0 || Object.keys(record(resources.limits)).length > 0) {
    fields.push('resources');
  }
  if (list(container.volumeMounts).some((mount) => record(mount).mountPath !== serviceAccountMount)) {
    fields.push('volumeMounts');
  }
  for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle']) {
    if (container[name] !== undefined && container[name] !== null) fields.push(name);
  }
  return fields;
}

function projectStatus(status: Json): PodStatus {
  const containerStatuses = Array.isArray(status.containerStatuses)
    ? status.containerStatuses.map(projectContainerStatus)
    : undefined;
  return present({
    phase: oneOf(status.phase, phases),
    reason: text(status.reason),
    message: text(status.message),
    podIP: text(status.podIP),
    podIPs: projectIps(status.podIPs),
    hostIP: text(status.hostIP),
    hostIPs: projectIps(status.hostIPs),
    startTime: text(status.startTime),
    observedGeneration: number(status.observedGeneration),
    conditions: projectConditions(status.conditions),
    containerStatuses,
  });
}

function projectIps(raw: unknown): ReadonlyArray<{ readonly ip: string }> | undefined {
  if (!Array.isArray(raw)) return undefined;
  return raw.flatMap((entry) => {
    const ip = text(record(entry).ip);
    return ip === undefined ? [] : [{ ip }];
  });
}

function projectContainerStatus(raw: unknown): ContainerStatus {
  const status = record(raw);
  return present({
    name: text(status.name) ?? '',
    image: text(status.image) ?? '',
    imageID: text(status.imageID) ?? '',
    containerID: text(status.containerID),
    ready: status.ready === true,
    started: boolean(status.started),
    restartCount: number(status.restartCount) ?? 0,
    state: projectState(status.state),
    lastState: projectState(status.lastState),
  });
}

/** The server answers an empty `lastState: {}` for none. */
function projectState(raw: unknown): ContainerState | undefined {
  const state = record(raw);
  if (state.waiting !== undefined) {
    const waiting = record(state.waiting);
    return { waiting: present({ reason: text(waiting.reason), message: text(waiting.message) }) };
  }
  if (state.running !== undefined) {
    return { running: present({ startedAt: text(record(state.running).startedAt) }) };
  }
  if (state.terminated !== undefined) {
    const terminated = record(state.terminated);
    return {
      terminated: present({
        exitCode: number(terminated.exitCode) ?? 0,
        reason: text(terminated.reason),
        message: text(terminated.message),
        startedAt: text(terminated.startedAt),
        finishedAt: text(terminated.finishedAt),
      }),
    };
  }
  return undefined;
}
