/** The timers of a scenario's virtual time: the earliest first, equal times in the order in which they were put. Test support. */

export interface Timer {
  /** ms of virtual time. */
  readonly at: number;
  readonly run: () => void;
}

export class Timers {
  #waiting: Timer[] = [];

  put(at: number, run: () => void): void {
    this.#waiting.push({ at, run });
  }

  /** The one whose turn it is; it stays until it is taken. */
  next(): Timer | undefined {
    let best: Timer | undefined;
    for (const timer of this.#waiting) if (best === undefined || timer.at < best.at) best = timer;
    return best;
  }

  take(timer: Timer): void {
    this.#waiting = this.#waiting.filter((one) => one !== timer);
  }
}
