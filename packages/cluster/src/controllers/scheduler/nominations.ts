/** Pods that made room for themselves and wait for it: `status.nominatedNodeName`. Nobody less important may take it. */
import type { Cluster, NodeState } from './cluster.ts';
import { filterFor, type Refusal } from './filters.ts';
import type { NamespaceLabels, PodFacts } from './pod-facts.ts';

export class Nominations {
  #byPod = new Map<string, { facts: PodFacts; node: string }>();
  #byNode = new Map<string, Map<string, PodFacts>>();

  set(facts: PodFacts, node: string): void {
    this.remove(facts.key);
    this.#byPod.set(facts.key, { facts, node });
    const here = this.#byNode.get(node) ?? new Map<string, PodFacts>();
    this.#byNode.set(node, here.set(facts.key, facts));
  }

  /** @param uid  of the incarnation that is meant; any when left out */
  remove(key: string, uid?: string): void {
    const known = this.#byPod.get(key);
    if (known === undefined || (uid !== undefined && known.facts.uid !== uid)) return;
    this.#byPod.delete(key);
    const here = this.#byNode.get(known.node);
    here?.delete(key);
    if (here?.size === 0) this.#byNode.delete(known.node);
  }

  nodeOf(key: string): string | undefined {
    return this.#byPod.get(key)?.node;
  }

  /** Those who wait for the node before this pod: as important or more. */
  ahead(pod: PodFacts, node: string): PodFacts[] {
    return this.#others(pod, node).filter((other) => other.priority >= pod.priority);
  }

  /** Those whom this pod would drive out of the node. */
  behind(pod: PodFacts, node: string): PodFacts[] {
    return this.#others(pod, node).filter((other) => other.priority < pod.priority);
  }

  #others(pod: PodFacts, node: string): PodFacts[] {
    const here = this.#byNode.get(node);
    return here === undefined ? [] : [...here.values()].filter((other) => other.key !== pod.key);
  }
}

/**
 * Why not this node, now and once those ahead have come (schedule_one.go, RunFilterPluginsWithNominatedPods): both must fit,
 * as they may come or not.
 */
export function filterWithNominated(
  pod: PodFacts,
  cluster: Cluster,
  nominations: Nominations,
  namespaceLabels: NamespaceLabels,
): (node: NodeState) => Refusal | undefined {
  const filter = filterFor(pod, cluster, namespaceLabels);
  return (node) => {
    const ahead = nominations.ahead(pod, node.name);
    if (ahead.length === 0) return filter(node);
    for (const other of ahead) cluster.place(other, node.name);
    try {
      const crowded = filterFor(pod, cluster, namespaceLabels)(node);
      if (crowded !== undefined) return crowded;
    } finally {
      for (const other of ahead) cluster.remove(other.key);
    }
    return filter(node);
  };
}
