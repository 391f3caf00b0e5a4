/** Affinity between pods: required terms as a filter, preferred ones as a score (scheduler/framework/plugins/interpodaffinity). */
import type { Cluster, NodeState } from './cluster.ts';
import type { ByNode } from './pod-counts.ts';
import { type AffinityTerm, type NamespaceLabels, type PodFacts, termMatches } from './pod-facts.ts';

/** Values of one topology key, with a number each. */
type Domain = Map<string, number>;

function addByDomain(domain: Domain, cluster: Cluster, topologyKey: string, byNode: ByNode, weight: number): void {
  for (const [name, count] of byNode) {
    const value = cluster.node(name)?.labels[topologyKey];
    if (value !== undefined) domain.set(value, (domain.get(value) ?? 0) + count * weight);
  }
}

export interface RequiredPodAffinity {
  refusal(node: NodeState): 'affinity' | 'anti-affinity' | 'existing-anti-affinity' | undefined;
}

/** Undefined where neither the pod nor any running pod requires anything that concerns it. */
export function requiredPodAffinity(
  pod: PodFacts,
  cluster: Cluster,
  namespaceLabels: NamespaceLabels,
): RequiredPodAffinity | undefined {
  const existing = new Map<string, Set<string>>();
  for (const { term, byNode } of cluster.counts.standing('requiredAntiAffinity')) {
    if (!termMatches(term, pod, namespaceLabels)) continue;
    const domain: Domain = new Map();
    addByDomain(domain, cluster, term.topologyKey, byNode, 1);
    const values = existing.get(term.topologyKey) ?? new Set();
    for (const value of domain.keys()) values.add(value);
    existing.set(term.topologyKey, values);
  }
  const { requiredAffinity, requiredAntiAffinity } = pod;
  if (existing.size === 0 && requiredAffinity.length === 0 && requiredAntiAffinity.length === 0) return undefined;

  const domainsOf = (terms: readonly AffinityTerm[], count: (term: AffinityTerm) => ByNode) =>
    terms.map((term) => {
      const domain: Domain = new Map();
      addByDomain(domain, cluster, term.topologyKey, count(term), 1);
      return { term, domain };
    });
  // Affinity wants pods that all terms mean; anti-affinity avoids pods that any one means.
  const wanted =
    requiredAffinity.length === 0
      ? []
      : domainsOf(requiredAffinity, () => cluster.counts.matchingAll(requiredAffinity));
  const avoided = domainsOf(requiredAntiAffinity, (term) => cluster.counts.matching(term));
  const isFirst =
    wanted.every(({ domain }) => domain.size === 0) &&
    requiredAffinity.every((term) => termMatches(term, pod, namespaceLabels));

  return {
    refusal(node) {
      let isNear = true;
      for (const { term, domain } of wanted) {
        const value = node.labels[term.topologyKey];
        if (value === undefined) return 'affinity';
        if (!domain.has(value)) isNear = false;
      }
      // The first of a group that wants its own kind may go anywhere.
      if (!isNear && !isFirst) return 'affinity';
      for (const { term, domain } of avoided) {
        const value = node.labels[term.topologyKey];
        if (value !== undefined && domain.has(value)) return 'anti-affinity';
      }
      for (const [topologyKey, values] of existing) {
        const value = node.labels[topologyKey];
        if (value !== undefined && values.has(value)) return 'existing-anti-affinity';
      }
      return undefined;
    },
  };
}

/** Scores 0 to 100 for the nodes, in their order; undefined where no preference concerns the pod. */
export function podAffinityScores(
  pod: PodFacts,
  cluster: Cluster,
  nodes: readonly NodeState[],
  namespaceLabels: NamespaceLabels,
): number[] | undefined {
  const domains = new Map<string, Domain>();
  const add = (term: AffinityTerm, byNode: ByNode, weight: number): void => {
    const domain = domains.get(term.topologyKey) ?? new Map();
    domains.set(term.topologyKey, domain);
    addByDomain(domain, cluster, term.topologyKey, byNode, weight);
  };
  for (const term of pod.preferredAffinity) add(term, cluster.counts.matching(term), term.weight);
  for (const term of pod.preferredAntiAffinity) add(term, cluster.counts.matching(term), -term.weight);
  for (const { term, byNode } of cluster.counts.standing('requiredAffinity')) {
    // hardPodAffinityWeight: 1.
    if (termMatches(term, pod, namespaceLabels)) add(term, byNode, 1);
  }
  for (const { term, byNode } of cluster.counts.standing('preferredAffinity')) {
    if (termMatches(term, pod, namespaceLabels)) add(term, byNode, term.weight);
  }
  for (const { term, byNode } of cluster.counts.standing('preferredAntiAffinity')) {
    if (termMatches(term, pod, namespaceLabels)) add(term, byNode, -term.weight);
  }
  if (domains.size === 0) return undefined;
  const raw = nodes.map((node) => {
    let score = 0;
    for (const [topologyKey, domain] of domains) {
      const value = node.labels[topologyKey];
      if (value !== undefined) score += domain.get(value) ?? 0;
    }
    return score;
  });
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (const score of raw) {
    least = Math.min(least, score);
    most = Math.max(most, score);
  }
  return raw.map((score) => (most > least ? Math.trunc((100 * (score - least)) / (most - least)) : 0));
}
