/** The status of a ReplicaSet, from its pods. */
import type { KubeObject } from '../../kinds/kind.ts';
import { isAvailable } from '../machinery/availability.ts';
import { timeText } from '../machinery/instants.ts';
import {
  type Condition,
  conditionOf,
  isReady,
  type ReplicaSetStatus,
  replicaSetSpec,
  replicaSetStatus,
} from '../machinery/shapes.ts';

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
    if (isAvailable(pod, spec.minReadySeconds ?? 0, now)) available++;
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
