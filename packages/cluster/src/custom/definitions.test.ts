/** What custom kinds need of the rest of the cluster: its garbage collector, its namespaces, its second life. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type Cluster, type ClusterOptions, type KubeObject, startCluster } from '../index.ts';

const DEFINITIONS = 'customresourcedefinitions.apiextensions.k8s.io';
const TOYS = 'toys.example.org';
const actor = { actor: 'test' };
const ends: Array<() => unknown> = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function cluster(options: ClusterOptions = {}): Promise<Cluster> {
  const made = await startCluster(options);
  ends.push(() => made.close());
  return made;
}

function define({ api }: Cluster, size: Record<string, unknown> = { type: 'integer' }): void {
  const spec = { type: 'object', properties: { size } };
  const version = { name: 'v1', served: true, storage: true };
  api.create(
    DEFINITIONS,
    {
      metadata: { name: TOYS },
      spec: {
        group: 'example.org',
        scope: 'Namespaced',
        names: { kind: 'Toy', plural: 'toys' },
        versions: [{ ...version, schema: { openAPIV3Schema: { type: 'object', properties: { spec } } } }],
      },
    },
    actor,
  );
}

async function until(what: string, look: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!look()) {
    if (performance.now() > deadline) throw new Error(`not within 10 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function isServed({ api }: Cluster): boolean {
  try {
    api.list(TOYS);
    return true;
  } catch {
    return false;
  }
}

const toy = (name: string, more: Record<string, unknown> = {}) => ({
  metadata: { name, namespace: 'default', ...more },
  spec: { size: 1 },
});

describe('custom kinds in the rest of the cluster [SPEC C191]', () => {
  test('an owned object goes with its owner, and an owner of a custom kind takes its own along', async () => {
    const one = await cluster();
    define(one);
    await until('toys', () => isServed(one));
    const { api } = one;
    const owner = api.create(TOYS, toy('owner'), { ...actor, namespace: 'default' });
    const reference = { apiVersion: 'example.org/v1', kind: 'Toy', name: 'owner', uid: owner.metadata.uid };
    api.create(TOYS, toy('child', { ownerReferences: [reference] }), { ...actor, namespace: 'default' });
    const map = { metadata: { name: 'map', ownerReferences: [reference] } };
    api.create('configmaps', map, { ...actor, namespace: 'default' });
    api.delete(TOYS, 'owner', 'default', { propagationPolicy: 'Background' });
    await until('the end of both', () => {
      const left = api.get(TOYS, 'child', 'default') ?? api.get('configmaps', 'map', 'default');
      return left === undefined;
    });
  });

  test('a namespace is emptied of custom objects, too', async () => {
    const one = await cluster();
    define(one);
    await until('toys', () => isServed(one));
    const { api } = one;
    api.create('namespaces', { metadata: { name: 'box' } }, actor);
    api.create(TOYS, { metadata: { name: 'a' }, spec: {} }, { ...actor, namespace: 'box' });
    api.delete('namespaces', 'box', undefined);
    await until('the end of the namespace', () => api.get('namespaces', 'box') === undefined);
    expect(api.list(TOYS)).toEqual([]);
  });

  test('a definition that comes back after its end starts with nothing', async () => {
    const one = await cluster();
    define(one);
    await until('toys', () => isServed(one));
    one.api.create(TOYS, toy('old'), { ...actor, namespace: 'default' });
    one.api.delete(DEFINITIONS, TOYS, undefined);
    await until('the end', () => one.api.get(DEFINITIONS, TOYS) === undefined && !isServed(one));
    define(one);
    await until('toys again', () => isServed(one));
    expect(one.api.list(TOYS)).toEqual([]);
    one.api.create(TOYS, toy('new'), { ...actor, namespace: 'default' });
    one.api.delete(TOYS, 'new', 'default');
  });

  test('a second life on the same directory has the kind and its objects at once', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'kouplet-custom-'));
    ends.push(() => rmSync(dir, { recursive: true, force: true }));
    const first = await startCluster({ dir });
    define(first);
    await until('toys', () => isServed(first));
    first.api.create(TOYS, toy('kept'), { ...actor, namespace: 'default' });
    await first.close();
    const second = await cluster({ dir });
    expect(second.api.get(TOYS, 'kept', 'default')?.spec).toEqual({ size: 1 });
  });

  test('what was good before a stricter schema may still be changed elsewhere', async () => {
    const one = await cluster({ controllers: false });
    define(one);
    await until('toys', () => isServed(one));
    const { api } = one;
    api.create(TOYS, { ...toy('big'), spec: { size: 9 } }, { ...actor, namespace: 'default' });
    const limit = (draft: Record<string, unknown>): void => {
      const { versions } = draft.spec as { versions: Array<{ schema: { openAPIV3Schema: Record<string, never> } }> };
      const root = versions[0]?.schema.openAPIV3Schema as unknown as Record<string, Record<string, unknown>>;
      root.properties = { spec: { type: 'object', properties: { size: { type: 'integer', maximum: 5 } } } };
    };
    api.modify(DEFINITIONS, TOYS, undefined, limit, actor);
    await until('the new schema', () => {
      try {
        api.create(TOYS, { ...toy('try'), spec: { size: 9 } }, { ...actor, namespace: 'default' });
        api.delete(TOYS, 'try', 'default');
        return false;
      } catch {
        return true;
      }
    });
    const labelled = api.modify(
      TOYS,
      'big',
      'default',
      ({ metadata }) => Object.assign(metadata, { labels: { a: 'b' } }),
      actor,
    );
    expect(labelled.metadata.labels).toEqual({ a: 'b' });
    expect(() => api.modify(TOYS, 'big', 'default', ({ spec }) => Object.assign(spec, { size: 8 }), actor)).toThrow(
      'should be less than or equal to 5',
    );
  });

  test('a definition of what is built in changes nothing, and takes nothing with it', async () => {
    const one = await cluster();
    const { api } = one;
    const name = 'ingresses.networking.k8s.io';
    const backend = { service: { name: 'x', port: { number: 80 } } };
    api.create(
      name,
      { metadata: { name: 'mine' }, spec: { defaultBackend: backend } },
      { ...actor, namespace: 'default' },
    );
    const version = { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } };
    api.create(
      DEFINITIONS,
      {
        metadata: { name, annotations: { 'api-approved.kubernetes.io': 'https://example.org' } },
        spec: {
          group: 'networking.k8s.io',
          scope: 'Namespaced',
          names: { kind: 'Ingress', plural: 'ingresses' },
          versions: [version],
        },
      },
      actor,
    );
    await until('its names', () => (api.get(DEFINITIONS, name)?.status?.conditions ?? []).length > 0);
    api.delete(DEFINITIONS, name, undefined);
    await until('its end', () => api.get(DEFINITIONS, name) === undefined);
    expect(api.get(name, 'mine', 'default')?.spec.defaultBackend).toEqual(backend);
  });

  test('a definition none of whose versions is served keeps its objects, until it goes', async () => {
    const one = await cluster({ controllers: false });
    define(one);
    await until('toys', () => isServed(one));
    const { api } = one;
    api.create(TOYS, toy('kept'), { ...actor, namespace: 'default' });
    const serve = (served: boolean) => (draft: KubeObject) => {
      for (const version of draft.spec?.versions ?? []) version.served = served;
    };
    api.modify(DEFINITIONS, TOYS, undefined, serve(false), actor);
    await until('their end', () => !isServed(one));
    api.modify(DEFINITIONS, TOYS, undefined, serve(true), actor);
    await until('their return', () => isServed(one));
    expect(api.get(TOYS, 'kept', 'default')?.spec).toEqual({ size: 1 });
    api.modify(DEFINITIONS, TOYS, undefined, serve(false), actor);
    await until('their end', () => !isServed(one));
    api.delete(DEFINITIONS, TOYS, undefined);
    await until('the end', () => api.get(DEFINITIONS, TOYS) === undefined);
    define(one);
    await until('toys', () => isServed(one));
    expect(api.list(TOYS)).toEqual([]);
  });
});
