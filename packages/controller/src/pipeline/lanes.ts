/**
 * How many actions may be under way at once, by lane, and who comes next when one ends. A lane holds no work: a key that
 * finds no slot is remembered once and planned anew when one is free, so what is then done is what is due then.
 */
import type { Action } from '@kouplet/core';

export type Lane = 'lease' | 'record' | 'write' | 'command' | 'event';

const lanes: readonly Lane[] = ['lease', 'record', 'write', 'command', 'event'];

const laneOf: Readonly<Record<Action['kind'], Lane>> = {
  'send-command': 'command',
  'create-node': 'write',
  'patch-node': 'write',
  'patch-node-status': 'write',
  'delete-node': 'write',
  'patch-pod-status': 'write',
  'delete-pod': 'write',
  // Installs wait for their record: it must not stand behind a burst of statuses.
  'write-record': 'record',
  'delete-record': 'record',
  // A lane of their own: in a burst of Pods, Leases that came late would let every Node go at once.
  'write-lease': 'lease',
  'delete-lease': 'lease',
  'record-event': 'event',
};

/**
 * Together a little below the connections of the transport's pool: nothing waits inside of it, out of the plan's reach.
 * Events end at once: they go to the outbox, which writes them when there is time.
 */
export const laneSlots: Readonly<Record<Lane, number>> = {
  lease: 32,
  record: 16,
  write: 32,
  command: 256,
  event: Number.POSITIVE_INFINITY,
};

/**
 * A base may have dozens of statuses to write, and planning it costs as much for one slot as for eight: in a crowd those who
 * wait are woken once a quarter is free. The other lanes have one action a base.
 */
const isWokenByQuarters: Readonly<Record<Lane, boolean>> = {
  lease: false,
  record: false,
  write: true,
  command: false,
  event: false,
};

/** Connections that the lanes, the outbox of Events and the reflectors' pages need at most. */
export const connectionsNeeded = laneSlots.lease + laneSlots.record + laneSlots.write + 4 + 8;

export class Lanes {
  readonly #slots: Readonly<Record<Lane, number>>;
  readonly #used: Record<Lane, number> = { lease: 0, record: 0, write: 0, command: 0, event: 0 };
  readonly #waiting: Readonly<Record<Lane, Set<string>>> = {
    lease: new Set(),
    record: new Set(),
    write: new Set(),
    command: new Set(),
    event: new Set(),
  };
  /** Woken and not yet planned. */
  readonly #woken: Record<Lane, string | undefined> = {
    lease: undefined,
    record: undefined,
    write: undefined,
    command: undefined,
    event: undefined,
  };
  readonly #inFlight = new Set<string>();
  readonly #blocked = new Map<string, string>();
  readonly #wake: (scope: string) => void;

  /** @param wake plans a scope anew: a slot that it waits for is free */
  constructor(wake: (scope: string) => void, slots: Readonly<Record<Lane, number>> = laneSlots) {
    this.#wake = wake;
    this.#slots = slots;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Scopes that wait for a slot. */
  get waiting(): number {
    return Object.values(this.#waiting).reduce((sum, set) => sum + set.size, 0);
  }

  isInFlight(key: string): boolean {
    return this.#inFlight.has(key);
  }

  /** Takes a slot for the action, or remembers its scope. An action whose key is in flight already is not taken. */
  take(kind: Action['kind'], key: string, scope: string): boolean {
    if (this.#inFlight.has(key)) {
      this.#blocked.set(key, scope);
      return false;
    }
    const lane = laneOf[kind];
    // Those who wait have their turn first: slots that come free one by one would never be enough for them.
    const isOthersTurn =
      this.#woken[lane] !== scope && (this.#woken[lane] !== undefined || this.#waiting[lane].size > 0);
    if (this.#used[lane] >= this.#slots[lane] || isOthersTurn) {
      this.#waiting[lane].add(scope);
      return false;
    }
    this.#used[lane] += 1;
    this.#inFlight.add(key);
    return true;
  }

  /** Gives the slot back and lets the scope that waited longest plan anew. */
  free(kind: Action['kind'], key: string): void {
    const lane = laneOf[kind];
    this.#used[lane] -= 1;
    this.#inFlight.delete(key);
    const blocked = this.#blocked.get(key);
    if (blocked !== undefined) {
      this.#blocked.delete(key);
      this.#wake(blocked);
    }
    this.#wakeIfWorth(lane);
  }

  /** It will be planned anew when its turn comes. */
  isWaiting(scope: string): boolean {
    return this.#waiting.write.has(scope);
  }

  /** A scope has been planned, whatever came of it: if slots are still free, the next that waits gets its turn. */
  planned(scope: string): void {
    for (const lane of lanes) {
      if (this.#woken[lane] === scope) {
        this.#woken[lane] = undefined;
        this.#wakeNext(lane);
      } else this.#wakeIfWorth(lane);
    }
  }

  forget(scope: string): void {
    for (const waiting of Object.values(this.#waiting)) waiting.delete(scope);
    this.planned(scope);
  }

  #wakeIfWorth(lane: Lane): void {
    const free = this.#slots[lane] - this.#used[lane];
    if (!isWokenByQuarters[lane] || free >= Math.ceil(this.#slots[lane] / 4)) this.#wakeNext(lane);
  }

  /** One at a time: it may take all slots that are free, and then waking others would be plans in vain. */
  #wakeNext(lane: Lane): void {
    if (this.#woken[lane] !== undefined || this.#used[lane] >= this.#slots[lane]) return;
    const next = this.#waiting[lane].values().next();
    if (next.done === true) return;
    this.#waiting[lane].delete(next.value);
    this.#woken[lane] = next.value;
    this.#wake(next.value);
  }
}
