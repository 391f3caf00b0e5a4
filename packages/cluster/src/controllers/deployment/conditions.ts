/** Status and conditions of a Deployment (kubernetes 1.34, deployment/progress.go; texts in fixtures/kubernetes/objects). */
import type { KubeObject } from '../../kinds/kind.ts';
import { parseTime, timeText } from '../machinery/instants.ts';
import {
  type Condition,
  conditionOf,
  type DeploymentSpec,
  type DeploymentStatus,
  deploymentSpec,
  deploymentStatus,
  replicaSetStatus,
} from '../machinery/shapes.ts';
import { actualOf, availableOf, maxUnavailableOf, readyOf, wantedBy } from './sizes.ts';

/** No deadline is written as the largest int32. */
const noLimit = 2_147_483_647;

export const hasDeadline = (spec: DeploymentSpec): boolean =>
  spec.progressDeadlineSeconds !== undefined && spec.progressDeadlineSeconds !== noLimit;

export const hasHistoryLimit = (spec: DeploymentSpec): boolean =>
  spec.revisionHistoryLimit !== undefined && spec.revisionHistoryLimit !== noLimit;

export interface NewCondition {
  type: 'Available' | 'Progressing';
  status: Condition['status'];
  reason: string;
  message: string;
}

/** Sets a condition unless status and reason are what they were; the transition time moves with the status only. */
export function withCondition(conditions: readonly Condition[], next: NewCondition, now: number): Condition[] {
  const known = conditionOf(conditions, next.type);
  if (known?.status === next.status && known.reason === next.reason) return [...conditions];
  return [...without(conditions, next.type), freshCondition(next, known, now)];
}

function freshCondition(next: NewCondition, known: Condition | undefined, now: number): Condition {
  return {
    type: next.type,
    status: next.status,
    lastUpdateTime: timeText(now),
    lastTransitionTime: known?.status === next.status ? (known.lastTransitionTime ?? timeText(now)) : timeText(now),
    reason: next.reason,
    message: next.message,
  };
}

const without = (conditions: readonly Condition[], type: string): Condition[] =>
  conditions.filter((condition) => condition.type !== type);

/** The counts and the Available condition. */
export function statusOf(
  deployment: KubeObject,
  newSet: KubeObject | undefined,
  old: readonly KubeObject[],
  now: number,
): DeploymentStatus {
  const spec = deploymentSpec(deployment);
  const before = deploymentStatus(deployment);
  const all = newSet === undefined ? [...old] : [...old, newSet];
  const available = availableOf(all);
  const isAvailable = available >= spec.replicas - maxUnavailableOf(spec);
  const counts: Array<[keyof DeploymentStatus, number]> = [
    ['replicas', actualOf(all)],
    ['updatedReplicas', newSet === undefined ? 0 : actualOf([newSet])],
    ['readyReplicas', readyOf(all)],
    ['availableReplicas', available],
    ['unavailableReplicas', Math.max(0, wantedBy(all) - available)],
  ];
  return {
    ...(deployment.metadata.generation === undefined ? {} : { observedGeneration: deployment.metadata.generation }),
    ...Object.fromEntries(counts.filter(([, count]) => count !== 0)),
    ...(before.collisionCount === undefined ? {} : { collisionCount: before.collisionCount }),
    conditions: withCondition(
      before.conditions ?? [],
      isAvailable
        ? {
            type: 'Available',
            status: 'True',
            reason: 'MinimumReplicasAvailable',
            message: 'Deployment has minimum availability.',
          }
        : {
            type: 'Available',
            status: 'False',
            reason: 'MinimumReplicasUnavailable',
            message: 'Deployment does not have minimum availability.',
          },
      now,
    ),
  };
}

