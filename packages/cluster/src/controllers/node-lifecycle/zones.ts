/**
 * How fast Nodes may be tainted NoExecute, by zone: one at a time, slower where much of a zone is unhealthy, and not at
 * all where everything is: then it is likely we who are cut off.
 */
import type { Clock } from '../../clock.ts';
import type { KubeObject } from '../../kinds/kind.ts';

export type ZoneState = 'normal' | 'partial' | 'full';

export function zoneOf(node: KubeObject): string {
  const labels = node.metadata.labels ?? {};
  return `${labels['topology.kubernetes.io/region'] ?? ''}:${labels['topology.kubernetes.io/zone'] ?? ''}`;
}

/** From two unhealthy on it is chance; a share of 55 % and more of three or more is a disruption. */
export function zoneState(ready: number, unready: number, threshold: number): ZoneState {
  if (ready === 0 && unready > 0) return 'full';
  return unready > 2 && unready / (unready + ready) >= threshold ? 'partial' : 'normal';
}

/** A token bucket of one token: the first at once, the next after 1/rate seconds. */
export interface Limiter {
  /** Tokens a second; 0 stops it. */
  setRate(rate: number): void;
  /** Milliseconds until one may go; undefined while it is stopped. */
  waitMs(): number | undefined;
  take(): void;
}

export function createLimiter(clock: Clock, initial: number): Limiter {
  let rate = initial;
  let takenAt: number | undefined;
  return {
    setRate(next) {
      if (next === rate) return;
      // A new bucket is as empty as the one before it: after a standstill the first taint, too, is waited for.
      const isEmpty = rate <= 0 || (takenAt !== undefined && takenAt + 1000 / rate > clock.now());
      rate = next;
      if (next > 0) takenAt = isEmpty ? clock.now() : undefined;
    },
    waitMs() {
      if (rate <= 0) return undefined;
      return takenAt === undefined ? 0 : Math.max(0, takenAt + 1000 / rate - clock.now());
    },
    take() {
      takenAt = clock.now();
    },
  };
}
