/** ResourceQuotas with scopes, and what a workload does under one. [SPEC C95] */
import { describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { noKubectl } from '../support/kubectl.ts';
import { waitFor } from '../support/wait.ts';
import { asking, makeSpace, on } from './quota-spaces.ts';
import { MERGE_PATCH, podOf, workloadOf } from './setting.ts';

let count = 0;

describe('a quota with scopes [SPEC C110]', () => {
  const burstable = { requests: { cpu: '1' } };
  test.each([
    ['BestEffort', { scopes: ['BestEffort'], hard: { pods: '0' } }, podOf('in'), asking('out', burstable)],
    [
      'NotBestEffort',
      { scopes: ['NotBestEffort'], hard: { pods: '0', cpu: '9' } },
      asking('in', burstable),
      podOf('out'),
    ],
    [
      'Terminating',
      { scopes: ['Terminating'], hard: { pods: '0' } },
      podOf('in', { activeDeadlineSeconds: 9 }),
      podOf('out'),
    ],
    [
      'NotTerminating',
      { scopes: ['NotTerminating'], hard: { pods: '0' } },
      podOf('in'),
      podOf('out', { activeDeadlineSeconds: 9 }),
    ],
    [
      'PriorityClass In',
      {
        scopeSelector: {
          matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['system-cluster-critical', 'x'] }],
        },
        hard: { pods: '0' },
      },
      podOf('in', { priorityClassName: 'system-cluster-critical' }),
      podOf('out'),
    ],
    [
      'PriorityClass NotIn',
      {
        scopeSelector: {
          matchExpressions: [{ scopeName: 'PriorityClass', operator: 'NotIn', values: ['system-cluster-critical'] }],
        },
        hard: { pods: '0' },
      },
      podOf('in'),
      podOf('out', { priorityClassName: 'system-cluster-critical' }),
    ],
    [
      'PriorityClass Exists',
      {
        scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'Exists' }] },
        hard: { pods: '0' },
      },
      podOf('in', { priorityClassName: 'system-node-critical' }),
      podOf('out'),
    ],
    [
      'CrossNamespacePodAffinity',
      { scopes: ['CrossNamespacePodAffinity'], hard: { pods: '0' } },
      podOf('in', {
        affinity: {
          podAntiAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              { topologyKey: 'zone', namespaceSelector: {}, labelSelector: {} },
            ],
          },
        },
      }),
      podOf('out'),
    ],
  ])('%s means those Pods only', async (_name, spec, inside, outside) => {
    const space = await makeSpace(`s-${count++}`, spec);
    expect(await space.words('POST', 'pods', inside)).toMatchSnapshot();
    expect(await space.words('POST', 'pods', outside)).toBe('201');
    expect((await space.quota()).status).toMatchSnapshot();
  });

  test.each([
    ['a name that is none', { hard: { nonsense: '1' } }],
    ['storage alone', { hard: { storage: '1' } }],
    ['a negative amount', { hard: { pods: '-1' } }],
    ['a part of a Pod', { hard: { pods: '500m' } }],
    ['no quantity', { hard: { pods: 'many' } }],
    ['a scope that is none', { scopes: ['Sometimes'], hard: { pods: '1' } }],
    ['scopes that exclude each other', { scopes: ['BestEffort', 'NotBestEffort'], hard: { pods: '1' } }],
    ['a scope that says nothing of it', { scopes: ['BestEffort'], hard: { 'requests.cpu': '1', secrets: '1' } }],
    [
      'an operator that is none',
      { scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'Is' }] }, hard: { pods: '1' } },
    ],
    [
      'In without values',
      { scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In' }] }, hard: { pods: '1' } },
    ],
    [
      'Exists with values',
      {
        scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'Exists', values: ['a'] }] },
        hard: { pods: '1' },
      },
    ],
    [
      'values for a scope that has none',
      {
        scopeSelector: { matchExpressions: [{ scopeName: 'BestEffort', operator: 'In', values: ['a'] }] },
        hard: { pods: '1' },
      },
    ],
  ])('is refused with %s', async (_name, spec) => {
    expect(await on.say('POST', 'resourcequotas', { metadata: { name: 'bad' }, spec })).toMatchSnapshot();
  });

  test('keeps its scopes', async () => {
    const space = await makeSpace('fixed', { scopes: ['BestEffort'], hard: { pods: '1' } });
    expect(
      await space.words('PATCH', 'resourcequotas/quota', { spec: { scopes: ['NotBestEffort'] } }, MERGE_PATCH),
    ).toMatchSnapshot();
  });
});

describe('a workload under a quota [SPEC C111]', () => {
  test('a ReplicaSet says what it may not make, and goes on when it may', async () => {
    const space = await makeSpace('set', { hard: { pods: '1' } });
    await space.call('POST', 'replicasets.apps', workloadOf('gen', { replicas: 2 }));
    const failure = await waitFor('its condition', async () =>
      ((await space.call('GET', 'replicasets.apps/gen')).status.conditions ?? []).find(
        (one: Json) => one.type === 'ReplicaFailure',
      ),
    );
    expect(on.plain(failure)).toMatchSnapshot();
    const events = await waitFor('its Event', async () => {
      const seen = await on.cluster.api.items(`${space.at('events')}?fieldSelector=reason%3DFailedCreate`);
      return seen.length > 0 ? seen : undefined;
    });
    expect(on.plain(events[0].message)).toMatchSnapshot();
    await space.call('PATCH', 'resourcequotas/quota', { spec: { hard: { pods: '2' } } }, MERGE_PATCH);
    await waitFor(
      'both Pods and no condition',
      async () => {
        const { status } = await space.call('GET', 'replicasets.apps/gen');
        return status.replicas === 2 && status.conditions === undefined;
      },
      25_000,
    );
  });

  test('a Deployment shows it as ReplicaFailure', async () => {
    const space = await makeSpace('rollout', { hard: { 'requests.cpu': '1' } });
    await space.call('POST', 'deployments.apps', workloadOf('web', { replicas: 1 }));
    const conditions = await waitFor('its condition', async () => {
      const { status } = await space.call('GET', 'deployments.apps/web');
      const seen: Json[] = status.conditions ?? [];
      return seen.some((one) => one.type === 'ReplicaFailure') ? seen : undefined;
    });
    expect(on.plain(conditions.find((one) => one.type === 'ReplicaFailure'))).toMatchSnapshot();
  });

  test.skipIf(noKubectl)('kubectl shows it', async () => {
    const space = await makeSpace('shown', { hard: { pods: '3', 'limits.cpu': '2', 'requests.memory': '1Gi' } });
    const resources = { requests: { memory: '100Mi' }, limits: { cpu: '1', memory: '200Mi' } };
    await space.call('POST', 'pods', asking('a', resources));
    const ns = `${on.namespace}-shown`;
    expect(on.plain(await on.kubectl(['describe', 'quota', '-n', ns]))).toMatchSnapshot();
    const table = await on.kubectl(['get', 'quota', '-n', ns]);
    expect(table.replace(/ +\d+s?\b *$/gm, ' AGE')).toMatchSnapshot();
  });
});
