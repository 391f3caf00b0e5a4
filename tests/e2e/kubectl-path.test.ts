/** The path of the issue with a person's own tool: what kubectl shows, and exactly the commands that reach the base. */
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Kubectl, kubectlFor, noKubectl } from '../support/kubectl.ts';
import { expectNoneRetained, settles, sightOf } from '../support/sight.ts';
import { staysTrue, waitFor } from '../support/wait.ts';
import { startWorld, urlOf, type World } from '../support/world.ts';

const deployment = 'deployment/test-module-deployment';
const install = 'installBiz biz1:0.0.1-SNAPSHOT';
const uninstall = 'uninstallBiz biz1:0.0.1-SNAPSHOT';
const onLine = 'Running, Ready=True, biz1 running';
const serves = { node: 'Ready=True', pods: [onLine], list: ['biz1:0.0.1-SNAPSHOT ACTIVATED'] };
const idle = { node: 'Ready=True', pods: [], list: [] };

describe.skipIf(noKubectl)('kubectl', () => {
  let world: World;
  let kubectl: Kubectl;
  beforeEach(async () => {
    world = await startWorld({ bases: 2 });
    kubectl = kubectlFor(world.cluster.kubeconfig, world.namespace);
  });
  afterEach(async () => {
    await world?.stop();
    expectNoneRetained(world);
  });

  /** The sample, bound to the bases of this world. */
  const sample = (): string =>
    readFileSync('samples/module-deployment.yaml', 'utf8').replace('values: [base]', `values: [${world.baseName}]`);
  const apply = async (): Promise<void> => {
    expect(await kubectl('apply -f -', sample())).toBe(`deployment.apps/test-module-deployment created\n`);
    await kubectl(`rollout status ${deployment} --timeout=20s`);
  };
  const commands = (): string[] => world.bases.flatMap((base) => world.commands(base)).sort();
  const installed = (): number => world.bases.filter((base) => base.installedKeys().length > 0).length;
  /** Whichever bases the scheduler took: so many serve, by one Ready Pod each, the others have nothing, all Nodes are Ready, and it stays so. */
  const serving = async (count: number, sent: readonly string[]): Promise<void> => {
    const expected = world.bases.map((_base, index) => (index < count ? serves : idle));
    let seen: unknown;
    const isSo = async (): Promise<boolean> => {
      const sights = await Promise.all(world.bases.map((base) => sightOf(world, base)));
      const inOrder = sights.map(({ node, pods, list }) => ({ node, pods: Object.values(pods), list }));
      seen = inOrder.sort((a, b) => b.list.length - a.list.length);
      return isDeepStrictEqual(seen, expected);
    };
    await waitFor('so many serve', isSo, 5_000).catch(() => expect(seen).toEqual(expected));
    await staysTrue('so many serve', isSo, 300);
    expect(commands()).toEqual(sent);
  };

  test('applies the sample, and shows where the module runs and what was done', async () => {
    await apply();
    const pods = await kubectl('get pods -o wide');
    expect(pods).toMatch(/test-module-deployment-\S+ +1\/1 +Running +0 .* vnode\.b[12]\./);
    const nodes = await kubectl('get nodes');
    for (const base of world.bases) expect(nodes).toMatch(new RegExp(`${world.nodeOf(base)} +Ready`));
    const described = await kubectl('describe pod');
    for (const reason of ['Scheduled', 'Installing', 'Installed']) expect(described).toContain(reason);
    const node = await kubectl(`describe node ${world.nodeOf(world.base())}`);
    expect(node).toMatch(/Taints: +schedule\.koupleless\.io\/virtual-node=True:NoExecute/);
    expect(node).toMatch(/Ready +True/);
    await serving(1, [install]);
  });

  test('scales up and down: one command for each base concerned', async () => {
    await apply();
    await kubectl(`scale ${deployment} --replicas=2`);
    await kubectl(`rollout status ${deployment} --timeout=20s`);
    await serving(2, [install, install]);
    await kubectl(`scale ${deployment} --replicas=1`);
    await serving(1, [install, install, uninstall]);
  });

  test('changes the image and takes it back: out and in each time, on the base that is free or by superseding', async () => {
    await apply();
    await kubectl(`set image ${deployment} biz1=${urlOf('biz1', 'other')}`);
    await kubectl(`rollout status ${deployment} --timeout=20s`);
    await waitFor('the old one is off line', () => installed() === 1);
    const urls = (): string[] => world.bases.flatMap((base) => base.list().map((biz) => biz.url));
    expect(urls()).toEqual([urlOf('biz1', 'other')]);
    expect(await kubectl(`rollout history ${deployment}`)).toMatch(/^1 .*\n2 /m);
    await kubectl(`rollout undo ${deployment}`);
    await kubectl(`rollout status ${deployment} --timeout=20s`);
    await waitFor('the first image is back', () => urls().length === 1 && urls()[0]?.includes('biz1-web-single-host'));
    await serving(1, [install, install, install, uninstall, uninstall]);
  });

  test('pauses a rollout and resumes it', async () => {
    await apply();
    await kubectl(`rollout pause ${deployment}`);
    await kubectl(`set image ${deployment} biz1=${urlOf('biz1', 'other')}`);
    await staysTrue('no command goes out while paused', () => commands().length === 1, 700);
    await kubectl(`rollout resume ${deployment}`);
    await kubectl(`rollout status ${deployment} --timeout=20s`);
    await waitFor(
      'the new image is on line alone',
      () => world.bases.flatMap((base) => base.list().map((biz) => biz.url)).join() === urlOf('biz1', 'other'),
    );
    await serving(1, [install, install, uninstall]);
  });

  test('restarts a rollout although every base has the module already: the newer supersedes', async () => {
    await apply();
    await kubectl(`scale ${deployment} --replicas=2`);
    await kubectl(`rollout status ${deployment} --timeout=20s`);
    await waitFor('both bases have it', () => installed() === 2);
    await kubectl(`rollout restart ${deployment}`);
    await kubectl(`rollout status ${deployment} --timeout=30s`);
    await serving(2, [install, install, install, install, uninstall, uninstall]);
  });

  test('deletes the Deployment: the module is gone from the base within 3 s, then the Pod, all within 5 s', async () => {
    await apply();
    const startedAt = performance.now();
    await kubectl(`delete ${deployment} --timeout=20s`);
    await waitFor('no base has it', () => installed() === 0, 3_000);
    await waitFor('no Pod is left', async () => (await kubectl('get pods -o name')) === '', 3_000);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    await serving(0, [install, uninstall]);
  });

  test('refuses the seed’s own manifest in the words of every Kubernetes', async () => {
    const manifest = readFileSync('tests/fixtures/seed-module-deployment.yaml', 'utf8').replace(
      'namespace: default',
      `namespace: ${world.namespace}`,
    );
    const answer = await kubectl.try('apply -f -', manifest);
    expect(answer.code).toBe(1);
    expect(answer.stderr).toContain(
      'The Deployment "test-module-deployment" is invalid: spec.template.metadata.labels: Invalid value: ' +
        '{"app":"test-module-deployment-non-peer","module-controller.koupleless.io/component":"module"}: ' +
        '`selector` does not match template `labels`',
    );
  });
});

