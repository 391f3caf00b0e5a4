/**
 * The embedded broker: Aedes with a door (who may come in, how fast), an authorisation (who may say what) and a memory of who is connected.
 * Aedes' settings and the reasons for them: `concurrency: 0` and a drain time-out, because with a finite concurrency one frozen subscriber
 * stops everybody's messages, and draining then overflows the stack.
 */
import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import { Aedes, type AedesOptions, type AuthenticateError, type Client } from 'aedes';
import { type Access, controllerClientPrefix, identityOf, matchesPattern, mayPublish, maySubscribe } from './access.ts';
import { BrokerError } from './errors.ts';
import { type BrokerTls, isLoopback, openFrontDoor } from './front-door.ts';
import { type Gauge, gaugeSocket } from './gauge.ts';
import { type BrokerLimits, defaultLimits, TokenBucket } from './limits.ts';
import { type Log, reasonOf, silentLog } from './log.ts';
import { PasswordCheck } from './password.ts';
import { type Connection, endingOf, Sessions } from './sessions.ts';
import type { User, Users } from './users.ts';

export interface BrokerOptions {
  /** Default 127.0.0.1. Anything but loopback needs `users`. */
  readonly host?: string;
  /** Default 1883 (8883 with TLS); 0 takes a free one. */
  readonly port?: number;
  readonly tls?: BrokerTls;
  /** Who may connect; without it everyone on this machine may, as any base. */
  readonly users?: Users;
  /** Without `users` only: whether a client id that begins as our controllers' do is let in as one. For a broker that runs alone. */
  readonly openController?: boolean;
  readonly limits?: Partial<BrokerLimits>;
  readonly log?: Log;
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number;
}

/** Counts since the start, but for the first two, which are of now. */
export interface BrokerCounts {
  readonly connections: number;
  /** Bases that have subscribed to their commands. */
  readonly sessions: number;
  readonly refusedConnects: number;
  readonly deniedPublishes: number;
  readonly deniedSubscriptions: number;
  /** Connections cut for a packet too large, malformed, or no MQTT 3.1.1. */
  readonly cutConnections: number;
  /** Connections that had to be held back for their rate. */
  readonly throttledConnections: number;
  /** Times that two processes under one identity were told. */
  readonly identityConflicts: number;
}

export interface Broker {
  readonly host: string;
  readonly port: number;
  /** `mqtt://host:port` or `mqtts://host:port`. */
  readonly url: string;
  counts(): BrokerCounts;
  /**
   * Users and certificate from now on. Whoever the new users would not let in as it came is cut; handshakes take the new certificate,
   * open connections keep theirs. What is left out stays as it is.
   *
   * @throws BrokerError `bad-tls`; nothing has changed then
   */
  renew(files: { readonly users?: Users; readonly tls?: BrokerTls }): void;
  /** Stops listening and closes every connection. */
  close(): Promise<void>;
}

/** What the tunnel over this broker needs beyond its door. Not part of the package's face. */
export interface OpenBroker extends Broker {
  readonly aedes: Aedes;
  readonly sessions: Sessions;
  /** Whether so much waits to be read by a client that nothing more is sent to it. */
  readonly isBacklogged: (client: Client) => boolean;
}

/**
 * Starts a broker.
 *
 * @throws BrokerError `credentials-required`, `port-in-use`, `cannot-listen`, `bad-tls`
 */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  return openBroker(options);
}

/** A denied publish goes here, where nobody can listen: Aedes would answer a refusal by cutting the client. */
const deniedTopic = '$kouplet/denied';

