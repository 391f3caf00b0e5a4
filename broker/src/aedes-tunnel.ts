/**
 * The tunnel over the embedded broker, in one process: bases' messages are heard without a socket in between, commands go straight to the one
 * client that holds the base's seat. Nothing is retained, nothing is queued: a base that is not there is told as `no-session`.
 */
import { subscriptionsOf } from '@kouplet/protocol';
import type { AedesPublishPacket } from 'aedes';
import { type Broker, type BrokerOptions, type OpenBroker, openBroker } from './broker.ts';
import { EventLine } from './event-line.ts';
import { type Log, silentLog } from './log.ts';
import type { Seat } from './sessions.ts';
import type { SendOutcome, SessionCloseCause, Tunnel, TunnelEvent } from './tunnel.ts';

export interface AedesTunnelOptions extends BrokerOptions {
  /** Lower case; bases of other environments may connect and are not heard. */
  readonly env: string;
}

export class AedesTunnel implements Tunnel {
  readonly kind = 'embedded';
  readonly #options: AedesTunnelOptions;
  readonly #log: Log;
  #broker: OpenBroker | undefined;
  #events: EventLine<TunnelEvent> | undefined;
  /** Trees of topics that are ours, ending in `/`: `koupleless_<env>/` and `koupleless/`. */
  readonly #trees: readonly string[];
  /** Per base the connection that is told as its session, and the seats by which that connection serves it. */
  readonly #told = new Map<string, { readonly sessionId: string; readonly prefixes: Set<string> }>();

  constructor(options: AedesTunnelOptions) {
    this.#options = options;
    this.#log = options.log ?? silentLog;
    this.#trees = subscriptionsOf(options.env).map((filter) => filter.slice(0, filter.indexOf('+')));
  }

  /** The broker, once started. */
  get broker(): Broker | undefined {
    return this.#broker;
  }

  /** @throws BrokerError as `startBroker` */
  async start(listener: (event: TunnelEvent) => void): Promise<void> {
    const events = new EventLine(listener, this.#log);
    this.#events = events;
    const broker = await openBroker({ ...this.#options, openController: false });
    this.#broker = broker;
    broker.sessions.listen({
      seatTaken: (seat) => this.#seatTaken(seat),
      seatLeft: (seat, cause, reason) => this.#seatLeft(seat, cause, reason),
    });
    const heard = (packet: AedesPublishPacket, done: () => void): void => {
      try {
        events.put({
          kind: 'message',
          message: { topic: packet.topic, payload: bytesOf(packet.payload), retain: false },
        });
      } finally {
        // Late or forgotten, it would hold the publisher's connection.
        done();
      }
    };
    await Promise.all(
      subscriptionsOf(this.#options.env).map(
        (filter) => new Promise<void>((resolve) => broker.aedes.subscribe(filter, heard, resolve)),
      ),
    );
    events.put({ kind: 'up' });
  }

  async send(baseId: string, topic: string, payload: Uint8Array): Promise<SendOutcome> {
    const broker = this.#broker;
    if (broker === undefined || this.#events === undefined) return 'down';
    const prefix = topic.split('/', 2).join('/');
    const connection = prefix.endsWith(`/${baseId}`) ? broker.sessions.holderOf(prefix, topic) : undefined;
    // A base that does not read is about to be cut: until then it counts as not there, and nothing piles up for it.
    if (connection === undefined || broker.isBacklogged(connection.client)) return 'no-session';
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    connection.client.publish({ cmd: 'publish', topic, payload: bytes, qos: 0, retain: false, dup: false }, () => {});
    // Aedes writes in the next immediate, ours comes right after it. Its callback would wait for a full socket to drain.
    await new Promise((resolve) => setImmediate(resolve));
    return connection.client.closed ? 'no-session' : 'sent';
  }

  /** Nothing is ever retained here, so it is cleared already. */
  async clearRetained(_topic: string): Promise<SendOutcome> {
    return this.#events === undefined ? 'down' : 'sent';
  }

  async close(): Promise<void> {
    const events = this.#events;
    this.#events = undefined;
    this.#broker?.sessions.listen(undefined);
    if (events !== undefined && this.#broker !== undefined)
      events.put({ kind: 'down', reason: 'the embedded broker is closing' });
    events?.end();
    await this.#broker?.close();
  }

  #seatTaken({ prefix, baseId, connection }: Seat): void {
    if (!this.#trees.some((tree) => prefix === `${tree}${baseId}`)) return;
    const { sessionId } = connection;
    const told = this.#told.get(baseId);
    // One connection on both generations' topics is one session.
    if (told?.sessionId === sessionId) {
      told.prefixes.add(prefix);
      return;
    }
    // Another connection serves this base on the other generation's topics: the newest is the base's session.
    if (told) this.#close(baseId, told.sessionId, 'taken-over', 'a newer connection of the same base took its place');
    this.#told.set(baseId, { sessionId, prefixes: new Set([prefix]) });
    this.#events?.put({ kind: 'session-opened', baseId, sessionId });
  }

  #seatLeft({ prefix, baseId, connection }: Seat, cause: SessionCloseCause, reason: string): void {
    const told = this.#told.get(baseId);
    if (told?.sessionId !== connection.sessionId) return;
    told.prefixes.delete(prefix);
    if (told.prefixes.size === 0) this.#close(baseId, told.sessionId, cause, reason);
  }

  #close(baseId: string, sessionId: string, cause: SessionCloseCause, reason: string): void {
    this.#told.delete(baseId);
    this.#events?.put({ kind: 'session-closed', baseId, sessionId, reason, cause });
  }
}

function bytesOf(payload: string | Buffer): Uint8Array {
  return typeof payload === 'string' ? Buffer.from(payload) : payload;
}
