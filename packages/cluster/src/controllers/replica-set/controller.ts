/**
 * ReplicaSets: so many pods of one template, no more and no less (kubernetes, pkg/controller/replicaset). Level-triggered:
 * every sync counts the pods that are there now.
 */
import type { KubeObject } from '../../kinds/kind.ts';
import { controllerReference, isNamespaceEnding } from '../machinery/owners.ts';
import { createPodOwner } from '../machinery/pod-owner.ts';
import { controllerOf, isActive, replicaSetSpec } from '../machinery/shapes.ts';
import { byController, type Controller, type ControllerContext, controllerActor } from '../options.ts';
import { podOf } from './pod-of.ts';
import { replicaSetStatusOf } from './status.ts';
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
  const owner = createPodOwner(context, {
    component,
    resource: 'replicasets.apps',
    kind: 'ReplicaSet',
    sync,
    considers: (_set, pod) => isActive(pod),
  });
  const { owners: sets, pods, recorder, queue } = owner;

  function sync(key: string): void {
    const set = sets.get(key);
    if (set === undefined) return;
    const spec = replicaSetSpec(set);
    let active = owner.claimPods(set);

    let failure: { error: unknown; reason: 'FailedCreate' | 'FailedDelete' } | undefined;
    const missing = spec.replicas - active.length;
    if (set.metadata.deletionTimestamp === undefined && missing !== 0) {
      try {
        if (missing > 0) createPods(set, Math.min(missing, burst));
        else deletePods(set, chooseVictims(active, relatedPods(set), Math.min(-missing, burst), clock.now()));
      } catch (error) {
        failure = { error, reason: missing > 0 ? 'FailedCreate' : 'FailedDelete' };
      }
      active = owner.claimPods(set);
    }

    const told =
      failure === undefined
        ? undefined
        : {
            reason: failure.reason,
            message: failure.error instanceof Error ? failure.error.message : String(failure.error),
          };
    owner.writeStatus(set, { ...replicaSetStatusOf(sets.get(key) ?? set, active, told, clock.now()) });
    if (failure !== undefined) throw failure.error;
    if (spec.replicas > active.length && missing > burst) queue.add(key);
    owner.lookAgainWhenAvailable(key, active, spec.minReadySeconds ?? 0);
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
      try {
        if (!owner.deletePod(pod)) continue;
        const message = `Deleted pod: ${pod.metadata.name}`;
        recorder.record(set, { type: 'Normal', reason: 'SuccessfulDelete', message });
      } catch (error) {
        const message = `Error deleting: ${error instanceof Error ? error.message : String(error)}`;
        recorder.record(set, { type: 'Warning', reason: 'FailedDelete', message });
        failure ??= { error };
      }
    }
    if (failure !== undefined) throw failure.error;
  }

  /** Pods of every ReplicaSet of the same owner. */
  function relatedPods(set: KubeObject): KubeObject[] {
    const parent = controllerOf(set);
    const family = parent === undefined ? [set] : sets.by(byController, parent.uid);
    return family.flatMap((one) => pods.by(byController, one.metadata.uid));
  }

  return { stop: () => owner.stop() };
}
