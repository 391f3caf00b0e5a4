/** Custom kinds at their edges: several schemas, no columns, no subresources, root rules, collections, other forms. [SPEC C183] [SPEC C185] */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';
import { define, definitionOf, definitions, dropDefinitions } from './custom.ts';
import { JSON_PATCH, MERGE_PATCH, openSetting } from './setting.ts';

const on = openSetting('edges');
const { say } = on;
let group = '';
const at = (plural: string, rest = '', version = 'v1') =>
  `/apis/${group}/${version}/namespaces/${on.namespace}/${plural}${rest}`;
const object = (kind: string, name: string, rest: Json = {}, version = 'v1'): Json => ({
  apiVersion: `${group}/${version}`,
  kind,
  metadata: { name },
  ...rest,
});
const schema = (openAPIV3Schema: Json): Json => ({ schema: { openAPIV3Schema } });
const text = { type: 'string' };

beforeAll(async () => {
  group = `${on.namespace}.example.org`;
  await define(on, definitionOf(group, 'Plain'));
  const free = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  await define(on, definitionOf(group, 'Free', {}, schema(free)));
  const strict = {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        properties: {
          level: { type: 'integer', enum: [1, 2, 3] },
          mode: { type: 'string', nullable: true, enum: ['a', null] },
          map: { type: 'object', additionalProperties: { type: 'object', required: ['x'], properties: { x: text } } },
          rows: { type: 'array', items: { type: 'array', items: { type: 'integer' } } },
          any: { type: 'object', additionalProperties: true },
          port: { 'x-kubernetes-int-or-string': true, pattern: '^[a-z]+$', maximum: 100 },
          part: { type: 'object', properties: { a: text }, 'x-kubernetes-preserve-unknown-fields': true },
          big: { type: 'integer', format: 'int64' },
          id: { type: 'string', format: 'uuid' },
          day: { type: 'string', format: 'date' },
          net: { type: 'string', format: 'cidr' },
          site: { type: 'string', format: 'uri' },
          host: { type: 'string', format: 'hostname' },
          span: { type: 'string', format: 'duration' },
          odd: { type: 'string', format: 'whatever' },
          pick: {
            type: 'object',
            properties: { kind: text, a: { type: 'integer' } },
            required: ['kind'],
            allOf: [
              { anyOf: [{ properties: { kind: { enum: ['x'] } } }, { required: ['a'] }] },
              { not: { required: ['a'], properties: { kind: { enum: ['never'] } } } },
            ],
          },
        },
      },
    },
  };
  await define(on, definitionOf(group, 'Strict', { shortNames: ['st'] }, schema(strict)));
});
afterAll(() => dropDefinitions(on, group));

