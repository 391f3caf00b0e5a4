/**
 * `/scale` and its workload own one number together: who owns `.spec.replicas` of the workload owns it of the Scale, and back
 * (apimachinery's ScaleHandler, down to the times that it forgets).
 */
import type { Kind } from '../kinds/kind.ts';
import { apiVersionOf } from '../registry.ts';
import { type Building, difference, type FieldSet, insert, intersection, isEmpty } from './field-set.ts';
import type { FieldedKind } from './kind-atoms.ts';
import { type Entries, type Entry, entryOf, inOrder } from './managed-fields.ts';

const REPLICAS: FieldSet = { 'f:spec': { 'f:replicas': {} } };

/** Scale as a kind. */
export const scaleKind: FieldedKind = {
  group: 'autoscaling',
  version: 'v1',
  kind: 'Scale',
  schema: 'V1Scale',
  subresources: [],
};

/** Where a workload has its number, as a set. @param fields  names from the root: `spec`, `replicas` */
export function replicasAt(fields: readonly string[]): FieldSet {
  const set: Building = {};
  insert(
    set,
    fields.map((name) => `f:${name}`),
  );
  return set;
}

const owns = (entry: Entry, replicas: FieldSet): boolean => !isEmpty(intersection(entry.fieldsV1, replicas));

/** The entries of the Scale of a workload. */
export function scaleEntries(workload: Entries, replicas: FieldSet): Entries {
  return workload
    .filter((entry) => owns(entry, replicas))
    .map((entry) => ({ ...entry, apiVersion: apiVersionOf(scaleKind), fieldsV1: REPLICAS }));
}

/** The entries of the workload once its Scale has these. */
export function workloadEntries(kind: Kind, workload: Entries, scale: Entries, replicas: FieldSet): Entries {
  const waiting = new Set(scale.filter((entry) => owns(entry, REPLICAS)));
  const after: Entry[] = [];
  for (const entry of workload) {
    if (!owns(entry, replicas)) {
      after.push(entry);
      continue;
    }
    // Whoever updates is known by the version, too, and the Scale has another one.
    const same = entry.operation === 'Apply' ? [...waiting].find((one) => isSame(one, entry)) : undefined;
    if (same !== undefined) {
      after.push(entry);
      waiting.delete(same);
      continue;
    }
    const rest = difference(entry.fieldsV1, replicas);
    if (!isEmpty(rest)) after.push({ ...entry, fieldsV1: rest });
  }
  for (const { manager = '', operation, subresource } of waiting) {
    after.push(entryOf({ manager, operation, apiVersion: apiVersionOf(kind), subresource }, undefined, replicas));
  }
  return inOrder(after);
}

function isSame(a: Entry, b: Entry): boolean {
  return a.manager === b.manager && a.operation === b.operation && a.subresource === b.subresource;
}
