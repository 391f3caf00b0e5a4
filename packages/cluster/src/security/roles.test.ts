import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Asked, type TestCluster, testCluster } from '../wire/testing.ts';
import { attemptedOf } from './attempted.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const TEXT = 'system:serviceaccount:default:robot';
let cluster: TestCluster;
let token: string;

beforeAll(async () => {
  cluster = await testCluster();
  for (const path of ['/api/v1/namespaces/default/serviceaccounts']) {
    await cluster.ask('POST', path, { body: { metadata: { name: 'robot' } } });
  }
  const uid = cluster.api.get('serviceaccounts', 'robot', 'default')?.metadata.uid ?? '';
  token = cluster.tokens.issue({
    namespace: 'default',
    name: 'robot',
    uid,
    audiences: [],
    expirationSeconds: 600,
  }).token;
});
afterAll(() => cluster.close());

/** As the ServiceAccount. */
function robot(method: string, path: string, asked: Asked = {}) {
  return cluster.ask(method, path, { ...asked, headers: { authorization: `Bearer ${token}`, ...asked.headers } });
}

/** A role and its binding for the length of a test. */
async function allowed(rules: unknown, namespace: string | undefined, run: () => Promise<void>): Promise<void> {
  const at = namespace === undefined ? RBAC : `${RBAC}/namespaces/${namespace}`;
  const kind = namespace === undefined ? 'ClusterRole' : 'Role';
  const paths = [`${at}/${kind.toLowerCase()}s`, `${at}/${kind.toLowerCase()}bindings`];
  const binding = {
    metadata: { name: 'r' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: 'r' },
    subjects: [{ kind: 'ServiceAccount', name: 'robot', namespace: 'default' }],
  };
  const made = [
    await cluster.ask('POST', paths[0] ?? '', { body: { metadata: { name: 'r' }, rules } }),
    await cluster.ask('POST', paths[1] ?? '', { body: binding }),
  ];
  expect(made.map((one) => one.code)).toEqual([201, 201]);
  try {
    await run();
  } finally {
    for (const path of paths) await cluster.ask('DELETE', `${path}/r`);
  }
}

const codes = async (requests: ReadonlyArray<readonly [string, string]>): Promise<number[]> => {
  const found: number[] = [];
  for (const [method, path] of requests) found.push((await robot(method, path)).code);
  return found;
};

