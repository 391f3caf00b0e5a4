/** v1 LimitRange and v1 ResourceQuota, which admission applies. */
import { ownValue } from '../json.ts';
import { ageOf } from './ages.ts';
import { defineKind, ensure } from './define-kind.ts';
import { duplicate, forbidden, invalid, required } from './field-errors.ts';
import { type Fields, fieldsOf, listOf, sortedEntries, valuesOf } from './json.ts';
import type { FieldError } from './kind.ts';
import { compareQuantities, formatQuantity, normalizeResources, quantityOf } from './quantity.ts';
import { integerResources, validateContainerResourceName, validateResourceName } from './resource-validation.ts';
import { ageColumn, column, createdAtColumn, nameColumn } from './shape.ts';

const amounts = ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'];
const limitTypes = ['Pod', 'Container', 'PersistentVolumeClaim'];

export const limitRange = defineKind({
  group: '',
  version: 'v1',
  kind: 'LimitRange',
  plural: 'limitranges',
  shortNames: ['limits'],
  namespaced: true,
  schema: 'V1LimitRange',
  defaults: (draft) => {
    for (const limit of listOf(ensure(draft, 'spec').limits)) {
      for (const field of amounts) normalizeResources(limit[field]);
      if (limit.type !== 'Container') continue;
      const limits = { ...fieldsOf(limit.max), ...fieldsOf(limit.default) };
      const requests = { ...fieldsOf(limit.min), ...limits, ...fieldsOf(limit.defaultRequest) };
      if (Object.keys(limits).length > 0) limit.default = limits;
      if (Object.keys(requests).length > 0) limit.defaultRequest = requests;
    }
  },
  validate: (draft) => {
    const types = new Set<unknown>();
    return listOf(draft.spec?.limits).flatMap((limit, index) => {
      const here = `spec.limits[${index}]`;
      const { type = '' } = limit;
      const errors: FieldError[] = [];
      if (!limitTypes.includes(type) && !String(type).includes('/')) {
        errors.push(invalid(`${here}.type`, type, 'must be a standard limit type or fully qualified'));
      }
      if (types.has(type)) errors.push(duplicate(`${here}.type`, type));
      types.add(type);
      errors.push(...validateLimit(limit, here));
      return errors;
    });
  },
  columns: [nameColumn, createdAtColumn],
  row: ({ metadata }) => [metadata.name, metadata.creationTimestamp],
});

/** In the real one's order and words: which of two amounts may not be the greater. */
const orders: ReadonlyArray<readonly [less: string, more: string, at: string, words: readonly [string, string]]> = [
  ['min', 'max', 'min', ['min', 'max']],
  ['min', 'defaultRequest', 'defaultRequest', ['min', 'default request']],
  ['defaultRequest', 'max', 'defaultRequest', ['default request', 'max']],
  ['defaultRequest', 'default', 'defaultRequest', ['default request', 'default limit']],
  ['min', 'default', 'default', ['min', 'default']],
  ['default', 'max', 'default', ['default', 'max']],
];
/** The value that the complaint about an order shows. */
const printedOf: Readonly<Record<string, string>> = { 'min<default': 'min', 'default<max': 'max' };

