/** What the spec of an autoscaler, in either version, is refused for (kubernetes, pkg/apis/autoscaling/validation). */
import { forbidden, invalid, invalids, required, unsupported } from './field-errors.ts';
import { type Fields, fieldsOf, isFields, listOf } from './json.ts';
import type { FieldError } from './kind.ts';
import { pathSegmentName } from './names.ts';
import { quantityOf } from './quantity.ts';

const maxWindowSeconds = 3600;
const maxPeriodSeconds = 1800;

/** [SPEC C187] */
export function validateAutoscaler(spec: unknown): FieldError[] {
  const { minReplicas, maxReplicas = 0, scaleTargetRef, metrics, behavior } = fieldsOf(spec);
  const errors: FieldError[] = [];
  if (typeof minReplicas === 'number' && minReplicas < 1) {
    errors.push(invalid('spec.minReplicas', minReplicas, 'must be greater than or equal to 1'));
  }
  if (maxReplicas < 1) errors.push(invalid('spec.maxReplicas', maxReplicas, 'must be greater than 0'));
  if (typeof minReplicas === 'number' && maxReplicas < minReplicas) {
    errors.push(invalid('spec.maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`'));
  }
  const { kind, name, apiVersion = '' } = fieldsOf(scaleTargetRef);
  if (!kind) errors.push(required('spec.scaleTargetRef.kind'));
  if (!name) errors.push(required('spec.scaleTargetRef.name'));
  if (!String(apiVersion).includes('/') && kind !== 'ReplicationController') {
    errors.push(invalid('spec.scaleTargetRef.apiVersion', apiVersion, 'apiVersion must specify API group'));
  }
  errors.push(...listOf(metrics).flatMap((metric, index) => validateMetric(metric, `spec.metrics[${index}]`)));
  const { scaleUp, scaleDown } = fieldsOf(behavior);
  return [
    ...errors,
    ...validateRules(scaleUp, 'spec.behavior.scaleUp'),
    ...validateRules(scaleDown, 'spec.behavior.scaleDown'),
  ];
}

/** The field that a type of metric speaks of, by the type. */
const sourceFields: Readonly<Record<string, string>> = {
  ContainerResource: 'containerResource',
  External: 'external',
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
};

function validateMetric(metric: Fields, path: string): FieldError[] {
  const { type } = metric;
  const errors: FieldError[] = [];
  const known = Object.keys(sourceFields);
  if (!type) errors.push(required(`${path}.type`, 'must specify a metric source type'));
  if (!known.includes(type)) errors.push(unsupported(`${path}.type`, type ?? '', known));
  const given = ['object', 'external', 'pods', 'resource', 'containerResource'].filter((one) => isFields(metric[one]));
  const [first] = given;
  if (first !== undefined) errors.push(...validateSource(first, fieldsOf(metric[first]), `${path}.${first}`));
  const expected = known.includes(type) ? sourceFields[type] : undefined;
  if (expected !== undefined && !given.includes(expected)) {
    errors.push(required(`${path}.${expected}`, 'must populate information for the given metric source'));
  }
  if (given.length < 2) return errors;
  const surplus = given.filter((one) => one !== expected);
  return [
    ...errors,
    ...surplus.map((one) => forbidden(`${path}.${one}`, 'must populate the given metric source only')),
  ];
}

function validateSource(field: string, source: Fields, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (field === 'resource' || field === 'containerResource') {
    if (!source.name) errors.push(required(`${path}.name`, 'must specify a resource name'));
    if (field === 'containerResource' && !source.container) {
      errors.push(required(`${path}.container`, 'must specify a container'));
    }
  } else {
    if (field === 'object') {
      const { kind, name } = fieldsOf(source.describedObject);
      if (!kind) errors.push(required(`${path}.describedObject.kind`));
      if (!name) errors.push(required(`${path}.describedObject.name`));
    }
    const { name = '' } = fieldsOf(source.metric);
    if (name === '') errors.push(required(`${path}.metric.name`, 'must specify a metric name'));
    else errors.push(...invalids(`${path}.metric.name`, name, pathSegmentName(String(name), false)));
  }
  const target = fieldsOf(source.target);
  const here = `${path}.target`;
  return [...errors, ...validateTarget(target, here), ...validateWanted(field, target, here)];
}

