/** Server-side apply and managedFields of objects whose kind a definition has brought. [SPEC C100] [SPEC C101] [SPEC C102] [SPEC C103] */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';
import { openOwnersSetting } from './owners.ts';
import { MERGE_PATCH } from './setting.ts';

const on = openOwnersSetting('gadgets');
const group = `${on.namespace}.example.org`;
const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const gadgets = `/apis/${group}/v1/namespaces/${on.namespace}/gadgets`;
const part = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    weight: { type: 'integer' },
    tags: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
  },
  required: ['name'],
};
const spec = {
  type: 'object',
  properties: {
    size: { type: 'integer' },
    parts: {
      type: 'array',
      items: part,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
    },
    plain: { type: 'array', items: { type: 'string' } },
    any: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    whole: { type: 'object', additionalProperties: { type: 'string' }, 'x-kubernetes-map-type': 'atomic' },
    make: { type: 'string', default: 'small' },
  },
};
const status = { type: 'object', properties: { size: { type: 'integer' }, phase: { type: 'string' } } };

beforeAll(async () => {
  await on.call('POST', definitions, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `gadgets.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'gadgets', singular: 'gadget', kind: 'Gadget', listKind: 'GadgetList' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {}, scale: { specReplicasPath: '.spec.size', statusReplicasPath: '.status.size' } },
          schema: { openAPIV3Schema: { type: 'object', properties: { spec, status } } },
        },
      ],
    },
  });
  await waitFor(
    'gadgets',
    async () => (await on.raw('POST', `${gadgets}?dryRun=All`, gadget('probe', {}))).status === 201,
    20_000,
  );
});
afterAll(async () => {
  if (on.cluster.isReal) await on.raw('DELETE', `${definitions}/gadgets.${group}`);
});

function gadget(name: string, given?: Json, more: Json = {}): Json {
  const fields = given === undefined ? {} : { spec: given };
  return { apiVersion: `${group}/v1`, kind: 'Gadget', metadata: { name }, ...fields, ...more };
}

const all = {
  size: 1,
  parts: [{ name: 'x', weight: 1, tags: ['t'] }],
  plain: ['p'],
  any: { deep: { er: [1] } },
  whole: { a: 'b' },
};
const b = `${gadgets}/b`;

describe('an applied custom object [SPEC C100] [SPEC C101] [SPEC C102]', () => {
  test.each<readonly [string, string, Json]>([
    ['is made', 'one', gadget('b', all)],
    [
      'takes parts of another, by key and as a set',
      'two',
      gadget('b', { parts: [{ name: 'y' }, { name: 'x', tags: ['u'] }] }),
    ],
    [
      'conflicts field by field',
      'two',
      gadget('b', { size: 2, plain: ['q'], any: { deep: { er: [2] } }, whole: { c: 'd' } }),
    ],
    ['loses what is said no more', 'one', gadget('b', { size: 1 })],
    ['has no unknown fields', 'one', gadget('b', { odd: 1 })],
    ['has its types', 'one', gadget('b', { size: 'x' })],
    ['has a key once', 'one', gadget('b', { parts: [{ name: 'x' }, { name: 'x' }] })],
    ['has its keys', 'one', gadget('b', { parts: [{ weight: 1 }] })],
  ])('%s', async (_name, manager, body) => {
    expect(await on.apply(b, manager, body)).toMatchSnapshot();
  });
});

describe('an applied definition [SPEC C101]', () => {
  const name = `gears.${group}`;
  const properties: Json = {
    text: { type: 'string', enum: ['a', 'b'], default: 'a', example: 'b' },
    number: { type: 'integer', enum: [1, 2], default: 1 },
    flag: { type: 'boolean', default: false },
    list: { type: 'array', items: { type: 'string' }, default: ['a'] },
    part: { type: 'object', properties: { of: { type: 'string' } }, default: { of: 'a' }, example: { of: 'b' } },
    map: { type: 'object', additionalProperties: { type: 'string' } },
  };
  const definition = (given: Json): Json => ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'gears', kind: 'Gear' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: given } } } },
        },
      ],
    },
  });
  afterAll(async () => {
    if (on.cluster.isReal) await on.raw('DELETE', `${definitions}/${name}`);
  });

  test.each<readonly [string, Json]>([
    ['has defaults, examples and enums of any type', properties],
    ['has types where it is not free', { text: { type: 'string', default: ['a'], maxLength: 'x' } }],
  ])('%s', async (_name, given) => {
    const { status, body } = await on.raw(
      'PATCH',
      `${definitions}/${name}?fieldManager=one`,
      definition(given),
      'application/apply-patch+yaml',
    );
    const { managedFields = [] } = body.metadata ?? {};
    const owners = managedFields.filter((one: Json) => one.operation === 'Apply').map((one: Json) => one.fieldsV1);
    expect(on.plain([status, body.message, owners, body.spec?.versions[0].schema])).toMatchSnapshot();
  });
});

describe('who writes a custom object [SPEC C103]', () => {
  test('by POST, status and scale', async () => {
    const owners = async (answer: Promise<Json>) => (await answer).owners;
    expect([
      await owners(on.tell('POST', `${gadgets}?fieldManager=maker`, gadget('a', all, { status: { phase: 'no' } }))),
      await owners(
        on.apply(`${gadgets}/a/status`, 'teller', gadget('a', { size: 9 }, { status: { phase: 'up', size: 1 } })),
      ),
      await owners(
        on.tell(
          'PATCH',
          `${gadgets}/a/status?fieldManager=other`,
          { status: { phase: 'down' }, spec: { size: 7 } },
          MERGE_PATCH,
        ),
      ),
      (await on.raw('PATCH', `${gadgets}/a/scale?fieldManager=scaler`, { spec: { replicas: 5 } }, MERGE_PATCH)).status,
      await on.owners(`${gadgets}/a`),
    ]).toMatchSnapshot();
  });
});
