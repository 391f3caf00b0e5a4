/**
 * A base's connection: one MQTT session at a time, as Paho makes it (3.1.1, clean session, keep-alive 60 s, no will), with
 * Paho's reconnects after 1, 2, 4 … 128 s. Nothing is kept for a session to come.
 *
 * ```
 * away ─open─► connecting ─subscribed─► up ─closed─► waiting ─back-off─► connecting
 *                  └─ first time failed: told, and it is over
 * ```
 */
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';

export interface LinkOptions {
  /** `mqtt://host:port` or `mqtts://host:port`. */
  readonly broker: string;
  readonly clientId: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** PEM; for `mqtts`. The broker's certificate is always verified. */
  readonly ca?: string | Buffer | undefined;
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  readonly keepaliveSeconds?: number | undefined;
  readonly connectTimeoutMs?: number | undefined;
  /** First and longest wait before a reconnect; it doubles in between. */
  readonly reconnectFirstMs?: number | undefined;
  readonly reconnectMaxMs?: number | undefined;
}

/** A message on one of the base's own topics. */
export interface LinkMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly isRetained: boolean;
  readonly qos: number;
}

export interface LinkListener {
  /** Subscribed: messages come from here on. */
  up(): void;
  down(): void;
  message(message: LinkMessage): void;
}

export class Link {
  readonly #options: LinkOptions;
  readonly #filters: readonly string[];
  readonly #listener: LinkListener;
  #client: MqttClient | undefined;
  #isUp = false;
  #isOpen = false;
  #awayUntil = 0;
  #attempts = 0;
  /** Counts the times it was opened or ended: what an older time left behind moves nothing. */
  #epoch = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LinkOptions, filters: readonly string[], listener: LinkListener) {
    this.#options = options;
    this.#filters = filters;
    this.#listener = listener;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** Connects and stays connected, until `close` or `cut`. Resolves when up for the first time; rejects if that fails. */
  async open(): Promise<void> {
    this.#isOpen = true;
    try {
      await this.#connect();
    } catch (error) {
      this.#isOpen = false;
      throw error;
    }
  }

  /** As `open`, but a first failure is only the first of many. */
  openPatiently(): void {
    this.#isOpen = true;
    this.#attempt();
  }

  /** QoS 1, not retained; lost where there is no session. */
  publish(topic: string, payload: string): void {
    // The acknowledgement means nothing to a base: what is not delivered is not repeated.
    if (this.#isUp) this.#client?.publish(topic, payload, { qos: 1 }, () => undefined);
  }

  /** The network is gone for so long: no FIN is waited for, every attempt to reconnect meanwhile fails. */
  partition(ms: number): void {
    this.#awayUntil = performance.now() + ms;
    this.#client?.stream.destroy();
  }

  /** As SIGTERM ends a JVM: what was written goes out, FIN, no DISCONNECT. */
  async close(): Promise<void> {
    this.#isOpen = false;
    clearTimeout(this.#timer);
    const client = this.#client;
    if (client === undefined) return;
    const isClosed = new Promise<void>((resolve) => client.stream.once('close', () => resolve()));
    client.stream.end();
    const deadline = new Promise<void>((resolve) => setTimeout(resolve, 300).unref());
    await Promise.race([isClosed, deadline]);
    this.cut();
  }

  /** As SIGKILL: the socket is destroyed at once, and nothing comes back by itself. */
  cut(): void {
    this.#isOpen = false;
    this.#epoch++;
    clearTimeout(this.#timer);
    this.#client?.stream.destroy();
    this.#client?.end(true);
    this.#lost();
  }

  #attempt(): void {
    const epoch = this.#epoch;
    this.#connect().catch(() => {
      if (epoch === this.#epoch) this.#scheduleReconnect();
    });
  }

  /** One attempt: a fresh client each time, so that nothing survives a session. */
  #connect(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (performance.now() < this.#awayUntil) {
        reject(new Error('the network is gone'));
        return;
      }
      let cause: Error | undefined;
      const client = connectClient(this.#options);
      this.#client = client;
      const isCurrent = () => this.#client === client;
      // Retained commands may overtake the SUBACK: they wait for it.
      const early: LinkMessage[] = [];
      client.on('message', (topic, payload, packet) => {
        const message = { topic, payload, isRetained: packet.retain, qos: packet.qos };
        if (!isCurrent()) return;
        if (this.#isUp) this.#listener.message(message);
        else early.push(message);
      });
      client.on('error', (error) => {
        cause ??= error;
      });
      client.on('connect', () => {
        client.subscribe([...this.#filters], { qos: 1 }, (error, granted) => {
          if (!isCurrent()) return;
          const isRefused = error !== null || (granted ?? []).some((each) => each.qos > 2);
          if (isRefused) {
            cause = new Error(`it refused the subscription to ${this.#filters.join(' and ')}`);
            client.stream.destroy();
            return;
          }
          this.#isUp = true;
          this.#attempts = 0;
          this.#listener.up();
          for (const message of early.splice(0)) this.#listener.message(message);
          resolve();
        });
      });
      client.on('close', () => {
        client.end(true);
        reject(new Error(causeOf(cause, this.#options)));
        if (!isCurrent()) return;
        const wasUp = this.#isUp;
        this.#lost();
        if (wasUp) this.#scheduleReconnect();
      });
    });
  }

  #lost(): void {
    this.#client = undefined;
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#listener.down();
  }

  #scheduleReconnect(): void {
    if (!this.#isOpen) return;
    const { reconnectFirstMs = 1000, reconnectMaxMs = 128_000 } = this.#options;
    const waitMs = Math.min(reconnectFirstMs * 2 ** this.#attempts, reconnectMaxMs);
    this.#attempts = Math.min(this.#attempts + 1, 30);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#isOpen) this.#attempt();
    }, waitMs);
  }
}

/** The broker's address without credentials, for people. */
export function addressForPeople(broker: string): string {
  return broker.replace(/\/\/[^/@]*@/, '//');
}

function connectClient(options: LinkOptions): MqttClient {
  const { username, password, ca, cert, key } = options;
  const settings: IClientOptions = {
    clientId: options.clientId,
    protocolVersion: 4,
    clean: true,
    keepalive: options.keepaliveSeconds ?? 60,
    connectTimeout: options.connectTimeoutMs ?? 30_000,
    reconnectPeriod: 0,
    resubscribe: false,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
  return mqtt.connect(options.broker, settings);
}

/** What went wrong with a first connect, and what to do about it. Never holds a credential. */
function causeOf(cause: Error | undefined, options: LinkOptions): string {
  const at = `the broker at ${addressForPeople(options.broker)}`;
  if (cause === undefined) return `${at} closed the connection before it answered (${options.clientId})`;
  const code = 'code' in cause ? cause.code : undefined;
  if (code === 4 || code === 5) {
    return `${at} refused ${options.clientId}: check user name and password, and that this user may speak as this identity`;
  }
  if (code === 'ECONNREFUSED') return `nothing listens at ${addressForPeople(options.broker)}: is the broker running?`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `${at} cannot be found: is its host name right?`;
  if (typeof code === 'string' && /ALERT_(CERTIFICATE|BAD_CERT|UNKNOWN_CA|UNSUPPORTED_CERT|HANDSHAKE)/.test(code)) {
    return `${at} wants a client certificate of an authority that it knows (${code})`;
  }
  if (typeof code === 'string' && /CERT|SELF_SIGNED|VERIFY|TLS|SSL/.test(code)) {
    return `${at} showed a certificate that is not trusted (${code}): give the CA that signed it`;
  }
  return `${at}: ${cause.message || String(code ?? 'connection failed')}`;
}
