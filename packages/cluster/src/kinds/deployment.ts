/** apps/v1 Deployment. */
import { ageOf } from './ages.ts';
import { defineKind, ensure } from './define-kind.ts';
import { forbidden, invalid, unsupported } from './field-errors.ts';
import { numberOrPercent, validateAtMost100Percent, validateIntOrPercent } from './int-or-percent.ts';
import { type Fields, fieldsOf, isFields, isSame } from './json.ts';
import type { FieldError } from './kind.ts';
import { formatSelector } from './label-selectors.ts';
import { validateNonnegative } from './probe-validation.ts';
import { ageColumn, column, nameColumn } from './shape.ts';
import {
  containerCells,
  countCell,
  defaultTemplate,
  notMoreThanReplicas,
  templateColumns,
  validateCollisionCount,
  validateCounts,
  validateSelectorAndTemplate,
  validateSelectorKept,
} from './workload.ts';

export const deployment = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  shortNames: ['deploy'],
  categories: ['all'],
  namespaced: true,
  schema: 'V1Deployment',
  scalable: true,
  status: () => ({}),
  hasGeneration: true,
  // Annotations count, too: they are copied to the ReplicaSets.
  bumpsGeneration: (draft, old) =>
    !isSame(draft.spec, old.spec) || !isSame(draft.metadata.annotations, old.metadata.annotations),
  defaults: (draft) => {
    const spec = ensure(draft, 'spec');
    spec.replicas ??= 1;
    defaultTemplate(spec);
    const strategy = ensure(spec, 'strategy');
    strategy.type ||= 'RollingUpdate';
    if (strategy.type === 'RollingUpdate') {
      const rolling = ensure(strategy, 'rollingUpdate');
      rolling.maxUnavailable ??= '25%';
      rolling.maxSurge ??= '25%';
    }
    spec.revisionHistoryLimit ??= 10;
    spec.progressDeadlineSeconds ??= 600;
  },
  validate: (draft) => {
    const spec = fieldsOf(draft.spec);
    const { minReadySeconds = 0, progressDeadlineSeconds: deadline } = spec;
    const errors = [
      ...validateNonnegative(spec.replicas, 'spec.replicas'),
      ...validateSelectorAndTemplate(draft, 'deployment', 'ReplicaSet'),
      ...validateStrategy(fieldsOf(spec.strategy)),
      ...validateNonnegative(minReadySeconds, 'spec.minReadySeconds'),
      ...validateNonnegative(spec.revisionHistoryLimit, 'spec.revisionHistoryLimit'),
      ...validateNonnegative(deadline, 'spec.progressDeadlineSeconds'),
    ];
    if (typeof deadline === 'number' && deadline <= minReadySeconds) {
      errors.push(invalid('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds'));
    }
    return errors;
  },
  validateChange: validateSelectorKept,
  validateStatus: (draft, old) => [
    ...validateCounts(
      draft.status,
      [
        'observedGeneration',
        'replicas',
        'updatedReplicas',
        'readyReplicas',
        'availableReplicas',
        'unavailableReplicas',
        'terminatingReplicas',
        'collisionCount',
      ],
      [
        ...notMoreThanReplicas('updatedReplicas', 'readyReplicas', 'availableReplicas'),
        { field: 'availableReplicas', by: 'readyReplicas', text: 'cannot be greater than readyReplicas' },
      ],
    ),
    ...validateCollisionCount(draft, old),
  ],
  columns: [
    nameColumn,
    column('Ready', 'string', 'Number of the pod with ready state'),
    column(
      'Up-to-date',
      'string',
      'Total number of non-terminating pods targeted by this deployment that have the desired template spec.',
    ),
    column(
      'Available',
      'string',
      'Total number of available non-terminating pods (ready for at least minReadySeconds) targeted by this deployment.',
    ),
    ageColumn,
    ...templateColumns(
      'Label selector for pods. Existing ReplicaSets whose pods are selected by this will be the ones affected by this deployment.',
    ),
  ],
  row: ({ metadata, spec, status }, now) => [
    metadata.name,
    `${countCell(status?.readyReplicas)}/${countCell(spec?.replicas)}`,
    countCell(status?.updatedReplicas),
    countCell(status?.availableReplicas),
    ageOf(metadata.creationTimestamp, now),
    ...containerCells(spec?.template),
    formatSelector(spec?.selector),
  ],
});

function validateStrategy(strategy: Fields): FieldError[] {
  const { type, rollingUpdate } = strategy;
  if (type === 'Recreate') {
    return isFields(rollingUpdate)
      ? [forbidden('spec.strategy.rollingUpdate', "may not be specified when strategy `type` is 'Recreate'")]
      : [];
  }
  if (type !== 'RollingUpdate') {
    // The value is printed as the server keeps it inside, with capitals.
    const printed = { Type: type, RollingUpdate: printedRolling(rollingUpdate) };
    return [unsupported('spec.strategy', printed, ['Recreate', 'RollingUpdate'])];
  }
  const path = 'spec.strategy.rollingUpdate';
  const { maxUnavailable, maxSurge } = fieldsOf(rollingUpdate);
  const errors = [
    ...validateIntOrPercent(maxUnavailable, `${path}.maxUnavailable`),
    ...validateIntOrPercent(maxSurge, `${path}.maxSurge`),
  ];
  if (numberOrPercent(maxUnavailable) === 0 && numberOrPercent(maxSurge) === 0) {
    errors.push(invalid(`${path}.maxUnavailable`, maxUnavailable, 'may not be 0 when `maxSurge` is 0'));
  }
  errors.push(...validateAtMost100Percent(maxUnavailable, `${path}.maxUnavailable`));
  return errors;
}

function printedRolling(rolling: unknown): unknown {
  if (!isFields(rolling)) return null;
  return { MaxUnavailable: rolling.maxUnavailable ?? 0, MaxSurge: rolling.maxSurge ?? 0 };
}
