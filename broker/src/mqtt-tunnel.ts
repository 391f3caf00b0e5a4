/**
 * The tunnel to an external broker (EMQX, VerneMQ, mosquitto, or `kouplet broker`): one link at a time, made anew after each loss with
 * back-off and jitter. What is subscribed is a handful of wildcards, so a new link hears everything from its first canary on.
 */
import { randomUUID } from 'node:crypto';
import { controllerClientPrefix } from './access.ts';
import { BrokerError } from './errors.ts';
import { EventLine } from './event-line.ts';
import { type Log, reasonOf, silentLog } from './log.ts';
import { type LinkTarget, type LinkTimes, MqttLink } from './mqtt-link.ts';
import type { SendOutcome, Tunnel, TunnelEvent } from './tunnel.ts';

export interface MqttTunnelOptions {
  /** `mqtt://host[:1883]` or `mqtts://host[:8883]`; user and password may stand in it. */
  readonly url: string;
  /** Lower case. */
  readonly env: string;
  /**
   * Ours there, for a broker that rules by it; two connections with the same one cut each other off. Default: `kouplet-controller@@@`
   * and a random one.
   */
  readonly clientId?: string;
  readonly username?: string;
  readonly password?: string | Buffer;
  /** PEM; without it the system's authorities. The broker's certificate is always verified. */
  readonly ca?: string | Buffer;
  /** PEM, both or none: our own certificate, where the broker wants one. */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /**
   * Read anew before each connection, so that a password or certificate that was changed is the one used next; what it answers
   * goes before the options above. Where it throws, the last ones are used again.
   */
  readonly credentials?: () => Partial<Pick<MqttTunnelOptions, 'username' | 'password' | 'ca' | 'cert' | 'key'>>;
  /** Hears and says nothing, no canary either: that nothing is routed any more then shows only by the broker's own pings. */
  readonly listensOnly?: boolean;
  /** How long `start` waits for a broker that is merely not there yet. Default 60 s. */
  readonly startTimeoutMs?: number;
  /** Told once for each failed attempt of the start, for a line of progress. */
  readonly onWaiting?: (reason: string) => void;
  readonly times?: Partial<LinkTimes & { readonly backOffFirstMs: number; readonly backOffCapMs: number }>;
  readonly log?: Log;
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number;
  /** In [0, 1), for jitter. */
  readonly random?: () => number;
}

const defaultTimes = {
  connectTimeoutMs: 10_000,
  canaryEveryMs: 5_000,
  blindAfterMs: 10_000,
  leftoversEveryMs: 600_000,
  keepAliveSeconds: 15,
  backOffFirstMs: 500,
  backOffCapMs: 30_000,
};

export class MqttTunnel implements Tunnel {
  readonly kind = 'external';
  readonly #options: MqttTunnelOptions;
  /** Which process this is, whatever its client id says. */
  readonly #id = randomUUID();
  #target: LinkTarget;
  readonly #times: typeof defaultTimes;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #random: () => number;
  #events: EventLine<TunnelEvent> | undefined;
  #link: MqttLink | undefined;
  #retry: NodeJS.Timeout | undefined;
  #failures = 0;
  #upAt: number | undefined;
  #isClosed = false;
  /** Set until the first `up`, or the rejection of the start. */
  #starting:
    | { readonly done: () => void; readonly fail: (why: BrokerError) => void; readonly until: number }
    | undefined;

  /** @throws BrokerError `bad-address` or `bad-tls` */
  constructor(options: MqttTunnelOptions) {
    this.#options = options;
    this.#target = targetOf(options, this.#id);
    this.#times = { ...defaultTimes, ...options.times };
    this.#log = options.log ?? silentLog;
    this.#now = options.now ?? (() => performance.now());
    this.#random = options.random ?? Math.random;
  }

  /**
   * @throws BrokerError at once for what time will not heal (`bad-address`, `bad-tls`, `tls-refused`, `refused`), `unreachable` once the
   *   broker has not been there for `startTimeoutMs`. After the first `up` nothing is given up any more.
   */
  async start(listener: (event: TunnelEvent) => void): Promise<void> {
    this.#events = new EventLine(listener, this.#log);
    const until = this.#now() + (this.#options.startTimeoutMs ?? 60_000);
    await new Promise<void>((resolve, reject) => {
      this.#starting = { done: resolve, fail: reject, until };
      this.#connect();
    }).finally(() => {
      this.#starting = undefined;
    });
  }

  async send(_baseId: string, topic: string, payload: Uint8Array): Promise<SendOutcome> {
    return this.#link?.publish(topic, payload, { retain: false }) ?? 'down';
  }

