/** Back-off as a function: no randomness, the jitter is a hash of the key and the attempt. Capped, never given up. */
import { fractionOf } from './hash.ts';

/**
 * How long to wait after the n-th failure (1 is the first): `first` doubling to `cap`, shortened by up to a fifth.
 * @returns milliseconds
 */
export function backoffMs(key: string, failures: number, firstMs: number, capMs: number): number {
  if (failures <= 0) return 0;
  const full = Math.min(capMs, firstMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(full * (1 - 0.2 * fractionOf(`${key}#${failures}`)));
}

/**
 * The next tick of a period after `since`, at a phase of its own for each key, so that many bases do not act at once.
 * Always within one period of `since`.
 */
export function nextTick(key: string, since: number, periodMs: number): number {
  const phase = fractionOf(key) * periodMs;
  return Math.floor((since - phase) / periodMs) * periodMs + periodMs + phase;
}
