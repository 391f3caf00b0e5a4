/**
 * Keys whose handling threw: each is left alone for a while, longer each time, and tried again for ever. The core keeps its
 * own record of it and tells people; this is what holds though the core itself is what throws.
 */

const firstMs = 1_000;
const capMs = 300_000;
/** After so long without another exception the count starts anew. */
const forgetMs = 600_000;
/** Held in memory at most; the oldest goes, and with it only its back-off. */
const limit = 10_000;

export class Quarantine {
  readonly #held = new Map<string, { readonly count: number; readonly until: number; readonly at: number }>();

  /** @returns until when the key is left alone (monotonic ms) */
  add(key: string, now: number): number {
    const before = this.#held.get(key);
    const count = before === undefined || now - before.at > forgetMs ? 1 : before.count + 1;
    const until = now + Math.min(capMs, firstMs * 2 ** Math.min(count - 1, 20));
    this.#held.delete(key);
    if (this.#held.size >= limit) {
      const oldest = this.#held.keys().next();
      if (oldest.done !== true) this.#held.delete(oldest.value);
    }
    this.#held.set(key, { count, until, at: now });
    return until;
  }

  /** Until when the key must not be planned; undefined: it may. */
  heldUntil(key: string, now: number): number | undefined {
    const entry = this.#held.get(key);
    return entry !== undefined && entry.until > now ? entry.until : undefined;
  }

  count(now: number): number {
    let held = 0;
    for (const entry of this.#held.values()) if (entry.until > now) held += 1;
    return held;
  }

  delete(key: string): void {
    this.#held.delete(key);
  }
}
