/**
 * Whether a pod may be evicted, by the budgets that mean it (kubernetes 1.34, registry/core/pod/storage/eviction.go). Pure:
 * whoever serves `pods/eviction` writes what is answered, then deletes the pod.
 */
import type { Status } from '../api.ts';
import type { KubeObject } from '../kinds/kind.ts';
import { timeText } from './machinery/instants.ts';
import { compileSelector } from './machinery/label-selector.ts';
import { type Condition, isReady, podStatus } from './machinery/shapes.ts';

export type EvictionVerdict =
  /** No budget is spent. */
  | { kind: 'allowed' }
  /** Allowed once this status is written to the budget: one disruption fewer, the pod noted. */
  | { kind: 'allowed-by-budget'; budget: KubeObject; status: Record<string, unknown> }
  | { kind: 'refused'; status: Status };

/** The condition that an evicted pod gets before it is deleted. */
export const evictionCondition = {
  type: 'DisruptionTarget',
  status: 'True',
  reason: 'EvictionByEvictionAPI',
  message: 'Eviction API: evicting',
} as const;

/** More unconfirmed evictions than these mean that nobody keeps the budget's status. */
const mostDisrupted = 2000;

function failure(code: number, message: string, more: Partial<Status> = {}): EvictionVerdict {
  return {
    kind: 'refused',
    status: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, ...more, code },
  };
}

function tooMany(message: string, retryAfterSeconds?: number): EvictionVerdict {
  return failure(429, "Cannot evict pod as it would violate the pod's disruption budget.", {
    reason: 'TooManyRequests',
    details: {
      causes: [{ reason: 'DisruptionBudget', message }],
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    },
  });
}

function forbidden(name: string, why: string): EvictionVerdict {
  return failure(403, `poddisruptionbudget.policy "${name}" is forbidden: ${why}`, {
    reason: 'Forbidden',
    details: { name, group: 'policy', kind: 'poddisruptionbudget' },
  });
}

/** The condition that tells whether a budget allows a disruption now. */
export function disruptionAllowedCondition(
  before: readonly Condition[],
  allowed: number,
  observedGeneration: number | undefined,
  now: number,
): Condition[] {
  const known = before.find((condition) => condition.type === 'DisruptionAllowed');
  const status = allowed > 0 ? 'True' : 'False';
  const next: Condition = {
    type: 'DisruptionAllowed',
    status,
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
    lastTransitionTime: known?.status === status ? (known.lastTransitionTime ?? timeText(now)) : timeText(now),
    reason: allowed > 0 ? 'SufficientPods' : 'InsufficientPods',
    message: '',
  };
  return [...before.filter((condition) => condition !== known), next];
}

/**
 * @param pod   as it is now
 * @param pdbs  PodDisruptionBudgets of the pod's namespace; which of them mean the pod is found out here
 * @param now   ms since the epoch
 */
export function mayEvict(pod: KubeObject, pdbs: readonly KubeObject[], now: number): EvictionVerdict {
  const { phase } = podStatus(pod);
  if (phase !== 'Running' && phase !== 'Unknown') return { kind: 'allowed' };
  if (pod.metadata.deletionTimestamp !== undefined) return { kind: 'allowed' };
  const concerned = pdbs.filter(
    (pdb) =>
      pdb.metadata.namespace === pod.metadata.namespace && compileSelector(pdb.spec.selector)(pod.metadata.labels),
  );
  const [budget] = concerned;
  if (budget === undefined) return { kind: 'allowed' };
  if (concerned.length > 1) {
    return failure(
      500,
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    );
  }
  const status = budget.status ?? {};
  const currentHealthy: number = status.currentHealthy ?? 0;
  const desiredHealthy: number = status.desiredHealthy ?? 0;
  if (!isReady(pod)) {
    // A pod that is not healthy takes nothing away from the budget.
    if (budget.spec.unhealthyPodEvictionPolicy === 'AlwaysAllow') return { kind: 'allowed' };
    if (currentHealthy >= desiredHealthy && desiredHealthy > 0) return { kind: 'allowed' };
  }
  return spend(pod, budget, { currentHealthy, desiredHealthy }, now);
}

function spend(
  pod: KubeObject,
  budget: KubeObject,
  { currentHealthy, desiredHealthy }: { currentHealthy: number; desiredHealthy: number },
  now: number,
): EvictionVerdict {
  const { name } = budget.metadata;
  const status = budget.status ?? {};
  if ((status.observedGeneration ?? 0) < (budget.metadata.generation ?? 0)) {
    return tooMany(`The disruption budget ${name} is still being processed by the server.`, 10);
  }
  const allowed: number = status.disruptionsAllowed ?? 0;
  if (allowed < 0) return forbidden(name, 'pdb disruptions allowed is negative');
  const disrupted: Record<string, string> = status.disruptedPods ?? {};
  if (Object.keys(disrupted).length > mostDisrupted) {
    return forbidden(name, 'DisruptedPods map too big - too many evictions not confirmed by PDB controller');
  }
  if (allowed === 0) {
    return tooMany(
      `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`,
    );
  }
  return {
    kind: 'allowed-by-budget',
    budget,
    status: {
      ...status,
      disruptionsAllowed: allowed - 1,
      disruptedPods: { ...disrupted, [pod.metadata.name]: timeText(now) },
      ...(allowed === 1
        ? { conditions: disruptionAllowedCondition(status.conditions ?? [], 0, status.observedGeneration, now) }
        : {}),
    },
  };
}
