/**
 * What ReplicaSets, DaemonSets and StatefulSets do alike: finding their pods, hearing of them, writing their status and
 * looking again when a pod has been ready for long enough. What each does with its pods stands in its own room.
 */
import type { KubeObject } from '../../kinds/kind.ts';
import { byController, byOrphanage, type ControllerContext, controllerActor } from '../options.ts';
import { availableAt } from './availability.ts';
import { sameValue } from './canonical.ts';
import type { EventRecorder } from './event-recorder.ts';
import { compileSelector } from './label-selector.ts';
import type { ObjectIndex } from './object-index.ts';
import { claimObjects, isReason } from './owners.ts';
import { controllerOf, keyOf } from './shapes.ts';
import { createWorkQueue, type WorkQueue } from './work-queue.ts';

const actor = controllerActor;

export interface PodOwnerOptions {
  /** Of its Events: `daemonset-controller`. */
  component: string;
  /** `daemonsets.apps`. */
  resource: string;
  kind: string;
  /** Brings the pods of the object of a key to what they should be. Throwing means "again later". */
  sync: (key: string) => void;
  /** Pods that are none of the owner's business, whoever owns them; all are when left out. */
  considers?: (owner: KubeObject, pod: KubeObject) => boolean;
}

export interface PodOwner {
  readonly owners: ObjectIndex;
  readonly pods: ObjectIndex;
  readonly recorder: EventRecorder;
  readonly queue: WorkQueue;
  /** The pods that are the owner's after adoption and release. */
  claimPods(owner: KubeObject): KubeObject[];
  /** False where the pod was gone already. @throws ApiError of any other refusal */
  deletePod(pod: KubeObject): boolean;
  /** Writes a status that is new, unless the owner is another by now. */
  writeStatus(owner: KubeObject, status: Readonly<Record<string, unknown>>): void;
  /** After a hash collision: the next sync takes another name. */
  countCollision(owner: KubeObject): void;
  /** Adds the key for the moment when the next of the pods becomes available. */
  lookAgainWhenAvailable(key: string, pods: readonly KubeObject[], minReadySeconds: number): void;
  stop(): void;
}

export function createPodOwner(context: ControllerContext, options: PodOwnerOptions): PodOwner {
  const { api, clock } = context;
  const { component, resource, kind, sync, considers = () => true } = options;
  const owners = context.index(resource);
  const pods = context.index('pods');
  const queue = createWorkQueue({
    clock,
    run: sync,
    onError: (error, key) => context.onError(error, `${component} ${key}`),
  });

  /** Its owner, or whoever may adopt it. */
  function wakeOwnerOf(pod: KubeObject): void {
    const owner = controllerOf(pod);
    const { namespace = '', labels } = pod.metadata;
    if (owner !== undefined) {
      if (owner.kind === kind) queue.add(`${namespace}/${owner.name}`);
      return;
    }
    if (labels === undefined) return;
    for (const one of owners.inNamespace(namespace)) {
      if (compileSelector(one.spec.selector)(labels)) queue.add(keyOf(one));
    }
  }

  function writeStatus(owner: KubeObject, status: Readonly<Record<string, unknown>>): void {
    const { name, namespace, uid } = owner.metadata;
    const current = api.get(resource, name, namespace);
    if (current?.metadata.uid !== uid || sameValue(current.status, status)) return;
    const change = (draft: KubeObject): void => {
      draft.status = status;
    };
    api.modify(resource, name, namespace, change, { actor, subresource: 'status' });
  }

  const endings = [
    owners.onChange((after) => {
      if (after !== undefined) queue.add(keyOf(after));
    }),
    pods.onChange((after, before) => {
      if (before !== undefined && (after === undefined || controllerOf(after)?.uid !== controllerOf(before)?.uid)) {
        wakeOwnerOf(before);
      }
      if (after !== undefined) wakeOwnerOf(after);
    }),
  ];

  return {
    owners,
    pods,
    recorder: context.recorder(component),
    queue,
    claimPods(owner) {
      const matches = compileSelector(owner.spec.selector);
      const { uid, namespace = '' } = owner.metadata;
      const orphans = pods.by(byOrphanage, namespace).filter((pod) => matches(pod.metadata.labels));
      const candidates = [...pods.by(byController, uid), ...orphans].filter((pod) => considers(owner, pod));
      return claimObjects({ api, resource: 'pods', owner, matches, actor }, candidates);
    },
    deletePod({ metadata: { name, namespace, uid } }) {
      try {
        api.delete('pods', name, namespace, { preconditions: { uid } });
        return true;
      } catch (error) {
        if (isReason(error, 'NotFound')) return false;
        throw error;
      }
    },
    writeStatus,
    countCollision(owner) {
      writeStatus(owner, { ...owner.status, collisionCount: (owner.status?.collisionCount ?? 0) + 1 });
    },
    lookAgainWhenAvailable(key, some, minReadySeconds) {
      if (minReadySeconds === 0) return;
      const now = clock.now();
      for (const pod of some) {
        const at = availableAt(pod, minReadySeconds);
        if (at !== undefined && at > now) queue.addAfter(key, at - now);
      }
    },
    stop() {
      for (const end of endings) end();
      queue.stop();
    },
  };
}
