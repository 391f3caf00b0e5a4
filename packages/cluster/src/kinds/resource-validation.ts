/** `resources` of a container, `capacity` of a node: names and amounts (core/validation validateResourceRequirements). */
import { ownValue } from '../json.ts';
import { invalid, invalids, required } from './field-errors.ts';
import { fieldsOf, sortedEntries } from './json.ts';
import type { FieldError } from './kind.ts';
import { qualifiedNameMessages } from './names.ts';
import { compareQuantities, formatQuantity, quantityOf } from './quantity.ts';

/** Resources without a domain that Kubernetes knows. */
const standardResources: ReadonlySet<string> = new Set([
  'cpu',
  'memory',
  'ephemeral-storage',
  'requests.cpu',
  'requests.memory',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'storage',
  'requests.storage',
  'services.nodeports',
  'services.loadbalancers',
]);
const containerResources: ReadonlySet<string> = new Set(['cpu', 'memory', 'ephemeral-storage']);
/** Counted in whole pieces. */
export const integerResources: ReadonlySet<string> = new Set([
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
]);

/** `limits` and `requests` of a container. */
export function validateRequirements(requirements: unknown, path: string): FieldError[] {
  const { limits, requests } = fieldsOf(requirements);
  const errors: FieldError[] = [];
  for (const [name, value] of sortedEntries(limits))
    errors.push(...validateEntry(name, value, `${path}.limits[${name}]`));
  for (const [name, value] of sortedEntries(requests)) {
    errors.push(...validateEntry(name, value, `${path}.requests[${name}]`));
    const limit: unknown = ownValue(fieldsOf(limits), name);
    if (limit === undefined) {
      if (!mayOvercommit(name)) {
        errors.push(required(`${path}.limits`, 'Limit must be set for non overcommitable resources'));
      }
      continue;
    }
    const order = compareQuantities(quantityOf(value), quantityOf(limit));
    const bound = `${name} limit of ${formatQuantity(quantityOf(limit))}`;
    if (order !== 0 && !mayOvercommit(name)) {
      errors.push(invalid(`${path}.requests`, value, `must be equal to ${bound}`));
    } else if (order > 0) errors.push(invalid(`${path}.requests`, value, `must be less than or equal to ${bound}`));
  }
  return errors;
}

function validateEntry(name: string, value: string, path: string): FieldError[] {
  return [...validateContainerResourceName(name, path), ...validateAmount(name, value, path)];
}

/** A name of a resource that a container can ask for. */
export function validateContainerResourceName(name: string, path: string): FieldError[] {
  const errors = validateResourceName(name, path);
  if (!name.includes('/')) {
    if (!containerResources.has(name) && !name.startsWith('hugepages-')) {
      errors.push(invalid(path, name, 'must be a standard resource for containers'));
    }
  } else if (!isNative(name) && !isExtended(name)) {
    errors.push(invalid(path, name, "doesn't follow extended resource name standard"));
  }
  return errors;
}

/** A name of a resource, for containers, nodes and quotas. */
export function validateResourceName(name: string, path: string): FieldError[] {
  const messages = qualifiedNameMessages(name);
  if (messages.length > 0) return invalids(path, name, messages);
  const isKnown = name.includes('/') || standardResources.has(name) || /^(requests\.|limits\.)?hugepages-/.test(name);
  return isKnown ? [] : [invalid(path, name, 'must be a standard resource type or fully qualified')];
}

/** Not negative; whole where it is counted in pieces. */
export function validateAmount(name: string, value: string, path: string): FieldError[] {
  const quantity = quantityOf(value);
  const errors: FieldError[] = [];
  if (quantity.nanos < 0n) errors.push(invalid(path, value, 'must be greater than or equal to 0'));
  if ((integerResources.has(name) || isExtended(name)) && quantity.nanos % 1_000_000_000n !== 0n) {
    errors.push(invalid(path, value, 'must be an integer'));
  }
  return errors;
}

/** `cpu`, and whatever is of kubernetes.io. */
function isNative(name: string): boolean {
  return !name.includes('/') || name.includes('kubernetes.io/');
}

function isExtended(name: string): boolean {
  return !isNative(name) && !name.startsWith('requests.') && qualifiedNameMessages(`requests.${name}`).length === 0;
}

function mayOvercommit(name: string): boolean {
  return isNative(name) && !name.startsWith('hugepages-');
}
