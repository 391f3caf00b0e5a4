/** Who may write roles and bindings gives no more than he has, unless he may `escalate` or `bind`. [SPEC C142] */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Json, openApi, type TestApi } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';
import { MERGE_PATCH, openSetting } from './setting.ts';

const on = openSetting('escalation');
const RBAC = 'rbac.authorization.k8s.io';
const CLUSTER = `/apis/${RBAC}/v1`;
/** Of the cluster's own kinds: names of this run. */
const global = (name: string): string => `${on.namespace}-${name}`;
/** Jane may write roles and bindings; Ann may `bind` some besides, Bob may `escalate`. */
const user = (name: string): string => `${name}@${on.namespace}`;

const rule = (apiGroups: string, resources: string, verbs: string, resourceNames = ''): Json => ({
  apiGroups: apiGroups.split(','),
  resources: resources.split(','),
  verbs: verbs.split(','),
  ...(resourceNames === '' ? {} : { resourceNames: resourceNames.split(',') }),
});
const path = (verbs: string, ...nonResourceURLs: string[]): Json => ({ verbs: verbs.split(','), nonResourceURLs });
const reference = (kind: string, name: string): Json => ({ apiGroup: RBAC, kind, name });
const subject = (name: string): Json => ({ apiGroup: RBAC, kind: 'User', name: user(name) });
const made: string[] = [];
const apis = new Map<string, TestApi>();

const WRITES = 'get,create,update,patch,delete';
const OWN = [
  rule('', 'pods,pods/log', 'get,list'),
  rule('', 'configmaps', '*', 'one,two'),
  rule('apps', '*', 'get'),
  rule('*', '*/scale', 'update'),
];
const ROLES = rule(RBAC, 'roles,rolebindings,clusterroles,clusterrolebindings', WRITES);

async function grant(role: string, rules: readonly Json[], ...to: string[]): Promise<void> {
  await on.call('POST', `roles.${RBAC}`, { metadata: { name: role }, rules });
  const roleRef = reference('Role', role);
  if (to.length === 0) return;
  await on.call('POST', `rolebindings.${RBAC}`, { metadata: { name: role }, roleRef, subjects: to.map(subject) });
}
async function grantAll(role: string, rules: readonly Json[], ...to: string[]): Promise<void> {
  const name = global(role);
  made.push(`clusterroles/${name}`, `clusterrolebindings/${name}`);
  await on.call('POST', `${CLUSTER}/clusterroles`, { metadata: { name }, rules });
  const roleRef = reference('ClusterRole', name);
  if (to.length === 0) return;
  await on.call('POST', `${CLUSTER}/clusterrolebindings`, { metadata: { name }, roleRef, subjects: to.map(subject) });
}

/** What one of them is answered: the code and the words, or `good`. */
async function told(who: string, method: string, resource: string, body: Json, contentType?: string): Promise<Json> {
  const answer = await apis.get(who)?.request(method, on.at(resource), body, contentType);
  const { message = 'good', details } = answer?.body ?? {};
  return on.plain([answer?.status, message, ...(details === undefined ? [] : [details])]);
}
const role = (who: string, ...rules: Json[]): Promise<Json> =>
  told(who, 'POST', `roles.${RBAC}?dryRun=All`, { metadata: { name: 'new' }, rules });
const binding = (who: string, roleRef: Json): Promise<Json> =>
  told(who, 'POST', `rolebindings.${RBAC}?dryRun=All`, {
    metadata: { name: 'new' },
    roleRef,
    subjects: [subject('eve')],
  });

