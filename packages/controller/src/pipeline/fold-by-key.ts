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
  /** Where whoever told it knows better than the input says by itself. */
  readonly urgency?: Urgency;
}

/**
 * When a changed state is looked at: `now`: after the I/O of this turn; `soon`: within `soonMs`; `later`: within `laterMs`;
 * `never`: not for this input's sake.
 */
export type Urgency = 'now' | 'soon' | 'later' | 'never';

/** A wait that nobody notices, in which most of what belongs together comes together. */
export const soonMs = 20;
/** For what mostly brings about an input of its own before that. */
export const laterMs = 200;

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
  readonly urgency?: (input: Input) => Urgency;
  /** Must not throw: what catches a fold's exceptions stands in front of it. The same state again means: nothing changed. */
  readonly fold: (state: State | undefined, input: Input, key: string) => State | undefined;
}

/** States and the dirty set; made by the pipeline, filled by `foldByKey`. */
export class FoldedStates<State> implements KeyedStates<State> {
  readonly #states = new Map<string, State>();
  readonly #dirty = new Set<string>();
  readonly #soon = new Set<string>();
  readonly #later = new Set<string>();
  #onDirty: () => void = () => {};
  #onDelayed: (urgency: 'soon' | 'later') => void = () => {};

  get(key: string): State | undefined {
    return this.#states.get(key);
  }

  keys(): IterableIterator<string> {
    return this.#states.keys();
  }

  get size(): number {
    return this.#states.size;
  }

  /** Keys that are due, now or in a moment. */
  get dirtySize(): number {
    return this.#dirty.size + this.#soon.size + this.#later.size;
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
    this.#later.delete(key);
  }

  touch(key: string): void {
    if (!this.#states.has(key)) return;
    this.#soon.delete(key);
    this.#later.delete(key);
    this.#dirty.add(key);
    this.#onDirty();
  }

  /** As `touch`, but with what else comes within that time. */
  touchAt(key: string, urgency: Urgency): void {
    if (urgency === 'never') return;
    if (urgency === 'now') {
      this.touch(key);
      return;
    }
    if (!this.#states.has(key) || this.#dirty.has(key) || this.#soon.has(key)) return;
    if (urgency === 'soon') this.#later.delete(key);
    const delayed = urgency === 'soon' ? this.#soon : this.#later;
    delayed.add(key);
    this.#onDelayed(urgency);
  }

  /** What was delayed is due now. */
  hasten(urgency: 'soon' | 'later'): void {
    for (const key of [...(urgency === 'soon' ? this.#soon : this.#later)]) this.touch(key);
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

  /** Called at every touch; the operator asks for a turn then, or for one in a moment. */
  whenDirty(now: () => void, delayed: (urgency: 'soon' | 'later') => void): void {
    this.#onDirty = now;
    this.#onDelayed = delayed;
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
      const cancels: { soon?: () => void; later?: () => void } = {};
      const askForDelayed = (urgency: 'soon' | 'later'): void => {
        cancels[urgency] ??= clock.after(urgency === 'soon' ? soonMs : laterMs, () => {
          delete cancels[urgency];
          states.hasten(urgency);
        });
      };
      states.whenDirty(askForTurn, askForDelayed);
      // What was touched before anybody listened is not lost.
      if (states.dirtySize > 0) askForTurn();
      const subscription = source.subscribe({
        next({ key, input, urgency: told }) {
          const before = states.get(key);
          const after = fold(before, input, key);
          if (after === undefined || after === before) return;
          states.set(key, after);
          states.touchAt(key, told ?? urgency(input));
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
        cancels.soon?.();
        cancels.later?.();
        subscription.unsubscribe();
      };
    });
}