describe('[SPEC C139] a ServiceAccount may do what roles allow it, and nothing else', () => {
  const DENIED: ReadonlyArray<[string, string, string]> = [
    [
      'GET',
      '/api/v1/namespaces/default/pods',
      'pods is forbidden: User "TEXT" cannot list resource "pods" in API group "" in the namespace "default"',
    ],
    [
      'GET',
      '/api/v1/pods',
      'pods is forbidden: User "TEXT" cannot list resource "pods" in API group "" at the cluster scope',
    ],
    [
      'GET',
      '/api/v1/namespaces/default',
      'namespaces "default" is forbidden: User "TEXT" cannot get resource "namespaces" in API group "" in the namespace "default"',
    ],
    [
      'GET',
      '/api/v1/nodes/x',
      'nodes "x" is forbidden: User "TEXT" cannot get resource "nodes" in API group "" at the cluster scope',
    ],
    [
      'GET',
      '/apis/apps/v1/namespaces/default/deployments/x/scale',
      'deployments.apps "x" is forbidden: User "TEXT" cannot get resource "deployments/scale" in API group "apps" in the namespace "default"',
    ],
    [
      'GET',
      '/api/v1/namespaces/default/pods?watch=1',
      'pods is forbidden: User "TEXT" cannot watch resource "pods" in API group "" in the namespace "default"',
    ],
    [
      'GET',
      '/apis/none/v1/things',
      'things.none is forbidden: User "TEXT" cannot list resource "things" in API group "none" at the cluster scope',
    ],
    [
      'DELETE',
      '/api/v1/namespaces/default/pods',
      'pods is forbidden: User "TEXT" cannot deletecollection resource "pods" in API group "" in the namespace "default"',
    ],
    [
      'POST',
      '/api/v1/namespaces/default/configmaps',
      'configmaps is forbidden: User "TEXT" cannot create resource "configmaps" in API group "" in the namespace "default"',
    ],
    ['GET', '/metrics', 'forbidden: User "TEXT" cannot get path "/metrics"'],
  ];

  test.each(DENIED)('%s %s is refused in the words of a real server', async (method, path, words) => {
    const { code, json } = await robot(method, path);
    expect([code, json.reason, json.message]).toEqual([403, 'Forbidden', words.replace('TEXT', TEXT)]);
  });

  test('what everybody may: discovery, health, the version, OpenAPI, and to ask about himself', async () => {
    const paths = ['/api', '/apis', '/api/v1', '/apis/apps/v1', '/healthz', '/version', '/openapi/v3'];
    expect(await codes(paths.map((path) => ['GET', path]))).toEqual(paths.map(() => 200));
    const { json } = await robot('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', { body: {} });
    expect(json.status.userInfo.username).toBe(TEXT);
  });

  test('verbs, groups, resources, subresources and names of a Role hold in its namespace', async () => {
    const rules = [
      { verbs: ['list', 'watch'], apiGroups: [''], resources: ['pods'] },
      { verbs: ['get'], apiGroups: [''], resources: ['configmaps'], resourceNames: ['mine'] },
      { verbs: ['get'], apiGroups: ['apps'], resources: ['*/scale'] },
    ];
    await allowed(rules, 'default', async () => {
      expect(
        await codes([
          ['GET', '/api/v1/namespaces/default/pods'],
          ['GET', '/api/v1/namespaces/kube-system/pods'],
          ['GET', '/api/v1/pods'],
          ['GET', '/api/v1/namespaces/default/pods/x'],
          ['GET', '/api/v1/namespaces/default/configmaps/mine'],
          ['GET', '/api/v1/namespaces/default/configmaps/yours'],
          ['GET', '/apis/apps/v1/namespaces/default/deployments/x/scale'],
          ['GET', '/apis/apps/v1/namespaces/default/deployments/x'],
        ]),
      ).toEqual([200, 403, 403, 403, 404, 403, 404, 403]);
    });
    expect((await robot('GET', '/api/v1/namespaces/default/pods')).code).toBe(403);
  });

  test('a ClusterRole bound for the cluster holds everywhere, and for paths', async () => {
    const rules = [
      { verbs: ['*'], apiGroups: ['*'], resources: ['secrets'] },
      { verbs: ['get'], nonResourceURLs: ['/metrics', '/logs/*'] },
    ];
    await allowed(rules, undefined, async () => {
      expect(
        await codes([
          ['GET', '/api/v1/secrets'],
          ['DELETE', '/api/v1/namespaces/kube-system/secrets/x'],
          ['GET', '/api/v1/nodes'],
          ['GET', '/metrics'],
          ['GET', '/logs/a/b'],
          ['POST', '/metrics'],
        ]),
      ).toEqual([200, 404, 403, 404, 404, 403]);
    });
  });

  test('the roles admin, edit and view are there, and gather what is labelled for them', async () => {
    const subjects = [{ kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name: 'system:serviceaccounts:default' }];
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' };
    const path = `${RBAC}/namespaces/default/rolebindings`;
    await cluster.ask('POST', path, { body: { metadata: { name: 'viewers' }, roleRef, subjects } });
    const looks = [
      '/api/v1/namespaces/default/pods',
      '/api/v1/namespaces/default/secrets',
      '/apis/x.io/v1/namespaces/default/things',
    ];
    expect(await codes(looks.map((one) => ['GET', one]))).toEqual([200, 403, 403]);
    const labels = { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' };
    const rules = [{ verbs: ['get', 'list'], apiGroups: ['x.io'], resources: ['things'] }];
    await cluster.ask('POST', `${RBAC}/clusterroles`, { body: { metadata: { name: 'things', labels }, rules } });
    expect((await robot('GET', looks[2] ?? '')).code).toBe(404);
    await cluster.ask('DELETE', `${path}/viewers`);
  });

  test('a binding to a role that is not there is named in the refusal', async () => {
    const subjects = [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: TEXT }];
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'gone' };
    const path = `${RBAC}/namespaces/default/rolebindings`;
    await cluster.ask('POST', path, { body: { metadata: { name: 'dangling' }, roleRef, subjects } });
    const { json } = await robot('GET', '/api/v1/namespaces/default/pods');
    expect(json.message).toMatch(
      /in the namespace "default": RBAC: role\.rbac\.authorization\.k8s\.io "gone" not found$/,
    );
    await cluster.ask('DELETE', `${path}/dangling`);
  });

  test('reviews answer by the same rules', async () => {
    const ask = async (verb: string, namespace: string) => {
      const body = { spec: { resourceAttributes: { verb, resource: 'pods', namespace } } };
      const { json } = await robot('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { body });
      return json.status;
    };
    await allowed([{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }], 'default', async () => {
      expect(await ask('get', 'default')).toEqual({
        allowed: true,
        reason: 'RBAC: allowed by RoleBinding "r/default" of Role "r" to ServiceAccount "robot/default"',
      });
      expect(await ask('list', 'default')).toEqual({ allowed: false });
      const body = { spec: { namespace: 'default' } };
      const { json } = await robot('POST', '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', { body });
      expect(json.status.resourceRules).toContainEqual({ verbs: ['get'], apiGroups: [''], resources: ['pods'] });
      expect(json.status.nonResourceRules).toContainEqual({
        verbs: ['get'],
        nonResourceURLs: expect.arrayContaining(['/api']),
      });
    });
  });
});

