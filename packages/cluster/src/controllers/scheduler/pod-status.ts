/** What the scheduler writes into a pod's status: conditions, and the node that is being made free for it. */
import type { Api } from '../../api.ts';
import type { Clock } from '../../clock.ts';
import type { KubeObject } from '../../kinds/kind.ts';
import { timeText } from '../machinery/instants.ts';
import { type Condition, conditionOf, podStatus } from '../machinery/shapes.ts';

export interface PodStatusChange {
  condition?: Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;
  /** '' takes it away. */
  nominatedNodeName?: string;
}

/** An Event's note may not be longer (events.k8s.io, NoteLengthLimit). */
export function truncated(message: string): string {
  return message.length <= 1024 ? message : `${message.slice(0, 1020)} ...`;
}

export function createPodStatusWriter(
  api: Api,
  clock: Clock,
  actor: string,
): (pod: KubeObject, change: PodStatusChange) => void {
  /** Writes what is new of it, if anything is. @throws ApiError where the pod is gone */
  return (pod, change) => {
    const { condition, nominatedNodeName } = change;
    const known = podStatus(pod);
    const next = condition === undefined ? undefined : renewed(known.conditions, condition, pod.metadata.generation);
    const isNamed = nominatedNodeName !== undefined && nominatedNodeName !== (known.nominatedNodeName ?? '');
    if (next === undefined && !isNamed) return;
    const { name, namespace } = pod.metadata;
    api.modify(
      'pods',
      name,
      namespace,
      (draft) => {
        if (next !== undefined) {
          const others: Condition[] = podStatus(draft).conditions ?? [];
          draft.status.conditions = [...others.filter(({ type }) => type !== next.type), next];
        }
        if (nominatedNodeName === '') delete draft.status.nominatedNodeName;
        else if (nominatedNodeName !== undefined) draft.status.nominatedNodeName = nominatedNodeName;
      },
      { actor, subresource: 'status' },
    );
  };

  /** The condition with its times; undefined where that is told already. */
  function renewed(
    conditions: readonly Condition[] | undefined,
    { type, status, reason, message }: NonNullable<PodStatusChange['condition']>,
    generation: number | undefined,
  ): Condition | undefined {
    const known = conditionOf(conditions, type);
    const isSame = known?.status === status;
    // The API server writes the gated condition itself, but without a time.
    const isTold = isSame && known.reason === reason && known.message === message;
    if (isTold && typeof known.lastTransitionTime === 'string') return undefined;
    const now = timeText(clock.now());
    return {
      type,
      status,
      lastProbeTime: null,
      lastTransitionTime: isSame ? (known.lastTransitionTime ?? now) : now,
      ...(reason === undefined ? {} : { reason }),
      ...(message === undefined ? {} : { message }),
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    };
  }
}
