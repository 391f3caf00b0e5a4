import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { complaintsOf, scanJson } from './scan-json.ts';

describe('[SPEC C23] doubled keys', () => {
  test.each([
    ['{"a":1,"a":2}', ['a']],
    [
      '{"metadata":{"name":"a","name":"b"},"spec":{"containers":[{"x":1},{"name":"c", "name" : "d"}]}}',
      ['metadata.name', 'spec.containers[1].name'],
    ],
    ['{"a":{"b":1},"c":{"b":2}}', []],
    ['{"a":"{\\"b\\":1,\\"b\\":2}","\\u0061":1}', ['a']],
    ['[{"a":1},{"a":1}]', []],
    [' {"a" : [ true , null , -1.5e3 , "x,]}" ] , "b":{ } } ', []],
  ])('%s', (text, paths) => {
    expect(scanJson(text)).toEqual(paths);
  });

  test('no text of JSON.stringify has any, and every text is read to its end', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), fc.integer({ min: 0, max: 3 }), (text, indent) => {
        expect(scanJson(JSON.stringify(JSON.parse(text), null, indent))).toEqual([]);
      }),
    );
  });

  test('nesting that nobody needs is refused', () => {
    expect(() => scanJson('['.repeat(500) + ']'.repeat(500))).toThrow(/exceeded max depth/);
  });
});

test('complaints of strict decoding stand in the order of the text', () => {
  const text = '{"bogus":1,"metadata":{"name":"odd","x":1,"name":"odd"},"y":1,"y":2}';
  const unknown = ['bogus', 'metadata.x', 'y'].map((path) => `unknown field "${path}"`);
  expect(complaintsOf(text, unknown, scanJson(text))).toEqual([
    'unknown field "bogus"',
    'unknown field "metadata.x"',
    'duplicate field "metadata.name"',
    'unknown field "y"',
  ]);
  expect(complaintsOf('{"a":1,"a":2}', [], ['a'])).toEqual(['duplicate field "a"']);
});
