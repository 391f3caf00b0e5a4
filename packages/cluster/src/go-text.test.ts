import { describe, expect, test } from 'vitest';
import { goJson, goQuoted } from './go-text.ts';
import { fieldErrorBody } from './status.ts';

// Each as a real 1.34.4 printed it in a 422.
describe('values in refusals', () => {
  test.each([
    ['a<=\u0001b\té', '"a<=\\x01b\\té"'],
    ['b<c>&\u0001\u007f\té\u2028', '"b<c>&\\x01\\x7f\\té\\u2028"'],
    ['a"b\\c\n', '"a\\"b\\\\c\\n"'],
    ['模块 \u{e0001}\u200b', '"模块 \\U000e0001\\u200b"'],
    ['', '""'],
  ])('a string stands in Go quotes: %j', (text, quoted) => {
    expect(goQuoted(text)).toBe(quoted);
  });

  test.each([
    [{ a: 'y<&>\u0001\u2028' }, '{"a":"y\\u003c\\u0026\\u003e\\u0001\\u2028"}'],
    [[1, null, '/'], '[1,null,"/"]'],
    [undefined, 'null'],
    [-1, '-1'],
  ])('anything else is Go JSON: %j', (value, text) => {
    expect(goJson(value)).toBe(text);
  });

  test('a complaint prints its value by its type', () => {
    expect(fieldErrorBody({ field: 'f', type: 'Invalid value', value: '<\u0001', detail: 'no' })).toBe(
      'Invalid value: "<\\x01": no',
    );
    expect(fieldErrorBody({ field: 'f', type: 'Invalid value', value: { a: '<' }, detail: 'no' })).toBe(
      'Invalid value: {"a":"\\u003c"}: no',
    );
  });
});
