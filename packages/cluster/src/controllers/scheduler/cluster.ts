/**
 * The scheduler's picture of nodes and the pods on them: sums kept up to date by each change, so that placing a pod costs
 * a few comparisons a node, whatever runs there.
 */
import type { KubeObject } from '../../kinds/kind.ts';
import type { Taint } from '../machinery/shapes.ts';
import { keepsAway } from '../machinery/tolerations.ts';
import { type Amounts, amountsOf } from './amounts.ts';
import { PodCounts } from './pod-counts.ts';
import type { NamespaceLabels, PodFacts } from './pod-facts.ts';

export interface NodeState {
  readonly name: string;
  labels: Readonly<Record<string, string>>;
  isUnschedulable: boolean;
  /** NoSchedule and NoExecute. */
  taints: readonly Taint[];
  /** PreferNoSchedule. */
  softTaints: readonly Taint[];
  allocatable: Amounts;
  allowedPods: number;
  /** Sizes of the images that are there, in bytes, by normalized name. */
  images: ReadonlyMap<string, number>;
  readonly pods: Map<string, PodFacts>;
  readonly requested: Amounts;
  assumedCpu: number;
  assumedMemory: number;
  /** How many pods hold a host port. */
  readonly hostPorts: Map<string, number>;
  /** False for a node that pods name but that is not there (yet, or any more). */
  exists: boolean;
}

/** What of a node matters to the scheduler, as one text: heartbeats change none of it. */
function nodeText(node: KubeObject): string {
  const { labels } = node.metadata;
  const { allocatable, images } = node.status ?? {};
  return JSON.stringify([labels, node.spec?.unschedulable, node.spec?.taints, allocatable, images]);
}

const noImages: ReadonlyMap<string, number> = new Map();

function imagesOf(node: KubeObject): ReadonlyMap<string, number> {
  const listed: Array<{ names?: string[]; sizeBytes?: number }> = node.status?.images ?? [];
  if (listed.length === 0) return noImages;
  return new Map(
    listed.flatMap(({ names = [], sizeBytes = 0 }) => names.map((name): [string, number] => [name, sizeBytes])),
  );
}

export class Cluster {
  readonly counts: PodCounts;
  #nodes = new Map<string, NodeState>();
  #texts = new Map<string, string>();
  #placed = new Map<string, { facts: PodFacts; node: NodeState }>();
  #list: NodeState[] | undefined;
  #imageNodes = new Map<string, number>();
  /** How many pods on nodes have a priority. */
  #priorities = new Map<number, number>();

  constructor(namespaceLabels: NamespaceLabels) {
    this.counts = new PodCounts(() => this.#placed.values(), namespaceLabels);
  }

  /** All nodes that exist, in a stable order. */
  get nodes(): readonly NodeState[] {
    this.#list ??= [...this.#nodes.values()].filter((node) => node.exists);
    return this.#list;
  }

  node(name: string): NodeState | undefined {
    const node = this.#nodes.get(name);
    return node?.exists === true ? node : undefined;
  }

  /** Whether any pod on any node is less important. */
  hasLower(priority: number): boolean {
    for (const one of this.#priorities.keys()) if (one < priority) return true;
    return false;
  }

  placed(key: string): PodFacts | undefined {
    return this.#placed.get(key)?.facts;
  }

  #nodeState(name: string): NodeState {
    const known = this.#nodes.get(name);
    if (known !== undefined) return known;
    const made: NodeState = {
      name,
      labels: {},
      isUnschedulable: false,
      taints: [],
      softTaints: [],
      allocatable: new Map(),
      allowedPods: 0,
      images: noImages,
      pods: new Map(),
      requested: new Map(),
      assumedCpu: 0,
      assumedMemory: 0,
      hostPorts: new Map(),
      exists: false,
    };
    this.#nodes.set(name, made);
    return made;
  }

  /** Whether anything changed that placing pods depends on. */
  setNode(object: KubeObject): boolean {
    const { name } = object.metadata;
    const text = nodeText(object);
    if (this.#texts.get(name) === text) return false;
    this.#texts.set(name, text);
    const node = this.#nodeState(name);
    const taints: Taint[] = object.spec?.taints ?? [];
    // Without a prototype: keys of Pods' wishes are looked up in it, and a label may well be called `constructor`.
    node.labels = Object.assign(Object.create(null), object.metadata.labels);
    node.isUnschedulable = object.spec?.unschedulable === true;
    node.taints = taints.filter(keepsAway);
    node.softTaints = taints.filter((taint) => !keepsAway(taint));
    node.allocatable = amountsOf(object.status?.allocatable);
    for (const image of node.images.keys()) this.#countImage(image, -1);
    node.images = imagesOf(object);
    for (const image of node.images.keys()) this.#countImage(image, 1);
    node.allowedPods = node.allocatable.get('pods') ?? 0;
    if (!node.exists) this.#list = undefined;
    node.exists = true;
    return true;
  }

  #countImage(image: string, by: 1 | -1): void {
    const count = (this.#imageNodes.get(image) ?? 0) + by;
    if (count === 0) this.#imageNodes.delete(image);
    else this.#imageNodes.set(image, count);
  }

  /** On how many nodes an image is; 0 for all where no node tells of images. */
  nodesWith(image: string): number {
    return this.#imageNodes.get(image) ?? 0;
  }

  get hasImages(): boolean {
    return this.#imageNodes.size > 0;
  }

  removeNode(name: string): void {
    this.#texts.delete(name);
    const node = this.#nodes.get(name);
    if (node === undefined) return;
    node.exists = false;
    for (const image of node.images.keys()) this.#countImage(image, -1);
    node.images = noImages;
    this.#list = undefined;
    if (node.pods.size === 0) this.#nodes.delete(name);
  }

  /** A pod that runs, or is about to run, on a node. Replaces what was known of it. */
  place(facts: PodFacts, nodeName: string): void {
    this.remove(facts.key);
    const node = this.#nodeState(nodeName);
    node.pods.set(facts.key, facts);
    this.#sum(node, facts, 1);
    this.#placed.set(facts.key, { facts, node });
    this.counts.add(facts, nodeName, 1);
  }

  /** The node that the pod was on. */
  remove(key: string): NodeState | undefined {
    const known = this.#placed.get(key);
    if (known === undefined) return undefined;
    const { facts, node } = known;
    this.#placed.delete(key);
    node.pods.delete(key);
    this.#sum(node, facts, -1);
    this.counts.add(facts, node.name, -1);
    if (!node.exists && node.pods.size === 0) this.#nodes.delete(node.name);
    return node;
  }

  #sum(node: NodeState, facts: PodFacts, sign: 1 | -1): void {
    for (const [name, amount] of facts.requests) {
      node.requested.set(name, (node.requested.get(name) ?? 0) + sign * amount);
    }
    const equals = (this.#priorities.get(facts.priority) ?? 0) + sign;
    if (equals === 0) this.#priorities.delete(facts.priority);
    else this.#priorities.set(facts.priority, equals);
    node.assumedCpu += sign * facts.assumedCpu;
    node.assumedMemory += sign * facts.assumedMemory;
    for (const port of facts.hostPorts) {
      const holders = (node.hostPorts.get(port) ?? 0) + sign;
      if (holders === 0) node.hostPorts.delete(port);
      else node.hostPorts.set(port, holders);
    }
  }
}
