/** What the suites of custom kinds share: definitions in a group of the suite's own, and their end. */
import { afterAll, beforeAll } from 'vitest';
import type { Json } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';
import type { Setting } from './setting.ts';

export const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** A small definition of one version v1. @param kind  `Widget`; the plural is `widgets` unless `names` says otherwise */
export function definitionOf(group: string, kind: string, names: Json = {}, version: Json = {}): Json {
  const singular = kind.toLowerCase();
  const all = { kind, plural: `${singular}s`, singular, listKind: `${kind}List`, ...names };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${all.plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: all,
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: { spec: { type: 'object', properties: { size: { type: 'integer' } } } },
            },
          },
          ...version,
        },
      ],
    },
  };
}

/** Makes it, and waits until its objects can be asked for. */
export async function define(on: Setting, crd: Json): Promise<void> {
  await on.call('POST', definitions, crd);
  const { group, names, versions } = crd.spec;
  for (const { name, served } of versions) {
    if (!served) continue;
    await waitFor(`/apis/${group}/${name}/${names.plural}`, async () => {
      const listed = await on.raw('GET', `/apis/${group}/${name}`);
      if (listed.status !== 200 || !listed.body.resources.some((one: Json) => one.name === names.plural)) return false;
      return (await on.raw('GET', `/apis/${group}/${name}/${names.plural}`)).status === 200;
    });
  }
}

/** Takes away every definition of the suite's group. */
export async function dropDefinitions(on: Setting, group: string): Promise<void> {
  if (!on.cluster.isReal) return;
  const { items } = await on.get(definitions);
  for (const { metadata, spec } of items) {
    if (spec.group === group) await on.raw('DELETE', `${definitions}/${metadata.name}`);
  }
}

const text = { type: 'string' };
const fields: Json = {
  replicas: { type: 'integer', format: 'int32', minimum: 0, maximum: 5 },
  ratio: { type: 'number', minimum: 0, exclusiveMinimum: true, multipleOf: 0.5 },
  below: { type: 'integer', maximum: 9, exclusiveMaximum: true },
  size: { type: 'string', enum: ['small', 'large'], default: 'small' },
  code: { type: 'string', pattern: '^[a-z]+$', minLength: 2, maxLength: 4 },
  when: { type: 'string', format: 'date-time' },
  mail: { type: 'string', format: 'email' },
  bytes: { type: 'string', format: 'byte' },
  ip: { type: 'string', format: 'ipv4' },
  on: { type: 'boolean' },
  maybe: { type: 'string', nullable: true },
  port: { 'x-kubernetes-int-or-string': true },
  free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  labels: { type: 'object', additionalProperties: text, maxProperties: 2, minProperties: 1 },
  counts: { type: 'object', additionalProperties: { type: 'integer' } },
  tags: { type: 'array', items: text, 'x-kubernetes-list-type': 'set', maxItems: 3, minItems: 1 },
  parts: {
    type: 'array',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
    items: {
      type: 'object',
      required: ['name'],
      properties: { name: text, weight: { type: 'integer', default: 1 }, note: text },
    },
  },
  plain: { type: 'array', items: { type: 'object', properties: { a: text } } },
  inner: {
    type: 'object',
    default: {},
    properties: { must: { type: 'string', default: 'yes' }, deep: { type: 'object', properties: { x: text } } },
  },
  either: {
    type: 'object',
    properties: { a: text, b: text },
    oneOf: [{ required: ['a'] }, { required: ['b'] }],
  },
  some: { type: 'object', properties: { a: text, b: text }, anyOf: [{ required: ['a'] }, { required: ['b'] }] },
  every: { type: 'integer', allOf: [{ minimum: 2 }, { maximum: 4 }] },
  never: { type: 'string', not: { enum: ['bad'] } },
  template: {
    type: 'object',
    'x-kubernetes-embedded-resource': true,
    'x-kubernetes-preserve-unknown-fields': true,
  },
};

/** A namespaced kind `Thing` with a field for every rule, a scale, a status, columns and a field to select by. */
export function thingDefinition(group: string): Json {
  const crd = definitionOf(group, 'Thing', { shortNames: ['th'], categories: ['all'] });
  const schema = {
    type: 'object',
    description: 'A thing of the suite.',
    required: ['spec'],
    properties: {
      apiVersion: text,
      kind: text,
      metadata: { type: 'object' },
      spec: {
        type: 'object',
        description: 'What is wanted.',
        required: ['must'],
        properties: { must: { type: 'string', description: 'Has to be there.' }, ...fields },
      },
      status: {
        type: 'object',
        properties: {
          replicas: { type: 'integer' },
          selector: text,
          phase: text,
          at: { type: 'string', format: 'date-time' },
        },
      },
    },
  };
  const columns = [
    { name: 'Size', type: 'string', jsonPath: '.spec.size', description: 'How big.' },
    { name: 'Replicas', type: 'integer', jsonPath: '.spec.replicas' },
    { name: 'On', type: 'boolean', jsonPath: '.spec.on' },
    { name: 'First', type: 'string', jsonPath: '.spec.parts[0].name' },
    { name: 'Weight', type: 'integer', jsonPath: '.spec.parts[?(@.name=="b")].weight' },
    { name: 'Tags', type: 'string', jsonPath: '.spec.tags', priority: 1 },
    { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
    { name: 'At', type: 'date', jsonPath: '.status.at' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ];
  const scale = {
    specReplicasPath: '.spec.replicas',
    statusReplicasPath: '.status.replicas',
    labelSelectorPath: '.status.selector',
  };
  Object.assign(crd.spec.versions[0], {
    schema: { openAPIV3Schema: schema },
    additionalPrinterColumns: columns,
    subresources: { status: {}, scale },
    selectableFields: [{ jsonPath: '.spec.size' }],
  });
  return crd;
}

/** A good Thing, whose spec and other parts may be changed. */
export function thingOf(group: string, name: string, spec: Json = {}, rest: Json = {}): Json {
  return { apiVersion: `${group}/v1`, kind: 'Thing', metadata: { name }, spec: { must: 'x', ...spec }, ...rest };
}

export interface Things {
  /** The suite's group, defined before its first test and gone after its last. */
  readonly group: string;
  of(name: string, spec?: Json, rest?: Json): Json;
  /** Their path in the suite's namespace. */
  at(rest?: string): string;
}

/** Call once a file, after `openSetting`. */
export function openThings(on: Setting): Things {
  const group = `${on.namespace}.example.org`;
  beforeAll(() => define(on, thingDefinition(group)));
  afterAll(() => dropDefinitions(on, group));
  return {
    group,
    of: (name, spec, rest) => thingOf(group, name, spec, rest),
    at: (rest = '') => `/apis/${group}/v1/namespaces/${on.namespace}/things${rest}`,
  };
}
