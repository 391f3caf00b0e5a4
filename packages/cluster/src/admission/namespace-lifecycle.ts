/** NamespaceLifecycle: nothing is made in a namespace that is not there or is going; some namespaces stay. */
import { forbidden, notFound } from '../status.ts';
import type { AdmissionPlugin } from './plugin.ts';

const immortal: ReadonlySet<string> = new Set(['default', 'kube-system', 'kube-public']);

/** [SPEC C60] */
export const namespaceLifecycle: AdmissionPlugin = {
  name: 'NamespaceLifecycle',
  admit: ({ operation, kind, resource, namespace, name, store }) => {
    if (resource === 'namespaces') {
      if (operation === 'DELETE' && immortal.has(name)) {
        throw forbidden(kind, name, 'this namespace may not be deleted');
      }
      return;
    }
    if (namespace === undefined || operation === 'DELETE') return;
    const found = store.get('namespaces', namespace);
    if (found === undefined) throw notFound({ group: '', plural: 'namespaces', kind: 'Namespace' }, namespace);
    if (operation !== 'CREATE' || found.status?.phase !== 'Terminating') return;
    throw forbidden(
      kind,
      name,
      `unable to create new content in namespace ${namespace} because it is being terminated`,
      [
        {
          reason: 'NamespaceTerminating',
          message: `namespace ${namespace} is being terminated`,
          field: 'metadata.namespace',
        },
      ],
    );
  },
};
