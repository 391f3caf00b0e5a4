/**
 * Stands between a socket and Aedes: measures what comes in, before it is parsed, and lets no more through than a client may send.
 * Aedes knows no limit on packet size or rate. The first packet is held until it is whole and known to be a CONNECT of MQTT 3.1 or 3.1.1:
 * whoever speaks something else learns so at once, and what follows MQTT 5's rules is never parsed by code that reads it by those of 3.1.1.
 *
 *   connect ──whole CONNECT──► open ──bucket empty──► open, read again after the debt is paid
 *      └──anything else──► shut ◄──packet too large──┘
 *
 * Works by overriding `read` on this one socket: Aedes reads in paused mode only, so whatever is not read stays in the socket's buffer, and
 * TCP holds the sender back. Nothing is lost by throttling.
 */
import type { Duplex } from 'node:stream';
import { type BrokerLimits, TokenBucket } from './limits.ts';

/** Why a connection was shut by its gauge. */
export type ShutReason = 'packet-too-large' | 'malformed' | 'not-mqtt' | 'mqtt-5';

export interface Gauge {
  /** Lifts the rate limits (a controller sends a thousand commands a second); the packet size stays limited. */
  trust(): void;
  /** Packets held back so far, in times that the reading was stopped. */
  readonly throttledCount: () => number;
}

/** Before its CONNECT is in, a client may send no more than this: client id, user and password with room to spare. */
const MAX_CONNECT_BYTES = 16 * 1024;

/** Read at most so much at a time, so that a burst of two-byte packets never holds the loop for long. */
const CHUNK_BYTES = 4 * 1024;

/** CONNACK, return code 1: unacceptable protocol version [MQTT-3.1.2-2]. */
const REFUSE_VERSION = Uint8Array.of(0x20, 0x02, 0x00, 0x01);

export function gaugeSocket(
  socket: Duplex,
  limits: BrokerLimits,
  now: () => number,
  tell: { readonly onShut: (reason: ShutReason) => void; readonly onThrottled: () => void },
): Gauge {
  const readRaw = socket.read.bind(socket);
  const walk = new PacketWalk();
  const packets = new TokenBucket(limits.packetsPerSecond, limits.packetBurst, now());
  const bytes = new TokenBucket(limits.bytesPerSecond, limits.byteBurst, now());
  let state: 'connect' | 'open' | 'shut' = 'connect';
  let held: Buffer[] = [];
  let heldBytes = 0;
  let isTrusted = false;
  let isGiven = false;
  let isWanted = false;
  let throttled = 0;
  let resume: NodeJS.Timeout | undefined;

  const shut = (reason: ShutReason): null => {
    state = 'shut';
    held = [];
    tell.onShut(reason);
    if (reason === 'mqtt-5') socket.end(REFUSE_VERSION);
    // Not at once: we are inside a read of Aedes, which must see its end first.
    setImmediate(() => socket.destroy());
    return null;
  };

  const holdBack = (waitMs: number): null => {
    if (resume !== undefined) return null;
    throttled += 1;
    if (throttled === 1) tell.onThrottled();
    resume = setTimeout(() => {
      resume = undefined;
      if (!socket.destroyed) socket.emit('readable');
    }, waitMs);
    return null;
  };
  socket.once('close', () => clearTimeout(resume));

  const readChunk = (): Buffer | null => {
    const left = socket.readableLength;
    const chunk: unknown = left > CHUNK_BYTES ? readRaw(CHUNK_BYTES) : readRaw();
    return Buffer.isBuffer(chunk) ? chunk : null;
  };

  /**
   * One chunk a turn of the loop. Aedes asks for more from within the parsing of what it was just given (a QoS 0 publish ends at once), and its
   * parser is not re-entrant; and every other client has its turn in between.
   */
  const read = (): Buffer | null => {
    if (state === 'shut') return null;
    if (isGiven) {
      isWanted = true;
      return null;
    }
    const given = readOne();
    if (given !== null) {
      isGiven = true;
      queueMicrotask(endTurn);
    }
    return given;
  };

  const endTurn = (): void => {
    isGiven = false;
    if (!isWanted) return;
    isWanted = false;
    if (socket.readableLength === 0) return;
    setImmediate(() => {
      if (!socket.destroyed) socket.emit('readable');
    });
  };

  const readOne = (): Buffer | null => {
    if (!isTrusted) {
      const at = now();
      const waitMs = Math.max(packets.waitMs(at), bytes.waitMs(at));
      if (waitMs > 0) return holdBack(waitMs);
    }
    const taken: Buffer[] = [];
    let completed = 0;
    // Until a packet is complete or nothing is left: Aedes reads on only after a packet, and Node tells of new bytes only.
    while (completed === 0) {
      const chunk = readChunk();
      if (chunk === null) break;
      completed += walk.over(chunk);
      if (walk.isMalformed) return shut(state === 'connect' ? 'not-mqtt' : 'malformed');
      if (walk.largestBytes > limits.maxPacketBytes) return shut('packet-too-large');
      bytes.take(chunk.length, now());
      taken.push(chunk);
    }
    if (completed > 0) packets.take(completed, now());
    if (state === 'open') return taken.length === 0 ? null : joined(taken);

    held.push(...taken);
    heldBytes += taken.reduce((sum, chunk) => sum + chunk.length, 0);
    if (heldBytes === 0) return null;
    const first = joined(held);
    // Told by its first byte, not after a time-out: whoever speaks HTTP here learns at once that this is no HTTP.
    if (first[0] !== 0x10) return shut('not-mqtt');
    if (completed === 0) {
      if (heldBytes > MAX_CONNECT_BYTES || walk.largestBytes > MAX_CONNECT_BYTES) return shut('packet-too-large');
      held = [first];
      return null;
    }
    const version = protocolVersionOf(first);
    if (version === 5) return shut('mqtt-5');
    if (version !== 3 && version !== 4) return shut('not-mqtt');
    state = 'open';
    held = [];
    return first;
  };

  // `read(0)` is Node's own way of asking the stream to fetch; it must reach the stream.
  socket.read = (size?: number) => (size === 0 ? readRaw(0) : read());

  return {
    trust: () => {
      isTrusted = true;
    },
    throttledCount: () => throttled,
  };
}

