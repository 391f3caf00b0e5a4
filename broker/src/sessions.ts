/**
 * Who is connected, and which base's seat each one holds. A **connection** is one MQTT client; a **seat** is the place of one base in one topic
 * tree (`koupleless_<env>/<identity>`, or the seed's `koupleless/<identity>`), taken by the connection that subscribed last to its commands (`…/+`).
 *
 *   free ──subscribe──► held ──unsubscribe, close──► free
 *                        └──another connection subscribes──► held by the newer; the older is closed
 *
 * A seat counts as taken only once its subscription is in: a command sent before would be lost (clean session, QoS 0).
 */
import type { Duplex } from 'node:stream';
import { listenerOf } from '@kouplet/protocol';
import type { Client } from 'aedes';
import type { Access } from './access.ts';
import type { Gauge } from './gauge.ts';
import { type Log, reasonOf } from './log.ts';
import type { SessionCloseCause } from './tunnel.ts';
import type { User } from './users.ts';

export interface Connection {
  readonly client: Client;
  /** Different for each connection of this broker, and of every broker after it. */
  readonly sessionId: string;
  readonly access: Access;
  readonly gauge: Gauge | undefined;
  /** Who it logged in as, and by what; undefined where nobody has to. Compared when the users are read anew. */
  readonly user: User | undefined;
  /** Filters granted so far. */
  readonly filters: Set<string>;
  /** Seats held, by topic prefix `P/<identity>`. */
  readonly seats: Set<string>;
  /** Set by whatever ends it, first come. */
  ending: { readonly cause: SessionCloseCause; readonly reason: string } | undefined;
  wasDeniedTold: boolean;
}

/** A seat as it is told: its prefix says env and generation. */
export interface Seat {
  readonly prefix: string;
  readonly baseId: string;
  readonly connection: Connection;
}

export interface SessionListener {
  readonly seatTaken: (seat: Seat) => void;
  readonly seatLeft: (seat: Seat, cause: SessionCloseCause, reason: string) => void;
}

/** Take-overs within the window that are no longer a network's hiccup. Two processes under one identity make one every 1.25 s. */
const conflictCount = 3;
const conflictWindowMs = 30_000;

export class Sessions {
  readonly #log: Log;
  readonly #now: () => number;
  readonly #byClient = new Map<Client, Connection>();
  readonly #byClientId = new Map<string, Connection>();
  readonly #seats = new Map<string, Connection>();
  readonly #takeOvers = new Map<string, number[]>();
  #listener: SessionListener | undefined;
  #conflicts = 0;

