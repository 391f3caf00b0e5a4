/** Which pods go first when a ReplicaSet shrinks (kubernetes, pkg/controller/controller_utils.go, ActivePodsWithRanks). */
import { ownValue } from '../../json.ts';
import type { KubeObject } from '../../kinds/kind.ts';
import { parseTime } from '../machinery/instants.ts';
import { conditionOf, isActive, isReady, podSpec, podStatus } from '../machinery/shapes.ts';

const phaseOrder: Record<string, number> = { Pending: 0, Unknown: 1, Running: 2 };

/** More is kept longer; anything but a plain integer counts as 0. */
function deletionCost(pod: KubeObject): number {
  const text = pod.metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? '';
  return /^-?\d{1,10}$/.test(text) ? Number(text) : 0;
}

function readySince(pod: KubeObject): number {
  return parseTime(conditionOf(podStatus(pod).conditions, 'Ready')?.lastTransitionTime) ?? 0;
}

function mostRestarts(pod: KubeObject): number {
  return Math.max(0, ...(podStatus(pod).containerStatuses ?? []).map((status) => status.restartCount ?? 0));
}

/** Ages are told apart by powers of two only, so that not always the newest ones go. */
function ageRank(at: number, now: number): number {
  const nanoseconds = (now - at) * 1e6;
  return nanoseconds > 0 ? Math.floor(Math.log2(nanoseconds)) : -1;
}

/** Younger first by the rank of age; within a rank by uid, which is chance. Unknown instants go first. */
function compareAges(a: number, b: number, now: number, uidA: string, uidB: string): number {
  if (a === b) return 0;
  if (a === 0 || b === 0) return a === 0 ? -1 : 1;
  const difference = ageRank(a, now) - ageRank(b, now);
  if (difference !== 0) return difference;
  return uidA < uidB ? -1 : 1;
}

/**
 * The `count` pods to delete, first the one that is missed least.
 *
 * @param pods     active pods of the ReplicaSet
 * @param related  pods of all ReplicaSets of the same owner: how crowded a node is
 */
export function chooseVictims(
  pods: readonly KubeObject[],
  related: readonly KubeObject[],
  count: number,
  now: number,
): KubeObject[] {
  if (count >= pods.length) return [...pods];
  const onNode = new Map<string, number>();
  for (const pod of related) {
    if (!isActive(pod)) continue;
    const node = podSpec(pod).nodeName ?? '';
    onNode.set(node, (onNode.get(node) ?? 0) + 1);
  }
  const facts = pods.map((pod) => ({
    pod,
    node: podSpec(pod).nodeName ?? '',
    phase: ownValue(phaseOrder, podStatus(pod).phase ?? 'Pending') ?? 0,
    ready: isReady(pod),
    cost: deletionCost(pod),
    crowd: onNode.get(podSpec(pod).nodeName ?? '') ?? 0,
    readyAt: readySince(pod),
    restarts: mostRestarts(pod),
    createdAt: parseTime(pod.metadata.creationTimestamp) ?? 0,
    uid: pod.metadata.uid,
  }));
  facts.sort((a, b) => {
    if (a.node !== b.node && (a.node === '' || b.node === '')) return a.node === '' ? -1 : 1;
    if (a.phase !== b.phase) return a.phase - b.phase;
    if (a.ready !== b.ready) return a.ready ? 1 : -1;
    if (a.cost !== b.cost) return a.cost - b.cost;
    if (a.crowd !== b.crowd) return b.crowd - a.crowd;
    if (a.ready) {
      const byReadiness = compareAges(a.readyAt, b.readyAt, now, a.uid, b.uid);
      if (byReadiness !== 0) return byReadiness;
    }
    if (a.restarts !== b.restarts) return b.restarts - a.restarts;
    return compareAges(a.createdAt, b.createdAt, now, a.uid, b.uid);
  });
  return facts.slice(0, count).map(({ pod }) => pod);
}