describe('values at their edges [SPEC C183]', () => {
  const rows: readonly (readonly [name: string, spec: Json])[] = [
    ['an integer out of its enum', { level: 9 }],
    ['an integer of its enum', { level: 2 }],
    ['a null in an enum', { mode: null }],
    ['a value beside the null', { mode: 'b' }],
    ['a map of objects that lack something', { map: { k: {}, l: { x: 'y' } } }],
    ['a map of objects with something unknown', { map: { k: { x: 'y', z: 1 } } }],
    ['a map whose value is null', { map: { k: null } }],
    ['a list in a list', { rows: [[1, 2], [3]] }],
    ['a list in a list with a text', { rows: [[1, 'a']] }],
    ['anything in a map', { any: { a: 1, b: { c: [] } } }],
    ['a port of the wrong pattern', { port: 'HTTP' }],
    ['a port that is too large', { port: 101 }],
    ['a port that is a fraction', { port: 1.5 }],
    ['unknown fields that are kept', { part: { a: 'x', b: { c: 1 } } }],
    ['unknown fields beside a wrong one', { part: { a: 1, b: { c: 1 } } }],
    ['a large integer', { big: 9007199254740991 }],
    ['a UUID that is none', { id: 'x' }],
    ['a date that is none', { day: '2024-13-01' }],
    ['a date', { day: '2024-12-01' }],
    ['a block that is none', { net: '10.0.0.0' }],
    ['a host that is none', { host: 'a b' }],
    ['a span that is none', { span: 'soon' }],
    ['a format that nobody knows', { odd: 'anything' }],
    ['what none of the rules takes', { pick: { kind: 'y' } }],
    ['what one of the rules takes', { pick: { kind: 'y', a: 1 } }],
    ['what is ruled out', { pick: { kind: 'never', a: 1 } }],
    ['two wrong things in one list', { rows: ['a', ['b']] }],
  ];
  test.each(rows)('%s', async (_name, spec) => {
    const { code, body } = await say('POST', `${at('stricts')}?dryRun=All`, object('Strict', 'x', { spec }));
    // Several complaints come in the order of a Go map.
    if (body.details?.causes !== undefined) {
      body.details.causes.sort((a: Json, b: Json) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
      if (body.details.causes.length > 1) delete body.message;
    }
    expect({ code, body }).toMatchSnapshot();
  });
});

describe('objects without a schema to speak of [SPEC C183]', () => {
  test('everything is kept', async () => {
    const body = object('Free', 'one', { spec: { a: { b: [1, { c: null }] } }, other: true, list: [] });
    expect(await say('POST', at('frees'), body)).toMatchSnapshot();
  });
  test('a status is a field like any other, and counts', async () => {
    const patched = await say('PATCH', at('frees', '/one'), { status: { a: 1 } }, MERGE_PATCH);
    expect([patched.code, patched.body.metadata.generation, patched.body.status]).toMatchSnapshot();
    expect((await say('GET', at('frees', '/one/status'))).code).toBe(404);
    expect((await say('GET', at('frees', '/one/scale'))).code).toBe(404);
  });
  test('a metadata field that nobody knows', async () => {
    const body = object('Free', 'two');
    body.metadata.bogus = 1;
    expect(await say('POST', `${at('frees')}?fieldValidation=Strict`, body)).toMatchSnapshot();
    expect(await say('POST', at('frees'), body)).toMatchSnapshot();
  });
  test('a generated name', async () => {
    const body = object('Free', '');
    body.metadata = { generateName: 'gen-' };
    const { code, body: made } = await say('POST', at('frees'), body);
    expect([code, made.metadata.generateName, /^gen-.{5,}$/.test(made.metadata.name)]).toEqual([201, 'gen-', true]);
  });
  test('a JSON patch that removes what is not there', async () => {
    const patch = [{ op: 'remove', path: '/spec/none' }];
    expect(await say('PATCH', at('frees', '/one'), patch, JSON_PATCH)).toMatchSnapshot();
  });
  test('a merge patch of another kind', async () => {
    const answer = await say('PATCH', at('frees', '/one'), { kind: 'Other' }, MERGE_PATCH);
    expect([answer.code, answer.body.reason]).toMatchSnapshot();
  });
  test('a PATCH of what is not there', async () => {
    expect(await say('PATCH', at('frees', '/nobody'), {}, MERGE_PATCH)).toMatchSnapshot();
  });
  test('YAML', async () => {
    const yaml = `apiVersion: ${group}/v1\nkind: Free\nmetadata: {name: yaml}\nspec: {a: 1}\n`;
    const { code, body } = await say('POST', at('frees'), yaml, 'application/yaml');
    expect([code, body.spec]).toEqual([201, { a: 1 }]);
  });
  test('a collection is deleted', async () => {
    const { code, body } = await say('DELETE', at('frees'));
    expect([code, body.kind]).toMatchSnapshot();
    expect((await on.get(at('frees'))).items).toEqual([]);
  });
});

describe('other forms [SPEC C185]', () => {
  beforeAll(() => on.call('POST', at('plains'), object('Plain', 'one', { spec: { size: 1 } })));
  test('a table without columns of its own', async () => {
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
    const { body } = await on.raw('GET', at('plains', '/one'), undefined, undefined, accept);
    const { columnDefinitions, rows } = on.plain(body);
    expect(columnDefinitions).toMatchSnapshot();
    expect(rows[0].cells[0]).toBe('one');
  });
  test('bare metadata', async () => {
    const accept = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io';
    const { body } = await on.raw('GET', at('plains', '/one'), undefined, undefined, accept);
    expect(on.plain(body)).toMatchSnapshot();
  });
  test('a watch of definitions', async () => {
    const watch = await on.cluster.api.watch(`${definitions}?fieldSelector=metadata.name%3Dplains.${group}`);
    await waitFor('the definition', () => watch.events.length > 0);
    watch.stop();
    expect(
      watch.events.map(({ type, object: one }) => [type, one.kind, on.plain(one.metadata.name)]),
    ).toMatchSnapshot();
  });
  test('all namespaces, and a page', async () => {
    await on.call('POST', at('plains'), object('Plain', 'two'));
    const { body } = await on.raw('GET', `/apis/${group}/v1/plains?limit=1`);
    expect([body.items.length, body.metadata.remainingItemCount, typeof body.metadata.continue]).toEqual([
      1,
      1,
      'string',
    ]);
    const next = await on.raw('GET', `/apis/${group}/v1/plains?limit=1&continue=${body.metadata.continue}`);
    expect(next.body.items.map((one: Json) => one.metadata.name)).toEqual(['two']);
  });
});

describe('definitions of several schemas [SPEC C181]', () => {
  const rows: readonly (readonly [name: string, change: (crd: Json) => void])[] = [
    [
      'a wrong schema in one of them',
      (crd) => {
        crd.spec.versions.push({
          name: 'v2',
          served: true,
          storage: false,
          ...schema({ type: 'object', properties: { a: {} } }),
        });
      },
    ],
    [
      'a wrong column in one of them',
      (crd) => {
        crd.spec.versions.push({
          ...crd.spec.versions[0],
          name: 'v2',
          storage: false,
          additionalPrinterColumns: [{ name: 'A', type: 'what', jsonPath: '.a' }],
        });
      },
    ],
    [
      'a wrong scale in one of them',
      (crd) => {
        crd.spec.versions.push({
          ...crd.spec.versions[0],
          name: 'v2',
          storage: false,
          subresources: { scale: { specReplicasPath: 'x', statusReplicasPath: '.status.a' } },
        });
      },
    ],
    [
      'one without a schema',
      (crd) => {
        crd.spec.versions.push({ name: 'v2', served: true, storage: false });
      },
    ],
    [
      'a wrong value below a list',
      (crd) => {
        crd.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.l = {
          type: 'array',
          items: { type: 'object', properties: { a: { type: 'text' } } },
        };
      },
    ],
    [
      'a wrong value below a map',
      (crd) => {
        crd.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.m = {
          type: 'object',
          additionalProperties: { pattern: '[' },
        };
      },
    ],
    [
      'a nullable key',
      (crd) => {
        crd.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.m = {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['a'],
          items: { type: 'object', required: ['a'], properties: { a: { type: 'string', nullable: true } } },
        };
      },
    ],
    [
      'a default below a default',
      (crd) => {
        crd.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.m = {
          type: 'object',
          default: { n: 'x' },
          properties: { n: { type: 'integer', default: 1 } },
        };
      },
    ],
  ];
  test.each(rows)('%s', async (_name, change) => {
    const crd = definitionOf(group, 'Several');
    change(crd);
    expect(await say('POST', `${definitions}?dryRun=All`, crd)).toMatchSnapshot();
  });
});

describe('server-side apply of a custom kind [SPEC C184]', () => {
  const APPLY = 'application/apply-patch+yaml';
  const apply = async (manager: string, spec: Json, force = false): Promise<unknown> => {
    const query = `?fieldManager=${manager}${force ? '&force=true' : ''}`;
    const body = object('Keyed', 'one', { spec });
    const { code, body: answer } = await say('PATCH', at('keyeds', `/one${query}`), JSON.stringify(body), APPLY);
    return code < 300 ? [code, answer.spec] : [code, answer.reason, answer.details?.causes];
  };
  beforeAll(async () => {
    const keyed = {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: { type: 'object', required: ['name'], properties: { name: text, size: { type: 'integer', default: 1 } } },
    };
    const spec = {
      type: 'object',
      properties: {
        parts: keyed,
        tags: { type: 'array', 'x-kubernetes-list-type': 'set', items: text },
        plain: { type: 'array', items: text },
        color: text,
      },
    };
    await define(on, definitionOf(group, 'Keyed', {}, schema({ type: 'object', properties: { spec } })));
  });
  test.each([
    ['is made', 'one', { parts: [{ name: 'a' }], tags: ['x'], plain: ['p'], color: 'red' }, false],
    ['another manager adds its own', 'two', { parts: [{ name: 'b', size: 2 }], tags: ['y'] }, false],
    ['a conflict is told', 'two', { color: 'blue' }, false],
    ['a conflict is forced', 'two', { parts: [{ name: 'b', size: 2 }], color: 'blue' }, true],
    ['what is left out goes', 'one', { parts: [], tags: ['x'] }, false],
    ['an item without its key', 'one', { parts: [{ size: 1 }] }, false],
    ['a field nobody knows', 'one', { bogus: 1 }, false],
  ] as const)('%s', async (_name, manager, spec, force) => {
    expect(await apply(manager, spec, force)).toMatchSnapshot();
  });
});

describe('a definition in the course of its life [SPEC C186]', () => {
  const path = () => `${definitions}/movers.${group}`;
  const mover = (version: string, rest = '') => at('movers', rest, version);
  beforeAll(async () => {
    const crd = definitionOf(group, 'Mover');
    crd.spec.versions.push({ ...structuredClone(crd.spec.versions[0]), name: 'v2', storage: false });
    await define(on, crd);
    await on.call('POST', mover('v1'), object('Mover', 'one', { spec: { size: 1 } }));
  });
  test('another version is stored from now on', async () => {
    const patch = [
      { op: 'replace', path: '/spec/versions/0/storage', value: false },
      { op: 'replace', path: '/spec/versions/1/storage', value: true },
    ];
    const { body } = await say('PATCH', path(), patch, JSON_PATCH);
    expect(body.status.storedVersions).toMatchSnapshot();
    await waitFor('the change', async () => {
      const made = await on.raw('POST', mover('v2'), object('Mover', 'two', { spec: { size: 2 } }, 'v2'));
      return made.status === 201 || made.status === 409;
    });
    const seen = [await on.get(mover('v1')), await on.get(mover('v2'))];
    expect(seen.map(({ items }) => items.map((one: Json) => [one.apiVersion, one.metadata.name, one.spec]))).toEqual(
      ['v1', 'v2'].map((version) => [
        [`${group}/${version}`, 'one', { size: 1 }],
        [`${group}/${version}`, 'two', { size: 2 }],
      ]),
    );
  });
  test('a version is served no more', async () => {
    await on.call('PATCH', path(), [{ op: 'replace', path: '/spec/versions/0/served', value: false }], JSON_PATCH);
    await waitFor('its end', async () => (await on.raw('GET', mover('v1'))).status === 404);
    expect((await say('GET', mover('v2', '/one'))).body).toMatchSnapshot();
  });
  test('another short name', async () => {
    await on.call('PATCH', path(), { spec: { names: { shortNames: ['mv'], categories: ['movable'] } } }, MERGE_PATCH);
    const listed = await waitFor('the name', async () => {
      const { body } = await on.raw('GET', `/apis/${group}/v2`);
      return body.resources?.find((one: Json) => one.name === 'movers' && one.shortNames !== undefined);
    });
    expect([listed.shortNames, listed.categories]).toMatchSnapshot();
  });
  test('its OpenAPI document says what it is', async () => {
    const name = `${group.split('.').reverse().join('.')}.v1`;
    const schemas = await waitFor(
      'the document',
      async () => {
        const { status, body } = await on.raw('GET', `/openapi/v3/apis/${group}/v1`);
        return status === 200 && body.components.schemas[`${name}.Strict`] !== undefined && body.components.schemas;
      },
      30_000,
    );
    expect(on.plain([schemas[`${name}.Plain`], schemas[`${name}.Free`], schemas[`${name}.Strict`]])).toMatchSnapshot();
    const { body } = await on.raw('GET', `/openapi/v3/apis/${group}/v1`);
    const { patch } = body.paths[`/apis/${group}/v1/namespaces/{namespace}/plains/{name}`];
    expect([
      on.plain(patch['x-kubernetes-group-version-kind']),
      Object.keys(patch.requestBody.content),
    ]).toMatchSnapshot();
  }, 40_000);
});
