/** Which of the nodes that may take a pod suit it best: the weighted sums of kube-scheduler's default profile. */
import type { LabelSelector } from '../machinery/shapes.ts';
import { isTolerated } from '../machinery/tolerations.ts';
import type { Cluster, NodeState } from './cluster.ts';
import { matchesTerm } from './node-affinity.ts';
import { podAffinityScores } from './pod-affinity.ts';
import type { NamespaceLabels, PodFacts } from './pod-facts.ts';
import { spreadScores } from './spread.ts';

const weights = {
  taints: 3,
  nodeAffinity: 2,
  spread: 2,
  podAffinity: 2,
  leastAllocated: 1,
  balanced: 1,
  images: 1,
} as const;

/** Fewer soft taints that the pod does not tolerate are better. */
function taintScores(pod: PodFacts, nodes: readonly NodeState[]): number[] | undefined {
  if (nodes.every((node) => node.softTaints.length === 0)) return undefined;
  const raw = nodes.map((node) => node.softTaints.filter((taint) => !isTolerated(taint, pod.spec.tolerations)).length);
  const most = Math.max(...raw);
  return raw.map((count) => (most === 0 ? 100 : 100 - Math.trunc((100 * count) / most)));
}

function nodeAffinityScores(pod: PodFacts, nodes: readonly NodeState[]): number[] | undefined {
  const preferred = pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution;
  if (preferred === undefined || preferred.length === 0) return undefined;
  const raw = nodes.map((node) =>
    preferred.reduce((sum, { weight, preference }) => sum + (matchesTerm(preference, node) ? weight : 0), 0),
  );
  const most = Math.max(...raw);
  return raw.map((score) => (most === 0 ? 0 : Math.trunc((100 * score) / most)));
}

function freeShare(wanted: number, allocatable: number): number {
  return wanted > allocatable ? 0 : Math.trunc(((allocatable - wanted) * 100) / allocatable);
}

/** The mean share of cpu and memory that is left once the pod is there; resources that a node lacks do not count. */
function leastAllocated(pod: PodFacts, node: NodeState): number {
  const cpu = node.allocatable.get('cpu') ?? 0;
  const memory = node.allocatable.get('memory') ?? 0;
  let score = 0;
  let kinds = 0;
  if (cpu > 0) {
    score += freeShare(node.assumedCpu + pod.assumedCpu, cpu);
    kinds++;
  }
  if (memory > 0) {
    score += freeShare(node.assumedMemory + pod.assumedMemory, memory);
    kinds++;
  }
  return kinds === 0 ? 0 : Math.trunc(score / kinds);
}

/** Nodes where cpu and memory are used alike are better; for pods that ask for something only. */
function balanced(pod: PodFacts, node: NodeState): number {
  const fractions: number[] = [];
  for (const name of ['cpu', 'memory']) {
    const allocatable = node.allocatable.get(name) ?? 0;
    if (allocatable === 0) continue;
    const used = (node.requested.get(name) ?? 0) + (pod.requests.get(name) ?? 0);
    fractions.push(Math.min(1, used / allocatable));
  }
  const [cpu = 0, memory = cpu] = fractions;
  return Math.trunc((1 - Math.abs(cpu - memory) / 2) * 100);
}

const mebibyte = 1024 * 1024;
const leastImageBytes = 23 * mebibyte;
/** For each container. */
const mostImageBytes = 1000 * mebibyte;

/** Images that are there already and need no pull; one that is everywhere counts in full, so that nodes do not heat up. */
function imageLocality(pod: PodFacts, node: NodeState, cluster: Cluster): number {
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  let sum = 0;
  for (const { image = '' } of containers) {
    const name = image.lastIndexOf(':') <= image.lastIndexOf('/') ? `${image}:latest` : image;
    sum += Math.trunc((node.images.get(name) ?? 0) * (cluster.nodesWith(name) / cluster.nodes.length));
  }
  const most = mostImageBytes * containers.length;
  const bounded = Math.max(leastImageBytes, Math.min(most, sum));
  return Math.trunc((100 * (bounded - leastImageBytes)) / (most - leastImageBytes));
}

/** Total scores of the nodes, in their order. */
export function totalScores(
  pod: PodFacts,
  cluster: Cluster,
  nodes: readonly NodeState[],
  namespaceLabels: NamespaceLabels,
  ownSelector: () => LabelSelector | undefined,
): number[] {
  const taints = taintScores(pod, nodes);
  const affinity = nodeAffinityScores(pod, nodes);
  const spread = spreadScores(pod, cluster, nodes, ownSelector);
  const near = podAffinityScores(pod, cluster, nodes, namespaceLabels);
  return nodes.map(
    (node, at) =>
      weights.taints * (taints?.[at] ?? 100) +
      weights.nodeAffinity * (affinity?.[at] ?? 0) +
      weights.spread * (spread?.[at] ?? 0) +
      weights.podAffinity * (near?.[at] ?? 0) +
      weights.leastAllocated * leastAllocated(pod, node) +
      (pod.isBestEffort ? 0 : weights.balanced * balanced(pod, node)) +
      (cluster.hasImages ? weights.images * imageLocality(pod, node, cluster) : 0),
  );
}
