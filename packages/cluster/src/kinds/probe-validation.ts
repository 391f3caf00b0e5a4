/** Probes and hooks of a container. Modules have neither in truth, but what is wrong is refused all the same. */
import { forbidden, invalid, invalids, required, unsupported } from './field-errors.ts';
import { type Fields, isFields, listOf, valuesOf } from './json.ts';
import type { FieldError } from './kind.ts';
import { portNameMessages, portNumberMessages } from './names.ts';

/** lifecycle, livenessProbe, readinessProbe, startupProbe. */
export function validateContainerHooks(container: Fields, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (isFields(container.lifecycle)) {
    for (const hook of ['postStart', 'preStop']) {
      const handler: unknown = container.lifecycle[hook];
      if (isFields(handler)) errors.push(...validateHandler(handler, `${path}.lifecycle.${hook}`));
    }
  }
  for (const field of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    const probe: unknown = container[field];
    if (isFields(probe)) errors.push(...validateProbe(probe, `${path}.${field}`, field === 'readinessProbe'));
  }
  return errors;
}

function validateProbe(probe: Fields, path: string, isReadiness: boolean): FieldError[] {
  const errors = validateHandler(probe, path);
  for (const field of [
    'initialDelaySeconds',
    'timeoutSeconds',
    'periodSeconds',
    'successThreshold',
    'failureThreshold',
  ]) {
    errors.push(...validateNonnegative(probe[field], `${path}.${field}`));
  }
  const { terminationGracePeriodSeconds: grace, successThreshold } = probe;
  if (typeof grace === 'number' && grace <= 0) {
    errors.push(invalid(`${path}.terminationGracePeriodSeconds`, grace, 'must be greater than 0'));
  }
  if (isReadiness && grace !== undefined) {
    errors.push(invalid(`${path}.terminationGracePeriodSeconds`, grace, 'must not be set for readinessProbes'));
  }
  if (!isReadiness && successThreshold !== 1) {
    errors.push(invalid(`${path}.successThreshold`, successThreshold, 'must be 1'));
  }
  return errors;
}

function validateHandler(handler: Fields, path: string): FieldError[] {
  const errors: FieldError[] = [];
  let handlers = 0;
  for (const field of ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep']) {
    const action: unknown = handler[field];
    if (!isFields(action)) continue;
    handlers += 1;
    const here = `${path}.${field}`;
    if (handlers > 1) errors.push(forbidden(here, 'may not specify more than 1 handler type'));
    else errors.push(...validateAction(field, action, here));
  }
  if (handlers === 0) errors.push(required(path, 'must specify a handler type'));
  return errors;
}

function validateAction(field: string, action: Fields, path: string): FieldError[] {
  switch (field) {
    case 'exec':
      return valuesOf(action.command).length === 0 ? [required(`${path}.command`)] : [];
    case 'httpGet': {
      const errors = validatePort(action.port, `${path}.port`);
      if (action.scheme !== 'HTTP' && action.scheme !== 'HTTPS') {
        errors.push(unsupported(`${path}.scheme`, action.scheme, ['HTTP', 'HTTPS']));
      }
      for (const { name } of listOf(action.httpHeaders)) {
        if (/^[-A-Za-z0-9]+$/.test(String(name ?? ''))) continue;
        const text =
          "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')";
        errors.push(invalid(`${path}.httpHeaders`, name ?? '', text));
      }
      return errors;
    }
    case 'tcpSocket':
    case 'grpc':
      return validatePort(action.port, `${path}.port`);
    default:
      return [];
  }
}

function validatePort(port: unknown, path: string): FieldError[] {
  if (typeof port === 'string') return invalids(path, port, portNameMessages(port));
  const number = typeof port === 'number' ? port : 0;
  return invalids(path, number, portNumberMessages(number));
}

/** A number that is missing counts as 0, as in Go. */
export function validateNonnegative(value: unknown, path: string): FieldError[] {
  return typeof value === 'number' && value < 0 ? [invalid(path, value, 'must be greater than or equal to 0')] : [];
}
