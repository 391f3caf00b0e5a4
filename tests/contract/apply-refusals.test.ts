/** What server-side apply refuses, and in which words. [SPEC C102] */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { APPLY, containersOf, deploymentOf, mapOf, openOwnersSetting, wholeDeploymentOf } from './owners.ts';
import { MERGE_PATCH } from './setting.ts';

const on = openOwnersSetting('refusals');
const m = 'configmaps/m';
const d = 'deployments.apps/d';
const twice = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\ndata:\n  a: "1"\n  a: "2"\n';

beforeAll(async () => {
  await on.apply(m, 'one', mapOf('m', { a: '1' }));
  await on.apply(d, 'one', wholeDeploymentOf('d'));
});

/** A server goes through the fields of a map in any order, and so tells what is wrong with them. */
function inOneOrder(answer: Json): Json {
  const [what, ...wrong] = String(answer.status?.message ?? '').split('\n');
  if (what?.endsWith(': errors:') !== true) return answer;
  return { ...answer, status: { ...answer.status, message: [what, ...wrong.toSorted()].join('\n') } };
}

describe('the request [SPEC C102]', () => {
  test.each([
    ['no manager', m, mapOf('m'), APPLY],
    ['a manager that is too long', `${m}?fieldManager=${'x'.repeat(129)}`, mapOf('m'), APPLY],
    ['a manager that cannot be printed', `${m}?fieldManager=${encodeURIComponent('a\nb')}`, mapOf('m'), APPLY],
    ['force where nothing is applied', `${m}?fieldManager=x&force=true`, { data: {} }, MERGE_PATCH],
    ['CBOR', `${m}?fieldManager=x`, mapOf('m'), 'application/apply-patch+cbor'],
    ['a kind of validation that is none', `${m}?fieldManager=x&fieldValidation=Maybe`, mapOf('m'), APPLY],
    ['a status of nothing', 'deployments.apps/none/status?fieldManager=x', deploymentOf('none', {}), APPLY],
  ])('%s', async (_name, resource, body, type) => {
    expect(await on.tell('PATCH', resource, body, type)).toMatchSnapshot();
  });
});

describe('the body [SPEC C102]', () => {
  test.each([
    ['no kind', m, { metadata: { name: 'm' } }],
    ['no version', m, { kind: 'ConfigMap', metadata: { name: 'm' } }],
    ['another kind', m, { ...mapOf('m'), kind: 'Secret' }],
    ['another version', m, { ...mapOf('m'), apiVersion: 'v2' }],
    ['another name', m, mapOf('n')],
    ['another namespace', m, mapOf('m', {}, { namespace: 'default' })],
    ['managedFields of its own', m, mapOf('m', {}, { managedFields: [] })],
    ['nothing', m, ''],
    ['a list', m, '- a\n'],
    ['a word', m, 'abc'],
    ['broken YAML', m, 'a: ['],
    ['an unknown field', m, { ...mapOf('m'), bogus: 1 }],
    ['an unknown field of a struct below', d, containersOf('d', [{ name: 'c', odd: 1 }])],
    ['a number for a string', m, mapOf('m', { a: 9 })],
    ['a list for a map', m, mapOf('m', ['x'])],
    ['a string for a map', m, mapOf('m', 'x')],
    ['a string for a boolean', m, { ...mapOf('m'), immutable: 'yes' }],
    ['a string for a number', d, deploymentOf('d', { replicas: 'three' })],
    ['two of them', d, deploymentOf('d', { replicas: 'three', paused: 'no' })],
    ['a map for a quantity', d, containersOf('d', [{ name: 'c', resources: { limits: { cpu: {} } } }])],
    ['a map for a list', d, containersOf('d', {})],
    ['a string for a struct', d, deploymentOf('d', { template: 'x' })],
    ['a fraction of a Pod', d, deploymentOf('d', { replicas: 1.5 })],
    ['a quantity that is none', d, containersOf('d', [{ name: 'c', resources: { limits: { cpu: 'much' } } }])],
    ['a boolean for a number or percents', d, deploymentOf('d', { strategy: { rollingUpdate: { maxSurge: true } } })],
    ['a container twice', d, containersOf('d', [{ name: 'c' }, { name: 'c' }])],
    ['a variable twice', d, containersOf('d', [{ name: 'c', env: [{ name: 'A' }, { name: 'A', value: 'x' }] }])],
    [
      'a port twice, once by default',
      d,
      containersOf('d', [{ name: 'c', ports: [{ containerPort: 1 }, { containerPort: 1, protocol: 'TCP' }] }]),
    ],
    ['a container without a name', d, containersOf('d', [{ image: 'x' }])],
    ['null for a container', d, containersOf('d', [null])],
    ['a string for a container', d, containersOf('d', ['x'])],
    ['a finalizer twice', m, mapOf('m', {}, { finalizers: ['a.b/c', 'a.b/c'] })],
    ['a map for a finalizer', m, mapOf('m', {}, { finalizers: [{}] })],
    ['a key twice: a warning', m, twice],
  ])('%s', async (_name, resource, body) => {
    expect(inOneOrder(await on.apply(resource, 'two', body, 'force=true&dryRun=All'))).toMatchSnapshot();
  });

  test('a key twice, strictly', async () => {
    expect(await on.apply(m, 'two', twice, 'force=true&fieldValidation=Strict')).toMatchSnapshot();
  });

  test('a key twice, ignored', async () => {
    const { code, warnings } = await on.apply(m, 'two', twice, 'force=true&fieldValidation=Ignore&dryRun=All');
    expect([code, warnings]).toEqual([200, undefined]);
  });
});
