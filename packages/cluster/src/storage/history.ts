/** What happened to one kind lately, for watches that start in the past; bounded by count and by bytes. */
import type { Change } from './store.ts';

/** A client that reconnects after a minute at 100 changes a second still finds its place. */
const MAX_CHANGES = 8_192;
/** Of JSON; the objects cost about three times that in memory. */
const MAX_BYTES = 16 * 1024 * 1024;

export class History {
  /** A ring written as a list with a moving start; compacted when half of it is empty. */
  #changes: Change[] = [];
  #sizes: number[] = [];
  #start = 0;
  #bytes = 0;
  #forgottenUpTo: number;

  /** @param firstRevision everything before it counts as forgotten: it was another life */
  constructor(firstRevision: number) {
    this.#forgottenUpTo = firstRevision;
  }

  push(change: Change, bytes: number): void {
    this.#changes.push(change);
    this.#sizes.push(bytes);
    this.#bytes += bytes;
    while (this.#changes.length - this.#start > MAX_CHANGES || this.#bytes > MAX_BYTES) {
      const first = this.#changes[this.#start];
      if (first === undefined) break;
      this.#forgottenUpTo = first.revision;
      this.#bytes -= this.#sizes[this.#start] ?? 0;
      this.#start++;
    }
    if (this.#start > 1_024 && this.#start * 2 > this.#changes.length) {
      this.#changes = this.#changes.slice(this.#start);
      this.#sizes = this.#sizes.slice(this.#start);
      this.#start = 0;
    }
  }

  /** The oldest revision a watch can start from. */
  get oldest(): number {
    return this.#forgottenUpTo;
  }

  /** Changes after `revision`, oldest first; undefined where some of them are forgotten. */
  since(revision: number): readonly Change[] | undefined {
    if (revision < this.#forgottenUpTo) return undefined;
    let low = this.#start;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const change = this.#changes[middle];
      if (change !== undefined && change.revision > revision) high = middle;
      else low = middle + 1;
    }
    return this.#changes.slice(low);
  }
}
