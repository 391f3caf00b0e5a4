/** Discovery, tables, bare metadata and the other forms of answers. [SPEC C95] */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';
import { openSetting, podOf, workloadOf } from './setting.ts';

const on = openSetting('forms');
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const nowhere = { nodeSelector: { suite: 'nowhere' } };
const isAge = (cell: unknown): boolean => typeof cell === 'string' && /^(\d+[smhdy])+$/.test(cell);

beforeAll(async () => {
  await on.makeNode('a');
  await on.call('POST', 'pods', podOf('p', nowhere, { labels: { app: 'p' } }));
  await on.call('POST', 'pods', podOf('gated', { ...nowhere, schedulingGates: [{ name: 'a.b/c' }] }));
  await on.call(
    'POST',
    'pods',
    podOf('bound', { nodeName: on.node('a'), initContainers: [{ name: 'i', image: 'i' }] }),
  );
  await on.call(
    'PATCH',
    'pods/bound/status',
    {
      status: {
        phase: 'Pending',
        initContainerStatuses: [
          {
            name: 'i',
            image: 'i',
            imageID: '',
            ready: false,
            restartCount: 3,
            state: { waiting: { reason: 'CrashLoopBackOff' } },
          },
        ],
      },
    },
    'application/merge-patch+json',
  );
  await on.call('POST', 'pods', podOf('failed', { nodeName: on.node('a') }));
  await on.call(
    'PATCH',
    'pods/failed/status',
    { status: { phase: 'Failed', reason: 'Evicted', podIP: '10.1.2.3', podIPs: [{ ip: '10.1.2.3' }] } },
    'application/merge-patch+json',
  );
  await on.call('POST', 'deployments.apps', workloadOf('d', { replicas: 2 }, nowhere));
  await on.call('POST', 'statefulsets.apps', workloadOf('s', { replicas: 1, serviceName: 's' }, nowhere));
  await on.call('POST', 'daemonsets.apps', workloadOf('ds', {}, nowhere));
  await on.call('POST', 'configmaps', { metadata: { name: 'm' }, data: { a: 'b' } });
  await on.call('POST', 'secrets', { metadata: { name: 'x' }, type: 'example.org/t', data: { a: 'Yg==' } });
  await on
    .call('POST', 'services', {
      metadata: { name: 'v' },
      spec: {
        clusterIP: 'None',
        selector: { a: 'b' },
        ports: [{ port: 80 }, { name: 'x', port: 81, protocol: 'UDP' }],
      },
    })
    .catch(() => undefined);
  await on.call('POST', 'poddisruptionbudgets.policy', {
    metadata: { name: 'b' },
    spec: { maxUnavailable: '25%', selector: {} },
  });
  await on.call('POST', 'leases.coordination.k8s.io', { metadata: { name: 'l' }, spec: { holderIdentity: 'me' } });
  await waitFor('the Deployment’s Pods', async () => ((await on.get('deployments.apps/d')).status.replicas ?? 0) === 2);
});

const table = async (resource: string, accept = TABLE): Promise<Json> =>
  (await on.raw('GET', resource, undefined, undefined, accept)).body;
const shown = (rows: Json[]): Json[] =>
  rows.map((row) => on.plain(row.cells.map((cell: unknown) => (isAge(cell) ? 'AGE' : cell))));

describe('a table [SPEC C95]', () => {
  test.each([
    ['pods?fieldSelector=metadata.name%3Dp'],
    ['pods?fieldSelector=metadata.name%3Dgated'],
    ['pods/bound'],
    ['pods/failed'],
    ['deployments.apps'],
    ['deployments.apps/d/scale'],
    ['priorityclasses.scheduling.k8s.io/system-node-critical'],
    ['replicasets.apps'],
    ['statefulsets.apps'],
    ['daemonsets.apps'],
    ['configmaps/m'],
    ['secrets/x'],
    ['services'],
    ['poddisruptionbudgets.policy/b'],
    ['leases.coordination.k8s.io/l'],
    ['serviceaccounts/default'],
    ['namespaces/SUITE'],
  ])('of %s', async (resource) => {
    const { columnDefinitions, rows, kind, apiVersion } = await table(resource.replace('SUITE', on.namespace));
    expect([kind, apiVersion]).toEqual(['Table', 'meta.k8s.io/v1']);
    expect(on.plain(columnDefinitions)).toMatchSnapshot('columns');
    const cells = shown(rows);
    // Names and images of ReplicaSets carry a hash that is each cluster's own.
    expect(resource.startsWith('replicasets') ? cells.map((row) => row.slice(1, 7)) : cells).toMatchSnapshot('cells');
  });

  test('of the Nodes', async () => {
    const { columnDefinitions, rows } = await table(`nodes/${on.node('a')}`);
    expect(columnDefinitions.map((one: Json) => [one.name, one.type, one.priority])).toMatchSnapshot();
    expect(shown(rows)).toMatchSnapshot();
  });

  test.each(['Metadata', 'None', 'Object'])('with the objects as asked: %s', async (include) => {
    const { rows } = await table(`configmaps?includeObject=${include}&fieldSelector=metadata.name%3Dm`);
    expect(on.plain(rows[0].object)).toMatchSnapshot();
  });

  test('of what is not there is the refusal', async () => {
    expect(on.plain(await table('pods/nope'))).toMatchSnapshot();
  });
});

