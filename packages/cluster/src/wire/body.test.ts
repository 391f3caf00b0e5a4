import { describe, expect, test } from 'vitest';
import { goSyntaxError } from './body.ts';

/** As encoding/json of Go 1.24 says of each. */
describe('[SPEC C24] JSON that is none is told where it goes wrong', () => {
  test.each([
    ['', 'unexpected end of JSON input'],
    ['{', 'unexpected end of JSON input'],
    ['{"a":"b', 'unexpected end of JSON input'],
    ['{nope', "invalid character 'n' looking for beginning of object key string"],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b":2}', "invalid character '\"' after object key:value pair"],
    ['[1 2]', "invalid character '2' after array element"],
    ['{} x', "invalid character 'x' after top-level value"],
    ['nope', "invalid character 'o' in literal null (expecting 'u')"],
    ['<a>', "invalid character '<' looking for beginning of value"],
    ['{"a":"\n"}', "invalid character '\\n' in string literal"],
  ])('%j: %s', (text, said) => {
    let error: unknown;
    try {
      JSON.parse(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(goSyntaxError(error, text)).toBe(said);
  });
});
