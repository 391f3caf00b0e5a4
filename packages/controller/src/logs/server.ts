/**
 * `kubectl logs` of module Pods: HTTPS as a kubelet serves it to the API server, `GET /containerLogs/NAMESPACE/POD/CONTAINER`. What is
 * streamed is the log of the base's own Pod, as the API server has it.
 *
 *   listening ─serve()─► answering ─close()─► closed (streams are cut)
 *      └─ 503
 */
import { constants } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { TLSSocket } from 'node:tls';
import { configMaps, getObject, type OpenStream, objectPath, pods, type Transport } from '@kouplet/kube';
import type { EdgeClock } from '../clock.ts';
import { type Log, Throttle } from '../log.ts';
import { record, text } from '../projection/json.ts';
import { type Answer, given, insteadOf, isContainerRequest, refusalOf, statusOf } from './answers.ts';
import { locateBasePod } from './base-pod.ts';
import { type Caller, Callers, type Recognised } from './callers.ts';

export interface LogsTls {
  /** Both in PEM. */
  readonly cert: string;
  readonly key: string;
  /** Whose client certificates are believed (PEM); absent: those of the cluster's own authority, as it publishes it. */
  readonly clientCa?: string;
}

export interface LogsServerOptions {
  /** Absent: all of this machine's. */
  readonly host?: string;
  /** 0: any free one. */
  readonly port: number;
  readonly tls: LogsTls;
  /** Where bases' own Pods are looked for; empty: in the namespace of the module's Pod. */
  readonly baseNamespaces: readonly string[];
}

/** A Pod on a Node of ours, and what its base says of itself. */
export interface ModulePlaced {
  readonly baseId: string;
  readonly nodeName: string;
  readonly containers: readonly string[];
  readonly hostName?: string;
  readonly ip?: string;
}

/** What the controller knows. */
export interface LogsGround {
  readonly transport: Transport;
  readonly clock: EdgeClock;
  readonly log: Log;
  readonly find: (namespace: string, pod: string) => ModulePlaced | undefined;
  readonly isVirtualNode: (nodeName: string) => boolean;
  /** Why not everything is known yet; undefined: it is. */
  readonly notReadyReason: () => string | undefined;
}

export interface LogsServer {
  readonly port: number;
  readonly baseNamespaces: readonly string[];
  /** From now on it answers. Resolves when it knows the cluster's authority, or does not; never rejects. */
  serve(ground: LogsGround): Promise<void>;
  /** Other files, for connections to come. @throws Error for a certificate that is none; the old one stays */
  renew(tls: LogsTls): void;
  close(): Promise<void>;
}

/** People who follow logs, each with a connection to the API server: as many as a busy day may have, few enough for one process. */
const streamsAtOnce = 200;
/** The API server keeps a connection a stream; strangers get what is left. */
const connectionsAtOnce = 1_000;
const openTimeoutMs = 120_000;
/** A kubelet answers with the first byte of a log, and a quiet one is followed for as long as its reader likes: as long as a timer goes. */
const followTimeoutMs = 2 ** 31 - 1;
/** After a certificate that is not believed the authority is read again, no more often. */
const authorityPeriodMs = 60_000;
const refusalLogMs = 60_000;

/** @throws the listen error (`EADDRINUSE`, `EACCES`), or Error for a certificate that is none */
export async function listenForLogs(options: LogsServerOptions): Promise<LogsServer> {
  const server = new ListeningLogs(options);
  await server.listen();
  return server;
}

class ListeningLogs implements LogsServer {
  readonly baseNamespaces: readonly string[];
  readonly #options: LogsServerOptions;
  readonly #server: Server;
  readonly #refusals = new Throttle(refusalLogMs);
  readonly #closed = new AbortController();
  #tls: LogsTls;
  /** Read of the cluster, where none was named. */
  #authority: string | undefined;
  #authorityReadAt = Number.NEGATIVE_INFINITY;
  #ground: { readonly ground: LogsGround; readonly callers: Callers } | undefined;
  #streams = 0;

