/**
 * The one stateful operator of the pipeline: a keyed Map of states, folded as inputs come, and a set of keys that changed,
 * emitted together after the I/O of the turn. A burst of inputs for one key is one emission; nothing is queued but keys.
 * (A `groupBy` would need a `duration` selector or leak, and costs a subscription a key.)
 *
 *   input ─► fold(state, input) ─► dirty set ─► one batch of keys a turn
 */
import { Observable } from 'rxjs';
import type { EdgeClock } from '../clock.ts';

export interface Keyed<Input> {
  readonly key: string;
  readonly input: Input;
}

/** `now`: after the I/O of this turn; `soon`: within `soonMs`; `never`: something else will come. */
export type Urgency = 'now' | 'soon' | 'never';

/** A wait that nobody notices, in which most of what belongs together comes together. */
export const soonMs = 20;

/** The states by key, as the operator's readers see them. */
export interface KeyedStates<State> {
  get(key: string): State | undefined;
  keys(): IterableIterator<string>;
  readonly size: number;
  /** Forgets a key: its state is no longer needed. */
  delete(key: string): void;
  /** Has the key emitted with the next batch, though no input came: its time has come, a slot is free. */
  touch(key: string): void;
}

export interface FoldByKeyOptions<Input, State> {
  readonly clock: EdgeClock;
  /** The states live outside, so that what plans can read them. */
  readonly states: FoldedStates<State>;
  /** When a changed state is looked at: in this turn, soon (with what else comes meanwhile), or not because of this input. */
  readonly urgency?: (input: Input) => Urgency;
  /** Must not throw: what catches a fold's exceptions stands in front of it. The same state again means: nothing changed. */
  readonly fold: (state: State | undefined, input: Input, key: string) => State | undefined;
}

/** States and the dirty set; made by the pipeline, filled by `foldByKey`. */
export class FoldedStates<State> implements KeyedStates<State> {
  readonly #states = new Map<string, State>();
  readonly #dirty = new Set<string>();
  readonly #soon = new Set<string>();
  #onDirty: () => void = () => {};
  #onSoon: () => void = () => {};

  get(key: string): State | undefined {
    return this.#states.get(key);
  }

  keys(): IterableIterator<string> {
    return this.#states.keys();
  }

  get size(): number {
    return this.#states.size;
  }

  /** Keys that are due, now or soon. */
  get dirtySize(): number {
    return this.#dirty.size + this.#soon.size;
  }

  /** Keys that are due now. */
  get urgentSize(): number {
    return this.#dirty.size;
  }

  set(key: string, state: State): void {
    this.#states.set(key, state);
  }

  delete(key: string): void {
    this.#states.delete(key);
    this.#dirty.delete(key);
    this.#soon.delete(key);
  }

  touch(key: string): void {
    if (!this.#states.has(key)) return;
    this.#soon.delete(key);
    this.#dirty.add(key);
    this.#onDirty();
  }

  /** As `touch`, within `soonMs`. */
  touchSoon(key: string): void {
    if (!this.#states.has(key) || this.#dirty.has(key) || this.#soon.has(key)) return;
    this.#soon.add(key);
    this.#onSoon();
  }

  /** What was due soon is due now. */
  hasten(): void {
    for (const key of [...this.#soon]) this.touch(key);
  }

  /** Takes at most so many dirty keys, those first that have waited longest; what becomes dirty from now on is for a later batch. */
  takeDirty(limit: number): readonly string[] {
    const keys: string[] = [];
    for (const key of this.#dirty) {
      if (keys.length >= limit) break;
      keys.push(key);
      this.#dirty.delete(key);
    }
    return keys;
  }

  /** Called at every touch, now or soon; the operator asks for a turn then. */
  whenDirty(now: () => void, soon: () => void): void {
    this.#onDirty = now;
    this.#onSoon = soon;
  }
}

/** Keys a turn: at 0.1 ms a plan, sockets are read again within some 25 ms though all bases are due at once. */
const batchLimit = 256;

/** @returns batches of keys whose state changed or that were touched: never empty, no key twice in one batch */
export function foldByKey<Input, State>(options: FoldByKeyOptions<Input, State>) {
  const { clock, states, fold } = options;
  const urgency = options.urgency ?? (() => 'now' as const);
  return (source: Observable<Keyed<Input>>): Observable<readonly string[]> =>
    new Observable((subscriber) => {
      let cancelTurn: (() => void) | undefined;
      const askForTurn = (): void => {
        cancelTurn ??= clock.after(0, () => {
          cancelTurn = undefined;
          const keys = states.takeDirty(batchLimit);
          if (states.urgentSize > 0) askForTurn();
          if (keys.length > 0) subscriber.next(keys);
        });
      };
      let cancelSoon: (() => void) | undefined;
      const askForSoon = (): void => {
        cancelSoon ??= clock.after(soonMs, () => {
          cancelSoon = undefined;
          states.hasten();
        });
      };
      states.whenDirty(askForTurn, askForSoon);
      // What was touched before anybody listened is not lost.
      if (states.dirtySize > 0) askForTurn();
      const subscription = source.subscribe({
        next({ key, input }) {
          const before = states.get(key);
          const after = fold(before, input, key);
          if (after === undefined || after === before) return;
          states.set(key, after);
          const when = urgency(input);
          if (when === 'now') states.touch(key);
          else if (when === 'soon') states.touchSoon(key);
        },
        error: (error) => subscriber.error(error),
        complete: () => subscriber.complete(),
      });
      return () => {
        states.whenDirty(
          () => {},
          () => {},
        );
        cancelTurn?.();
        cancelSoon?.();
        subscription.unsubscribe();
      };
    });
}
