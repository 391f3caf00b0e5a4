/** What a Deployment does to its ReplicaSets: find or make the new one, resize, note revisions, clean up old ones. */
import type { Api } from '../../api.ts';
import type { Clock } from '../../clock.ts';
import type { KubeObject } from '../../kinds/kind.ts';
import { sameValue } from '../machinery/canonical.ts';
import type { EventRecorder } from '../machinery/event-recorder.ts';
import type { ObjectIndex } from '../machinery/object-index.ts';
import { controllerReference, isNamespaceEnding, isReason } from '../machinery/owners.ts';
import {
  conditionOf,
  controllerOf,
  type DeploymentStatus,
  deploymentSpec,
  deploymentStatus,
  replicaSetSpec,
  replicaSetStatus,
} from '../machinery/shapes.ts';
import { templateHash } from '../machinery/template-hash.ts';
import { controllerActor } from '../options.ts';
import { hasDeadline, hasHistoryLimit, withCondition } from './conditions.ts';
import {
  byCreation,
  desiredAnnotation,
  findNewReplicaSet,
  hashLabel,
  maxAnnotation,
  maxRevision,
  newSetAnnotations,
  revisionAnnotation,
  revisionOf,
  sameTemplate,
} from './revisions.ts';
import { availableOf, maxSurgeOf, newSetSize } from './sizes.ts';

const actor = controllerActor;
const resource = 'replicasets.apps';
/** DNS-1123 subdomain. */
const longestName = 253;

/** A Deployment's ReplicaSets: the one of its present template, if it is there, and all others. */
export interface Sets {
  newSet: KubeObject | undefined;
  old: readonly KubeObject[];
}

export interface ReplicaSets {
  /** Tells new from old; brings revision, annotations and minReadySeconds of the new one, and the Deployment's, up to date. */
  syncRevision(deployment: KubeObject, owned: readonly KubeObject[]): Sets;
  /** Makes the ReplicaSet of the present template. Undefined after a collision or an ending namespace; throws else. */
  create(deployment: KubeObject, old: readonly KubeObject[]): KubeObject | undefined;
  /** Sizes one, notes what it was sized for, and tells of a change in an Event. */
  resize(deployment: KubeObject, set: KubeObject, to: number): void;
  /** Removes empty old ones beyond the history limit, those of the lowest revisions first. */
  cleanUp(deployment: KubeObject, old: readonly KubeObject[]): void;
  active(sets: readonly KubeObject[]): KubeObject[];
  /** The single active one, or the newest where none is; undefined where several are. */
  activeOrLatest(sets: Sets): KubeObject | undefined;
  isSaturated(deployment: KubeObject, newSet: KubeObject | undefined): boolean;
  refresh(sets: readonly KubeObject[]): KubeObject[];
  refreshOne(set: KubeObject | undefined): KubeObject | undefined;
}

export interface ReplicaSetsParts {
  api: Api;
  clock: Clock;
  index: ObjectIndex;
  recorder: EventRecorder;
  writeStatus: (deployment: KubeObject, status: DeploymentStatus) => void;
}