function validateLimit(limit: Fields, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const isPod = limit.type === 'Pod';
  const names = new Set<string>();
  for (const field of amounts) {
    const entries = sortedEntries(limit[field]);
    if (isPod && (field === 'default' || field === 'defaultRequest')) {
      if (entries.length > 0) errors.push(forbidden(`${path}.${field}`, "may not be specified when `type` is 'Pod'"));
      continue;
    }
    for (const [name] of entries) {
      const validateName = limit.type === 'Container' || isPod ? validateContainerResourceName : validateResourceName;
      errors.push(...validateName(name, `${path}.${field}[${name}]`));
      names.add(name);
    }
  }
  for (const name of [...names].sort()) {
    for (const [less, more, at, [lessWord, moreWord]] of orders) {
      if (isPod && (less.startsWith('default') || more.startsWith('default'))) continue;
      const a: unknown = ownValue(fieldsOf(limit[less]), name);
      const b: unknown = ownValue(fieldsOf(limit[more]), name);
      if (a === undefined || b === undefined || compareQuantities(quantityOf(a), quantityOf(b)) <= 0) continue;
      const printed: unknown = ownValue(fieldsOf(limit[printedOf[`${less}<${more}`] ?? at]), name);
      errors.push(
        invalid(`${path}.${at}[${name}]`, printed, `${lessWord} value ${a} is greater than ${moreWord} value ${b}`),
      );
    }
    const ratio: unknown = ownValue(fieldsOf(limit.maxLimitRequestRatio), name);
    if (ratio !== undefined && quantityOf(ratio).nanos < 1_000_000_000n) {
      errors.push(invalid(`${path}.maxLimitRequestRatio[${name}]`, ratio, `ratio ${ratio} is less than 1`));
    }
  }
  return errors;
}

export const resourceQuota = defineKind({
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  shortNames: ['quota'],
  namespaced: true,
  schema: 'V1ResourceQuota',
  status: () => ({}),
  defaults: (draft) => {
    normalizeResources(ensure(draft, 'spec').hard);
    const status = ensure(draft, 'status');
    normalizeResources(status.hard);
    normalizeResources(status.used);
  },
  validate: (draft) => [
    ...sortedEntries(draft.spec?.hard).flatMap(([name, value]) => validateHard(name, value, `spec.hard[${name}]`)),
    ...validateScopes(fieldsOf(draft.spec)),
    ...validateScopeSelector(fieldsOf(draft.spec)),
  ],
  validateChange: (draft, old) => {
    const [now, before] = [draft, old].map((one) => [...new Set(valuesOf(one.spec?.scopes))].sort().join());
    return now === before ? [] : [invalid('spec.scopes', draft.spec?.scopes ?? null, 'field is immutable')];
  },
  validateStatus: (draft) =>
    ['hard', 'used'].flatMap((field) =>
      sortedEntries(fieldsOf(draft.status)[field]).flatMap(([name, value]) =>
        validateHard(name, value, `status.${field}[${name}]`),
      ),
    ),
  columns: [
    nameColumn,
    column('Request', 'string', 'Request represents a minimum amount of cpu/memory that a container may consume.'),
    column(
      'Limit',
      'string',
      'Limits control the maximum amount of cpu/memory that a container may use independent of contention on the node.',
    ),
    ageColumn,
  ],
  row: ({ metadata, status }, now) => [
    metadata.name,
    quotaCell(fieldsOf(status), (name) => !name.startsWith('limits.')),
    quotaCell(fieldsOf(status), (name) => name.startsWith('limits.')),
    ageOf(metadata.creationTimestamp, now),
  ],
});

/** Names that a quota may limit without a domain; `storage` alone is no such. */
function validateHard(name: string, value: string, path: string): FieldError[] {
  const errors = validateResourceName(name, path);
  if (!name.includes('/') && !isStandard(name))
    errors.push(invalid(path, name, 'must be a standard resource for quota'));
  if (integerResources.has(name) && quantityOf(value).nanos % 1_000_000_000n !== 0n) {
    errors.push(invalid(path, value, 'must be an integer'));
  }
  if (quantityOf(value).nanos < 0n) errors.push(invalid(path, value, 'must be greater than or equal to 0'));
  return errors;
}

const podNames: readonly string[] = [
  'pods',
  ...['cpu', 'memory'].flatMap((one) => [one, `limits.${one}`, `requests.${one}`]),
];
/** Which standard names a scope can narrow. */
const scopeNames: Readonly<Record<string, readonly string[]>> = {
  Terminating: podNames,
  NotTerminating: podNames,
  NotBestEffort: podNames,
  PriorityClass: podNames,
  CrossNamespacePodAffinity: podNames,
  BestEffort: ['pods'],
  VolumeAttributesClass: ['persistentvolumeclaims', 'requests.storage'],
};
const opposites = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
];
/** Scopes that take no values. */
const plainScopes = ['BestEffort', 'NotBestEffort', 'Terminating', 'NotTerminating', 'CrossNamespacePodAffinity'];

