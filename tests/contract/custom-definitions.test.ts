/** CustomResourceDefinitions: what is taken, what is refused and in which words, held against the real one's. [SPEC C180] */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';
import { definitionOf, definitions, dropDefinitions } from './custom.ts';
import { JSON_PATCH, MERGE_PATCH, openSetting, STRATEGIC_PATCH } from './setting.ts';

const on = openSetting('definitions');
const { say } = on;
let group = '';
beforeAll(() => {
  group = `${on.namespace}.example.org`;
});
afterAll(() => dropDefinitions(on, group));

/** The status as it is once the names are settled, however; Established: once it is, under the names of its spec. */
async function settled(name: string, type = 'NamesAccepted'): Promise<Json> {
  return waitFor(`${type} of ${name}`, async () => {
    const crd = await on.get(`${definitions}/${name}`);
    const { conditions = [], acceptedNames } = crd.status;
    const found = conditions.find((one: Json) => one.type === type);
    const isSettled =
      type === 'Established'
        ? found?.status === 'True' && `${acceptedNames?.categories}` === `${crd.spec.names.categories}`
        : found !== undefined;
    return isSettled ? crd : undefined;
  });
}

describe('a definition [SPEC C180]', () => {
  test('is answered with its defaults, and its names come a moment later', async () => {
    const made = await say('POST', definitions, definitionOf(group, 'Widget', { shortNames: ['wd'] }));
    expect(made.code).toBe(201);
    delete made.body.status;
    expect(made).toMatchSnapshot();
    const crd = await settled(`widgets.${group}`, 'Established');
    expect(on.plain(crd)).toMatchSnapshot();
  });

  test('is there twice', async () => {
    expect(await say('POST', definitions, definitionOf(group, 'Widget'))).toMatchSnapshot();
  });

  test('as a table', async () => {
    const { body } = await on.raw(
      'GET',
      `${definitions}/widgets.${group}`,
      undefined,
      undefined,
      'application/json;as=Table;v=v1;g=meta.k8s.io',
    );
    expect(on.plain(body)).toMatchSnapshot();
  });

  test('whose names are taken waits, and says so', async () => {
    const other = definitionOf(group, 'Widget', { plural: 'wodgets', singular: 'wodget', shortNames: ['wd'] });
    expect((await say('POST', definitions, other)).code).toBe(201);
    const crd = await settled(`wodgets.${group}`);
    expect(on.plain(crd.status)).toMatchSnapshot();
    const { status } = await on.raw('GET', `/apis/${group}/v1/wodgets`);
    expect(status).toBe(404);
  });

  test('gets those names when the other one goes', async () => {
    const third = definitionOf(group, 'Gadget', { shortNames: ['gg'] });
    const fourth = definitionOf(group, 'Gizmo', { shortNames: ['gg'] });
    await on.call('POST', definitions, third);
    await settled(`gadgets.${group}`, 'Established');
    await on.call('POST', definitions, fourth);
    await settled(`gizmos.${group}`);
    await on.call('DELETE', `${definitions}/gadgets.${group}`);
    const status = await waitFor('the names', async () => {
      const crd = await on.get(`${definitions}/gizmos.${group}`);
      return crd.status.conditions.some((one: Json) => one.type === 'Established' && one.status === 'True')
        ? crd.status
        : undefined;
    });
    expect(on.plain(status)).toMatchSnapshot();
  });
});

type Change = (crd: Json) => void;
const spec =
  (change: (spec: Json) => void): Change =>
  (crd) =>
    change(crd.spec);
const schema =
  (next: Json): Change =>
  (crd) => {
    crd.spec.versions[0].schema.openAPIV3Schema = next;
  };
const property = (next: Json): Change => schema({ type: 'object', properties: { spec: next } });
const field = (next: Json): Change => property({ type: 'object', properties: { a: next } });

