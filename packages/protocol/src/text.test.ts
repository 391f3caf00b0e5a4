import { describe, expect, it } from 'vitest';
import { cutBytes, deepestCause, longestDetailBytes, longestLineBytes, oneLine } from './text.ts';

describe('texts from outside', () => {
  it.each([
    ['short', 10, 'short'],
    ['exactly ten', 11, 'exactly ten'],
    ['exactly eleven', 11, 'exactly …'],
    ['дом', 6, 'дом'],
    ['дома', 7, 'до…'],
    ['👍👍', 8, '👍👍'],
    ['👍👍x', 8, '👍…'],
    ['', 4, ''],
  ])('[SPEC P14] %j cut to %i bytes is %j', (text, max, expected) => {
    expect(cutBytes(text, max)).toBe(expected);
  });

  it('[SPEC P14] one line has no breaks, tabs or control characters', () => {
    expect(oneLine(' a\r\n\tb\u0000c\u001b[2Jd\u0085e ')).toBe('a b c [2Jd e');
    expect(oneLine('x'.repeat(5000))).toHaveLength(longestLineBytes - 2);
    expect(oneLine(`${' '.repeat(1_000_000)}x`)).toBe('');
  });

  it('[SPEC P13] the deepest cause is the last one at the start of a line', () => {
    const trace =
      'a.B: outer\n\tat x.Y(Z.java:1)\nCaused by: c.D: middle\n\tat x.Y(Z.java:2)\nCaused by: e.F: deep\n\t... 3 more\n';
    expect(deepestCause(trace)).toBe('e.F: deep');
    expect(deepestCause('Caused by: e.F: deep')).toBe('e.F: deep');
    expect(deepestCause('a.B: it was Caused by: nothing')).toBeUndefined();
  });

  it('[SPEC P13] a cause that speaks in several lines keeps them, as one', () => {
    const trace = 'a.B\n\tat x.Y(Z.java:1)\r\nCaused by: c.D: first\r\n  second\r\n\tat x.Y(Z.java:2)\r\n';
    expect(deepestCause(trace)).toBe('c.D: first second');
  });

  it('[SPEC P13] what was suppressed on the way is no cause', () => {
    const trace =
      'a.B\nCaused by: c.D: real\n\tat x.Y(Z.java:1)\n\tSuppressed: e.F: aside\n\tCaused by: g.H: aside too\n';
    expect(deepestCause(trace)).toBe('c.D: real');
  });

  it('[SPEC P14] a whole text may be 4 kB', () => {
    expect(longestDetailBytes).toBe(4096);
  });
});
