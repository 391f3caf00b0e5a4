/** What is taken of a definition and not done here is said, each time it is written; and what no validation may do. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestCluster, testCluster } from '../wire/testing.ts';

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await testCluster();
});
afterAll(async () => {
  await cluster.close();
  expect(cluster.errors).toEqual([]);
});

const PATH = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const definition = (plural: string, spec: unknown, more: Record<string, unknown> = {}) => ({
  metadata: { name: `${plural}.example.org` },
  spec: {
    group: 'example.org',
    scope: 'Cluster',
    names: { kind: `K${plural}`, plural },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', properties: { spec } } },
      },
    ],
    ...more,
  },
});
const toldOf = async (body: unknown): Promise<string> => {
  const { code, headers } = await cluster.ask('POST', PATH, { body });
  expect(code).toBe(201);
  return String(headers.warning ?? '');
};

describe('warnings [SPEC C183]', () => {
  test('rules in CEL are taken, and not evaluated', async () => {
    const rule = { rule: 'self.a > 5', message: 'too small' };
    const spec = { type: 'object', properties: { a: { type: 'integer' } }, 'x-kubernetes-validations': [rule] };
    expect(await toldOf(definition('celled', spec))).toContain('does not evaluate x-kubernetes-validations');
    const patch = {
      body: { metadata: { labels: { a: 'b' } } },
      headers: { 'content-type': 'application/merge-patch+json' },
    };
    const again = await cluster.ask('PATCH', `${PATH}/celled.example.org`, patch);
    expect(String(again.headers.warning)).toContain('CEL');
  });

  test('conversion webhooks are taken, and not called', async () => {
    const webhook = { conversionReviewVersions: ['v1'], clientConfig: { url: 'https://localhost/convert' } };
    const conversion = { conversion: { strategy: 'Webhook', webhook } };
    expect(await toldOf(definition('hooked', { type: 'object' }, conversion))).toContain(
      'calls no conversion webhooks',
    );
  });

  test('a plain definition is taken without a word', async () => {
    expect(await toldOf(definition('plains', { type: 'object' }))).toBe('');
  });
});

describe('bodies of ill will [SPEC C22]', () => {
  const until = async (look: () => Promise<boolean>): Promise<void> => {
    const deadline = performance.now() + 10_000;
    while (!(await look())) {
      if (performance.now() > deadline) throw new Error('not within 10 s');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };

  test('reach no prototype, through definitions, defaults, paths and objects', async () => {
    const spec =
      '{"type":"object","properties":{"__proto__":{"type":"object","x-kubernetes-preserve-unknown-fields":true,"default":{"polluted":1}},"constructor":{"type":"string"}}}';
    const body = JSON.stringify(definition('evils', 'SPEC')).replace('"SPEC"', spec);
    await cluster.ask('POST', PATH, { body, headers: { 'content-type': 'application/json' } });
    await until(async () => (await cluster.ask('GET', '/apis/example.org/v1/evils')).code === 200);
    const one =
      '{"apiVersion":"example.org/v1","kind":"Kevils","metadata":{"name":"x"},"spec":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}},"__proto__":{"polluted":1}}';
    const answer = await cluster.ask('POST', '/apis/example.org/v1/evils', {
      body: one,
      headers: { 'content-type': 'application/json' },
    });
    expect(answer.code).toBe(422);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test('a schema of a thousand levels is refused, not followed', async () => {
    let spec: unknown = { type: 'object' };
    for (let i = 0; i < 1_000; i++) spec = { type: 'object', properties: { a: spec } };
    const { code } = await cluster.ask('POST', PATH, { body: definition('deeps', spec) });
    expect([400, 422]).toContain(code);
  });
});