const refused: readonly (readonly [name: string, change: Change])[] = [
  ['nothing in it', (crd) => delete crd.spec],
  ['another name than its names say', (crd) => Object.assign(crd.metadata, { name: `other.${group}` })],
  ['no group', spec((one) => delete one.group)],
  [
    'a group of one part',
    (crd) => {
      crd.spec.group = 'plain';
      crd.metadata.name = 'bads.plain';
    },
  ],
  ['no scope', spec((one) => delete one.scope)],
  ['an unknown scope', spec((one) => Object.assign(one, { scope: 'Galaxy' }))],
  ['no versions', spec((one) => Object.assign(one, { versions: [] }))],
  ['no version that is stored', spec((one) => Object.assign(one.versions[0], { storage: false }))],
  ['two versions that are stored', spec((one) => one.versions.push({ ...one.versions[0], name: 'v2' }))],
  ['a version twice', spec((one) => one.versions.push({ ...one.versions[0], storage: false }))],
  ['a version whose name is no label', spec((one) => Object.assign(one.versions[0], { name: 'V_1' }))],
  ['no schema', spec((one) => delete one.versions[0].schema)],
  ['a schema without a type', schema({ properties: { spec: { type: 'object' } } })],
  ['a schema that is no object', schema({ type: 'string' })],
  ['a property without a type', field({})],
  ['a property of an unknown type', field({ type: 'text' })],
  ['a list without items', field({ type: 'array' })],
  ['items in a list of schemas', field({ type: 'array', items: [{ type: 'string' }] })],
  [
    'properties beside additionalProperties',
    field({ type: 'object', properties: { b: { type: 'string' } }, additionalProperties: { type: 'string' } }),
  ],
  ['additionalProperties that are false', field({ type: 'object', additionalProperties: false })],
  ['uniqueItems', field({ type: 'array', uniqueItems: true, items: { type: 'string' } })],
  ['a $ref', field({ $ref: '#/definitions/x' })],
  ['a type below anyOf', field({ type: 'string', anyOf: [{ type: 'string', pattern: 'a' }] })],
  [
    'a property below allOf that stands nowhere else',
    field({ type: 'object', allOf: [{ properties: { z: { minimum: 1 } } }] }),
  ],
  ['a default of the wrong type', field({ type: 'integer', default: 'x' })],
  [
    'a default with fields that are unknown',
    field({ type: 'object', properties: { b: { type: 'string' } }, default: { c: 1 } }),
  ],
  [
    'a default below metadata',
    schema({
      type: 'object',
      properties: { metadata: { type: 'object', properties: { name: { type: 'string', default: 'x' } } } },
    }),
  ],
  [
    'rules about more of metadata than its name',
    schema({
      type: 'object',
      properties: { metadata: { type: 'object', properties: { labels: { type: 'object', maxProperties: 1 } } } },
    }),
  ],
  ['a pattern that is none', field({ type: 'string', pattern: '(' })],
  ['int-or-string with a type', field({ type: 'string', 'x-kubernetes-int-or-string': true })],
  ['preserve-unknown-fields that is false', field({ type: 'object', 'x-kubernetes-preserve-unknown-fields': false })],
  ['preserveUnknownFields of the old kind', spec((one) => Object.assign(one, { preserveUnknownFields: true }))],
  ['an embedded resource without properties', field({ type: 'object', 'x-kubernetes-embedded-resource': true })],
  ['a list type that is none', field({ type: 'array', 'x-kubernetes-list-type': 'bag', items: { type: 'string' } })],
  [
    'a keyed list without keys',
    field({
      type: 'array',
      'x-kubernetes-list-type': 'map',
      items: { type: 'object', properties: { k: { type: 'string' } } },
    }),
  ],
  [
    'a keyed list whose key is no property',
    field({
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['no'],
      items: { type: 'object', properties: { k: { type: 'string' } } },
    }),
  ],
  [
    'a keyed list whose key is optional',
    field({
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['k'],
      items: { type: 'object', properties: { k: { type: 'string' } } },
    }),
  ],
  [
    'keys of a list that is a set',
    field({
      type: 'array',
      'x-kubernetes-list-type': 'set',
      'x-kubernetes-list-map-keys': ['k'],
      items: { type: 'string' },
    }),
  ],
  [
    'a set of objects',
    field({
      type: 'array',
      'x-kubernetes-list-type': 'set',
      items: { type: 'object', properties: { k: { type: 'string' } } },
    }),
  ],
  ['a list type of what is no list', field({ type: 'string', 'x-kubernetes-list-type': 'atomic' })],
  [
    'a column without a path',
    spec((one) => Object.assign(one.versions[0], { additionalPrinterColumns: [{ name: 'A', type: 'string' }] })),
  ],
  [
    'a column of an unknown type and format',
    spec((one) =>
      Object.assign(one.versions[0], {
        additionalPrinterColumns: [{ name: 'A', type: 'text', format: 'loud', jsonPath: '.a' }],
      }),
    ),
  ],
  [
    'a column whose path is none',
    spec((one) =>
      Object.assign(one.versions[0], { additionalPrinterColumns: [{ name: 'A', type: 'string', jsonPath: 'a[' }] }),
    ),
  ],
  [
    'scale with wrong paths',
    spec((one) =>
      Object.assign(one.versions[0], {
        subresources: { scale: { specReplicasPath: '.status.replicas', statusReplicasPath: '.spec.replicas' } },
      }),
    ),
  ],
  [
    'scale without paths',
    spec((one) =>
      Object.assign(one.versions[0], { subresources: { scale: { specReplicasPath: '', statusReplicasPath: '' } } }),
    ),
  ],
  [
    'a selector path out of status',
    spec((one) =>
      Object.assign(one.versions[0], {
        subresources: {
          scale: {
            specReplicasPath: '.spec.a',
            statusReplicasPath: '.status.a',
            labelSelectorPath: '.metadata.labels',
          },
        },
      }),
    ),
  ],
  ['a conversion that is none', spec((one) => Object.assign(one, { conversion: { strategy: 'Magic' } }))],
  ['a conversion by webhook without one', spec((one) => Object.assign(one, { conversion: { strategy: 'Webhook' } }))],
  [
    'names that are no labels',
    spec((one) =>
      Object.assign(one.names, { kind: 'Bad Kind', singular: 'Bad', shortNames: ['B!'], categories: ['All!'] }),
    ),
  ],
  ['no kind', spec((one) => delete one.names.kind)],
  ['the list kind of its kind', spec((one) => Object.assign(one.names, { listKind: 'Bad' }))],
  ['a field nobody knows', spec((one) => Object.assign(one, { bogus: 1 }))],
  ['a type that is a number', spec((one) => Object.assign(one.versions[0], { served: 'yes' }))],
  [
    'a selectable field that is none',
    spec((one) => Object.assign(one.versions[0], { selectableFields: [{ jsonPath: '.spec.nope' }] })),
  ],
  ['a field nobody knows below a list', field({ type: 'array', items: { type: 'string', bogus: 1 } })],
  ['a wrong type below a map', field({ type: 'object', additionalProperties: { type: 'string', minLength: 'x' } })],
  ['a negative minLength', field({ type: 'string', minLength: -1 })],
  ['nullable beside a default of null', field({ type: 'string', default: null })],
  [
    'a group of the project without its approval',
    (crd) => {
      crd.spec.group = 'bad.k8s.io';
      crd.metadata.name = 'bads.bad.k8s.io';
    },
  ],
];

