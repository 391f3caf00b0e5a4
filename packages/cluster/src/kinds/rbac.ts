/** rbac.authorization.k8s.io/v1: roles and bindings; what they come to is in `security/roles.ts`. */
import { ageOf } from './ages.ts';
import { defineKind, type KindDefinition } from './define-kind.ts';
import { invalid, required, unsupported } from './field-errors.ts';
import { fieldsOf, isSame, listOf, valuesOf } from './json.ts';
import type { FieldError, KubeObject } from './kind.ts';
import { pathSegmentName } from './names.ts';
import { ageColumn, column, createdAtColumn, nameColumn, wideColumn } from './shape.ts';

const group = 'rbac.authorization.k8s.io';
type Common = Pick<KindDefinition, 'group' | 'version' | 'nameRule' | 'defaults' | 'validate' | 'columns' | 'row'>;

const roleParts: Common = {
  group,
  version: 'v1',
  nameRule: pathSegmentName,
  defaults: (draft) => {
    draft.rules ??= null;
  },
  validate: (draft) =>
    listOf(draft.rules).flatMap(({ verbs, nonResourceURLs, apiGroups, resources }, index) => {
      const here = `rules[${index}]`;
      const errors: FieldError[] = [];
      if (valuesOf(verbs).length === 0) errors.push(required(`${here}.verbs`, 'verbs must contain at least one value'));
      if (valuesOf(nonResourceURLs).length > 0) return errors;
      if (valuesOf(apiGroups).length === 0) {
        errors.push(required(`${here}.apiGroups`, 'resource rules must supply at least one api group'));
      }
      if (valuesOf(resources).length === 0) {
        errors.push(required(`${here}.resources`, 'resource rules must supply at least one resource'));
      }
      return errors;
    }),
  columns: [nameColumn, createdAtColumn],
  row: ({ metadata }) => [metadata.name, metadata.creationTimestamp],
};

export const role = defineKind({ ...roleParts, kind: 'Role', plural: 'roles', namespaced: true, schema: 'V1Role' });

export const clusterRole = defineKind({
  ...roleParts,
  kind: 'ClusterRole',
  plural: 'clusterroles',
  namespaced: false,
  schema: 'V1ClusterRole',
});

function bindingParts(kinds: readonly string[]): Common & Pick<KindDefinition, 'validateChange'> {
  return {
    group,
    version: 'v1',
    nameRule: pathSegmentName,
    defaults: (draft) => {
      if (draft.roleRef !== undefined) fieldsOf(draft.roleRef).apiGroup ||= group;
      for (const subject of listOf(draft.subjects)) if (subject.kind !== 'ServiceAccount') subject.apiGroup ||= group;
    },
    validate: (draft) => {
      const reference = fieldsOf(draft.roleRef);
      const errors: FieldError[] = [];
      if (!kinds.includes(reference.kind)) errors.push(unsupported('roleRef.kind', reference.kind ?? '', kinds));
      if (!reference.name) errors.push(required('roleRef.name'));
      for (const [index, subject] of listOf(draft.subjects).entries()) {
        if (!subject.name) errors.push(required(`subjects[${index}].name`));
        if (!['Group', 'ServiceAccount', 'User'].includes(subject.kind)) {
          const supported = ['ServiceAccount', 'User', 'Group'];
          errors.push(unsupported(`subjects[${index}].kind`, subject.kind ?? '', supported));
        } else if (subject.kind === 'ServiceAccount' && !subject.namespace) {
          errors.push(required(`subjects[${index}].namespace`));
        }
      }
      return errors;
    },
    validateChange: (draft, old) =>
      isSame(draft.roleRef, old.roleRef)
        ? []
        : [invalid('roleRef', printedReference(draft.roleRef), 'cannot change roleRef')],
    columns: [
      nameColumn,
      column(
        'Role',
        'string',
        'RoleRef can reference a Role in the current namespace or a ClusterRole in the global namespace. If the RoleRef cannot be resolved, the Authorizer must return an error.',
      ),
      ageColumn,
      wideColumn('Users', 'string', 'Users in the roleBinding'),
      wideColumn('Groups', 'string', 'Groups in the roleBinding'),
      wideColumn('ServiceAccounts', 'string', 'ServiceAccounts in the roleBinding'),
    ],
    row: bindingCells,
  };
}

/** As the server keeps it inside. */
function printedReference(reference: unknown): unknown {
  const { apiGroup = '', kind = '', name = '' } = fieldsOf(reference);
  return { APIGroup: apiGroup, Kind: kind, Name: name };
}

function bindingCells({ metadata, roleRef, subjects }: KubeObject, now: number): unknown[] {
  const of = (kind: string) => listOf(subjects).filter((subject) => subject.kind === kind);
  return [
    metadata.name,
    `${roleRef?.kind ?? ''}/${roleRef?.name ?? ''}`,
    ageOf(metadata.creationTimestamp, now),
    of('User')
      .map(({ name }) => name)
      .join(', '),
    of('Group')
      .map(({ name }) => name)
      .join(', '),
    of('ServiceAccount')
      .map(({ namespace, name }) => `${namespace}/${name}`)
      .join(', '),
  ];
}

export const roleBinding = defineKind({
  ...bindingParts(['Role', 'ClusterRole']),
  kind: 'RoleBinding',
  plural: 'rolebindings',
  namespaced: true,
  schema: 'V1RoleBinding',
});

/** Its columns speak of ClusterRoles. */
export const clusterRoleBinding = defineKind({
  ...bindingParts(['ClusterRole']),
  kind: 'ClusterRoleBinding',
  plural: 'clusterrolebindings',
  namespaced: false,
  schema: 'V1ClusterRoleBinding',
  columns: [
    nameColumn,
    column(
      'Role',
      'string',
      'RoleRef can only reference a ClusterRole in the global namespace. If the RoleRef cannot be resolved, the Authorizer must return an error.',
    ),
    ageColumn,
    wideColumn('Users', 'string', 'Users in the clusterRoleBinding'),
    wideColumn('Groups', 'string', 'Groups in the clusterRoleBinding'),
    wideColumn('ServiceAccounts', 'string', 'ServiceAccounts in the clusterRoleBinding'),
  ],
});
