/**
 * StatefulSets: pods with names and an order (kubernetes 1.34, pkg/controller/statefulset).
 *
 *   OrderedReady: 0 ready ─► 1 ready ─► … ; down from the highest; an unready or ending pod stops everything behind it
 *   update: from the highest ordinal down to the partition, one at a time, each waited for
 */
import type { KubeObject } from '../../kinds/kind.ts';
import { sameValue } from '../machinery/canonical.ts';
import { type History, revisionResource, syncHistory, trimHistory } from '../machinery/history.ts';
import { selectsAll } from '../machinery/label-selector.ts';
import { changeOwners, isNamespaceEnding } from '../machinery/owners.ts';
import { createPodOwner } from '../machinery/pod-owner.ts';
import { keyOf } from '../machinery/shapes.ts';
import { type Controller, type ControllerContext, controllerActor } from '../options.ts';
import { claimOwners } from './claims.ts';
import {
  claimsOf,
  isEnded,
  isRunningAndReady,
  isTerminating,
  isUsable,
  ordinalOf,
  podFor,
  revisionOf,
  startOf,
} from './pods.ts';

const component = 'statefulset-controller';
const actor = controllerActor;
const resource = 'statefulsets.apps';
const hashLabel = 'controller.kubernetes.io/hash';

/** What one sync works with. */
interface Work {
  set: KubeObject;
  isOrdered: boolean;
  /** By place; undefined where the pod is missing. */
  replicas: Array<KubeObject | undefined>;
  /** Beyond the wanted size, highest first. */
  condemned: KubeObject[];
  current: KubeObject;
  update: KubeObject;
}

