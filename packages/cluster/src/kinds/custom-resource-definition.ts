/** apiextensions.k8s.io/v1 CustomResourceDefinition: what it is; its life and the kinds that come of it stand in `custom/`. */
import { validateDefinition, validateDefinitionChange, warningsOf } from '../custom/definition-validation.ts';
import { defineKind, ensure } from './define-kind.ts';
import { listOf, valuesOf } from './json.ts';
import { dnsSubdomainMessages } from './names.ts';
import { createdAtColumn, nameColumn } from './shape.ts';

/** As `Api` names the resource. */
export const DEFINITIONS = 'customresourcedefinitions.apiextensions.k8s.io';
/** Holds a definition until its objects are gone. */
export const CLEANUP = 'customresourcecleanup.apiextensions.k8s.io';

export const customResourceDefinition = defineKind({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  namespaced: false,
  schema: 'V1CustomResourceDefinition',
  hasGeneration: true,
  // Asked about only; that it is the plural and the group is said by `validate`, which sees both.
  nameRule: (name) => dnsSubdomainMessages(name),
  status: () => ({ conditions: null, acceptedNames: { plural: '', kind: '' }, storedVersions: null }),
  defaults: (draft) => {
    const spec = ensure(draft, 'spec');
    const names = ensure(spec, 'names');
    const kind = typeof names.kind === 'string' ? names.kind : '';
    if (!names.singular && kind !== '') names.singular = kind.toLowerCase();
    if (!names.listKind && kind !== '') names.listKind = `${kind}List`;
    ensure(spec, 'conversion').strategy ||= 'None';
  },
  prepareCreate: (draft) => {
    const stored = listOf(draft.spec?.versions).find((one) => one.storage === true);
    draft.status.storedVersions = stored === undefined ? null : [stored.name];
  },
  prepareUpdate: (draft, old) => {
    const stored = listOf(draft.spec?.versions).filter((one) => one.storage === true);
    const known = valuesOf(old.status?.storedVersions);
    const added = stored.map((one) => String(one.name)).filter((name) => !known.includes(name));
    if (added.length > 0) draft.status = { ...draft.status, storedVersions: [...known, ...added] };
  },
  prepareStatusUpdate: (draft) => {
    const stored = listOf(draft.spec?.versions).filter((one) => one.storage === true);
    if (valuesOf(draft.status?.storedVersions).length === 0) {
      draft.status = { ...draft.status, storedVersions: stored.map((one) => one.name) };
    }
  },
  prepareDelete: (draft, now) => {
    const { metadata } = draft;
    if (metadata.finalizers?.includes(CLEANUP) !== true) {
      metadata.finalizers = [...(metadata.finalizers ?? []), CLEANUP];
    }
    draft.status = { ...draft.status, conditions: [...listOf(draft.status?.conditions), terminating(now)] };
  },
  validate: validateDefinition,
  validateChange: validateDefinitionChange,
  warningsOf,
  columns: [nameColumn, createdAtColumn],
  row: ({ metadata }) => [metadata.name, metadata.creationTimestamp],
});

function terminating(now: number): unknown {
  return {
    type: 'Terminating',
    status: 'True',
    lastTransitionTime: `${new Date(now).toISOString().slice(0, 19)}Z`,
    reason: 'InstanceDeletionPending',
    message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
  };
}
