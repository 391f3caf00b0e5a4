/** Whether a pod may run on a node, and if not why, in kube-scheduler 1.34's words and order. */
import type { Taint } from '../machinery/shapes.ts';
import { isTolerated } from '../machinery/tolerations.ts';
import type { Cluster, NodeState } from './cluster.ts';
import { acceptsNode } from './node-affinity.ts';
import { requiredPodAffinity } from './pod-affinity.ts';
import type { NamespaceLabels, PodFacts } from './pod-facts.ts';
import { hardSpread } from './spread.ts';

/** What refused a pod: decides which changes can help it. */
export type Obstacle = 'node' | 'resources' | 'ports' | 'spread' | 'pod-affinity' | 'volumes';

export interface Refusal {
  readonly obstacle: Obstacle;
  readonly reasons: readonly string[];
  /** Whether removing other pods from the node could not help. */
  readonly isFinal: boolean;
}

export type Filter = (node: NodeState) => Refusal | undefined;

const refusal = (obstacle: Obstacle, reason: string, isFinal: boolean): Refusal => ({
  obstacle,
  reasons: [reason],
  isFinal,
});

const unschedulable = refusal('node', 'node(s) were unschedulable', true);
const otherName = refusal('node', "node(s) didn't match the requested node name", true);
const untolerated = refusal('node', 'node(s) had untolerated taint(s)', true);
const affinity = refusal('node', "node(s) didn't match Pod's node affinity/selector", true);
const ports = refusal('ports', "node(s) didn't have free ports for the requested pod ports", false);
const uneven = refusal('spread', "node(s) didn't match pod topology spread constraints", false);
const missingLabel = refusal(
  'spread',
  "node(s) didn't match pod topology spread constraints (missing required label)",
  true,
);
const podAffinity = {
  affinity: refusal('pod-affinity', "node(s) didn't match pod affinity rules", true),
  'anti-affinity': refusal('pod-affinity', "node(s) didn't match pod anti-affinity rules", false),
  'existing-anti-affinity': refusal('pod-affinity', "node(s) didn't satisfy existing pods anti-affinity rules", false),
} as const;

/** spec.unschedulable counts as this taint, so that a pod can tolerate it. */
const unschedulableTaint: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

function freePorts(pod: PodFacts, node: NodeState): boolean {
  if (node.hostPorts.size === 0) return true;
  return pod.hostPorts.every((wanted) => {
    const [address = '', ...rest] = wanted.split('/');
    for (const held of node.hostPorts.keys()) {
      const [holder = '', ...other] = held.split('/');
      if (rest.join('/') !== other.join('/')) continue;
      // 0.0.0.0 is every address.
      if (address === holder || address === '0.0.0.0' || holder === '0.0.0.0') return false;
    }
    return true;
  });
}

/** All resources that are short, in the order a real scheduler names them. */
function shortages(pod: PodFacts, node: NodeState): Refusal | undefined {
  const reasons: string[] = [];
  let isFinal = false;
  if (node.pods.size + 1 > node.allowedPods) reasons.push('Too many pods');
  if (!pod.isBestEffort) {
    for (const [name, amount] of pod.requests) {
      if (amount === 0) continue;
      const allocatable = node.allocatable.get(name) ?? 0;
      if (amount <= allocatable - (node.requested.get(name) ?? 0)) continue;
      reasons.push(`Insufficient ${name}`);
      if (amount > allocatable) isFinal = true;
    }
  }
  return reasons.length === 0 ? undefined : { obstacle: 'resources', reasons, isFinal };
}

/** What depends on the node and what runs on it alone. */
export function nodeRefusal(pod: PodFacts, node: NodeState): Refusal | undefined {
  const { tolerations, nodeName } = pod.spec;
  if (node.isUnschedulable && !isTolerated(unschedulableTaint, tolerations)) return unschedulable;
  if (nodeName !== undefined && nodeName !== '' && nodeName !== node.name) return otherName;
  for (const taint of node.taints) if (!isTolerated(taint, tolerations)) return untolerated;
  if (!acceptsNode(pod.spec, node)) return affinity;
  if (pod.hostPorts.length > 0 && !freePorts(pod, node)) return ports;
  return shortages(pod, node);
}

/** All filters for one pod; what they need of the whole cluster is counted once, here. */
export function filterFor(pod: PodFacts, cluster: Cluster, namespaceLabels: NamespaceLabels): Filter {
  const spread = hardSpread(pod, cluster);
  const near = requiredPodAffinity(pod, cluster, namespaceLabels);
  return (node) => {
    const own = nodeRefusal(pod, node);
    if (own !== undefined) return own;
    const unevenness = spread?.refusal(node);
    if (unevenness !== undefined) return unevenness === 'uneven' ? uneven : missingLabel;
    const strained = near?.refusal(node);
    return strained === undefined ? undefined : podAffinity[strained];
  };
}
