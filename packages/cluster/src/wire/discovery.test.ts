/** Discovery, held against what a real 1.34 lists (fixtures/discovery): what both have is the same, entry by entry. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestCluster, testCluster } from './testing.ts';

// biome-ignore lint/suspicious/noExplicitAny: documents as they are.
const recorded = (name: string): any =>
  JSON.parse(readFileSync(new URL(`../fixtures/discovery/${name}.json`, import.meta.url), 'utf8'));

const V2 =
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json';
let cluster: TestCluster;

beforeAll(async () => {
  cluster = await testCluster();
});
afterAll(() => cluster.close());

describe('[SPEC C7] discovery', () => {
  test.each([
    ['/api/v1', 'api-v1', 15],
    ['/apis/apps/v1', 'apis-apps-v1', 5],
    ['/apis/coordination.k8s.io/v1', 'apis-coordination-v1', 1],
  ])('%s lists resources as a real server does', async (path, name, atLeast) => {
    const { json } = await cluster.ask('GET', path);
    const real = new Map<string, Record<string, unknown>>();
    for (const { storageVersionHash: _hash, ...one } of recorded(name).resources) real.set(one.name, one);
    const shared = json.resources.filter((one: { name: string }) => real.has(one.name));
    expect(shared.length).toBeGreaterThanOrEqual(atLeast);
    for (const one of shared) expect(one).toEqual(real.get(one.name));
    expect(json.resources.filter((one: { name: string }) => !real.has(one.name))).toEqual([]);
    expect(json.groupVersion).toBe(recorded(name).groupVersion);
  });

  test.each([
    ['/api', 'api-aggregated'],
    ['/apis', 'apis-aggregated'],
  ])('%s in the aggregated form has the same entries, its own content type and an ETag', async (path, name) => {
    const answer = await cluster.ask('GET', path, { headers: { accept: V2 } });
    expect(answer.headers['content-type']).toBe('application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
    const flat = (document: {
      items: Array<{ metadata: { name?: string }; versions: Array<{ version: string; resources: unknown[] }> }>;
    }) =>
      document.items.flatMap((group) =>
        group.versions.flatMap(({ version, resources }) =>
          resources.map(
            (one) =>
              [
                `${group.metadata.name ?? ''}/${version}/${(one as { resource: string }).resource}`,
                withoutVersion(one),
              ] as const,
          ),
        ),
      );
    const real = new Map(flat(recorded(name)));
    const ours = flat(answer.json);
    const shared = ours.filter(([key]) => real.has(key));
    expect(shared.length).toBeGreaterThan(10);
    for (const [key, one] of shared) expect(withoutRefused(one)).toEqual(withoutRefused(real.get(key)));
    const again = await cluster.ask('GET', path, {
      headers: { accept: V2, 'if-none-match': String(answer.headers.etag) },
    });
    expect([again.code, again.text]).toEqual([304, '']);
  });

  test('clients of 1.24, of 1.27 and of today get the form they can read', async () => {
    const legacy = await cluster.ask('GET', '/apis', { headers: { accept: 'application/json, */*' } });
    expect([legacy.json.kind, legacy.headers['content-type']]).toEqual(['APIGroupList', 'application/json']);
    const beta = 'application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json';
    expect((await cluster.ask('GET', '/apis', { headers: { accept: beta } })).json.apiVersion).toBe(
      'apidiscovery.k8s.io/v2beta1',
    );
    expect((await cluster.ask('GET', '/api')).json).toMatchObject({ kind: 'APIVersions', versions: ['v1'] });
    expect((await cluster.ask('GET', '/apis/apps')).json).toEqual({
      kind: 'APIGroup',
      apiVersion: 'v1',
      name: 'apps',
      versions: [{ groupVersion: 'apps/v1', version: 'v1' }],
      preferredVersion: { groupVersion: 'apps/v1', version: 'v1' },
    });
  });
});

/** A real server leaves group and version of its own kinds empty here; ours says them, which clients read the same. */
function withoutVersion(one: unknown): unknown {
  return JSON.parse(JSON.stringify(one, (key, value) => (key === 'responseKind' ? { kind: value.kind } : value)));
}

/** What would need a kubelet or is not served here: exec, attach, proxy and the like, tokens, ephemeral containers. */
function withoutRefused(one: unknown): unknown {
  const absent = ['attach', 'ephemeralcontainers', 'exec', 'portforward', 'proxy', 'resize', 'token', 'log'];
  // biome-ignore lint/suspicious/noExplicitAny: documents as they are.
  const copy: any = structuredClone(one);
  if (copy.subresources !== undefined) {
    copy.subresources = copy.subresources.filter((sub: { subresource: string }) => !absent.includes(sub.subresource));
    if (copy.subresources.length === 0) delete copy.subresources;
  }
  return copy;
}
