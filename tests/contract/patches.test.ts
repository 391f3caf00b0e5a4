/** PATCH in its three kinds, on objects, statuses and scales. [SPEC C95] */
import { beforeAll, describe, expect, test } from 'vitest';
import { JSON_PATCH, MERGE_PATCH, openSetting, podOf, STRATEGIC_PATCH, workloadOf } from './setting.ts';

const on = openSetting('patches');

beforeAll(async () => {
  await on.call('POST', 'configmaps', {
    metadata: { name: 'm', labels: { a: 'b' }, finalizers: [] },
    data: { k: 'v', l: 'w' },
  });
  await on.call(
    'POST',
    'deployments.apps',
    workloadOf(
      'd',
      { replicas: 0 },
      {
        containers: [
          {
            name: 'a',
            image: 'a:1',
            env: [
              { name: 'A', value: '1' },
              { name: 'B', value: '2' },
            ],
            ports: [{ containerPort: 80 }],
          },
          { name: 'b', image: 'b:1', args: ['x', 'y'] },
        ],
        volumes: [{ name: 'v', emptyDir: {} }],
        tolerations: [{ key: 'k', operator: 'Exists' }],
      },
    ),
  );
  await on.call('POST', 'pods', podOf('p', { schedulerName: 'nobody' }));
});

const ofPods = (spec: unknown): unknown => ({ spec: { template: { spec } } });