export function startStatefulSetController(context: ControllerContext): Controller {
  const { api, clock } = context;
  const owner = createPodOwner(context, {
    component,
    resource,
    kind: 'StatefulSet',
    sync,
    considers: (set, pod) => ordinalOf(set, pod) !== undefined,
  });
  const { owners: sets, pods, recorder } = owner;
  const claims = context.index('persistentvolumeclaims');
  const revisions = context.index(revisionResource);

  function sync(key: string): void {
    const set = sets.get(key);
    if (set === undefined) return;
    if (selectsAll(set.spec.selector)) return;
    const history = syncHistory(api, revisions, set, hashLabel, () => owner.countCollision(set));
    if (history === undefined) return;
    const work = workOf(set, history);
    let failure: { error: unknown } | undefined;
    if (set.metadata.deletionTimestamp === undefined) {
      try {
        step(work);
      } catch (error) {
        failure = { error };
      }
    }
    owner.writeStatus(set, statusOf(set, work));
    const live = new Set([
      ...owner.claimPods(set).map((pod) => revisionOf(pod)),
      api.get(resource, set.metadata.name, set.metadata.namespace)?.status?.currentRevision,
    ]);
    const hashes = new Set(
      history.old.filter((one) => live.has(one.metadata.name)).map((one) => one.metadata.labels?.[hashLabel]),
    );
    trimHistory(api, history, set.spec.revisionHistoryLimit ?? 10, hashLabel, hashes);
    if (failure !== undefined) throw failure.error;
    owner.lookAgainWhenAvailable(key, owner.claimPods(set), set.spec.minReadySeconds ?? 0);
  }

  function workOf(set: KubeObject, { current: update, old }: History): Work {
    const current = old.find((one) => one.metadata.name === set.status?.currentRevision) ?? update;
    const wanted: number = set.spec.replicas ?? 1;
    const replicas: Array<KubeObject | undefined> = Array.from({ length: wanted }, () => undefined);
    const condemned: KubeObject[] = [];
    for (const pod of owner.claimPods(set)) {
      const place = (ordinalOf(set, pod) ?? -1) - startOf(set);
      if (place >= 0 && place < wanted) replicas[place] = pod;
      else condemned.push(pod);
    }
    condemned.sort((a, b) => (ordinalOf(set, b) ?? 0) - (ordinalOf(set, a) ?? 0));
    const isOrdered = set.spec.podManagementPolicy !== 'Parallel';
    return { set, isOrdered, replicas, condemned, current, update };
  }

  /** As far as the order lets it go now. */
  function step(work: Work): void {
    for (const pod of [...work.replicas, ...work.condemned]) if (pod !== undefined) settleClaims(work.set, pod);
    if (fill(work)) return;
    if (shrink(work)) return;
    if (work.set.spec.updateStrategy?.type !== 'OnDelete') roll(work);
  }

  /** Makes what is missing, from the lowest ordinal. True: something is waited for. */
  function fill(work: Work): boolean {
    const { set, isOrdered, replicas } = work;
    let waits = false;
    for (const [place, pod] of replicas.entries()) {
      if (pod === undefined) {
        if (!make(work, place)) return true;
        if (isOrdered) return true;
        continue;
      }
      if (isEnded(pod)) {
        if (!isTerminating(pod)) remove(set, pod);
        if (isOrdered) return true;
        waits = true;
        continue;
      }
      if (isOrdered && (isTerminating(pod) || !isUsable(set, pod, clock.now()))) return true;
    }
    return waits;
  }

  function shrink({ set, isOrdered, replicas, condemned }: Work): boolean {
    const now = clock.now();
    const lowestUnwell = [...replicas, ...[...condemned].reverse()].find(
      (pod) => pod !== undefined && (isTerminating(pod) || !isUsable(set, pod, now)),
    );
    for (const pod of condemned) {
      if (isTerminating(pod)) {
        if (isOrdered) return true;
        continue;
      }
      if (isOrdered && !isUsable(set, pod, now) && pod !== lowestUnwell) return true;
      remove(set, pod);
      if (isOrdered) return true;
    }
    return condemned.length > 0;
  }

  function roll({ set, replicas, update }: Work): void {
    const partition: number = set.spec.updateStrategy?.rollingUpdate?.partition ?? 0;
    for (let place = replicas.length - 1; place >= partition; place--) {
      const known = replicas[place];
      const pod = known === undefined ? undefined : pods.get(keyOf(known));
      if (pod === undefined) return;
      if (revisionOf(pod) !== update.metadata.name && !isTerminating(pod)) {
        remove(set, pod);
        return;
      }
      if (isTerminating(pod) || !isUsable(set, pod, clock.now())) return;
    }
  }

  /** False: refused for good, the namespace is ending. */
  function make({ set, current, update }: Work, place: number): boolean {
    const ordinal = startOf(set) + place;
    const name = `${set.metadata.name}-${ordinal}`;
    const namespace = set.metadata.namespace ?? '';
    const rolling =
      set.spec.updateStrategy?.type === 'RollingUpdate' ? set.spec.updateStrategy.rollingUpdate : undefined;
    const revision = place < (rolling?.partition ?? 0) ? current : update;
    try {
      for (const claim of claimsOf(set, name)) makeClaim(set, claim, name);
      const draft = podFor(set, revision.data.spec.template, ordinal, revision.metadata.name);
      const pod = api.create('pods', draft, { actor, namespace });
      pods.note(pod);
      settleClaims(set, pod);
      const message = `create Pod ${name} in StatefulSet ${set.metadata.name} successful`;
      recorder.record(set, { type: 'Normal', reason: 'SuccessfulCreate', message });
      return true;
    } catch (error) {
      if (isNamespaceEnding(error)) return false;
      const why = error instanceof Error ? error.message : String(error);
      const message = `create Pod ${name} in StatefulSet ${set.metadata.name} failed error: ${why}`;
      recorder.record(set, { type: 'Warning', reason: 'FailedCreate', message });
      throw error;
    }
  }

  function makeClaim(set: KubeObject, claim: { metadata: { name: string } }, podName: string): void {
    const namespace = set.metadata.namespace ?? '';
    if (claims.get(`${namespace}/${claim.metadata.name}`) !== undefined) return;
    api.create('persistentvolumeclaims', claim, { actor, namespace });
    const message = `create Claim ${claim.metadata.name} Pod ${podName} in StatefulSet ${set.metadata.name} success`;
    recorder.record(set, { type: 'Normal', reason: 'SuccessfulCreate', message });
  }

  /** Sees to it that the claims of a pod go with whom they should. */
  function settleClaims(set: KubeObject, pod: KubeObject): void {
    for (const { metadata } of claimsOf(set, pod.metadata.name)) {
      const claim = claims.get(`${pod.metadata.namespace}/${metadata.name}`);
      if (claim === undefined) continue;
      const owners = claim.metadata.ownerReferences ?? [];
      const wanted = claimOwners(set, pod, owners);
      if (!sameValue(owners, wanted)) changeOwners(api, 'persistentvolumeclaims', claim, actor, () => wanted);
    }
  }

  function remove(set: KubeObject, pod: KubeObject): void {
    if (!owner.deletePod(pod)) return;
    const message = `delete Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} successful`;
    recorder.record(set, { type: 'Normal', reason: 'SuccessfulDelete', message });
  }

  function statusOf(set: KubeObject, { current, update }: Work): Record<string, unknown> {
    const own = owner.claimPods(set);
    const count = (claim: (pod: KubeObject) => boolean): number => own.filter(claim).length;
    const of = (revision: KubeObject) => (pod: KubeObject) =>
      !isTerminating(pod) && revisionOf(pod) === revision.metadata.name;
    const wanted: number = set.spec.replicas ?? 1;
    const ready = count(isRunningAndReady);
    const updated = count(of(update));
    const isRolled =
      set.spec.updateStrategy?.type === 'RollingUpdate' &&
      updated === wanted &&
      ready === wanted &&
      own.length === wanted;
    const optional = {
      readyReplicas: ready,
      currentReplicas: isRolled ? updated : count(of(current)),
      updatedReplicas: updated,
    };
    return {
      observedGeneration: set.metadata.generation,
      replicas: own.length,
      ...Object.fromEntries(Object.entries(optional).filter(([, number]) => number > 0)),
      availableReplicas: count((pod) => isUsable(set, pod, clock.now())),
      currentRevision: isRolled ? update.metadata.name : current.metadata.name,
      updateRevision: update.metadata.name,
      collisionCount: set.status?.collisionCount ?? 0,
    };
  }

  return { stop: () => owner.stop() };
}
