/** Where a pod goes: filter, score, choose; or the sentence that says why nowhere. Pure but for the chance among equals. */
import type { LabelSelector } from '../machinery/shapes.ts';
import type { Cluster, NodeState } from './cluster.ts';
import type { Obstacle, Refusal } from './filters.ts';
import { namedNodes } from './node-affinity.ts';
import { filterWithNominated, type Nominations } from './nominations.ts';
import type { NamespaceLabels, PodFacts } from './pod-facts.ts';
import type { Preemption } from './preemption.ts';
import { totalScores } from './scores.ts';

export type Placement =
  | { kind: 'node'; node: NodeState }
  | {
      kind: 'nowhere';
      message: string;
      obstacles: ReadonlySet<Obstacle>;
      /** Room that can be made. */
      room?: { node: NodeState; victims: readonly PodFacts[] };
      /** The pod waits for no node any more. */
      hopeless?: boolean;
    };

export interface PlacementParts {
  cluster: Cluster;
  nominations: Nominations;
  namespaceLabels: NamespaceLabels;
  preempt: (pod: PodFacts, nodes: readonly NodeState[]) => Preemption;
  /** Whether what made room for the pod on the node is not gone yet. */
  isMakingRoom: (pod: PodFacts, node: string) => boolean;
  /** What default spreading counts for a pod: the selector of its owner and Services. */
  ownSelector: (pod: PodFacts) => LabelSelector | undefined;
  /** In [0, 1). */
  random: () => number;
}

/** In large clusters not every node is looked at: so many that fit are enough (schedule_one.go, numFeasibleNodesToFind). */
export function enoughNodes(all: number): number {
  if (all < 100) return all;
  const percent = Math.max(5, 50 - Math.trunc(all / 125));
  return Math.max(100, Math.trunc((all * percent) / 100));
}

/** `2 Insufficient cpu, 1 …`, sorted as text. */
function histogram(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(', ');
}

interface Refused {
  readonly node: NodeState;
  readonly refusal: Refusal;
}

export function createPlacer(parts: PlacementParts): (pod: PodFacts) => Placement {
  const { cluster, nominations, namespaceLabels, preempt, isMakingRoom, ownSelector, random } = parts;
  let startAt = 0;

  /** Begins where the last search ended, so that all nodes get their turn. */
  function search(pod: PodFacts, nodes: readonly NodeState[]): { fitting: NodeState[]; refused: Refused[] } {
    const filter = filterWithNominated(pod, cluster, nominations, namespaceLabels);
    // The node that was made free for it comes before all others.
    const own = nodes.find((node) => node.name === nominations.nodeOf(pod.key));
    if (own !== undefined && filter(own) === undefined) return { fitting: [own], refused: [] };
    const enough = enoughNodes(nodes.length);
    const fitting: NodeState[] = [];
    const refused: Refused[] = [];
    for (let step = 0; step < nodes.length && fitting.length < enough; step++) {
      const node = nodes[(startAt + step) % nodes.length];
      if (node === undefined) continue;
      const refusal = filter(node);
      if (refusal === undefined) fitting.push(node);
      else refused.push({ node, refusal });
    }
    startAt = (startAt + fitting.length + refused.length) % Math.max(1, cluster.nodes.length);
    return { fitting, refused };
  }

  function choose(pod: PodFacts, fitting: readonly NodeState[]): NodeState | undefined {
    if (fitting.length === 1) return fitting[0];
    const scores = totalScores(pod, cluster, fitting, namespaceLabels, () => ownSelector(pod));
    let best: NodeState | undefined;
    let most = Number.NEGATIVE_INFINITY;
    let equals = 0;
    for (const [at, node] of fitting.entries()) {
      const score = scores[at] ?? 0;
      if (score > most) {
        best = node;
        most = score;
        equals = 1;
      } else if (score === most && random() * ++equals < 1) best = node;
    }
    return best;
  }

  /** Why the pod may drive nobody out now. */
  function ineligible(pod: PodFacts, refused: readonly Refused[]): string | undefined {
    if (pod.spec.preemptionPolicy === 'Never') return 'not eligible due to preemptionPolicy=Never.';
    const nominated = nominations.nodeOf(pod.key);
    if (nominated === undefined) return undefined;
    if (refused.some(({ node, refusal }) => node.name === nominated && refusal.isFinal)) return undefined;
    return isMakingRoom(pod, nominated) ? 'not eligible due to a terminating pod on the nominated node.' : undefined;
  }

  return (pod) => {
    const all = cluster.nodes.length;
    if (all === 0) {
      return { kind: 'nowhere', message: 'no nodes available to schedule pods', obstacles: new Set(['node']) };
    }
    const names = namedNodes(pod.spec);
    const nodes = names === undefined ? cluster.nodes : cluster.nodes.filter((node) => names.has(node.name));
    const { fitting, refused } = search(pod, nodes);
    const node = choose(pod, fitting);
    if (node !== undefined) return { kind: 'node', node };

    const reasons = new Map<string, number>();
    const obstacles = new Set<Obstacle>();
    let final = all - nodes.length;
    if (final > 0) {
      reasons.set("node(s) didn't satisfy plugin(s) [NodeAffinity]", final);
      obstacles.add('node');
    }
    const promising: NodeState[] = [];
    for (const { node: refusing, refusal } of refused) {
      if (refusal.isFinal) final++;
      else promising.push(refusing);
      obstacles.add(refusal.obstacle);
      for (const reason of refusal.reasons) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    }
    const message = `0/${all} nodes are available: ${histogram(reasons)}.`;
    const prefix = 'no new claims to deallocate, preemption:';
    const why = ineligible(pod, refused);
    if (why !== undefined) return { kind: 'nowhere', message: `${message} ${prefix} ${why}`, obstacles };
    const preemption = preempt(pod, promising);
    if (preemption.kind === 'room') return { kind: 'nowhere', message, obstacles, room: preemption };
    const useless = new Map(preemption.reasons);
    if (final > 0) useless.set('Preemption is not helpful for scheduling', final);
    const told = `${message} ${prefix} 0/${all} nodes are available: ${histogram(useless)}.`;
    return { kind: 'nowhere', message: told, obstacles, hopeless: true };
  };
}
