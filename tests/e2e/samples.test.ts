/**
 * Every sample, as samples/README.md runs it: each line with kubectl, its output held against what is written there. And by
 * direct calls of the API, with what becomes of the Pods, the Nodes, the bases and the commands.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rightsNeeded } from '@kouplet/controller';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import type { Json } from '../support/api.ts';
import { kubectlFor, noKubectl } from '../support/kubectl.ts';
import { follow, readTranscripts } from '../support/transcript.ts';
import { staysTrue, waitFor } from '../support/wait.ts';
import { conditionOf, eventsOf, reasonOf, startWorld, urlOf, type World, type WorldOptions } from '../support/world.ts';

const files = readdirSync('samples').filter((file) => file.endsWith('.yaml'));
const modules = files.filter((file) => file !== 'controller-rbac.yaml');
const readme = readFileSync('samples/README.md', 'utf8');
const transcripts = readTranscripts(readme);

/** Three bases as `npm start` has them; in an env and under a base name of their own where the cluster is shared. */
async function openWorld(policy: WorldOptions['policy'] = {}): Promise<World> {
  const identities = ['base-1', 'base-2', 'base-3'];
  const world = await startWorld({ bases: identities.map((identity) => ({ identity })), policy });
  onTestFinished(() => world.stop());
  return world;
}

/** A sample for the bases of this world; a beta's time to look is shorter here. */
const hereOf = (world: World, file: string): string =>
  readFileSync(join('samples', file), 'utf8')
    .replaceAll('values: [base]', `values: [${world.baseName}]`)
    .replaceAll('base.koupleless.io/name: base', `base.koupleless.io/name: ${world.baseName}`)
    .replaceAll('value: dev', `value: ${world.env}`)
    .replaceAll('env: dev', `env: ${world.env}`)
    .replaceAll('minReadySeconds: 20', 'minReadySeconds: 3');

const commandsOf = (world: World): string[] => world.bases.flatMap((base) => world.commands(base)).sort();
const listsOf = (world: World): string =>
  JSON.stringify(world.bases.map((base) => [...base.installedKeys()].sort()).sort());
const retainedOf = (world: World): unknown[] => world.bases.flatMap((base) => base.log.filter((one) => one.retained));
const podsOf = (world: World): Promise<Json[]> => world.api.items(`/api/v1/namespaces/${world.namespace}/pods`);

const install = (key: string): string => `installBiz ${key}`;
const uninstall = (key: string): string => `uninstallBiz ${key}`;

describe('samples/README.md', () => {
  test('has a section with commands for each sample of a module, and a line for every file', () => {
    expect([...transcripts.keys()].sort()).toEqual([...modules].sort());
    for (const file of files) expect(readme).toContain(`(${file})`);
  });
});

/** What reached the bases by the end of each section, in any order. */
const sectionCommands: Readonly<Record<string, readonly string[]>> = {
  'module-deployment.yaml': [
    ...Array(5).fill(install('biz1:0.0.1-SNAPSHOT')),
    ...Array(5).fill(uninstall('biz1:0.0.1-SNAPSHOT')),
  ],
  'module-pod.yaml': [install('biz1:0.0.1'), uninstall('biz1:0.0.1')],
  'two-modules-pod.yaml': [
    ...[install('biz1:0.0.1'), install('biz2:0.0.1')],
    ...[uninstall('biz1:0.0.1'), uninstall('biz2:0.0.1')],
  ],
  'two-versions.yaml': [
    ...[install('biz1:0.0.1'), install('biz1:0.0.2')],
    ...[uninstall('biz1:0.0.1'), uninstall('biz1:0.0.2')],
  ],
  'failing-module.yaml': [...Array(3).fill(install('biz2:0.0.1')), uninstall('biz2:0.0.1')],
  'current-labels-deployment.yaml': [install('biz3:0.0.1'), uninstall('biz3:0.0.1')],
  'beta-deployment.yaml': [
    ...Array(4).fill(install('biz4:0.0.1')),
    ...Array(4).fill(uninstall('biz4:0.0.1')),
    ...Array(2).fill(install('biz4:0.0.2')),
    ...Array(2).fill(uninstall('biz4:0.0.2')),
  ],
  'module-daemonset.yaml': [...Array(3).fill(install('biz1:0.0.1')), ...Array(3).fill(uninstall('biz1:0.0.1'))],
  'module-statefulset.yaml': [...Array(2).fill(install('biz1:0.0.1')), ...Array(2).fill(uninstall('biz1:0.0.1'))],
};

