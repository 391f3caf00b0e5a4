/**
 * Whether rules go beyond others, and what is missing (component-helpers, auth/rbac/validation/policy_comparator.go and policy_compact.go): nobody
 * gives more than he has.
 */
import { goQuoted } from '../go-text.ts';
import { covers, type Rule } from './roles.ts';
import type { User } from './user.ts';

const NOTHING: Rule = { verbs: [], apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: [] };

/** The least rules that `wanted` is made of and `held` does not cover. */
export function missingRules(held: readonly Rule[], wanted: readonly Rule[]): Rule[] {
  return wanted.flatMap(brokenDown).filter((least) => !held.some((rule) => coversLeast(rule, least)));
}

/** Each of one verb, and of one group, resource and name, or of one path. */
function brokenDown({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: Rule): Rule[] {
  const names = resourceNames.length === 0 ? [[]] : resourceNames.map((name) => [name]);
  const ofResources = apiGroups.flatMap((group) =>
    resources.flatMap((resource) =>
      verbs.flatMap((verb) =>
        names.map((name) => ({
          ...NOTHING,
          verbs: [verb],
          apiGroups: [group],
          resources: [resource],
          resourceNames: name,
        })),
      ),
    ),
  );
  const ofPaths = nonResourceURLs.flatMap((url) =>
    verbs.map((verb) => ({ ...NOTHING, verbs: [verb], nonResourceURLs: [url] })),
  );
  return [...ofResources, ...ofPaths];
}

function coversLeast(rule: Rule, least: Rule): boolean {
  const has = (field: 'verbs' | 'apiGroups'): boolean =>
    rule[field].includes('*') || least[field].every((one) => rule[field].includes(one));
  return (
    has('verbs') &&
    has('apiGroups') &&
    least.resources.every((resource) => coversResource(rule.resources, resource)) &&
    least.nonResourceURLs.every((path) => rule.nonResourceURLs.some((url) => covers(url, path))) &&
    (rule.resourceNames.length === 0 ||
      (least.resourceNames.length > 0 && least.resourceNames.every((name) => rule.resourceNames.includes(name))))
  );
}

function coversResource(resources: readonly string[], wanted: string): boolean {
  if (resources.includes('*') || resources.includes(wanted)) return true;
  const slash = wanted.indexOf('/');
  return slash >= 0 && resources.includes(`*${wanted.slice(slash)}`);
}

/** What a refusal says of it: one line for each resource (with its name) and path, in order. */
export function escalationText({ username, groups }: User, missing: readonly Rule[]): string {
  const lines = new Set(compacted(missing).map(printed));
  return `user ${goQuoted(username)} (groups=${list(groups)}) is attempting to grant RBAC permissions not currently held:\n${[...lines].sort().join('\n')}`;
}

/** The verbs of one resource stand together. */
function compacted(rules: readonly Rule[]): Rule[] {
  const byResource = new Map<string, Rule>();
  const paths: Rule[] = [];
  for (const rule of rules) {
    if (rule.nonResourceURLs.length > 0) {
      paths.push(rule);
      continue;
    }
    const key = JSON.stringify([rule.apiGroups, rule.resources, rule.resourceNames]);
    const known = byResource.get(key);
    byResource.set(key, known === undefined ? rule : { ...known, verbs: [...known.verbs, ...rule.verbs] });
  }
  return [...paths, ...byResource.values()];
}

/** As Go prints it. */
function printed({ apiGroups, resources, nonResourceURLs, resourceNames, verbs }: Rule): string {
  const parts: ReadonlyArray<readonly [string, readonly string[]]> = [
    ['APIGroups', apiGroups],
    ['Resources', resources],
    ['NonResourceURLs', nonResourceURLs],
    ['ResourceNames', resourceNames],
    ['Verbs', verbs],
  ];
  const said = parts.filter(([, values]) => values.length > 0).map(([name, values]) => `${name}:${list(values)}`);
  return `{${said.join(', ')}}`;
}

const list = (values: readonly string[]): string => `[${values.map(goQuoted).join(' ')}]`;
