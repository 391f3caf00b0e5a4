import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type KubeObject, startCluster } from '../index.ts';
import { podOf, type TestCluster, testCluster } from './testing.ts';

const PODS = '/api/v1/namespaces/default/pods';
let cluster: TestCluster;

beforeAll(async () => {
  cluster = await testCluster();
});
afterAll(() => cluster.close());

describe('[SPEC C30] the server is for this machine only', () => {
  test('it listens on loopback and refuses any other address', async () => {
    expect(cluster.url).toBe(`http://127.0.0.1:${cluster.port}`);
    await expect(startCluster({ host: '0.0.0.0' })).rejects.toThrow(/listens on loopback only, not on 0\.0\.0\.0/);
  });

  test('a port in use is an error that says so', async () => {
    await expect(startCluster({ port: cluster.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  test.each([
    'evil.example',
    'evil.example:80',
    '127.0.0.1.evil.example',
    '10.0.0.1',
  ])('Host %j is refused', async (host) => {
    expect((await cluster.ask('GET', '/api', { headers: { host } })).code).toBe(403);
  });

  test.each(['localhost', 'localhost:1', '127.0.0.1:8080', '[::1]:80'])('Host %j is taken', async (host) => {
    expect((await cluster.ask('GET', '/api', { headers: { host } })).code).toBe(200);
  });

  test('two Hosts are one too many', async () => {
    const socket = connect(cluster.port, '127.0.0.1');
    socket.end('GET /version HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 [\s\S]*too many Host headers/);
  });

  test('a Host that it was told of is taken, and that one alone', async () => {
    const told = await testCluster({ allowHosts: ['Kube.example'] });
    try {
      const codeFor = async (host: string) => (await told.ask('GET', '/api', { headers: { host } })).code;
      expect(await codeFor('kube.example:6443')).toBe(200);
      expect(await codeFor('other.kube.example')).toBe(403);
    } finally {
      await told.close();
    }
  });

  test('a request of a web page is refused, and nothing is written', async () => {
    const asked = { headers: { origin: 'http://127.0.0.1' }, body: podOf('from-a-page') };
    expect((await cluster.ask('POST', PODS, asked)).code).toBe(403);
    expect(cluster.api.get('pods', 'from-a-page', 'default')).toBe(undefined);
  });
});

describe('[SPEC C31] nothing a client sends ends the process or grows without bound', () => {
  const rubbish: Array<[string, string, string, string | undefined, number]> = [
    ['too large', 'POST', PODS, JSON.stringify({ a: 'x'.repeat(3_200_000) }), 413],
    ['too deep', 'POST', PODS, `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`, 400],
    ['a list', 'POST', PODS, '[]', 400],
    ['a number', 'POST', PODS, '1', 400],
    ['no UTF-8', 'POST', PODS, '{"metadata":{"name":"\ud800"}}', 422],
    ['no metadata', 'POST', PODS, '{"metadata":7}', 400],
    ['a broken escape', 'GET', '/api/v1/namespaces/%E0%A4%A/pods', undefined, 400],
    ['a bad merge patch', 'PATCH', `${PODS}/x`, '[]', 404],
    ['a strange method', 'OPTIONS', PODS, undefined, 405],
    ['a strange method of a document', 'DELETE', '/version', undefined, 405],
    ['a path of dots', 'GET', '/../../etc/passwd', undefined, 404],
    ['a resource named like a member of every object', 'GET', '/api/v1/namespaces/default/constructor', undefined, 404],
    ['a group named like one', 'GET', '/apis/__proto__/v1/x', undefined, 404],
  ];

  test.each(rubbish)('%s', async (_what, method, path, body, code) => {
    expect((await cluster.ask(method, path, body === undefined ? {} : { body })).code).toBe(code);
    expect(cluster.errors).toEqual([]);
    expect((await cluster.ask('GET', '/readyz')).text).toBe('ok');
  });

  test('what is no HTTP is answered 400 and closed', async () => {
    const text = await new Promise<string>((resolve, reject) => {
      let got = '';
      const socket = connect(cluster.port, '127.0.0.1', () => socket.write('\u0016\u0003\u0001 hello\r\n\r\n'));
      socket.on('data', (chunk) => {
        got += chunk.toString('latin1');
      });
      socket.on('close', () => resolve(got));
      socket.on('error', reject);
    });
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('YAML aliases cannot swell', async () => {
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]'];
    for (let i = 0; i < 9; i++) {
      const [now, before] = [String.fromCharCode(98 + i), String.fromCharCode(97 + i)];
      bomb.push(`${now}: &${now} [${Array(9).fill(`*${before}`).join(',')}]`);
    }
    const headers = { 'content-type': 'application/yaml' };
    expect((await cluster.ask('POST', PODS, { body: bomb.join('\n'), headers })).code).toBe(400);
  });
});

describe('[SPEC C32] forms of bodies and answers', () => {
  test('YAML is read and written', async () => {
    const headers = { 'content-type': 'application/yaml', accept: 'application/yaml' };
    const body = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: y}\ndata: {a: "1"}\n';
    const made = await cluster.ask('POST', '/api/v1/namespaces/default/configmaps', { body, headers });
    expect([made.code, made.headers['content-type']]).toEqual([201, 'application/yaml']);
    expect(made.text).toMatch(
      /^apiVersion: v1\ndata:\n {2}a: "1"\nkind: ConfigMap\nmetadata:\n {2}creationTimestamp: "2.*Z"\n {2}managedFields:\n {2}- [\s\S]*\n {2}name: "y"\n/,
    );
  });

  test('a list names its kind once, and its items do not', async () => {
    const { json } = await cluster.ask('GET', '/api/v1/namespaces');
    expect([json.kind, json.apiVersion, json.items.length]).toEqual(['NamespaceList', 'v1', 4]);
    expect(Object.keys(json.items[0])).toEqual(['metadata', 'spec', 'status']);
  });

  test('pages follow each other without gap or double, and the first one counts what is left', async () => {
    const names: string[] = [];
    let token = '';
    const remaining: unknown[] = [];
    do {
      const { json } = await cluster.ask('GET', `/api/v1/namespaces?limit=3&continue=${encodeURIComponent(token)}`);
      names.push(...json.items.map((one: { metadata: { name: string } }) => one.metadata.name));
      remaining.push(json.metadata.remainingItemCount);
      token = json.metadata.continue ?? '';
    } while (token !== '');
    expect(names).toEqual(['default', 'kube-node-lease', 'kube-public', 'kube-system']);
    expect(remaining).toEqual([1, undefined]);
  });

  test('a resourceVersion beyond 64 bits is told so, of a list and of a watch', async () => {
    const asked = '/api/v1/namespaces?timeoutSeconds=1&resourceVersion=18446744073709551616';
    const why = 'strconv.ParseUint: parsing "18446744073709551616": value out of range';
    const list = await cluster.ask('GET', asked);
    expect([list.code, list.json.message]).toEqual([
      400,
      `invalid resource version: resourceVersion: Invalid value: "18446744073709551616": ${why}`,
    ]);
    const watch = await cluster.ask('GET', `${asked}&watch=1`);
    expect([watch.code, watch.json.message]).toEqual([
      500,
      `resourceVersion: Invalid value: "18446744073709551616": ${why}`,
    ]);
  });

  test('tables have the columns of the kind and a row for each object', async () => {
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
    const { json } = await cluster.ask('GET', '/api/v1/namespaces', { headers: { accept } });
    expect([json.kind, json.apiVersion]).toEqual(['Table', 'meta.k8s.io/v1']);
    expect(json.columnDefinitions.map((one: { name: string }) => one.name)).toEqual(['Name', 'Status', 'Age']);
    expect(json.rows[0].cells.slice(0, 2)).toEqual(['default', 'Active']);
    expect(json.rows[0].object).toMatchObject({ kind: 'PartialObjectMetadata', metadata: { name: 'default' } });
    const whole = await cluster.ask('GET', '/api/v1/namespaces/default?includeObject=Object', { headers: { accept } });
    expect(whole.json.rows[0].object.kind).toBe('Namespace');
    const wrong = await cluster.ask('GET', '/api/v1/namespaces?includeObject=Foo', { headers: { accept } });
    expect([wrong.code, wrong.json.message]).toEqual([
      400,
      `Unable to convert to Table as requested: includeObject: Invalid value: "Foo": must be 'Metadata', 'Object', 'None', or empty`,
    ]);
  });

  test('metadata alone, of one and of a list; the wrong one of the two is 406', async () => {
    const as = (form: string) => ({ headers: { accept: `application/json;as=${form};v=v1;g=meta.k8s.io` } });
    const one = await cluster.ask('GET', '/api/v1/namespaces/default', as('PartialObjectMetadata'));
    expect(Object.keys(one.json)).toEqual(['kind', 'apiVersion', 'metadata']);
    const list = await cluster.ask('GET', '/api/v1/namespaces', as('PartialObjectMetadataList'));
    expect(list.json).toMatchObject({ kind: 'PartialObjectMetadataList', items: { length: 4 } });
    const wrong = await cluster.ask('GET', '/api/v1/namespaces', as('PartialObjectMetadata'));
    expect([wrong.code, wrong.json.message]).toEqual([
      406,
      'you requested PartialObjectMetadata, but the requested object is a list (*core.NamespaceList)',
    ]);
  });

  test('a dry run answers what would be and leaves everything as it is', async () => {
    const made = await cluster.ask('POST', `${PODS}?dryRun=All`, { body: podOf('dry') });
    expect([made.code, made.json.spec.restartPolicy, made.json.metadata.resourceVersion]).toEqual([
      201,
      'Always',
      undefined,
    ]);
    expect((await cluster.ask('GET', `${PODS}/dry`)).code).toBe(404);
    await cluster.ask('POST', PODS, { body: podOf('wet') });
    const before = cluster.api.get('pods', 'wet', 'default');
    const headers = { 'content-type': 'application/merge-patch+json' };
    const body = { metadata: { labels: { a: 'b' } } };
    const patched = await cluster.ask('PATCH', `${PODS}/wet?dryRun=All`, { body, headers });
    expect(patched.json.metadata.labels).toEqual({ a: 'b' });
    await cluster.ask('DELETE', `${PODS}/wet?dryRun=All`);
    expect(cluster.api.get('pods', 'wet', 'default')).toBe(before);
  });
});

describe('[SPEC C33] subresources', () => {
  const body = {
    metadata: { name: 'd' },
    spec: {
      selector: { matchLabels: { a: 'b' } },
      template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'x' }] } },
    },
  };
  const PATH = '/apis/apps/v1/namespaces/default/deployments';

  test('scale reads and writes the replicas, and refuses what is no number of them', async () => {
    await cluster.ask('POST', PATH, { body });
    const scale = await cluster.ask('GET', `${PATH}/d/scale`);
    expect(scale.json).toMatchObject({ kind: 'Scale', spec: { replicas: 1 }, status: { selector: 'a=b' } });
    const headers = { 'content-type': 'application/merge-patch+json' };
    const patched = await cluster.ask('PATCH', `${PATH}/d/scale`, { body: { spec: { replicas: 4 } }, headers });
    expect([patched.code, patched.json.spec.replicas]).toEqual([200, 4]);
    expect(cluster.api.get('deployments.apps', 'd', 'default')?.metadata.generation).toBe(2);
    const stale = await cluster.ask('PUT', `${PATH}/d/scale`, { body: scale.json });
    expect(stale.code).toBe(409);
    const negative = await cluster.ask('PATCH', `${PATH}/d/scale`, { body: { spec: { replicas: -1 } }, headers });
    expect(negative.json.message).toBe(
      'Scale.autoscaling "d" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
    );
  });

  test('an eviction deletes, unless a budget holds the Pod', async () => {
    for (const name of ['free', 'held']) {
      await cluster.ask('POST', PODS, { body: podOf(name, { metadata: { name, labels: { who: name } } }) });
      const running = (pod: KubeObject): void => {
        pod.status = { phase: 'Running' };
      };
      cluster.api.modify('pods', name, 'default', running, { actor: 'test', subresource: 'status' });
    }
    const budget = { metadata: { name: 'pdb' }, spec: { minAvailable: 1, selector: { matchLabels: { who: 'held' } } } };
    await cluster.ask('POST', '/apis/policy/v1/namespaces/default/poddisruptionbudgets', { body: budget });
    const evict = (name: string) =>
      cluster.ask('POST', `${PODS}/${name}/eviction`, {
        body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name } },
      });
    expect((await evict('free')).code).toBe(201);
    expect((await cluster.ask('GET', `${PODS}/free`)).code).toBe(404);
    const held = await evict('held');
    expect([held.code, held.json.message]).toEqual([
      429,
      "Cannot evict pod as it would violate the pod's disruption budget.",
    ]);
    expect(held.json.details.causes[0].reason).toBe('DisruptionBudget');
    expect((await cluster.ask('GET', `${PODS}/held`)).code).toBe(200);
  });

  test('server-side apply makes what is missing, and in CBOR it is refused', async () => {
    const apply = (type: string) =>
      cluster.ask('PATCH', `${PODS}/applied?fieldManager=kubectl`, {
        body: { apiVersion: 'v1', kind: 'Pod', ...podOf('applied') },
        headers: { 'content-type': `application/apply-patch+${type}` },
      });
    expect([(await apply('cbor')).code, (await apply('yaml')).code, (await apply('yaml')).code]).toEqual([
      415, 201, 200,
    ]);
  });

  test('what would need a running container is refused in words', async () => {
    await cluster.ask('POST', PODS, { body: podOf('quiet') });
    const exec = await cluster.ask('POST', `${PODS}/quiet/exec?command=ls`);
    expect([exec.code, exec.json.message]).toEqual([400, 'pod quiet does not have a host assigned']);
    expect(await cluster.ask('GET', `${PODS}/quiet/log`)).toMatchObject({ code: 204, text: '' });
    await cluster.ask('POST', PODS, { body: podOf('bound', { spec: { nodeName: 'n1' } }) });
    const bound = await cluster.ask('POST', `${PODS}/bound/exec?command=ls`);
    expect([bound.code, bound.json.message]).toEqual([
      400,
      'the embedded cluster runs no containers: no command can be run',
    ]);
    const log = await cluster.ask('GET', `${PODS}/bound/log`);
    expect([log.code, log.json.message]).toEqual([404, 'pods "n1" not found']);
    await cluster.ask('POST', '/api/v1/nodes', { body: { metadata: { name: 'n1' } } });
    const refused = await cluster.ask('GET', `${PODS}/bound/log`);
    expect([refused.code, refused.json.message]).toEqual([
      400,
      'the embedded cluster runs no containers: there are no logs; what became of the pod is in its status and events (kubectl describe pod)',
    ]);
    const wrong = await cluster.ask('GET', `${PODS}/bound/log?container=nope`);
    expect([wrong.code, wrong.json.message]).toEqual([400, 'container nope is not valid for pod bound']);
    await cluster.ask('DELETE', '/api/v1/nodes/n1');
  });
});