export function createReplicaSets(parts: ReplicaSetsParts): ReplicaSets {
  const { api, clock, index, recorder, writeStatus } = parts;

  const refreshOne = (set: KubeObject | undefined): KubeObject | undefined =>
    set === undefined ? undefined : api.get(resource, set.metadata.name, set.metadata.namespace);
  const refresh = (sets: readonly KubeObject[]): KubeObject[] =>
    sets.map(refreshOne).filter((set) => set !== undefined);
  const active = (sets: readonly KubeObject[]): KubeObject[] =>
    refresh(sets).filter((set) => replicaSetSpec(set).replicas > 0);

  function sizesFor(deployment: KubeObject): Record<string, string> {
    const spec = deploymentSpec(deployment);
    return {
      [desiredAnnotation]: String(spec.replicas),
      [maxAnnotation]: String(spec.replicas + maxSurgeOf(spec)),
    };
  }

  function noteRevision(deployment: KubeObject, revision: string): void {
    const { name, namespace } = deployment.metadata;
    if (deployment.metadata.annotations?.[revisionAnnotation] === revision) return;
    api.modify(
      'deployments.apps',
      name,
      namespace,
      (draft) => {
        draft.metadata.annotations = { ...draft.metadata.annotations, [revisionAnnotation]: revision };
      },
      // Through the main resource a change of a Deployment's annotations would be a new generation.
      { actor, subresource: 'status' },
    );
  }

  function noteProgress(deployment: KubeObject, status: 'True' | 'False', reason: string, message: string): void {
    const { name, namespace } = deployment.metadata;
    const before = deploymentStatus(api.get('deployments.apps', name, namespace) ?? deployment);
    const conditions = withCondition(
      before.conditions ?? [],
      { type: 'Progressing', status, reason, message },
      clock.now(),
    );
    writeStatus(deployment, { ...before, conditions });
  }

  function syncRevision(deployment: KubeObject, owned: readonly KubeObject[]): Sets {
    const found = findNewReplicaSet(deployment, owned);
    const old = owned.filter((set) => set !== found);
    if (found === undefined) return { newSet: undefined, old };
    const spec = deploymentSpec(deployment);
    const annotations = newSetAnnotations(deployment, found.metadata.annotations ?? {}, maxRevision(old) + 1);
    const minReadySeconds = spec.minReadySeconds ?? 0;
    const isCurrent =
      sameValue(annotations, found.metadata.annotations) &&
      (replicaSetSpec(found).minReadySeconds ?? 0) === minReadySeconds;
    const newSet = isCurrent ? found : changeSet(found, annotations, minReadySeconds);
    const revision = annotations[revisionAnnotation];
    if (revision !== undefined) noteRevision(deployment, revision);
    if (hasDeadline(spec) && conditionOf(deploymentStatus(deployment).conditions, 'Progressing') === undefined) {
      const message = `Found new replica set "${newSet.metadata.name}"`;
      noteProgress(deployment, 'True', 'FoundNewReplicaSet', message);
    }
    return { newSet, old };
  }

  function changeSet(set: KubeObject, annotations: Record<string, string>, minReadySeconds: number): KubeObject {
    return api.modify(
      resource,
      set.metadata.name,
      set.metadata.namespace,
      (draft) => {
        draft.metadata.annotations = annotations;
        if ((draft.spec.minReadySeconds ?? 0) !== minReadySeconds) draft.spec.minReadySeconds = minReadySeconds;
      },
      { actor },
    );
  }

  function create(deployment: KubeObject, old: readonly KubeObject[]): KubeObject | undefined {
    const spec = deploymentSpec(deployment);
    const hash = templateHash(spec.template, deploymentStatus(deployment).collisionCount);
    const name = `${deployment.metadata.name.slice(0, longestName - 1 - hash.length)}-${hash}`;
    const namespace = deployment.metadata.namespace ?? '';
    const labels = { ...spec.template.metadata?.labels, [hashLabel]: hash };
    const revision = maxRevision(old) + 1;
    const size = newSetSize(spec, old, 0);
    const draft = {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: {
        name,
        labels,
        annotations: { ...newSetAnnotations(deployment, {}, revision), ...sizesFor(deployment) },
        ownerReferences: [controllerReference(deployment)],
      },
      spec: {
        replicas: size,
        ...(spec.minReadySeconds ? { minReadySeconds: spec.minReadySeconds } : {}),
        selector: {
          ...spec.selector,
          matchLabels: { ...spec.selector.matchLabels, [hashLabel]: hash },
        },
        template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
      },
    };
    try {
      const made = api.create(resource, draft, { actor, namespace });
      index.note(made);
      if (size > 0) tellScaled(deployment, name, 0, size);
      noteRevision(deployment, String(revision));
      if (hasDeadline(spec))
        noteProgress(deployment, 'True', 'NewReplicaSetCreated', `Created new replica set "${name}"`);
      return made;
    } catch (error) {
      return afterRefusal(deployment, name, error);
    }
  }

  function afterRefusal(deployment: KubeObject, name: string, error: unknown): KubeObject | undefined {
    if (isNamespaceEnding(error)) return undefined;
    const spec = deploymentSpec(deployment);
    if (isReason(error, 'AlreadyExists')) {
      const taken = api.get(resource, name, deployment.metadata.namespace);
      if (taken !== undefined) {
        const isOurs = controllerOf(taken)?.uid === deployment.metadata.uid;
        if (isOurs && sameTemplate(spec.template, replicaSetSpec(taken).template)) return taken;
      }
      // Another template has this hash: count, so that the next sync takes another name.
      const status = deploymentStatus(deployment);
      writeStatus(deployment, { ...status, collisionCount: (status.collisionCount ?? 0) + 1 });
      return undefined;
    }
    const message = `Failed to create new replica set "${name}": ${error instanceof Error ? error.message : String(error)}`;
    if (hasDeadline(spec)) noteProgress(deployment, 'False', 'ReplicaSetCreateError', message);
    recorder.record(deployment, { type: 'Warning', reason: 'ReplicaSetCreateError', message });
    throw error;
  }

  function tellScaled(deployment: KubeObject, name: string, from: number, to: number): void {
    const message = `Scaled ${from < to ? 'up' : 'down'} replica set ${name} from ${from} to ${to}`;
    recorder.record(deployment, { type: 'Normal', reason: 'ScalingReplicaSet', message });
  }

  function resize(deployment: KubeObject, set: KubeObject, to: number): void {
    const { name, namespace } = set.metadata;
    const from = replicaSetSpec(refreshOne(set) ?? set).replicas;
    api.modify(
      resource,
      name,
      namespace,
      (draft) => {
        draft.spec.replicas = to;
        draft.metadata.annotations = { ...draft.metadata.annotations, ...sizesFor(deployment) };
      },
      { actor },
    );
    if (from !== to) tellScaled(deployment, name, from, to);
  }

  function cleanUp(deployment: KubeObject, old: readonly KubeObject[]): void {
    const spec = deploymentSpec(deployment);
    if (!hasHistoryLimit(spec)) return;
    const alive = old.filter((set) => set.metadata.deletionTimestamp === undefined);
    const tooMany = alive.length - (spec.revisionHistoryLimit ?? 0);
    if (tooMany <= 0) return;
    const oldest = [...alive].sort((a, b) => revisionOf(a) - revisionOf(b) || byCreation(a, b));
    for (const set of oldest.slice(0, tooMany)) {
      const status = replicaSetStatus(set);
      const isSettled = (set.metadata.generation ?? 0) <= (status.observedGeneration ?? 0);
      if (status.replicas !== 0 || replicaSetSpec(set).replicas !== 0 || !isSettled) continue;
      try {
        api.delete(resource, set.metadata.name, set.metadata.namespace, { preconditions: { uid: set.metadata.uid } });
      } catch (error) {
        if (!isReason(error, 'NotFound')) throw error;
      }
    }
  }

  return {
    syncRevision,
    create,
    resize,
    cleanUp,
    active,
    activeOrLatest({ newSet, old }) {
      const all = newSet === undefined ? [...old] : [...old, newSet];
      const running = active(all);
      if (running.length > 1) return undefined;
      return running[0] ?? newSet ?? [...old].sort(byCreation).at(-1);
    },
    isSaturated(deployment, newSet) {
      if (newSet === undefined) return false;
      const { replicas } = deploymentSpec(deployment);
      return (
        replicaSetSpec(newSet).replicas === replicas &&
        Number(newSet.metadata.annotations?.[desiredAnnotation]) === replicas &&
        availableOf([newSet]) === replicas
      );
    },
    refresh,
    refreshOne,
  };
}
