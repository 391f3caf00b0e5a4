/** Paths within a volume or a folder of the node: relative, and never up. */
import { invalid } from './field-errors.ts';
import type { FieldError } from './kind.ts';

export function validateDescendingPath(value: string, path: string): FieldError[] {
  if (value.startsWith('/')) return [invalid(path, value, 'must be a relative path')];
  return value.split('/').includes('..') ? [invalid(path, value, "must not contain '..'")] : [];
}

/** The same where a kubelet keeps names that begin with two dots for itself. */
export function validateUnreservedPath(value: string, path: string): FieldError[] {
  const errors = validateDescendingPath(value, path);
  if (value.startsWith('..') && !value.startsWith('../')) {
    errors.push(invalid(path, value, "must not start with '..'"));
  }
  return errors;
}
