/**
 * A keyed work queue: a key is worked on once however often it was added, its object is read when its turn comes (latest
 * wins), and a key whose work throws comes again after an exponential back-off of its own. One timer serves all keys.
 *
 *   add ─► ready ─► run ─ok──► forgotten
 *   addAfter ─► due ┘  └throws─► due (back-off) ─► ready
 */
import type { Clock } from '../../clock.ts';
import { inLaterTurn } from './turns.ts';

export interface WorkQueueOptions {
  clock: Clock;
  /** Brings the world of one key to what it should be. Throwing means "again later". */
  run: (key: string) => void;
  /** Told of every throw before the back-off. */
  onError: (error: unknown, key: string) => void;
  /** First back-off; doubles up to `maxBackoffMs`. client-go's default limiter: 5 ms to 1000 s. */
  backoffMs?: number;
  maxBackoffMs?: number;
  /** Keys worked on before the turn is given back. */
  batch?: number;
  /** For how long, before it is given back all the same: one key may make hundreds of objects. */
  turnMs?: number;
}

export interface WorkQueue {
  add(key: string): void;
  /** Adds the key no sooner than so many ms from now; an earlier due time of the key wins. */
  addAfter(key: string, ms: number): void;
  stop(): void;
}

export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { clock, run, onError, backoffMs = 5, maxBackoffMs = 1_000_000, batch = 50, turnMs = 20 } = options;
  const ready = new Set<string>();
  const due = new Map<string, number>();
  const failures = new Map<string, number>();
  let isDraining = false;
  let isStopped = false;
  let timer: { at: number; cancel: () => void } | undefined;

  function drain(): void {
    isDraining = false;
    const until = clock.now() + turnMs;
    // Of those that are ready now: a key that adds itself again while it is worked on has its next turn after the others'.
    for (const key of firstOf(ready, batch)) {
      if (isStopped) return;
      if (clock.now() > until) break;
      ready.delete(key);
      try {
        run(key);
        failures.delete(key);
      } catch (error) {
        const failed = failures.get(key) ?? 0;
        failures.set(key, failed + 1);
        addAfter(key, Math.min(backoffMs * 2 ** Math.min(failed, 40), maxBackoffMs));
        onError(error, key);
      }
    }
    if (ready.size > 0) wake();
  }

  function wake(): void {
    if (isDraining || isStopped) return;
    isDraining = true;
    inLaterTurn(drain);
  }

  function add(key: string): void {
    if (isStopped) return;
    ready.add(key);
    wake();
  }

  function takeDue(): void {
    timer = undefined;
    const now = clock.now();
    for (const [key, at] of due) {
      if (at > now) continue;
      due.delete(key);
      add(key);
    }
    arm();
  }

  function arm(): void {
    if (isStopped || due.size === 0) return;
    let earliest = Number.POSITIVE_INFINITY;
    for (const at of due.values()) earliest = Math.min(earliest, at);
    if (timer !== undefined && timer.at <= earliest) return;
    timer?.cancel();
    timer = { at: earliest, cancel: clock.after(Math.max(0, earliest - clock.now()), takeDue) };
  }

  function addAfter(key: string, ms: number): void {
    if (isStopped) return;
    if (ms <= 0) {
      add(key);
      return;
    }
    const at = clock.now() + ms;
    const known = due.get(key);
    if (known !== undefined && known <= at) return;
    due.set(key, at);
    if (timer === undefined || at < timer.at) arm();
  }

  return {
    add,
    addAfter,
    stop() {
      isStopped = true;
      timer?.cancel();
      ready.clear();
      due.clear();
      failures.clear();
    },
  };
}

function firstOf(keys: Iterable<string>, count: number): readonly string[] {
  const first: string[] = [];
  for (const key of keys) {
    if (first.length === count) break;
    first.push(key);
  }
  return first;
}