export async function openBroker(options: BrokerOptions): Promise<OpenBroker> {
  const host = options.host ?? '127.0.0.1';
  const log = options.log ?? silentLog;
  const now = options.now ?? (() => performance.now());
  const limits = { ...defaultLimits, ...options.limits };
  let { users } = options;
  if (users === undefined && !isLoopback(host)) {
    throw new BrokerError(
      'credentials-required',
      `refusing to listen on ${host} without users: anyone who reaches it could install modules into every base; give a users file (--users FILE), or listen on 127.0.0.1`,
    );
  }
  for (const warning of users?.warnings ?? []) log('users-warning', { warning }, 'warn');
  if (users !== undefined && options.tls === undefined && !isLoopback(host)) {
    log('clear-text', { host, help: 'passwords cross the network readable; give a TLS certificate' }, 'warn');
  }

  const sessions = new Sessions(log, now);
  let passwords = new PasswordCheck();
  const gauges = new WeakMap<Duplex, Gauge>();
  const cuts = new WeakMap<Duplex, string>();
  const reconnects = new ReconnectPace(limits, now);
  const epoch = randomBytes(4).toString('hex');
  const counted = { refused: 0, deniedPublishes: 0, deniedSubscriptions: 0, cut: 0, throttled: 0, admitted: 0 };

  const refuse = (client: Client, returnCode: 2 | 3 | 4 | 5, reason: string): AuthenticateError => {
    counted.refused += 1;
    log('connect-refused', { client: client.id.slice(0, 300), reason }, 'warn');
    return Object.assign(new Error(reason), { returnCode });
  };

  const admit = (client: Client, { access, user }: Identified): void => {
    const gauge = gauges.get(client.conn);
    if (access.role === 'controller') gauge?.trust();
    counted.admitted += 1;
    sessions.admit({
      client,
      access,
      gauge,
      user,
      sessionId: `${epoch}-${counted.admitted}`,
      filters: new Set(),
      seats: new Set(),
      ending: undefined,
      wasDeniedTold: false,
    });
    client.conn.once('close', () => sessions.ended(client));
  };

  /** Decides who a client is; the answer is an access or a refusal. */
  const identify = async (
    client: Client,
    userName: string | undefined,
    password: Buffer | undefined,
  ): Promise<Identified | AuthenticateError> => {
    const baseId = identityOf(client.id);
    const anonymous = 'its client id names no identity: it must be <prefix>@@@<identity>';
    if (users === undefined) {
      if (options.openController === true && client.id.startsWith(controllerClientPrefix))
        return { access: { role: 'controller' }, user: undefined };
      return baseId === undefined
        ? refuse(client, 2, anonymous)
        : { access: { role: 'base', baseId }, user: undefined };
    }
    if (userName === undefined || password === undefined) return refuse(client, 4, 'it gave no user and password');
    const user = users.byName.get(userName);
    const answer = await passwords.check(userName, user?.secret, password, () => !client.closed);
    if (answer === 'busy') return refuse(client, 3, 'too many passwords wait to be checked');
    if (answer === 'wrong' || user === undefined) return refuse(client, 4, 'wrong user or password');
    if (user.certificate !== undefined && commonNameOf(client.conn) !== user.certificate) {
      const named = JSON.stringify(userName);
      return refuse(client, 5, `user ${named} must show a certificate of ${JSON.stringify(user.certificate)}`);
    }
    if (user.role === 'controller') return { access: { role: 'controller' }, user };
    if (baseId === undefined) return refuse(client, 2, anonymous);
    if (!mayBe(user, baseId)) {
      return refuse(client, 5, `user ${JSON.stringify(userName)} may not speak as base ${JSON.stringify(baseId)}`);
    }
    return { access: { role: 'base', baseId }, user };
  };

  /** Whoever does not read is cut after the drain time-out; until then what waits for it is bounded. */
  const isBacklogged = (client: Client): boolean => {
    const factor = sessions.of(client)?.access.role === 'controller' ? 16 : 1;
    return client.conn.writableLength > limits.maxBacklogBytes * factor;
  };

  const tellDenied = (connection: Connection | undefined, what: string, topic: string): void => {
    if (connection === undefined || connection.wasDeniedTold) return;
    connection.wasDeniedTold = true;
    const base = connection.access.role === 'base' ? connection.access.baseId : undefined;
    log('access-denied', { client: connection.client.id, base, what, topic: topic.slice(0, 300) }, 'warn');
  };

  const aedesOptions: AedesOptions = {
    concurrency: 0,
    drainTimeout: limits.drainTimeoutMs,
    connectTimeout: limits.connectTimeoutMs,
    maxInflightInbound: 20,
    maxTopicLevels: 16,
    preConnect: (client, packet, answer) => {
      // Clean sessions only: an offline queue is unbounded and would replay stale commands. Answered truthfully: no session present.
      packet.clean = true;
      // No wills: a base's death is told by its connection, and a will would speak after its authority has ended.
      delete packet.will;
      const asked = packet.keepalive ?? 0;
      packet.keepalive = asked === 0 ? limits.maxKeepAliveSeconds : Math.min(asked, limits.maxKeepAliveSeconds);
      const waitMs = reconnects.waitMs(packet.clientId);
      if (waitMs === 0) return answer(null, true);
      setTimeout(() => {
        if (!client.closed) answer(null, true);
      }, waitMs).unref();
    },
    authenticate: (client, userName, password, answer) => {
      identify(client, userName, password).then(
        (decided) => {
          if (decided instanceof Error) return answer(decided, false);
          // The users may have been read anew while its password was checked.
          if (decided.user !== undefined && !isStillIn(decided, users)) {
            return answer(refuse(client, 5, 'its user was changed meanwhile'), false);
          }
          if (!client.closed) admit(client, decided);
          answer(null, true);
        },
        (error: unknown) => answer(refuse(client, 3, `its password could not be checked: ${reasonOf(error)}`), false),
      );
    },
    authorizePublish: (client, packet, answer) => {
      const connection = sessions.of(client);
      const isAllowed = connection !== undefined && mayPublish(connection.access, packet.topic);
      // A controller clears upstream's leftovers by empty retained publishes; none is kept here, so there is nothing to clear or to pass on.
      const isClearing = packet.retain && packet.payload.length === 0;
      if (!isAllowed) {
        counted.deniedPublishes += 1;
        tellDenied(connection, 'publish', packet.topic);
      }
      if (!isAllowed || isClearing) {
        packet.topic = deniedTopic;
        packet.payload = '';
      }
      packet.retain = false;
      answer(null);
    },
    authorizeForward: (client, packet) => (isBacklogged(client) ? null : packet),
    authorizeSubscribe: (client, subscription, answer) => {
      const connection = sessions.of(client);
      const isAllowed =
        connection !== undefined &&
        maySubscribe(connection.access, subscription.topic) &&
        (connection.access.role === 'controller' || connection.filters.size < limits.maxSubscriptions);
      if (isAllowed) return answer(null, subscription);
      counted.deniedSubscriptions += 1;
      tellDenied(connection, 'subscribe', subscription.topic);
      // SUBACK 128: refused, and the client goes on [MQTT-3.9.3].
      answer(null, null);
    },
  };
  const aedes = await Aedes.createBroker(aedesOptions);
  aedes.on('subscribe', (granted, client) => {
    const filters = granted.filter((one) => (one.qos as number) !== 128).map((one) => one.topic);
    sessions.subscribed(client, filters);
  });
  aedes.on('unsubscribe', (filters, client) => {
    if (client !== null && !client.closed) sessions.unsubscribed(client, filters);
  });
  aedes.on('clientError', (client, error) => {
    const connection = sessions.of(client);
    const cut = cuts.get(client.conn);
    if (connection) connection.ending ??= cut === undefined ? endingOf(error) : { cause: 'cut', reason: cut };
  });
  aedes.on('clientDisconnect', (client) => sessions.ended(client));
  aedes.on('connectionError', (_client, error) => log('connection-error', { reason: reasonOf(error) }, 'debug'));
  // Not in Aedes' types: what its persistence could not do. In memory it always can; were it not so, one message is lost, not the process.
  (aedes as NodeJS.EventEmitter).on('error', (error: unknown) =>
    log('broker-error', { reason: reasonOf(error) }, 'error'),
  );

  const door = await openFrontDoor(
    { host, port: options.port ?? (options.tls ? 8883 : 1883), tls: options.tls, limits, log, now },
    (socket) => {
      const gauge = gaugeSocket(socket, limits, now, {
        onShut: (reason) => {
          counted.cut += 1;
          cuts.set(socket, reason);
          const connection = sessions.ofSocket(socket);
          if (connection) connection.ending ??= { cause: 'cut', reason };
          log('connection-cut', { client: connection?.client.id, reason }, 'warn');
        },
        onThrottled: () => {
          counted.throttled += 1;
          log('client-throttled', { client: sessions.ofSocket(socket)?.client.id }, 'warn');
        },
      });
      gauges.set(socket, gauge);
      aedes.handle(socket);
    },
  ).catch(async (error: unknown) => {
    await closeAedes(aedes);
    throw error;
  });

  const shownHost = host.includes(':') ? `[${host}]` : host;
  const url = `${options.tls ? 'mqtts' : 'mqtt'}://${shownHost}:${door.port}`;
  log('listening', { url, users: users?.byName.size ?? 0 }, 'info');
  let closing: Promise<void> | undefined;
  return {
    host,
    port: door.port,
    url,
    aedes,
    sessions,
    isBacklogged,
    counts: () => ({
      connections: sessions.connectionCount,
      sessions: sessions.seatCount,
      refusedConnects: counted.refused,
      deniedPublishes: counted.deniedPublishes,
      deniedSubscriptions: counted.deniedSubscriptions,
      cutConnections: counted.cut,
      throttledConnections: counted.throttled,
      identityConflicts: sessions.conflictCount,
    }),
    renew: (files) => {
      if (files.tls !== undefined) door.renewTls(files.tls);
      if (files.users === undefined) return;
      users = files.users;
      // What it remembers was right for the users of before.
      passwords = new PasswordCheck();
      for (const warning of users.warnings) log('users-warning', { warning }, 'warn');
      for (const connection of [...sessions.all()]) {
        if (isStillIn(connection, users)) continue;
        const reason = 'its user was removed or changed';
        connection.ending ??= { cause: 'cut', reason };
        log('connection-cut', { client: connection.client.id, reason }, 'warn');
        connection.client.close();
      }
      log('users-renewed', { users: users.byName.size }, 'info');
    },
    close: () => {
      closing ??= (async () => {
        sessions.listen(undefined);
        await Promise.all([door.close(), closeAedes(aedes)]);
        log('closed', { url }, 'info');
      })();
      return closing;
    },
  };
}

