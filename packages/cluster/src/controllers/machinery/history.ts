/**
 * ControllerRevisions: the templates that a DaemonSet or StatefulSet has had, so that `kubectl rollout undo` finds them
 * (kubernetes, pkg/controller/history). A revision's data is the strategic merge patch that brings its template back.
 */
import type { Api } from '../../api.ts';
import type { KubeObject } from '../../kinds/kind.ts';
import { controllerActor } from '../options.ts';
import { sameValue } from './canonical.ts';
import type { ObjectIndex } from './object-index.ts';
import { controllerReference, isReason } from './owners.ts';
import { controllerOf } from './shapes.ts';
import { templateHash } from './template-hash.ts';

export const revisionResource = 'controllerrevisions.apps';
/** The index word under which an owner's revisions stand. */
const byController = 'controller';
const actor = controllerActor;

export interface History {
  current: KubeObject;
  /** Lowest revision first. */
  old: KubeObject[];
}

export const patchOf = (owner: KubeObject): unknown => ({
  spec: { template: { ...owner.spec.template, $patch: 'replace' } },
});

/**
 * Finds the revision of the owner's present template, or makes it; one that was used before gets the highest number.
 *
 * @param hashLabel  under which label revisions carry their hash
 * @returns undefined after a hash collision: `onCollision` was called, the next sync takes another name
 */
export function syncHistory(
  api: Api,
  revisions: ObjectIndex,
  owner: KubeObject,
  hashLabel: string,
  onCollision: () => void,
): History | undefined {
  const owned = revisions.by(byController, owner.metadata.uid);
  const data = patchOf(owner);
  const matching = owned.filter((revision) => sameValue(revision.data, data));
  const old = owned.filter((revision) => !matching.includes(revision)).sort((a, b) => a.revision - b.revision);
  const next = Math.max(0, ...old.map((revision) => revision.revision)) + 1;
  const found = matching.reduce<KubeObject | undefined>(
    (best, one) => (best === undefined || one.revision > best.revision ? one : best),
    undefined,
  );
  if (found !== undefined) return { current: raise(api, found, next), old };
  const current = make(api, owner, hashLabel, next, data);
  if (current === undefined) onCollision();
  else revisions.note(current);
  return current === undefined ? undefined : { current, old };
}

function raise(api: Api, found: KubeObject, next: number): KubeObject {
  if (found.revision >= next) return found;
  const change = (draft: KubeObject): void => {
    draft.revision = next;
  };
  return api.modify(revisionResource, found.metadata.name, found.metadata.namespace, change, { actor });
}

function make(api: Api, owner: KubeObject, hashLabel: string, revision: number, data: unknown): KubeObject | undefined {
  const hash = templateHash(owner.spec.template, owner.status?.collisionCount);
  const name = `${owner.metadata.name}-${hash}`;
  const namespace = owner.metadata.namespace ?? '';
  const { annotations } = owner.metadata;
  try {
    return api.create(
      revisionResource,
      {
        apiVersion: 'apps/v1',
        kind: 'ControllerRevision',
        metadata: {
          name,
          labels: { ...owner.spec.template.metadata?.labels, [hashLabel]: hash },
          ...(annotations === undefined ? {} : { annotations }),
          ownerReferences: [controllerReference(owner)],
        },
        data,
        revision,
      },
      { actor, namespace },
    );
  } catch (error) {
    if (!isReason(error, 'AlreadyExists')) throw error;
    const taken = api.get(revisionResource, name, namespace);
    const isOurs = taken !== undefined && controllerOf(taken)?.uid === owner.metadata.uid;
    return isOurs && sameValue(taken.data, data) ? taken : undefined;
  }
}

/** Removes the oldest revisions beyond the limit that no pod is of. */
export function trimHistory(
  api: Api,
  { old }: History,
  limit: number,
  hashLabel: string,
  liveHashes: ReadonlySet<string | undefined>,
): void {
  let surplus = old.length - limit;
  for (const revision of old) {
    if (surplus <= 0) return;
    if (liveHashes.has(revision.metadata.labels?.[hashLabel])) continue;
    surplus--;
    try {
      api.delete(revisionResource, revision.metadata.name, revision.metadata.namespace);
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    }
  }
}
