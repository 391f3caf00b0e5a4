/** Server-side apply: who owns what, who conflicts with whom, and what goes when it is said no more. [SPEC C100] [SPEC C101] */
import { beforeAll, describe, expect, test } from 'vitest';
import { containersOf, deploymentOf, mapOf, openOwnersSetting, wholeDeploymentOf } from './owners.ts';
import { MERGE_PATCH } from './setting.ts';

const on = openOwnersSetting('apply');
type Row = readonly [name: string, resource: string, manager: string, body: unknown, more?: string | undefined];

describe('an applied ConfigMap [SPEC C100]', () => {
  const m = 'configmaps/m';
  const rows: readonly Row[] = [
    ['a dry run of what is not there makes nothing', m, 'one', mapOf('m', { a: '1' }), 'dryRun=All'],
    ['what is not there is made', m, 'one', mapOf('m', { a: '1', b: '2' }, { labels: { x: 'y' } })],
    ['the same again is no change', m, 'one', mapOf('m', { a: '1', b: '2' }, { labels: { x: 'y' } })],
    ['equal values are owned together, without a time', m, 'two', mapOf('m', { a: '1' })],
    ['another value is a conflict', m, 'three', mapOf('m', { b: '9' })],
    ['and several of them, with several owners', m, 'three', mapOf('m', { a: '9', b: '9' }, { labels: { x: 'z' } })],
    ['what nobody has is no conflict', m, 'three', mapOf('m', { c: '3' }, { annotations: { note: 'n' } })],
    ['force takes over', m, 'two', mapOf('m', { a: '9' }), 'force=true'],
    ['and once more, as a dry run', m, 'three', mapOf('m', { a: '10' }), 'force=true&dryRun=All'],
    ['what is said no more goes', m, 'one', mapOf('m', { b: '2' })],
    ['what another owns as well stays', m, 'four', mapOf('m', { b: '2', c: '3' })],
    ['until the last of them leaves it', m, 'four', mapOf('m', { b: '2' })],
    ['an empty map is owned as such', m, 'one', mapOf('m', {})],
    ['a null is owned as well', m, 'five', mapOf('m', { q: null })],
    ['null for a whole map', m, 'five', mapOf('m', null)],
    ['finalizers are a set', m, 'one', mapOf('m', undefined, { finalizers: ['example.org/b', 'example.org/a'] })],
    ['to which others add', m, 'two', mapOf('m', { a: '9' }, { finalizers: ['example.org/c'] })],
    ['and from which each takes its own', m, 'one', mapOf('m', { b: '2' })],
    ['all of them gone', m, 'two', mapOf('m', { a: '9' })],
    ['nothing but a name', m, 'two', mapOf('m')],
    ['the name may be left out of what is there', m, 'two', { ...mapOf('m', { a: '1' }), metadata: {} }],
    ['a resourceVersion of long ago', m, 'two', mapOf('m', { a: '1' }, { resourceVersion: '1' })],
    ['another uid', m, 'two', mapOf('m', { a: '1' }, { uid: 'u' })],
    ['a uid where nothing is', 'configmaps/none', 'two', mapOf('none', {}, { uid: 'u' })],
    [
      'a resourceVersion where nothing is',
      'configmaps/made',
      'two',
      mapOf('made', { a: '1' }, { resourceVersion: '5' }),
    ],
    ['YAML', 'configmaps/yaml', 'two', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: yaml}\ndata:\n  a: "1"\n'],
    ['names that are paths', 'configmaps/paths', 'two', mapOf('paths', { 'a.b': '1' }, { labels: { 'x.y/z': 'v' } })],
    ['in conflict', 'configmaps/paths', 'one', mapOf('paths', { 'a.b': '2' }, { labels: { 'x.y/z': 'w' } })],
  ];
  for (const [name, resource, manager, body, more] of rows) {
    test(name, async () => {
      expect(await on.apply(resource, manager, body, more)).toMatchSnapshot();
    });
  }

  test('a change of nothing but owners is written, a change of nothing is not', async () => {
    const before = await on.get('configmaps/yaml');
    await on.apply('configmaps/yaml', 'two', mapOf('yaml', { a: '1' }));
    const same = await on.get('configmaps/yaml');
    await on.apply('configmaps/yaml', 'three', mapOf('yaml', { a: '1' }));
    const after = await on.get('configmaps/yaml');
    const revisions = [before, same, after].map(({ metadata }) => metadata.resourceVersion);
    expect([revisions[0] === revisions[1], revisions[1] === revisions[2]]).toEqual([true, false]);
  });
});

