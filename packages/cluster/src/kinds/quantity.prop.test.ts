import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DecodingError } from './kind.ts';
import {
  addQuantities,
  compareQuantities,
  decodeQuantity,
  formatQuantity,
  milliValue,
  normalizeResources,
  parseQuantity,
  type Quantity,
  quantityOf,
} from './quantity.ts';

function parsed(text: string): Quantity {
  const quantity = parseQuantity(text);
  if ('error' in quantity) throw new Error(`${text}: ${quantity.error}`);
  return quantity;
}

/** Numbers with every suffix that there is. */
const texts = fc
  .tuple(
    fc.constantFrom('', '-', '+'),
    fc.bigInt({ min: 0n, max: 10n ** 18n }),
    fc.option(fc.integer({ min: 0, max: 999_999 })),
    fc.constantFrom(
      '',
      'n',
      'u',
      'm',
      'k',
      'M',
      'G',
      'T',
      'P',
      'E',
      'Ki',
      'Mi',
      'Gi',
      'Ti',
      'Pi',
      'Ei',
      'e3',
      'E-2',
      'e+1',
    ),
  )
  .map(([sign, whole, fraction, suffix]) => `${sign}${whole}${fraction === null ? '' : `.${fraction}`}${suffix}`);

describe('a quantity [SPEC C42]', () => {
  it.each([
    ['1', '1'],
    ['0.5', '500m'],
    ['1000m', '1'],
    ['1500m', '1500m'],
    ['1024Mi', '1Gi'],
    ['1.5Gi', '1536Mi'],
    ['1000Mi', '1000Mi'],
    ['1000', '1k'],
    ['1e3', '1e3'],
    ['1E3', '1e3'],
    ['12e6', '12e6'],
    ['0.1Ki', '102400m'],
    ['0', '0'],
    ['0Gi', '0'],
    ['-1', '-1'],
    ['.5', '500m'],
    ['5.', '5'],
    ['1Ei', '1Ei'],
    ['99E', '9223372036854775807'],
    ['0.0000000001', '1n'],
  ])('%s is printed as %s', (text, canonical) => {
    expect(formatQuantity(parsed(text))).toBe(canonical);
  });

  it.each(['', 'abc', '1 Gi', '1..2', '1KI', '1.2.3'])('%j is none', (text) => {
    expect(parseQuantity(text)).toEqual({
      error: "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    });
    expect(() => decodeQuantity(text)).toThrow(DecodingError);
  });

  it.each(['1mm', '1i', '1Mi3'])('%j has no suffix that is one', (text) => {
    expect(parseQuantity(text)).toEqual({ error: "unable to parse quantity's suffix" });
  });

  it.each(['Gi', '.', '-'])('%j has no number', (text) => {
    expect(parseQuantity(text)).toEqual({ error: 'unable to parse numeric part of quantity' });
  });

  it('printed and read again is the same amount, and its print does not change again', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const quantity = parsed(text);
        const canonical = formatQuantity(quantity);
        expect(parsed(canonical).nanos).toBe(quantity.nanos);
        expect(formatQuantity(parsed(canonical))).toBe(canonical);
      }),
    );
  });

  it('is ordered as its amount, and adds up', () => {
    fc.assert(
      fc.property(texts, texts, (a, b) => {
        const [x, y] = [parsed(a), parsed(b)];
        const order = compareQuantities(x, y);
        expect(compareQuantities(y, x)).toBe(order === 0 ? 0 : -order);
        expect(addQuantities(x, y).nanos).toBe(x.nanos + y.nanos);
        expect(Math.sign(order)).toBe(x.nanos < y.nanos ? -1 : x.nanos > y.nanos ? 1 : 0);
      }),
    );
  });

  it('of any text is a quantity or a refusal, never more', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'0123456789.eEimkKMGTP+-') })), (text) => {
        const quantity = parseQuantity(text);
        if (!('error' in quantity)) expect(formatQuantity(quantity)).not.toBe('');
      }),
    );
  });

  it('in a list of resources is rounded up to thousandths; numbers are taken', () => {
    const resources: Record<string, unknown> = { cpu: 0.0005, memory: '1.0005Gi', pods: 3 };
    normalizeResources(resources);
    expect(resources).toEqual({ cpu: '1m', memory: '1074278694912m', pods: '3' });
    expect(() => normalizeResources({ cpu: {} })).toThrow(DecodingError);
    expect(milliValue(quantityOf('0.0005'))).toBe(1);
    expect(quantityOf(undefined).nanos).toBe(0n);
  });
});
