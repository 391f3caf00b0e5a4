/** The cluster that a suite runs on: the one that TEST_KUBECONFIG names, or an embedded one of its own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCluster } from '@kouplet/cluster';
import { openApi, type TestApi } from './api.ts';

/** A real cluster's kubeconfig, or undefined. */
export const realKubeconfig = process.env.TEST_KUBECONFIG || undefined;

export interface TestCluster {
  readonly api: TestApi;
  readonly kubeconfig: string;
  readonly isReal: boolean;
  /** Ends the embedded cluster; a real one is left as it is. */
  stop(): Promise<void>;
}

/**
 * @param port  a fixed port for an embedded cluster that must come back under the same address
 * @param isSecure  an embedded one with TLS, tokens and Roles, where it matters who asks, as on a real one
 */
export async function openCluster(port = 0, isSecure = false): Promise<TestCluster> {
  if (realKubeconfig) {
    const api = openApi(realKubeconfig);
    return { api, kubeconfig: realKubeconfig, isReal: true, stop: () => api.close() };
  }
  const folder = mkdtempSync(join(tmpdir(), 'kouplet-'));
  const cluster = await startCluster({ port, ...(isSecure ? { secure: {} } : {}) });
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, cluster.kubeconfig(), { mode: 0o600 });
  const api = openApi(kubeconfig);
  return {
    api,
    kubeconfig,
    isReal: false,
    stop: async () => {
      await api.close();
      await cluster.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
