/** ResourceQuotas: what a namespace may have at the most, in which words it is refused, and what is counted when. [SPEC C95] */
import { describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';
import { asking, makeQuota, makeSpace, on } from './quota-spaces.ts';
import { MERGE_PATCH, podOf, workloadOf } from './setting.ts';

let count = 0;

describe('a quota of Pods [SPEC C110]', () => {
  test('is told at once what holds and what is used', async () => {
    const space = await makeSpace('told', {
      hard: { pods: '3', 'requests.cpu': '1500m', 'limits.memory': '1Gi', secrets: 5 },
    });
    expect((await space.quota()).status).toMatchSnapshot();
  });

  test('refuses one more than it allows, and forgets what is deleted', async () => {
    const space = await makeSpace('pods', { hard: { pods: '2' } });
    expect(await space.words('POST', 'pods', podOf('a'))).toBe('201');
    expect(await space.words('POST', 'pods?dryRun=All', podOf('b'))).toBe('201');
    expect((await space.quota()).status.used).toEqual({ pods: '1' });
    expect(await space.words('POST', 'pods', podOf('b'))).toBe('201');
    expect((await space.quota()).status.used).toEqual({ pods: '2' });
    expect(await space.say('POST', 'pods', podOf('c'))).toMatchSnapshot();
    expect(await space.words('POST', 'pods?dryRun=All', podOf('c'))).toMatchSnapshot();
    expect(await space.words('POST', 'pods', podOf('', {}, { generateName: 'gen-' }))).toMatchSnapshot();
    await space.call('DELETE', 'pods/a?gracePeriodSeconds=0');
    await space.settles({ pods: '1' });
    await space.passes('POST', 'pods', podOf('c'));
  });

  test('is never exceeded, however many are made at once', async () => {
    const space = await makeSpace('race', { hard: { pods: '4' } });
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_none, at) => space.words('POST', 'pods', podOf(`p${at}`))),
    );
    expect(answers.filter((answer) => answer === '201')).toHaveLength(4);
    expect((await on.cluster.api.items(space.at('pods'))).length).toBe(4);
    await space.settles({ pods: '4' });
  });

  test('counts no Pod that has ended, but `count/pods` does', async () => {
    const space = await makeSpace('ended', { hard: { pods: '1', 'count/pods': '2', 'requests.cpu': '1' } });
    await space.call('POST', 'pods', asking('a', { requests: { cpu: '1' } }));
    expect((await space.quota()).status.used).toEqual({ pods: '1', 'count/pods': '1', 'requests.cpu': '1' });
    await space.call('PATCH', 'pods/a/status', { status: { phase: 'Succeeded' } }, MERGE_PATCH);
    await space.settles({ pods: '0', 'count/pods': '1', 'requests.cpu': '0' });
    await space.passes('POST', 'pods', asking('b', { requests: { cpu: '1' } }));
    await space.call('PATCH', 'pods/b/status', { status: { phase: 'Failed' } }, MERGE_PATCH);
    await space.settles({ pods: '0', 'count/pods': '2' });
    const words = await waitFor('admission that has counted again', async () => {
      const said = await space.words('POST', 'pods', asking('c', { requests: { cpu: '1' } }));
      return said.includes('requests.cpu') ? undefined : said;
    });
    expect(words).toMatchSnapshot();
  });

  test('refuses what asks for too much, naming each resource', async () => {
    const space = await makeSpace('amounts', {
      hard: { cpu: '1', 'requests.memory': '1Gi', 'limits.cpu': '2', 'limits.memory': '2Gi', pods: '9' },
    });
    const half = { requests: { cpu: '600m', memory: '600Mi' }, limits: { cpu: '1', memory: '1Gi' } };
    expect(await space.words('POST', 'pods', asking('a', half))).toBe('201');
    expect((await space.quota()).status.used).toMatchSnapshot();
    expect(await space.words('POST', 'pods', asking('b', half))).toMatchSnapshot();
    const more = { requests: { cpu: '100m', memory: '100Mi' }, limits: { cpu: '3', memory: '1Gi' } };
    expect(await space.words('POST', 'pods', asking('c', more))).toMatchSnapshot();
  });

  test.each([
    ['nothing', podOf('x')],
    ['a limit only, which is the request, too', asking('x', { limits: { cpu: '1' } })],
    ['a request only', asking('x', { requests: { cpu: '1', memory: '1' } })],
    [
      'of two containers and an init container, each',
      podOf('x', {
        containers: [
          { name: 'b', image: 'i', resources: { requests: { cpu: '1' } } },
          { name: 'a', image: 'i', resources: { requests: { memory: '1' }, limits: { cpu: '1', memory: '1' } } },
        ],
        initContainers: [{ name: 'z', image: 'i' }],
      }),
    ],
  ])('wants it said where it limits: %s', async (_name, pod) => {
    const short = `say-${count++}`;
    const space = await makeSpace(short, { hard: { 'requests.cpu': '9', memory: '9Gi', 'limits.cpu': '9' } });
    expect(await space.words('POST', 'pods', pod)).toMatchSnapshot();
  });

  test('takes what a LimitRange gives', async () => {
    const space = await makeSpace('ranged', { hard: { 'requests.cpu': '1', 'limits.cpu': '2' } });
    expect(await space.words('POST', 'pods', podOf('bare'))).toMatchSnapshot();
    await space.call('POST', 'limitranges', {
      metadata: { name: 'range' },
      spec: { limits: [{ type: 'Container', default: { cpu: '800m' }, defaultRequest: { cpu: '400m' } }] },
    });
    await waitFor('the default', async () => (await space.words('POST', 'pods', podOf('first'))) === '201');
    expect((await space.quota()).status.used).toEqual({ 'requests.cpu': '400m', 'limits.cpu': '800m' });
    expect(await space.words('POST', 'pods', podOf('second'))).toBe('201');
    expect(await space.words('POST', 'pods', podOf('third'))).toMatchSnapshot();
  });

  test('counts init containers, sidecars and extended resources as the scheduler does', async () => {
    const hard = { 'requests.cpu': '9', 'requests.example.com/gpu': '2' };
    const space = await makeSpace('init', { hard });
    const of = (cpu: string): Json => ({ requests: { cpu } });
    await space.call(
      'POST',
      'pods',
      podOf('a', {
        containers: [{ name: 'c', image: 'i', resources: of('1') }],
        initContainers: [
          { name: 's', image: 'i', restartPolicy: 'Always', resources: of('500m') },
          { name: 'i', image: 'i', resources: of('2') },
        ],
      }),
    );
    expect((await space.quota()).status.used).toMatchSnapshot();
    const gpu = { requests: { cpu: '1', 'example.com/gpu': '3' }, limits: { 'example.com/gpu': '3' } };
    expect(await space.words('POST', 'pods', asking('b', gpu))).toMatchSnapshot();
  });

  test('that is lowered keeps what is there and lets nothing more in; raised, it does', async () => {
    const space = await makeSpace('lowered', { hard: { pods: '2' } });
    for (const name of ['a', 'b']) await space.call('POST', 'pods', podOf(name));
    await space.call('PATCH', 'resourcequotas/quota', { spec: { hard: { pods: '1' } } }, MERGE_PATCH);
    await waitFor('the lower limit', async () => (await space.quota()).status.hard.pods === '1');
    expect((await space.quota()).status).toMatchSnapshot();
    const words = await waitFor('admission that knows it', async () => {
      const said = await space.words('POST', 'pods', podOf('c'));
      return said.includes('limited: pods=1') ? said : undefined;
    });
    expect(words).toMatchSnapshot();
    await space.call('PATCH', 'resourcequotas/quota', { spec: { hard: { pods: '3', secrets: '1' } } }, MERGE_PATCH);
    await waitFor('the higher limit', async () => (await space.quota()).status.hard.secrets === '1');
    await space.passes('POST', 'pods', podOf('c'));
    await space.call('DELETE', 'resourcequotas/quota');
    await waitFor('no limit', async () => (await space.words('POST', 'pods?dryRun=All', podOf('d'))) === '201');
  });
});