describe('an applied Deployment [SPEC C101]', () => {
  const d = 'deployments.apps/d';
  beforeAll(async () => {
    await on.apply(
      d,
      'one',
      wholeDeploymentOf('d', [
        {
          name: 'c',
          image: 'a:1',
          args: ['x', 'y'],
          ports: [{ containerPort: 80 }, { containerPort: 80, protocol: 'UDP' }],
          env: [
            { name: 'A', value: '1' },
            { name: 'B', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
          ],
          resources: { limits: { cpu: '1' }, requests: { memory: '1Gi' } },
        },
        { name: 'side', image: 's:1' },
      ]),
    );
  });
  const rows: readonly Row[] = [
    [
      'a list by name takes in what another says of an item',
      d,
      'two',
      containersOf('d', [{ name: 'c', env: [{ name: 'C', value: '3' }] }]),
    ],
    [
      'and a new item, before and after others',
      d,
      'three',
      containersOf('d', [{ name: 'first', image: 'f' }, { name: 'side' }, { name: 'last', image: 'l' }]),
    ],
    ['a field of an item in conflict', d, 'two', containersOf('d', [{ name: 'c', image: 'a:2' }])],
    ['an atomic list in conflict, as a whole', d, 'two', containersOf('d', [{ name: 'c', args: ['x'] }])],
    [
      'a key of two fields, with a default',
      d,
      'two',
      containersOf('d', [{ name: 'c', ports: [{ containerPort: 80, name: 'web' }] }]),
    ],
    [
      'an item that its owner says no more, and others do not own',
      d,
      'three',
      containersOf('d', [{ name: 'side' }, { name: 'last', image: 'l' }]),
    ],
    [
      'an item of which another owns a part stays with that part',
      d,
      'two',
      containersOf('d', [{ name: 'side', tty: true }]),
    ],
    ['an atomic map of its own', d, 'two', deploymentOf('d', { template: { spec: { nodeSelector: { a: 'b' } } } })],
    ['and one more key of it', d, 'four', deploymentOf('d', { template: { spec: { nodeSelector: { c: 'd' } } } })],
    ['an atomic struct', d, 'two', deploymentOf('d', { selector: { matchLabels: { app: 'd' } } })],
    ['tolerations are one', d, 'two', deploymentOf('d', { template: { spec: { tolerations: [{ key: 'k' }] } } })],
    [
      'volumes by name',
      d,
      'two',
      deploymentOf('d', { template: { spec: { volumes: [{ name: 'v', emptyDir: {} }] } } }),
    ],
    ['a struct that is empty', d, 'two', deploymentOf('d', { template: { spec: { securityContext: {} } } })],
    [
      'spread constraints by two keys',
      d,
      'two',
      deploymentOf('d', {
        template: {
          spec: {
            topologySpreadConstraints: [
              { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway', labelSelector: {} },
            ],
          },
        },
      }),
    ],
    [
      'a quantity in another spelling',
      d,
      'two',
      containersOf('d', [{ name: 'c', resources: { limits: { cpu: '1000m' } } }]),
    ],
    ['a number as percents', d, 'two', deploymentOf('d', { strategy: { rollingUpdate: { maxSurge: '50%' } } })],
    ['replicas taken by force', d, 'scaler', deploymentOf('d', { replicas: 0 }), 'force=true'],
    ['and left', d, 'one', wholeDeploymentOf('d')],
    ['what validation refuses', d, 'one', deploymentOf('d', { replicas: -1 }), 'force=true'],
    ['and what may not change', d, 'one', deploymentOf('d', { selector: { matchLabels: { app: 'e' } } }), 'force=true'],
  ];
  for (const [name, resource, manager, body, more] of rows) {
    test(name, async () => {
      expect(await on.apply(resource, manager, body, more)).toMatchSnapshot();
    });
  }

  test('an update takes what it changes, and apply meets it', async () => {
    await on.apply('deployments.apps/u', 'one', wholeDeploymentOf('u'));
    await on.call(
      'PATCH',
      'deployments.apps/u?fieldManager=hand',
      { spec: { paused: true, minReadySeconds: 5 } },
      MERGE_PATCH,
    );
    await on.call(
      'PATCH',
      'deployments.apps/u?fieldManager=hand',
      { spec: { template: { metadata: { labels: { more: 'x' } } } } },
      MERGE_PATCH,
    );
    expect([
      await on.owners('deployments.apps/u'),
      await on.apply('deployments.apps/u', 'one', deploymentOf('u', { minReadySeconds: 7, paused: true })),
      await on.apply('deployments.apps/u', 'one', deploymentOf('u', { minReadySeconds: 5, paused: true })),
    ]).toMatchSnapshot();
  });
});
