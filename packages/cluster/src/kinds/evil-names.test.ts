import { afterAll, beforeAll, expect, test } from 'vitest';
import { podOf, type TestCluster, testCluster } from '../wire/testing.ts';

/** Names that every object of JavaScript answers to, where a table is looked up by what a client says. */
let cluster: TestCluster;
beforeAll(async () => {
  cluster = await testCluster({ controllers: true });
});
afterAll(() => cluster.close());

test.each([
  'toString',
  'constructor',
  '__proto__',
])('[SPEC C22] %s is a name like any other where a client may choose one', async (name) => {
  const at = '/api/v1/namespaces/default';
  const lower = name.toLowerCase().replaceAll('_', '');
  const secret = await cluster.ask('POST', `${at}/secrets`, { body: { metadata: { name: lower }, type: name } });
  expect([secret.code, secret.json.type]).toEqual([201, name]);
  const pod = await cluster.ask('POST', `${at}/pods`, { body: podOf(lower, { spec: { priorityClassName: name } }) });
  expect([pod.code, pod.json.message]).toEqual([
    403,
    `pods "${lower}" is forbidden: no PriorityClass with name ${name} was found`,
  ]);
  const spec = { hard: { pods: '1' }, scopes: [name] };
  const quota = await cluster.ask('POST', `${at}/resourcequotas`, { body: { metadata: { name: lower }, spec } });
  expect(quota.code).toBe(422);
  const limits = [{ type: 'Container', max: { cpu: '2', [name]: '1' }, default: { memory: '1Gi' } }];
  const range = await cluster.ask('POST', `${at}/limitranges`, {
    body: { metadata: { name: lower }, spec: { limits } },
  });
  expect(range.code).toBe(422);
  const requests = { requests: { [name]: '1' }, limits: { cpu: '1' } };
  const greedy = podOf(lower, { spec: { containers: [{ name: 'c', image: 'x', resources: requests }] } });
  expect((await cluster.ask('POST', `${at}/pods`, { body: greedy })).code).toBe(422);
  const conditions = [{ type: name, status: 'name' }];
  const node = await cluster.ask('POST', '/api/v1/nodes', {
    body: { metadata: { name: lower }, status: { conditions } },
  });
  expect(node.code).toBe(201);
  expect(node.json.spec.taints).toMatchObject([{ key: 'node.kubernetes.io/not-ready' }]);
  expect(cluster.errors).toEqual([]);
});

test.each([
  'toString',
  'constructor',
  '__proto__',
])('[SPEC C22] %s is owned, applied, fought for and given up like any other key of a ConfigMap', async (name) => {
  const path = '/api/v1/namespaces/default/configmaps';
  const called = `owned-${name.toLowerCase().replaceAll('_', '')}`;
  const at = `${path}/${called}`;
  const data = (value: string | null): string => `{${JSON.stringify(name)}:${JSON.stringify(value)}}`;
  const apply = (manager: string, value: string) =>
    cluster.ask('PATCH', `${at}?fieldManager=${manager}`, {
      body: `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"${called}"},"data":${data(value)}}`,
      headers: { 'content-type': 'application/apply-patch+yaml' },
    });
  const merge = (value: string | null) =>
    cluster.ask('PATCH', `${at}?fieldManager=merger`, {
      body: `{"data":${data(value)}}`,
      headers: { 'content-type': 'application/merge-patch+json' },
    });
  const ownersOf = (json: { metadata: { managedFields?: { manager: string; fieldsV1: object }[] } }): string[] =>
    (json.metadata.managedFields ?? [])
      .filter(({ fieldsV1 }) => JSON.stringify(fieldsV1).includes(`"f:${name}"`))
      .map(({ manager }) => manager);
  const applied = await apply('one', 'first');
  expect([applied.code, JSON.stringify(applied.json.data)]).toEqual([201, data('first')]);
  const fought = await apply('two', 'second');
  expect([fought.code, fought.json.message]).toEqual([
    409,
    `Apply failed with 1 conflict: conflict with "one": .data.${name}`,
  ]);
  const taken = await merge('third');
  expect([JSON.stringify(taken.json.data), ownersOf(taken.json)]).toEqual([data('third'), ['merger']]);
  const gone = await merge(null);
  expect([JSON.stringify(gone.json.data ?? {}), ownersOf(gone.json)]).toEqual(['{}', []]);
});
