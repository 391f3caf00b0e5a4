/**
 * What every cluster has before anyone asks: four namespaces, each with its ServiceAccount `default`, two priority classes, and the Service
 * by which Pods would find the API server.
 */
import type { Api } from '../api.ts';
import roles from '../security/default-roles.json' with { type: 'json' };

const NAMESPACES = ['default', 'kube-node-lease', 'kube-public', 'kube-system'];
const ACTOR = 'kube-apiserver';

const PRIORITY_CLASSES = [
  {
    metadata: { name: 'system-node-critical' },
    value: 2_000_001_000,
    description: 'Used for system critical pods that must not be moved from their current node.',
  },
  {
    metadata: { name: 'system-cluster-critical' },
    value: 2_000_000_000,
    description:
      'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  },
];

const API_SERVER = {
  metadata: { name: 'kubernetes', namespace: 'default', labels: { component: 'apiserver', provider: 'kubernetes' } },
  spec: {
    type: 'ClusterIP',
    clusterIP: '10.96.0.1',
    ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 6443 }],
  },
};

export function bootstrap(api: Api): void {
  for (const one of PRIORITY_CLASSES) {
    if (api.get('priorityclasses.scheduling.k8s.io', one.metadata.name) === undefined) {
      api.create('priorityclasses.scheduling.k8s.io', one, { actor: ACTOR });
    }
  }
  const access = { clusterroles: roles.clusterRoles, clusterrolebindings: roles.clusterRoleBindings };
  for (const [plural, objects] of Object.entries(access)) {
    const resource = `${plural}.rbac.authorization.k8s.io`;
    for (const object of objects) {
      if (api.get(resource, object.metadata.name) === undefined) api.create(resource, object, { actor: ACTOR });
    }
  }
  for (const name of NAMESPACES) {
    if (api.get('namespaces', name) === undefined) {
      api.create('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, { actor: ACTOR });
    }
    if (api.get('serviceaccounts', 'default', name) === undefined) {
      const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: name } };
      api.create('serviceaccounts', account, { actor: ACTOR });
    }
  }
  if (api.get('services', 'kubernetes', 'default') === undefined) api.create('services', API_SERVER, { actor: ACTOR });
}
