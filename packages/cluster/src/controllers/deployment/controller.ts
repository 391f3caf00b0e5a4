/**
 * Deployments: one ReplicaSet a template, moved from the old to the new step by step (kubernetes 1.34,
 * pkg/controller/deployment). Each sync takes one step and writes the status; the changes it causes bring the next.
 */
import type { KubeObject } from '../../kinds/kind.ts';
import { sameValue } from '../machinery/canonical.ts';
import { compileSelector, selectsAll } from '../machinery/label-selector.ts';
import { claimObjects } from '../machinery/owners.ts';
import {
  conditionOf,
  controllerOf,
  type DeploymentStatus,
  deploymentSpec,
  deploymentStatus,
  keyOf,
  podStatus,
  replicaSetSpec,
} from '../machinery/shapes.ts';
import { createWorkQueue } from '../machinery/work-queue.ts';
import { byController, byOrphanage, type Controller, type ControllerContext, controllerActor } from '../options.ts';
import { deadlineOf, hasDeadline, isComplete, rolloutStatusOf, statusOf, withCondition } from './conditions.ts';
import { createReplicaSets, type Sets } from './replica-sets.ts';
import { desiredAnnotation } from './revisions.ts';
import { actualOf, isRolling, newSetSize, shareOut, shrinkOld } from './sizes.ts';

const component = 'deployment-controller';
const actor = controllerActor;

