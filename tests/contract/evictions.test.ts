/** Evictions, and the budgets that they ask. [SPEC C95] */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';
import { openSetting, podOf, workloadOf } from './setting.ts';

const on = openSetting('evictions');
const here = { nodeSelector: { suite: on.namespace }, terminationGracePeriodSeconds: 1 };
const evict = (name: string, more: Json = {}): Promise<Json> =>
  on.say('POST', `pods/${name}/eviction`, { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name }, ...more });
const budget = (name: string): Promise<Json> => on.get(`poddisruptionbudgets.policy/${name}`);

beforeAll(async () => {
  await on.makeNode('a');
  await on.startKubelet();
  await on.call('POST', 'deployments.apps', workloadOf('web', { replicas: 2 }, here));
  await waitFor('its Pods', async () => (await on.get('deployments.apps/web')).status.readyReplicas === 2, 15_000);
});
const aPod = async (): Promise<string> => {
  const pods = await on.cluster.api.items(`${on.at('pods')}?labelSelector=app%3Dweb`);
  return pods.find((pod) => pod.metadata.deletionTimestamp === undefined)?.metadata.name;
};

describe('an eviction [SPEC C95]', () => {
  test('without a budget is a deletion that says why', async () => {
    const name = await aPod();
    const watch = await on.cluster.api.watch(`${on.at('pods')}?fieldSelector=metadata.name%3D${name}`);
    expect(await evict(name)).toMatchSnapshot();
    await waitFor('its end', () => watch.events.some((event) => event.type === 'DELETED'));
    watch.stop();
    const marked = watch.events.find((event) => event.object.metadata.deletionTimestamp !== undefined);
    expect(
      on.plain(marked?.object.status.conditions.find((one: Json) => one.type === 'DisruptionTarget')),
    ).toMatchSnapshot();
    await waitFor('another', async () => (await on.get('deployments.apps/web')).status.readyReplicas === 2, 15_000);
  });

  test('a budget counts what may go', async () => {
    await on.call('POST', 'poddisruptionbudgets.policy', {
      metadata: { name: 'web' },
      spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } } },
    });
    const seen = await waitFor(
      'its status',
      async () => {
        const { status } = await budget('web');
        return status.disruptionsAllowed === 1 ? status : undefined;
      },
      15_000,
    );
    expect(on.plain(seen)).toMatchSnapshot();
  });

  test('as a dry run spends nothing', async () => {
    expect(await evict(await aPod(), { deleteOptions: { dryRun: ['All'] } })).toMatchSnapshot();
    expect((await budget('web')).status.disruptionsAllowed).toBe(1);
  });

  test('spends the budget, and the next is refused', async () => {
    const labels = { app: 'pair' };
    for (const name of ['pair-1', 'pair-2']) await on.call('POST', 'pods', podOf(name, here, { labels }));
    const spec = { minAvailable: 1, selector: { matchLabels: labels } };
    await on.call('POST', 'poddisruptionbudgets.policy', { metadata: { name: 'pair' }, spec });
    await waitFor('one to spare', async () => (await budget('pair')).status.disruptionsAllowed === 1, 15_000);
    const watch = await on.cluster.api.watch(on.at('poddisruptionbudgets.policy'));
    const [one, two] = [await evict('pair-1'), await evict('pair-2')];
    expect([one.code, two.code]).toEqual([201, 429]);
    const { causes, ...details } = two.body.details;
    expect({ ...two.body, details }).toMatchSnapshot();
    expect(causes[0].reason).toBe('DisruptionBudget');
    await waitFor('the note', () =>
      watch.events.some((event) => event.object.status?.disruptedPods?.['pair-1'] !== undefined),
    );
    watch.stop();
    await waitFor('the note gone with the Pod', async () => {
      const { status } = await budget('pair');
      return status.disruptedPods === undefined && status.currentHealthy === 1;
    });
  });

  test('that no budget allows is refused in words', async () => {
    await on.call(
      'PATCH',
      'poddisruptionbudgets.policy/web',
      { spec: { minAvailable: 2 } },
      'application/merge-patch+json',
    );
    await waitFor('none allowed', async () => {
      const { metadata, status } = await budget('web');
      return status.disruptionsAllowed === 0 && status.observedGeneration === metadata.generation;
    });
    expect(await evict(await aPod())).toMatchSnapshot();
  });

  test('with two budgets is an error', async () => {
    await on.call('POST', 'poddisruptionbudgets.policy', {
      metadata: { name: 'second' },
      spec: { maxUnavailable: 1, selector: { matchLabels: { app: 'web' } } },
    });
    expect(await evict(await aPod())).toMatchSnapshot();
    await on.call('DELETE', 'poddisruptionbudgets.policy/second');
  });

  test.each([
    ['of a Pod that is not there', 'nope', {}],
    ['of another name', 'free', { metadata: { name: 'other' } }],
    [
      'of another incarnation',
      'free',
      { deleteOptions: { preconditions: { uid: '00000000-0000-0000-0000-000000000000' } } },
    ],
    ['of a Pod on no Node', 'free', {}],
  ])('%s', async (_name, pod, more) => {
    if (pod === 'free') await on.raw('POST', 'pods', podOf('free', { nodeSelector: { suite: 'nowhere' } }));
    expect(await evict(pod, more)).toMatchSnapshot();
  });

  test.each([
    ['both ends of the range', { minAvailable: 1, maxUnavailable: 1 }],
    ['a share that is none', { minAvailable: '110%' }],
    ['a negative number', { maxUnavailable: -1 }],
    ['a policy that is none', { minAvailable: 1, unhealthyPodEvictionPolicy: 'Sometimes' }],
  ])('a budget is refused with %s', async (_name, spec) => {
    expect(
      await on.say('POST', 'poddisruptionbudgets.policy', {
        metadata: { name: 'bad' },
        spec: { selector: {}, ...spec },
      }),
    ).toMatchSnapshot();
  });
});