describe('direct calls of the API', () => {
  let world: World;
  afterEach(async () => {
    await world?.stop();
    expectNoneRetained(world);
  });

  test('do the same as kubectl: POST a Deployment, PATCH its scale, DELETE it', async () => {
    world = await startWorld();
    const { parse } = await import('yaml');
    const body = parse(
      readFileSync('samples/module-deployment.yaml', 'utf8').replace('values: [base]', `values: [${world.baseName}]`),
    );
    const path = `/apis/apps/v1/namespaces/${world.namespace}/deployments`;
    await world.api.call('POST', path, body);
    await waitFor(
      'one replica is available',
      async () => (await world.api.find(`${path}/${body.metadata.name}`)).status?.availableReplicas === 1,
    );
    const [pod] = await world.api.items(`/api/v1/namespaces/${world.namespace}/pods`);
    const { node, list } = serves;
    await settles(world, { node, pods: { [pod.metadata.name]: onLine }, list, commands: [install] }, 2_000);
    await world.api.call(
      'PATCH',
      `${path}/${body.metadata.name}/scale`,
      { spec: { replicas: 0 } },
      'application/merge-patch+json',
    );
    await waitFor('nothing is installed', () => world.base().installedKeys().length === 0);
    await world.api.call('DELETE', `${path}/${body.metadata.name}`);
    await waitFor('the ReplicaSet went with it', async () => {
      const sets = await world.api.items(`/apis/apps/v1/namespaces/${world.namespace}/replicasets`);
      return sets.every(({ metadata }) => metadata.ownerReferences?.[0]?.name !== body.metadata.name);
    });
    await settles(world, { node: 'Ready=True', pods: {}, list: [], commands: [install, uninstall] }, 2_000);
  });
});