export function startDeploymentController(context: ControllerContext): Controller {
  const { api, clock } = context;
  const deployments = context.index('deployments.apps');
  const sets = context.index('replicasets.apps');
  const pods = context.index('pods');
  const recorder = context.recorder(component);
  const replicaSets = createReplicaSets({ api, clock, index: sets, recorder, writeStatus });
  const queue = createWorkQueue({
    clock,
    run: sync,
    onError: (error, key) => context.onError(error, `${component} ${key}`),
  });

  function sync(key: string): void {
    const deployment = deployments.get(key);
    if (deployment === undefined) return;
    const spec = deploymentSpec(deployment);
    if (selectsAll(spec.selector)) {
      const message = 'This deployment is selecting all pods. A non-empty selector is required.';
      recorder.record(deployment, { type: 'Warning', reason: 'SelectingAll', message });
      const observedGeneration = deployment.metadata.generation ?? 0;
      writeStatus(deployment, { ...deploymentStatus(deployment), observedGeneration });
      return;
    }
    const owned = claim(deployment);
    if (deployment.metadata.deletionTimestamp !== undefined) {
      writeCounts(deployment, replicaSets.syncRevision(deployment, owned));
      return;
    }
    notePause(deployment);
    const known = replicaSets.syncRevision(deployment, owned);
    if (spec.paused === true || isScaling(deployment, known)) {
      scale(deployment, known);
      return;
    }
    if (isRolling(spec)) rollOn(deployment, known);
    else recreate(deployment, known);
  }

  function claim(deployment: KubeObject): KubeObject[] {
    const { uid, namespace } = deployment.metadata;
    const matches = compileSelector(deploymentSpec(deployment).selector);
    const orphans = sets.by(byOrphanage, namespace ?? '').filter((set) => matches(set.metadata.labels));
    const resource = 'replicasets.apps';
    return claimObjects({ api, resource, owner: deployment, matches, actor }, [
      ...sets.by(byController, uid),
      ...orphans,
    ]);
  }

  /** The API's present state of a Deployment that this sync may have written to. */
  function fresh(deployment: KubeObject): KubeObject {
    const { name, namespace, uid } = deployment.metadata;
    const current = api.get('deployments.apps', name, namespace);
    return current?.metadata.uid === uid ? current : deployment;
  }

  /** So that the deadline does not run while paused, nor strike at the moment of resuming. */
  function notePause(deployment: KubeObject): void {
    const spec = deploymentSpec(deployment);
    const status = deploymentStatus(deployment);
    const known = conditionOf(status.conditions, 'Progressing');
    if (!hasDeadline(spec) || known?.reason === 'ProgressDeadlineExceeded') return;
    const isNoted = known?.reason === 'DeploymentPaused';
    if ((spec.paused === true) === isNoted) return;
    const [reason, message] = isNoted
      ? ['DeploymentResumed', 'Deployment is resumed']
      : ['DeploymentPaused', 'Deployment is paused'];
    const conditions = withCondition(
      status.conditions ?? [],
      { type: 'Progressing', status: 'Unknown', reason, message },
      clock.now(),
    );
    writeStatus(deployment, { ...status, conditions });
  }

  /** Whether the wanted size is another than the one that the active ReplicaSets were sized for. */
  function isScaling(deployment: KubeObject, { newSet, old }: Sets): boolean {
    const { replicas } = deploymentSpec(deployment);
    return [...old, ...(newSet === undefined ? [] : [newSet])].some((set) => {
      const noted = set.metadata.annotations?.[desiredAnnotation];
      return (
        replicaSetSpec(set).replicas > 0 && noted !== undefined && /^\d+$/.test(noted) && Number(noted) !== replicas
      );
    });
  }

  /** Paused, or of a new size: no step of the rollout, only sizes. */
  function scale(deployment: KubeObject, known: Sets): void {
    const spec = deploymentSpec(deployment);
    const only = replicaSets.activeOrLatest(known);
    if (only !== undefined) {
      if (replicaSetSpec(only).replicas !== spec.replicas) replicaSets.resize(deployment, only, spec.replicas);
    } else if (replicaSets.isSaturated(deployment, known.newSet)) {
      for (const set of replicaSets.active(known.old)) replicaSets.resize(deployment, set, 0);
    } else if (isRolling(spec)) {
      const all = known.newSet === undefined ? known.old : [...known.old, known.newSet];
      const present = deploymentStatus(deployment).replicas ?? 0;
      for (const { set, to } of shareOut(spec, present, replicaSets.active(all)))
        replicaSets.resize(deployment, set, to);
    }
    if (spec.paused === true) replicaSets.cleanUp(deployment, replicaSets.refresh(known.old));
    writeCounts(deployment, { newSet: known.newSet, old: known.old });
  }

  function rollOn(deployment: KubeObject, known: Sets): void {
    const spec = deploymentSpec(deployment);
    const newSet = known.newSet ?? replicaSets.create(fresh(deployment), known.old);
    if (newSet === undefined) return;
    const { old } = known;
    const present = replicaSetSpec(newSet).replicas;
    const wanted = present > spec.replicas ? spec.replicas : newSetSize(spec, [...old, newSet], present);
    if (present !== spec.replicas && wanted !== present) {
      replicaSets.resize(deployment, newSet, wanted);
      writeRollout(deployment, { newSet, old });
      return;
    }
    const steps = shrinkOld(spec, newSet, replicaSets.active(old));
    for (const { set, to } of steps) replicaSets.resize(deployment, set, to);
    if (steps.length === 0 && isComplete(deployment, deploymentStatus(fresh(deployment)))) {
      replicaSets.cleanUp(deployment, old);
    }
    writeRollout(deployment, { newSet, old });
  }

  function recreate(deployment: KubeObject, known: Sets): void {
    const { old } = known;
    const active = replicaSets.active(old);
    for (const set of active) replicaSets.resize(deployment, set, 0);
    if (active.length > 0 || stillRuns(known)) {
      writeRollout(deployment, known);
      return;
    }
    const newSet = known.newSet ?? replicaSets.create(fresh(deployment), old);
    if (newSet === undefined) return;
    const { replicas } = deploymentSpec(deployment);
    if (replicaSetSpec(newSet).replicas !== replicas) replicaSets.resize(deployment, newSet, replicas);
    if (isComplete(deployment, deploymentStatus(fresh(deployment)))) replicaSets.cleanUp(deployment, old);
    writeRollout(deployment, { newSet, old });
  }

  /** A pod of an old template that has not ended, also one that is being deleted. */
  function stillRuns({ old }: Sets): boolean {
    if (actualOf(replicaSets.refresh(old)) > 0) return true;
    return old.some((set) =>
      pods.by(byController, set.metadata.uid).some((pod) => {
        const { phase } = podStatus(pod);
        return phase !== 'Succeeded' && phase !== 'Failed';
      }),
    );
  }

  function writeCounts(deployment: KubeObject, { newSet, old }: Sets): void {
    const current = fresh(deployment);
    writeStatus(current, statusOf(current, replicaSets.refreshOne(newSet), replicaSets.refresh(old), clock.now()));
  }

  function writeRollout(deployment: KubeObject, { newSet, old }: Sets): void {
    const current = fresh(deployment);
    const now = clock.now();
    const status = rolloutStatusOf(current, replicaSets.refreshOne(newSet), replicaSets.refresh(old), now);
    writeStatus(current, status);
    const again = deadlineOf(current, status);
    if (again !== undefined) queue.addAfter(keyOf(current), Math.max(1000, again - now));
  }

  function writeStatus(deployment: KubeObject, status: DeploymentStatus): void {
    const { name, namespace, uid } = deployment.metadata;
    const current = api.get('deployments.apps', name, namespace);
    if (current?.metadata.uid !== uid || sameValue(deploymentStatus(current), status)) return;
    api.modify(
      'deployments.apps',
      name,
      namespace,
      (draft) => {
        draft.status = status;
      },
      { actor, subresource: 'status' },
    );
  }

  function wakeOwnerOf(set: KubeObject): void {
    const owner = controllerOf(set);
    const { namespace, labels } = set.metadata;
    if (owner !== undefined) {
      if (owner.kind === 'Deployment') queue.add(`${namespace}/${owner.name}`);
      return;
    }
    if (labels === undefined || namespace === undefined) return;
    for (const deployment of deployments.inNamespace(namespace)) {
      if (compileSelector(deploymentSpec(deployment).selector)(labels)) queue.add(keyOf(deployment));
    }
  }

  /** Recreate waits for the end of the last old pod. */
  function wakeRecreating(pod: KubeObject): void {
    const owner = controllerOf(pod);
    if (owner?.kind !== 'ReplicaSet') return;
    const set = api.get('replicasets.apps', owner.name, pod.metadata.namespace);
    const deployment = set === undefined ? undefined : controllerOf(set);
    if (deployment?.kind !== 'Deployment') return;
    const key = `${pod.metadata.namespace}/${deployment.name}`;
    const current = deployments.get(key);
    if (current !== undefined && !isRolling(deploymentSpec(current))) queue.add(key);
  }

  const endings = [
    deployments.onChange((after) => {
      if (after !== undefined) queue.add(keyOf(after));
    }),
    sets.onChange((after, before) => {
      if (before !== undefined && (after === undefined || controllerOf(before)?.uid !== controllerOf(after)?.uid)) {
        wakeOwnerOf(before);
      }
      if (after !== undefined) wakeOwnerOf(after);
    }),
    pods.onChange((after, before) => {
      if (after === undefined && before !== undefined) wakeRecreating(before);
      else if (after !== undefined && ['Succeeded', 'Failed'].includes(podStatus(after).phase ?? '')) {
        wakeRecreating(after);
      }
    }),
  ];
  return {
    stop() {
      for (const end of endings) end();
      queue.stop();
    },
  };
}
