/** ServiceAccount: a pod runs as `default` unless it says otherwise, and as nobody who is not there. */
import { ensure } from '../kinds/define-kind.ts';
import { fieldsOf, listOf } from '../kinds/json.ts';
import { forbidden } from '../status.ts';
import type { AdmissionPlugin } from './plugin.ts';

/** The token volume is left out: there is no kubelet that could fill it. [SPEC C61] */
export const serviceAccountAdmission: AdmissionPlugin = {
  name: 'ServiceAccount',
  admit: ({ operation, kind, resource, subresource, namespace = '', name, draft, store }) => {
    if (operation !== 'CREATE' || resource !== 'pods' || subresource !== undefined || draft === undefined) return;
    // The kubelet's own pods run as nobody.
    if (draft.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined) return;
    const spec = ensure(draft, 'spec');
    spec.serviceAccountName ||= 'default';
    spec.serviceAccount = spec.serviceAccountName;
    const account = store.get('serviceaccounts', String(spec.serviceAccountName), namespace);
    if (account === undefined) {
      const missing = `serviceaccount "${spec.serviceAccountName}" not found`;
      throw forbidden(
        kind,
        name,
        `error looking up service account ${namespace}/${spec.serviceAccountName}: ${missing}`,
      );
    }
    if (listOf(spec.imagePullSecrets).length > 0) return;
    const secrets = listOf(account.imagePullSecrets).map((secret) => ({ name: fieldsOf(secret).name }));
    if (secrets.length > 0) spec.imagePullSecrets = secrets;
  },
};
