import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLineSplitter, LineTooLong } from './line-splitter.ts';
import { isOlderVersion } from './resource-version.ts';

describe('lines', () => {
  it('are the same wherever the chunks are cut, in the middle of a character too', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' }).filter((line) => !line.includes('\n'))),
        fc.array(fc.nat(40)),
        (lines, cuts) => {
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
          const splitter = createLineSplitter(10_000);
          const seen: string[] = [];
          let start = 0;
          for (const cut of [...cuts, bytes.length]) {
            const end = Math.min(bytes.length, start + cut);
            for (const line of splitter.push(bytes.subarray(start, end))) seen.push(line.toString('utf8'));
            start = end;
          }
          expect(seen).toEqual(lines.filter((line) => line !== ''));
        },
      ),
    );
  });

  it('have a longest length, finished or not [SPEC K10]', () => {
    expect(() => createLineSplitter(4).push(Buffer.from('12345\n'))).toThrow(LineTooLong);
    const splitter = createLineSplitter(4);
    expect(splitter.push(Buffer.from('1234'))).toEqual([]);
    expect(() => splitter.push(Buffer.from('5'))).toThrow(LineTooLong);
  });
});

describe('resource versions', () => {
  it('are compared as numbers of any length, and not at all where they are none [SPEC K11]', () => {
    expect(isOlderVersion('9', '10')).toBe(true);
    expect(isOlderVersion('10', '9')).toBe(false);
    expect(isOlderVersion('10', '10')).toBe(false);
    expect(isOlderVersion('99999999999999999999', '100000000000000000000')).toBe(true);
    expect(isOlderVersion('abc', '10')).toBe(false);
    expect(isOlderVersion('1', 'v2')).toBe(false);
  });
});
