/** Complaints of validation as apimachinery words them (pkg/util/validation/field/errors.go). */
import { isFields } from './json.ts';
import type { FieldError } from './kind.ts';

export function required(field: string, detail = ''): FieldError {
  return { field, type: 'Required value', detail };
}

export function invalid(field: string, value: unknown, detail: string): FieldError {
  return { field, type: 'Invalid value', value, detail };
}

/** One complaint a message; none for no messages. */
export function invalids(field: string, value: unknown, messages: readonly string[]): FieldError[] {
  return messages.map((message) => invalid(field, value, message));
}

/** `supported` in the order in which they shall be named. */
export function unsupported(field: string, value: unknown, supported: readonly string[]): FieldError {
  const detail = `supported values: ${supported.map((name) => JSON.stringify(name)).join(', ')}`;
  return { field, type: 'Unsupported value', value, detail };
}

export function forbidden(field: string, detail: string): FieldError {
  return { field, type: 'Forbidden', detail };
}

export function duplicate(field: string, value: unknown, detail = ''): FieldError {
  return { field, type: 'Duplicate value', value, detail };
}

export function notFound(field: string, value: unknown): FieldError {
  return { field, type: 'Not found', value, detail: '' };
}

export function tooLong(field: string, maxBytes: number): FieldError {
  return { field, type: 'Too long', detail: `may not be more than ${maxBytes} ${maxBytes === 1 ? 'byte' : 'bytes'}` };
}

export function tooMany(field: string, count: number, most: number): FieldError {
  return { field, type: 'Too many', detail: `${count}: must have at most ${most} items` };
}

/** A copy with sorted keys: a Go map as it is printed; null where there is none. */
export function asMap(value: unknown): Record<string, unknown> | null {
  if (!isFields(value)) return null;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
