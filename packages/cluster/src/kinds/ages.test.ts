import { describe, expect, it } from 'vitest';
import { ageOf, formatSpan } from './ages.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const year = 365 * day;

describe('a span is shown as kubectl shows it [SPEC C41]', () => {
  it.each([
    [-3 * second, '<invalid>'],
    [-1 * second, '0s'],
    [0, '0s'],
    [119 * second, '119s'],
    [2 * minute, '2m'],
    [5 * minute + 10 * second, '5m10s'],
    [10 * minute + 59 * second, '10m'],
    [179 * minute, '179m'],
    [3 * hour, '3h'],
    [3 * hour + 5 * minute, '3h5m'],
    [8 * hour + 59 * minute, '8h'],
    [47 * hour, '47h'],
    [2 * day, '2d'],
    [2 * day + 5 * hour, '2d5h'],
    [8 * day + 5 * hour, '8d'],
    [729 * day, '729d'],
    [2 * year, '2y'],
    [2 * year + 3 * day, '2y3d'],
    [8 * year + 3 * day, '8y'],
  ])('%i ms is %s', (ms, text) => {
    expect(formatSpan(ms)).toBe(text);
  });

  it('an instant that is none has no age', () => {
    for (const instant of [undefined, null, '', 'soon']) expect(ageOf(instant, 0)).toBe('<unknown>');
    expect(ageOf('2026-01-01T00:00:00Z', Date.parse('2026-01-01T00:05:10Z'))).toBe('5m10s');
  });
});
