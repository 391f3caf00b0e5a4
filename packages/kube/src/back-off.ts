/** How long to wait after failures in a row: doubling, capped, jittered, never given up. */

export interface BackOff {
  /** Counts one more failure and says how long to wait, at least `atLeastMs` (a server's Retry-After). */
  next(atLeastMs?: number): number;
  /** Something worked: the next failure is the first. */
  reset(): void;
}

/**
 * Waits between half and the whole of `baseMs · 2^(failures-1)`, the whole at most `capMs`; on top of a Retry-After comes
 * up to a quarter of it, so that those who were told the same do not come back as one.
 */
export function createBackOff(baseMs: number, capMs: number, random: () => number): BackOff {
  let failures = 0;
  return {
    next(atLeastMs = 0) {
      const whole = Math.min(baseMs * 2 ** Math.min(failures, 30), capMs);
      failures += 1;
      const jittered = whole * (0.5 + random() / 2);
      return Math.round(Math.max(jittered, atLeastMs * (1 + random() / 4)));
    },
    reset() {
      failures = 0;
    },
  };
}
