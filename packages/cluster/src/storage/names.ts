/**
 * The names of one namespace in order, for lists and their pages. What comes and goes between two of them is put in its place by
 * the second: a sort of what is in order but for its end takes one pass.
 */
export class Names {
  readonly #present: ReadonlyMap<string, unknown>;
  #ordered: readonly string[] = [];
  #come: string[];
  #isAnyGone = false;

  /** @param present  what there is, by name; it stays the truth */
  constructor(present: ReadonlyMap<string, unknown>) {
    this.#present = present;
    this.#come = [...present.keys()];
  }

  /** Not present until now. */
  come(name: string): void {
    this.#come.push(name);
  }

  go(): void {
    this.#isAnyGone = true;
  }

  /** Each once. The array stays as it is, whatever comes and goes. */
  inOrder(): readonly string[] {
    if (this.#come.length > 0) this.#ordered = [...this.#ordered, ...this.#come].sort();
    // One that went and came again stands there twice.
    if (this.#isAnyGone)
      this.#ordered = this.#ordered.filter((name, at, all) => this.#present.has(name) && all[at - 1] !== name);
    this.#come = [];
    this.#isAnyGone = false;
    return this.#ordered;
  }
}

/** The index of the first name after this one, be it there or not. */
export function placeAfter(names: readonly string[], name: string): number {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((names[middle] ?? '') <= name) low = middle + 1;
    else high = middle;
  }
  return low;
}
