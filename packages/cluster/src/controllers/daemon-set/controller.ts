/** DaemonSets: one pod on each node that fits, replaced node by node when the template changes. */
import type { KubeObject } from '../../kinds/kind.ts';
import { sameValue } from '../machinery/canonical.ts';
import { revisionResource, syncHistory, trimHistory } from '../machinery/history.ts';
import { compileSelector, selectsAll } from '../machinery/label-selector.ts';
import { claimObjects, controllerReference, isNamespaceEnding, isReason } from '../machinery/owners.ts';
import { controllerOf, keyOf, podStatus } from '../machinery/shapes.ts';
import { createWorkQueue } from '../machinery/work-queue.ts';
import {
  byController,
  byNode,
  byOrphanage,
  type Controller,
  type ControllerContext,
  controllerActor,
} from '../options.ts';
import { podOf } from '../replica-set/pod-of.ts';
import { availableAt } from '../replica-set/status.ts';
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
  const sets = context.index(resource);
  const pods = context.index('pods');
  const nodes = context.index('nodes');
  const revisions = context.index(revisionResource);
  const recorder = context.recorder(component);
  /** `set uid/node` to when its failed pod may go, and how long the next wait is. */
  const failing = new Map<string, { until: number; wait: number }>();
  const queue = createWorkQueue({
    clock,
    run: sync,
    onError: (error, key) => context.onError(error, `${component} ${key}`),
  });

  function sync(key: string): void {
    const set = sets.get(key);
    if (set === undefined || set.metadata.deletionTimestamp !== undefined) return;
    if (selectsAll(set.spec.selector)) {
      const message = 'This daemon set is selecting all pods. A non-empty selector is required.';
      recorder.record(set, { type: 'Warning', reason: 'SelectingAll', message });
      return;
    }
    const history = syncHistory(api, revisions, set, hashLabel, () => countCollision(set));
    if (history === undefined) return;
    const hash: string = history.current.metadata.labels?.[hashLabel] ?? '';
    const all = nodes.all();
    act(set, hash, spareFailing(set, key, keepOneEach(set, all, podsOn(set), hash, clock.now())));
    if (set.spec.updateStrategy?.type === 'RollingUpdate') {
      const desired = all.filter((node) => fits(set, node).shouldRun).length;
      act(set, hash, rollOn(set, desired, all, podsOn(set), hash, clock.now()));
    }
    const hashes = new Set(ownPods(set).map((pod) => pod.metadata.labels?.[hashLabel]));
    trimHistory(api, history, set.spec.revisionHistoryLimit ?? 10, hashLabel, hashes);
    writeStatus(set, daemonStatus(set, all, podsOn(set), hash, clock.now()));
    checkAgainWhenAvailable(key, set);
  }

  function ownPods(set: KubeObject): KubeObject[] {
    const matches = compileSelector(set.spec.selector);
    const orphans = pods.by(byOrphanage, set.metadata.namespace ?? '').filter((pod) => matches(pod.metadata.labels));
    const claim = { api, resource: 'pods', owner: set, matches, actor };
    return claimObjects(claim, [...pods.by(byController, set.metadata.uid), ...orphans]);
  }

  function podsOn(set: KubeObject): Map<string, KubeObject[]> {
    return Map.groupBy(
      ownPods(set).filter((pod) => targetOf(pod) !== undefined),
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
      const { name, namespace, uid } = pod.metadata;
      try {
        api.delete('pods', name, namespace, { preconditions: { uid } });
        recorder.record(set, { type: 'Normal', reason: 'SuccessfulDelete', message: `Deleted pod: ${name}` });
      } catch (error) {
        if (!isReason(error, 'NotFound')) failure ??= { error };
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

  function writeStatus(set: KubeObject, status: Record<string, unknown>): void {
    const { name, namespace, uid } = set.metadata;
    const current = api.get(resource, name, namespace);
    if (current?.metadata.uid !== uid || sameValue(current.status, status)) return;
    const change = (draft: KubeObject): void => {
      draft.status = status;
    };
    api.modify(resource, name, namespace, change, { actor, subresource: 'status' });
  }

  function countCollision(set: KubeObject): void {
    writeStatus(set, { ...set.status, collisionCount: (set.status?.collisionCount ?? 0) + 1 });
  }

  function checkAgainWhenAvailable(key: string, set: KubeObject): void {
    const minReadySeconds: number = set.spec.minReadySeconds ?? 0;
    if (minReadySeconds === 0) return;
    for (const pod of ownPods(set)) {
      const at = availableAt(pod, minReadySeconds);
      if (at !== undefined && at > clock.now()) queue.addAfter(key, at - clock.now());
    }
  }

  function wakeOwnerOf(pod: KubeObject): void {
    const owner = controllerOf(pod);
    const { namespace, labels } = pod.metadata;
    if (owner !== undefined) {
      if (owner.kind === 'DaemonSet') queue.add(`${namespace}/${owner.name}`);
      return;
    }
    if (labels === undefined) return;
    for (const set of sets.inNamespace(namespace ?? '')) {
      if (compileSelector(set.spec.selector)(labels)) queue.add(keyOf(set));
    }
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
      if (after !== undefined) queue.add(keyOf(after));
      else if (before !== undefined) {
        for (const key of failing.keys()) if (key.startsWith(`${before.metadata.uid}/`)) failing.delete(key);
      }
    }),
    revisions.onChange((after, before) => {
      const owner = controllerOf(after ?? before ?? { apiVersion: '', kind: '', metadata: nobody });
      if (after === undefined && owner?.kind === 'DaemonSet') queue.add(`${before?.metadata.namespace}/${owner.name}`);
    }),
    pods.onChange((after, before) => {
      if (after !== undefined) wakeOwnerOf(after);
      if (before !== undefined && (after === undefined || controllerOf(after)?.uid !== controllerOf(before)?.uid)) {
        wakeOwnerOf(before);
      }
    }),
    nodes.onChange((after, before) => {
      if (before !== undefined && nodeText(after) === nodeText(before)) return;
      for (const set of sets.all()) if (after === undefined || concerns(after, set)) queue.add(keyOf(set));
    }),
  ];
  return {
    stop() {
      for (const end of endings) end();
      queue.stop();
    },
  };
}

const nobody = { name: '', uid: '', resourceVersion: '', creationTimestamp: '' };
