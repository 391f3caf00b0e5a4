/**
 * One connection to an external broker, from its socket to its end; never reconnected, a new one is made instead. So nothing of an old
 * connection outlives it: no command that was not acknowledged is sent again later, when it may be wrong.
 *
 *   connecting ──CONNACK──► subscribing ──SUBACK──► looking ──canary──► seeing ◄──canary── blind ──for long──► lost
 *        └───────────────────────┴──────── close, error, refusal ──────────┴──────────────────┴─────────────► lost
 *
 * The canary is a message of ours that must come back: a socket may be open, and the broker even answer pings, while nothing is routed.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { commandSubscriptionsOf, subscriptionsOf } from '@kouplet/protocol';
import { MqttClient, UniqueMessageIdProvider } from 'mqtt';
import { controllerClientPrefix } from './access.ts';
import { BrokerError, type BrokerErrorCode } from './errors.ts';
import { type Log, reasonOf } from './log.ts';
import type { SendOutcome, TunnelMessage } from './tunnel.ts';

/** Where and as whom; checked by the tunnel. */
export interface LinkTarget {
  readonly isTls: boolean;
  readonly host: string;
  readonly port: number;
  readonly clientId: string;
  /** A topic segment that no other process has. */
  readonly canaryId: string;
  readonly env: string;
  readonly listensOnly: boolean;
  readonly username: string | undefined;
  readonly password: string | Buffer | undefined;
  readonly ca: string | Buffer | undefined;
  readonly cert: string | Buffer | undefined;
  readonly key: string | Buffer | undefined;
}

export interface LinkTimes {
  readonly connectTimeoutMs: number;
  readonly canaryEveryMs: number;
  /** No canary for so long is blindness; for three times as long, a lost link. */
  readonly blindAfterMs: number;
  readonly leftoversEveryMs: number;
  readonly keepAliveSeconds: number;
}

export interface LinkListener {
  readonly message: (message: TunnelMessage) => void;
  readonly seeing: () => void;
  readonly blind: (reason: string) => void;
  /** Told once; nothing comes after. */
  readonly lost: (why: BrokerError) => void;
}

/** Publishes of ours that the broker has not acknowledged yet. More means that it does not keep up: the next is not sent. */
const maxUnacknowledged = 1_000;

export class MqttLink {
  readonly #target: LinkTarget;
  readonly #times: LinkTimes;
  readonly #listener: LinkListener;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #canaryTopic: string;
  #client: MqttClient | undefined;
  #state: 'connecting' | 'subscribing' | 'looking' | 'seeing' | 'blind' | 'lost' = 'connecting';
  #error: unknown;
  #unacknowledged = 0;
  #canaryAt = 0;
  #tickedAt = 0;
  #tick: NodeJS.Timeout | undefined;
  #leftovers: NodeJS.Timeout | undefined;

  constructor(target: LinkTarget, times: LinkTimes, listener: LinkListener, log: Log, now: () => number) {
    this.#target = target;
    this.#times = times;
    this.#listener = listener;
    this.#log = log;
    this.#now = now;
    // Inside the tree that a controller must be allowed anyway; three levels, so that no base and no wildcard for bases hears it.
    this.#canaryTopic = `koupleless_${target.env}/kouplet-canary/${target.canaryId}`;
  }

