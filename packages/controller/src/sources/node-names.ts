/**
 * Which base a Node's name means. A name tells it by itself unless the identity had to be changed to fit; then only the
 * Node's annotation tells, so the odd names are kept here from the Nodes that were seen.
 */
import { baseIdOfNodeName, type ObservedNode } from '@kouplet/core';
import type { BaseId } from '@kouplet/protocol';

/** Twice the Nodes that one Kubernetes is made for. */
const oddNamesKept = 10_000;

export class NodeNames {
  readonly #env: string;
  readonly #odd = new Map<string, BaseId>();

  constructor(env: string) {
    this.#env = env;
  }

  /** Whether a name has the form of a Node of this env: what is kept of all the cluster's Pods. */
  isOurs(nodeName: string): boolean {
    return nodeName.startsWith('vnode.') && nodeName.endsWith(`.${this.#env}`);
  }

  baseOf(nodeName: string): BaseId | undefined {
    return baseIdOfNodeName(nodeName, this.#env) ?? this.#odd.get(nodeName);
  }

  baseOfNode(node: ObservedNode): BaseId | undefined {
    const { name, annotations } = node.metadata;
    const baseId = baseIdOfNodeName(name, this.#env, annotations);
    if (baseId !== undefined && baseIdOfNodeName(name, this.#env) === undefined) this.#remember(name, baseId);
    return baseId;
  }

  /** The name seen longest ago goes first: a Node that lives is seen again at every write to it. */
  #remember(name: string, baseId: BaseId): void {
    this.#odd.delete(name);
    this.#odd.set(name, baseId);
    const [oldest] = this.#odd.keys();
    if (this.#odd.size > oddNamesKept && oldest !== undefined) this.#odd.delete(oldest);
  }
}
