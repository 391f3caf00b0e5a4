/** A pod as `kubectl get pods` shows it (kubernetes, pkg/printers/internalversion/printers.go printPod). */
import { ageOf } from './ages.ts';
import { type Fields, fieldsOf, isFields, listOf } from './json.ts';
import type { KubeObject } from './kind.ts';

/** Name, Ready, Status, Restarts, Age, IP, Node, Nominated Node, Readiness Gates. [SPEC C48] */
export function podCells(pod: KubeObject, now: number): unknown[] {
  const spec = fieldsOf(pod.spec);
  const status = fieldsOf(pod.status);
  const init = readInitContainers(spec, status);
  const main =
    init.reason === undefined || hasCondition(status, 'Initialized') ? readContainers(status, init) : undefined;
  const restarts = main ?? { count: init.restarts, at: init.restartedAt };
  const ready = init.ready + (main?.ready ?? 0);
  const total = listOf(spec.containers).length + listOf(spec.initContainers).filter(isSidecar).length;
  return [
    pod.metadata.name,
    `${ready}/${total}`,
    statusText(pod, main === undefined ? init.reason : (main.reason ?? init.reason)),
    restartsText(restarts.count, restarts.at, now),
    ageOf(pod.metadata.creationTimestamp, now),
    listOf(status.podIPs)[0]?.ip || '<none>',
    spec.nodeName || '<none>',
    status.nominatedNodeName || '<none>',
    readinessGates(spec, status),
  ];
}

function statusText(pod: KubeObject, containersReason: string | undefined): string {
  const status = fieldsOf(pod.status);
  const isGated = listOf(status.conditions).some(
    ({ type, reason }) => type === 'PodScheduled' && reason === 'SchedulingGated',
  );
  const podReason = isGated ? 'SchedulingGated' : String(status.reason || status.phase || '');
  if (pod.metadata.deletionTimestamp !== undefined) {
    if (status.reason === 'NodeLost') return 'Unknown';
    if (status.phase !== 'Succeeded' && status.phase !== 'Failed') return 'Terminating';
  }
  return containersReason ?? podReason;
}

interface InitReading {
  ready: number;
  /** Of all init containers. */
  restarts: number;
  restartedAt: number;
  /** Of those that stay on beside the others. */
  sidecarRestarts: number;
  sidecarRestartedAt: number;
  /** What initialisation waits for or failed by; undefined once it is done. */
  reason: string | undefined;
}

function readInitContainers(spec: Fields, status: Fields): InitReading {
  const containers = listOf(spec.initContainers);
  const sidecars = new Set(containers.filter(isSidecar).map(({ name }) => name));
  const reading: InitReading = {
    ready: 0,
    restarts: 0,
    restartedAt: 0,
    sidecarRestarts: 0,
    sidecarRestartedAt: 0,
    reason: undefined,
  };
  for (const [index, container] of listOf(status.initContainerStatuses).entries()) {
    const restarted = restartedAt(container);
    reading.restarts += countOf(container);
    reading.restartedAt = Math.max(reading.restartedAt, restarted);
    const isOne = sidecars.has(container.name);
    if (isOne) {
      reading.sidecarRestarts += countOf(container);
      reading.sidecarRestartedAt = Math.max(reading.sidecarRestartedAt, restarted);
    }
    const { terminated, waiting } = fieldsOf(container.state);
    if (isFields(terminated) && (terminated.exitCode ?? 0) === 0) continue;
    if (isOne && container.started === true) {
      if (container.ready === true) reading.ready += 1;
      continue;
    }
    if (isFields(terminated)) reading.reason = `Init:${terminatedText(terminated)}`;
    else if (isFields(waiting) && waiting.reason && waiting.reason !== 'PodInitializing') {
      reading.reason = `Init:${waiting.reason}`;
    } else reading.reason = `Init:${index}/${containers.length}`;
    break;
  }
  return reading;
}

function readContainers(
  status: Fields,
  init: InitReading,
): { ready: number; count: number; at: number; reason: string | undefined } {
  let ready = 0;
  let count = init.sidecarRestarts;
  let at = init.sidecarRestartedAt;
  let reason: string | undefined;
  let hasRunning = false;
  for (const container of listOf(status.containerStatuses).reverse()) {
    count += countOf(container);
    at = Math.max(at, restartedAt(container));
    const { terminated, waiting, running } = fieldsOf(container.state);
    if (isFields(waiting) && waiting.reason) reason = String(waiting.reason);
    else if (isFields(terminated)) reason = terminatedText(terminated);
    else if (container.ready === true && isFields(running)) {
      hasRunning = true;
      ready += 1;
    }
  }
  if (reason === 'Completed' && hasRunning) reason = hasCondition(status, 'Ready') ? 'Running' : 'NotReady';
  return { ready, count, at, reason };
}

function terminatedText({ reason, signal, exitCode }: Fields): string {
  if (reason) return String(reason);
  return signal ? `Signal:${signal}` : `ExitCode:${exitCode ?? 0}`;
}

function restartsText(count: number, at: number, now: number): string {
  return count !== 0 && at !== 0 ? `${count} (${ageOf(new Date(at).toISOString(), now)} ago)` : String(count);
}

function countOf(container: Fields): number {
  return typeof container.restartCount === 'number' ? container.restartCount : 0;
}

/** When the container last ended before it was started again, in ms; 0 if never. */
function restartedAt(container: Fields): number {
  const finishedAt: unknown = fieldsOf(fieldsOf(container.lastState).terminated).finishedAt;
  const at = typeof finishedAt === 'string' ? Date.parse(finishedAt) : 0;
  return Number.isNaN(at) ? 0 : at;
}

function readinessGates(spec: Fields, status: Fields): string {
  const gates = listOf(spec.readinessGates);
  if (gates.length === 0) return '<none>';
  const met = gates.filter(({ conditionType }) => hasCondition(status, String(conditionType))).length;
  return `${met}/${gates.length}`;
}

function hasCondition(status: Fields, type: string): boolean {
  return listOf(status.conditions).find((condition) => condition.type === type)?.status === 'True';
}

/** An init container that runs beside the others. */
function isSidecar(container: Fields): boolean {
  return container.restartPolicy === 'Always';
}
