/** v1 ServiceAccount. */
import { ageOf } from './ages.ts';
import { defineKind } from './define-kind.ts';
import { listOf } from './json.ts';
import { ageColumn, column, nameColumn } from './shape.ts';

export const serviceAccount = defineKind({
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  shortNames: ['sa'],
  namespaced: true,
  schema: 'V1ServiceAccount',
  subresources: [
    {
      name: 'token',
      verbs: ['create'],
      responseKind: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' },
    },
  ],
  columns: [
    nameColumn,
    column(
      'Secrets',
      'string',
      'Secrets is a list of the secrets in the same namespace that pods running using this ServiceAccount are allowed to use. Pods are only limited to this list if this service account has a "kubernetes.io/enforce-mountable-secrets" annotation set to "true". The "kubernetes.io/enforce-mountable-secrets" annotation is deprecated since v1.32. Prefer separate namespaces to isolate access to mounted secrets. This field should not be used to find auto-generated service account token secrets for use outside of pods. Instead, tokens can be requested directly using the TokenRequest API, or service account token secrets can be manually created. More info: https://kubernetes.io/docs/concepts/configuration/secret',
    ),
    ageColumn,
  ],
  row: ({ metadata, secrets }, now) => [metadata.name, listOf(secrets).length, ageOf(metadata.creationTimestamp, now)],
});