function validateTarget({ type, value, averageValue, averageUtilization }: Fields, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!type) errors.push(required(`${path}.type`, 'must specify a metric target type'));
  if (!['Utilization', 'Value', 'AverageValue'].includes(type)) {
    errors.push(invalid(`${path}.type`, type ?? '', 'must be either Utilization, Value, or AverageValue'));
  }
  for (const [field, amount] of Object.entries({ value, averageValue })) {
    if (amount === undefined || quantityOf(amount).nanos > 0n) continue;
    errors.push(invalid(`${path}.${field}`, amount, 'must be positive'));
  }
  if (typeof averageUtilization === 'number' && averageUtilization < 1) {
    errors.push(invalid(`${path}.averageUtilization`, averageUtilization, 'must be greater than 0'));
  }
  return errors;
}

/** Which of the target's numbers a source needs, and which it cannot have together. */
function validateWanted(field: string, target: Fields, path: string): FieldError[] {
  const { value, averageValue, averageUtilization } = target;
  const hasValue = value !== undefined;
  const hasAverage = averageValue !== undefined;
  switch (field) {
    case 'pods':
      return hasAverage ? [] : [required(`${path}.averageValue`, 'must specify a positive target averageValue')];
    case 'object':
      return hasValue || hasAverage
        ? []
        : [required(`${path}.averageValue`, 'must set either a target value or averageValue')];
    case 'external': {
      const text = 'must set either a target value for metric or a per-pod target';
      if (!hasValue && !hasAverage) return [required(`${path}.averageValue`, text)];
      const both = 'may not set both a target value for metric and a per-pod target';
      return hasValue && hasAverage ? [forbidden(`${path}.value`, both)] : [];
    }
    default: {
      const hasUtilization = averageUtilization !== undefined;
      const text = 'must set either a target raw value or a target utilization';
      if (!hasUtilization && !hasAverage) return [required(`${path}.averageUtilization`, text)];
      const both = 'may not set both a target raw value and a target utilization';
      return hasUtilization && hasAverage ? [forbidden(`${path}.averageValue`, both)] : [];
    }
  }
}

function validateRules(rules: unknown, path: string): FieldError[] {
  if (!isFields(rules)) return [];
  const { stabilizationWindowSeconds: window, selectPolicy, policies } = rules;
  const errors: FieldError[] = [];
  const here = `${path}.stabilizationWindowSeconds`;
  if (window < 0) errors.push(invalid(here, window, 'must be greater than or equal to zero'));
  if (window > maxWindowSeconds)
    errors.push(invalid(here, window, `must be less than or equal to ${maxWindowSeconds}`));
  const choices = ['Disabled', 'Max', 'Min'];
  if (selectPolicy !== undefined && !choices.includes(selectPolicy)) {
    errors.push(unsupported(`${path}.selectPolicy`, selectPolicy, choices));
  }
  const given = listOf(policies);
  if (given.length === 0) errors.push(required(`${path}.policies`, 'must specify at least one Policy'));
  return [...errors, ...given.flatMap((policy, index) => validatePolicy(policy, `${path}.policies[${index}]`))];
}

function validatePolicy({ type, value = 0, periodSeconds = 0 }: Fields, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (type !== 'Percent' && type !== 'Pods') {
    errors.push(unsupported(`${path}.type`, type ?? '', ['Percent', 'Pods']));
  }
  if (value <= 0) errors.push(invalid(`${path}.value`, value, 'must be greater than zero'));
  const here = `${path}.periodSeconds`;
  if (periodSeconds <= 0) errors.push(invalid(here, periodSeconds, 'must be greater than zero'));
  if (periodSeconds > maxPeriodSeconds) {
    errors.push(invalid(here, periodSeconds, `must be less than or equal to ${maxPeriodSeconds}`));
  }
  return errors;
}

/** Fills in what a behaviour leaves out (pkg/apis/autoscaling/v2/defaults.go). Changes it in place; twice is once. */
export function defaultBehavior(behavior: unknown): void {
  if (!isFields(behavior)) return;
  const percent = { type: 'Percent', value: 100, periodSeconds: 15 };
  behavior.scaleUp = {
    stabilizationWindowSeconds: 0,
    selectPolicy: 'Max',
    policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }, percent],
    ...fieldsOf(behavior.scaleUp),
  };
  behavior.scaleDown = { selectPolicy: 'Max', policies: [{ ...percent }], ...fieldsOf(behavior.scaleDown) };
}
