/**
 * Role-based access as a real server has it (plugin/pkg/auth/authorizer/rbac): Roles and ClusterRoles say what may be done, their bindings
 * who may do it. Members of `system:masters` may do everything.
 */

import { compileSelector } from '../controllers/machinery/label-selector.ts';
import type { LabelSelector } from '../controllers/machinery/shapes.ts';
import { isRecord } from '../json.ts';
import type { KubeObject } from '../kinds/kind.ts';
import type { Attempted, Decision } from './access.ts';
import { MASTERS, type User } from './user.ts';

const GROUP = 'rbac.authorization.k8s.io';

/** The present objects of a resource, of one namespace or of all. */
export type ListObjects = (resource: string, options?: { namespace?: string }) => readonly KubeObject[];

/** A PolicyRule with all its lists. */
export interface Rule {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames: readonly string[];
  readonly nonResourceURLs: readonly string[];
}

/** As SelfSubjectRulesReview tells them. */
export interface KnownRules {
  readonly resourceRules: ReadonlyArray<Readonly<Record<string, readonly string[]>>>;
  readonly nonResourceRules: ReadonlyArray<Readonly<Record<string, readonly string[]>>>;
}

/** A rule that holds for the user, and by what. */
interface Granted {
  readonly rule: Rule;
  readonly reason: string;
}

export class Roles {
  readonly #list: ListObjects;

  constructor(list: ListObjects) {
    this.#list = list;
  }

  authorize(user: User, attempted: Attempted): Decision {
    if (user.groups.includes(MASTERS)) return { allowed: true, reason: '' };
    const missing: string[] = [];
    const namespace = attempted.kind === 'resource' ? attempted.namespace : '';
    for (const { rule, reason } of this.#granted(user, namespace, missing)) {
      if (allows(rule, attempted)) return { allowed: true, reason };
    }
    return { allowed: false, reason: missing.length === 0 ? '' : `RBAC: ${missing.join(', ')}` };
  }

  /** All that the user may do in a namespace, as the bindings have it. */
  rulesOf(user: User, namespace: string): KnownRules {
    const rules = [...this.#granted(user, namespace, [])].map(({ rule }) => rule);
    const shown = (rule: Rule, fields: readonly (keyof Rule)[]) =>
      Object.fromEntries(fields.filter((field) => rule[field].length > 0).map((field) => [field, rule[field]]));
    return {
      resourceRules: rules
        .filter((rule) => rule.resources.length > 0)
        .map((rule) => shown(rule, ['verbs', 'apiGroups', 'resources', 'resourceNames'])),
      nonResourceRules: rules
        .filter((rule) => rule.nonResourceURLs.length > 0)
        .map((rule) => shown(rule, ['verbs', 'nonResourceURLs'])),
    };
  }

  /** The same as rules, and which roles of his bindings are not there. */
  rulesHeld(user: User, namespace: string): { readonly rules: readonly Rule[]; readonly missing: readonly string[] } {
    const missing: string[] = [];
    return { rules: [...this.#granted(user, namespace, missing)].map(({ rule }) => rule), missing };
  }

  /** What a binding in a namespace ('' = of the cluster) would give; undefined where the role is not there. */
  rulesOfReference(kind: 'Role' | 'ClusterRole', name: string, namespace: string): readonly Rule[] | undefined {
    const role = this.#role(kind, name, namespace);
    return role === undefined ? undefined : this.#rulesOfRole(role);
  }

  #role(kind: unknown, name: unknown, namespace: string | undefined): KubeObject | undefined {
    const isCluster = kind === 'ClusterRole';
    const among = isCluster || namespace === undefined ? {} : { namespace };
    return this.#list(`${isCluster ? 'clusterroles' : 'roles'}.${GROUP}`, among).find(
      (one) => one.metadata.name === name,
    );
  }

  *#granted(user: User, namespace: string, missing: string[]): Generator<Granted> {
    for (const binding of this.#list(`clusterrolebindings.${GROUP}`)) {
      yield* this.#grantedBy(user, binding, `ClusterRoleBinding ${JSON.stringify(binding.metadata.name)}`, missing);
    }
    if (namespace === '') return;
    for (const binding of this.#list(`rolebindings.${GROUP}`, { namespace })) {
      const name = JSON.stringify(`${binding.metadata.name}/${namespace}`);
      yield* this.#grantedBy(user, binding, `RoleBinding ${name}`, missing);
    }
  }