  async clearRetained(topic: string): Promise<SendOutcome> {
    return this.#link?.publish(topic, new Uint8Array(), { retain: true }) ?? 'down';
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#retry);
    if (this.#upAt !== undefined) this.#events?.put({ kind: 'down', reason: 'the tunnel is closing' });
    this.#events?.end();
    this.#starting?.fail(new BrokerError('unreachable', 'the tunnel was closed before it was up'));
    await this.#link?.close();
  }

  #connect(): void {
    this.#renew();
    const link = new MqttLink(
      this.#target,
      this.#times,
      {
        message: (message) => this.#events?.put({ kind: 'message', message }),
        seeing: () => this.#up(),
        blind: (reason) => this.#down(reason),
        lost: (why) => this.#lost(why),
      },
      this.#log,
      this.#now,
    );
    this.#link = link;
    link.open();
  }

  #renew(): void {
    const { credentials } = this.#options;
    if (credentials === undefined) return;
    try {
      this.#target = targetOf({ ...this.#options, ...credentials() }, this.#id);
    } catch (error) {
      this.#log('credentials-unread', { reason: reasonOf(error) }, 'error');
    }
  }

  #up(): void {
    this.#upAt = this.#now();
    this.#log('broker-up', { host: this.#target.host, port: this.#target.port }, 'info');
    this.#events?.put({ kind: 'up' });
    this.#starting?.done();
  }

  #down(reason: string): void {
    if (this.#upAt === undefined) return;
    // Up only for moments is no recovery: the back-off goes on where it was.
    if (this.#now() - this.#upAt >= this.#times.blindAfterMs) this.#failures = 0;
    this.#upAt = undefined;
    this.#log('broker-down', { reason }, 'warn');
    this.#events?.put({ kind: 'down', reason });
  }

  #lost(why: BrokerError): void {
    this.#link = undefined;
    this.#down(why.message);
    if (this.#isClosed) return;
    const waitMs = this.#backOffMs();
    const starting = this.#starting;
    if (starting !== undefined) {
      if (why.code !== 'unreachable') {
        starting.fail(why);
        return;
      }
      if (this.#now() + waitMs > starting.until) {
        starting.fail(new BrokerError('unreachable', `${why.message}; start it, or check --broker`, { cause: why }));
        return;
      }
      this.#options.onWaiting?.(why.message);
    }
    this.#log('broker-unreached', { reason: why.message, retryInMs: waitMs }, starting ? 'info' : 'warn');
    this.#retry = setTimeout(() => this.#connect(), waitMs);
  }

  /** Doubling, capped, and spread over its upper half: all replicas lose their broker at the same moment. */
  #backOffMs(): number {
    const { backOffFirstMs, backOffCapMs } = this.#times;
    const full = Math.min(backOffCapMs, backOffFirstMs * 2 ** Math.min(this.#failures, 20));
    this.#failures += 1;
    return Math.round(full * (0.5 + this.#random() / 2));
  }
}

function targetOf(options: MqttTunnelOptions, id: string): LinkTarget {
  const shown = options.url.replace(/\/\/[^@/]*@/, '//');
  const help = 'it must be mqtt://HOST[:PORT] or mqtts://HOST[:PORT]';
  if (!URL.canParse(options.url))
    throw new BrokerError('bad-address', `${JSON.stringify(shown)} is no broker address: ${help}`);
  const url = new URL(options.url);
  const isTls = url.protocol === 'mqtts:' || url.protocol === 'ssl:' || url.protocol === 'tls:';
  if (!isTls && url.protocol !== 'mqtt:' && url.protocol !== 'tcp:') {
    throw new BrokerError('bad-address', `${JSON.stringify(shown)} is no broker address we speak: ${help}`);
  }
  if (url.hostname === '') throw new BrokerError('bad-address', `${JSON.stringify(shown)} names no host: ${help}`);
  if ((options.cert === undefined) !== (options.key === undefined)) {
    throw new BrokerError(
      'bad-tls',
      'a client certificate needs its key and a key its certificate: give --mqtt-cert and --mqtt-key together',
    );
  }
  if (!isTls && (options.ca !== undefined || options.cert !== undefined)) {
    throw new BrokerError(
      'bad-tls',
      `a CA or a certificate was given for ${shown}, which is without TLS: use mqtts://`,
    );
  }
  const username = options.username ?? (url.username === '' ? undefined : decoded(url.username, shown));
  const password = options.password ?? (url.password === '' ? undefined : decoded(url.password, shown));
  return {
    isTls,
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? (isTls ? 8883 : 1883) : Number(url.port),
    clientId: options.clientId ?? `${controllerClientPrefix}${id}`,
    canaryId: id,
    env: options.env,
    listensOnly: options.listensOnly ?? false,
    username,
    password,
    ca: options.ca,
    cert: options.cert,
    key: options.key,
  };
}

function decoded(text: string, shown: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new BrokerError(
      'bad-address',
      `${JSON.stringify(shown)}: user or password in it has a stray "%"; write it as %25`,
    );
  }
}