/** Everything wanted is there, is new and is available. */
export function isComplete(deployment: KubeObject, status: DeploymentStatus): boolean {
  const { replicas } = deploymentSpec(deployment);
  return (
    (status.updatedReplicas ?? 0) === replicas &&
    (status.replicas ?? 0) === replicas &&
    (status.availableReplicas ?? 0) === replicas &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

function hasProgressed(before: DeploymentStatus, after: DeploymentStatus): boolean {
  const old = (status: DeploymentStatus): number => (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
  return (
    (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(after) < old(before) ||
    (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

function hasTimedOut(spec: DeploymentSpec, progressing: Condition | undefined, now: number): boolean {
  if (progressing === undefined || progressing.reason === 'NewReplicaSetAvailable') return false;
  if (progressing.reason === 'ProgressDeadlineExceeded') return true;
  const since = parseTime(progressing.lastUpdateTime) ?? now;
  return since + (spec.progressDeadlineSeconds ?? 0) * 1000 < now;
}

/** The status of a Deployment that is rolling out: counts, Available, Progressing and ReplicaFailure. */
export function rolloutStatusOf(
  deployment: KubeObject,
  newSet: KubeObject | undefined,
  old: readonly KubeObject[],
  now: number,
): DeploymentStatus {
  const spec = deploymentSpec(deployment);
  const before = deploymentStatus(deployment);
  const status = statusOf(deployment, newSet, old, now);
  let conditions = status.conditions ?? [];
  const subject =
    newSet === undefined ? `Deployment "${deployment.metadata.name}"` : `ReplicaSet "${newSet.metadata.name}"`;
  const current = conditionOf(before.conditions, 'Progressing');
  const isDone =
    (status.replicas ?? 0) === (status.updatedReplicas ?? 0) && current?.reason === 'NewReplicaSetAvailable';

  if (!hasDeadline(spec)) conditions = without(conditions, 'Progressing');
  else if (!isDone) {
    if (isComplete(deployment, status)) {
      const message = `${subject} has successfully progressed.`;
      conditions = withCondition(
        conditions,
        { type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable', message },
        now,
      );
    } else if (hasProgressed(before, status)) {
      // Written anew though status and reason are the same: lastUpdateTime is what the deadline counts from.
      const next: NewCondition = {
        type: 'Progressing',
        status: 'True',
        reason: 'ReplicaSetUpdated',
        message: `${subject} is progressing.`,
      };
      conditions = [...without(conditions, 'Progressing'), freshCondition(next, current, now)];
    } else if (hasTimedOut(spec, conditionOf(conditions, 'Progressing'), now)) {
      const message = `${subject} has timed out progressing.`;
      conditions = withCondition(
        conditions,
        { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message },
        now,
      );
    }
  }
  return { ...status, conditions: withReplicaFailure(conditions, newSet, old) };
}

/** The first ReplicaSet's failure is the Deployment's, the new one's before all. */
function withReplicaFailure(
  conditions: readonly Condition[],
  newSet: KubeObject | undefined,
  old: readonly KubeObject[],
): Condition[] {
  for (const set of newSet === undefined ? old : [newSet, ...old]) {
    const failure = conditionOf(replicaSetStatus(set).conditions, 'ReplicaFailure');
    if (failure === undefined) continue;
    const known = conditionOf(conditions, 'ReplicaFailure');
    if (known?.status === failure.status && known.reason === failure.reason) return [...conditions];
    const { lastTransitionTime } = failure;
    return [
      ...without(conditions, 'ReplicaFailure'),
      {
        type: 'ReplicaFailure',
        status: failure.status,
        ...(lastTransitionTime === undefined ? {} : { lastUpdateTime: lastTransitionTime, lastTransitionTime }),
        ...(failure.reason === undefined ? {} : { reason: failure.reason }),
        ...(failure.message === undefined ? {} : { message: failure.message }),
      },
    ];
  }
  return without(conditions, 'ReplicaFailure');
}

/** When to look again at a rollout that does not move; undefined where nothing is waited for. */
export function deadlineOf(deployment: KubeObject, status: DeploymentStatus): number | undefined {
  const spec = deploymentSpec(deployment);
  const progressing = conditionOf(status.conditions, 'Progressing');
  if (!hasDeadline(spec) || progressing === undefined) return undefined;
  if (isComplete(deployment, status) || progressing.reason === 'ProgressDeadlineExceeded') return undefined;
  const since = parseTime(progressing.lastUpdateTime);
  // A second later, because instants are cut to seconds.
  return since === undefined ? undefined : since + (spec.progressDeadlineSeconds ?? 0) * 1000 + 1000;
}
