/**
 * Quantities: `500m`, `1.5Gi`, `1e3`. Parsed, compared and printed in the one canonical form that the API server answers
 * (apimachinery, pkg/api/resource/quantity.go). Exact: a bigint of billionths, the finest that Kubernetes keeps.
 */
import { isFields } from './json.ts';
import { DecodingError } from './kind.ts';

export interface Quantity {
  /** The value times 10^9. */
  readonly nanos: bigint;
  readonly format: 'BinarySI' | 'DecimalSI' | 'DecimalExponent';
}

const nano = 1_000_000_000n;
const maxNanos = 9_223_372_036_854_775_807n * nano;
const decimalSuffixes = new Map<string, number>([
  ['n', -9],
  ['u', -6],
  ['m', -3],
  ['', 0],
  ['k', 3],
  ['M', 6],
  ['G', 9],
  ['T', 12],
  ['P', 15],
  ['E', 18],
]);
const decimalNames = new Map([...decimalSuffixes].map(([suffix, exponent]) => [exponent, suffix]));
const binarySuffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

const formatWrong = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

const numericWrong = 'unable to parse numeric part of quantity';

/** The quantity, or a text that says what is wrong with it. Finer than a billionth is rounded away from zero. [SPEC C42] */
export function parseQuantity(text: string): Quantity | { readonly error: string } {
  const match = /^([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*)([-+]?[0-9]*)$/.exec(text);
  if (match === null) return { error: formatWrong };
  const [, sign = '', whole = '', fraction = '', letters = '', digits = ''] = match;
  if (text === '') return { error: formatWrong };
  if (whole === '' && fraction === '') return { error: numericWrong };
  if (whole.length + fraction.length > 1000) return { error: numericWrong };
  const scale = scaleOf(letters, digits);
  if (scale === undefined) return { error: "unable to parse quantity's suffix" };
  const unsigned = BigInt(`${whole}${fraction}`) * scale.factor;
  const exponent = scale.exponent + 9 - fraction.length;
  let nanos = shift(unsigned, exponent);
  if (nanos > maxNanos) nanos = maxNanos;
  return { nanos: sign === '-' ? -nanos : nanos, format: scale.format };
}

function scaleOf(
  letters: string,
  digits: string,
): { factor: bigint; exponent: number; format: Quantity['format'] } | undefined {
  if (digits !== '') {
    if (letters !== 'e' && letters !== 'E') return undefined;
    const exponent = Number(digits);
    if (!Number.isInteger(exponent)) return undefined;
    // Beyond this every value is 0 or the largest one: no need to build a number of a million digits.
    return { factor: 1n, exponent: Math.max(-1100, Math.min(1100, exponent)), format: 'DecimalExponent' };
  }
  const binary = binarySuffixes.indexOf(letters);
  if (binary > 0) return { factor: 1024n ** BigInt(binary), exponent: 0, format: 'BinarySI' };
  const decimal = decimalSuffixes.get(letters);
  return decimal === undefined ? undefined : { factor: 1n, exponent: decimal, format: 'DecimalSI' };
}

/** times 10^exponent, rounded up. */
function shift(value: bigint, exponent: number): bigint {
  if (exponent >= 0) return value * 10n ** BigInt(exponent);
  return divideUp(value, 10n ** BigInt(-exponent));
}

/** Away from zero. */
function divideUp(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  if (quotient * by === value) return quotient;
  return value < 0n ? quotient - 1n : quotient + 1n;
}

/** The canonical form: no fraction, the largest suffix that loses nothing. */
export function formatQuantity({ nanos, format }: Quantity): string {
  if (nanos === 0n) return '0';
  const isSmall = nanos > -1024n * nano && nanos < 1024n * nano;
  // What a power of two cannot show without loss is shown in decimals.
  const isBinary = format === 'BinarySI' && !isSmall && nanos % nano === 0n;
  return isBinary ? formatBinary(nanos / nano) : formatDecimal(nanos, format);
}

function formatBinary(whole: bigint): string {
  let value = whole;
  let power = 0;
  while (power < binarySuffixes.length - 1 && value % 1024n === 0n) {
    value /= 1024n;
    power += 1;
  }
  return `${value}${binarySuffixes[power]}`;
}

function formatDecimal(nanos: bigint, format: Quantity['format']): string {
  let value = nanos;
  let exponent = -9;
  while (exponent < 18 && value % 1000n === 0n) {
    value /= 1000n;
    exponent += 3;
  }
  if (format === 'DecimalExponent') return exponent === 0 ? `${value}` : `${value}e${exponent}`;
  return `${value}${decimalNames.get(exponent)}`;
}

/** Negative, zero or positive as `a` is less than, equal to or greater than `b`. */
export function compareQuantities(a: Quantity, b: Quantity): number {
  return a.nanos < b.nanos ? -1 : a.nanos > b.nanos ? 1 : 0;
}

/** The sum, in the format of the first that is not zero. */
export function addQuantities(a: Quantity, b: Quantity): Quantity {
  return { nanos: a.nanos + b.nanos, format: a.nanos === 0n ? b.format : a.format };
}

const zeroQuantity: Quantity = { nanos: 0n, format: 'DecimalSI' };

/** A quantity of a stored object; zero for what is none (stored ones have been decoded). */
export function quantityOf(value: unknown): Quantity {
  const parsed = parseQuantity(String(value ?? '0'));
  return 'error' in parsed ? zeroQuantity : parsed;
}

/** The value in thousandths, rounded up: what cpu is counted in. */
export function milliValue(quantity: Quantity): number {
  return Number(divideUp(quantity.nanos, 1_000_000n));
}

/**
 * Brings every quantity of a `limits`, `requests`, `capacity`, … into its canonical form, rounded up to thousandths, as
 * decoding and SetDefaults_ResourceList do. Numbers are taken, too. Changes the map in place.
 *
 * @throws DecodingError with the text for 400
 */
export function normalizeResources(resources: unknown): void {
  if (!isFields(resources)) return;
  for (const [name, value] of Object.entries(resources)) {
    const quantity = decodeQuantity(value);
    resources[name] = formatQuantity({ ...quantity, nanos: divideUp(quantity.nanos, 1_000_000n) * 1_000_000n });
  }
}

/** @throws DecodingError */
export function decodeQuantity(value: unknown): Quantity {
  if (typeof value !== 'string' && typeof value !== 'number') throw new DecodingError(formatWrong);
  const parsed = parseQuantity(String(value));
  if ('error' in parsed) throw new DecodingError(parsed.error);
  return parsed;
}
