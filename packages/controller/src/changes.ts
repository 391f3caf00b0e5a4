/**
 * Changes of state that a person wants a line for: a module on line, off line or failed, a Node ready or not. Read off the
 * objects as the API server gave them, so that a line is true also when another replica or another controller caused it.
 */
import type { ContainerSpec, ObservedNode, ObservedPod } from '@kouplet/core';

export type Change =
  | ({ readonly kind: 'module-on-line' | 'module-off-line' } & ModulePlace)
  | ({ readonly kind: 'module-failed'; readonly reason: string; readonly message: string } & ModulePlace)
  | { readonly kind: 'node-ready'; readonly nodeName: string }
  | {
      readonly kind: 'node-not-ready';
      readonly nodeName: string;
      readonly reason: string;
      readonly message: string;
    }
  | { readonly kind: 'node-gone'; readonly nodeName: string };

export interface ModulePlace {
  /** `name:version`. */
  readonly biz: string;
  readonly nodeName: string;
  readonly namespace: string;
  readonly podName: string;
  readonly podUid: string;
}

type Seen = { readonly kind: 'ready' | 'pending' } | { readonly kind: 'failed'; readonly why: string };

/** Reasons of a waiting container that tell a failed install and not only a delay. */
const failures = new Set(['InstallFailed', 'InstallBackOff', 'InstallTimedOut', 'InvalidModule']);

/** Compares each object with what was last seen of it; holds one short entry a container of a present Pod, one a Node. */
export class ChangeFeed {
  readonly #tell: (change: Change) => void;
  readonly #pods = new Map<string, { readonly pod: ObservedPod; readonly seen: ReadonlyMap<string, Seen> }>();
  readonly #nodes = new Map<string, { readonly nodeName: string; readonly isReady: boolean }>();

  /** @param tell called in order; must not throw */
  constructor(tell: (change: Change) => void) {
    this.#tell = tell;
  }

  get podCount(): number {
    return this.#pods.size;
  }

  podObserved(pod: ObservedPod): void {
    const before = this.#pods.get(pod.metadata.uid);
    const seen = new Map<string, Seen>();
    for (const container of pod.spec.containers) {
      const now = seenOf(pod, container.name);
      seen.set(container.name, now);
      const was = before?.seen.get(container.name) ?? { kind: 'pending' };
      this.#compare(pod, container, was, now);
    }
    this.#pods.set(pod.metadata.uid, { pod, seen });
  }

  podGone(uid: string): void {
    const before = this.#pods.get(uid);
    this.#pods.delete(uid);
    if (before === undefined) return;
    for (const container of before.pod.spec.containers) {
      if (before.seen.get(container.name)?.kind !== 'ready') continue;
      this.#tell({ kind: 'module-off-line', ...placeOf(before.pod, container) });
    }
  }

  nodeObserved(node: ObservedNode): void {
    const { uid, name: nodeName } = node.metadata;
    const condition = node.status.conditions?.find(({ type }) => type === 'Ready');
    const isReady = condition?.status === 'True';
    const before = this.#nodes.get(uid);
    this.#nodes.set(uid, { nodeName, isReady });
    if (isReady && before?.isReady !== true) this.#tell({ kind: 'node-ready', nodeName });
    if (!isReady && before?.isReady === true) {
      const { reason = '', message = '' } = condition ?? {};
      this.#tell({ kind: 'node-not-ready', nodeName, reason, message });
    }
  }

  nodeGone(uid: string): void {
    const before = this.#nodes.get(uid);
    if (before !== undefined && this.#nodes.delete(uid)) this.#tell({ kind: 'node-gone', nodeName: before.nodeName });
  }

  #compare(pod: ObservedPod, container: ContainerSpec, was: Seen, now: Seen): void {
    if (now.kind === 'ready' && was.kind !== 'ready') {
      this.#tell({ kind: 'module-on-line', ...placeOf(pod, container) });
    }
    if (now.kind !== 'ready' && was.kind === 'ready') {
      this.#tell({ kind: 'module-off-line', ...placeOf(pod, container) });
    }
    // InstallFailed and InstallBackOff follow each other with every attempt: told once, until a success.
    if (now.kind === 'failed' && was.kind !== 'failed') {
      const waiting = stateOf(pod, container.name)?.waiting;
      const terminated = stateOf(pod, container.name)?.terminated;
      const message = waiting?.message ?? terminated?.message ?? '';
      this.#tell({ kind: 'module-failed', reason: now.why, message, ...placeOf(pod, container) });
    }
  }
}

function seenOf(pod: ObservedPod, name: string): Seen {
  const status = pod.status.containerStatuses?.find((entry) => entry.name === name);
  if (status?.ready === true) return { kind: 'ready' };
  const reason = status?.state?.waiting?.reason;
  if (reason !== undefined && failures.has(reason)) return { kind: 'failed', why: reason };
  const terminated = status?.state?.terminated;
  if (terminated !== undefined && terminated.exitCode !== 0 && pod.metadata.deletionTimestamp === undefined) {
    return { kind: 'failed', why: terminated.reason ?? 'Error' };
  }
  return { kind: 'pending' };
}

function stateOf(pod: ObservedPod, name: string) {
  return pod.status.containerStatuses?.find((entry) => entry.name === name)?.state;
}

function placeOf(pod: ObservedPod, container: ContainerSpec): ModulePlace {
  const version = container.env?.find(({ name }) => name === 'BIZ_VERSION')?.value ?? '';
  return {
    biz: `${container.name}:${version}`,
    nodeName: pod.spec.nodeName,
    namespace: pod.metadata.namespace ?? '',
    podName: pod.metadata.name,
    podUid: pod.metadata.uid,
  };
}
