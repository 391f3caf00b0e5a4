/** `kouplet cluster`: the embedded Kubernetes alone. */
import { type Durability, startCluster } from '@kouplet/cluster';
import { listenFailure, wrongUse } from '../failure.ts';
import { shownPath, writeKubeconfig } from '../kubeconfig-file.ts';
import { say, warn } from '../output.ts';
import { listenToSignals } from '../stopping.ts';
import { showHostPort } from '../values.ts';
import { type SecurityFlags, securityOf } from './cluster-security.ts';

export interface ClusterFlags extends SecurityFlags {
  readonly kubeconfig: string;
  /** Where state is kept; absent: in memory only. */
  readonly dir?: string;
  readonly durable: Durability;
}

export async function cluster(flags: ClusterFlags): Promise<void> {
  if (flags.dir === undefined) refuseDurability(flags.durable, '--dir');
  const security = securityOf(flags);
  const lifetime = listenToSignals((code) => process.exit(code));
  const started = await startCluster({
    ...flags.listen,
    ...security,
    ...(flags.dir === undefined ? {} : { dir: flags.dir, durability: flags.durable }),
    // Loaded only where something went wrong: the cluster itself needs nothing of the core.
    onError: (error) =>
      void import('@kouplet/core').then(({ maskText }) =>
        warn(maskText(`cluster: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)),
      ),
  }).catch((error: unknown) => {
    throw listenFailure(error, 'the Kubernetes API', showHostPort(flags.listen), '--listen');
  });
  try {
    writeKubeconfig(flags.kubeconfig, started.kubeconfig(flags.advertise), '--kubeconfig');
    say(`ready ${shownPath(flags.kubeconfig)}`);
    await lifetime.ended;
  } finally {
    await started.close();
  }
}

/**
 * What is in memory only survives nothing: who asks for more must not believe that he has it.
 *
 * @param keeping  the flag by which state is kept
 * @throws Failure of wrong use
 */
export function refuseDurability(durable: Durability, keeping: '--dir' | '--keep'): void {
  if (durable === 'kill') return;
  throw wrongUse(`--durable ${durable} is for state that is kept`, `Give ${keeping} as well.`);
}
