/** Where this package gets its time, timers and chance from, so that tests run in short or virtual time and repeat by seed. */

export interface Clock {
  /** Milliseconds since the epoch: only for fields that people and Kubernetes read. */
  now(): number;
  /** Milliseconds of a monotonic clock: every span is measured on it. */
  monotonic(): number;
  /** Calls `fn` once after `ms`; the answer cancels it. */
  setTimeout(fn: () => void, ms: number): () => void;
}

/** The system's clock and timers. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: (fn, ms) => {
    const timer = setTimeout(fn, ms);
    return () => clearTimeout(timer);
  },
};
