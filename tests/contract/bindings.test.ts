/** What roles may say, whom bindings may name, and whom they reach. [SPEC C139] */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';
import { openSetting } from './setting.ts';

const on = openSetting('bindings');
const group = 'rbac.authorization.k8s.io';
const RBAC = `/apis/${group}/v1`;
const here = `${RBAC}/namespaces/${on.namespace}`;

const bindingTo = (subject: Json, reference: Json = {}): Json => ({
  metadata: { name: on.namespace },
  roleRef: { apiGroup: group, kind: 'ClusterRole', name: 'view', ...reference },
  subjects: [subject],
});

const robot = { kind: 'ServiceAccount', name: 'robot' };

describe('a binding [SPEC C139]', () => {
  test.each<readonly [string, Json]>([
    ['names a ServiceAccount with its namespace', { ...robot, namespace: on.namespace }],
    ['names a ServiceAccount without one', robot],
    ['gives a ServiceAccount no group', { ...robot, namespace: on.namespace, apiGroup: group }],
    ['names no ServiceAccount that cannot be', { ...robot, name: 'Bad_Name', namespace: on.namespace }],
    ['names a user', { kind: 'User', name: 'a user' }],
    ['names no user of another group', { kind: 'User', name: 'one', apiGroup: 'v1' }],
    ['names no group of another group', { kind: 'Group', name: 'all', apiGroup: 'apps' }],
    ['names nobody else', { kind: 'Robot', name: 'one' }],
    ['names somebody', { kind: 'Group' }],
  ])('%s', async (_name, subject) => {
    const told: Json[] = [];
    for (const resource of [`${here}/rolebindings`, `${RBAC}/clusterrolebindings`]) {
      const { status, body } = await on.raw('POST', `${resource}?dryRun=All`, bindingTo(subject));
      told.push([status, body.message, body.subjects]);
    }
    expect(on.plain(told)).toMatchSnapshot();
  });

  test.each<readonly [string, Json]>([
    ['of another group', { apiGroup: 'apps' }],
    ['of another kind', { kind: 'Pod' }],
    ['without a name', { name: '' }],
    ['with a name that is a path', { name: 'a/b' }],
    ['with nothing at all', { apiGroup: '', kind: '', name: '' }],
  ])('binds no role %s', async (_name, reference) => {
    const { status, body } = await on.raw('POST', `${here}/rolebindings?dryRun=All`, bindingTo(robot, reference));
    expect(on.plain([status, body.message])).toMatchSnapshot();
  });
});

describe('a role [SPEC C139]', () => {
  test.each<readonly [string, Json]>([
    ['of paths', { verbs: ['get'], nonResourceURLs: ['/healthz', '/x/*'] }],
    ['of paths and resources', { verbs: ['get'], nonResourceURLs: ['/x'], apiGroups: [''], resources: ['pods'] }],
    ['of no resources', { verbs: ['get'] }],
    ['of no verbs', { apiGroups: [''], resources: ['pods'] }],
  ])('%s', async (_name, rule) => {
    const told: Json[] = [];
    for (const resource of [`${here}/roles`, `${RBAC}/clusterroles`]) {
      const body = { metadata: { name: on.namespace }, rules: [rule] };
      const answer = await on.raw('POST', `${resource}?dryRun=All`, body);
      told.push([answer.status, answer.body.message]);
    }
    expect(on.plain(told)).toMatchSnapshot();
  });
});

describe('a ServiceAccount that is named without a namespace [SPEC C139]', () => {
  const binding = `${here}/rolebindings/${on.namespace}`;
  beforeAll(async () => void (await on.call('POST', `${here}/rolebindings`, bindingTo(robot))));
  afterAll(async () => void (await on.raw('DELETE', binding)));

  test('is the one of the namespace of the binding', async () => {
    const review = async (namespace: string): Promise<Json> => {
      const user = `system:serviceaccount:${namespace}:robot`;
      const resourceAttributes = { namespace: on.namespace, verb: 'list', resource: 'pods' };
      const body = { spec: { user, resourceAttributes } };
      return (await on.call('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', body)).status;
    };
    await waitFor('the binding is seen', async () => (await review(on.namespace)).allowed, 20_000);
    expect(on.plain([await review(on.namespace), await review('default')])).toMatchSnapshot();
  });

  test('is shown so', async () => {
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
    const { body } = await on.raw('GET', binding, undefined, undefined, accept);
    expect(on.plain(body.rows[0].cells.toSpliced(2, 1))).toMatchSnapshot();
  });
});
