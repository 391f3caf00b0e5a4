/** What every cluster has before anyone asks: four namespaces, each with its ServiceAccount `default`. */
import type { Api } from '../api.ts';

const NAMESPACES = ['default', 'kube-node-lease', 'kube-public', 'kube-system'];
const ACTOR = 'kube-apiserver';

export function bootstrap(api: Api): void {
  for (const name of NAMESPACES) {
    if (api.get('namespaces', name) === undefined) {
      api.create('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, { actor: ACTOR });
    }
    if (api.get('serviceaccounts', 'default', name) === undefined) {
      const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: name } };
      api.create('serviceaccounts', account, { actor: ACTOR });
    }
  }
}
