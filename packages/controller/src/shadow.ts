/**
 * What an observer would do, as log lines: `would` once for each action that comes up, `would-no-longer` when it is not due any
 * more (another did it, or it is not wanted), and a summary when either changed. Questions, Leases and Events are left out: they
 * come with acting at all and say nothing about the switch.
 */
import { maskText, type Plan, type PlannedAction, wordsOfAction } from '@kouplet/core';
import type { EdgeClock } from './clock.ts';
import type { Log } from './log.ts';

const summaryAfterMs = 1_000;

export class Shadow {
  readonly #log: Log;
  readonly #clock: EdgeClock;
  /** By base, then by key of the action. Bounded by what the plans hold. */
  readonly #due = new Map<string, ReadonlyMap<string, Told>>();
  #isSummaryDue = false;

  constructor(log: Log, clock: EdgeClock) {
    this.#log = log;
    this.#clock = clock;
  }

  planned(base: string, plan: Plan): void {
    const before = this.#due.get(base) ?? new Map<string, Told>();
    const now = new Map<string, Told>();
    for (const action of plan.actions) {
      const text = wordsOfAction(action);
      if (text !== undefined) now.set(`${action.kind} ${action.key}`, { kind: action.kind, text: maskText(text) });
    }
    if (now.size === 0) this.#due.delete(base);
    else this.#due.set(base, now);
    let isChanged = false;
    for (const [key, { text }] of now) {
      if (before.get(key)?.text === text) continue;
      isChanged = true;
      this.#log.info({ base, do: text }, 'would');
    }
    for (const [key, { text }] of before) {
      if (now.has(key)) continue;
      isChanged = true;
      this.#log.info({ base, do: text }, 'would-no-longer');
    }
    if (isChanged) this.#summarise();
  }

  #summarise(): void {
    if (this.#isSummaryDue) return;
    this.#isSummaryDue = true;
    this.#clock.after(summaryAfterMs, () => {
      this.#isSummaryDue = false;
      const counts: Record<string, number> = {};
      for (const told of this.#due.values())
        for (const { kind } of told.values()) counts[kind] = (counts[kind] ?? 0) + 1;
      this.#log.info({ bases: this.#due.size, ...counts }, 'would-in-all');
    });
  }
}

interface Told {
  readonly kind: PlannedAction['kind'];
  readonly text: string;
}
