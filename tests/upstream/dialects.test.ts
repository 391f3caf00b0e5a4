/** Manifests of every generation of ModuleController, unchanged but for the base's name and the env: the table in docs/upstream.md. */
import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Json } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';
import { conditionOf, startWorld, type World } from '../support/world.ts';

const folder = new URL('dialects/', import.meta.url);
const files = readdirSync(folder).toSorted();
const bizOf = (file: string): string => `biz-${file[0]}`;

let world: World;
afterEach(() => world?.stop());

async function apply(file: string, labels: Record<string, string> = {}): Promise<void> {
  const text = readFileSync(new URL(file, folder), 'utf8').replaceAll('BASE', world.baseName);
  const manifest: Json = parse(text.replaceAll('ENV', world.env));
  manifest.metadata.labels = { ...manifest.metadata.labels, ...labels };
  await world.api.call('POST', `/apis/apps/v1/namespaces/${world.namespace}/deployments`, manifest);
}

async function podOf(file: string): Promise<Json | undefined> {
  const selector = encodeURIComponent(`app=dialect-${file[0]}`);
  return (await world.api.items(`/api/v1/namespaces/${world.namespace}/pods?labelSelector=${selector}`))[0];
}

async function onLine(file: string): Promise<void> {
  await waitFor(
    `${file} is on line`,
    async () => {
      const pod = await podOf(file);
      if (conditionOf(pod, 'Ready')?.status === 'True') return true;
      throw new Error(JSON.stringify(pod?.status ?? 'no Pod'));
    },
    20_000,
  );
}

describe('a manifest of each generation', () => {
  test('runs on a Node without the taint of an env', async () => {
    world = await startWorld({ bases: 1 });
    for (const file of files) await apply(file);
    for (const file of files) await onLine(file);
    expect(world.base().installedKeys().toSorted()).toEqual(files.map((file) => `${bizOf(file)}:0.0.1`));
    expect(world.commands().toSorted()).toEqual(files.map((file) => `installBiz ${bizOf(file)}:0.0.1`));
  });

  test('runs on a Node with the taint of its env, as upstream has them, but for the first, which tolerated none', async () => {
    world = await startWorld({ bases: 1, policy: { hasEnvTaint: true } });
    for (const file of files) await apply(file);
    const [first = '', ...later] = files;
    for (const file of later) await onLine(file);
    const scheduled = await waitFor('the scheduler has looked at it', async () =>
      conditionOf(await podOf(first), 'PodScheduled'),
    );
    expect(scheduled).toMatchObject({ status: 'False', reason: 'Unschedulable' });
    expect(scheduled.message).toContain('untolerated taint');
    expect(world.commands().toSorted()).toEqual(later.map((file) => `installBiz ${bizOf(file)}:0.0.1`));
  });
});

describe('a Deployment with strategy: peer', () => {
  const watched = () => ({
    'virtual-kubelet.koupleless.io/component': 'module-deployment',
    'virtual-kubelet.koupleless.io/env': world.env,
  });
  /** Its own manifests say these of what each generation knew. */
  const peers: ReadonlyArray<readonly [file: string, labels: () => Record<string, string>]> = [
    ['b-vnode-labels.yaml', () => ({ ...watched(), 'module-controller.koupleless.io/strategy': 'peer' })],
    ['c-base-labels.yaml', () => ({ ...watched(), 'virtual-kubelet.koupleless.io/strategy': 'peer' })],
    [
      'd-current.yaml',
      () => ({
        ...watched(),
        'virtual-kubelet.koupleless.io/strategy': 'peer',
        'virtual-kubelet.koupleless.io/replicas-control': 'false',
      }),
    ],
  ];
  const replicasOf = async (file: string): Promise<number> =>
    (await world.api.call('GET', `/apis/apps/v1/namespaces/${world.namespace}/deployments/dialect-${file[0]}`)).spec
      .replicas;

  test('of each generation that knew it has as many replicas as there are bases; without the label of its env it keeps its number', async () => {
    world = await startWorld({ bases: 2, hasPeers: true, policy: { hasEnvTaint: true } });
    // As upstream, which watches Deployments by that label, too.
    await apply('a-seed.yaml', {
      'virtual-kubelet.koupleless.io/component': 'module-deployment',
      'module-controller.koupleless.io/strategy': 'peer',
    });
    for (const [file, labels] of peers) await apply(file, labels());
    for (const [file] of peers) {
      await waitFor(
        `${file} has two replicas`,
        async () => {
          const replicas = await replicasOf(file);
          if (replicas === 2) return true;
          throw new Error(`it has ${replicas}`);
        },
        20_000,
      );
      await onLine(file);
    }
    expect(await replicasOf('a-seed.yaml')).toBe(1);
  });
});
