import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoffMs, nextTick } from './backoff.ts';

describe('back-off and periods', () => {
  test('back-off doubles, is jittered by less than a fifth and never passes its cap [SPEC M20]', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 100 }), (key, failures) => {
        const full = Math.min(300_000, 10_000 * 2 ** (failures - 1));
        const wait = backoffMs(key, failures, 10_000, 300_000);
        expect(wait).toBeLessThanOrEqual(full);
        expect(wait).toBeGreaterThanOrEqual(full * 0.8);
        expect(backoffMs(key, failures, 10_000, 300_000)).toBe(wait);
      }),
    );
    expect(backoffMs('k', 0, 10_000, 300_000)).toBe(0);
  });

  test('the next tick is within one period, and a thousand keys do not tick together [SPEC N14]', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(10_000_000), (key, since) => {
        const tick = nextTick(key, since, 10_000);
        expect(tick).toBeGreaterThan(since);
        expect(tick - since).toBeLessThanOrEqual(10_000 + 1e-6);
      }),
    );
    const ticks = Array.from({ length: 1000 }, (_, index) => nextTick(`base-${index}`, 0, 10_000));
    const busiest = Math.max(
      ...Array.from({ length: 10 }, (_, second) => ticks.filter((tick) => Math.floor(tick / 1000) === second).length),
    );
    expect(busiest).toBeLessThan(200);
  });
});
