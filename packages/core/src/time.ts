/**
 * Time is data: one stamp an input, made once at the edge with our arrival time.
 *
 * `mono` is milliseconds of a monotonic clock (performance.now()): every span is measured on it, so that a step of the
 * system's clock harms nobody. `wall` is milliseconds since the epoch: only for fields that people and Kubernetes read.
 */
export interface Stamp {
  readonly mono: number;
  readonly wall: number;
}
