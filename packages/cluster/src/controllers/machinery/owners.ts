/** Who owns what: controller references, adoption of orphans and release of what no longer matches. */
import { type Api, ApiError, type Resource } from '../../api.ts';
import type { KubeObject, OwnerReference } from '../../kinds/kind.ts';
import type { LabelMatch } from './label-selector.ts';
import { controllerOf } from './shapes.ts';

/** The reference that a controller puts on what it makes. */
export function controllerReference(owner: KubeObject): OwnerReference {
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}

export function isReason(error: unknown, ...reasons: string[]): boolean {
  return error instanceof ApiError && error.status.reason !== undefined && reasons.includes(error.status.reason);
}

/** A namespace that is ending refuses every creation: nothing to retry, nothing to tell. */
export function isNamespaceEnding(error: unknown): boolean {
  return (
    error instanceof ApiError &&
    error.status.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating') === true
  );
}

export interface Claim {
  api: Api;
  resource: Resource;
  owner: KubeObject;
  matches: LabelMatch;
  actor: string;
}

/**
 * Of the candidates, those that are the owner's after adoption and release (kubernetes, controller_ref_manager.go):
 * an orphan that matches is adopted unless either is being deleted, an owned one that no longer matches is let go.
 */
export function claimObjects(claim: Claim, candidates: readonly KubeObject[]): KubeObject[] {
  const { api, resource, owner, matches, actor } = claim;
  const claimed: KubeObject[] = [];
  for (const object of candidates) {
    const { name, namespace, uid } = object.metadata;
    const controller = controllerOf(object);
    if (controller !== undefined) {
      if (controller.uid !== owner.metadata.uid) continue;
      if (matches(object.metadata.labels)) {
        claimed.push(object);
        continue;
      }
      if (owner.metadata.deletionTimestamp !== undefined) continue;
      changeOwners(api, resource, object, actor, (owners) => owners.filter((o) => o.uid !== owner.metadata.uid));
      continue;
    }
    if (owner.metadata.deletionTimestamp !== undefined || object.metadata.deletionTimestamp !== undefined) continue;
    if (!matches(object.metadata.labels)) continue;
    const adopted = changeOwners(api, resource, object, actor, (owners) => [...owners, controllerReference(owner)]);
    if (adopted?.metadata.uid === uid) claimed.push(api.get(resource, name, namespace) ?? adopted);
  }
  return claimed;
}

/** Answers undefined where the object is gone or another by now. */
export function changeOwners(
  api: Api,
  resource: Resource,
  object: KubeObject,
  actor: string,
  change: (owners: OwnerReference[]) => OwnerReference[],
): KubeObject | undefined {
  const { name, namespace, uid } = object.metadata;
  if (api.get(resource, name, namespace)?.metadata.uid !== uid) return undefined;
  try {
    return api.modify(
      resource,
      name,
      namespace,
      (draft) => {
        const owners = change(draft.metadata.ownerReferences ?? []);
        if (owners.length === 0) delete draft.metadata.ownerReferences;
        else draft.metadata.ownerReferences = owners;
      },
      { actor },
    );
  } catch (error) {
    if (isReason(error, 'NotFound')) return undefined;
    throw error;
  }
}
