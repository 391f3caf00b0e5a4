import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressFault, binaryQuantity, labelValueOf } from './labels.ts';

describe('values from a base', () => {
  test('any text becomes a valid label value, different texts different ones [SPEC N4]', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 200 }), fc.string({ minLength: 1 }), (text, other) => {
        const value = labelValueOf(text) ?? '';
        expect(value).toMatch(/^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/);
        if (text !== other) expect(value).not.toBe(labelValueOf(other));
      }),
    );
    expect(labelValueOf('1.0.0')).toBe('1.0.0');
    expect(labelValueOf('')).toBeUndefined();
  });

  test.each([
    ['10.0.0.1', undefined],
    ['2001:db8::1', undefined],
    ['127.0.0.1', 'loopback'],
    ['::1', 'loopback'],
    ['169.254.3.4', 'link-local'],
    ['fe80::1', 'link-local'],
    ['0.0.0.0', 'unspecified'],
    ['::', 'unspecified'],
    ['224.0.0.1', 'multicast'],
    ['host.example', 'no IP'],
    ['10.0.0.256', 'no IP'],
    ['10.0.0.01', 'no IP'],
    ['1:2:3:4:5:6:7:8:9', 'no IP'],
    ['', 'no address'],
    [undefined, 'no address'],
  ])('address %s: %s [SPEC M28]', (address, fault) => {
    const found = addressFault(address);
    if (fault === undefined) expect(found).toBeUndefined();
    else expect(found).toContain(fault);
  });

  test.each([
    [268_435_456, '256Mi'],
    [2 ** 40, '1Ti'],
    [1536 * 1024, '1536Ki'],
    [1023, '0'],
    [1_000_000, '976Ki'],
    [-5, '0'],
  ])('%d bytes are written %s, as the server would', (bytes, text) => {
    expect(binaryQuantity(bytes)).toBe(text);
  });
});