beforeAll(async () => {
  for (const who of ['jane', 'ann', 'bob']) apis.set(who, openApi(on.cluster.kubeconfig, user(who)));
  await grantAll('paths', [path('get', '/logs', '/metrics/*')], 'jane');
  await grantAll('writers', [ROLES], 'jane', 'ann', 'bob');
  await grantAll('little', [rule('', 'pods', 'get')]);
  await grantAll('much', [rule('', 'secrets', 'get'), path('get', '/secret')]);
  await grant('own', OWN, 'jane');
  await grant('little', [rule('', 'pods', 'get')]);
  await grant('much', [rule('', 'secrets', 'get,list')]);
  await grant('bind', [rule(RBAC, 'roles,clusterroles', 'bind', `much,${global('much')}`)], 'ann');
  await grant('escalate', [rule(RBAC, 'roles', 'escalate')], 'bob');
  // On a real cluster what was written is obeyed when its watch has told of it.
  await waitFor('that all are obeyed', async () => {
    const seen = [
      await role('jane', ...OWN),
      await role('bob', rule('', 'secrets', '*')),
      await binding('ann', reference('Role', 'much')),
      await binding('jane', reference('Role', 'little')),
    ];
    return seen.every(([code]) => code === 201);
  });
});
afterAll(async () => {
  for (const one of made) await on.raw('DELETE', `${CLUSTER}/${one}`);
  for (const api of apis.values()) await api.close();
});

describe('a role [SPEC C142]', () => {
  test.each<readonly [what: string, rules: readonly Json[]]>([
    ['of what she has', [rule('', 'pods', 'list'), rule('apps', 'deployments,deployments/status', 'get')]],
    ['of one verb more', [rule('', 'pods', 'get,watch,list,delete')]],
    ['of every verb', [rule('', 'pods', '*')]],
    ['of other groups and resources', [rule('apps,batch', 'jobs,deployments', 'get,list')]],
    ['of everything', [rule('*', '*', '*')]],
    ['of names that she has', [rule('', 'configmaps', 'get,delete', 'two,one')]],
    ['of a name that she has not', [rule('', 'configmaps', 'get', 'one,three')]],
    ['of all names', [rule('', 'configmaps', 'get')]],
    ['of any scale', [rule('apps,batch', 'deployments/scale,jobs/scale', 'update')]],
    ['of a status that is none of hers', [rule('', 'pods/status,pods/log', 'get')]],
    [
      'of several rules about one thing',
      [rule('', 'secrets', 'get'), rule('', 'secrets', 'list'), rule('', 'nodes', 'get')],
    ],
  ])('%s', async (_what, rules) => {
    expect(await role('jane', ...rules)).toMatchSnapshot();
  });

  test('under a name that the server gives, and one that validation refuses', async () => {
    const rules = [rule('', 'secrets', 'get')];
    const post = (body: Json): Promise<Json> => told('jane', 'POST', `roles.${RBAC}?dryRun=All`, body);
    expect([
      await post({ metadata: { generateName: 'new-' }, rules }),
      await post({ metadata: { name: 'a/b' }, rules }),
      await post({ metadata: { name: 'new' }, rules: [{ verbs: ['get'] }] }),
      await post({ metadata: { name: 'new' } }),
    ]).toMatchSnapshot();
  });

  test('is changed within what she has only, though she may always let go of it', async () => {
    const patch = (name: string, body: Json): Promise<Json> =>
      told('jane', 'PATCH', `roles.${RBAC}/${name}?dryRun=All`, body, MERGE_PATCH);
    expect([
      await patch('little', { rules: [rule('', 'pods', 'get,list')] }),
      await patch('little', { rules: [rule('', 'pods', 'get,watch')] }),
      await patch('much', { metadata: { labels: { a: 'b' } } }),
      await patch('much', { metadata: { finalizers: ['example.org/hold'] } }),
      await patch('much', { rules: [] }),
    ]).toMatchSnapshot();
    const whole = { metadata: { name: 'little' }, rules: [rule('', 'nodes', 'get')] };
    expect(await told('jane', 'PUT', `roles.${RBAC}/little?dryRun=All`, whole)).toMatchSnapshot();
    const applied = { apiVersion: `${RBAC}/v1`, kind: 'Role', ...whole };
    for (const name of ['little', 'applied']) {
      const body = { ...applied, metadata: { name } };
      const address = `roles.${RBAC}/${name}?fieldManager=me&force=true&dryRun=All`;
      expect(await told('jane', 'PATCH', address, body, 'application/apply-patch+yaml')).toMatchSnapshot();
    }
  });

  test('of anything, for who may escalate', async () => {
    expect(await role('bob', rule('*', '*', '*'))).toMatchSnapshot();
    expect(await role('ann', rule('*', '*', '*'))).toMatchSnapshot();
  });
});