describe('other forms [SPEC C95]', () => {
  const form = async (accept: string, resource = 'configmaps/m'): Promise<Json> => {
    const answer = await on.raw('GET', resource, undefined, undefined, accept);
    return { code: answer.status, type: answer.headers['content-type'], body: on.plain(answer.body) };
  };
  test.each([
    ['bare metadata', 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io', 'configmaps/m'],
    [
      'a list of bare metadata',
      'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
      'configmaps?fieldSelector=metadata.name%3Dm',
    ],
    ['a list for one', 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io', 'configmaps/m'],
    ['JSON where protobuf is liked better', 'application/json, application/vnd.kubernetes.protobuf', 'configmaps/m'],
    ['anything', '*/*', 'configmaps/m'],
    ['nothing that is known', 'application/x-nothing', 'configmaps/m'],
    ['another table version', 'application/json;as=Table;v=v9;g=meta.k8s.io,application/json', 'configmaps/m'],
  ])('%s', async (_name, accept, resource) => {
    expect(await form(accept, resource)).toMatchSnapshot();
  });

  test('YAML', async () => {
    const answer = await on.raw('GET', 'configmaps/m', undefined, undefined, 'application/yaml');
    expect(answer.headers['content-type']).toBe('application/yaml');
    expect(
      on
        .plain(String(answer.body))
        .split('\n')
        .filter((line: string) => !/^ {2,}(f:|- |\.)|managedFields|^ {4,}/.test(line))
        .map((line: string) => line.replace(/resourceVersion: .*/, 'resourceVersion: R')),
    ).toMatchSnapshot();
  });
});

describe('a Pod on no Node [SPEC C95]', () => {
  test.each([
    ['GET', 'pods/p/log'],
    ['POST', 'pods/p/exec?command=ls'],
    ['POST', 'pods/p/attach'],
    ['GET', 'pods/nope/log'],
    ['POST', 'pods/nope/exec?command=ls'],
  ])('%s %s is refused', async (method, resource) => {
    expect(await on.say(method, resource)).toMatchSnapshot();
  });
});

describe('discovery [SPEC C95]', () => {
  test('/version and health', async () => {
    expect((await on.raw('GET', '/version')).body).toMatchObject({ major: '1', minor: '34' });
    for (const path of ['/healthz', '/livez', '/readyz'])
      expect([(await on.raw('GET', path)).status, (await on.raw('GET', path)).body]).toEqual([200, 'ok']);
  });

  // What is not served here is no difference: whatever is, is served as a real one does.
  const GROUPS = [
    '/api/v1',
    '/apis/apps/v1',
    '/apis/policy/v1',
    '/apis/coordination.k8s.io/v1',
    '/apis/events.k8s.io/v1',
    '/apis/scheduling.k8s.io/v1',
  ];
  const SERVED = new Set([
    'pods',
    'pods/status',
    'pods/binding',
    'pods/eviction',
    'pods/log',
    'nodes',
    'nodes/status',
    'namespaces',
    'namespaces/finalize',
    'namespaces/status',
    'configmaps',
    'secrets',
    'services',
    'serviceaccounts',
    'events',
    'limitranges',
    'deployments',
    'deployments/scale',
    'deployments/status',
    'replicasets',
    'replicasets/scale',
    'replicasets/status',
    'statefulsets',
    'statefulsets/scale',
    'statefulsets/status',
    'daemonsets',
    'daemonsets/status',
    'controllerrevisions',
    'poddisruptionbudgets',
    'poddisruptionbudgets/status',
    'leases',
    'priorityclasses',
  ]);
  test.each(GROUPS)('%s', async (path) => {
    const { body } = await on.raw('GET', path);
    const resources = body.resources
      .filter((one: Json) => SERVED.has(one.name))
      .map(({ storageVersionHash: _hash, ...one }: Json) => one);
    expect({ ...body, resources }).toMatchSnapshot();
  });

  test('/apis/GROUP', async () => {
    expect((await on.raw('GET', '/apis/apps')).body).toMatchSnapshot();
  });

  test('in one answer', async () => {
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
    const answer = await on.raw('GET', '/apis', undefined, undefined, accept);
    expect([answer.headers['content-type'], answer.body.kind, answer.body.apiVersion]).toMatchSnapshot();
    const policy = answer.body.items.find((one: Json) => one.metadata.name === 'policy');
    // Where a real one leaves group and version of a kind empty, clients take those of the resource.
    const calm = JSON.parse(JSON.stringify(policy), (key, value) =>
      key === 'responseKind' ? { kind: value.kind } : value,
    );
    expect({ ...calm, metadata: { name: policy.metadata.name } }).toMatchSnapshot();
  });
});
