/**
 * NoExecute taints: pods that do not tolerate one are deleted at once, pods that tolerate it for a while after that while
 * (kubernetes, pkg/controller/tainteviction). Deletion is with the pod's own grace: on a dead node it stays Terminating.
 */
import type { KubeObject } from '../kinds/kind.ts';
import { isReason } from './machinery/owners.ts';
import { keyOf, podSpec, splitKey, type Taint, type Toleration } from './machinery/shapes.ts';
import { tolerates } from './machinery/tolerations.ts';
import { createWorkQueue } from './machinery/work-queue.ts';
import { byNode, type Controller, type ControllerContext, controllerActor } from './options.ts';
import { withDisruption } from './pod-gc.ts';

const component = 'taint-eviction-controller';

interface Eviction {
  uid: string;
  /** When the taint was first seen: a shorter toleration counts from here. */
  sinceAt: number;
  dueAt: number;
}

/**
 * How long a pod may stay under these taints, in ms.
 *
 * @returns 0 at once, Infinity for ever
 */
export function toleratedMs(taints: readonly Taint[], tolerations: readonly Toleration[]): number {
  const used = taints.map((taint) => tolerations.find((toleration) => tolerates(toleration, taint)));
  if (used.includes(undefined)) return 0;
  let shortest = Number.POSITIVE_INFINITY;
  for (const toleration of used) {
    if (toleration?.tolerationSeconds === undefined) continue;
    shortest = Math.min(shortest, Math.max(0, toleration.tolerationSeconds) * 1000);
  }
  return shortest;
}

const noExecute = (node: KubeObject | undefined): Taint[] =>
  ((node?.spec?.taints ?? []) as Taint[]).filter((taint) => taint.effect === 'NoExecute');

export function startTaintEviction(context: ControllerContext): Controller {
  const { api, clock } = context;
  const pods = context.index('pods');
  const nodes = context.index('nodes');
  const recorder = context.recorder(component);
  const evictions = new Map<string, Eviction>();
  const queue = createWorkQueue({
    clock,
    run: evictIfDue,
    onError: (error, key) => context.onError(error, `${component} ${key}`),
    maxBackoffMs: 10_000,
  });

  function tell(key: string, verb: 'Marking for' | 'Cancelling'): void {
    const { namespace, name } = splitKey(key);
    // Without a uid, as the real one: `kubectl describe` finds it by name.
    recorder.record(
      { apiVersion: 'v1', kind: 'Pod', metadata: { name, ...(namespace === undefined ? {} : { namespace }) } },
      {
        type: 'Normal',
        reason: 'TaintManagerEviction',
        message: verb === 'Cancelling' ? `Cancelling deletion of Pod ${key}` : `Marking for deletion Pod ${key}`,
      },
    );
  }

  function cancel(key: string): void {
    if (evictions.delete(key)) tell(key, 'Cancelling');
  }

  function judge(pod: KubeObject, taints: readonly Taint[]): void {
    const key = keyOf(pod);
    const { uid, deletionTimestamp } = pod.metadata;
    if (deletionTimestamp !== undefined) {
      evictions.delete(key);
      return;
    }
    if (taints.length === 0) {
      cancel(key);
      return;
    }
    const forMs = toleratedMs(taints, podSpec(pod).tolerations ?? []);
    if (forMs === Number.POSITIVE_INFINITY) {
      cancel(key);
      return;
    }
    const known = evictions.get(key);
    const sinceAt = known?.uid === uid ? known.sinceAt : clock.now();
    const dueAt = forMs === 0 ? clock.now() : sinceAt + forMs;
    if (known?.uid === uid && known.dueAt <= dueAt) return;
    evictions.set(key, { uid, sinceAt, dueAt });
    queue.addAfter(key, dueAt - clock.now());
  }

  function evictIfDue(key: string): void {
    const eviction = evictions.get(key);
    if (eviction === undefined) return;
    if (eviction.dueAt > clock.now()) {
      queue.addAfter(key, eviction.dueAt - clock.now());
      return;
    }
    const pod = pods.get(key);
    if (pod?.metadata.uid !== eviction.uid || pod.metadata.deletionTimestamp !== undefined) {
      evictions.delete(key);
      return;
    }
    tell(key, 'Marking for');
    evict(pod);
    evictions.delete(key);
  }

  function evict(pod: KubeObject): void {
    const { name, namespace, uid } = pod.metadata;
    const disruption = {
      reason: 'DeletionByTaintManager',
      message: 'Taint manager: deleting due to NoExecute taint',
    };
    try {
      api.modify(
        'pods',
        name,
        namespace,
        (draft) => {
          draft.status.conditions = withDisruption(draft, disruption, clock.now());
        },
        { actor: controllerActor, subresource: 'status' },
      );
      api.delete('pods', name, namespace, { preconditions: { uid } });
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    }
  }

  const endings = [
    nodes.onChange((after, before) => {
      if (after === undefined) return;
      const taints = noExecute(after);
      if (taints.length === 0 && noExecute(before).length === 0) return;
      for (const pod of pods.by(byNode, after.metadata.name)) judge(pod, taints);
    }),
    pods.onChange((after, before) => {
      if (after === undefined) {
        if (before !== undefined && evictions.get(keyOf(before))?.uid === before.metadata.uid) cancel(keyOf(before));
        return;
      }
      const { nodeName } = podSpec(after);
      if (nodeName === undefined || nodeName === '') return;
      const taints = noExecute(nodes.get(nodeName));
      if (taints.length > 0 || evictions.has(keyOf(after))) judge(after, taints);
    }),
  ];
  return {
    stop() {
      for (const end of endings) end();
      queue.stop();
    },
  };
}
