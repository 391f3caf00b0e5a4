/** Kubeconfig files of tests: who goes through a proxy, who is somebody else, who is nobody. */
import { writeFileSync } from 'node:fs';
import { stringify } from 'yaml';

/** Writes a kubeconfig to a plain http server without credentials, mode 0600, and answers its path. */
export function writeKubeconfigTo(path: string, server: string): string {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server } }],
    users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  writeFileSync(path, stringify(config), { mode: 0o600 });
  return path;
}
