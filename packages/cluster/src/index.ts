/**
 * An embedded Kubernetes: API server and controllers in this process, in memory, on loopback.
 *
 * ```ts
 * const cluster = await startCluster();
 * writeFileSync('kubeconfig', cluster.kubeconfig(), { mode: 0o600 });   // kubectl --kubeconfig kubeconfig get nodes
 * await cluster.close();
 * ```
 */
import { admissionPlugins } from './admission/index.ts';
import type { Api } from './api.ts';
import { type Clock, systemClock } from './clock.ts';
import { type ControllerOptions, startControllers } from './controllers/index.ts';
import { kinds } from './kinds/index.ts';
import { bootstrap } from './rest/bootstrap.ts';
import { createState } from './rest/cluster-state.ts';
import { expireEvents } from './rest/expiry.ts';
import { Access } from './security/access.ts';
import { ServiceAccountTokens } from './security/service-account-tokens.ts';
import { listen } from './wire/server.ts';

export { type Api, ApiError, type DeleteOptions, type ListOptions, type Status, type WatchEvent } from './api.ts';
export { type Clock, systemClock } from './clock.ts';
export type { ControllerName, ControllerOptions } from './controllers/index.ts';
export type { KubeObject, Metadata, OwnerReference } from './kinds/kind.ts';

export interface ClusterOptions {
  /** `127.0.0.1` (default), `::1` or `localhost`; nothing else, as there is no authentication. */
  readonly host?: string;
  /** Default 0: any free one. */
  readonly port?: number;
  /** Of the controllers, of timestamps and of the server's own periods. Default: the system's. */
  readonly clock?: Clock;
  /** Which controllers run and with which periods; false: none. Default: all, with the periods of a real cluster. */
  readonly controllers?: boolean | ControllerOptions;
  /** Hears of faults of ours that hurt one request or one object only. Default: silence. */
  readonly onError?: (error: unknown) => void;
}

export interface Cluster {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly port: number;
  /** The same verbs in process. */
  readonly api: Api;
  /** YAML for `kubectl --kubeconfig`; it holds no secret. */
  kubeconfig(): string;
  /** Ends open watches and all controllers; resolved within a second. Calling it again does no harm. */
  close(): Promise<void>;
}

/** @throws Error for an address that is not loopback, or one in use (code EADDRINUSE) */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const clock = options.clock ?? systemClock;
  const onError = options.onError ?? (() => undefined);
  const { ground, api } = createState({ kinds, admission: admissionPlugins, clock, onError });
  let ready = false;
  const tokens = new ServiceAccountTokens({ clock, find: api.get });
  const wire = await listen(ground, {
    host: options.host ?? '127.0.0.1',
    port: options.port ?? 0,
    access: new Access({ tokens }),
    onError,
    ready: () => ready,
  });
  const ends: Array<() => void> = [];
  try {
    bootstrap(api);
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
  let closed: Promise<void> | undefined;
  return {
    url: wire.url,
    port: wire.port,
    api,
    kubeconfig: () => kubeconfigOf(wire.url),
    close() {
      closed ??= (async () => {
        ready = false;
        for (const end of ends) end();
        await wire.close();
      })();
      return closed;
    },
  };
}

/** The client library of JavaScript takes a plain http server only where `insecure-skip-tls-verify` is set; kubectl does not mind. */
function kubeconfigOf(url: string): string {
  return `apiVersion: v1
kind: Config
clusters:
- name: kouplet
  cluster:
    server: ${url}
    insecure-skip-tls-verify: true
users:
- name: kouplet
  user: {}
contexts:
- name: kouplet
  context:
    cluster: kouplet
    user: kouplet
    namespace: default
current-context: kouplet
`;
}