function joined(chunks: readonly Buffer[]): Buffer {
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
}

/** The protocol level of a whole CONNECT: after fixed header and the name `MQTT` (or `MQIsdp`); a bridge's high bit is dropped. */
function protocolVersionOf(connect: Buffer): number | undefined {
  let at = 1;
  while (((connect[at] ?? 0) & 0x80) !== 0) at += 1;
  at += 1;
  const nameLength = ((connect[at] ?? 0) << 8) | (connect[at + 1] ?? 0);
  if (nameLength > 6) return undefined;
  const level = connect[at + 2 + nameLength];
  return level === undefined ? undefined : level & 0x7f;
}

/** Follows packet borders through chunks cut anywhere: fixed header, remaining length (at most four bytes), body. */
class PacketWalk {
  /** The largest packet that was announced so far, header left out. */
  largestBytes = 0;
  isMalformed = false;
  #expect: 'type' | 'length' | 'body' = 'type';
  #length = 0;
  #shift = 0;
  #bodyLeft = 0;

  /** @returns how many packets ended within the chunk */
  over(chunk: Buffer): number {
    let completed = 0;
    let at = 0;
    while (at < chunk.length) {
      switch (this.#expect) {
        case 'type':
          at += 1;
          this.#expect = 'length';
          this.#length = 0;
          this.#shift = 0;
          break;
        case 'length': {
          const byte = chunk[at] ?? 0;
          at += 1;
          this.#length += (byte & 0x7f) * 2 ** this.#shift;
          this.#shift += 7;
          if ((byte & 0x80) !== 0) {
            if (this.#shift >= 28) {
              this.isMalformed = true;
              return completed;
            }
            break;
          }
          this.largestBytes = Math.max(this.largestBytes, this.#length);
          this.#bodyLeft = this.#length;
          this.#expect = this.#length === 0 ? 'type' : 'body';
          if (this.#length === 0) completed += 1;
          break;
        }
        case 'body': {
          const taken = Math.min(this.#bodyLeft, chunk.length - at);
          at += taken;
          this.#bodyLeft -= taken;
          if (this.#bodyLeft === 0) {
            this.#expect = 'type';
            completed += 1;
          }
          break;
        }
        default:
          this.#expect satisfies never;
      }
    }
    return completed;
  }
}
