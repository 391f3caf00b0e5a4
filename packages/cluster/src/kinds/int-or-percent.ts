/** Numbers that may be percentages: maxSurge, maxUnavailable, minAvailable (apimachinery, pkg/util/intstr). */
import { invalid } from './field-errors.ts';
import type { FieldError } from './kind.ts';

const percentText =
  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

/** 25 of `25%`; undefined for what is no percentage. */
function percentOf(value: unknown): number | undefined {
  return typeof value === 'string' && /^[0-9]+%$/.test(value) ? Number(value.slice(0, -1)) : undefined;
}

/** 25 of `25%`, 3 of `3`: only to ask whether it is zero. */
export function numberOrPercent(value: unknown): number {
  return percentOf(value) ?? (typeof value === 'number' ? value : 0);
}

/** apps/validation ValidatePositiveIntOrPercent, which despite its name lets 0 through. */
export function validateIntOrPercent(value: unknown, path: string): FieldError[] {
  if (typeof value === 'string') return percentOf(value) === undefined ? [invalid(path, value, percentText)] : [];
  if (typeof value === 'number' && value < 0) {
    return [invalid(path, value, 'must be greater than or equal to 0')];
  }
  return [];
}

export function validateAtMost100Percent(value: unknown, path: string): FieldError[] {
  return (percentOf(value) ?? 0) > 100 ? [invalid(path, value, 'must not be greater than 100%')] : [];
}