  constructor(log: Log, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  /** At most one listens: the tunnel over this broker. */
  listen(listener: SessionListener | undefined): void {
    this.#listener = listener;
  }

  get connectionCount(): number {
    return this.#byClient.size;
  }

  get seatCount(): number {
    return this.#seats.size;
  }

  get conflictCount(): number {
    return this.#conflicts;
  }

  of(client: Client | null): Connection | undefined {
    return client === null ? undefined : this.#byClient.get(client);
  }

  /** Aedes puts its client on the socket; here it is looked up without reaching into that. Rare: for a log line about a socket. */
  ofSocket(socket: Duplex): Connection | undefined {
    for (const connection of this.#byClient.values()) if (connection.client.conn === socket) return connection;
    return undefined;
  }

  /** Everybody who is in. */
  all(): Iterable<Connection> {
    return this.#byClient.values();
  }

  /** Who holds the seat that a command topic addresses, if it subscribed to that topic. */
  holderOf(prefix: string, topic: string): Connection | undefined {
    const connection = this.#seats.get(prefix);
    if (connection === undefined || connection.client.closed) return undefined;
    const rest = topic.slice(prefix.length + 1);
    const isHeard = connection.filters.has(topic) || (!rest.includes('/') && connection.filters.has(`${prefix}/+`));
    return isHeard ? connection : undefined;
  }

  admit(connection: Connection): void {
    const older = this.#byClientId.get(connection.client.id);
    this.#byClient.set(connection.client, connection);
    this.#byClientId.set(connection.client.id, connection);
    // Aedes closes the older one itself as it registers the newer; this says why, and makes sure.
    if (older !== undefined) this.#takeOver(older);
  }

  subscribed(client: Client, filters: readonly string[]): void {
    const connection = this.#byClient.get(client);
    if (connection === undefined || client.closed) return;
    for (const filter of filters) {
      connection.filters.add(filter);
      const seat = seatOf(filter, connection);
      if (seat === undefined || connection.seats.has(seat.prefix)) continue;
      const older = this.#seats.get(seat.prefix);
      if (older !== undefined) {
        this.#takeOver(older);
        // Its seat is free as soon as the newer one asks, however long its socket takes to close.
        this.#leave({ prefix: seat.prefix, baseId: seat.baseId, connection: older });
        older.client.close();
      }
      connection.seats.add(seat.prefix);
      this.#seats.set(seat.prefix, connection);
      this.#log('session-opened', { base: seat.baseId, session: connection.sessionId, topics: seat.prefix }, 'info');
      this.#listener?.seatTaken(seat);
    }
  }

  unsubscribed(client: Client, filters: readonly string[]): void {
    const connection = this.#byClient.get(client);
    if (connection === undefined) return;
    for (const filter of filters) {
      connection.filters.delete(filter);
      const seat = seatOf(filter, connection);
      if (seat === undefined || !connection.seats.has(seat.prefix)) continue;
      this.#leave(seat, { cause: 'unsubscribed', reason: 'the base unsubscribed from its commands' });
    }
  }

  /** The connection is over. Told by Aedes or by the socket, whichever comes first; the second changes nothing. */
  ended(client: Client): void {
    const connection = this.#byClient.get(client);
    if (connection === undefined) return;
    this.#byClient.delete(client);
    if (this.#byClientId.get(client.id) === connection) this.#byClientId.delete(client.id);
    const { access } = connection;
    if (access.role !== 'base') return;
    for (const prefix of [...connection.seats]) this.#leave({ prefix, baseId: access.baseId, connection });
  }

  #takeOver(older: Connection): void {
    older.ending ??= { cause: 'taken-over', reason: 'a newer connection of the same base took its place' };
    if (older.access.role !== 'base') return;
    const { baseId } = older.access;
    const now = this.#now();
    const recent = (this.#takeOvers.get(baseId) ?? []).filter((at) => now - at < conflictWindowMs);
    recent.push(now);
    // Oldest entries first, so that forgetting is a look at the front.
    this.#takeOvers.delete(baseId);
    this.#takeOvers.set(baseId, recent);
    for (const [id, times] of this.#takeOvers) {
      if (now - (times.at(-1) ?? 0) < conflictWindowMs) break;
      this.#takeOvers.delete(id);
    }
    if (recent.length < conflictCount) return;
    this.#takeOvers.set(baseId, []);
    this.#conflicts += 1;
    this.#log(
      'identity-conflict',
      {
        base: baseId,
        takeOvers: recent.length,
        withinSeconds: conflictWindowMs / 1_000,
        help: 'two processes use one identity',
      },
      'warn',
    );
  }

  #leave(seat: Seat, ending = seat.connection.ending): void {
    const { connection, prefix, baseId } = seat;
    connection.seats.delete(prefix);
    if (this.#seats.get(prefix) === connection) this.#seats.delete(prefix);
    const { cause, reason } = ending ?? { cause: 'closed', reason: 'the connection closed' };
    this.#log('session-closed', { base: baseId, session: connection.sessionId, cause, reason }, 'info');
    this.#listener?.seatLeft(seat, cause, reason);
  }
}

/** Why a connection fell, out of the error that Aedes names. */
export function endingOf(error: unknown): { readonly cause: SessionCloseCause; readonly reason: string } {
  const reason = reasonOf(error);
  if (reason === 'keep alive timeout')
    return { cause: 'silent', reason: 'nothing came within one and a half keep-alives' };
  if (reason === 'drain timeout') return { cause: 'stuck', reason: 'it did not take what was written to it' };
  return { cause: 'closed', reason };
}

function seatOf(filter: string, connection: Connection): Seat | undefined {
  if (connection.access.role !== 'base' || !filter.endsWith('/+')) return undefined;
  const origin = listenerOf(filter);
  return origin && { prefix: filter.slice(0, -2), baseId: origin.baseId, connection };
}
