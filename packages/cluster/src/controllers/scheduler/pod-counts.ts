/**
 * How many pods that match something run on each node. What is asked for once is counted once by looking at all pods, then
 * kept up to date; what was not asked for in a while is forgotten.
 */
import type { LabelMatch } from '../machinery/label-selector.ts';
import { type AffinityTerm, type NamespaceLabels, type PodFacts, termMatches } from './pod-facts.ts';

/** Node name to a number, never 0. */
export type ByNode = ReadonlyMap<string, number>;

interface Tracked {
  matches: (pod: PodFacts) => boolean;
  byNode: Map<string, number>;
}

/** A term that pods on nodes have, and on which nodes they are. */
export interface StandingTerm {
  readonly term: AffinityTerm;
  readonly byNode: ByNode;
}

type TermKind = 'requiredAffinity' | 'requiredAntiAffinity' | 'preferredAffinity' | 'preferredAntiAffinity';
const termKinds: readonly TermKind[] = [
  'requiredAffinity',
  'requiredAntiAffinity',
  'preferredAffinity',
  'preferredAntiAffinity',
];

const trackedLimit = 512;

function bump(byNode: Map<string, number>, node: string, by: number): void {
  const count = (byNode.get(node) ?? 0) + by;
  if (count === 0) byNode.delete(node);
  else byNode.set(node, count);
}

export class PodCounts {
  #placed: () => Iterable<{ facts: PodFacts; node: { name: string } }>;
  #namespaceLabels: NamespaceLabels;
  #tracked = new Map<string, Tracked>();
  #standing: Record<TermKind, Map<string, { term: AffinityTerm; byNode: Map<string, number> }>> = {
    requiredAffinity: new Map(),
    requiredAntiAffinity: new Map(),
    preferredAffinity: new Map(),
    preferredAntiAffinity: new Map(),
  };

  constructor(placed: () => Iterable<{ facts: PodFacts; node: { name: string } }>, namespaceLabels: NamespaceLabels) {
    this.#placed = placed;
    this.#namespaceLabels = namespaceLabels;
  }

  add(pod: PodFacts, node: string, by: 1 | -1): void {
    for (const { matches, byNode } of this.#tracked.values()) if (matches(pod)) bump(byNode, node, by);
    for (const kind of termKinds) {
      for (const term of pod[kind]) {
        const known = this.#standing[kind].get(term.key) ?? { term, byNode: new Map() };
        this.#standing[kind].set(term.key, known);
        bump(known.byNode, node, by);
        if (known.byNode.size === 0) this.#standing[kind].delete(term.key);
      }
    }
  }

  /** Pods of one namespace with matching labels that are not being deleted: what topology spread counts. */
  spread(namespace: string, selector: string, match: LabelMatch): ByNode {
    return this.#count(`spread\n${namespace}\n${selector}`, (pod) => {
      return pod.namespace === namespace && !pod.isTerminating && match(pod.labels);
    });
  }

  /** Pods that a term of affinity means, also those being deleted. */
  matching(term: AffinityTerm): ByNode {
    return this.#count(`term\n${term.key}`, (pod) => termMatches(term, pod, this.#namespaceLabels));
  }

  /** Pods that all the terms mean. */
  matchingAll(terms: readonly AffinityTerm[]): ByNode {
    const key = `all\n${terms.map((term) => term.key).join('\n')}`;
    return this.#count(key, (pod) => terms.every((term) => termMatches(term, pod, this.#namespaceLabels)));
  }

  /** Terms of pods on nodes, each once. */
  standing(kind: TermKind): Iterable<StandingTerm> {
    return this.#standing[kind].values();
  }

  #count(key: string, matches: (pod: PodFacts) => boolean): ByNode {
    const known = this.#tracked.get(key);
    if (known !== undefined) {
      this.#tracked.delete(key);
      this.#tracked.set(key, known);
      return known.byNode;
    }
    const byNode = new Map<string, number>();
    for (const { facts, node } of this.#placed()) if (matches(facts)) bump(byNode, node.name, 1);
    this.#tracked.set(key, { matches, byNode });
    if (this.#tracked.size > trackedLimit) {
      for (const oldest of this.#tracked.keys()) {
        this.#tracked.delete(oldest);
        break;
      }
    }
    return byNode;
  }
}
