/** Test support: controllers on a cluster of their own, for each test anew. */
import { afterEach, beforeEach, expect } from 'vitest';
import { type ControllerOptions, startControllers } from './index.ts';
import { createTestApi, createVirtualClock, type TestApi, type VirtualClock } from './testing.ts';

export interface ControllerWorld {
  readonly clock: VirtualClock;
  readonly api: TestApi;
  /** Called after the test, as the controllers are ended. */
  readonly endings: Array<() => void>;
  /** What the controllers could not do; a test that leaves one here has failed, one that expects it takes it out. */
  readonly failures: unknown[];
}

/** Call once a file. @param take  is given the world of each test before it begins */
export function worldForEachTest(options: ControllerOptions, take: (world: ControllerWorld) => void): void {
  let world: ControllerWorld | undefined;
  beforeEach(() => {
    const clock = createVirtualClock();
    const api = createTestApi(clock);
    const failures: unknown[] = [];
    const controllers = startControllers(api, clock, { ...options, onError: (error) => failures.push(error) });
    world = { clock, api, endings: [() => controllers.stop()], failures };
    take(world);
  });
  afterEach(() => {
    for (const end of world?.endings ?? []) end();
    expect(world?.failures).toEqual([]);
  });
}
