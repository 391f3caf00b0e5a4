/** Budgets that watch over workloads, and the evictions that ask them. [SPEC C95] */
import { describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';
import { eventsOf, here, on, patch, remove, statusWhen } from './lifecycle-rollouts.ts';
import { podOf, workloadOf } from './setting.ts';

describe('a budget [SPEC C95]', () => {
  const status = (name: string, holds: (now: Json) => boolean): Promise<Json> =>
    statusWhen(`poddisruptionbudgets.policy/${name}`, 'counted', holds);
  const budget = (name: string, spec: Json): Promise<Json> =>
    on.call('POST', 'poddisruptionbudgets.policy', {
      metadata: { name },
      spec: { selector: { matchLabels: { app: name } }, ...spec },
    });
  const evict = (name: string): Promise<Json> =>
    on.say('POST', `pods/${name}/eviction`, { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name } });

  test.each([
    ['half', { maxUnavailable: '50%' }],
    ['most', { minAvailable: '60%' }],
    ['none', { maxUnavailable: 0 }],
  ])('in shares of what the workload should have: %s', async (name, spec) => {
    await on.call('POST', 'deployments.apps', workloadOf(name, { replicas: 3 }, here));
    await budget(name, spec);
    const seen = await status(name, (now) => now.currentHealthy === 3 && now.expectedPods === 3);
    expect(on.plain(seen)).toMatchSnapshot();
    await remove(`deployments.apps/${name}`);
  });

  test('of Pods that nobody owns says what it cannot know', async () => {
    // never Ready, so that it does not matter when the budget looks
    const broken = { ...here, containers: [{ name: 'c', image: 'broken:1' }] };
    await on.call('POST', 'pods', podOf('bare', broken, { labels: { app: 'bare' } }));
    await budget('bare', { maxUnavailable: 1 });
    const seen = await status('bare', (now) => (now.conditions ?? []).length > 0);
    expect(on.plain(seen)).toMatchSnapshot();
    expect(
      (await eventsOf('PodDisruptionBudget', 'bare', 1)).filter((one) => !one.includes('NoPods')),
    ).toMatchSnapshot();
  });

  test.each([
    ['ifhealthy', undefined],
    ['always', 'AlwaysAllow'],
  ])('judges Pods that are not ready by its policy: %s', async (name, unhealthyPodEvictionPolicy) => {
    const labels = { app: name };
    const broken = { ...here, containers: [{ name: 'c', image: 'broken:1' }] };
    await on.call('POST', 'pods', podOf(`${name}-sick`, broken, { labels }));
    await on.call('POST', 'pods', podOf(`${name}-well`, here, { labels }));
    await budget(name, { minAvailable: 2, unhealthyPodEvictionPolicy });
    await status(name, (now) => now.currentHealthy === 1 && now.expectedPods === 2);
    // A Pending Pod may always go: it must run to be judged.
    await patch(`pods/${name}-sick/status`, { status: { phase: 'Running' } });
    await waitFor('it runs', async () => (await on.get(`pods/${name}-sick`)).status.phase === 'Running');
    expect(await evict(`${name}-well`)).toMatchSnapshot();
    expect(await evict(`${name}-sick`)).toMatchSnapshot();
  });
});