  constructor(options: LogsServerOptions) {
    this.#options = options;
    this.#tls = options.tls;
    this.baseNamespaces = options.baseNamespaces;
    this.#server = createServer(
      {
        ...this.#context(),
        // Believed or not is decided with the request: who has a token needs no certificate.
        requestCert: true,
        rejectUnauthorized: false,
        handshakeTimeout: 10_000,
        // A peer that is gone without a word is found out, though a quiet log sends nothing.
        keepAlive: true,
        keepAliveInitialDelay: 30_000,
      },
      (request, response) => void this.#handle(request, response),
    );
    this.#server.requestTimeout = 10_000;
    this.#server.headersTimeout = 10_000;
    this.#server.keepAliveTimeout = 30_000;
    this.#server.maxConnections = connectionsAtOnce;
    // Neither a stranger's handshake nor his rubbish is our trouble.
    this.#server.on('tlsClientError', () => {});
    this.#server.on('clientError', (_error, socket) => socket.destroy());
  }

  get port(): number {
    const address = this.#server.address();
    return address === null || typeof address === 'string' ? this.#options.port : address.port;
  }

  listen(): Promise<void> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
  }

  async serve(ground: LogsGround): Promise<void> {
    this.#ground = { ground, callers: new Callers(ground.transport, ground.clock) };
    await this.#readAuthority(ground);
    ground.log.info({ port: this.port, baseNamespaces: this.baseNamespaces }, 'logs-served');
    if (this.#trusted() !== undefined) return;
    const advice = 'name the authority of the API server’s kubelet client certificate with --logs-client-ca';
    ground.log.warn({ unread: 'kube-system/extension-apiserver-authentication', advice }, 'logs-for-tokens-only');
  }

  renew(tls: LogsTls): void {
    const before = this.#tls;
    this.#tls = tls;
    try {
      this.#server.setSecureContext(this.#context());
    } catch (error) {
      this.#tls = before;
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  #trusted(): string | undefined {
    return this.#tls.clientCa ?? this.#authority;
  }

  #context() {
    const { cert, key } = this.#tls;
    return {
      cert,
      key,
      // Without any of ours Node would believe the public ones.
      ca: this.#trusted() ?? [],
      minVersion: 'TLSv1.2',
      // A session that is resumed would keep what an authority of before had proven.
      secureOptions: constants.SSL_OP_NO_TICKET,
    } as const;
  }

  /** As extension API servers find it. */
  async #readAuthority({ transport, clock }: LogsGround): Promise<void> {
    const now = clock.now().mono;
    if (this.#tls.clientCa !== undefined || now - this.#authorityReadAt < authorityPeriodMs) return;
    this.#authorityReadAt = now;
    const name = 'extension-apiserver-authentication';
    const outcome = await transport.request(getObject(configMaps, { namespace: 'kube-system', name }));
    const found = outcome.kind === 'ok' ? text(record(record(outcome.body).data)['client-ca-file']) : undefined;
    if (found === undefined || found === this.#authority) return;
    const before = this.#authority;
    this.#authority = found;
    try {
      this.#server.setSecureContext(this.#context());
    } catch {
      this.#authority = before;
    }
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    response.on('error', () => {});
    try {
      const answer = await this.#answer(request, response, gone.signal);
      if (answer === undefined || response.headersSent || response.destroyed) return;
      this.#refuse(answer, request, response);
    } catch (error) {
      this.#ground?.ground.log.error({ err: error }, 'logs-failed');
      if (response.headersSent) response.destroy();
      else this.#refuse({ code: 500, text: 'the answer failed; the controller’s log says how' }, request, response);
    }
  }

  /** @returns what is refused, and why; undefined once a log was streamed */
  async #answer(request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<Answer | undefined> {
    if (this.#ground === undefined) return { code: 503, text: 'the controller is starting' };
    const { ground, callers } = this.#ground;
    const asks = await this.#whoAsks(request, ground, callers);
    if (asks.kind === 'unanswered') return { code: 503, text: asks.message };
    if (asks.kind === 'unknown') return { code: 401, text: 'Unauthorized' };
    const url = URL.parse(request.url ?? '', 'https://localhost');
    if (url === null) return { code: 400, text: 'the request target is no URL' };
    if (isContainerRequest(url.pathname)) {
      return { code: 400, text: `a module runs inside its base, not in a container: ${insteadOf(url.pathname)}` };
    }
    const [, namespace, pod, container] = /^\/containerLogs\/([^/]+)\/([^/]+)\/([^/]+)$/.exec(url.pathname) ?? [];
    if (namespace === undefined || pod === undefined || container === undefined) {
      return { code: 404, text: 'only /containerLogs/NAMESPACE/POD/CONTAINER is served here' };
    }
    if (request.method !== 'GET') return { code: 405, text: 'only GET is answered here' };

    const placed = ground.find(namespace, pod);
    const nodeName = placed?.nodeName ?? '';
    // Before anything is said of the Pod, that there is none included.
    const permission = await callers.mayRead(asks.caller, nodeName);
    if (permission.kind === 'unanswered') return { code: 503, text: permission.message };
    if (permission.kind === 'denied') {
      const of = nodeName === '' ? '' : ` of ${nodeName}`;
      return { code: 403, text: `Forbidden (user=${asks.caller.name}, verb=get, resource=nodes/proxy${of})` };
    }
    if (placed === undefined) {
      const reason = ground.notReadyReason();
      if (reason !== undefined) return { code: 503, text: `this controller does not know yet: ${reason}` };
      return { code: 404, text: `pod ${namespace}/${pod} is on no Node of this controller` };
    }
    if (!placed.containers.includes(container)) {
      return { code: 404, text: `pod ${namespace}/${pod} has no container ${container}` };
    }
    if (this.#streams >= streamsAtOnce) {
      return { code: 429, text: `${streamsAtOnce} logs are being read here already` };
    }
    this.#streams += 1;
    try {
      return await this.#stream(ground, placed, namespace, url.searchParams, response, signal);
    } finally {
      this.#streams -= 1;
    }
  }

  async #whoAsks(request: IncomingMessage, ground: LogsGround, callers: Callers): Promise<Recognised> {
    const { socket } = request;
    const certified = socket instanceof TLSSocket ? certifiedCaller(socket) : undefined;
    if (certified !== undefined && socket instanceof TLSSocket && socket.authorized && this.#trusted() !== undefined) {
      return { kind: 'known', caller: certified };
    }
    const byToken = await callers.ofToken(request.headers.authorization);
    if (byToken.kind === 'unknown' && certified !== undefined) {
      // Perhaps the authority is another one by now: the next connection is judged by it.
      await this.#readAuthority(ground);
    }
    return byToken;
  }

  async #stream(
    { transport, isVirtualNode, log }: LogsGround,
    { baseId, nodeName, hostName, ip }: ModulePlaced,
    namespace: string,
    query: URLSearchParams,
    response: ServerResponse,
    gone: AbortSignal,
  ): Promise<Answer | undefined> {
    const { baseNamespaces } = this.#options;
    const located = await locateBasePod(transport, {
      baseId,
      nodeName,
      ...(hostName === undefined ? {} : { hostName }),
      ...(ip === undefined ? {} : { ip }),
      namespaces: baseNamespaces.length === 0 ? [namespace] : baseNamespaces,
      isVirtualNode,
    });
    if (located.kind === 'failed') return { code: 500, text: located.message };
    // kubectl prints what comes with 400, and swallows what comes with 404.
    if (located.kind === 'unmatched') return { code: 400, text: located.message };
    const signal = AbortSignal.any([gone, this.#closed.signal]);
    const opened = await transport.open({
      method: 'GET',
      path: objectPath(pods, { namespace: located.namespace, name: located.pod }, 'log'),
      query: { ...given(query), container: located.container },
      timeoutMs: query.get('follow') === 'true' ? followTimeoutMs : openTimeoutMs,
      signal,
    });
    const whose = `the log of the base's Pod ${located.namespace}/${located.pod}`;
    if (opened.kind !== 'open') return refusalOf(opened, whose);
    log.debug({ base: baseId, pod: `${located.namespace}/${located.pod}` }, 'log-opened');
    await passOn(opened, response, signal);
    return undefined;
  }

  #refuse({ code, text: words }: Answer, request: IncomingMessage, response: ServerResponse): void {
    const ground = this.#ground?.ground;
    const held = ground === undefined ? undefined : this.#refusals.pass(String(code), ground.clock.now().mono);
    if (held !== undefined) ground?.log.warn({ code, message: words.slice(0, 1_000), held }, 'log-refused');
    // kubectl takes the answer to an upgrade as it is, the API server makes a Status of the others itself.
    const isUpgrade = request.headers.upgrade !== undefined;
    const body = isUpgrade ? JSON.stringify(statusOf(code, words)) : words;
    response.writeHead(code, {
      'content-type': isUpgrade ? 'application/json' : 'text/plain; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      // With another connection another certificate, or the same under another authority, is looked at.
      connection: 'close',
    });
    response.end(body);
  }
}

/** Headers at once, as a log may be quiet for long; then byte by byte, no faster than they are read. */
async function passOn({ body }: OpenStream, response: ServerResponse, signal: AbortSignal): Promise<void> {
  response.writeHead(200, {
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.flushHeaders();
  try {
    await pipeline(body, response, { signal });
  } catch {
    // One of both ends is gone: the other is told by its connection.
    response.destroy();
  }
}

function certifiedCaller(socket: TLSSocket): Caller | undefined {
  const subject = socket.getPeerCertificate()?.subject;
  const names = [subject?.CN ?? []].flat();
  const [name] = names;
  if (name === undefined || name === '') return undefined;
  return { name, groups: [...[subject.O ?? []].flat(), 'system:authenticated'] };
}
