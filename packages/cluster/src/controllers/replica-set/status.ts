/** The status of a ReplicaSet, from its pods. */
import type { KubeObject } from '../../kinds/kind.ts';
import { parseTime, timeText } from '../machinery/instants.ts';
import {
  type Condition,
  conditionOf,
  isReady,
  podStatus,
  type ReplicaSetStatus,
  replicaSetSpec,
  replicaSetStatus,
} from '../machinery/shapes.ts';

/** When a ready pod counts as available; undefined while it is not ready. */
export function availableAt(pod: KubeObject, minReadySeconds: number): number | undefined {
  const ready = conditionOf(podStatus(pod).conditions, 'Ready');
  if (ready?.status !== 'True') return undefined;
  if (minReadySeconds === 0) return 0;
  const since = parseTime(ready.lastTransitionTime);
  return since === undefined ? undefined : since + minReadySeconds * 1000;
}

/** Zero counts are left out, as Go's `omitempty` leaves them out. */
const unlessZero = (count: number): number | undefined => (count === 0 ? undefined : count);

/** `failure` is what went wrong while pods were made or deleted, `missing` whether too few or too many are there. */
export function replicaSetStatusOf(
  set: KubeObject,
  active: readonly KubeObject[],
  failure: { message: string; reason: 'FailedCreate' | 'FailedDelete' } | undefined,
  now: number,
): ReplicaSetStatus {
  const spec = replicaSetSpec(set);
  const templateLabels = Object.entries(spec.template.metadata?.labels ?? {});
  let labeled = 0;
  let ready = 0;
  let available = 0;
  for (const pod of active) {
    if (templateLabels.every(([key, value]) => pod.metadata.labels?.[key] === value)) labeled++;
    if (!isReady(pod)) continue;
    ready++;
    const at = availableAt(pod, spec.minReadySeconds ?? 0);
    if (at !== undefined && at <= now) available++;
  }
  const conditions = failureConditions(replicaSetStatus(set).conditions ?? [], failure, now);
  const status: Record<string, unknown> = {
    replicas: active.length,
    fullyLabeledReplicas: unlessZero(labeled),
    readyReplicas: unlessZero(ready),
    availableReplicas: unlessZero(available),
    observedGeneration: set.metadata.generation,
    conditions: conditions.length === 0 ? undefined : conditions,
  };
  for (const key of Object.keys(status)) if (status[key] === undefined) delete status[key];
  return { replicas: active.length, ...status };
}

/** The first failure's text stays until a success takes the condition away. */
function failureConditions(
  before: readonly Condition[],
  failure: { message: string; reason: string } | undefined,
  now: number,
): Condition[] {
  const others = before.filter((condition) => condition.type !== 'ReplicaFailure');
  if (failure === undefined) return others;
  const known = conditionOf(before, 'ReplicaFailure');
  if (known !== undefined) return [...before];
  return [
    ...others,
    {
      type: 'ReplicaFailure',
      status: 'True',
      lastTransitionTime: timeText(now),
      reason: failure.reason,
      message: failure.message,
    },
  ];
}
