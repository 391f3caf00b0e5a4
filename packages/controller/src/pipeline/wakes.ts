/**
 * One heap over the `wakeAt` of every key, and one timer for the earliest: 5,000 bases are 5,000 numbers and a timer.
 * A key that is set again leaves its old entry in the heap; it is dropped when it comes up, and when stale ones outnumber
 * the live ones the heap is built anew, so it is bounded by twice the number of keys.
 */
import type { EdgeClock } from '../clock.ts';

interface Entry {
  readonly key: string;
  readonly at: number;
}

export class Wakes {
  readonly #clock: EdgeClock;
  readonly #onDue: (key: string) => void;
  readonly #due = new Map<string, number>();
  #heap: Entry[] = [];
  #timerAt = Number.POSITIVE_INFINITY;
  #cancelTimer: () => void = () => {};

  /** @param onDue called with each key whose time has come, once; it must not throw */
  constructor(clock: EdgeClock, onDue: (key: string) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** @param at monotonic ms; Infinity: only an input can wake it */
  set(key: string, at: number): void {
    if (this.#due.get(key) === at) return;
    if (!Number.isFinite(at)) {
      this.#due.delete(key);
      return;
    }
    this.#due.set(key, at);
    this.#push({ key, at });
    if (this.#heap.length > 2 * this.#due.size + 64) this.#rebuild();
    this.#arm();
  }

  delete(key: string): void {
    this.#due.delete(key);
  }

  /** Entries held, stale ones included. */
  get size(): number {
    return this.#heap.length;
  }

  stop(): void {
    this.#cancelTimer();
    this.#due.clear();
    this.#heap = [];
    this.#timerAt = Number.POSITIVE_INFINITY;
  }

  #arm(): void {
    this.#dropStale();
    const first = this.#heap[0];
    if (first === undefined || first.at >= this.#timerAt) return;
    this.#cancelTimer();
    this.#timerAt = first.at;
    // A timer of Node may fire up to a millisecond early against performance.now(): never ask for less than one.
    const ms = Math.max(1, Math.ceil(first.at - this.#clock.now().mono));
    this.#cancelTimer = this.#clock.after(ms, () => this.#ring());
  }

  #ring(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = this.#clock.now().mono;
    const due: string[] = [];
    for (;;) {
      this.#dropStale();
      const first = this.#heap[0];
      if (first === undefined || first.at > now) break;
      this.#pop();
      this.#due.delete(first.key);
      due.push(first.key);
    }
    for (const key of due) this.#onDue(key);
    this.#arm();
  }

  #dropStale(): void {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || this.#due.get(first.key) === first.at) return;
      this.#pop();
    }
  }

  #rebuild(): void {
    this.#heap = [];
    for (const [key, at] of this.#due) this.#push({ key, at });
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || above.at <= entry.at) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      const right = left + 1;
      const leftEntry = heap[left];
      if (leftEntry === undefined) break;
      const rightEntry = heap[right];
      const isRight = rightEntry !== undefined && rightEntry.at < leftEntry.at;
      const child = isRight ? rightEntry : leftEntry;
      if (child.at >= last.at) break;
      heap[index] = child;
      index = isRight ? right : left;
    }
    heap[index] = last;
  }
}
