/**
 * The listening socket: TCP or TLS, loopback or not, and the pace at which connections are let in.
 *
 *   accepted ──token?──► admitted ──(TLS handshake)──► a client
 *       └──none──► waits in line (bounded by maxConnections), skipped if it closed meanwhile
 */
import { createServer, isIP, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createSecureContext, createServer as createTlsServer, type Server as TlsServer } from 'node:tls';
import { BrokerError } from './errors.ts';
import { type BrokerLimits, TokenBucket } from './limits.ts';
import { type Log, reasonOf } from './log.ts';

/** Certificate chain and private key, PEM. */
export interface BrokerTls {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** PEM: the authority that clients' certificates must be of. Without it none is asked for. */
  readonly clientCa?: string | Buffer;
}

export interface FrontDoorOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: BrokerTls | undefined;
  readonly limits: BrokerLimits;
  readonly log: Log;
  readonly now: () => number;
}

export interface FrontDoor {
  readonly port: number;
  /** For handshakes from now on; connections that are open stay. @throws BrokerError `bad-tls` */
  renewTls(tls: BrokerTls): void;
  /** Stops listening and destroys every connection. */
  close(): Promise<void>;
}

/** Whether an address is reached from this machine only. A name other than `localhost` is not taken for loopback, whatever it resolves to. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/**
 * Listens and hands each connection on, once it may come in and (TLS) its handshake is done.
 *
 * @throws BrokerError `port-in-use`, `cannot-listen` or `bad-tls`
 */
export async function openFrontDoor(options: FrontDoorOptions, onClient: (socket: Duplex) => void): Promise<FrontDoor> {
  const { host, port, limits, log, now } = options;
  const sockets = new Set<Socket>();
  const tlsServer = options.tls && openTls(options.tls, limits, log, onClient);
  const pace = new TokenBucket(limits.connectsPerSecond, limits.connectsPerSecond * 2, now());
  const line: Socket[] = [];
  let next: NodeJS.Timeout | undefined;

  const admit = (socket: Socket): void => {
    pace.take(1, now());
    if (tlsServer) tlsServer.emit('connection', socket);
    else onClient(socket);
  };
  const admitWaiting = (): void => {
    next = undefined;
    const waiting = line.splice(0, line.length).filter((socket) => !socket.destroyed);
    let admitted = 0;
    for (const socket of waiting) {
      if (pace.waitMs(now()) > 0) break;
      admit(socket);
      admitted += 1;
    }
    line.push(...waiting.slice(admitted));
    if (line.length > 0) next = setTimeout(admitWaiting, Math.max(5, pace.waitMs(now())));
  };

  const server: Server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // Aedes takes its own listener away at its end, and a reset may come after; before its beginning there is none.
    socket.on('error', (error) => log('connection-error', { reason: reasonOf(error) }, 'debug'));
    if (line.length === 0 && pace.waitMs(now()) === 0) {
      admit(socket);
      return;
    }
    line.push(socket);
    next ??= setTimeout(admitWaiting, Math.max(5, pace.waitMs(now())));
  });
  server.maxConnections = limits.maxConnections;
  server.on('drop', () =>
    log('connection-dropped', { reason: 'too many connections', max: limits.maxConnections }, 'warn'),
  );

  const boundPort = await new Promise<number>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, host, port)));
    server.listen({ host, port, backlog: 4096 }, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
  server.removeAllListeners('error');
  // An accept that fails (no file descriptors left) is not the end of those who are in.
  server.on('error', (error) => log('accept-failed', { reason: reasonOf(error) }, 'error'));

  return {
    port: boundPort,
    renewTls: (tls) => tlsServer?.setSecureContext(securedBy(tls)),
    close: () =>
      new Promise((resolve) => {
        clearTimeout(next);
        tlsServer?.removeAllListeners();
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** What a TLS server is made of. @throws BrokerError `bad-tls` */
function securedBy({ cert, key, clientCa }: BrokerTls) {
  const secured = { cert, key, minVersion: 'TLSv1.2' as const, ...(clientCa === undefined ? {} : { ca: clientCa }) };
  try {
    createSecureContext(secured);
  } catch (error) {
    throw new BrokerError(
      'bad-tls',
      `the TLS certificate or key cannot be used (${reasonOf(error)}); both are PEM files, and the key must be the certificate's`,
      { cause: error },
    );
  }
  return secured;
}

function openTls(tls: BrokerTls, limits: BrokerLimits, log: Log, onClient: (socket: Duplex) => void): TlsServer {
  const isMutual = tls.clientCa !== undefined;
  const server = createTlsServer(
    {
      ...securedBy(tls),
      requestCert: isMutual,
      rejectUnauthorized: isMutual,
      handshakeTimeout: limits.connectTimeoutMs,
    },
    onClient,
  );
  server.on('tlsClientError', (error, socket) => {
    log('tls-handshake-failed', { reason: reasonOf(error), from: socket.remoteAddress }, 'debug');
    socket.destroy();
  });
  return server;
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): BrokerError {
  const at = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return new BrokerError(
        'port-in-use',
        `cannot listen on ${at}: another process has that port; stop it or choose another port (0 takes a free one)`,
        {
          cause: error,
        },
      );
    case 'EACCES':
      return new BrokerError(
        'cannot-listen',
        `cannot listen on ${at}: not allowed; ports below 1024 need privileges, choose another`,
        {
          cause: error,
        },
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new BrokerError(
        'cannot-listen',
        `cannot listen on ${at}: this machine has no such address; 0.0.0.0 is all of them`,
        {
          cause: error,
        },
      );
    default:
      return new BrokerError('cannot-listen', `cannot listen on ${at}: ${reasonOf(error)}`, { cause: error });
  }
}
