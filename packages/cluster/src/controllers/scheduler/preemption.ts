/**
 * Making room for a pod by removing less important ones (kubernetes 1.34, scheduler/framework/preemption and
 * plugins/defaultpreemption). Which node and which victims is found here on the scheduler's own picture, which is as before
 * afterwards; who deletes them is the controller.
 */
import type { KubeObject } from '../../kinds/kind.ts';
import { parseTime } from '../machinery/instants.ts';
import { compileSelector, selectsAll } from '../machinery/label-selector.ts';
import type { Cluster, NodeState } from './cluster.ts';
import { filterWithNominated, type Nominations } from './nominations.ts';
import type { NamespaceLabels, PodFacts } from './pod-facts.ts';

export interface PreemptionParts {
  cluster: Cluster;
  nominations: Nominations;
  namespaceLabels: NamespaceLabels;
  /** All PodDisruptionBudgets. */
  budgets: () => readonly KubeObject[];
  podOf: (facts: PodFacts) => KubeObject | undefined;
  /** Ms since the epoch: a pod that has not started counts as starting now. */
  now: () => number;
}

export type Preemption =
  | { kind: 'room'; node: NodeState; victims: readonly PodFacts[] }
  /** How many nodes each reason concerns. */
  | { kind: 'none'; reasons: ReadonlyMap<string, number> };

interface Candidate {
  readonly node: NodeState;
  /** Most important first; never empty. */
  readonly victims: readonly PodFacts[];
  /** How many of them a budget would have kept. */
  readonly violations: number;
}

/** A tenth of the nodes, at least a hundred: more are not compared (DefaultPreemptionArgs). */
const enoughCandidates = (nodes: number): number => Math.min(nodes, Math.max(100, Math.trunc(nodes / 10)));

const noVictims = 'No preemption victims found for incoming pod';
/** Makes every priority positive, so that fewer pods are always less. */
const priorityShift = 2 ** 31;

/** [SPEC C112] */
export function createPreemption(parts: PreemptionParts): (pod: PodFacts, nodes: readonly NodeState[]) => Preemption {
  const { cluster, nominations, namespaceLabels, budgets, podOf, now } = parts;

  const startOf = (facts: PodFacts): number => parseTime(podOf(facts)?.status?.startTime) ?? now();
  const moreImportantFirst = (a: PodFacts, b: PodFacts): number => b.priority - a.priority || startOf(a) - startOf(b);

  /** Whose removal a budget does not allow, in the order given: each takes one from its budgets. */
  function splitByBudgets(victims: readonly PodFacts[]): [kept: PodFacts[], free: PodFacts[]] {
    const left = budgets().map((budget) => ({ budget, allowed: Number(budget.status?.disruptionsAllowed ?? 0) }));
    const split: [PodFacts[], PodFacts[]] = [[], []];
    for (const victim of victims) {
      let isKept = false;
      for (const one of left) {
        const { metadata, spec, status } = one.budget;
        if (metadata.namespace !== victim.namespace || selectsAll(spec?.selector)) continue;
        if (!compileSelector(spec?.selector)(victim.labels)) continue;
        if (status?.disruptedPods?.[victim.name] !== undefined) continue;
        one.allowed--;
        if (one.allowed < 0) isKept = true;
      }
      split[isKept ? 0 : 1].push(victim);
    }
    return split;
  }

  /** The fewest and least important pods that must go from the node; or the reasons why that would not help. */
  function victimsOn(pod: PodFacts, node: NodeState): Candidate | readonly string[] {
    const lower = [...node.pods.values()].filter((other) => other.priority < pod.priority);
    if (lower.length === 0) return [noVictims];
    const fits = () => filterWithNominated(pod, cluster, nominations, namespaceLabels)(node);
    for (const one of lower) cluster.remove(one.key);
    const victims: PodFacts[] = [];
    let violations = 0;
    try {
      const refusal = fits();
      if (refusal !== undefined) return refusal.reasons;
      const [kept, free] = splitByBudgets(lower.sort(moreImportantFirst));
      for (const one of [...kept, ...free]) {
        cluster.place(one, node.name);
        if (fits() === undefined) continue;
        cluster.remove(one.key);
        victims.push(one);
        if (kept.includes(one)) violations++;
      }
    } finally {
      for (const one of lower) cluster.place(one, node.name);
    }
    return { node, victims: victims.sort(moreImportantFirst), violations };
  }

  function best(candidates: readonly Candidate[]): Candidate | undefined {
    const measures: ReadonlyArray<(candidate: Candidate) => number> = [
      ({ violations }) => violations,
      ({ victims }) => victims[0]?.priority ?? 0,
      ({ victims }) => victims.reduce((sum, one) => sum + one.priority + priorityShift, 0),
      ({ victims }) => victims.length,
      // Of the most important victims, the one that started first should have started as late as can be.
      ({ victims }) =>
        -Math.min(...victims.filter((one) => one.priority === victims[0]?.priority).map((one) => startOf(one))),
    ];
    let left = candidates;
    for (const measure of measures) {
      // Each is measured once: the time goes on meanwhile.
      const measured = left.map((candidate) => ({ candidate, value: measure(candidate) }));
      const least = Math.min(...measured.map(({ value }) => value));
      left = measured.filter(({ value }) => value === least).map(({ candidate }) => candidate);
    }
    return left[0];
  }

  return (pod, nodes) => {
    const candidates: Candidate[] = [];
    const reasons = new Map<string, number>();
    if (!cluster.hasLower(pod.priority)) {
      return { kind: 'none', reasons: nodes.length === 0 ? reasons : reasons.set(noVictims, nodes.length) };
    }
    const enough = enoughCandidates(nodes.length);
    for (const node of nodes) {
      const found = victimsOn(pod, node);
      if ('victims' in found) candidates.push(found);
      else for (const reason of found) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      if (candidates.length >= enough && candidates.some(({ violations }) => violations === 0)) break;
    }
    const chosen = best(candidates);
    return chosen === undefined
      ? { kind: 'none', reasons }
      : { kind: 'room', node: chosen.node, victims: chosen.victims };
  };
}