describe('a quota of numbers [SPEC C110]', () => {
  const claim = (name: string, size: string, storageClassName = 'plain'): Json => ({
    metadata: { name },
    spec: { accessModes: ['ReadWriteOnce'], storageClassName, resources: { requests: { storage: size } } },
  });
  const service = (name: string, type: string, ports = [80]): Json => ({
    metadata: { name },
    spec: { type, ports: ports.map((port) => ({ name: `p${port}`, port })) },
  });

  test.each([
    ['secrets', { secrets: '1' }, 'secrets', { metadata: { name: 'a' } }, { metadata: { name: 'b' } }],
    ['count/secrets', { 'count/secrets': '1' }, 'secrets', { metadata: { name: 'a' } }, { metadata: { name: 'b' } }],
    [
      'count/deployments.apps',
      { 'count/deployments.apps': '1' },
      'deployments.apps',
      workloadOf('a', { replicas: 0 }),
      workloadOf('b', { replicas: 0 }),
    ],
    [
      'count/leases.coordination.k8s.io',
      { 'count/leases.coordination.k8s.io': '1' },
      'leases.coordination.k8s.io',
      { metadata: { name: 'a' }, spec: {} },
      { metadata: { name: 'b' }, spec: {} },
    ],
    ['services', { services: '1' }, 'services', service('a', 'ClusterIP'), service('b', 'ClusterIP')],
    [
      'services.nodeports',
      { 'services.nodeports': '2' },
      'services',
      service('a', 'NodePort', [80]),
      service('b', 'NodePort', [81, 82]),
    ],
    [
      'services.loadbalancers',
      { 'services.loadbalancers': '1', 'services.nodeports': '3' },
      'services',
      service('a', 'LoadBalancer'),
      service('b', 'LoadBalancer'),
    ],
    [
      'requests.storage',
      { 'requests.storage': '10Gi' },
      'persistentvolumeclaims',
      claim('a', '6Gi'),
      claim('b', '5Gi'),
    ],
    [
      'claims of a class',
      {
        'plain.storageclass.storage.k8s.io/persistentvolumeclaims': '1',
        'plain.storageclass.storage.k8s.io/requests.storage': '9Gi',
      },
      'persistentvolumeclaims',
      claim('a', '1Gi'),
      claim('b', '9Gi'),
    ],
  ])('limits %s', async (_name, hard, resource, first, second) => {
    const space = await makeSpace(`n-${count++}`, { hard });
    expect(await space.words('POST', resource, first)).toBe('201');
    expect((await space.quota()).status.used).toMatchSnapshot();
    expect(await space.words('POST', resource, second)).toMatchSnapshot();
    await space.call('DELETE', `${resource}/a`);
    await waitFor('room', async () => (await space.words('POST', `${resource}?dryRun=All`, first)) === '201');
  });

  test('says no to a change that takes more', async () => {
    const space = await makeSpace('change', { hard: { 'services.nodeports': '1', services: '5' } });
    await space.call('POST', 'services', service('a', 'NodePort'));
    await space.call('POST', 'services', service('b', 'ClusterIP'));
    expect(await space.words('PATCH', 'services/b', { spec: { type: 'NodePort' } }, MERGE_PATCH)).toMatchSnapshot();
    expect(await space.words('PATCH', 'services/a', { spec: { type: 'ClusterIP' } }, MERGE_PATCH)).toBe('200');
    await space.settles({ 'services.nodeports': '0' });
    await space.passes('PATCH', 'services/b', { spec: { type: 'NodePort' } }, MERGE_PATCH);
  });

  test('limits quotas, too', async () => {
    const space = await makeSpace('quotas', { hard: { resourcequotas: '1' } });
    await space.settles({ resourcequotas: '1' });
    expect(
      await space.words('POST', 'resourcequotas', { metadata: { name: 'more' }, spec: { hard: { pods: '1' } } }),
    ).toMatchSnapshot();
  });

  test('and another: both must allow it', async () => {
    const space = await makeSpace('two', { hard: { pods: '5' } });
    await makeQuota(space, 'other', { hard: { pods: '1' } });
    await space.call('POST', 'pods', podOf('a'));
    expect(await space.words('POST', 'pods', podOf('b'))).toMatchSnapshot();
    await space.settles({ pods: '1' });
    await space.settles({ pods: '1' }, 'other');
  });
});
