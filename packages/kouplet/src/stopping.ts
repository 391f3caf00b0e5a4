/**
 * The end of a long-running command: SIGINT or SIGTERM ends everything in order within 5 s, a second one ends at once.
 *
 *   running ─signal/failure─► stopping ─all stopped─► exit 0 (1 after a failure)
 *                                 └─5 s or a second signal─► exit at once
 */

/** What was started, to be stopped in the opposite order. */
export class Stops {
  readonly #stops: Array<{ readonly name: string; readonly stop: () => Promise<void> | void }> = [];

  add(name: string, stop: () => Promise<void> | void): void {
    this.#stops.push({ name, stop });
  }

  /** Stops all, each though another failed. @returns the names of those that failed, with the error */
  async all(): Promise<ReadonlyArray<{ readonly name: string; readonly error: unknown }>> {
    const failures: Array<{ readonly name: string; readonly error: unknown }> = [];
    for (let next = this.#stops.pop(); next !== undefined; next = this.#stops.pop()) {
      try {
        await next.stop();
      } catch (error) {
        failures.push({ name: next.name, error });
      }
    }
    return failures;
  }
}

/** One Ctrl-C may come twice: from the terminal, and from npm, which passes its own on. A second one by hand comes later than this. */
const samePressMs = 300;

/** How long everything may take to end. */
export const stopLimitMs = 5_000;

export interface Lifetime {
  /** Resolves at the first SIGINT or SIGTERM. */
  readonly ended: Promise<NodeJS.Signals>;
  /** Whether a signal has come. */
  readonly isEnding: boolean;
}

/**
 * Listens to the signals from now on; a second one, or 5 s after the first, ends the process at once.
 * @param exit ends the process: with 0 past the limit (everything was asked to end), 130 or 143 at a second signal
 */
export function listenToSignals(
  exit: (code: number) => void,
  onFirst: (signal: NodeJS.Signals) => void = () => {},
  now: () => number = () => performance.now(),
): Lifetime {
  let firstAt = 0;
  let isEnding = false;
  let resolveEnded: (signal: NodeJS.Signals) => void = () => {};
  const ended = new Promise<NodeJS.Signals>((resolve) => {
    resolveEnded = resolve;
  });
  const onSignal = (signal: NodeJS.Signals): void => {
    if (isEnding) {
      if (now() - firstAt >= samePressMs) exit(signal === 'SIGINT' ? 130 : 143);
      return;
    }
    isEnding = true;
    firstAt = now();
    // A little less than the limit, so that the process is gone when the limit is reached.
    setTimeout(() => exit(0), stopLimitMs - 200).unref();
    onFirst(signal);
    resolveEnded(signal);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    ended,
    get isEnding() {
      return isEnding;
    },
  };
}
