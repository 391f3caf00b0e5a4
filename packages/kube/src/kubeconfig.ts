import type { Clock } from './clock.ts';
import type { ClusterAccess } from './credentials.ts';

export type KubeconfigProblem =
  | 'nothing-found'
  | 'file-missing'
  | 'file-unreadable'
  | 'not-yaml'
  | 'not-a-kubeconfig'
  | 'no-current-context'
  | 'no-such-context'
  | 'no-such-cluster'
  | 'no-such-user'
  | 'bad-server'
  | 'bad-certificate'
  | 'unsupported-proxy'
  | 'credentials-failed';

/** The user's mistake: the message is one line that says what, where and what to do. */
export class KubeconfigError extends Error {
  readonly code: KubeconfigProblem;
  constructor(code: KubeconfigProblem, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'KubeconfigError';
    this.code = code;
  }
}

export interface LoadClusterOptions {
  /** A kubeconfig file. Absent: $KUBECONFIG, ~/.kube/config, then the Pod's own service account. */
  readonly kubeconfig?: string;
  /** Absent: the file's current-context. */
  readonly context?: string;
  readonly clock?: Clock;
  /** How often credentials are read again. Default 45 s: a projected token is re-read well within its life. */
  readonly refreshMs?: number;
  /** Told when reading them again failed; the old ones stay in use. */
  readonly onRefreshFailed?: (error: KubeconfigError) => void;
}

/** @throws KubeconfigError */
export async function loadCluster(_options: LoadClusterOptions = {}): Promise<ClusterAccess> {
  throw new Error('not built yet');
}
