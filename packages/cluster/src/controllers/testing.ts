/**
 * Test support: a clock that stands until it is moved, and the embedded cluster's own `Api` without a wire.
 */
import { admissionPlugins } from '../admission/index.ts';
import type { Api, ApiError } from '../api.ts';
import type { Clock } from '../clock.ts';
import { kinds } from '../kinds/index.ts';
import { bootstrap } from '../rest/bootstrap.ts';
import { createState } from '../rest/cluster-state.ts';

export interface VirtualClock extends Clock {
  /** Moves time on, timer by timer, and lets all turns end that follow from each. */
  advance(ms: number): Promise<void>;
}

/** Lets everything happen that needs no time. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 40; turn++) await new Promise((resolve) => setImmediate(resolve));
}

export function createVirtualClock(startAt = Date.parse('2026-11-23T00:00:00Z')): VirtualClock {
  let now = startAt;
  const timers = new Set<{ at: number; fn: () => void }>();
  return {
    now: () => now,
    after(ms, fn) {
      const timer = { at: now + ms, fn };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(ms) {
      const until = now + ms;
      await settle();
      for (;;) {
        let next: { at: number; fn: () => void } | undefined;
        for (const timer of timers) if (timer.at <= until && (next === undefined || timer.at < next.at)) next = timer;
        if (next === undefined) break;
        timers.delete(next);
        now = Math.max(now, next.at);
        next.fn();
        await settle();
      }
      now = until;
      await settle();
    },
  };
}

/** Creations that a test wants refused: answers the error, or undefined to let it pass. */
export type Refusal = (resource: string, object: unknown) => ApiError | undefined;

export interface TestApi extends Api {
  refuse: Refusal | undefined;
}

/** The embedded cluster's own store and verbs with the namespaces `default` and `ns`. */
export function createTestApi(clock: Clock): TestApi {
  const { api } = createState({
    kinds,
    admission: admissionPlugins,
    clock,
    onError: (error) => {
      throw error;
    },
  });
  bootstrap(api);
  const namespace = 'ns';
  api.create('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, { actor: 'test' });
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } };
  api.create('serviceaccounts', account, { actor: 'test' });
  const test: TestApi = {
    ...api,
    refuse: undefined,
    create(resource, object, options) {
      const refused = test.refuse?.(resource, object);
      if (refused !== undefined) throw refused;
      return api.create(resource, object, options);
    },
  };
  return test;
}
