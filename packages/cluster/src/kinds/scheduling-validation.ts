/** Where a pod may run: tolerations, taints, node and pod affinity, topology spread (core/validation/validation.go). */
import { duplicate, forbidden, invalid, invalids, required, unsupported } from './field-errors.ts';
import { type Fields, fieldsOf, isFields, listOf, valuesOf } from './json.ts';
import type { FieldError } from './kind.ts';
import { validateLabelSelector } from './label-selectors.ts';
import { labelName, labelValueMessages, qualifiedNameMessages, subdomainName } from './names.ts';

const taintEffects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

export function validateTolerations(tolerations: readonly Fields[], path: string): FieldError[] {
  return tolerations.flatMap(({ key = '', operator = '', value = '', effect = '', tolerationSeconds }, index) => {
    const here = `${path}[${index}]`;
    const errors: FieldError[] = [];
    if (key) errors.push(...invalids(`${here}.key`, key, qualifiedNameMessages(String(key))));
    else if (operator !== 'Exists') {
      const text = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
      errors.push(invalid(`${here}.operator`, operator, text));
    }
    if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
      errors.push(invalid(`${here}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"));
    }
    if (operator === 'Equal' || operator === '') {
      const messages = labelValueMessages(String(value));
      if (messages.length > 0) errors.push(invalid(`${here}.operator`, value, messages.join(';')));
    } else if (operator === 'Exists') {
      if (value) errors.push(invalid(`${here}.operator`, value, "value must be empty when `operator` is 'Exists'"));
    } else errors.push(unsupported(`${here}.operator`, operator, ['Equal', 'Exists']));
    if (effect && !taintEffects.includes(String(effect))) {
      errors.push(unsupported(`${here}.effect`, effect, taintEffects));
    }
    return errors;
  });
}

/** The path is `metadata.taints`, as the real one says. */
export function validateTaints(taints: readonly Fields[], path: string): FieldError[] {
  const errors: FieldError[] = [];
  const taken = new Set<string>();
  for (const [index, { key = '', value = '', effect = '', timeAdded = null }] of taints.entries()) {
    const here = `${path}[${index}]`;
    errors.push(...invalids(`${here}.key`, key, qualifiedNameMessages(String(key))));
    const messages = labelValueMessages(String(value));
    if (messages.length > 0) errors.push(invalid(`${here}.value`, value, messages.join(';')));
    if (!effect) errors.push(required(`${here}.effect`));
    else if (!taintEffects.includes(String(effect))) errors.push(unsupported(`${here}.effect`, effect, taintEffects));
    const identity = `${effect}\n${key}`;
    if (taken.has(identity)) {
      const printed = { Key: key, Value: value, Effect: effect, TimeAdded: timeAdded };
      errors.push(duplicate(here, printed, 'taints must be unique by key and effect pair'));
    }
    taken.add(identity);
  }
  return errors;
}

export function validateAffinity(affinity: unknown, path: string): FieldError[] {
  const { nodeAffinity, podAffinity, podAntiAffinity } = fieldsOf(affinity);
  const errors: FieldError[] = [];
  if (isFields(nodeAffinity)) errors.push(...validateNodeAffinity(nodeAffinity, `${path}.nodeAffinity`));
  if (isFields(podAffinity)) errors.push(...validatePodAffinity(podAffinity, `${path}.podAffinity`));
  if (isFields(podAntiAffinity)) errors.push(...validatePodAffinity(podAntiAffinity, `${path}.podAntiAffinity`));
  return errors;
}

const hard = 'requiredDuringSchedulingIgnoredDuringExecution';
const soft = 'preferredDuringSchedulingIgnoredDuringExecution';

function validateNodeAffinity(affinity: Fields, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const selector: unknown = affinity[hard];
  if (isFields(selector)) {
    const here = `${path}.${hard}.nodeSelectorTerms`;
    const terms = listOf(selector.nodeSelectorTerms);
    if (terms.length === 0) errors.push(required(here, 'must have at least one node selector term'));
    for (const [index, term] of terms.entries()) errors.push(...validateNodeTerm(term, `${here}[${index}]`, true));
  }
  for (const [index, { weight, preference }] of listOf(affinity[soft]).entries()) {
    const here = `${path}.${soft}[${index}]`;
    errors.push(
      ...validateWeight(weight, here),
      ...validateNodeTerm(fieldsOf(preference), `${here}.preference`, false),
    );
  }
  return errors;
}

function validateWeight(weight: unknown, path: string): FieldError[] {
  const value = typeof weight === 'number' ? weight : 0;
  return value < 1 || value > 100 ? [invalid(`${path}.weight`, value, 'must be in the range 1-100')] : [];
}

/** `checksValues`: preferred terms may ask for values that can be no label. */
function validateNodeTerm(term: Fields, path: string, checksValues: boolean): FieldError[] {
  return [
    ...listOf(term.matchExpressions).flatMap((requirement, index) =>
      validateNodeRequirement(requirement, `${path}.matchExpressions[${index}]`, checksValues),
    ),
    ...listOf(term.matchFields).flatMap((requirement, index) =>
      validateNodeField(requirement, `${path}.matchFields[${index}]`),
    ),
  ];
}

function validateNodeRequirement({ key = '', operator = '', values }: Fields, path: string, checksValues: boolean) {
  const errors: FieldError[] = [];
  const given = valuesOf(values);
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (given.length === 0) {
        errors.push(required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
      }
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (given.length > 0) {
        errors.push(forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      }
      break;
    case 'Gt':
    case 'Lt':
      if (given.length !== 1) {
        errors.push(required(`${path}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
      }
      break;
    default:
      errors.push(invalid(`${path}.operator`, operator, 'not a valid selector operator'));
  }
  errors.push(...invalids(`${path}.key`, key, qualifiedNameMessages(String(key))));
  if (checksValues) {
    for (const [index, value] of given.entries()) {
      errors.push(...invalids(`${path}.values[${index}]`, value, labelValueMessages(value)));
    }
  }
  return errors;
}

function validateNodeField({ key = '', operator = '', values }: Fields, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const given = valuesOf(values);
  if (operator !== 'In' && operator !== 'NotIn') {
    errors.push(invalid(`${path}.operator`, operator, 'not a valid selector operator'));
  } else if (given.length !== 1) {
    const text = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
    errors.push(required(`${path}.values`, text));
  }
  if (key !== 'metadata.name') errors.push(invalid(`${path}.key`, key, 'not a valid field selector key'));
  else {
    for (const [index, value] of given.entries()) {
      errors.push(...invalids(`${path}.values[${index}]`, value, subdomainName(value, false)));
    }
  }
  return errors;
}

function validatePodAffinity(affinity: Fields, path: string): FieldError[] {
  return [
    ...listOf(affinity[hard]).flatMap((term, index) => validatePodTerm(term, `${path}.${hard}[${index}]`)),
    ...listOf(affinity[soft]).flatMap(({ weight, podAffinityTerm }, index) => [
      ...validateWeight(weight, `${path}.${soft}[${index}]`),
      ...validatePodTerm(fieldsOf(podAffinityTerm), `${path}.${soft}[${index}].podAffinityTerm`),
    ]),
  ];
}

function validatePodTerm(term: Fields, path: string): FieldError[] {
  const { topologyKey = '', labelSelector, namespaceSelector, namespaces } = term;
  const errors = [
    ...validateLabelSelector(labelSelector, `${path}.labelSelector`),
    ...validateLabelSelector(namespaceSelector, `${path}.namespaceSelector`),
    ...valuesOf(namespaces).flatMap((name) => invalids(`${path}.namespace`, name, labelName(name, false))),
    ...validateMatchKeys(term.matchLabelKeys, labelSelector, `${path}.matchLabelKeys`),
    ...validateMatchKeys(term.mismatchLabelKeys, labelSelector, `${path}.mismatchLabelKeys`),
  ];
  if (!topologyKey) errors.push(required(`${path}.topologyKey`, 'can not be empty'));
  errors.push(...invalids(`${path}.topologyKey`, topologyKey, qualifiedNameMessages(String(topologyKey))));
  return errors;
}

function validateMatchKeys(keys: unknown, selector: unknown, path: string): FieldError[] {
  const given = valuesOf(keys);
  if (given.length === 0) return [];
  if (!isFields(selector)) return [forbidden(path, 'must not be specified when labelSelector is not set')];
  return given.flatMap((key, index) => invalids(`${path}[${index}]`, key, qualifiedNameMessages(key)));
}

const spreadActions = ['DoNotSchedule', 'ScheduleAnyway'];

export function validateTopologySpread(constraints: readonly Fields[], path: string): FieldError[] {
  return constraints.flatMap((constraint, index) => {
    const here = `${path}[${index}]`;
    const { topologyKey = '', whenUnsatisfiable = '', minDomains, labelSelector } = constraint;
    const errors = validatePositive(constraint.maxSkew ?? 0, `${here}.maxSkew`);
    if (!topologyKey) errors.push(required(`${here}.topologyKey`, 'can not be empty'));
    if (!spreadActions.includes(String(whenUnsatisfiable))) {
      errors.push(unsupported(`${here}.whenUnsatisfiable`, whenUnsatisfiable, spreadActions));
    }
    const isRepeated = constraints
      .slice(index + 1)
      .some((other) => other.topologyKey === topologyKey && other.whenUnsatisfiable === whenUnsatisfiable);
    if (isRepeated) {
      errors.push(duplicate(`${here}.{topologyKey, whenUnsatisfiable}`, `{${topologyKey}, ${whenUnsatisfiable}}`));
    }
    if (minDomains !== undefined) {
      errors.push(...validatePositive(minDomains, `${here}.minDomains`));
      if (whenUnsatisfiable !== 'DoNotSchedule') {
        const text = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`;
        errors.push(invalid(`${here}.minDomains`, minDomains, text));
      }
    }
    for (const field of ['nodeAffinityPolicy', 'nodeTaintsPolicy']) {
      const policy: unknown = constraint[field];
      if (policy !== undefined && policy !== 'Honor' && policy !== 'Ignore') {
        errors.push(unsupported(`${here}.${field}`, policy, ['Honor', 'Ignore']));
      }
    }
    errors.push(
      ...validateMatchKeys(constraint.matchLabelKeys, labelSelector, `${here}.matchLabelKeys`),
      ...validateLabelSelector(labelSelector, `${here}.labelSelector`),
    );
    return errors;
  });
}

function validatePositive(value: unknown, path: string): FieldError[] {
  return typeof value === 'number' && value > 0 ? [] : [invalid(path, value, 'must be greater than zero')];
}