/** Standard names among the limits that the scope says nothing of; other names are not judged. */
function outOfScope(scope: string, spec: Fields): string[] {
  const known = ownValue(scopeNames, scope);
  return sortedEntries(spec.hard)
    .map(([name]) => name)
    .filter((name) => known !== undefined && isStandard(name) && !known.includes(name));
}

const isStandard = (name: string): boolean =>
  validateResourceName(name, '').length === 0 && !name.includes('/') && name !== 'storage';

function validateScopes(spec: Fields): FieldError[] {
  const scopes = valuesOf(spec.scopes);
  const refuse = (why: string): FieldError => invalid('spec.scopes', scopes, why);
  return [
    ...scopes.flatMap((scope) => [
      ...(Object.hasOwn(scopeNames, scope) ? [] : [refuse('unsupported scope')]),
      ...outOfScope(scope, spec).map(() => refuse('unsupported scope applied to resource')),
    ]),
    ...opposites
      .filter((pair) => pair.every((scope) => scopes.includes(scope)))
      .map(() => refuse('conflicting scopes')),
  ];
}

function validateScopeSelector(spec: Fields): FieldError[] {
  if (spec.scopeSelector === undefined) return [];
  const path = 'spec.scopeSelector.matchExpressions';
  const requirements = listOf(fieldsOf(spec.scopeSelector).matchExpressions);
  const errors: FieldError[] = [];
  for (const { scopeName = '', operator = '', values } of requirements) {
    const scope = String(scopeName);
    if (!Object.hasOwn(scopeNames, scope)) errors.push(invalid(`${path}.scopeName`, scope, 'unsupported scope'));
    for (const _name of outOfScope(scope, spec)) {
      errors.push(invalid(path, printableScopes(requirements), 'unsupported scope applied to resource'));
    }
    if (plainScopes.includes(scope) && operator !== 'Exists') {
      errors.push(
        invalid(
          `${path}.operator`,
          operator,
          "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
        ),
      );
    }
    errors.push(...validateOperator(operator, valuesOf(values), path));
  }
  const named = requirements.map(({ scopeName }) => String(scopeName));
  for (const pair of opposites) {
    if (pair.every((scope) => named.includes(scope))) {
      errors.push(invalid('spec.scopes', spec.scopes ?? null, 'conflicting scopes'));
    }
  }
  return errors;
}

function validateOperator(operator: string, values: readonly string[], path: string): FieldError[] {
  switch (operator) {
    case 'In':
    case 'NotIn':
      return values.length > 0
        ? []
        : [
            required(
              `${path}.values`,
              "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
            ),
          ];
    case 'Exists':
    case 'DoesNotExist':
      return values.length === 0
        ? []
        : [
            invalid(
              `${path}.values`,
              values,
              "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
            ),
          ];
    default:
      return [invalid(`${path}.operator`, operator, 'not a valid selector operator')];
  }
}

/** As Go prints its struct of internal names. */
const printableScopes = (requirements: readonly Fields[]): Fields => ({
  MatchExpressions: requirements.map(({ scopeName, operator, values }) => ({
    ScopeName: scopeName,
    Operator: operator,
    Values: values ?? null,
  })),
});

function quotaCell(status: Fields, isWanted: (name: string) => boolean): string {
  return sortedEntries(status.hard)
    .filter(([name]) => isWanted(name))
    .map(([name, hard]) => `${name}: ${formatQuantity(quantityOf(ownValue(fieldsOf(status.used), name)))}/${hard}`)
    .join(', ');
}
