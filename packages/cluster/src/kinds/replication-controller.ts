/** v1 ReplicationController: kept only; `kubectl get all` and `apply --prune` ask for it. */
import { ageOf } from './ages.ts';
import { defineKind, ensure } from './define-kind.ts';
import { asMap, invalid, required } from './field-errors.ts';
import { fieldsOf, isFields } from './json.ts';
import { formatLabels, selectorMatches } from './label-selectors.ts';
import { validatePodTemplate } from './pod-spec-validation.ts';
import { validateNonnegative } from './probe-validation.ts';
import { ageColumn, column, nameColumn } from './shape.ts';
import { containerCells, countCell, defaultTemplate, templateColumns } from './workload.ts';

export const replicationController = defineKind({
  group: '',
  version: 'v1',
  kind: 'ReplicationController',
  plural: 'replicationcontrollers',
  shortNames: ['rc'],
  categories: ['all'],
  namespaced: true,
  schema: 'V1ReplicationController',
  scalable: true,
  status: () => ({ replicas: 0 }),
  hasGeneration: true,
  defaults: (draft) => {
    const spec = ensure(draft, 'spec');
    spec.replicas ??= 1;
    if (isFields(spec.template)) {
      defaultTemplate(spec);
      const { labels } = fieldsOf(spec.template.metadata);
      if (isFields(labels)) {
        if (Object.keys(fieldsOf(spec.selector)).length === 0) spec.selector = { ...labels };
        if (Object.keys(fieldsOf(draft.metadata.labels)).length === 0) draft.metadata.labels = { ...labels };
      }
    }
    ensure(draft, 'status').replicas ??= 0;
  },
  validate: (draft) => {
    const spec = fieldsOf(draft.spec);
    const errors = validateNonnegative(spec.replicas, 'spec.replicas');
    if (Object.keys(fieldsOf(spec.selector)).length === 0) errors.push(required('spec.selector'));
    if (!isFields(spec.template)) return [...errors, required('spec.template')];
    const { labels } = fieldsOf(spec.template.metadata);
    if (!selectorMatches({ matchLabels: spec.selector }, labels)) {
      const text = '`selector` does not match template `labels`';
      errors.push(invalid('spec.template.metadata.labels', asMap(labels), text));
    }
    return [...errors, ...validatePodTemplate(spec.template, 'spec.template')];
  },
  fieldSelectors: { 'status.replicas': ({ status }) => String(countCell(status?.replicas)) },
  columns: [
    nameColumn,
    column(
      'Desired',
      'integer',
      'Replicas is the number of desired replicas. This is a pointer to distinguish between explicit zero and unspecified. Defaults to 1. More info: https://kubernetes.io/docs/concepts/workloads/controllers/replicationcontroller#what-is-a-replicationcontroller',
    ),
    column(
      'Current',
      'integer',
      'Replicas is the most recently observed number of replicas. More info: https://kubernetes.io/docs/concepts/workloads/controllers/replicationcontroller#what-is-a-replicationcontroller',
    ),
    column('Ready', 'integer', 'The number of ready replicas for this replication controller.'),
    ageColumn,
    ...templateColumns(
      'Selector is a label query over pods that should match the Replicas count. If Selector is empty, it is defaulted to the labels present on the Pod template. Label keys and values that must match in order to be controlled by this replication controller, if empty defaulted to labels on Pod template. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors',
    ),
  ],
  row: ({ metadata, spec, status }, now) => [
    metadata.name,
    countCell(spec?.replicas),
    countCell(status?.replicas),
    countCell(status?.readyReplicas),
    ageOf(metadata.creationTimestamp, now),
    ...containerCells(spec?.template),
    formatLabels(spec?.selector),
  ],
});
