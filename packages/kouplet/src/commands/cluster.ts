/** `kouplet cluster`: the embedded Kubernetes alone. */
import { type Durability, startCluster } from '@kouplet/cluster';
import { listenFailure } from '../failure.ts';
import { shownPath, writeKubeconfig } from '../kubeconfig-file.ts';
import { say, warn } from '../output.ts';
import { listenToSignals } from '../stopping.ts';
import { type HostPort, showHostPort } from '../values.ts';

export interface ClusterFlags {
  readonly listen: HostPort;
  readonly kubeconfig: string;
  /** Where state is kept; absent: in memory only. */
  readonly dir?: string;
  readonly durable: Durability;
}

export async function cluster(flags: ClusterFlags): Promise<void> {
  const lifetime = listenToSignals((code) => process.exit(code));
  const started = await startCluster({
    ...flags.listen,
    ...(flags.dir === undefined ? {} : { dir: flags.dir, durability: flags.durable }),
    onError: (error) => warn(`cluster: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`),
  }).catch((error: unknown) => {
    throw listenFailure(error, 'the Kubernetes API', showHostPort(flags.listen), '--listen');
  });
  try {
    writeKubeconfig(flags.kubeconfig, started.kubeconfig(), '--kubeconfig');
    say(`ready ${shownPath(flags.kubeconfig)}`);
    await lifetime.ended;
  } finally {
    await started.close();
  }
}
