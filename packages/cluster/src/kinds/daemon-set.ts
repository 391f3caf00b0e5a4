/** apps/v1 DaemonSet. */
import { ageOf } from './ages.ts';
import { defineKind, ensure } from './define-kind.ts';
import { invalid, required, unsupported } from './field-errors.ts';
import { numberOrPercent, validateAtMost100Percent, validateIntOrPercent } from './int-or-percent.ts';
import { type Fields, fieldsOf, isFields, isSame } from './json.ts';
import type { FieldError, KubeObject } from './kind.ts';
import {
  formatLabels,
  formatSelector,
  isEmptySelector,
  selectorMatches,
  validateLabelSelector,
} from './label-selectors.ts';
import { validatePodTemplate } from './pod-spec-validation.ts';
import { validateNonnegative } from './probe-validation.ts';
import { ageColumn, column, nameColumn } from './shape.ts';
import {
  containerCells,
  countCell,
  defaultTemplate,
  emptySelector,
  mismatch,
  templateColumns,
  validateCollisionCount,
  validateCounts,
  validateSelectorKept,
  validateTemplateOf,
} from './workload.ts';

/** Where the number of the template is kept for clients of the oldest API. */
const templateGeneration = 'deprecated.daemonset.template.generation';
/** Counts that are printed even where they are 0. */
const printedCounts = ['currentNumberScheduled', 'numberMisscheduled', 'desiredNumberScheduled', 'numberReady'];

export const daemonSet = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'DaemonSet',
  plural: 'daemonsets',
  shortNames: ['ds'],
  categories: ['all'],
  namespaced: true,
  schema: 'V1DaemonSet',
  status: () => Object.fromEntries(printedCounts.map((field) => [field, 0])),
  hasGeneration: true,
  defaults: (draft) => {
    const spec = ensure(draft, 'spec');
    defaultTemplate(spec);
    const strategy = ensure(spec, 'updateStrategy');
    strategy.type ||= 'RollingUpdate';
    if (strategy.type === 'RollingUpdate') {
      const rolling = ensure(strategy, 'rollingUpdate');
      rolling.maxUnavailable ??= 1;
      rolling.maxSurge ??= 0;
    }
    spec.revisionHistoryLimit ??= 10;
    const status = ensure(draft, 'status');
    for (const field of printedCounts) status[field] ??= 0;
    // As a real server reads what has none, and that is what the client is then taken to have sent.
    if (draft.metadata.annotations?.[templateGeneration] === undefined) setTemplateGeneration(draft, 0);
  },
  prepareCreate: (draft) => setTemplateGeneration(draft, 1),
  prepareUpdate: (draft, old) => {
    const generation = Number(old.metadata.annotations?.[templateGeneration] ?? 1);
    const isChanged = !isSame(draft.spec?.template, old.spec?.template);
    setTemplateGeneration(draft, isChanged ? generation + 1 : generation);
  },
  prepareStatusUpdate: (draft, old) =>
    setTemplateGeneration(draft, Number(old.metadata.annotations?.[templateGeneration] ?? 1)),
  validate: (draft) => {
    const spec = fieldsOf(draft.spec);
    const errors: FieldError[] = [];
    errors.push(...validateLabelSelector(spec.selector, 'spec.selector'));
    if (errors.length === 0 && !selectorMatches(spec.selector, spec.template?.metadata?.labels))
      errors.push(mismatch(spec));
    if (isFields(spec.selector) && isEmptySelector(spec.selector)) {
      errors.push(emptySelector(spec.selector, 'daemonset'));
    }
    errors.push(
      ...validatePodTemplate(spec.template, 'spec.template'),
      ...validateTemplateOf(spec, 'DaemonSet'),
      ...validateNonnegative(spec.minReadySeconds, 'spec.minReadySeconds'),
      ...validateStrategy(fieldsOf(spec.updateStrategy)),
      ...validateNonnegative(spec.revisionHistoryLimit, 'spec.revisionHistoryLimit'),
    );
    return errors;
  },
  validateChange: validateSelectorKept,
  validateStatus: (draft, old) => [
    ...validateCounts(
      draft.status,
      [
        ...printedCounts,
        'observedGeneration',
        'updatedNumberScheduled',
        'numberAvailable',
        'numberUnavailable',
        'collisionCount',
      ],
      [],
    ),
    ...validateCollisionCount(draft, old),
  ],
  columns: [
    nameColumn,
    column(
      'Desired',
      'integer',
      'The total number of nodes that should be running the daemon pod (including nodes correctly running the daemon pod). More info: https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/',
    ),
    column(
      'Current',
      'integer',
      'The number of nodes that are running at least 1 daemon pod and are supposed to run the daemon pod. More info: https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/',
    ),
    column(
      'Ready',
      'integer',
      'The number of nodes that should be running the daemon pod and have one or more of the daemon pod running and ready.',
    ),
    column('Up-to-date', 'integer', 'The total number of nodes that are running updated daemon pod'),
    column(
      'Available',
      'integer',
      'The number of nodes that should be running the daemon pod and have one or more of the daemon pod running and available (ready for at least spec.minReadySeconds)',
    ),
    column(
      'Node Selector',
      'string',
      "NodeSelector is a selector which must be true for the pod to fit on a node. Selector which must match a node's labels for the pod to be scheduled on that node. More info: https://kubernetes.io/docs/concepts/configuration/assign-pod-node/",
    ),
    ageColumn,
    ...templateColumns(
      'A label query over pods that are managed by the daemon set. Must match in order to be controlled. If empty, defaulted to labels on Pod template. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors',
    ),
  ],
  row: ({ metadata, spec, status }, now) => [
    metadata.name,
    countCell(status?.desiredNumberScheduled),
    countCell(status?.currentNumberScheduled),
    countCell(status?.numberReady),
    countCell(status?.updatedNumberScheduled),
    countCell(status?.numberAvailable),
    formatLabels(spec?.template?.spec?.nodeSelector),
    ageOf(metadata.creationTimestamp, now),
    ...containerCells(spec?.template),
    formatSelector(spec?.selector),
  ],
});

function setTemplateGeneration(draft: KubeObject, generation: number): void {
  draft.metadata.annotations = { ...draft.metadata.annotations, [templateGeneration]: String(generation) };
}

function validateStrategy(strategy: Fields): FieldError[] {
  const { type, rollingUpdate } = strategy;
  if (type === 'OnDelete') return [];
  if (type !== 'RollingUpdate') {
    const printed = { Type: type, RollingUpdate: rollingUpdate ?? null };
    return [unsupported('spec.updateStrategy', printed, ['RollingUpdate', 'OnDelete'])];
  }
  const path = 'spec.updateStrategy.rollingUpdate';
  const { maxUnavailable, maxSurge } = fieldsOf(rollingUpdate);
  const errors = [
    ...validateIntOrPercent(maxUnavailable, `${path}.maxUnavailable`),
    ...validateIntOrPercent(maxSurge, `${path}.maxSurge`),
    ...validateAtMost100Percent(maxUnavailable, `${path}.maxUnavailable`),
    ...validateAtMost100Percent(maxSurge, `${path}.maxSurge`),
  ];
  const allowsUnavailable = numberOrPercent(maxUnavailable) !== 0;
  const allowsSurge = numberOrPercent(maxSurge) !== 0;
  if (allowsUnavailable && allowsSurge) {
    errors.push(invalid(`${path}.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero'));
  } else if (!allowsUnavailable && !allowsSurge) {
    errors.push(required(`${path}.maxUnavailable`, 'cannot be 0 when maxSurge is 0'));
  }
  return errors;
}