describe('a role of the whole cluster [SPEC C142]', () => {
  const post = (who: string, body: Json): Promise<Json> =>
    told(who, 'POST', `${CLUSTER}/clusterroles?dryRun=All`, { metadata: { name: global('new') }, ...body });
  test.each<readonly [what: string, rules: readonly Json[]]>([
    ['of paths that she has', [path('get', '/logs', '/metrics', '/metrics/a')]],
    ['of paths that she has not', [path('get,post', '/logs', '/logs/*', '/metric'), path('*', '*')]],
    ['of what she has in one namespace alone', [rule('', 'pods', 'get')]],
  ])('%s', async (_what, rules) => {
    expect(await post('jane', { rules })).toMatchSnapshot();
  });
  test('that gathers others', async () => {
    const clusterRoleSelectors = [{ matchLabels: { a: 'b' } }];
    expect(await post('jane', { aggregationRule: { clusterRoleSelectors }, rules: [] })).toMatchSnapshot();
    expect(await post('bob', { aggregationRule: { clusterRoleSelectors }, rules: [] })).toMatchSnapshot();
  });
});

describe('a binding [SPEC C142]', () => {
  test.each<readonly [what: string, who: string, kind: string, name: string]>([
    ['to a role within hers', 'jane', 'Role', 'little'],
    ['to a role beyond hers', 'jane', 'Role', 'much'],
    ['to a role of the cluster within hers', 'jane', 'ClusterRole', 'GLOBAL-little'],
    ['to a role of the cluster beyond hers', 'jane', 'ClusterRole', 'GLOBAL-much'],
    ['to a role that is not there', 'jane', 'Role', 'none'],
    ['to a role of the cluster that is not there', 'jane', 'ClusterRole', 'none'],
    ['to what is no role', 'jane', 'Pod', 'none'],
    ['to a role that she may bind', 'ann', 'Role', 'much'],
    ['to a role of the cluster that she may bind', 'ann', 'ClusterRole', 'GLOBAL-much'],
    ['to a role that she may not bind', 'ann', 'Role', 'own'],
    ['by one who may escalate', 'bob', 'Role', 'much'],
  ])('%s', async (_what, who, kind, name) => {
    expect(await binding(who, reference(kind, name.replace('GLOBAL', on.namespace)))).toMatchSnapshot();
  });

  test('of the whole cluster', async () => {
    const post = (who: string, name: string): Promise<Json> =>
      told(who, 'POST', `${CLUSTER}/clusterrolebindings?dryRun=All`, {
        metadata: { name: global('new') },
        roleRef: reference('ClusterRole', global(name)),
        subjects: [subject('eve')],
      });
    expect([await post('jane', 'little'), await post('jane', 'paths'), await post('ann', 'much')]).toMatchSnapshot();
  });

  test('gets nobody more than she has, and others may be taken from it', async () => {
    await on.call('POST', `rolebindings.${RBAC}`, {
      metadata: { name: 'held' },
      roleRef: reference('Role', 'much'),
      subjects: [subject('ann')],
    });
    const patch = (body: Json): Promise<Json> =>
      told('jane', 'PATCH', `rolebindings.${RBAC}/held?dryRun=All`, body, MERGE_PATCH);
    expect([
      await patch({ subjects: [subject('jane')] }),
      await patch({ subjects: [] }),
      await patch({ metadata: { finalizers: ['example.org/hold'] } }),
    ]).toMatchSnapshot();
    expect(await told('jane', 'DELETE', `rolebindings.${RBAC}/held?dryRun=All`, undefined)).toMatchSnapshot();
  });
});
