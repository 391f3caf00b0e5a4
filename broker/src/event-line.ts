/** Hands events to one listener: in order, never re-entrantly, and whatever it throws stays here. */
import { type Log, reasonOf } from './log.ts';

export class EventLine<Event extends { readonly kind: string }> {
  readonly #listener: (event: Event) => void;
  readonly #log: Log;
  readonly #waiting: Event[] = [];
  #isTelling = false;
  #isEnded = false;

  constructor(listener: (event: Event) => void, log: Log) {
    this.#listener = listener;
    this.#log = log;
  }

  put(event: Event): void {
    if (this.#isEnded) return;
    this.#waiting.push(event);
    if (this.#isTelling) return;
    this.#isTelling = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      try {
        this.#listener(next);
      } catch (error) {
        this.#log('listener-threw', { kind: next.kind, reason: reasonOf(error) }, 'error');
      }
    }
    this.#isTelling = false;
  }

  /** Nothing is told after this. */
  end(): void {
    this.#isEnded = true;
    this.#waiting.length = 0;
  }
}