describe('a definition is refused for [SPEC C181]', () => {
  test.each(refused)('%s', async (_name, change) => {
    const crd = definitionOf(group, 'Bad');
    change(crd);
    const { code, body } = await say('POST', `${definitions}?fieldValidation=Strict&dryRun=All`, crd);
    expect({ code, body }).toMatchSnapshot();
  });
});

describe('a definition that is there [SPEC C182]', () => {
  const widgets = () => `${definitions}/widgets.${group}`;
  const rows: readonly (readonly [name: string, method: string, path: string, body: Json, type: string])[] = [
    ['takes a label', 'PATCH', '', { metadata: { labels: { a: 'b' } } }, MERGE_PATCH],
    ['keeps its group', 'PATCH', '', { spec: { group: 'other.example.org' } }, MERGE_PATCH],
    ['keeps its plural', 'PATCH', '', { spec: { names: { plural: 'others' } } }, MERGE_PATCH],
    ['keeps its scope', 'PATCH', '', { spec: { scope: 'Cluster' } }, MERGE_PATCH],
    ['keeps its kind', 'PATCH', '', { spec: { names: { kind: 'Other' } } }, MERGE_PATCH],
    [
      'cannot lose a version that is stored',
      'PATCH',
      '',
      [{ op: 'replace', path: '/spec/versions/0/name', value: 'v9' }],
      JSON_PATCH,
    ],
    ['takes a strategic patch', 'PATCH', '', { spec: { names: { categories: ['all'] } } }, STRATEGIC_PATCH],
    ['takes no status through the front', 'PATCH', '', { status: { storedVersions: ['v7'] } }, MERGE_PATCH],
    [
      'needs its stored versions among its versions',
      'PATCH',
      '/status',
      { status: { storedVersions: ['v7'] } },
      MERGE_PATCH,
    ],
    ['needs its stored version in the status', 'PATCH', '/status', { status: { storedVersions: [] } }, MERGE_PATCH],
  ];
  test.each(rows)('%s', async (_name, method, path, body, type) => {
    await settled(`widgets.${group}`, 'Established');
    const answer = await say(method, `${widgets()}${path}`, body, type);
    expect(answer).toMatchSnapshot();
  });
});