describe.skipIf(noKubectl)(
  'kubectl says what samples/README.md shows, and exactly those commands reach the bases',
  () => {
    test.concurrent.for(modules)('%s', { timeout: 300_000 }, async (file, context) => {
      const identities = ['base-1', 'base-2', 'base-3'];
      // What fails is not tried again while it is looked at, however slow kubectl is.
      const timings = { backoffFirstMs: 120_000 };
      const world = await startWorld({ bases: identities.map((identity) => ({ identity })), timings });
      const folder = mkdtempSync(join(tmpdir(), 'kouplet-samples-'));
      context.onTestFinished(async () => {
        rmSync(folder, { recursive: true, force: true });
        await world.stop();
      });
      mkdirSync(join(folder, 'samples'));
      writeFileSync(join(folder, 'samples', file), hereOf(world, file));
      await follow(transcripts.get(file) ?? [], {
        kubectl: kubectlFor(world.cluster.kubeconfig, world.namespace),
        toHere: (command) => command.replaceAll('samples/', `${folder}/samples/`),
        toThere: (output) => output.replaceAll(world.namespace, 'default').replaceAll(`.${world.env}`, '.dev'),
      });
      await waitFor('nothing is left on any base', () => listsOf(world) === '[[],[],[]]', 120_000);
      await waitFor('no Pod is left', async () => (await podsOf(world)).length === 0, 120_000);
      expect(commandsOf(world)).toEqual([...(sectionCommands[file] ?? [])].sort());
      expect(retainedOf(world)).toEqual([]);
    });
  },
);

/** What each sample brings on line, a list for each base, in any order of bases. */
const onLine: Readonly<Record<string, ReadonlyArray<readonly string[]>>> = {
  'module-deployment.yaml': [[], [], ['biz1:0.0.1-SNAPSHOT']],
  'module-pod.yaml': [[], [], ['biz1:0.0.1']],
  'two-modules-pod.yaml': [[], [], ['biz1:0.0.1', 'biz2:0.0.1']],
  'two-versions.yaml': [[], ['biz1:0.0.1'], ['biz1:0.0.2']],
  'current-labels-deployment.yaml': [[], [], ['biz3:0.0.1']],
  'beta-deployment.yaml': [[], ['biz4:0.0.1'], ['biz4:0.0.1']],
  'module-daemonset.yaml': [['biz1:0.0.1'], ['biz1:0.0.1'], ['biz1:0.0.1']],
  'module-statefulset.yaml': [[], ['biz1:0.0.1'], ['biz1:0.0.1']],
};

const objectsOf = (world: World, file: string): Json[] =>
  parseAllDocuments(hereOf(world, file)).map((document) => document.toJS());

