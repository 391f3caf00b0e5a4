/** v1 Namespace. */
import { ageOf } from './ages.ts';
import { defineKind, ensure } from './define-kind.ts';
import { invalid, invalids } from './field-errors.ts';
import { valuesOf } from './json.ts';
import { labelName, qualifiedNameMessages } from './names.ts';
import { validateKubeFinalizer } from './object-meta.ts';
import { ageColumn, allVerbs, column, nameColumn } from './shape.ts';

export const namespace = defineKind({
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  shortNames: ['ns'],
  namespaced: false,
  schema: 'V1Namespace',
  nameRule: labelName,
  verbs: allVerbs.filter((verb) => verb !== 'deletecollection'),
  subresources: [
    { name: 'finalize', verbs: ['update'], responseKind: { group: '', version: 'v1', kind: 'Namespace' } },
  ],
  status: () => ({ phase: 'Active' }),
  defaults: (draft) => {
    ensure(draft, 'spec');
    ensure(draft, 'status').phase ||= 'Active';
    const { name } = draft.metadata;
    if (name) draft.metadata.labels = { ...draft.metadata.labels, 'kubernetes.io/metadata.name': name };
  },
  prepareCreate: (draft) => {
    const spec = ensure(draft, 'spec');
    const finalizers = valuesOf(spec.finalizers);
    spec.finalizers = finalizers.includes('kubernetes') ? finalizers : [...finalizers, 'kubernetes'];
  },
  // Only `finalize` takes finalizers off.
  prepareUpdate: (draft, old) => {
    draft.spec = old.spec;
  },
  validate: (draft, old) =>
    old === undefined
      ? valuesOf(draft.spec?.finalizers).flatMap((name) => [
          ...invalids('spec.finalizers', name, qualifiedNameMessages(name)),
          ...validateKubeFinalizer(name, 'spec.finalizers'),
        ])
      : [],
  validateStatus: (draft, old) => {
    const phase: unknown = draft.status?.phase;
    const isGoing = old.metadata.deletionTimestamp !== undefined;
    if (isGoing && phase !== 'Terminating') {
      const text = "may only be 'Terminating' if `deletionTimestamp` is not empty";
      return [invalid('status.Phase', phase, text)];
    }
    return isGoing || phase === 'Active'
      ? []
      : [invalid('status.Phase', phase, "may only be 'Active' if `deletionTimestamp` is empty")];
  },
  fieldSelectors: { 'status.phase': ({ status }) => String(status?.phase ?? '') },
  columns: [nameColumn, column('Status', 'string', 'The status of the namespace'), ageColumn],
  row: ({ metadata, status }, now) => [metadata.name, status?.phase ?? '', ageOf(metadata.creationTimestamp, now)],
});
