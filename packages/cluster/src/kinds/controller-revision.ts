/** apps/v1 ControllerRevision. */
import { ageOf } from './ages.ts';
import { defineKind } from './define-kind.ts';
import { required } from './field-errors.ts';
import { isFields, listOf } from './json.ts';
import type { KubeObject } from './kind.ts';
import { validateImmutable } from './object-meta.ts';
import { validateNonnegative } from './probe-validation.ts';
import { ageColumn, column, nameColumn } from './shape.ts';

export const controllerRevision = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  namespaced: true,
  schema: 'V1ControllerRevision',
  defaults: (draft) => {
    draft.revision ??= 0;
  },
  validate: (draft, old) => {
    const errors = validateNonnegative(draft.revision, 'revision');
    if (old !== undefined) return errors;
    if (draft.data === undefined) errors.push(required('data', 'data is mandatory'));
    else if (!isFields(draft.data)) errors.push(required('data', 'data must be a valid JSON object'));
    return errors;
  },
  validateChange: (draft, old) => validateImmutable('data', draft.data, old.data),
  columns: [
    nameColumn,
    column('Controller', 'string', 'Controller of the object'),
    column('Revision', 'string', 'revision indicates the revision of the state represented by Data.'),
    ageColumn,
  ],
  row: (object, now) => [
    object.metadata.name,
    controllerCell(object),
    object.revision ?? 0,
    ageOf(object.metadata.creationTimestamp, now),
  ],
});

/** `statefulset.apps/db`. */
function controllerCell(object: KubeObject): string {
  const owner = listOf(object.metadata.ownerReferences).find(({ controller }) => controller === true);
  if (owner === undefined) return '<none>';
  const [group, version] = String(owner.apiVersion).split('/');
  const kind = String(owner.kind).toLowerCase();
  return `${version === undefined ? kind : `${kind}.${group}`}/${owner.name}`;
}