const pathOf = (world: World, { apiVersion, kind }: Json): string =>
  `${apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`}/namespaces/${world.namespace}/${kind.toLowerCase()}s`;

async function post(world: World, file: string): Promise<Json[]> {
  const objects = objectsOf(world, file);
  for (const object of objects) await world.api.call('POST', pathOf(world, object), object);
  return objects;
}

async function allReady(world: World, count: number): Promise<Json[]> {
  return waitFor(`${count} Pods are Ready`, async () => {
    const pods = await podsOf(world);
    const ready = pods.filter((pod) => conditionOf(pod, 'Ready')?.status === 'True');
    if (pods.length === count && ready.length === count) return pods;
    throw new Error(
      pods.map((pod) => `${pod.metadata.name} ${pod.metadata.deletionTimestamp ?? ''} ${reasonOf(pod)}`).join('; '),
    );
  });
}

async function takeAway(world: World, objects: readonly Json[]): Promise<void> {
  for (const object of objects) await world.api.call('DELETE', `${pathOf(world, object)}/${object.metadata.name}`);
  await waitFor('no Pod is left', async () => (await podsOf(world)).length === 0);
  expect(listsOf(world)).toBe('[[],[],[]]');
}

describe('by direct calls of the API', () => {
  test.each(
    Object.entries(onLine),
  )('%s goes on line and off line: conditions, lists and commands', async (file, lists) => {
    const world = await openWorld();
    const objects = await post(world, file);
    const wanted = lists.map((list) => [...list].sort()).sort();
    const isOnePod = file === 'two-modules-pod.yaml';
    const pods = await allReady(world, isOnePod ? 1 : wanted.flat().length);
    for (const pod of pods) {
      expect(pod.status.phase).toBe('Running');
      for (const type of ['PodScheduled', 'Initialized', 'ContainersReady'])
        expect(conditionOf(pod, type).status).toBe('True');
      const home = world.bases.find((base) => world.nodeOf(base) === pod.spec.nodeName);
      expect(pod.status.podIP).toBe(home?.facts.ip);
      for (const { name, env } of pod.spec.containers)
        expect(home?.installedKeys()).toContain(`${name}:${env[0].value}`);
    }
    expect(listsOf(world)).toBe(JSON.stringify(wanted));
    for (const base of world.bases) expect(conditionOf(await world.node(base), 'Ready').status).toBe('True');
    await takeAway(world, objects);
    const keys = wanted.flat();
    expect(commandsOf(world)).toEqual([...keys.map(install), ...keys.map(uninstall)].sort());
    expect(retainedOf(world)).toEqual([]);
  });

  test('failing-module.yaml says why, goes on saying so, and heals by another image', async () => {
    const world = await openWorld();
    const objects = await post(world, 'failing-module.yaml');
    const why = 'java.io.FileNotFoundException: https://modules.example.com/biz2-0.0.1-ark-biz.jar?***';
    const pod = await waitFor('the Pod says why', async () => {
      const [only] = await podsOf(world);
      return reasonOf(only) === `InstallFailed: ${why}` ? only : undefined;
    });
    expect(pod.status.phase).toBe('Pending');
    expect(conditionOf(pod, 'Ready')).toMatchObject({ status: 'False' });
    expect(conditionOf(pod, 'ContainersReady')).toMatchObject({ status: 'False' });
    expect(listsOf(world)).toBe('[[],[],[]]');
    await waitFor('an Event says it too', async () =>
      (await eventsOf(world, pod.metadata.name)).some((event) =>
        event.startsWith(`Warning InstallFailed biz2:0.0.1: ${why}`),
      ),
    );
    await staysTrue('the reason stays', async () => reasonOf((await podsOf(world))[0])?.endsWith(why) === true, 700);

    const image = urlOf('biz2', '0.0.1');
    const [deployment] = objects;
    await world.api.call(
      'PATCH',
      `${pathOf(world, deployment)}/failing-module`,
      { spec: { template: { spec: { containers: [{ name: 'biz2', image }] } } } },
      'application/strategic-merge-patch+json',
    );
    const [healed] = await allReady(world, 1);
    expect(healed.status.containerStatuses[0]).toMatchObject({ imageID: image, restartCount: 0 });
    expect(listsOf(world)).toBe(JSON.stringify([[], [], ['biz2:0.0.1']]));
    await takeAway(world, objects);
    expect(commandsOf(world)).toEqual([install('biz2:0.0.1'), install('biz2:0.0.1'), uninstall('biz2:0.0.1')]);
  });

  test('where Nodes carry the environment’s taint only the sample with both tolerations is placed', async () => {
    const world = await openWorld({ hasEnvTaint: true });
    const all: Json[] = (await world.node())?.spec.taints;
    const ours = all.filter(({ key }) => key.startsWith('schedule.koupleless.io/'));
    const taints = ours.map((taint: Json) => `${taint.key}=${taint.value}:${taint.effect}`);
    expect(taints.sort()).toEqual([
      `schedule.koupleless.io/node-env=${world.env}:NoExecute`,
      'schedule.koupleless.io/virtual-node=True:NoExecute',
    ]);
    const current = await post(world, 'current-labels-deployment.yaml');
    await allReady(world, 1);
    expect(listsOf(world)).toBe(JSON.stringify([[], [], ['biz3:0.0.1']]));
    await takeAway(world, current);
    const seed = await post(world, 'module-deployment.yaml');
    const message = await waitFor('the scheduler says why not', async () => {
      const [only] = await podsOf(world);
      return conditionOf(only, 'PodScheduled')?.message;
    });
    expect(message).toContain('untolerated taint');
    await takeAway(world, seed);
    expect(commandsOf(world)).toEqual([install('biz3:0.0.1'), uninstall('biz3:0.0.1')]);
  });
});

describe('controller-rbac.yaml', () => {
  test('grants exactly what the controller asks for, in its namespace where that is enough', () => {
    const documents: Json[] = parseAllDocuments(readFileSync('samples/controller-rbac.yaml', 'utf8')).map((one) =>
      one.toJS(),
    );
    const granted = documents
      .filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role')
      .flatMap(({ rules, metadata }) =>
        rules.flatMap(({ apiGroups, resources, verbs }: Json) =>
          resources.flatMap((resource: string) =>
            verbs.map((verb: string) => `${verb} ${resource} of "${apiGroups}" in ${metadata.namespace ?? 'all'}`),
          ),
        ),
      );
    const needed = rightsNeeded('kouplet').flatMap(({ verbs, group, resource, subresource, namespace }) =>
      verbs.map(
        (verb) =>
          `${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`} of "${group}" in ${namespace ?? 'all'}`,
      ),
    );
    expect(granted.sort()).toEqual(needed.sort());
    for (const { kind, roleRef, subjects } of documents.filter(({ kind }) => kind?.endsWith('Binding'))) {
      expect(roleRef).toMatchObject({ kind: kind.replace('Binding', ''), name: 'kouplet' });
      expect(subjects).toEqual([{ kind: 'ServiceAccount', name: 'kouplet', namespace: 'kouplet' }]);
    }
  });
});

