/** How many bases are alive and how many have fallen silent: counted once a second, and told to the fleet where it changed. */
import { type Policy, surveyBase } from '@kouplet/core';
import type { EdgeClock } from './clock.ts';
import type { Pipeline } from './pipeline/pipeline.ts';
import { ofFleet } from './sources/edge-input.ts';

const periodMs = 1_000;

export interface Surveyed {
  readonly alive: number;
  readonly silent: number;
}

export class Survey {
  readonly #pipeline: Pipeline;
  readonly #policy: Policy;
  readonly #clock: EdgeClock;
  #told = '';
  #cancel = (): void => {};

  constructor(pipeline: Pipeline, policy: Policy, clock: EdgeClock) {
    this.#pipeline = pipeline;
    this.#policy = policy;
    this.#clock = clock;
  }

  start(): void {
    this.#cancel = this.#clock.after(periodMs, () => {
      this.start();
      this.#look();
    });
  }

  stop(): void {
    this.#cancel();
  }

  count(): Surveyed {
    const now = this.#clock.now();
    const { fleet } = this.#pipeline;
    const counts = { alive: 0, silent: 0 };
    for (const state of this.#pipeline.bases()) {
      try {
        const kind = surveyBase(state, fleet, this.#policy, now);
        if (kind !== 'uncounted') counts[kind] += 1;
      } catch {
        // One base that cannot be looked at must not end the counting of all; it shows as quarantined when it is planned.
      }
    }
    return counts;
  }

  #look(): void {
    const { alive, silent } = this.count();
    const bases = alive + silent;
    if (this.#told === `${bases}/${silent}`) return;
    this.#told = `${bases}/${silent}`;
    this.#pipeline.tell(ofFleet({ kind: 'surveyed', survey: { bases, silent } }));
  }
}
