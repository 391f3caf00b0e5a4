/**
 * ReplicaSets: so many pods of one template, no more and no less (kubernetes, pkg/controller/replicaset). Level-triggered:
 * every sync counts the pods that are there now.
 */
import type { KubeObject } from '../../kinds/kind.ts';
import { sameValue } from '../machinery/canonical.ts';
import { compileSelector } from '../machinery/label-selector.ts';
import { claimObjects, controllerReference, isNamespaceEnding, isReason } from '../machinery/owners.ts';
import { controllerOf, isActive, keyOf, replicaSetSpec, replicaSetStatus } from '../machinery/shapes.ts';
import { createWorkQueue } from '../machinery/work-queue.ts';
import { byController, byOrphanage, type Controller, type ControllerContext, controllerActor } from '../options.ts';
import { podOf } from './pod-of.ts';
import { availableAt, replicaSetStatusOf } from './status.ts';
import { chooseVictims } from './victims.ts';

const component = 'replicaset-controller';
const actor = controllerActor;
/** Pods made or deleted in one sync at most (--concurrent… burstReplicas). */
const burst = 500;

/** The first pod is made alone, then twice as many: a template that is refused costs one refusal a sync, not hundreds. */
function createInGrowingBatches(count: number, create: () => void): void {
  let left = count;
  for (let batch = 1; left > 0; batch *= 2) {
    const size = Math.min(batch, left);
    let failure: { error: unknown } | undefined;
    for (let i = 0; i < size; i++) {
      try {
        create();
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure !== undefined) throw failure.error;
    left -= size;
  }
}

export function startReplicaSetController(context: ControllerContext): Controller {
  const { api, clock } = context;
  const sets = context.index('replicasets.apps');
  const pods = context.index('pods');
  const recorder = context.recorder(component);
  const queue = createWorkQueue({
    clock,
    run: sync,
    onError: (error, key) => context.onError(error, `${component} ${key}`),
  });

  function sync(key: string): void {
    const set = sets.get(key);
    if (set === undefined) return;
    const spec = replicaSetSpec(set);
    const namespace = set.metadata.namespace ?? '';
    const matches = compileSelector(spec.selector);
    const orphans = pods.by(byOrphanage, namespace).filter((pod) => isActive(pod) && matches(pod.metadata.labels));
    const claim = { api, resource: 'pods', owner: set, matches, actor };
    const owned = (): KubeObject[] => pods.by(byController, set.metadata.uid).filter(isActive);
    let active = claimObjects(claim, [...owned(), ...orphans]);

    let failure: { error: unknown; reason: 'FailedCreate' | 'FailedDelete' } | undefined;
    const missing = spec.replicas - active.length;
    if (set.metadata.deletionTimestamp === undefined && missing !== 0) {
      try {
        if (missing > 0) createPods(set, Math.min(missing, burst));
        else deletePods(set, chooseVictims(active, relatedPods(set), Math.min(-missing, burst), clock.now()));
      } catch (error) {
        failure = { error, reason: missing > 0 ? 'FailedCreate' : 'FailedDelete' };
      }
      active = owned().filter((pod) => matches(pod.metadata.labels));
    }

    const told =
      failure === undefined
        ? undefined
        : {
            reason: failure.reason,
            message: failure.error instanceof Error ? failure.error.message : String(failure.error),
          };
    writeStatus(set, active, told);
    if (failure !== undefined) throw failure.error;
    if (spec.replicas > active.length && missing > burst) queue.add(key);
    checkAgainWhenAvailable(key, active, spec.minReadySeconds ?? 0);
  }

  function createPods(set: KubeObject, count: number): void {
    const template = replicaSetSpec(set).template;
    const namespace = set.metadata.namespace ?? '';
    createInGrowingBatches(count, () => {
      try {
        const pod = api.create('pods', podOf(template, set, controllerReference(set)), { actor, namespace });
        pods.note(pod);
        recorder.record(set, {
          type: 'Normal',
          reason: 'SuccessfulCreate',
          message: `Created pod: ${pod.metadata.name}`,
        });
      } catch (error) {
        if (isNamespaceEnding(error)) return;
        const message = `Error creating: ${error instanceof Error ? error.message : String(error)}`;
        recorder.record(set, { type: 'Warning', reason: 'FailedCreate', message });
        throw error;
      }
    });
  }

  function deletePods(set: KubeObject, victims: readonly KubeObject[]): void {
    let failure: { error: unknown } | undefined;
    for (const pod of victims) {
      const { name, namespace, uid } = pod.metadata;
      try {
        api.delete('pods', name, namespace, { preconditions: { uid } });
        recorder.record(set, { type: 'Normal', reason: 'SuccessfulDelete', message: `Deleted pod: ${name}` });
      } catch (error) {
        if (isReason(error, 'NotFound')) continue;
        const message = `Error deleting: ${error instanceof Error ? error.message : String(error)}`;
        recorder.record(set, { type: 'Warning', reason: 'FailedDelete', message });
        failure ??= { error };
      }
    }
    if (failure !== undefined) throw failure.error;
  }

  /** Pods of every ReplicaSet of the same owner. */
  function relatedPods(set: KubeObject): KubeObject[] {
    const owner = controllerOf(set);
    const family = owner === undefined ? [set] : sets.by(byController, owner.uid);
    return family.flatMap((one) => pods.by(byController, one.metadata.uid));
  }

  function writeStatus(
    set: KubeObject,
    active: readonly KubeObject[],
    failure: { message: string; reason: 'FailedCreate' | 'FailedDelete' } | undefined,
  ): void {
    const { name, namespace } = set.metadata;
    const current = api.get('replicasets.apps', name, namespace);
    if (current?.metadata.uid !== set.metadata.uid) return;
    const status = replicaSetStatusOf(set, active, failure, clock.now());
    if (sameValue(replicaSetStatus(current), status)) return;
    api.modify(
      'replicasets.apps',
      name,
      namespace,
      (draft) => {
        draft.status = status;
      },
      { actor, subresource: 'status' },
    );
  }

  function checkAgainWhenAvailable(key: string, active: readonly KubeObject[], minReadySeconds: number): void {
    if (minReadySeconds === 0) return;
    const now = clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const pod of active) {
      const at = availableAt(pod, minReadySeconds);
      if (at !== undefined && at > now) next = Math.min(next, at);
    }
    if (next !== Number.POSITIVE_INFINITY) queue.addAfter(key, next - now);
  }

  function wakeOwnerOf(pod: KubeObject): void {
    const owner = controllerOf(pod);
    const { namespace } = pod.metadata;
    if (owner !== undefined) {
      if (owner.kind === 'ReplicaSet') queue.add(`${namespace}/${owner.name}`);
      return;
    }
    if (pod.metadata.labels === undefined || namespace === undefined) return;
    for (const set of sets.inNamespace(namespace)) {
      if (compileSelector(replicaSetSpec(set).selector)(pod.metadata.labels)) queue.add(keyOf(set));
    }
  }

  const endings = [
    sets.onChange((after) => {
      if (after !== undefined) queue.add(keyOf(after));
    }),
    pods.onChange((after, before) => {
      const oldOwner = before === undefined ? undefined : controllerOf(before);
      if (before !== undefined && (after === undefined || oldOwner?.uid !== controllerOf(after)?.uid)) {
        wakeOwnerOf(before);
      }
      if (after !== undefined) wakeOwnerOf(after);
    }),
  ];
  return {
    stop() {
      for (const end of endings) end();
      queue.stop();
    },
  };
}
