/** apps/v1 ReplicaSet. */
import { ageOf } from './ages.ts';
import { defineKind, ensure } from './define-kind.ts';
import { fieldsOf } from './json.ts';
import { formatSelector } from './label-selectors.ts';
import { validateNonnegative } from './probe-validation.ts';
import { ageColumn, column, nameColumn } from './shape.ts';
import {
  containerCells,
  countCell,
  defaultTemplate,
  notMoreThanReplicas,
  templateColumns,
  validateCounts,
  validateSelectorAndTemplate,
  validateSelectorKept,
} from './workload.ts';

export const replicaSet = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'ReplicaSet',
  plural: 'replicasets',
  shortNames: ['rs'],
  categories: ['all'],
  namespaced: true,
  schema: 'V1ReplicaSet',
  scalable: true,
  status: () => ({ replicas: 0 }),
  hasGeneration: true,
  defaults: (draft) => {
    const spec = ensure(draft, 'spec');
    spec.replicas ??= 1;
    defaultTemplate(spec);
    // Printed even where it is 0.
    ensure(draft, 'status').replicas ??= 0;
  },
  validate: (draft) => [
    ...validateNonnegative(fieldsOf(draft.spec).replicas, 'spec.replicas'),
    ...validateNonnegative(fieldsOf(draft.spec).minReadySeconds, 'spec.minReadySeconds'),
    ...validateSelectorAndTemplate(draft, 'deployment', 'ReplicaSet'),
  ],
  validateChange: validateSelectorKept,
  validateStatus: (draft) =>
    validateCounts(
      draft.status,
      [
        'replicas',
        'fullyLabeledReplicas',
        'readyReplicas',
        'availableReplicas',
        'observedGeneration',
        'terminatingReplicas',
      ],
      [
        ...notMoreThanReplicas('fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'),
        { field: 'availableReplicas', by: 'readyReplicas', text: 'cannot be greater than readyReplicas' },
      ],
    ),
  columns: [
    nameColumn,
    column(
      'Desired',
      'integer',
      'Replicas is the number of desired pods. This is a pointer to distinguish between explicit zero and unspecified. Defaults to 1. More info: https://kubernetes.io/docs/concepts/workloads/controllers/replicaset',
    ),
    column(
      'Current',
      'integer',
      'Replicas is the most recently observed number of non-terminating pods. More info: https://kubernetes.io/docs/concepts/workloads/controllers/replicaset',
    ),
    column(
      'Ready',
      'integer',
      'The number of non-terminating pods targeted by this ReplicaSet with a Ready Condition.',
    ),
    ageColumn,
    ...templateColumns(
      'Selector is a label query over pods that should match the replica count. If the selector is empty, it is defaulted to the labels present on the pod template. Label keys and values that must match in order to be controlled by this replica set. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors',
    ),
  ],
  row: ({ metadata, spec, status }, now) => [
    metadata.name,
    countCell(spec?.replicas),
    countCell(status?.replicas),
    countCell(status?.readyReplicas),
    ageOf(metadata.creationTimestamp, now),
    ...containerCells(spec?.template),
    formatSelector(spec?.selector),
  ],
});