describe('PATCH [SPEC C95]', () => {
  test.each([
    [
      'JSON: replace, add, remove, test',
      'configmaps/m',
      [
        { op: 'test', path: '/data/k', value: 'v' },
        { op: 'replace', path: '/data/k', value: 'new' },
        { op: 'add', path: '/metadata/labels/x~1y', value: 'z' },
        { op: 'remove', path: '/data/l' },
      ],
      JSON_PATCH,
    ],
    ['JSON: a test that fails', 'configmaps/m', [{ op: 'test', path: '/data/k', value: 'other' }], JSON_PATCH],
    ['JSON: a path that is not there', 'configmaps/m', [{ op: 'remove', path: '/data/none' }], JSON_PATCH],
    ['JSON: an op that is none', 'configmaps/m', [{ op: 'frob', path: '/data/k' }], JSON_PATCH],
    ['JSON: no list', 'configmaps/m', { op: 'add' }, JSON_PATCH],
    [
      'JSON: an item of a list',
      'deployments.apps/d',
      [
        { op: 'add', path: '/spec/template/spec/containers/1/args/-', value: 'z' },
        { op: 'move', from: '/spec/template/spec/containers/0/env/0', path: '/spec/template/spec/containers/0/env/1' },
      ],
      JSON_PATCH,
    ],
    [
      'merge: sets, nulls and keeps',
      'configmaps/m',
      { data: { k: null, n: '1' }, metadata: { annotations: { note: 'x' } } },
      MERGE_PATCH,
    ],
    [
      'merge: a list whole',
      'deployments.apps/d',
      ofPods({ tolerations: [{ key: 'other', operator: 'Exists' }] }),
      MERGE_PATCH,
    ],
    [
      'merge: an unknown field is dropped',
      'configmaps/m?fieldValidation=Ignore',
      { bogus: 1, data: { p: 'q' } },
      MERGE_PATCH,
    ],
    ['merge: an unknown field refused', 'configmaps/m?fieldValidation=Strict', { bogus: 1 }, MERGE_PATCH],
    ['merge: a wrong type', 'deployments.apps/d', { spec: { replicas: 'x' } }, MERGE_PATCH],
    ['merge: broken JSON', 'configmaps/m', '{"a":', MERGE_PATCH],
    ['merge: a list for an object', 'configmaps/m', '[]', MERGE_PATCH],
    [
      'merge: an old resourceVersion',
      'configmaps/m',
      { metadata: { resourceVersion: '1' }, data: { z: 'z' } },
      MERGE_PATCH,
    ],
    ['merge: another uid', 'configmaps/m', { metadata: { uid: '00000000-0000-0000-0000-000000000000' } }, MERGE_PATCH],
    ['merge: another name', 'configmaps/m', { metadata: { name: 'n' } }, MERGE_PATCH],
    ['merge: of what is not there', 'configmaps/nope', { data: {} }, MERGE_PATCH],
    [
      'strategic: containers by name, env by name, in the order asked',
      'deployments.apps/d',
      ofPods({
        '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }],
        containers: [
          {
            name: 'a',
            image: 'a:2',
            env: [
              { name: 'A', $patch: 'delete' },
              { name: 'C', value: '3' },
            ],
          },
          { name: 'b', args: ['only'] },
        ],
      }),
      STRATEGIC_PATCH,
    ],
    [
      'strategic: a container more, a volume of another source, a port more',
      'deployments.apps/d',
      ofPods({
        containers: [
          { name: 'c', image: 'c:1' },
          { name: 'a', ports: [{ containerPort: 81 }] },
        ],
        volumes: [{ name: 'v', $retainKeys: ['name', 'configMap'], configMap: { name: 'm' } }],
      }),
      STRATEGIC_PATCH,
    ],
    [
      'strategic: a container less',
      'deployments.apps/d',
      ofPods({ containers: [{ name: 'c', $patch: 'delete' }] }),
      STRATEGIC_PATCH,
    ],
    [
      'strategic: atomic lists are replaced',
      'deployments.apps/d',
      ofPods({ tolerations: [{ key: 'third', operator: 'Exists' }] }),
      STRATEGIC_PATCH,
    ],
    [
      'strategic: Recreate drops rollingUpdate',
      'deployments.apps/d',
      { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } },
      STRATEGIC_PATCH,
    ],
    ['strategic: finalizers merge', 'configmaps/m', { metadata: { finalizers: ['example.org/one'] } }, STRATEGIC_PATCH],
    [
      'strategic: finalizers are deleted one by one',
      'configmaps/m',
      { metadata: { '$deleteFromPrimitiveList/finalizers': ['example.org/one'] } },
      STRATEGIC_PATCH,
    ],
    ['strategic: a map replaced', 'configmaps/m', { data: { $patch: 'replace', only: 'this' } }, STRATEGIC_PATCH],
    ['strategic: an unknown directive', 'configmaps/m', { data: { $patch: 'frob' } }, STRATEGIC_PATCH],
    [
      'strategic: a merge key that is missing',
      'deployments.apps/d',
      ofPods({ containers: [{ image: 'x' }] }),
      STRATEGIC_PATCH,
    ],
    ['strategic: a wrong type', 'deployments.apps/d', { spec: { replicas: 'x' } }, STRATEGIC_PATCH],
    [
      'strategic: an unknown field refused',
      'deployments.apps/d?fieldValidation=Strict',
      { spec: { bogus: 1 } },
      STRATEGIC_PATCH,
    ],
    ['strategic: invalid after all', 'deployments.apps/d', { spec: { replicas: -1 } }, STRATEGIC_PATCH],
    [
      'strategic: the status of a Pod, conditions by type',
      'pods/p/status',
      {
        status: {
          phase: 'Running',
          conditions: [
            { type: 'Ready', status: 'True' },
            { type: 'example.org/Extra', status: 'Unknown' },
          ],
        },
      },
      STRATEGIC_PATCH,
    ],
    [
      'strategic: conditions merge by type',
      'pods/p/status',
      { status: { conditions: [{ type: 'Ready', status: 'False', reason: 'Later' }] } },
      STRATEGIC_PATCH,
    ],
    ['a dry run', 'configmaps/m?dryRun=All', { data: { dry: 'run' } }, MERGE_PATCH],
    ['another kind of patch', 'configmaps/m', {}, 'application/json'],
    ['the scale', 'deployments.apps/d/scale', { spec: { replicas: 0 } }, MERGE_PATCH],
    ['the scale below zero', 'deployments.apps/d/scale', { spec: { replicas: -1 } }, MERGE_PATCH],
  ])('%s', async (_name, resource, body, type) => {
    const said = await on.say('PATCH', resource, body, type);
    // The controllers write the status of a Deployment meanwhile.
    if (resource.startsWith('deployments') && said.body.kind === 'Deployment') {
      delete said.body.status;
      delete said.body.metadata.annotations;
    }
    // The refused object is quoted as it is stored, with its revision and with managedFields where they are kept.
    const calm = (value: string): string =>
      value.replace(/(patch: )?Invalid value: "\{.*\}":/s, '$1Invalid value: OBJECT:');
    expect(
      JSON.parse(JSON.stringify(said), (_key, value) => (typeof value === 'string' ? calm(value) : value)),
    ).toMatchSnapshot();
  });

  test('one that changes nothing writes nothing', async () => {
    const before = await on.get('configmaps/m');
    const after = await on.call('PATCH', 'configmaps/m', { data: before.data }, MERGE_PATCH);
    expect(after.metadata.resourceVersion).toBe(before.metadata.resourceVersion);
  });

  test('of the main resource leaves the status alone', async () => {
    const after = await on.call(
      'PATCH',
      'pods/p',
      { metadata: { labels: { x: 'y' } }, status: { phase: 'Failed' } },
      STRATEGIC_PATCH,
    );
    expect([after.status.phase, after.metadata.labels]).toEqual(['Running', { x: 'y' }]);
  });
});
