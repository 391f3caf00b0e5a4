/** Which nodes a pod accepts: nodeSelector and required node affinity (component-helpers, scheduling/corev1/nodeaffinity). */
import type { NodeSelectorRequirement, NodeSelectorTerm, PodSpec } from '../machinery/shapes.ts';

/** What of a node is matched. */
export interface NodeIdentity {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

function integer(text: string | undefined): number | undefined {
  return text !== undefined && /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
}

function meets(value: string | undefined, { operator, values = [] }: NodeSelectorRequirement): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
    case 'Lt': {
      const have = integer(value);
      const bound = integer(values[0]);
      if (have === undefined || bound === undefined) return false;
      return operator === 'Gt' ? have > bound : have < bound;
    }
    default:
      operator satisfies never;
      return false;
  }
}

/** A term without any requirement matches nothing. */
export function matchesTerm(term: NodeSelectorTerm, node: NodeIdentity): boolean {
  const { matchExpressions = [], matchFields = [] } = term;
  if (matchExpressions.length === 0 && matchFields.length === 0) return false;
  return (
    matchExpressions.every((requirement) => meets(node.labels[requirement.key], requirement)) &&
    matchFields.every((requirement) => requirement.key === 'metadata.name' && meets(node.name, requirement))
  );
}

export function acceptsNode(spec: PodSpec, node: NodeIdentity): boolean {
  for (const key in spec.nodeSelector) if (node.labels[key] !== spec.nodeSelector[key]) return false;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || required.nodeSelectorTerms.some((term) => matchesTerm(term, node));
}

/**
 * The only nodes that can be meant, where every term names nodes by `metadata.name` (as a DaemonSet's pods do): looking
 * at thousands of others is spared. Undefined where any node may match.
 */
export function namedNodes(spec: PodSpec): Set<string> | undefined {
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  if (terms === undefined || terms.length === 0) return undefined;
  const names = new Set<string>();
  for (const term of terms) {
    const fields = (term.matchFields ?? []).filter((field) => field.key === 'metadata.name' && field.operator === 'In');
    if (fields.length === 0) return undefined;
    const [first, ...rest] = fields.map((field) => new Set(field.values));
    for (const name of first ?? []) if (rest.every((values) => values.has(name))) names.add(name);
  }
  return names;
}
