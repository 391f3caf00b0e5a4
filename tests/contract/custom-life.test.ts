/** Objects of a custom kind: changes, subresources, tables, selectors, discovery, versions, and their end. [SPEC C184] */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';
import { define, definitionOf, definitions, dropDefinitions, openThings } from './custom.ts';
import { JSON_PATCH, MERGE_PATCH, openSetting, STRATEGIC_PATCH } from './setting.ts';

const on = openSetting('life');
const { say } = on;
const { group, of: thing, at: things } = openThings(on);

describe('change [SPEC C184]', () => {
  beforeAll(async () => {
    const spec = { replicas: 1, tags: ['a'], parts: [{ name: 'a', note: 'one' }], free: { a: 1 } };
    await on.call('POST', things(), thing('one', spec));
  });
  const rows: readonly (readonly [name: string, method: string, path: string, body: Json, type?: string])[] = [
    ['a merge patch', 'PATCH', '', { spec: { replicas: 2, bogus: 1 } }, MERGE_PATCH],
    ['a merge patch that changes nothing', 'PATCH', '', { spec: { replicas: 2 } }, MERGE_PATCH],
    ['a merge patch takes lists whole', 'PATCH', '', { spec: { parts: [{ name: 'b' }] } }, MERGE_PATCH],
    ['a merge patch to what is invalid', 'PATCH', '', { spec: { replicas: 9 } }, MERGE_PATCH],
    ['a merge patch, strict', 'PATCH', '?fieldValidation=Strict', { spec: { bogus: 1 } }, MERGE_PATCH],
    ['a JSON patch', 'PATCH', '', [{ op: 'add', path: '/spec/tags/-', value: 'b' }], JSON_PATCH],
    ['a JSON patch that tests', 'PATCH', '', [{ op: 'test', path: '/spec/replicas', value: 7 }], JSON_PATCH],
    ['a strategic patch', 'PATCH', '', { spec: { replicas: 3 } }, STRATEGIC_PATCH],
    ['null takes a default', 'PATCH', '', { spec: { size: null } }, MERGE_PATCH],
    ['labels count in no generation', 'PATCH', '', { metadata: { labels: { a: 'b' } } }, MERGE_PATCH],
    ['a status through the front', 'PATCH', '', { status: { phase: 'No' } }, MERGE_PATCH],
    [
      'a status',
      'PATCH',
      '/status',
      { spec: { replicas: 0 }, status: { phase: 'Done', replicas: 2, selector: 'a=b', bogus: 1 } },
      MERGE_PATCH,
    ],
    ['a status of the wrong type', 'PATCH', '/status', { status: { phase: 1 } }, MERGE_PATCH],
    [
      'a label through the status',
      'PATCH',
      '/status',
      { metadata: { labels: { s: 't' }, finalizers: ['example.org/x'] } },
      MERGE_PATCH,
    ],
    ['a PUT without a resourceVersion', 'PUT', '', undefined],
    ['the scale', 'GET', '/scale', undefined],
    ['a new scale', 'PATCH', '/scale', { spec: { replicas: 4 } }, MERGE_PATCH],
    ['a scale beyond the maximum', 'PATCH', '/scale', { spec: { replicas: 9 } }, MERGE_PATCH],
    ['a scale below nothing', 'PATCH', '/scale', { spec: { replicas: -1 } }, MERGE_PATCH],
    ['a subresource that is none', 'GET', '/log', undefined],
    ['another version', 'GET', `/../../../../v2/namespaces/x/things/one`, undefined],
    ['the object', 'GET', '', undefined],
  ];
  test.each(rows)('%s', async (name, method, path, body, type) => {
    const sent = method === 'PUT' ? thing('one') : body;
    const at = name === 'another version' ? `/apis/${group}/v2/namespaces/x/things/one` : things(`/one${path}`);
    const answer = await say(method, at, sent, type);
    // The whole object is quoted there, with its owners and times.
    if (name.endsWith('strict')) {
      expect([answer.code, answer.body.message.replace(/^.*": /s, '')]).toMatchSnapshot();
    } else {
      expect(answer).toMatchSnapshot();
    }
  });

  test('a PUT with its resourceVersion', async () => {
    const { metadata } = await on.get(things('/one'));
    const body = thing('one', { replicas: 0 });
    body.metadata.resourceVersion = metadata.resourceVersion;
    expect(await say('PUT', things('/one'), body)).toMatchSnapshot();
  });

  test('a finalizer holds the object until it goes', async () => {
    await on.call('POST', things(), { ...thing('held'), metadata: { name: 'held', finalizers: ['example.org/x'] } });
    expect(await say('DELETE', things('/held'))).toMatchSnapshot();
    expect(await say('PATCH', things('/held'), { metadata: { finalizers: null } }, MERGE_PATCH)).toMatchSnapshot();
    expect((await say('GET', things('/held'))).body).toMatchSnapshot();
  });

  test('a deletion', async () => {
    await on.call('POST', things(), thing('gone'));
    expect(await say('DELETE', things('/gone'))).toMatchSnapshot();
    expect(await say('DELETE', things('/gone'))).toMatchSnapshot();
  });
});

describe('read [SPEC C185]', () => {
  const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  beforeAll(async () => {
    await on.call('POST', things(), {
      ...thing('shown', {
        size: 'large',
        replicas: 3,
        on: false,
        tags: ['x', 'y'],
        parts: [{ name: 'a' }, { name: 'b', weight: 7 }],
      }),
      metadata: { name: 'shown', labels: { pick: 'me' } },
    });
    await on.call(
      'PATCH',
      things('/shown/status'),
      { status: { phase: 'Done', at: '2020-01-01T00:00:00Z' } },
      MERGE_PATCH,
    );
    await on.call('POST', things(), { ...thing('bare'), metadata: { name: 'bare', labels: { pick: 'me' } } });
  });
  test('the table', async () => {
    const { body } = await on.raw('GET', `${things()}?labelSelector=pick%3Dme`, undefined, undefined, table);
    const plain = on.plain(body);
    for (const row of plain.rows) {
      row.cells = row.cells.map((cell: Json) => (/^\d+[smhdy]/.test(String(cell)) ? 'AGE' : cell));
    }
    expect(plain).toMatchSnapshot();
  });
  test('by a field that can be selected', async () => {
    const found = await on.get(`${things()}?fieldSelector=spec.size%3Dlarge,metadata.name%3Dshown`);
    expect(found.items.map((one: Json) => one.metadata.name)).toEqual(['shown']);
  });
  test('by a field that cannot', async () => {
    expect(await say('GET', `${things()}?fieldSelector=spec.code%3Dx`)).toMatchSnapshot();
  });
  test('a list', async () => {
    const { body } = await say('GET', `${things()}?labelSelector=pick%3Dme`);
    expect({
      ...body,
      items: body.items.map((one: Json) => [one.apiVersion, one.kind, one.metadata.name]),
    }).toMatchSnapshot();
  });
  test('discovery, the older form', async () => {
    expect((await say('GET', `/apis/${group}`)).body).toMatchSnapshot();
    expect(
      (await say('GET', `/apis/${group}/v1`)).body.resources.map(({ storageVersionHash: _hash, ...one }: Json) => one),
    ).toMatchSnapshot();
  });
  test('the versions of a group come by age and ripeness, whichever kind they are of', async () => {
    for (const [kind, version] of [
      ['Aa', 'v1beta1'],
      ['Ab', 'v2'],
      ['Ac', 'v10alpha1'],
    ] as const) {
      const crd = definitionOf(group, kind, {}, { name: version });
      crd.spec.group = `ages.${group}`;
      crd.metadata.name = `${kind.toLowerCase()}s.ages.${group}`;
      await define(on, crd);
    }
    const versions = await waitFor('all of them', async () => {
      const { body } = await on.raw('GET', `/apis/ages.${group}`);
      return body.versions?.length === 3 ? body.versions : undefined;
    });
    expect(versions.map((one: Json) => one.version)).toEqual(['v2', 'v1beta1', 'v10alpha1']);
    await dropDefinitions(on, `ages.${group}`);
  });
  test('groups in their order', async () => {
    const { groups } = (await on.raw('GET', '/apis')).body;
    const elsewhere = /^(apiregistration|certificates|flowcontrol|resource)\./;
    const ours = groups.filter(({ name }: Json) => !elsewhere.test(name) && !name.endsWith('example.org'));
    expect(ours.map(({ name, preferredVersion }: Json) => [name, preferredVersion.version])).toMatchSnapshot();
  });
  test('discovery, aggregated, under another ETag than before', async () => {
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
    const before = await on.raw('GET', '/apis', undefined, undefined, accept);
    const found = before.body.items.find((one: Json) => one.metadata.name === group);
    expect(on.plain(found.versions)).toMatchSnapshot();
    await define(on, definitionOf(group, 'Extra'));
    const after = await waitFor('another ETag', async () => {
      const next = await on.raw('GET', '/apis', undefined, undefined, accept);
      return next.headers.etag === before.headers.etag ? undefined : next;
    });
    const [{ resources }] = after.body.items.find((one: Json) => one.metadata.name === group).versions;
    expect(resources.map((one: Json) => one.resource).sort()).toEqual(['extras', 'things']);
  });
});

describe('versions and life [SPEC C186]', () => {
  const at = (version: string, rest = '') => `/apis/${group}/${version}/namespaces/${on.namespace}/cats${rest}`;
  beforeAll(async () => {
    const crd = definitionOf(group, 'Cat');
    const [first] = crd.spec.versions;
    const wide = structuredClone(first);
    wide.schema.openAPIV3Schema.properties.spec.properties.color = { type: 'string', default: 'black' };
    crd.spec.versions.push({ ...wide, name: 'v2beta1', storage: false, deprecated: true });
    crd.spec.versions.push({ ...first, name: 'v0', served: false, storage: false });
    await define(on, crd);
    await on.call('POST', at('v1'), {
      apiVersion: `${group}/v1`,
      kind: 'Cat',
      metadata: { name: 'tom' },
      spec: { size: 1 },
    });
  });
  const cat = (version: string, name: string, spec: Json) => ({
    apiVersion: `${group}/${version}`,
    kind: 'Cat',
    metadata: { name },
    spec,
  });

  test('what was written as one version is read as another', async () => {
    expect(await say('GET', at('v2beta1', '/tom'))).toMatchSnapshot();
    expect(await say('POST', at('v2beta1'), cat('v2beta1', 'kit', { size: 2, color: 'red' }))).toMatchSnapshot();
    expect(await say('GET', at('v1', '/kit'))).toMatchSnapshot();
  });
  test('a version that is not served', async () => {
    expect(await say('GET', at('v0', '/tom'))).toMatchSnapshot();
  });
  test('the group names its versions by age and ripeness', async () => {
    expect((await say('GET', `/apis/${group}`)).body).toMatchSnapshot();
  });
  test('a watch tells of changes in its own version, and ends with the definition', async () => {
    const { metadata } = await on.get(at('v1'));
    const watch = await on.cluster.api.watch(`${at('v2beta1')}?resourceVersion=${metadata.resourceVersion}`);
    await on.call('PATCH', at('v1', '/tom'), { spec: { size: 9 } }, MERGE_PATCH);
    await waitFor('the change', () => watch.events.length > 0);
    expect(
      watch.events.map(({ type, object }) => [type, object.apiVersion.split('/')[1], object.spec]),
    ).toMatchSnapshot();
    watch.stop();
  });
  test('a new schema holds at once, for what is there too', async () => {
    await on.call(
      'PATCH',
      `${definitions}/cats.${group}`,
      [
        {
          op: 'add',
          path: '/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/lives',
          value: { type: 'integer', default: 9 },
        },
      ],
      JSON_PATCH,
    );
    const tom = await waitFor('the default', async () => {
      const { body } = await say('GET', at('v1', '/tom'));
      return body.spec.lives === undefined ? undefined : body;
    });
    expect(tom.spec).toMatchSnapshot();
  });
  test('with the definition its objects go, then the group', async () => {
    await on.call('PATCH', at('v1', '/tom'), { metadata: { finalizers: ['example.org/hold'] } }, MERGE_PATCH);
    const watch = await on.cluster.api.watch(at('v1'));
    await waitFor('the list', () => watch.events.length >= 2);
    const { body } = await say('DELETE', `${definitions}/cats.${group}`);
    expect({ finalizers: body.metadata.finalizers, conditions: body.status.conditions }).toMatchSnapshot();
    const crd = await waitFor('the end under way', async () => {
      const seen = await say('GET', `${definitions}/cats.${group}`);
      return seen.body.status.conditions.some((one: Json) => one.reason === 'InstanceDeletionInProgress')
        ? seen.body
        : undefined;
    });
    expect(crd.status.conditions).toMatchSnapshot();
    expect(await say('POST', at('v1'), cat('v1', 'late', {}))).toMatchSnapshot();
    await on.call('PATCH', at('v1', '/tom'), { metadata: { finalizers: null } }, MERGE_PATCH);
    await waitFor('the end', async () => (await on.raw('GET', `${definitions}/cats.${group}`)).status === 404, 30_000);
    await waitFor('the end of the resource', async () => (await on.raw('GET', at('v1'))).status === 404, 30_000);
    await waitFor('the end of the watch', () => watch.ended(), 30_000);
    expect(
      watch.events
        .filter((one) => one.type === 'DELETED')
        .map((one) => one.object.metadata.name)
        .sort(),
    ).toEqual(['kit', 'tom']);
  }, 60_000);
  test('a kind of the cluster has no namespace', async () => {
    const crd = definitionOf(group, 'Globe');
    crd.spec.scope = 'Cluster';
    await define(on, crd);
    const body = { apiVersion: `${group}/v1`, kind: 'Globe', metadata: { name: 'earth' }, spec: { size: 1 } };
    expect(await say('POST', `/apis/${group}/v1/globes`, body)).toMatchSnapshot();
    expect(await say('GET', `/apis/${group}/v1/namespaces/${on.namespace}/globes`)).toMatchSnapshot();
  });
});
