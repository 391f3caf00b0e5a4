/** Variables and arguments of a container, handed over to the base with the install where the Pod's annotation says so. */
import { afterEach, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';
import { eventsOf, moduleLabel, moduleToleration, reasonOf, startWorld, urlOf, type World } from '../support/world.ts';

let world: World;
afterEach(async () => world?.stop());

async function createPod(name: string, handOver: string | undefined, container: Json = {}): Promise<void> {
  await world.api.call('POST', `/api/v1/namespaces/${world.namespace}/pods`, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      labels: moduleLabel,
      ...(handOver === undefined ? {} : { annotations: { 'kouplet.io/hand-over': handOver } }),
    },
    spec: {
      nodeName: world.nodeOf(world.base()),
      tolerations: [moduleToleration],
      containers: [
        {
          name: `biz-${name}`,
          image: urlOf('biz', '1'),
          args: ['--server.port=0'],
          ...container,
          env: [
            { name: 'BIZ_VERSION', value: '1' },
            { name: 'GREETING', value: 'grüß dich' },
            ...(container.env ?? []),
          ],
        },
      ],
    },
  });
}

test('env and args go with the install where the Pod says so; else they stay here, and that is told once [SPEC M43] [SPEC S21]', async () => {
  world = await startWorld();
  await createPod('chosen', 'env,args');
  await world.podReady('chosen');
  await createPod('plain', undefined);
  await world.podReady('plain');
  const installs = world.base().log.filter(({ command }) => command === 'installBiz');
  expect(installs.map(({ key, args, envs }) => ({ key, args, envs }))).toEqual([
    { key: 'biz-chosen:1', args: ['--server.port=0'], envs: { GREETING: 'grüß dich' } },
    { key: 'biz-plain:1', args: undefined, envs: undefined },
  ]);
  const told = await waitFor('it is told', async () =>
    (await eventsOf(world, 'plain')).filter((event) => event.includes('IgnoredFields')),
  );
  expect(told).toEqual([
    'Normal IgnoredFields a module has no use for these fields: biz-plain: args, env; annotation kouplet.io/hand-over ("env,args") has env and args handed over to the base',
  ]);
  expect((await eventsOf(world, 'chosen')).filter((event) => event.includes('IgnoredFields'))).toEqual([]);
});

test('a variable that is taken from elsewhere is refused in words, and nothing is installed [SPEC M43]', async () => {
  world = await startWorld();
  await createPod('from', 'env', {
    env: [{ name: 'SECRET', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
  });
  const why = await waitFor('it is told why', async () => reasonOf((await world.pod('from')) ?? {}));
  expect(why).toBe(
    'InvalidModule: container biz-from: env SECRET: only a literal value can be handed over to the base (annotation kouplet.io/hand-over), not valueFrom',
  );
  expect(world.commands()).toEqual([]);
});
