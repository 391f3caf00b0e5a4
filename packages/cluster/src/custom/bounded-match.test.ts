import { expect, test } from 'vitest';
import { isMatch } from './bounded-match.ts';

test.each([
  ['^(a+)+$', 'a'.repeat(60), 'b'],
  ['^(([a-z])+.)+[A-Z]([a-z])+$', 'a'.repeat(60), ''],
  ['^(?:a|a)*$', 'a'.repeat(60), 'b'],
  ['a*a*a*a*a*c', 'a'.repeat(5_000), ''],
])('[SPEC C141] the pattern %s, which would run on for years, is stopped and does not match', (pattern, text, end) => {
  const expression = new RegExp(pattern);
  expect(isMatch(expression, text + end)).toBe(false);
  // The second time nobody waits for it at all, nor does any other text.
  for (let i = 0; i < 1_000; i++) expect(isMatch(expression, `${text}${i}${end}`)).toBe(false);
});

test.each([
  ['^[a-z]([-a-z0-9]*[a-z0-9])?$', 'a-b', true],
  ['^[a-z]([-a-z0-9]*[a-z0-9])?$', '-', false],
  ['^(\\d+\\.)*\\d+$', '1.2.3', true],
  ['^(\\d+\\.)*\\d+$', '1..3', false],
  ['^(a|b)+$', 'ab'.repeat(1_000), true],
])('[SPEC C141] %s on %j: %s, as ever', (pattern, text, expected) => {
  expect(isMatch(new RegExp(pattern), text)).toBe(expected);
});
