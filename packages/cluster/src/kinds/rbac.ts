/** rbac.authorization.k8s.io/v1: roles and bindings; what they come to is in `security/roles.ts`. */
import { ageOf } from './ages.ts';
import { defineKind, type KindDefinition } from './define-kind.ts';
import { invalid, invalids, required, unsupported } from './field-errors.ts';
import { type Fields, fieldsOf, isSame, listOf, valuesOf } from './json.ts';
import type { FieldError, KubeObject } from './kind.ts';
import { pathSegmentName, subdomainName } from './names.ts';
import { ageColumn, column, createdAtColumn, nameColumn, wideColumn } from './shape.ts';

const group = 'rbac.authorization.k8s.io';
type Common = Pick<KindDefinition, 'group' | 'version' | 'nameRule' | 'defaults' | 'validate' | 'columns' | 'row'>;

function roleParts(isNamespaced: boolean): Common {
  return {
    group,
    version: 'v1',
    nameRule: pathSegmentName,
    defaults: (draft) => {
      draft.rules ??= null;
    },
    validate: (draft) =>
      listOf(draft.rules).flatMap((rule, index) => ruleErrors(rule, isNamespaced, `rules[${index}]`)),
    columns: [nameColumn, createdAtColumn],
    row: ({ metadata }) => [metadata.name, metadata.creationTimestamp],
  };
}

function ruleErrors({ verbs, ...rule }: Fields, isNamespaced: boolean, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (valuesOf(verbs).length === 0) errors.push(required(`${path}.verbs`, 'verbs must contain at least one value'));
  const urls = valuesOf(rule.nonResourceURLs);
  const [apiGroups, resources, names] = [rule.apiGroups, rule.resources, rule.resourceNames].map(
    (list) => valuesOf(list).length,
  );
  if (urls.length > 0) {
    const refuse = (why: string) => errors.push(invalid(`${path}.nonResourceURLs`, urls, why));
    if (isNamespaced) refuse('namespaced rules cannot apply to non-resource URLs');
    if (apiGroups || resources || names) refuse('rules cannot apply to both regular resources and non-resource URLs');
    return errors;
  }
  if (!apiGroups) errors.push(required(`${path}.apiGroups`, 'resource rules must supply at least one api group'));
  if (!resources) errors.push(required(`${path}.resources`, 'resource rules must supply at least one resource'));
  return errors;
}

export const role = defineKind({
  ...roleParts(true),
  kind: 'Role',
  plural: 'roles',
  namespaced: true,
  schema: 'V1Role',
});

export const clusterRole = defineKind({
  ...roleParts(false),
  kind: 'ClusterRole',
  plural: 'clusterroles',
  namespaced: false,
  schema: 'V1ClusterRole',
});

function bindingParts(
  kinds: readonly string[],
  isNamespaced: boolean,
): Common & Pick<KindDefinition, 'validateChange'> {
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
      if (reference.apiGroup !== group) errors.push(unsupported('roleRef.apiGroup', reference.apiGroup ?? '', [group]));
      if (!kinds.includes(reference.kind)) errors.push(unsupported('roleRef.kind', reference.kind ?? '', kinds));
      if (!reference.name) errors.push(required('roleRef.name'));
      else errors.push(...invalids('roleRef.name', reference.name, pathSegmentName(reference.name, false)));
      for (const [index, subject] of listOf(draft.subjects).entries())
        errors.push(...subjectErrors(subject, isNamespaced, `subjects[${index}]`));
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

/** @param isNamespaced  a ServiceAccount without a namespace is the one of its binding's (see `security/roles.ts`) */
function subjectErrors(subject: Fields, isNamespaced: boolean, path: string): FieldError[] {
  const { kind = '', name, namespace, apiGroup = '' } = subject;
  const errors: FieldError[] = [];
  if (!name) errors.push(required(`${path}.name`));
  const groups = GROUPS_OF_SUBJECTS.get(kind);
  if (groups === undefined) return [...errors, unsupported(`${path}.kind`, kind, [...GROUPS_OF_SUBJECTS.keys()])];
  if (kind === 'ServiceAccount' && name) errors.push(...invalids(`${path}.name`, name, subdomainName(name, false)));
  if (apiGroup !== groups) errors.push(unsupported(`${path}.apiGroup`, apiGroup, [groups]));
  if (kind === 'ServiceAccount' && !isNamespaced && !namespace) errors.push(required(`${path}.namespace`));
  return errors;
}

/** Who may be bound, each with the group that he is of. */
const GROUPS_OF_SUBJECTS: ReadonlyMap<string, string> = new Map([
  ['ServiceAccount', ''],
  ['User', group],
  ['Group', group],
]);

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
      .map(({ namespace = '', name }) => `${namespace}/${name}`)
      .join(', '),
  ];
}

export const roleBinding = defineKind({
  ...bindingParts(['Role', 'ClusterRole'], true),
  kind: 'RoleBinding',
  plural: 'rolebindings',
  namespaced: true,
  schema: 'V1RoleBinding',
});

/** Its columns speak of ClusterRoles. */
export const clusterRoleBinding = defineKind({
  ...bindingParts(['ClusterRole'], false),
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
