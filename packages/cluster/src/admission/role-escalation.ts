/**
 * Who may write roles and bindings gives no more than he has himself, unless he may `escalate` that role or `bind` to it. The real one asks this in the
 * storage of these four kinds (pkg/registry/rbac, policybased), which comes where admission ends.
 */
import { fieldsOf, isSame, listOf } from '../kinds/json.ts';
import type { KubeObject } from '../kinds/kind.ts';
import { escalationText, missingRules } from '../security/escalation.ts';
import { Roles, type Rule, ruleOf } from '../security/roles.ts';
import { MASTERS, type User } from '../security/user.ts';
import { failure, forbidden, notFound } from '../status.ts';
import type { AdmissionContext, AdmissionPlugin } from './plugin.ts';

const group = 'rbac.authorization.k8s.io';
const everything: readonly Rule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'], resourceNames: [], nonResourceURLs: [] },
  { verbs: ['*'], apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: ['*'] },
];

/** A write of one of the four kinds by somebody who is not the master. */
interface Writing {
  readonly context: AdmissionContext;
  readonly user: User;
  readonly draft: KubeObject;
  readonly roles: Roles;
  /** '' for those of the cluster. */
  readonly namespace: string;
}

export const roleEscalation: AdmissionPlugin = {
  name: 'RoleEscalation',
  admit(context) {
    const { kind, draft, old, user, subresource, store, namespace = '' } = context;
    if (kind.group !== group || draft === undefined || subresource !== undefined) return;
    if (user === undefined || user.groups.includes(MASTERS)) return;
    if (old !== undefined && changesOnlyItsEnd(draft, old)) return;
    const roles = new Roles((resource, options) => store.list(resource, options));
    const writing: Writing = { context, user, draft, roles, namespace };
    if (kind.kind === 'Role' || kind.kind === 'ClusterRole') checkRole(writing);
    else checkBinding(writing);
  },
};

/** Whoever may write it may let go of what he could not give. */
function changesOnlyItsEnd(draft: KubeObject, old: KubeObject): boolean {
  const rest = ({ apiVersion: _version, kind: _kind, metadata, ...parts }: KubeObject): unknown => {
    const { ownerReferences: _owners, finalizers: _finalizers, managedFields: _fields, ...others } = metadata;
    return { ...parts, metadata: { ...others, resourceVersion: '' } };
  };
  return isSame(rest(draft), rest(old));
}

/** @throws ApiError 403 */
function checkRole(writing: Writing): void {
  const { context, user, draft, roles, namespace } = writing;
  const { kind, operation, old } = context;
  const name = operation === 'CREATE' ? '' : context.name;
  const about = { kind: 'resource', group, version: kind.version, subresource: '', namespace } as const;
  if (roles.authorize(user, { ...about, verb: 'escalate', resource: kind.plural, name }).allowed) return;
  confirm(writing, listOf(draft.rules).map(ruleOf));
  const gathers = draft.aggregationRule !== undefined || old?.aggregationRule !== undefined;
  if (gathers && missingRules(roles.rulesHeld(user, '').rules, everything).length > 0) {
    throw forbidden(kind, nameOf(draft), 'must have cluster-admin privileges to use the aggregationRule');
  }
}

/** @throws ApiError 403; 404 for a role that is not there, 500 for what is no role, as there */
function checkBinding(writing: Writing): void {
  const { context, user, draft, roles, namespace } = writing;
  const reference = fieldsOf(draft.roleRef);
  const name = String(reference.name ?? '');
  const resource = PLURALS.get(reference.kind);
  if (resource === undefined) {
    throw failure(500, undefined, `unsupported role reference kind: ${JSON.stringify(reference.kind ?? '')}`);
  }
  const about = { kind: 'resource', group, version: context.kind.version, subresource: '', namespace } as const;
  if (roles.authorize(user, { ...about, verb: 'bind', resource, name }).allowed) return;
  const rules = roles.rulesOfReference(reference.kind, name, namespace);
  if (rules === undefined) throw notFound(context.kind, name);
  confirm(writing, rules);
}

const PLURALS: ReadonlyMap<unknown, string> = new Map([
  ['Role', 'roles'],
  ['ClusterRole', 'clusterroles'],
]);

function confirm({ context, user, draft, roles, namespace }: Writing, wanted: readonly Rule[]): void {
  const { rules, missing: unresolved } = roles.rulesHeld(user, namespace);
  const missing = missingRules(rules, wanted);
  if (missing.length === 0) return;
  const text = unresolved.length === 1 ? unresolved[0] : `[${unresolved.join(', ')}]`;
  const more = unresolved.length === 0 ? '' : `; resolution errors: [${text}]`;
  throw forbidden(context.kind, nameOf(draft), `${escalationText(user, missing)}${more}`);
}

/** What the server will call it is not known yet. */
const nameOf = ({ metadata }: KubeObject): string => metadata.name ?? '';
