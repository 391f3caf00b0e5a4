/** DaemonSets: one pod on each node that fits, replaced node by node when the template changes. */
import type { KubeObject } from '../../kinds/kind.ts';
import { revisionResource, syncHistory, trimHistory } from '../machinery/history.ts';
import { selectsAll } from '../machinery/label-selector.ts';
import { controllerReference, isNamespaceEnding } from '../machinery/owners.ts';
import { createPodOwner } from '../machinery/pod-owner.ts';
import { controllerOf, keyOf, podStatus } from '../machinery/shapes.ts';
import { byNode, type Controller, type ControllerContext, controllerActor } from '../options.ts';
import { podOf } from '../replica-set/pod-of.ts';
import { daemonStatus, fits, hashLabel, keepOneEach, rollOn, type Steps, targetOf, templateFor } from './plan.ts';

const component = 'daemonset-controller';
const actor = controllerActor;
const resource = 'daemonsets.apps';
const burst = 250;
/** A pod that fails again and again is replaced ever more slowly (failedPodsBackoff: 1 s to 15 min). */
const failedBackoffMs = 1_000;
const maxFailedBackoffMs = 900_000;

export function startDaemonSetController(context: ControllerContext): Controller {
  const { api, clock } = context;
  const owner = createPodOwner(context, { component, resource, kind: 'DaemonSet', sync });
  const { owners: sets, pods, recorder, queue } = owner;
  const nodes = context.index('nodes');
  const revisions = context.index(revisionResource);
  /** `set uid/node` to when its failed pod may go, and how long the next wait is. */
  const failing = new Map<string, { until: number; wait: number }>();

  function sync(key: string): void {
    const set = sets.get(key);
    if (set === undefined || set.metadata.deletionTimestamp !== undefined) return;
    if (selectsAll(set.spec.selector)) {
      const message = 'This daemon set is selecting all pods. A non-empty selector is required.';
      recorder.record(set, { type: 'Warning', reason: 'SelectingAll', message });
      return;
    }
    const history = syncHistory(api, revisions, set, hashLabel, () => owner.countCollision(set));
    if (history === undefined) return;
    const hash: string = history.current.metadata.labels?.[hashLabel] ?? '';
    const all = nodes.all();
    act(set, hash, spareFailing(set, key, keepOneEach(set, all, podsOn(set), hash, clock.now())));
    if (set.spec.updateStrategy?.type === 'RollingUpdate') {
      const desired = all.filter((node) => fits(set, node).shouldRun).length;
      act(set, hash, rollOn(set, desired, all, podsOn(set), hash, clock.now()));
    }
    const hashes = new Set(owner.claimPods(set).map((pod) => pod.metadata.labels?.[hashLabel]));
    trimHistory(api, history, set.spec.revisionHistoryLimit ?? 10, hashLabel, hashes);
    owner.writeStatus(set, daemonStatus(set, all, podsOn(set), hash, clock.now()));
    owner.lookAgainWhenAvailable(key, owner.claimPods(set), set.spec.minReadySeconds ?? 0);
  }

  function podsOn(set: KubeObject): Map<string, KubeObject[]> {
    return Map.groupBy(
      owner.claimPods(set).filter((pod) => targetOf(pod) !== undefined),
      (pod) => targetOf(pod) ?? '',
    );
  }

  /** Failed pods go at once the first time, then after a wait that doubles. */
  function spareFailing(set: KubeObject, key: string, steps: Steps): Steps {
    const now = clock.now();
    const remove = steps.remove.filter((pod) => {
      const { phase } = podStatus(pod);
      const { name, namespace } = pod.metadata;
      const node = targetOf(pod) ?? '';
      if (phase === 'Succeeded') {
        const message = `Found succeeded daemon pod ${namespace}/${name} on node ${node}, will try to delete it`;
        recorder.record(set, { type: 'Normal', reason: 'SucceededDaemonPod', message });
      }
      if (phase !== 'Failed') return true;
      const known = failing.get(`${set.metadata.uid}/${node}`);
      if (known !== undefined && known.until > now) {
        queue.addAfter(key, known.until - now);
        return false;
      }
      const wait = known === undefined ? failedBackoffMs : Math.min(known.wait * 2, maxFailedBackoffMs);
      failing.set(`${set.metadata.uid}/${node}`, { until: now + wait, wait });
      const message = `Found failed daemon pod ${namespace}/${name} on node ${node}, will try to kill it`;
      recorder.record(set, { type: 'Warning', reason: 'FailedDaemonPod', message });
      return true;
    });
    return { create: steps.create, remove };
  }

  function act(set: KubeObject, hash: string, { create, remove }: Steps): void {
    let failure: { error: unknown } | undefined;
    for (const pod of remove.slice(0, burst)) {
      try {
        if (!owner.deletePod(pod)) continue;
        const message = `Deleted pod: ${pod.metadata.name}`;
        recorder.record(set, { type: 'Normal', reason: 'SuccessfulDelete', message });
      } catch (error) {
        failure ??= { error };
      }
    }
    for (const nodeName of create.slice(0, burst)) {
      try {
        const draft = podOf(templateFor(set, nodeName, hash), set, controllerReference(set));
        const pod = api.create('pods', draft, { actor, namespace: set.metadata.namespace ?? '' });
        pods.note(pod);
        const message = `Created pod: ${pod.metadata.name}`;
        recorder.record(set, { type: 'Normal', reason: 'SuccessfulCreate', message });
      } catch (error) {
        if (isNamespaceEnding(error)) return;
        const message = `Error creating: ${error instanceof Error ? error.message : String(error)}`;
        recorder.record(set, { type: 'Warning', reason: 'FailedCreate', message });
        failure = { error };
        break;
      }
    }
    if (create.length > burst || remove.length > burst) queue.add(keyOf(set));
    if (failure !== undefined) throw failure.error;
  }

  /** What of a node decides where daemons run; heartbeats change none of it. */
  const nodeText = (node: KubeObject | undefined): string =>
    JSON.stringify([node?.metadata.name, node?.metadata.labels, node?.spec?.taints, node?.spec?.unschedulable]);

  /**
   * Whether a node's change gives a set something to do. Trap: a pod that a taint only keeps from coming is counted as
   * misscheduled when something else wakes the set, as in a real cluster.
   */
  function concerns(node: KubeObject, set: KubeObject): boolean {
    const { shouldRun, mayStay } = fits(set, node);
    const isThere = pods.by(byNode, node.metadata.name).some((pod) => controllerOf(pod)?.uid === set.metadata.uid);
    if (!isThere) return shouldRun;
    return !mayStay || (set.status?.numberMisscheduled ?? 0) > 0;
  }

  const endings = [
    sets.onChange((after, before) => {
      if (after !== undefined || before === undefined) return;
      for (const key of failing.keys()) if (key.startsWith(`${before.metadata.uid}/`)) failing.delete(key);
    }),
    revisions.onChange((after, before) => {
      if (after !== undefined || before === undefined) return;
      const set = controllerOf(before);
      if (set?.kind === 'DaemonSet') queue.add(`${before.metadata.namespace}/${set.name}`);
    }),
    nodes.onChange((after, before) => {
      if (before !== undefined && nodeText(after) === nodeText(before)) return;
      for (const set of sets.all()) if (after === undefined || concerns(after, set)) queue.add(keyOf(set));
    }),
  ];
  return {
    stop() {
      for (const end of endings) end();
      owner.stop();
    },
  };
}
