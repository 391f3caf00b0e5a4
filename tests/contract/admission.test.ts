/** Namespaces, ServiceAccounts, default tolerations, LimitRanges, priorities. [SPEC C95] */
import { afterAll, describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';
import { MERGE_PATCH, openSetting, podOf } from './setting.ts';

const on = openSetting('admission');
const other = `${on.namespace}-other`;
const nowhere = { nodeSelector: { suite: 'nowhere' } };

afterAll(async () => {
  await on.raw('DELETE', `namespaces/${other}`).catch(() => undefined);
});

describe('a namespace [SPEC C95]', () => {
  test('is made with its label, its finalizer, and soon its ServiceAccount', async () => {
    expect(await on.say('POST', 'namespaces', { metadata: { name: other } })).toMatchSnapshot();
    const account = await waitFor('default', () =>
      on.cluster.api.find(`/api/v1/namespaces/${other}/serviceaccounts/default`),
    );
    expect(on.plain(account)).toMatchSnapshot();
  });

  test('gets its ServiceAccount again when that is deleted', async () => {
    const path = `/api/v1/namespaces/${other}/serviceaccounts/default`;
    const before = await on.get(path);
    await on.call('DELETE', path);
    await waitFor('another', async () => {
      const now = await on.cluster.api.find(path);
      return now !== undefined && now.metadata.uid !== before.metadata.uid;
    });
  });

  test('that is deleted takes all with it', async () => {
    const inside = `/api/v1/namespaces/${other}`;
    await on.call('POST', `${inside}/configmaps`, { metadata: { name: 'm', finalizers: ['example.org/f'] } });
    const said = await on.say('DELETE', `namespaces/${other}`);
    expect(said).toMatchSnapshot();
    const refused = await on.say('POST', `${inside}/configmaps`, { metadata: { name: 'late' } });
    expect(refused).toMatchSnapshot();
    const conditions: Json[] = await waitFor('its conditions', async () => {
      const seen = (await on.get(inside)).status.conditions ?? [];
      return seen.some((one: Json) => one.type === 'NamespaceFinalizersRemaining' && one.status === 'True')
        ? seen
        : undefined;
    });
    expect(on.plain(conditions)).toMatchSnapshot();
    await on.call('PATCH', `${inside}/configmaps/m`, { metadata: { finalizers: null } }, MERGE_PATCH);
    await waitFor('its end', async () => (await on.cluster.api.find(inside)) === undefined, 15_000);
  });

  test.each([
    ['default may not go', 'DELETE', 'namespaces/default', undefined],
    ['kube-system may not go', 'DELETE', 'namespaces/kube-system', undefined],
    ['no such one to delete', 'DELETE', 'namespaces/no-such-place', undefined],
    ['a bad name', 'POST', 'namespaces', { metadata: { name: 'a.b' } }],
    [
      'the label of its name comes back',
      'PATCH',
      `namespaces/${on.namespace}`,
      { metadata: { labels: { 'kubernetes.io/metadata.name': 'x' } } },
    ],
  ])('%s', async (_name, method, resource, body) => {
    expect(await on.say(method, resource, body, method === 'PATCH' ? MERGE_PATCH : undefined)).toMatchSnapshot();
  });
});

describe('a Pod is completed [SPEC C95]', () => {
  const tolerations = async (spec: Json): Promise<Json> => {
    const said = await on.say('POST', 'pods?dryRun=All', podOf('t', { ...nowhere, ...spec }));
    return said.body.spec.tolerations;
  };
  test('with the two tolerations of 300 s, unless it has its own', async () => {
    expect(await tolerations({})).toMatchSnapshot();
    expect(
      await tolerations({
        tolerations: [
          { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 5 },
        ],
      }),
    ).toMatchSnapshot();
    expect(await tolerations({ tolerations: [{ operator: 'Exists' }] })).toMatchSnapshot();
  });

  test.each([
    ['by the ServiceAccount it names', podOf('sa', { ...nowhere, serviceAccountName: 'nobody' })],
    ['by its priority class', podOf('critical', { ...nowhere, priorityClassName: 'system-node-critical' })],
    ['by no such priority class', podOf('nope', { ...nowhere, priorityClassName: 'no-such' })],
    ['never by a priority of its own', podOf('own', { ...nowhere, priority: 7 })],
  ])('%s', async (_name, pod) => {
    const said = await on.say('POST', 'pods?dryRun=All', pod);
    if (said.code === 201) said.body = said.body.spec;
    expect(said).toMatchSnapshot();
  });
});

describe('a LimitRange [SPEC C95]', () => {
  const limits = {
    default: { cpu: '500m', memory: '256Mi' },
    defaultRequest: { cpu: '100m' },
    max: { cpu: '1' },
    min: { memory: '16Mi' },
    maxLimitRequestRatio: { memory: '4' },
  };
  const withResources = (resources: Json): Json =>
    podOf('limited', { ...nowhere, containers: [{ name: 'c', image: 'i:1', resources }] });

  test('is completed itself', async () => {
    const ranges = [
      { type: 'Container', ...limits },
      { type: 'Pod', max: { cpu: '2' } },
    ];
    expect(
      await on.say('POST', 'limitranges', { metadata: { name: 'limits' }, spec: { limits: ranges } }),
    ).toMatchSnapshot();
  });

  test.each([
    ['gives what a container lacks, and says so', {}],
    ['leaves what it has', { requests: { cpu: '200m', memory: '64Mi' }, limits: { cpu: '300m', memory: '128Mi' } }],
    ['refuses too much', { requests: { cpu: '2' }, limits: { cpu: '2', memory: '64Mi' } }],
    ['refuses too little', { requests: { memory: '1Mi' }, limits: { memory: '1Mi' } }],
    ['refuses too wide a span', { requests: { memory: '16Mi' }, limits: { memory: '256Mi' } }],
  ])('%s', async (_name, resources) => {
    const said = await waitFor('that the LimitRange is seen', async () => {
      const answer = await on.say('POST', 'pods?dryRun=All', withResources(resources));
      const isSeen = answer.code !== 201 || answer.body.spec.containers[0].resources.limits !== undefined;
      return isSeen ? answer : undefined;
    });
    if (said.code === 201)
      said.body = { annotations: said.body.metadata.annotations, resources: said.body.spec.containers[0].resources };
    expect(said).toMatchSnapshot();
  });

  test('refuses a Pod that is too much in all', async () => {
    const one = { image: 'i:1', resources: { limits: { cpu: '1', memory: '32Mi' } } };
    const containers = ['a', 'b', 'c'].map((name) => ({ name, ...one }));
    expect(await on.say('POST', 'pods?dryRun=All', podOf('sum', { ...nowhere, containers }))).toMatchSnapshot();
  });

  test.each([
    ['with a default over its maximum', [{ type: 'Container', default: { cpu: '2' }, max: { cpu: '1' } }]],
    ['with a minimum over its maximum', [{ type: 'Container', min: { cpu: '2' }, max: { cpu: '1' } }]],
    ['twice of one type', [{ type: 'Container' }, { type: 'Container' }]],
  ])('is refused %s', async (_name, ranges) => {
    expect(
      await on.say('POST', 'limitranges', { metadata: { name: 'bad' }, spec: { limits: ranges } }),
    ).toMatchSnapshot();
  });
});

describe('a PriorityClass [SPEC C95]', () => {
  test.each<readonly [string, string, Json]>([
    ['of no name', '', { value: 10 }],
    ['of a name that only the cluster may give', 'system-mine', { value: 10 }],
    ['of a value that only the cluster may give', 'mine', { value: 1_000_000_001 }],
    ['of the cluster with another value', 'system-node-critical', { value: 1 }],
    ['with a policy that is none', 'mine', { value: 1, preemptionPolicy: 'Sometimes' }],
  ])('is refused %s', async (_name, name, fields) => {
    const resource = '/apis/scheduling.k8s.io/v1/priorityclasses?dryRun=All';
    expect(await on.say('POST', resource, { metadata: { name }, ...fields })).toMatchSnapshot();
  });
});
