/** Pod topology spread: hard constraints as a filter, soft ones as a score (scheduler/framework/plugins/podtopologyspread). */
import { compileSelector, type LabelMatch, selectorText, selectsAll } from '../machinery/label-selector.ts';
import type { LabelSelector, SpreadConstraint } from '../machinery/shapes.ts';
import { isTolerated } from '../machinery/tolerations.ts';
import type { Cluster, NodeState } from './cluster.ts';
import { acceptsNode } from './node-affinity.ts';
import type { ByNode } from './pod-counts.ts';
import { narrowed, type PodFacts } from './pod-facts.ts';

export const hostname = 'kubernetes.io/hostname';

interface Constraint {
  readonly from: SpreadConstraint;
  readonly byNode: ByNode;
  readonly matches: LabelMatch;
}

const nobody: ByNode = new Map();

function constraintsOf(
  pod: PodFacts,
  cluster: Cluster,
  kind: SpreadConstraint['whenUnsatisfiable'],
  given: readonly SpreadConstraint[],
): Constraint[] {
  return given
    .filter((constraint) => constraint.whenUnsatisfiable === kind)
    .map((from) => {
      const selector = narrowed(from.labelSelector, from.matchLabelKeys, pod.labels);
      const matches = compileSelector(selector);
      // Trap: an empty selector matches the pod itself, but of the others kube-scheduler counts none.
      const byNode = selectsAll(selector)
        ? nobody
        : cluster.counts.spread(pod.namespace, selectorText(selector), matches);
      return { from, matches, byNode };
    });
}

const hasAllKeys = (node: NodeState, constraints: readonly Constraint[]): boolean =>
  constraints.every(({ from }) => node.labels[from.topologyKey] !== undefined);

/** Whether a node's pods count for a constraint: by default nodes that the pod's affinity refuses do not, tainted ones do. */
function isIncluded(pod: PodFacts, node: NodeState, { from }: Constraint): boolean {
  if (from.nodeAffinityPolicy !== 'Ignore' && !acceptsNode(pod.spec, node)) return false;
  return from.nodeTaintsPolicy !== 'Honor' || node.taints.every((taint) => isTolerated(taint, pod.spec.tolerations));
}

export interface HardSpread {
  /** Why not this node: a label is missing, or it would be too uneven. */
  refusal(node: NodeState): 'missing-label' | 'uneven' | undefined;
}

/** Undefined where the pod has no hard constraint. */
export function hardSpread(pod: PodFacts, cluster: Cluster): HardSpread | undefined {
  const given = pod.spec.topologySpreadConstraints ?? [];
  const constraints = constraintsOf(pod, cluster, 'DoNotSchedule', given);
  if (constraints.length === 0) return undefined;
  const domains = constraints.map(() => new Map<string, number>());
  for (const node of cluster.nodes) {
    if (!hasAllKeys(node, constraints)) continue;
    constraints.forEach((constraint, at) => {
      if (!isIncluded(pod, node, constraint)) return;
      const value = node.labels[constraint.from.topologyKey] ?? '';
      const domain = domains[at];
      domain?.set(value, (domain.get(value) ?? 0) + (constraint.byNode.get(node.name) ?? 0));
    });
  }
  const least = constraints.map(({ from }, at) => {
    const domain = domains[at];
    if (domain === undefined || domain.size < (from.minDomains ?? 1)) return 0;
    let fewest = Number.POSITIVE_INFINITY;
    for (const count of domain.values()) fewest = Math.min(fewest, count);
    return fewest === Number.POSITIVE_INFINITY ? 0 : fewest;
  });
  const self = constraints.map(({ matches }) => (matches(pod.labels) ? 1 : 0));
  return {
    refusal(node) {
      for (const [at, { from }] of constraints.entries()) {
        const value = node.labels[from.topologyKey];
        if (value === undefined) return 'missing-label';
        const skew = (domains[at]?.get(value) ?? 0) + (self[at] ?? 0) - (least[at] ?? 0);
        if (skew > from.maxSkew) return 'uneven';
      }
      return undefined;
    },
  };
}

/** What every pod of an owner or a Service gets without asking (podtopologyspread.systemDefaultConstraints). */
const systemDefaults = (labelSelector: LabelSelector): SpreadConstraint[] => [
  { topologyKey: hostname, maxSkew: 3, whenUnsatisfiable: 'ScheduleAnyway', labelSelector },
  { topologyKey: 'topology.kubernetes.io/zone', maxSkew: 5, whenUnsatisfiable: 'ScheduleAnyway', labelSelector },
];

/**
 * Scores 0 to 100 for the nodes, in their order; undefined where spread says nothing.
 *
 * @param ownSelector  the selector of the pod's owner and Services, for pods without constraints of their own
 */
export function spreadScores(
  pod: PodFacts,
  cluster: Cluster,
  nodes: readonly NodeState[],
  ownSelector: () => LabelSelector | undefined,
): number[] | undefined {
  const asked = pod.spec.topologySpreadConstraints ?? [];
  const isAsked = asked.length > 0;
  const defaults = isAsked ? undefined : ownSelector();
  const given = isAsked ? asked : defaults === undefined ? [] : systemDefaults(defaults);
  const constraints = constraintsOf(pod, cluster, 'ScheduleAnyway', given);
  if (constraints.length === 0) return undefined;

  const isIgnored = nodes.map((node) => isAsked && !hasAllKeys(node, constraints));
  const considered = isIgnored.filter((ignored) => !ignored).length;
  const domains = constraints.map((constraint) =>
    domainCounts(pod, cluster, nodes, isIgnored, constraint, constraints, isAsked),
  );
  const weights = constraints.map(({ from }, at) =>
    Math.log((from.topologyKey === hostname ? considered : (domains[at]?.size ?? 0)) + 2),
  );
  const raw = nodes.map((node, index) => {
    if (isIgnored[index] === true) return undefined;
    let score = 0;
    for (const [at, { from, byNode }] of constraints.entries()) {
      const value = node.labels[from.topologyKey];
      if (value === undefined) continue;
      const count = from.topologyKey === hostname ? byNode.get(node.name) : domains[at]?.get(value);
      score += (count ?? 0) * (weights[at] ?? 0) + from.maxSkew - 1;
    }
    return Math.round(score);
  });
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  for (const score of raw) {
    if (score === undefined) continue;
    least = Math.min(least, score);
    most = Math.max(most, score);
  }
  return raw.map((score) => {
    if (score === undefined) return 0;
    return most === 0 ? 100 : Math.trunc((100 * (most + least - score)) / most);
  });
}

/** Pods by the values of a topology key; only values that a candidate has. Hostnames are looked up by node instead. */
function domainCounts(
  pod: PodFacts,
  cluster: Cluster,
  nodes: readonly NodeState[],
  isIgnored: readonly boolean[],
  constraint: Constraint,
  all: readonly Constraint[],
  requireAll: boolean,
): Map<string, number> {
  const domain = new Map<string, number>();
  const { topologyKey } = constraint.from;
  if (topologyKey === hostname) return domain;
  nodes.forEach((node, at) => {
    if (isIgnored[at] !== true) domain.set(node.labels[topologyKey] ?? '', 0);
  });
  for (const [name, count] of constraint.byNode) {
    const node = cluster.node(name);
    if (node === undefined || (requireAll && !hasAllKeys(node, all)) || !isIncluded(pod, node, constraint)) continue;
    const value = node.labels[topologyKey] ?? '';
    const known = domain.get(value);
    if (known !== undefined) domain.set(value, known + count);
  }
  return domain;
}
