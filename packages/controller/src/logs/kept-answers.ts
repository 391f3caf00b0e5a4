/**
 * Answers that hold for a while: of who a token is and of what somebody may. One question under way a key, a bounded number kept.
 */
import type { EdgeClock } from '../clock.ts';

interface Kept<T> {
  readonly answer: Promise<T>;
  /** Infinity while it is under way. Monotonic. */
  until: number;
}

/** Beyond what one cluster's API servers and people make; what strangers make is held for seconds and pushed out by count. */
const answersKept = 1_000;

export class KeptAnswers<T> {
  readonly #clock: EdgeClock;
  readonly #heldMs: (answer: T) => number;
  readonly #kept = new Map<string, Kept<T>>();

  /** @param heldMs for how long an answer holds; 0: it is asked for again at once */
  constructor(clock: EdgeClock, heldMs: (answer: T) => number) {
    this.#clock = clock;
    this.#heldMs = heldMs;
  }

  /** @param ask must not reject */
  get(key: string, ask: () => Promise<T>): Promise<T> {
    const known = this.#kept.get(key);
    if (known !== undefined && this.#clock.now().mono < known.until) return known.answer;
    this.#kept.delete(key);
    const entry: Kept<T> = { answer: ask(), until: Number.POSITIVE_INFINITY };
    this.#kept.set(key, entry);
    void entry.answer.then((answer) => {
      entry.until = this.#clock.now().mono + this.#heldMs(answer);
    });
    if (this.#kept.size > answersKept) {
      const [oldest] = this.#kept.keys();
      if (oldest !== undefined) this.#kept.delete(oldest);
    }
    return entry.answer;
  }
}
