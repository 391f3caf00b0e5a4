/** Documents with and without the library that has the words, and where they stand. */
import { expect, describe as suite, test } from 'vitest';
import { kinds } from '../kinds/index.ts';
import { Definitions, type Json } from './definitions.ts';
import { describe } from './descriptions.ts';
import { documentOf, hashOf, swaggerOf } from './documents.ts';

const core = kinds.filter((kind) => kind.group === '' && kind.version === 'v1');

suite('OpenAPI documents [SPEC C188]', () => {
  test('refer to nothing that they do not have', () => {
    for (const group of new Set(kinds.map((kind) => kind.group))) {
      const document = documentOf(
        group,
        'v1',
        kinds.filter((kind) => kind.group === group && kind.version === 'v1'),
      );
      const { schemas } = document.components as { schemas: Json };
      const wanted = JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g);
      expect([...wanted].map((match) => match[1]).filter((name) => !Object.hasOwn(schemas, name ?? ''))).toEqual([]);
      const old = JSON.stringify(swaggerOf([document]));
      expect(old).not.toContain('#/components/');
    }
  });

  test('have every kind of the index under its own type, none as an empty object', () => {
    for (const kind of kinds) {
      const definitions = new Definitions();
      const schema = definitions.schemas[definitions.addKind(kind)];
      expect(Object.keys(schema?.properties as Json), kind.kind).toContain('metadata');
      expect(schema?.['x-kubernetes-group-version-kind']).toEqual([
        { group: kind.group, version: kind.version, kind: kind.kind },
      ]);
    }
  });

  test('have words where the library is installed, and none where it is not', () => {
    expect(describe('V1Container').fields.get('image')).toMatch(/^Container image name/);
    expect(describe('V1Container').type).toMatch(/container/);
    expect(describe('V1Container', '').fields.size).toBe(0);
    expect(describe('../../../../package', '/nowhere').type).toBe('');
    expect(describe('V1Nothing')).toEqual({ type: '', fields: new Map() });
  });

  test('have another address when their kinds are others, and the same one otherwise', () => {
    const [first, ...rest] = core;
    expect(hashOf('api/v1', core)).toBe(hashOf('api/v1', [...core]));
    expect(hashOf('api/v1', core)).not.toBe(hashOf('api/v1', rest));
    expect(hashOf('api/v1', core)).not.toBe(hashOf('apis/x/v1', core));
    expect(first).toBeDefined();
  });
});