describe('[SPEC C34] what a client asks before it works', () => {
  test('the version is one that kubectl can read', async () => {
    const { json } = await cluster.ask('GET', '/version');
    expect(json).toMatchObject({
      major: '1',
      minor: '34',
      gitVersion: expect.stringMatching(/^v1\.34\.\d+\+kouplet$/),
    });
  });

  test.each(['/healthz', '/livez', '/readyz', '/readyz?verbose'])('%s says ok', async (path) => {
    expect(await cluster.ask('GET', path)).toMatchObject({ code: 200, text: 'ok' });
  });

  test('reviews say yes', async () => {
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    const body = { spec: { resourceAttributes: { verb: 'get', resource: 'pods' } } };
    const { code, json } = await cluster.ask('POST', path, { body });
    expect([code, json.kind, json.status.allowed, json.spec]).toEqual([
      201,
      'SelfSubjectAccessReview',
      true,
      body.spec,
    ]);
  });

  test('OpenAPI: an index, a document for each group-version at its hashed address, and v2', async () => {
    const { json } = await cluster.ask('GET', '/openapi/v3');
    const { serverRelativeURL } = json.paths['apis/apps/v1'];
    expect(serverRelativeURL).toMatch(/^\/openapi\/v3\/apis\/apps\/v1\?hash=[0-9A-F]{128}$/);
    const document = await cluster.ask('GET', serverRelativeURL);
    expect(document.headers['cache-control']).toBe('public, immutable');
    const operation = document.json.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}'].patch;
    expect(operation['x-kubernetes-group-version-kind']).toEqual({ group: 'apps', version: 'v1', kind: 'Deployment' });
    expect(operation.parameters.map((one: { name: string }) => one.name)).toContain('fieldValidation');
    expect(Object.keys(operation.requestBody.content)).toContain('application/strategic-merge-patch+json');
    const swagger = await cluster.ask('GET', '/openapi/v2');
    expect(swagger.json.definitions['io.k8s.api.apps.v1.Deployment']).toBeDefined();
  });
});
