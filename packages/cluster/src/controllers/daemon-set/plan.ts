/** What a DaemonSet should do on each node (kubernetes 1.34, pkg/controller/daemon). Pure. */

import type { KubeObject } from '../../kinds/kind.ts';
import { scaled } from '../deployment/sizes.ts';
import { isAvailable } from '../machinery/availability.ts';
import type { NodeSelectorTerm, PodSpec, PodTemplate, Taint, Toleration } from '../machinery/shapes.ts';
import { isReady, podSpec, podStatus } from '../machinery/shapes.ts';
import { isTolerated, keepsAway } from '../machinery/tolerations.ts';
import { acceptsNode } from '../scheduler/node-affinity.ts';

export const hashLabel = 'controller-revision-hash';
export const generationLabel = 'pod-template-generation';
export const generationAnnotation = 'deprecated.daemonset.template.generation';

const added: ReadonlyArray<readonly [key: string, effect: string]> = [
  ['not-ready', 'NoExecute'],
  ['unreachable', 'NoExecute'],
  ['disk-pressure', 'NoSchedule'],
  ['memory-pressure', 'NoSchedule'],
  ['pid-pressure', 'NoSchedule'],
  ['unschedulable', 'NoSchedule'],
];

/** The template's tolerations and those that every daemon has: it must not leave a node that is in trouble. */
export function daemonTolerations(spec: PodSpec): Toleration[] {
  const extra = spec.hostNetwork === true ? [...added, ['network-unavailable', 'NoSchedule'] as const] : added;
  const tolerations = extra.map(
    ([key, effect]): Toleration => ({ key: `node.kubernetes.io/${key}`, operator: 'Exists', effect }),
  );
  const isAdded = (one: Toleration): boolean =>
    tolerations.some((other) => other.key === one.key && other.effect === one.effect && one.operator === 'Exists');
  return [...(spec.tolerations ?? []).filter((one) => !isAdded(one)), ...tolerations];
}

/** The template of the pod for one node: bound by the scheduler, through the node's name. */
export function templateFor(set: KubeObject, nodeName: string, hash: string): PodTemplate {
  const template: PodTemplate = set.spec.template;
  const { spec } = template;
  const generation = set.metadata.annotations?.[generationAnnotation];
  const term: NodeSelectorTerm = { matchFields: [{ key: 'metadata.name', operator: 'In', values: [nodeName] }] };
  return {
    metadata: {
      ...template.metadata,
      labels: {
        ...template.metadata?.labels,
        ...(generation === undefined ? {} : { [generationLabel]: generation }),
        [hashLabel]: hash,
      },
    },
    spec: {
      ...spec,
      tolerations: daemonTolerations(spec),
      affinity: {
        ...spec.affinity,
        nodeAffinity: {
          ...spec.affinity?.nodeAffinity,
          requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] },
        },
      },
    },
  };
}

/** Whether a node should get a daemon, and whether one that is there may stay. */
export function fits(set: KubeObject, node: KubeObject): { shouldRun: boolean; mayStay: boolean } {
  const spec: PodSpec = set.spec.template.spec;
  const identity = { name: node.metadata.name, labels: node.metadata.labels ?? {} };
  const isNamed = spec.nodeName === undefined || spec.nodeName === '' || spec.nodeName === identity.name;
  if (!isNamed || !acceptsNode(spec, identity)) return { shouldRun: false, mayStay: false };
  const taints: Taint[] = node.spec?.taints ?? [];
  const untolerated = taints.filter((taint) => keepsAway(taint) && !isTolerated(taint, daemonTolerations(spec)));
  return {
    shouldRun: untolerated.length === 0,
    mayStay: untolerated.every((taint) => taint.effect !== 'NoExecute'),
  };
}

/** The node that a daemon's pod is on or meant for. */
export function targetOf(pod: KubeObject): string | undefined {
  const { nodeName, affinity } = podSpec(pod);
  if (nodeName !== undefined && nodeName !== '') return nodeName;
  const terms = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  return terms[0]?.matchFields?.[0]?.values?.[0];
}

const isTerminating = (pod: KubeObject): boolean => pod.metadata.deletionTimestamp !== undefined;
/** On a node first, then older first. */
export function bySeniority(a: KubeObject, b: KubeObject): number {
  const placed = Number(podSpec(b).nodeName !== undefined) - Number(podSpec(a).nodeName !== undefined);
  return placed !== 0 ? placed : a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1;
}

export interface Steps {
  create: string[];
  remove: KubeObject[];
}

/** Pods that ended, are one too many or may not stay go; nodes without one get one. */
export function keepOneEach(
  set: KubeObject,
  nodes: readonly KubeObject[],
  podsOn: ReadonlyMap<string, readonly KubeObject[]>,
  hash: string,
  now: number,
): Steps {
  const steps: Steps = { create: [], remove: [] };
  const minReadySeconds: number = set.spec.minReadySeconds ?? 0;
  for (const node of nodes) {
    const { name } = node.metadata;
    const { shouldRun, mayStay } = fits(set, node);
    const pods = podsOn.get(name) ?? [];
    if (shouldRun && pods.length === 0) steps.create.push(name);
    if (!mayStay) {
      steps.remove.push(...pods.filter((pod) => !isTerminating(pod)));
      continue;
    }
    const alive = pods.filter((pod) => !isTerminating(pod));
    const ended = alive.filter((pod) => ['Failed', 'Succeeded'].includes(podStatus(pod).phase ?? ''));
    steps.remove.push(...ended);
    const running = alive.filter((pod) => !ended.includes(pod)).sort(bySeniority);
    if (surgeOf(set, 1) === 0) steps.remove.push(...running.slice(1));
    else if (running.length === 0 && pods.length > 0 && shouldRun) steps.create.push(name);
    else if (running.length > 1) steps.remove.push(...surplusOfSurge(running, hash, minReadySeconds, now));
  }
  return steps;
}

