/** A Scale that is none, and patches whose outcome has a wrong type. [SPEC C95] */
import { beforeAll, describe, expect, test } from 'vitest';
import { JSON_PATCH, MERGE_PATCH, openSetting, type Said, STRATEGIC_PATCH, workloadOf } from './setting.ts';

const on = openSetting('scales');
const scale = 'deployments.apps/d/scale';

beforeAll(async () => {
  await on.call('POST', 'deployments.apps', workloadOf('d', { replicas: 0 }));
  await on.call('POST', 'configmaps', { metadata: { name: 'm' }, data: { k: 'v' } });
});

/** Without the object as it was patched, which stands in the words. */
const refusalOf = ({ code, body }: Said): unknown => [
  code,
  body.reason,
  String(body.message ?? '').replace(/"(map\[|\{).*[\]}]": /, '"…": '),
];

const numbers: ReadonlyArray<readonly [string, unknown]> = [
  ['one above an int32', 2_147_483_648],
  ['one below an int32', -2_147_483_649],
  ['a fraction', 1.5],
  ['a text', '5'],
  ['a boolean', true],
  ['a list', [1]],
  ['below zero', -1],
];

describe('a Scale [SPEC C95]', () => {
  test.each(numbers)('put with %s', async (_name, replicas) => {
    const body = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'd' }, spec: { replicas } };
    expect(refusalOf(await on.say('PUT', scale, body))).toMatchSnapshot();
  });

  test.each(numbers)('merged with %s', async (_name, replicas) => {
    expect(refusalOf(await on.say('PATCH', scale, { spec: { replicas } }, MERGE_PATCH))).toMatchSnapshot();
  });

  test.each(numbers)('added to in a JSON patch with %s', async (_name, value) => {
    const patch = [{ op: 'add', path: '/spec/replicas', value }];
    expect(refusalOf(await on.say('PATCH', scale, patch, JSON_PATCH))).toMatchSnapshot();
  });
});

const podSpec = (spec: unknown): unknown => ({ spec: { template: { spec } } });

describe('a strategic patch with a wrong type [SPEC C95]', () => {
  test.each([
    ['a number for a text', 'configmaps/m', { data: { k: 5 } }],
    ['a fraction for a text', 'configmaps/m', { data: { k: 1.5 } }],
    ['a boolean for a text', 'configmaps/m', { data: { k: true } }],
    ['a list for a text', 'configmaps/m', { data: { k: ['v'] } }],
    ['a number for an annotation', 'configmaps/m', { metadata: { annotations: { a: 5 } } }],
    ['a text for a boolean', 'configmaps/m', { immutable: 'yes' }],
    ['a number for a boolean', 'configmaps/m', { immutable: 1 }],
    ['a text for a struct', 'deployments.apps/d', { spec: { selector: 'x' } }],
    ['a list for a struct', 'deployments.apps/d', { spec: { strategy: ['x'] } }],
    ['a text for a map', 'deployments.apps/d', podSpec({ nodeSelector: 'x' })],
    ['a list for a map', 'deployments.apps/d', podSpec({ nodeSelector: ['x'] })],
    ['a text for a number', 'deployments.apps/d', { spec: { replicas: '3' } }],
    ['a fraction for a number', 'deployments.apps/d', { spec: { replicas: 1.5 } }],
  ])('%s', async (_name, resource, body) => {
    expect(refusalOf(await on.say('PATCH', resource, body, STRATEGIC_PATCH))).toMatchSnapshot();
  });
});
