/**
 * Whether we see the API server: all reflectors watching is up, one of them without its watch for a while is down. A watch
 * that a server ends in the ordinary way is back within milliseconds and is no blindness.
 *
 *   down ─all watching─► up ─one not watching for 2 s─► down
 */
import type { ReflectorState } from '@kouplet/kube';
import type { EdgeClock } from '../clock.ts';

const blindAfterMs = 2_000;

export class ApiLink {
  readonly #clock: EdgeClock;
  readonly #tell: (isUp: boolean, reason: string) => void;
  readonly #watching = new Map<string, boolean>();
  #isUp = false;
  #reason = 'not listed yet';
  #cancel: (() => void) | undefined;
  #isStopped = false;

  /** @param names of the reflectors that count */
  constructor(clock: EdgeClock, names: readonly string[], tell: (isUp: boolean, reason: string) => void) {
    this.#clock = clock;
    this.#tell = tell;
    for (const name of names) this.#watching.set(name, false);
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get reason(): string {
    return this.#reason;
  }

  told(name: string, state: ReflectorState): void {
    if (this.#isStopped) return;
    this.#watching.set(name, state.kind === 'watching');
    if (state.kind === 'backing-off') this.#reason = `${name}: ${state.reason}`;
    if ([...this.#watching.values()].every(Boolean)) {
      this.#cancel?.();
      this.#cancel = undefined;
      if (!this.#isUp) {
        this.#isUp = true;
        this.#tell(true, '');
      }
      return;
    }
    if (!this.#isUp || this.#cancel !== undefined) return;
    this.#cancel = this.#clock.after(blindAfterMs, () => {
      this.#cancel = undefined;
      this.#isUp = false;
      this.#tell(false, this.#reason);
    });
  }

  /** From now on nothing counts: reflectors that are stopped next are no blindness. */
  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
