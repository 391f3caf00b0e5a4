/** Kubeconfig files of tests: who goes through a proxy, who is somebody else, who is nobody. */
import { readFileSync, writeFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';

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

/** Writes a kubeconfig to the cluster of another one, for whoever the token means, mode 0600, and answers its path. */
export function writeKubeconfigWithToken(path: string, of: string, token: string): string {
  const config = parse(readFileSync(of, 'utf8'));
  const users = config.users.map((one: { readonly name: string }) => ({ name: one.name, user: { token } }));
  writeFileSync(path, stringify({ ...config, users }), { mode: 0o600 });
  return path;
}
