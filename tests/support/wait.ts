/** Polling a state with a deadline: the only way that a test waits. */

/**
 * Polls until `look` answers something true, and answers that. A throw counts as "not yet" and is shown at the deadline.
 *
 * @param what        the state in words: what the failure says was missing
 * @param deadlineMs  from now; the poll is every 20 ms at first, 100 ms later
 */
export async function waitFor<T>(
  what: string,
  look: () => T | Promise<T>,
  deadlineMs = 30_000,
): Promise<Exclude<T, undefined | null | false | '' | 0>> {
  const started = performance.now();
  let last: unknown;
  for (;;) {
    try {
      const seen = await look();
      if (seen) return seen as Exclude<T, undefined | null | false | '' | 0>;
      last = seen;
    } catch (error) {
      last = error;
    }
    const elapsed = performance.now() - started;
    if (elapsed > deadlineMs) {
      const seen = last instanceof Error ? last.message : JSON.stringify(last);
      throw new Error(`not within ${deadlineMs} ms: ${what}; last seen: ${seen}`);
    }
    await new Promise((resolve) => setTimeout(resolve, elapsed < 1_000 ? 20 : 100));
  }
}

/** Checks that a state holds all along: `look` must answer true each time it is asked, for `forMs`. */
export async function staysTrue(what: string, look: () => boolean | Promise<boolean>, forMs: number): Promise<void> {
  const until = performance.now() + forMs;
  while (performance.now() < until) {
    if (!(await look())) throw new Error(`did not stay true for ${forMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
