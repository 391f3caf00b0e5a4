/** What one client and all of them together may ask of the broker. A base at rest sends 0.1 messages/s of 0.2 kB. */

export interface BrokerLimits {
  /** Connections at once; more are closed as they come. */
  readonly maxConnections: number;
  /**
   * Connections admitted a second, over all clients, after a burst of twice as many. More wait their turn, none is refused: a base whose
   * first connect fails never tries again. 1,000/s is what one core admits by TLS; 5,000 bases at once are in within 3 s.
   */
  readonly connectsPerSecond: number;
  /** The same for one client id, after a burst of `reconnectBurst`: what makes two processes under one identity, or a loop, cheap. */
  readonly reconnectsPerSecond: number;
  readonly reconnectBurst: number;
  /** One MQTT packet. The longest list that is read, 2,000 modules, is 300 kB. */
  readonly maxPacketBytes: number;
  /** Inbound of one base; beyond it, after a burst, it is read no faster (TCP holds it back, nothing is lost). */
  readonly packetsPerSecond: number;
  readonly packetBurst: number;
  readonly bytesPerSecond: number;
  readonly byteBurst: number;
  /** A longer keep-alive, or none, counts as this one: the broker drops a client silent for one and a half of it. */
  readonly maxKeepAliveSeconds: number;
  /** Subscriptions of one base. It needs two. */
  readonly maxSubscriptions: number;
  /**
   * What may wait in memory for one base to read it; more is not sent to it. A controller that listens from outside is granted sixteen times
   * as much, since a whole fleet's answers may come at once.
   */
  readonly maxBacklogBytes: number;
  /** A client that has not taken what was written to it for so long is dropped. */
  readonly drainTimeoutMs: number;
  /** From accept to a complete CONNECT, TLS handshake included once more. */
  readonly connectTimeoutMs: number;
}

export const defaultLimits: BrokerLimits = {
  maxConnections: 10_000,
  connectsPerSecond: 1_000,
  reconnectsPerSecond: 1,
  reconnectBurst: 5,
  maxPacketBytes: 512 * 1024,
  packetsPerSecond: 100,
  packetBurst: 500,
  bytesPerSecond: 512 * 1024,
  byteBurst: 2 * 1024 * 1024,
  maxKeepAliveSeconds: 300,
  maxSubscriptions: 16,
  maxBacklogBytes: 1024 * 1024,
  drainTimeoutMs: 10_000,
  connectTimeoutMs: 10_000,
};

/** Tokens that come at a steady rate up to a burst. May be overdrawn: the debt is then waited for. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #filledAt: number;

  constructor(perSecond: number, burst: number, now: number) {
    this.#perMs = perSecond / 1_000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#filledAt = now;
  }

  take(count: number, now: number): void {
    this.#fill(now);
    this.#tokens -= count;
  }

  /** Milliseconds until at least one token is there; 0 now. */
  waitMs(now: number): number {
    this.#fill(now);
    return this.#tokens >= 1 ? 0 : Math.ceil((1 - this.#tokens) / this.#perMs);
  }

  isFull(now: number): boolean {
    this.#fill(now);
    return this.#tokens >= this.#burst;
  }

  #fill(now: number): void {
    if (now <= this.#filledAt) return;
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#filledAt) * this.#perMs);
    this.#filledAt = now;
  }
}