  open(): void {
    const target = this.#target;
    let client: MqttClient;
    try {
      client = new MqttClient(() => this.#openSocket(), {
        clientId: target.clientId,
        protocolVersion: 4,
        clean: true,
        keepalive: this.#times.keepAliveSeconds,
        reschedulePings: false,
        reconnectPeriod: 0,
        connectTimeout: this.#times.connectTimeoutMs,
        resubscribe: false,
        queueQoSZero: false,
        messageIdProvider: new UniqueMessageIdProvider(),
        ...(target.username === undefined ? {} : { username: target.username }),
        ...(target.password === undefined ? {} : { password: target.password }),
      });
    } catch (error) {
      // Certificates and keys are read as the socket is made.
      queueMicrotask(() =>
        this.#lose(
          new BrokerError('bad-tls', `the CA, certificate or key cannot be used: ${reasonOf(error)}`, { cause: error }),
        ),
      );
      return;
    }
    this.#client = client;
    client.on('error', (error) => {
      this.#error ??= error;
      // A refusal, or a CONNACK that never came. Socket errors come here or not, by their code: the close after them is what counts.
      if (this.#state === 'connecting') this.#lose(this.#failure(error));
    });
    client.on('connect', () => void this.#subscribe(client));
    client.on('message', (topic, payload, packet) => this.#heard(topic, payload, packet.retain));
    client.on('close', () => this.#lose(this.#failure(this.#error)));
  }

  /** QoS 1, handed over; whether the broker took it is not waited for. */
  publish(topic: string, payload: Uint8Array, options: { readonly retain: boolean }): SendOutcome {
    const client = this.#client;
    if (client === undefined || this.#target.listensOnly) return 'down';
    if (this.#state !== 'seeing' || this.#unacknowledged >= maxUnacknowledged) return 'down';
    this.#unacknowledged += 1;
    client.publish(
      topic,
      Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength),
      { qos: 1, retain: options.retain },
      () => {
        this.#unacknowledged -= 1;
      },
    );
    return 'sent';
  }

  /** Says goodbye where it can; nothing is told after it is called. */
  async close(): Promise<void> {
    this.#stop();
    const client = this.#client;
    if (client === undefined) return;
    await new Promise<void>((resolve) => {
      // A broker that stands still takes no goodbye.
      const impatience = setTimeout(() => client.end(true, () => resolve()), 500);
      client.end(!client.connected, () => {
        clearTimeout(impatience);
        resolve();
      });
    });
  }

  #openSocket(): Socket {
    const { isTls, host, port, ca, cert, key } = this.#target;
    const socket: Socket = isTls
      ? connectTls({
          host,
          port,
          minVersion: 'TLSv1.2',
          ...(isIP(host) === 0 ? { servername: host } : {}),
          ...(ca === undefined ? {} : { ca }),
          ...(cert === undefined ? {} : { cert }),
          ...(key === undefined ? {} : { key }),
        })
      : connectTcp({ host, port });
    socket.setNoDelay(true);
    socket.on('error', (error) => {
      this.#error ??= error;
    });
    return socket;
  }

  async #subscribe(client: MqttClient): Promise<void> {
    this.#state = 'subscribing';
    const { env, listensOnly } = this.#target;
    const [current = '', ...older] = subscriptionsOf(env);
    const needed = listensOnly ? [current] : [current, this.#canaryTopic];
    const results = await Promise.all([...needed, ...older].map((filter) => isGranted(client, filter)));
    if (this.#isLost()) return;
    const refused = needed.find((_filter, index) => !results[index]);
    if (refused !== undefined) {
      this.#lose(
        new BrokerError(
          'refused',
          `${this.#at} refused the subscription to ${refused}: let ${this.#who} read and write koupleless_${env}/#`,
        ),
      );
      return;
    }
    if (results.includes(false)) {
      this.#log(
        'subscription-refused',
        { filter: older.join(' '), help: 'bases of the seed generation are not heard' },
        'warn',
      );
    }
    if (listensOnly) {
      this.#state = 'seeing';
      this.#listener.seeing();
      return;
    }
    this.#state = 'looking';
    this.#canaryAt = this.#now();
    this.#tickedAt = this.#canaryAt;
    this.#sendCanary(client);
    let sentAt = this.#canaryAt;
    const tickMs = Math.min(1_000, this.#times.canaryEveryMs / 5);
    this.#tick = setInterval(() => {
      const now = this.#now();
      // Had we ourselves stood still, its canaries may lie unread in the socket: timers run before sockets are read.
      const lateMs = now - this.#tickedAt - tickMs;
      this.#tickedAt = now;
      if (lateMs > tickMs) this.#canaryAt += lateMs;
      if (now - sentAt >= this.#times.canaryEveryMs) {
        sentAt = now;
        this.#sendCanary(client);
      }
      this.#judge(now - this.#canaryAt);
    }, tickMs);
  }

  #sendCanary(client: MqttClient): void {
    if (client.connected) client.publish(this.#canaryTopic, 'canary', { qos: 0, retain: false }, () => {});
  }

  #judge(missedForMs: number): void {
    const { blindAfterMs } = this.#times;
    if (missedForMs <= blindAfterMs) return;
    const seconds = Math.round(blindAfterMs / 100) / 10;
    const what = `${this.#at} is connected, but our own message on ${this.#canaryTopic} did not come back for ${seconds} s`;
    switch (this.#state) {
      case 'looking':
        this.#lose(
          new BrokerError('refused', `${what}: let ${this.#who} read and write koupleless_${this.#target.env}/#`),
        );
        break;
      case 'seeing':
        this.#state = 'blind';
        this.#listener.blind(what);
        break;
      case 'blind':
        if (missedForMs > 3 * blindAfterMs) this.#lose(new BrokerError('unreachable', what));
        break;
      default:
        break;
    }
  }

  #heard(topic: string, payload: Uint8Array, isRetained: boolean): void {
    if (this.#state === 'lost') return;
    if (topic === this.#canaryTopic) {
      this.#canaryAt = this.#now();
      if (this.#state !== 'looking' && this.#state !== 'blind') return;
      this.#state = 'seeing';
      this.#listener.seeing();
      if (this.#leftovers === undefined) this.#lookForLeftovers();
      return;
    }
    // The commands that we and other replicas send come by while leftovers are looked for: nobody asked for them.
    const segments = topic.split('/');
    const isFromBase = segments.length === 4 && segments[2] === 'base' && segments[3] !== 'baseline';
    if (isRetained || isFromBase) this.#listener.message({ topic, payload, retain: isRetained });
  }

  /**
   * Retained commands of upstream show themselves once, after subscribing; then the filters are given back, or every command would come to
   * every replica. Looked for anew from time to time, since an upstream controller may still be leaving more behind.
   */
  #lookForLeftovers(): void {
    const client = this.#client;
    if (client === undefined || this.#isLost()) return;
    const filters = commandSubscriptionsOf(this.#target.env);
    void Promise.all(filters.map((filter) => isGranted(client, filter))).then((granted) => {
      if (granted.includes(false) && !this.#isLost()) {
        this.#log(
          'subscription-refused',
          { filter: filters.join(' '), help: 'retained commands left by upstream cannot be seen' },
          'warn',
        );
      }
    });
    this.#leftovers = setTimeout(() => {
      if (client.connected) client.unsubscribe(filters, () => {});
      this.#leftovers = setTimeout(() => this.#lookForLeftovers(), this.#times.leftoversEveryMs);
    }, this.#times.blindAfterMs);
  }

  #isLost(): boolean {
    return this.#state === 'lost';
  }

  #lose(why: BrokerError): void {
    if (this.#isLost()) return;
    this.#stop();
    this.#client?.end(true);
    this.#listener.lost(why);
  }

  #stop(): void {
    this.#state = 'lost';
    clearInterval(this.#tick);
    clearTimeout(this.#leftovers);
  }

  get #at(): string {
    const { isTls, host, port } = this.#target;
    return `the broker ${isTls ? 'mqtts' : 'mqtt'}://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  }

  get #who(): string {
    const { username, clientId } = this.#target;
    const who = username === undefined ? 'clients without a user' : `user ${JSON.stringify(username)}`;
    // One of another's choosing may be what the broker goes by.
    return clientId.startsWith(controllerClientPrefix) ? who : `${who} (client id ${JSON.stringify(clientId)})`;
  }

  #failure(error: unknown): BrokerError {
    const [code, text] = judgeFailure(error, this.#target, this.#who);
    return new BrokerError(code, `${this.#at} ${text}`, { cause: error });
  }
}