describe('[SPEC C140] speaking for another', () => {
  const as = (headers: Readonly<Record<string, string>>) =>
    cluster.ask('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', { body: {}, headers });

  test('the master may, and is then that one with his groups', async () => {
    const bob = await as({ 'impersonate-user': 'bob', 'impersonate-extra-Reason%2Fwhy': 'x' });
    expect(bob.json.status.userInfo).toEqual({
      username: 'bob',
      groups: ['system:authenticated'],
      extra: { 'reason/why': ['x'] },
    });
    const account = await as({ 'impersonate-user': 'system:serviceaccount:a:b' });
    expect(account.json.status.userInfo.groups).toEqual([
      'system:serviceaccounts',
      'system:serviceaccounts:a',
      'system:authenticated',
    ]);
    const list = await cluster.ask('GET', '/api/v1/pods', { headers: { 'impersonate-user': 'bob' } });
    expect([list.code, list.json.message]).toEqual([
      403,
      'pods is forbidden: User "bob" cannot list resource "pods" in API group "" at the cluster scope',
    ]);
    const headers = { 'impersonate-user': 'bob', 'impersonate-group': 'system:masters' };
    expect((await cluster.ask('GET', '/api/v1/pods', { headers })).code).toBe(200);
  });

  test('nobody else may, unless a role says so', async () => {
    const headers = { 'impersonate-user': 'bob' };
    const refused = await robot('GET', '/api', { headers });
    expect([refused.code, refused.json.message]).toEqual([
      403,
      `users "bob" is forbidden: User "${TEXT}" cannot impersonate resource "users" in API group "" at the cluster scope`,
    ]);
    const rules = [{ verbs: ['impersonate'], apiGroups: [''], resources: ['users'], resourceNames: ['bob'] }];
    await allowed(rules, undefined, async () => {
      expect((await robot('GET', '/api', { headers })).code).toBe(200);
      const masters = { ...headers, 'impersonate-group': 'system:masters' };
      expect((await robot('GET', '/api', { headers: masters })).code).toBe(403);
    });
  });

  test('groups of nobody are refused', async () => {
    expect((await as({ 'impersonate-group': 'x' })).code).toBe(400);
  });
});

describe('what a request attempts', () => {
  test.each([
    ['GET', '/api/v1/namespaces/a', { verb: 'get', resource: 'namespaces', namespace: 'a', name: 'a' }],
    [
      'PUT',
      '/api/v1/namespaces/a/finalize',
      { verb: 'update', resource: 'namespaces', subresource: 'finalize', name: 'a' },
    ],
    ['GET', '/api/v1/namespaces', { verb: 'list', resource: 'namespaces', namespace: '', name: '' }],
    ['GET', '/api/v1/namespaces/a/pods?fieldSelector=metadata.name%3Dx', { verb: 'list', resource: 'pods', name: 'x' }],
    [
      'GET',
      '/apis/apps/v1/deployments?watch=0',
      { verb: 'list', group: 'apps', version: 'v1', resource: 'deployments' },
    ],
    ['HEAD', '/api/v1/nodes/n', { verb: 'get', resource: 'nodes', name: 'n' }],
    ['POST', '/api/v1/namespaces/a/pods/p/eviction', { verb: 'create', resource: 'pods', subresource: 'eviction' }],
    ['GET', '/api/v1', { kind: 'path', verb: 'get', path: '/api/v1' }],
    ['GET', '/apis/apps', { kind: 'path', verb: 'get', path: '/apis/apps' }],
  ])('%s %s', (method, target, attempted) => {
    const url = new URL(target, 'http://x');
    const segments = url.pathname.split('/').filter((one) => one !== '');
    expect(attemptedOf(method, url.pathname, segments, url.searchParams)).toMatchObject(attempted);
  });
});
