/** Taints that follow from a Node's conditions (nodelifecycle, nodeConditionToTaintKeyStatusMap). Pure. */
import { ownValue } from '../../json.ts';
import type { KubeObject } from '../../kinds/kind.ts';
import { timeText } from '../machinery/instants.ts';
import type { Condition, Taint } from '../machinery/shapes.ts';

export const notReady = 'node.kubernetes.io/not-ready';
export const unreachable = 'node.kubernetes.io/unreachable';
const unschedulable = 'node.kubernetes.io/unschedulable';

const byCondition: Record<string, Partial<Record<Condition['status'], string>>> = {
  Ready: { False: notReady, Unknown: unreachable },
  MemoryPressure: { True: 'node.kubernetes.io/memory-pressure' },
  DiskPressure: { True: 'node.kubernetes.io/disk-pressure' },
  NetworkUnavailable: { True: 'node.kubernetes.io/network-unavailable' },
  PIDPressure: { True: 'node.kubernetes.io/pid-pressure' },
};

const ours = new Set([unschedulable, ...Object.values(byCondition).flatMap((keys) => Object.values(keys))]);

const taintsOf = (node: KubeObject): Taint[] => node.spec?.taints ?? [];

/** The NoSchedule taints that the Node should carry by its conditions and `spec.unschedulable`; undefined where it does. */
export function withNoSchedule(node: KubeObject, now: number): Taint[] | undefined {
  const conditions: Condition[] = node.status?.conditions ?? [];
  const wanted = conditions.flatMap(({ type, status }) => {
    const key = ownValue(byCondition, type)?.[status];
    return key === undefined ? [] : [key];
  });
  if (node.spec?.unschedulable === true) wanted.push(unschedulable);
  const present = taintsOf(node).filter((taint) => taint.effect === 'NoSchedule' && ours.has(taint.key));
  const missing = wanted.filter((key) => !present.some((taint) => taint.key === key));
  const surplus = present.filter((taint) => !wanted.includes(taint.key));
  if (missing.length === 0 && surplus.length === 0) return undefined;
  return [
    ...taintsOf(node).filter((taint) => !surplus.includes(taint)),
    ...missing.map((key): Taint => ({ key, effect: 'NoSchedule', timeAdded: timeText(now) })),
  ];
}

/** Exactly this one, or none, of the two NoExecute taints of a Node that is not ready; undefined where it is so. */
export function withNoExecute(node: KubeObject, key: string | undefined, now: number): Taint[] | undefined {
  const isOurs = (taint: Taint): boolean =>
    taint.effect === 'NoExecute' && (taint.key === notReady || taint.key === unreachable);
  const present = taintsOf(node).filter(isOurs);
  if (present.length === (key === undefined ? 0 : 1) && present.every((taint) => taint.key === key)) return undefined;
  const others = taintsOf(node).filter((taint) => !isOurs(taint));
  const kept = present.find((taint) => taint.key === key);
  if (key === undefined) return others;
  return [...others, kept ?? { key, effect: 'NoExecute', timeAdded: timeText(now) }];
}

export function hasNoExecute(node: KubeObject): boolean {
  return taintsOf(node).some(
    (taint) => taint.effect === 'NoExecute' && (taint.key === notReady || taint.key === unreachable),
  );
}