/** With surge an old and a new pod may be on a node together, until the new one is available or the old one is not ready. */
function surplusOfSurge(
  running: readonly KubeObject[],
  hash: string,
  minReadySeconds: number,
  now: number,
): KubeObject[] {
  const isNew = (pod: KubeObject): boolean => pod.metadata.labels?.[hashLabel] === hash;
  const fresh = running.find(isNew);
  const old = running.find((pod) => !isNew(pod));
  const surplus = running.filter((pod) => pod !== fresh && pod !== old);
  if (fresh === undefined || old === undefined) return surplus;
  return !isReady(old) || isAvailable(fresh, minReadySeconds, now) ? [...surplus, old] : surplus;
}

export function surgeOf(set: KubeObject, desired: number): number {
  if (set.spec.updateStrategy?.type !== 'RollingUpdate') return 0;
  return scaled(set.spec.updateStrategy.rollingUpdate?.maxSurge, desired, 'up');
}

/** A rolling update's next step: never more unavailable than allowed, except old pods that are unavailable anyway. */
export function rollOn(
  set: KubeObject,
  desired: number,
  nodes: readonly KubeObject[],
  podsOn: ReadonlyMap<string, readonly KubeObject[]>,
  hash: string,
  now: number,
): Steps {
  const surge = surgeOf(set, desired);
  const rolling = set.spec.updateStrategy?.rollingUpdate ?? {};
  const limit = surge > 0 ? surge : Math.max(1, scaled(rolling.maxUnavailable ?? 1, desired, 'up'));
  const minReadySeconds: number = set.spec.minReadySeconds ?? 0;
  let disturbed = 0;
  const free: Array<{ node: string; pod: KubeObject }> = [];
  const candidates: Array<{ node: string; pod: KubeObject }> = [];
  const superseded: KubeObject[] = [];
  const byName = new Map(nodes.map((node) => [node.metadata.name, node]));
  for (const [node, pods] of podsOn) {
    const alive = pods.filter((pod) => !isTerminating(pod));
    const fresh = alive.filter((pod) => pod.metadata.labels?.[hashLabel] === hash);
    const old = alive.filter((pod) => pod.metadata.labels?.[hashLabel] !== hash);
    const [oldPod] = old;
    const [newPod] = fresh;
    if (fresh.length > 1 || old.length > 1) disturbed++;
    else if (oldPod === undefined) {
      if (newPod === undefined ? surge === 0 : surge === 0 && !isAvailable(newPod, minReadySeconds, now)) disturbed++;
    } else if (newPod !== undefined) {
      if (surge > 0 && isAvailable(newPod, minReadySeconds, now)) superseded.push(oldPod);
      else disturbed++;
    } else if (!isAvailable(oldPod, minReadySeconds, now)) {
      free.push({ node, pod: oldPod });
      if (surge === 0) disturbed++;
    } else candidates.push({ node, pod: oldPod });
  }
  const chosen = [...free, ...candidates.slice(0, Math.max(0, limit - disturbed))];
  if (surge === 0) return { create: [], remove: chosen.map(({ pod }) => pod) };
  const runs = ({ node }: { node: string }): boolean => {
    const found = byName.get(node);
    return found !== undefined && fits(set, found).shouldRun;
  };
  return {
    create: chosen.filter(runs).map(({ node }) => node),
    remove: [...superseded, ...chosen.filter((one) => !runs(one)).map(({ pod }) => pod)],
  };
}

/** The counts of the status. */
export function daemonStatus(
  set: KubeObject,
  nodes: readonly KubeObject[],
  podsOn: ReadonlyMap<string, readonly KubeObject[]>,
  hash: string,
  now: number,
): Record<string, unknown> {
  const minReadySeconds: number = set.spec.minReadySeconds ?? 0;
  let desired = 0;
  let scheduled = 0;
  let misscheduled = 0;
  let ready = 0;
  let updated = 0;
  let available = 0;
  for (const node of nodes) {
    const [pod] = [...(podsOn.get(node.metadata.name) ?? [])].sort(bySeniority);
    if (!fits(set, node).shouldRun) {
      if (pod !== undefined) misscheduled++;
      continue;
    }
    desired++;
    if (pod === undefined) continue;
    scheduled++;
    if (isReady(pod)) ready++;
    if (isAvailable(pod, minReadySeconds, now)) available++;
    if (pod.metadata.labels?.[hashLabel] === hash) updated++;
  }
  const optional = {
    updatedNumberScheduled: updated,
    numberAvailable: available,
    numberUnavailable: desired - available,
  };
  return {
    currentNumberScheduled: scheduled,
    numberMisscheduled: misscheduled,
    desiredNumberScheduled: desired,
    numberReady: ready,
    observedGeneration: set.metadata.generation,
    ...Object.fromEntries(Object.entries(optional).filter(([, count]) => count > 0)),
    ...(set.status?.collisionCount === undefined ? {} : { collisionCount: set.status.collisionCount }),
  };
}
