/**
 * An embedded Kubernetes: API server and controllers in this process, on loopback; state in memory, or kept in a directory.
 *
 * ```ts
 * const cluster = await startCluster();
 * writeFileSync('kubeconfig', cluster.kubeconfig(), { mode: 0o600 });   // kubectl --kubeconfig kubeconfig get nodes
 * await cluster.close();
 * ```
 */
import { join } from 'node:path';
import { admissionPlugins } from './admission/index.ts';
import type { Api } from './api.ts';
import { type Clock, systemClock } from './clock.ts';
import { type ControllerOptions, startControllers } from './controllers/index.ts';
import { serveDefinitions } from './custom/definitions.ts';
import { kinds } from './kinds/index.ts';
import { bootstrap } from './rest/bootstrap.ts';
import { createState } from './rest/cluster-state.ts';
import { expireEvents } from './rest/expiry.ts';
import { Access } from './security/access.ts';
import { Credentials } from './security/credentials.ts';
import { isWildcard, kubeconfigOf } from './security/kubeconfig.ts';
import { Roles } from './security/roles.ts';
import type { SecureOptions } from './security/secure.ts';
import { ServiceAccountTokens } from './security/service-account-tokens.ts';
import type { Keeper } from './storage/keeper.ts';
import type { Durability } from './storage/sqlite.ts';
import { listen } from './wire/server.ts';

export { type Api, ApiError, type DeleteOptions, type ListOptions, type Status, type WatchEvent } from './api.ts';
export { type Clock, systemClock } from './clock.ts';
export type { ControllerName, ControllerOptions } from './controllers/index.ts';
export type { KubeObject, Metadata, OwnerReference } from './kinds/kind.ts';
export { CredentialsError } from './security/credentials.ts';
export { ownCertificate } from './security/own-certificate.ts';
export type { SecureOptions } from './security/secure.ts';
export { DirectoryError, type DirectoryProblem } from './storage/keeper.ts';
export type { Durability } from './storage/sqlite.ts';

export interface ClusterOptions {
  /** `127.0.0.1` (default), `::1` or `localhost`; any address of this machine where `secure` is given. */
  readonly host?: string;
  /** Default 0: any free one. */
  readonly port?: number;
  /** TLS and a token, in place of plain HTTP for whoever can reach the port. */
  readonly secure?: SecureOptions;
  /** Host names besides this machine's own that requests may be addressed to; with TLS all that the certificate names may be, too. */
  readonly allowHosts?: readonly string[];
  /** Of the controllers, of timestamps and of the server's own periods. Default: the system's. */
  readonly clock?: Clock;
  /** Which controllers run and with which periods; false: none. Default: all, with the periods of a real cluster. */
  readonly controllers?: boolean | ControllerOptions;
  /** Where state is kept (made where it is missing). Absent: in memory only, gone with the process. */
  readonly dir?: string;
  /** What an answered write in `dir` survives: the end of the process (`kill`, the default), or of the power, too. */
  readonly durability?: Durability;
  /** Hears of faults of ours that hurt one request or one object only. Default: silence. */
  readonly onError?: (error: unknown) => void;
}

export interface Cluster {
  /** `http://127.0.0.1:PORT`, with TLS `https://…`; of all addresses of the machine the loopback one. */
  readonly url: string;
  readonly port: number;
  /** The same verbs in process. */
  readonly api: Api;
  /** Tokens of ServiceAccounts, as `kubectl create token` gets them. */
  readonly tokens: ServiceAccountTokens;
  /**
   * YAML for `kubectl --kubeconfig`; with TLS it holds the token and must be kept from others.
   *
   * @param host  name or address under which its reader reaches the server, where it is not `url`
   */
  kubeconfig(host?: string): string;
  /** Ends open watches and all controllers, and keeps what is not yet kept; resolved within a second. Calling it again does no harm. */
  close(): Promise<void>;
}

/** @throws Error for an address that is not loopback, or one in use (code EADDRINUSE); DirectoryError for a `dir` that cannot be used */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { dir, durability = 'kill' } = options;
  // Loaded only where it is asked for: a cluster in memory needs no database.
  const keeper =
    dir === undefined ? undefined : (await import('./storage/sqlite.ts')).openDirectory({ dir, durability });
  try {
    return await startOn(keeper, options);
  } catch (error) {
    keeper?.close();
    throw error;
  }
}

async function startOn(keeper: Keeper | undefined, options: ClusterOptions): Promise<Cluster> {
  const clock = options.clock ?? systemClock;
  const onError = options.onError ?? (() => undefined);
  const { ground, api } = createState({ kinds, admission: admissionPlugins, clock, onError, keeper });
  let ready = false;
  const host = options.host ?? '127.0.0.1';
  const credentials = new Credentials(options.dir === undefined ? undefined : join(options.dir, 'credentials'));
  // Loaded only where it is asked for: TLS is a fifth of a start.
  const secured =
    options.secure === undefined
      ? undefined
      : await (await import('./security/secure.ts')).secure(options.secure, host, credentials);
  const tokens = new ServiceAccountTokens({ clock, find: api.get }, () => credentials.signingKey());
  const allowed = new Set(options.allowHosts?.map((name) => name.toLowerCase()));
  const wire = await listen(ground, {
    host,
    port: options.port ?? 0,
    ...(secured === undefined ? {} : { tls: secured.tls }),
    isAllowedHost: (name) => allowed.has(name) || secured?.isNamed(name) === true,
    access: new Access({
      tokens,
      roles: new Roles(api.list),
      ...(secured === undefined ? {} : { token: secured.token }),
    }),
    onError,
    ready: () => ready,
  });
  const ends: Array<() => void> = [];
  try {
    bootstrap(api);
    ends.push(serveDefinitions(ground, api, onError));
    ends.push(expireEvents(ground.store, clock));
    if (options.controllers !== false) {
      const controllerOptions = typeof options.controllers === 'object' ? options.controllers : {};
      const controllers = startControllers(api, clock, controllerOptions);
      ends.push(() => controllers.stop());
    }
  } catch (error) {
    await wire.close();
    throw error;
  }
  ready = true;
  const urlOf = (name: string): string =>
    `${secured === undefined ? 'http' : 'https'}://${name.includes(':') ? `[${name}]` : name}:${wire.port}`;
  let closed: Promise<void> | undefined;
  return {
    url: urlOf(isWildcard(host) ? '127.0.0.1' : host),
    port: wire.port,
    api,
    tokens,
    kubeconfig: (name) =>
      kubeconfigOf({
        url: urlOf(name ?? (isWildcard(host) ? '127.0.0.1' : host)),
        ca: secured?.ca,
        token: secured?.token,
      }),
    close() {
      closed ??= (async () => {
        ready = false;
        for (const end of ends) end();
        await wire.close();
        ground.store.backlog.close();
      })();
      return closed;
    },
  };
}