describe('what the samples have in common', () => {
  test.each(modules)('%s names no namespace, marks its Pods as modules and gives each container a version', (file) => {
    for (const document of parseAllDocuments(readFileSync(join('samples', file), 'utf8'))) {
      const object: Json = document.toJS();
      expect(object.metadata.namespace).toBeUndefined();
      const { metadata, spec } = object.kind === 'Pod' ? object : object.spec.template;
      expect(Object.entries(metadata.labels)).toContainEqual([expect.stringMatching(/\/component$/), 'module']);
      for (const container of spec.containers) {
        expect(container.env[0]).toMatchObject({ name: 'BIZ_VERSION', value: expect.stringMatching(/^\d/) });
      }
    }
  });

  test('module-deployment.yaml is the seed’s manifest but for its selector, its namespace and an empty node list', () => {
    const seed: Json = parse(readFileSync('tests/fixtures/seed-module-deployment.yaml', 'utf8'));
    const ours: Json = parse(readFileSync('samples/module-deployment.yaml', 'utf8'));
    expect(ours.spec.template.spec.containers).toMatchObject(
      seed.spec.template.spec.containers.map(({ name, image, env }: Json) => ({ name, image, env })),
    );
    expect(ours.spec.template.spec.tolerations).toEqual(seed.spec.template.spec.tolerations);
    expect(ours.spec.strategy).toEqual(seed.spec.strategy);
  });
});