  *#grantedBy(user: User, binding: KubeObject, named: string, missing: string[]): Generator<Granted> {
    const { namespace } = binding.metadata;
    const subject = records(binding.subjects)
      // A ServiceAccount that is named without a namespace is the one of its binding's.
      .map((one) => (one.kind === 'ServiceAccount' && !one.namespace ? { ...one, namespace } : one))
      .find((one) => isSubject(user, one));
    if (subject === undefined) return;
    const { kind, name } = isRecord(binding.roleRef) ? binding.roleRef : {};
    const role = this.#role(kind, name, binding.metadata.namespace);
    if (role === undefined) {
      missing.push(`${kind === 'ClusterRole' ? 'clusterrole' : 'role'}.${GROUP} ${JSON.stringify(name)} not found`);
      return;
    }
    const who = subject.kind === 'ServiceAccount' ? `${subject.name}/${subject.namespace}` : subject.name;
    const reason = `RBAC: allowed by ${named} of ${String(kind)} ${JSON.stringify(name)} to ${String(subject.kind)} ${JSON.stringify(who)}`;
    for (const rule of this.#rulesOfRole(role)) yield { rule, reason };
  }

  /** A role's own rules, and those of the roles that it gathers. */
  #rulesOfRole(role: KubeObject): Rule[] {
    const rules = records(role.rules).map(ruleOf);
    const gathered = isRecord(role.aggregationRule) ? records(role.aggregationRule.clusterRoleSelectors) : [];
    if (gathered.length === 0) return rules;
    const parts = this.#list(`clusterroles.${GROUP}`).filter((one) =>
      gathered.some((selector) => one !== role && compileSelector(selector as LabelSelector)(one.metadata.labels)),
    );
    return [...rules, ...parts.flatMap((part) => records(part.rules).map(ruleOf))];
  }
}

function records(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

/** The lists of a rule as it was written, each there. */
export function ruleOf(rule: Record<string, unknown>): Rule {
  const texts = (value: unknown): string[] =>
    Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
  return {
    verbs: texts(rule.verbs),
    apiGroups: texts(rule.apiGroups),
    resources: texts(rule.resources),
    resourceNames: texts(rule.resourceNames),
    nonResourceURLs: texts(rule.nonResourceURLs),
  };
}

function isSubject(user: User, { kind, name, namespace }: Record<string, unknown>): boolean {
  switch (kind) {
    case 'User':
      return user.username === name;
    case 'Group':
      return typeof name === 'string' && user.groups.includes(name);
    case 'ServiceAccount':
      return user.username === `system:serviceaccount:${String(namespace)}:${String(name)}`;
    default:
      return false;
  }
}

function allows(rule: Rule, attempted: Attempted): boolean {
  const has = (list: readonly string[], value: string): boolean => list.includes('*') || list.includes(value);
  if (!has(rule.verbs, attempted.verb)) return false;
  if (attempted.kind === 'path') return rule.nonResourceURLs.some((url) => covers(url, attempted.path));
  const { group, resource, subresource, name } = attempted;
  const whole = subresource === '' ? resource : `${resource}/${subresource}`;
  return (
    has(rule.apiGroups, group) &&
    (has(rule.resources, whole) || (subresource !== '' && rule.resources.includes(`*/${subresource}`))) &&
    (rule.resourceNames.length === 0 || rule.resourceNames.includes(name))
  );
}

/** Whether a path, or a pattern of paths, lies within another. */
export function covers(url: string, path: string): boolean {
  return url === path || (url.endsWith('*') && path.startsWith(url.slice(0, -1).replace(/\*+$/, '')));
}
