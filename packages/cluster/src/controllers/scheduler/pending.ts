/**
 * Pods that wait for a node.
 *
 *   add ─► active ─take─► (placed: forgotten)
 *             ▲   └─nowhere─► parked ─wake (something changed)─► backing off ─┐
 *             └───────────────────────────────────── time, or nothing else to do ┘
 *
 * As kube-scheduler since 1.33, a pod need not sit out its back-off while nothing else is to be scheduled; here at most
 * `earlyPerSecond` of these a second, so that a storm of events in a full cluster does not become a storm of attempts.
 */
import type { Clock } from '../../clock.ts';
import type { Obstacle } from './filters.ts';
import type { PodFacts } from './pod-facts.ts';

export interface Parked {
  readonly facts: PodFacts;
  readonly obstacles: ReadonlySet<Obstacle>;
}

interface Waiting extends Parked {
  state: 'active' | 'backing-off' | 'parked';
  attempts: number;
  triedAt: number;
  /** When it may be tried at the latest, whatever happens. */
  dueAt: number;
}

const earlyPerSecond = 200;

export interface PendingOptions {
  clock: Clock;
  initialBackoffMs: number;
  maxBackoffMs: number;
  /** Parked pods are tried again after so long, though nothing happened. */
  retryMs: number;
  /** There is something to take. */
  onReady: () => void;
}

export interface Pending {
  /** A pod that is new or was changed; tried at once. */
  add(facts: PodFacts): void;
  remove(key: string): void;
  has(key: string): boolean;
  factsOf(key: string): PodFacts | undefined;
  /** The next to try: highest priority, then first come. */
  take(): PodFacts | undefined;
  /** After a try that found no node. */
  park(facts: PodFacts, obstacles: ReadonlySet<Obstacle>): void;
  /** After a try that an error ended. */
  backOff(facts: PodFacts): void;
  /** Something changed: those that it may help are to be tried again. */
  wake(mayHelp: (parked: Parked) => boolean): void;
  readonly parkedCount: number;
  stop(): void;
}

const nothing: ReadonlySet<Obstacle> = new Set();

export function createPending(options: PendingOptions): Pending {
  const { clock, initialBackoffMs, maxBackoffMs, retryMs, onReady } = options;
  const waiting = new Map<string, Waiting>();
  /** Active keys by priority; first come first within one. */
  const active = new Map<number, Set<string>>();
  const backingOff = new Set<string>();
  const parked = new Set<string>();
  let activeCount = 0;
  let early = { second: 0, count: 0 };
  let timer: { at: number; cancel: () => void } | undefined;
  let isStopped = false;

  function leave(key: string, entry: Waiting): void {
    if (entry.state === 'active') {
      const bucket = active.get(entry.facts.priority);
      if (bucket?.delete(key) === true) activeCount--;
      if (bucket?.size === 0) active.delete(entry.facts.priority);
    }
    backingOff.delete(key);
    parked.delete(key);
  }

  function activate(key: string, entry: Waiting): void {
    leave(key, entry);
    entry.state = 'active';
    const bucket = active.get(entry.facts.priority) ?? new Set();
    active.set(entry.facts.priority, bucket);
    bucket.add(key);
    activeCount++;
    onReady();
  }

  function backoffOf(entry: Waiting): number {
    return Math.min(initialBackoffMs * 2 ** Math.min(entry.attempts - 1, 30), maxBackoffMs);
  }

  function startBackingOff(key: string, entry: Waiting): void {
    const until = entry.triedAt + backoffOf(entry);
    if (until <= clock.now()) {
      activate(key, entry);
      return;
    }
    leave(key, entry);
    entry.state = 'backing-off';
    entry.dueAt = until;
    backingOff.add(key);
    arm(until);
    onReady();
  }

  function arm(at: number): void {
    if (isStopped || (timer !== undefined && timer.at <= at)) return;
    timer?.cancel();
    timer = { at, cancel: clock.after(Math.max(0, at - clock.now()), takeDue) };
  }

  function takeDue(): void {
    timer = undefined;
    const now = clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const keys of [[...backingOff], [...parked]]) {
      for (const key of keys) {
        const entry = waiting.get(key);
        if (entry === undefined) continue;
        if (entry.dueAt <= now) activate(key, entry);
        else next = Math.min(next, entry.dueAt);
      }
    }
    if (next !== Number.POSITIVE_INFINITY) arm(next);
  }

  function takeEarly(): string | undefined {
    const second = Math.floor(clock.now() / 1000);
    if (early.second !== second) early = { second, count: 0 };
    if (early.count >= earlyPerSecond) return undefined;
    for (const key of backingOff) {
      // An attempt that an error ended waits in full: nothing has changed since.
      if (waiting.get(key)?.obstacles.size === 0) continue;
      early.count++;
      return key;
    }
    return undefined;
  }

  function noteTry(facts: PodFacts, obstacles: ReadonlySet<Obstacle>): Waiting {
    const before = waiting.get(facts.key);
    if (before !== undefined) leave(facts.key, before);
    const now = clock.now();
    const entry: Waiting = {
      facts,
      obstacles,
      state: 'parked',
      attempts: (before?.attempts ?? 0) + 1,
      triedAt: now,
      dueAt: now + retryMs,
    };
    waiting.set(facts.key, entry);
    return entry;
  }

  return {
    add(facts) {
      const before = waiting.get(facts.key);
      if (before !== undefined) leave(facts.key, before);
      const attempts = before?.facts.uid === facts.uid ? before.attempts : 0;
      const entry: Waiting = { facts, obstacles: nothing, state: 'active', attempts, triedAt: 0, dueAt: 0 };
      waiting.set(facts.key, entry);
      activate(facts.key, entry);
    },
    remove(key) {
      const entry = waiting.get(key);
      if (entry === undefined) return;
      leave(key, entry);
      waiting.delete(key);
    },
    has: (key) => waiting.has(key),
    factsOf: (key) => waiting.get(key)?.facts,
    take() {
      let key: string | undefined;
      if (activeCount > 0) {
        const bucket = active.get(Math.max(...active.keys()));
        key = bucket?.keys().next().value;
      } else key = takeEarly();
      const entry = key === undefined ? undefined : waiting.get(key);
      if (key === undefined || entry === undefined) return undefined;
      leave(key, entry);
      entry.state = 'parked';
      return entry.facts;
    },
    park(facts, obstacles) {
      const entry = noteTry(facts, obstacles);
      parked.add(facts.key);
      arm(entry.dueAt);
    },
    backOff(facts) {
      startBackingOff(facts.key, noteTry(facts, nothing));
    },
    wake(mayHelp) {
      for (const key of [...parked]) {
        const entry = waiting.get(key);
        if (entry !== undefined && mayHelp(entry)) startBackingOff(key, entry);
      }
    },
    get parkedCount() {
      return parked.size;
    },
    stop() {
      isStopped = true;
      timer?.cancel();
    },
  };
}
