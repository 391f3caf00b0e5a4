/** Which names a definition gets: those that no other of its group has already (apiextensions-apiserver, pkg/controller/status). */
import { fieldsOf, listOf, valuesOf } from '../kinds/json.ts';
import type { KubeObject } from '../kinds/kind.ts';

export interface Naming {
  readonly acceptedNames: Record<string, unknown>;
  readonly conditions: unknown[];
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** The status that the definition should have. @param others the definitions of the cluster; itself may be among them */
export function nameDefinition(definition: KubeObject, others: Iterable<KubeObject>, now: string): Naming {
  const wanted = fieldsOf(definition.spec?.names);
  const resources = new Set<string>();
  const kinds = new Set<string>();
  for (const other of others) {
    if (other.metadata.name === definition.metadata.name || other.spec?.group !== definition.spec?.group) continue;
    const { plural, singular, shortNames, kind, listKind } = fieldsOf(other.status?.acceptedNames);
    for (const name of [plural, singular, ...valuesOf(shortNames)]) if (name) resources.add(String(name));
    for (const name of [kind, listKind]) if (name) kinds.add(String(name));
  }
  const before = fieldsOf(definition.status?.acceptedNames);
  const accepted: Record<string, unknown> = { plural: before.plural ?? '', kind: before.kind ?? '' };
  let refusal: Condition | undefined;
  const take = (field: string, used: ReadonlySet<string>, reason: string): void => {
    const values = [wanted[field] ?? []].flat().map(String);
    const taken = values.filter((value) => used.has(value));
    if (taken.length === 0) {
      if (wanted[field] !== undefined) accepted[field] = wanted[field];
      return;
    }
    if (before[field] !== undefined) accepted[field] = before[field];
    const message = taken.map((value) => `"${value}" is already in use`).join(', ');
    refusal = { type: 'NamesAccepted', status: 'False', reason, message };
  };
  take('plural', resources, 'PluralConflict');
  take('singular', resources, 'SingularConflict');
  take('shortNames', resources, 'ShortNamesConflict');
  take('kind', kinds, 'KindConflict');
  take('listKind', kinds, 'ListKindConflict');
  if (wanted.categories !== undefined) accepted.categories = wanted.categories;
  const named: Condition = refusal ?? {
    type: 'NamesAccepted',
    status: 'True',
    reason: 'NoConflicts',
    message: 'no conflicts found',
  };
  const conditions = setCondition(listOf(definition.status?.conditions), named, now);
  const isEstablished = conditions.some(
    (one) => fieldsOf(one).type === 'Established' && fieldsOf(one).status === 'True',
  );
  if (isEstablished) return { acceptedNames: accepted, conditions };
  const established: Condition =
    refusal === undefined
      ? {
          type: 'Established',
          status: 'True',
          reason: 'InitialNamesAccepted',
          message: 'the initial names have been accepted',
        }
      : { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' };
  return { acceptedNames: accepted, conditions: setCondition(conditions, established, now) };
}

/** The list with the condition in its place; its time moves with its status only. */
export function setCondition(conditions: readonly unknown[], next: Condition, now: string): unknown[] {
  const old = conditions.map((one) => fieldsOf(one)).find((one) => one.type === next.type);
  const made = {
    type: next.type,
    status: next.status,
    lastTransitionTime: old?.status === next.status ? old.lastTransitionTime : now,
    reason: next.reason,
    message: next.message,
  };
  if (old === undefined) return [...conditions, made];
  return conditions.map((one) => (fieldsOf(one).type === next.type ? made : one));
}
