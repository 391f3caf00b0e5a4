/** Access to the cluster that a kubeconfig names, with credentials that stay fresh. */

import type { Clock } from './clock.ts';
import { systemClock } from './clock.ts';
import type { ClusterAccess, Credentials } from './credentials.ts';
import { isSameTls } from './credentials.ts';
import { loadKubeconfig } from './kubeconfig.ts';
import { readCredentials } from './kubeconfig-credentials.ts';
import { asKubeconfigError, KubeconfigError } from './kubeconfig-error.ts';

export interface LoadClusterOptions {
  /** A kubeconfig file. Absent: $KUBECONFIG, ~/.kube/config, then the Pod's own service account. */
  readonly kubeconfig?: string;
  /** Absent: the file's current-context. */
  readonly context?: string;
  readonly clock?: Clock;
  /** How often credentials are read again. Default 45 s: a projected token changes long before it ends. */
  readonly refreshMs?: number;
  /** Told when reading them again failed; the old ones stay in use. */
  readonly onRefreshFailed?: (error: KubeconfigError) => void;
}

/** Credentials read less than so long ago are not read again for a 401: a bad token must not become a loop of plugin calls. */
const freshMs = 1_000;

/** @throws KubeconfigError  for everything that the user can put right */
export async function loadCluster(options: LoadClusterOptions = {}): Promise<ClusterAccess> {
  const clock = options.clock ?? systemClock;
  let loaded = await loadKubeconfig(options);
  let credentials = await readCredentials(loaded.config, loaded.where);
  let readAt = clock.monotonic();
  let reading: Promise<boolean> | undefined;
  let isClosed = false;
  let cancelTimer = (): void => {};

  /** `isForced`: from the file on, so that a rotated kubeconfig or an exec plugin's revoked token are replaced, too. */
  async function read(isForced: boolean): Promise<boolean> {
    try {
      const source = isForced ? await loadKubeconfig(options) : loaded;
      const fresh = await readCredentials(source.config, source.where);
      if (source.server !== loaded.server) {
        throw new KubeconfigError(
          'bad-server',
          `${source.where} now names another server: restart to use ${source.server}`,
        );
      }
      loaded = source;
      readAt = clock.monotonic();
      if (!isSame(fresh, credentials)) credentials = fresh;
      return true;
    } catch (error) {
      try {
        options.onRefreshFailed?.(asKubeconfigError(error));
      } catch {
        // Who is told must not be able to end the refreshing.
      }
      return false;
    }
  }

  function scheduleNext(): void {
    cancelTimer = clock.setTimeout(async () => {
      reading ??= read(false).finally(() => {
        reading = undefined;
      });
      await reading;
      if (!isClosed) scheduleNext();
    }, options.refreshMs ?? 45_000);
  }

  scheduleNext();
  return {
    server: loaded.server,
    context: loaded.context,
    namespace: loaded.namespace,
    ...(loaded.proxyUrl === undefined ? {} : { proxyUrl: loaded.proxyUrl }),
    credentials: () => credentials,
    refresh: () => {
      if (clock.monotonic() - readAt < freshMs && reading === undefined) return Promise.resolve(true);
      reading ??= read(true).finally(() => {
        reading = undefined;
      });
      return reading;
    },
    close: () => {
      isClosed = true;
      cancelTimer();
    },
  };
}

function isSame(a: Credentials, b: Credentials): boolean {
  const names = Object.keys(a.headers);
  return (
    names.length === Object.keys(b.headers).length &&
    names.every((name) => a.headers[name] === b.headers[name]) &&
    isSameTls(a.tls, b.tls)
  );
}
