/** A thousand Pods on a hundred bases: all on line, all off line again, and exactly as many commands as that takes. */
import { afterEach, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { staysTrue, waitFor } from '../support/wait.ts';
import { conditionOf, moduleLabel, moduleToleration, startWorld, urlOf, type World } from '../support/world.ts';

let world: World;
afterEach(async () => {
  await world?.stop();
});

const bases = 100;
const each = 10;

test('1,000 Pods of ten Deployments on 100 bases are all Running, and all gone, with one install and one uninstall each', async () => {
  world = await startWorld({ bases });
  const { api, namespace } = world;
  const deployments = `/apis/apps/v1/namespaces/${namespace}/deployments`;
  const names = Array.from({ length: each }, (_, index) => `biz${index + 1}`);
  // One of each on every base, as required anti-affinity by host has it.
  for (const name of names) await api.call('POST', deployments, deploymentOf(name, world.baseName));
  const pods = () => api.items(`/api/v1/namespaces/${namespace}/pods`);
  await waitFor(
    'all are Ready',
    async () => {
      const seen = await pods();
      const ready = seen.filter((pod) => conditionOf(pod, 'Ready')?.status === 'True');
      if (ready.length === bases * each) return true;
      throw new Error(`${ready.length} of ${seen.length} are Ready`);
    },
    300_000,
  );
  expect(new Set((await pods()).map((pod) => pod.status.phase))).toEqual(new Set(['Running']));
  const keys = names.map((name) => `${name}:0.0.1`).toSorted();
  for (const base of world.bases) expect(base.installedKeys()).toEqual(keys);
  const commands = () => world.bases.flatMap((base) => world.commands(base));
  expect(commands().filter((one) => one.startsWith('installBiz'))).toHaveLength(bases * each);
  expect(commands()).toHaveLength(bases * each);

  for (const name of names) await api.call('DELETE', `${deployments}/${name}`, { propagationPolicy: 'Background' });
  await waitFor('all are gone', async () => (await pods()).length === 0, 300_000);
  for (const base of world.bases) {
    expect(base.installedKeys()).toEqual([]);
    expect(world.commands(base).toSorted()).toEqual(
      [...keys.map((key) => `installBiz ${key}`), ...keys.map((key) => `uninstallBiz ${key}`)].toSorted(),
    );
  }
  await waitFor('no record is left', async () => {
    const records = await api.items(`/api/v1/namespaces/${namespace}/configmaps`);
    return records.every((one) => !one.metadata.name.startsWith('kouplet-record'));
  });
  await staysTrue('nothing more is sent', () => commands().length === 2 * bases * each, 2_000);
  const nodes = await Promise.all(world.bases.map((base) => world.node(base)));
  expect(nodes.every((node) => conditionOf(node, 'Ready')?.status === 'True')).toBe(true);
  expect(world.bases.flatMap((base) => base.log).filter((one) => one.retained)).toEqual([]);
});

function deploymentOf(name: string, baseName: string): Json {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas: bases,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { ...moduleLabel, app: name } },
        spec: {
          containers: [{ name, image: urlOf(name, '0.0.1'), env: [{ name: 'BIZ_VERSION', value: '0.0.1' }] }],
          tolerations: [moduleToleration],
          nodeSelector: { 'base.koupleless.io/name': baseName },
          affinity: {
            podAntiAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: [
                { labelSelector: { matchLabels: { app: name } }, topologyKey: 'kubernetes.io/hostname' },
              ],
            },
          },
        },
      },
    },
  };
}
