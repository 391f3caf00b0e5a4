/**
 * The pod garbage collector (kubernetes, pkg/controller/podgc): removes pods that nobody will ever end: on Nodes that are
 * gone, on Nodes that are out of service, being deleted without a Node, or long ended and too many.
 */
import type { KubeObject } from '../kinds/kind.ts';
import { timeText } from './machinery/instants.ts';
import { isReason } from './machinery/owners.ts';
import { type Condition, conditionOf, podSpec, podStatus, type Taint } from './machinery/shapes.ts';
import { byNode, type Controller, type ControllerContext, controllerActor } from './options.ts';

const component = 'pod-garbage-collector';
const outOfService = 'node.kubernetes.io/out-of-service';
const terminatedDefault = 12_500;

const isEnded = (pod: KubeObject): boolean => ['Succeeded', 'Failed'].includes(podStatus(pod).phase ?? '');
const isTerminating = (pod: KubeObject): boolean => pod.metadata.deletionTimestamp !== undefined;
const nodeOf = (pod: KubeObject): string => podSpec(pod).nodeName ?? '';

export function startPodGc(context: ControllerContext): Controller {
  const { api, clock, periods, options } = context;
  const pods = context.index('pods');
  const nodes = context.index('nodes');
  const threshold = options.terminatedPodThreshold ?? terminatedDefault;
  /** Since when a node that pods name has been missing. */
  const missingSince = new Map<string, number>();

  function collect(): void {
    cancel = clock.after(periods.podGcPeriodMs, collect);
    const all = pods.all();
    collectEnded(all);
    for (const pod of all) {
      if (!isTerminating(pod)) continue;
      if (nodeOf(pod) === '' || isOutOfService(nodeOf(pod))) remove(pod);
    }
    collectOrphaned(all);
  }

  function collectEnded(all: readonly KubeObject[]): void {
    if (threshold <= 0) return;
    const ended = all.filter((pod) => isEnded(pod) && !isTerminating(pod));
    if (ended.length <= threshold) return;
    ended.sort((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1));
    for (const pod of ended.slice(0, ended.length - threshold)) remove(pod);
  }

  function isOutOfService(name: string): boolean {
    const node = nodes.get(name);
    if (node === undefined) return false;
    const taints: Taint[] = node.spec?.taints ?? [];
    const ready = conditionOf(node.status?.conditions, 'Ready')?.status === 'True';
    return !ready && taints.some((taint) => taint.key === outOfService);
  }

  function collectOrphaned(all: readonly KubeObject[]): void {
    const missing = new Set(all.map(nodeOf).filter((name) => name !== '' && nodes.get(name) === undefined));
    for (const name of missingSince.keys()) if (!missing.has(name)) missingSince.delete(name);
    const now = clock.now();
    for (const name of missing) {
      const since = missingSince.get(name) ?? now;
      missingSince.set(name, since);
      if (now - since < periods.podGcQuarantineMs) continue;
      for (const pod of pods.by(byNode, name)) {
        remove(pod, { reason: 'DeletionByPodGC', message: 'PodGC: node no longer exists' });
      }
      missingSince.delete(name);
    }
  }

  /** Failed first, so that whoever counts pods knows how it ended; then gone without grace. */
  function remove(pod: KubeObject, disruption?: { reason: string; message: string }): void {
    const { name, namespace, uid } = pod.metadata;
    try {
      if (!isEnded(pod)) fail(pod, disruption);
      api.delete('pods', name, namespace, { gracePeriodSeconds: 0, preconditions: { uid } });
    } catch (error) {
      if (!isReason(error, 'NotFound', 'Conflict')) context.onError(error, `${component} ${namespace}/${name}`);
    }
  }

  function fail(pod: KubeObject, disruption: { reason: string; message: string } | undefined): void {
    api.modify(
      'pods',
      pod.metadata.name,
      pod.metadata.namespace,
      (draft) => {
        draft.status.phase = 'Failed';
        if (disruption !== undefined) draft.status.conditions = withDisruption(draft, disruption, clock.now());
      },
      { actor: controllerActor, subresource: 'status' },
    );
  }

  let cancel = clock.after(periods.podGcPeriodMs, collect);
  return { stop: () => cancel() };
}

/** The pod's conditions with DisruptionTarget. */
export function withDisruption(
  pod: KubeObject,
  { reason, message }: { reason: string; message: string },
  now: number,
): Condition[] {
  const before = podStatus(pod).conditions ?? [];
  const known = conditionOf(before, 'DisruptionTarget');
  const { generation } = pod.metadata;
  const next: Condition = {
    type: 'DisruptionTarget',
    status: 'True',
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    lastProbeTime: null,
    lastTransitionTime: known?.status === 'True' ? (known.lastTransitionTime ?? timeText(now)) : timeText(now),
    reason,
    message,
  };
  return [...before.filter((condition) => condition !== known), next];
}
