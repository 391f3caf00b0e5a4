/** What Deployments, ReplicaSets, DaemonSets and StatefulSets have alike. */
import { ensure } from './define-kind.ts';
import { asMap, forbidden, invalid, required, unsupported } from './field-errors.ts';
import { fieldsOf, isFields, listOf } from './json.ts';
import type { Column, FieldError, KubeObject } from './kind.ts';
import { isEmptySelector, printableSelector, selectorMatches, validateLabelSelector } from './label-selectors.ts';
import { validateImmutable } from './object-meta.ts';
import { defaultPodSpec } from './pod-spec-defaults.ts';
import { validatePodTemplate } from './pod-spec-validation.ts';
import { validateNonnegative } from './probe-validation.ts';
import { wideColumn } from './shape.ts';

/** Fills in `spec.template`. */
export function defaultTemplate(spec: Record<string, unknown>): void {
  const template = ensure(spec, 'template');
  ensure(template, 'metadata');
  defaultPodSpec(ensure(template, 'spec'));
}

/**
 * `spec.selector` and `spec.template` of a Deployment or ReplicaSet, in that order. `emptyFor` is the word of the text
 * for a selector that selects everything: `deployment` for ReplicaSets, too. [SPEC C49]
 */
export function validateSelectorAndTemplate(
  draft: KubeObject,
  emptyFor: 'deployment' | 'statefulset',
  owner: 'ReplicaSet' | 'StatefulSet',
  options: { extraVolumes?: readonly string[] } = {},
): FieldError[] {
  const spec = fieldsOf(draft.spec);
  const errors: FieldError[] = [];
  if (!isFields(spec.selector)) errors.push(required('spec.selector'));
  else {
    errors.push(...validateLabelSelector(spec.selector, 'spec.selector'));
    if (isEmptySelector(spec.selector)) errors.push(emptySelector(spec.selector, emptyFor));
  }
  if (validateLabelSelector(spec.selector, 'spec.selector').length > 0) {
    const detail = owner === 'StatefulSet' ? '' : 'invalid label selector';
    return [...errors, invalid('spec.selector', printableSelector(spec.selector), detail)];
  }
  const isWhole = !isFields(spec.selector) || !isEmptySelector(spec.selector);
  if (isWhole && !selectorMatches(spec.selector, labelsOfTemplate(spec))) errors.push(mismatch(spec));
  errors.push(...validatePodTemplate(spec.template, 'spec.template', options));
  errors.push(...validateTemplateOf(spec, owner));
  return errors;
}

export function emptySelector(selector: unknown, emptyFor: string): FieldError {
  return invalid('spec.selector', printableSelector(selector), `empty selector is invalid for ${emptyFor}`);
}

export function mismatch(spec: unknown): FieldError {
  const labels = labelsOfTemplate(spec);
  return invalid('spec.template.metadata.labels', asMap(labels), '`selector` does not match template `labels`');
}

function labelsOfTemplate(spec: unknown): unknown {
  const labels: unknown = fieldsOf(fieldsOf(fieldsOf(spec).template).metadata).labels;
  return isFields(labels) && Object.keys(labels).length > 0 ? labels : undefined;
}

/** Only pods that are always restarted, for as long as they are wanted. */
export function validateTemplateOf(spec: unknown, owner: string): FieldError[] {
  const { restartPolicy, activeDeadlineSeconds } = fieldsOf(fieldsOf(fieldsOf(spec).template).spec);
  const errors: FieldError[] = [];
  if (restartPolicy !== 'Always') {
    errors.push(unsupported('spec.template.spec.restartPolicy', restartPolicy, ['Always']));
  }
  if (activeDeadlineSeconds !== undefined) {
    const path = 'spec.template.spec.activeDeadlineSeconds';
    errors.push(forbidden(path, `activeDeadlineSeconds in ${owner} is not Supported`));
  }
  return errors;
}

/** Counts in a status: none negative, none above the first (`status.replicas`). */
export function validateCounts(
  status: unknown,
  counts: readonly string[],
  bounds: readonly { field: string; by: string; text: string }[],
): FieldError[] {
  const values = fieldsOf(status);
  const count = (field: string): number => (typeof values[field] === 'number' ? values[field] : 0);
  const errors = counts.flatMap((field) => validateNonnegative(values[field], `status.${field}`));
  for (const { field, by, text } of bounds) {
    if (count(field) > count(by)) errors.push(invalid(`status.${field}`, count(field), text));
  }
  return errors;
}

/** Bounds of counts that are parts of `status.replicas`. */
export const notMoreThanReplicas = (...fields: readonly string[]): Array<{ field: string; by: string; text: string }> =>
  fields.map((field) => ({ field, by: 'replicas', text: 'cannot be greater than status.replicas' }));

/** `status.collisionCount` never goes back. */
export function validateCollisionCount(draft: KubeObject, old: KubeObject): FieldError[] {
  const count = Number(fieldsOf(draft.status).collisionCount ?? 0);
  return count < Number(fieldsOf(old.status).collisionCount ?? 0)
    ? [invalid('status.collisionCount', count, 'cannot be decremented')]
    : [];
}

/** What a template runs, with `-o wide`. */
export const containerColumns: readonly Column[] = [
  wideColumn('Containers', 'string', 'Names of each container in the template.'),
  wideColumn('Images', 'string', 'Images referenced by each container in the template.'),
];

/** The last three columns of a workload; the description of its selector is the field's own. */
export const templateColumns = (selector: string): Column[] => [
  ...containerColumns,
  wideColumn('Selector', 'string', selector),
];

/** The last three cells of a workload's row: names, images. */
export function containerCells(template: unknown): [names: string, images: string] {
  const containers = listOf(fieldsOf(fieldsOf(template).spec).containers);
  return [containers.map(({ name }) => name).join(','), containers.map(({ image }) => image ?? '').join(',')];
}

/** A count of a status or spec as a cell: 0 where it is left out. */
export function countCell(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

/** What a workload selects by stays as it was made. */
export function validateSelectorKept({ spec }: KubeObject, old: KubeObject): FieldError[] {
  return validateImmutable('spec.selector', spec?.selector, old.spec?.selector, printableSelector(spec?.selector));
}
