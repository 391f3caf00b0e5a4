/** A new kind is one file, and its line in the index: everything else is made of what it says of itself. */
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { admissionPlugins } from '../admission/index.ts';
import { systemClock } from '../clock.ts';
import { bootstrap } from '../rest/bootstrap.ts';
import { createState } from '../rest/cluster-state.ts';
import { Access } from '../security/access.ts';
import { ServiceAccountTokens } from '../security/service-account-tokens.ts';
import { listen, type Wire } from '../wire/server.ts';
import { type Answer, type Asked, ask } from '../wire/testing.ts';
import { defineKind } from './define-kind.ts';
import { invalid } from './field-errors.ts';
import { kinds } from './index.ts';
import { isFields } from './json.ts';
import { ageColumn, column, nameColumn } from './shape.ts';

/** What such a file would hold. */
const rock = defineKind({
  group: 'geology.example.org',
  version: 'v1',
  kind: 'Rock',
  plural: 'rocks',
  shortNames: ['rk'],
  namespaced: true,
  // A type of the schema that fits; a kind of its own would add one to schema/types.json.
  schema: 'V1ConfigMap',
  hasGeneration: true,
  validate: ({ data }) => (data?.hardness === 'soft' ? [invalid('data.hardness', 'soft', 'a rock is hard')] : []),
  fieldSelectors: { 'data.hardness': ({ data }) => String(data?.hardness ?? '') },
  columns: [nameColumn, column('Hardness', 'string', 'How hard.'), ageColumn],
  row: ({ metadata, data }) => [metadata.name, data?.hardness ?? '', ''],
});

let wire: Wire;
const errors: unknown[] = [];
beforeAll(async () => {
  const onError = (error: unknown): void => void errors.push(error);
  const state = createState({ kinds: [...kinds, rock], admission: admissionPlugins, clock: systemClock, onError });
  bootstrap(state.api);
  const tokens = new ServiceAccountTokens({ clock: systemClock, find: state.api.get }, () => {
    throw new Error('nobody asks for a token');
  });
  const options = { host: '127.0.0.1', port: 0, access: new Access({ tokens }), onError, ready: () => true };
  wire = await listen(state.ground, options);
});
afterAll(async () => {
  await wire.close();
  expect(errors).toEqual([]);
});

const path = '/apis/geology.example.org/v1/namespaces/default/rocks';
const at = (method: string, rest = '', asked: Asked = {}): Promise<Answer> =>
  ask(wire.port, method, `${path}${rest}`, asked);

describe('a kind by its file [SPEC C190]', () => {
  test('has verbs, validation, patches, selectors and a table', async () => {
    const body = { metadata: { name: 'granite' }, data: { hardness: 'hard' } };
    expect((await at('POST', '', { body })).code).toBe(201);
    const soft = { metadata: { name: 'talc' }, data: { hardness: 'soft' } };
    expect((await at('POST', '', { body: soft })).json.message).toContain('a rock is hard');
    const headers = { 'content-type': 'application/merge-patch+json' };
    const patched = await at('PATCH', '/granite', { body: { data: { color: 'grey' } }, headers });
    expect(patched.json.metadata.generation).toBe(2);
    const found = await at('GET', '?fieldSelector=data.hardness%3Dhard');
    expect(found.json.items).toHaveLength(1);
    const accept = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
    expect((await at('GET', '', { headers: accept })).json.rows[0].cells.slice(0, 2)).toEqual(['granite', 'hard']);
    expect((await at('DELETE', '/granite')).code).toBe(200);
  });

  test('is in both discoveries and in OpenAPI', async () => {
    const listed = await ask(wire.port, 'GET', '/apis/geology.example.org/v1');
    expect(listed.json.resources[0]).toMatchObject({ name: 'rocks', kind: 'Rock', shortNames: ['rk'] });
    const { json } = await ask(wire.port, 'GET', '/openapi/v3/apis/geology.example.org/v1');
    expect(json.paths[path.replace('default', '{namespace}')]).toBeDefined();
  });

  test('is in the index, and nowhere else a list of kinds is needed', async () => {
    const files = readdirSync(import.meta.dirname).filter((name) => /^[a-z0-9-]+\.ts$/.test(name));
    const modules = await Promise.all(
      files.filter((name) => name !== 'index.ts').map((name) => import(`./${name.slice(0, -3)}.ts`)),
    );
    const defined = modules.flatMap((module) =>
      Object.values(module).filter(
        (one) => isFields(one) && typeof one.plural === 'string' && Array.isArray(one.verbs),
      ),
    );
    expect(defined).toHaveLength(kinds.length);
    expect(new Set(defined)).toEqual(new Set(kinds));
  });
});