/** Who a client is found to be. */
interface Identified {
  readonly access: Access;
  readonly user: User | undefined;
}

/** Whether the users of now would let in who is in: the same secret, the same role, an identity that is still theirs. */
function isStillIn({ access, user }: Identified, users: Users | undefined): boolean {
  const present = user === undefined ? undefined : users?.byName.get(user.name);
  if (user === undefined || present === undefined) return false;
  const isSame =
    present.role === user.role &&
    present.certificate === user.certificate &&
    isDeepStrictEqual(present.secret, user.secret);
  return isSame && (access.role === 'controller' || mayBe(present, access.baseId));
}

function mayBe(user: User, baseId: string): boolean {
  return user.patterns.some((pattern) => matchesPattern(pattern, baseId));
}

/** Common name of the client's verified certificate. */
function commonNameOf(socket: Duplex): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const name = socket.getPeerCertificate().subject?.CN;
  return typeof name === 'string' ? name : undefined;
}

function closeAedes(aedes: Aedes): Promise<void> {
  return new Promise((resolve) => aedes.close(() => resolve()));
}

/** Makes whoever reconnects in a loop wait for its CONNACK. Remembers only client ids that have used up part of their burst. */
class ReconnectPace {
  readonly #limits: BrokerLimits;
  readonly #now: () => number;
  readonly #byClientId = new Map<string, TokenBucket>();

  constructor(limits: BrokerLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
  }

  waitMs(clientId: string): number {
    const now = this.#now();
    const { reconnectsPerSecond, reconnectBurst, maxConnections } = this.#limits;
    const bucket = this.#byClientId.get(clientId) ?? new TokenBucket(reconnectsPerSecond, reconnectBurst, now);
    const waitMs = bucket.waitMs(now);
    // A debt of at most one connect: impatient attempts do not add up to an exile.
    if (waitMs === 0) bucket.take(1, now);
    this.#byClientId.delete(clientId);
    this.#byClientId.set(clientId, bucket);
    for (const [id, oldest] of this.#byClientId) {
      if (!oldest.isFull(now) && this.#byClientId.size <= maxConnections * 2) break;
      this.#byClientId.delete(id);
    }
    return waitMs;
  }
}
