/** ObjectMeta and conditions, which every kind has, projected to what a rule reads. */
import type { Condition, ObjectMeta, OwnerReference } from '@kouplet/core';
import { boolean, list, number, oneOf, present, record, text, texts } from './json.ts';

/**
 * @returns undefined for what is no object of the API (no name, no uid): nothing can be said about such a one.
 * @param keepsAnnotation which annotations are kept; all where it is absent
 */
export function projectMeta(raw: unknown, keepsAnnotation?: (key: string) => boolean): ObjectMeta | undefined {
  const meta = record(record(raw).metadata);
  const name = text(meta.name);
  const uid = text(meta.uid);
  if (name === undefined || uid === undefined) return undefined;
  const finalizers = list(meta.finalizers).filter((entry) => typeof entry === 'string');
  const owners = list(meta.ownerReferences).flatMap(projectOwner);
  return present({
    name,
    uid,
    namespace: text(meta.namespace),
    resourceVersion: text(meta.resourceVersion) ?? '',
    generation: number(meta.generation),
    creationTimestamp: text(meta.creationTimestamp),
    deletionTimestamp: text(meta.deletionTimestamp),
    deletionGracePeriodSeconds: number(meta.deletionGracePeriodSeconds),
    labels: texts(meta.labels),
    annotations: texts(meta.annotations, keepsAnnotation),
    finalizers: finalizers.length > 0 ? finalizers : undefined,
    ownerReferences: owners.length > 0 ? owners : undefined,
  });
}

function projectOwner(raw: unknown): OwnerReference[] {
  const owner = record(raw);
  const uid = text(owner.uid);
  if (uid === undefined) return [];
  return [
    present({
      apiVersion: text(owner.apiVersion) ?? '',
      kind: text(owner.kind) ?? '',
      name: text(owner.name) ?? '',
      uid,
      controller: boolean(owner.controller),
    }),
  ];
}

/** Conditions in the server's order; entries without type or with a status that is none are left out. */
export function projectConditions(raw: unknown): readonly Condition[] | undefined {
  if (!Array.isArray(raw)) return undefined;
  return raw.flatMap((entry) => {
    const condition = record(entry);
    const type = text(condition.type);
    const status = oneOf(condition.status, ['True', 'False', 'Unknown'] as const);
    if (type === undefined || status === undefined) return [];
    return [
      present({
        type,
        status,
        reason: text(condition.reason),
        message: text(condition.message),
        lastTransitionTime: text(condition.lastTransitionTime),
        lastHeartbeatTime: text(condition.lastHeartbeatTime),
        observedGeneration: number(condition.observedGeneration),
      }),
    ];
  });
}
