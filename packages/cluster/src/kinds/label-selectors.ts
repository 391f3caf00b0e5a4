/** Label selectors as objects (`matchLabels`, `matchExpressions`): validation, matching, the form that tables show. */
import { asMap, forbidden, invalid, invalids, required } from './field-errors.ts';
import { fieldsOf, isFields, listOf, sortedEntries, valuesOf } from './json.ts';
import type { FieldError } from './kind.ts';
import { labelValueMessages, qualifiedNameMessages } from './names.ts';

/** A map of labels: keys are qualified names, values are label values. */
export function validateLabels(labels: unknown, path: string): FieldError[] {
  return sortedEntries(labels).flatMap(([key, value]) => [
    ...invalids(path, key, qualifiedNameMessages(key)),
    ...invalids(path, value, labelValueMessages(value)),
  ]);
}

/** A LabelSelector; nothing is fine. */
export function validateLabelSelector(selector: unknown, path: string): FieldError[] {
  if (!isFields(selector)) return [];
  const errors = validateLabels(selector.matchLabels, `${path}.matchLabels`);
  for (const [index, requirement] of listOf(selector.matchExpressions).entries()) {
    errors.push(...validateRequirement(requirement, `${path}.matchExpressions[${index}]`));
  }
  return errors;
}

function validateRequirement(requirement: Record<string, unknown>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const values = valuesOf(requirement.values);
  const key = String(requirement.key ?? '');
  switch (requirement.operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) {
        errors.push(required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
      }
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) {
        errors.push(forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      }
      break;
    default:
      errors.push(invalid(`${path}.operator`, requirement.operator ?? '', 'not a valid selector operator'));
  }
  errors.push(...invalids(`${path}.key`, key, qualifiedNameMessages(key)));
  for (const [index, value] of values.entries()) {
    errors.push(...invalids(`${path}.values[${index}]`, value, labelValueMessages(value)));
  }
  return errors;
}

/** Neither labels nor expressions. */
export function isEmptySelector(selector: unknown): boolean {
  const { matchLabels, matchExpressions } = fieldsOf(selector);
  return Object.keys(fieldsOf(matchLabels)).length === 0 && listOf(matchExpressions).length === 0;
}

/** Whether the labels satisfy the selector. None (undefined) matches nothing, an empty one everything. */
export function selectorMatches(selector: unknown, labels: unknown): boolean {
  if (!isFields(selector)) return false;
  const present = fieldsOf(labels);
  for (const [key, value] of Object.entries(fieldsOf(selector.matchLabels))) {
    if (present[key] !== value) return false;
  }
  return listOf(selector.matchExpressions).every((requirement) => {
    const key = String(requirement.key);
    const value: unknown = Object.hasOwn(present, key) ? present[key] : undefined;
    const isListed = valuesOf(requirement.values).includes(String(value));
    switch (requirement.operator) {
      case 'In':
        return value !== undefined && isListed;
      case 'NotIn':
        return value === undefined || !isListed;
      case 'Exists':
        return value !== undefined;
      case 'DoesNotExist':
        return value === undefined;
      default:
        return false;
    }
  });
}

/** As an error prints it: the struct's order of fields, maps sorted. */
export function printableSelector(selector: unknown): unknown {
  if (!isFields(selector)) return null;
  const { matchLabels, matchExpressions } = selector;
  return {
    ...(Object.keys(fieldsOf(matchLabels)).length > 0 && { matchLabels: asMap(matchLabels) }),
    ...(listOf(matchExpressions).length > 0 && {
      matchExpressions: listOf(matchExpressions).map(({ key, operator, values }) => ({
        key,
        operator,
        ...(valuesOf(values).length > 0 && { values }),
      })),
    }),
  };
}

/** As tables show it: `app=web,tier in (a,b)`; `<none>` where nothing is selected (metav1.FormatLabelSelector). */
export function formatSelector(selector: unknown): string {
  if (!isFields(selector)) return '<none>';
  const requirements: Array<{ key: string; text: string }> = sortedEntries(selector.matchLabels).map(
    ([key, value]) => ({ key, text: `${key}=${value}` }),
  );
  for (const { key, operator, values } of listOf(selector.matchExpressions)) {
    requirements.push({ key: String(key), text: formatRequirement(String(key), operator, valuesOf(values).sort()) });
  }
  requirements.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return requirements.map(({ text }) => text).join(',') || '<none>';
}

function formatRequirement(key: string, operator: unknown, values: string[]): string {
  switch (operator) {
    case 'In':
      return `${key} in (${values.join(',')})`;
    case 'NotIn':
      return `${key} notin (${values.join(',')})`;
    case 'DoesNotExist':
      return `!${key}`;
    default:
      return key;
  }
}

/** A plain map of labels as tables show it: `a=b,c=d`, `<none>`. */
export function formatLabels(labels: unknown): string {
  return (
    sortedEntries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(',') || '<none>'
  );
}
