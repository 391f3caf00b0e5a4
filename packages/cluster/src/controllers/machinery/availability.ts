/** When a pod counts as available: ready for as long as its owner wants. */
import type { KubeObject } from '../../kinds/kind.ts';
import { parseTime } from './instants.ts';
import { conditionOf, podStatus } from './shapes.ts';

/** When a ready pod counts as available; undefined while it is not ready. */
export function availableAt(pod: KubeObject, minReadySeconds: number): number | undefined {
  const ready = conditionOf(podStatus(pod).conditions, 'Ready');
  if (ready?.status !== 'True') return undefined;
  if (minReadySeconds === 0) return 0;
  const since = parseTime(ready.lastTransitionTime);
  return since === undefined ? undefined : since + minReadySeconds * 1000;
}

export function isAvailable(pod: KubeObject, minReadySeconds: number, now: number): boolean {
  const at = availableAt(pod, minReadySeconds);
  return at !== undefined && at <= now;
}
