/** scheduling.k8s.io/v1 PriorityClass. */
import { ageOf } from './ages.ts';
import { defineKind } from './define-kind.ts';
import { forbidden, unsupported } from './field-errors.ts';
import type { FieldError } from './kind.ts';
import { validateImmutable } from './object-meta.ts';
import { ageColumn, column, nameColumn } from './shape.ts';

/** Above it only the cluster's own classes may be. */
const highestUserPriority = 1_000_000_000;
const systemClasses: ReadonlyMap<string, number> = new Map([
  ['system-node-critical', 2_000_001_000],
  ['system-cluster-critical', 2_000_000_000],
]);

/** @returns why it is none of the cluster's own classes, or undefined */
function unlikeSystemClass(name: string, value: number, isDefault: boolean): string | undefined {
  const known = systemClasses.get(name);
  if (known === undefined) return `${name} is not a known system priority class`;
  if (value !== known) return `value of ${name} PriorityClass must be ${known}`;
  return isDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}

export const priorityClass = defineKind({
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
  plural: 'priorityclasses',
  singular: 'priorityclass',
  shortNames: ['pc'],
  namespaced: false,
  schema: 'V1PriorityClass',
  hasGeneration: true,
  bumpsGeneration: () => false,
  defaults: (draft) => {
    draft.value ??= 0;
    draft.preemptionPolicy ??= 'PreemptLowerPriority';
  },
  validate: ({ metadata, value, globalDefault, preemptionPolicy }) => {
    const errors: FieldError[] = [];
    const name = metadata.name ?? '';
    if (name.startsWith('system-')) {
      const why = unlikeSystemClass(name, value, globalDefault === true);
      const reserved = "priority class names with 'system-' prefix are reserved for system use only";
      if (why !== undefined) errors.push(forbidden('metadata.name', `${reserved}. error: ${why}`));
    } else if (value > highestUserPriority) {
      errors.push(forbidden('value', `maximum allowed value of a user defined priority is ${highestUserPriority}`));
    }
    if (preemptionPolicy !== 'PreemptLowerPriority' && preemptionPolicy !== 'Never') {
      errors.push(unsupported('preemptionPolicy', preemptionPolicy, ['PreemptLowerPriority', 'Never']));
    }
    return errors;
  },
  validateChange: (draft, old) => [
    ...(draft.value === old.value ? [] : [forbidden('value', 'may not be changed in an update.')]),
    ...validateImmutable('preemptionPolicy', draft.preemptionPolicy, old.preemptionPolicy),
  ],
  columns: [
    nameColumn,
    column(
      'Value',
      'integer',
      'value represents the integer value of this priority class. This is the actual priority that pods receive when they have the name of this class in their pod spec.',
    ),
    column(
      'Global-Default',
      'boolean',
      'globalDefault specifies whether this PriorityClass should be considered as the default priority for pods that do not have any priority class. Only one PriorityClass can be marked as `globalDefault`. However, if more than one PriorityClasses exists with their `globalDefault` field set to true, the smallest value of such global default PriorityClasses will be used as the default priority.',
    ),
    ageColumn,
    column(
      'PreemptionPolicy',
      'string',
      'preemptionPolicy is the Policy for preempting pods with lower priority. One of Never, PreemptLowerPriority. Defaults to PreemptLowerPriority if unset.',
    ),
  ],
  row: ({ metadata, value, globalDefault, preemptionPolicy }, now) => [
    metadata.name,
    value ?? 0,
    globalDefault ?? false,
    ageOf(metadata.creationTimestamp, now),
    preemptionPolicy ?? '',
  ],
});