/** One filter; false when the broker refuses it (SUBACK 128), or the link breaks meanwhile. */
function isGranted(client: MqttClient, filter: string): Promise<boolean> {
  return new Promise((resolve) => {
    client.subscribe(filter, { qos: 1 }, (error, granted) => {
      resolve(!error && granted !== undefined && granted.every((one) => (one.qos as number) < 128));
    });
  });
}

/** What a failed connection means, and what helps, in the words after "the broker X …". One table. */
function judgeFailure(
  error: unknown,
  { isTls, clientId }: LinkTarget,
  who: string,
): readonly [BrokerErrorCode, string] {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case undefined:
      return ['unreachable', error === undefined ? closedText(isTls) : `failed: ${reasonOf(error)}`];
    case 1:
      return ['refused', 'refused us: it does not speak MQTT 3.1.1'];
    case 2:
      return [
        'refused',
        `refused our client id ${JSON.stringify(clientId)}: allow what begins so, or set another beginning with --mqtt-client-prefix`,
      ];
    case 3:
      return ['unreachable', 'says that it is unavailable'];
    case 4:
      return ['refused', `refused user and password (as ${who}): check --mqtt-username and --mqtt-password-file`];
    case 5:
      return [
        'refused',
        `does not authorise ${who}: check --mqtt-username and --mqtt-password-file, and the broker's own rules`,
      ];
    case 'ENOTFOUND':
      return ['bad-address', 'has a host name that does not exist: check --broker'];
    case 'ECONNREFUSED':
      return ['unreachable', 'is not there (connection refused)'];
    case 'ECONNRESET':
    case 'EPIPE':
      return ['unreachable', closedText(isTls)];
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EAI_AGAIN':
    case 'EMFILE':
      return ['unreachable', `cannot be reached (${String(code)})`];
    default:
      if (isTls && typeof code === 'string') return ['tls-refused', tlsText(code, error)];
      return ['unreachable', `failed: ${reasonOf(error)}`];
  }
}

function closedText(isTls: boolean): string {
  return isTls
    ? 'closed the connection; is that its TLS port, and does it want a client certificate?'
    : 'closed the connection; is that its port without TLS?';
}

function tlsText(code: string, error: unknown): string {
  switch (code) {
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return `has a certificate of an authority we do not know (${code}): give that authority's certificate with --mqtt-ca`;
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `has a certificate for another name: ${reasonOf(error)}`;
    case 'CERT_HAS_EXPIRED':
    case 'CERT_NOT_YET_VALID':
      return `has a certificate that is not valid now (${code}): renew it, or put the clocks right`;
    case 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED':
      return 'wants a client certificate: give one with --mqtt-cert and --mqtt-key';
    case 'ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR':
    case 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA':
    case 'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE':
    case 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED':
    case 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN':
      return `wants another client certificate than ours (${code}): give one of its authority with --mqtt-cert and --mqtt-key`;
    default:
      return `failed the TLS handshake (${code}: ${reasonOf(error)}); is that its TLS port?`;
  }
}
