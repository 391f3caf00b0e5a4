/** Bases of every release and both generations of topics at once, under one controller: the cases, for any broker and any cluster. */
import { type Release, releases, type SimulatedBase } from '@kouplet/base';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../support/wait.ts';
import { conditionOf, reasonOf, urlOf, type World } from '../support/world.ts';

const kinds = [
  ...releases.map((release) => ({ name: `release ${release}`, release })),
  { name: 'the seed’s topics, without an env', release: '1.3.0', generation: 'seed' },
  { name: 'an identity with dots', release: '1.4.2', identity: '10.4.0.12' },
  { name: 'an env of its own in upper case, which it lowers', release: '1.4.2', isUpperCase: true },
] as const;

/** What a Node can tell of it by its heartbeat. */
const shownReleases: Readonly<Record<Release, string>> = {
  '1.3.0': 'up to 1.3.0',
  '1.3.1': '1.3.1 to 1.3.2',
  '2024-10': '1.3.1 to 1.3.2',
  '1.3.2': '1.3.1 to 1.3.2',
  '1.3.3': '1.3.3 or later',
  '1.4.2': '1.3.3 or later',
};

/**
 * Declares the cases, to be called where tests are.
 *
 * @param open  opens a world without bases, which the cases stop
 */
export function describeGenerations(open: () => Promise<World>): void {
  let world: World;
  const bases = new Map<string, SimulatedBase>();
  beforeAll(async () => {
    world = await open();
    for (const { name, ...facts } of kinds) {
      const { isUpperCase = false, ...own } = facts as typeof facts & { readonly isUpperCase?: boolean };
      bases.set(name, await world.addBase({ ...own, ...(isUpperCase ? { env: world.env.toUpperCase() } : {}) }));
    }
  });
  afterAll(() => world?.stop());

  describe.each(kinds.map(({ name, release }) => ({ name, release })))('a base of $name', ({ name, release }) => {
    const base = (): SimulatedBase => bases.get(name) as SimulatedBase;
    const pod = `p-${kinds.findIndex((kind) => kind.name === name)}`;

    test('is a Ready Node', async () => {
      const node = await world.nodeReady(base(), 20_000);
      expect(node.metadata.labels).toMatchObject({
        'base.koupleless.io/name': world.baseName,
        'base.koupleless.io/version': '1.1.1',
      });
      expect(node.metadata.annotations['kouplet.io/topics']).toBe(name.startsWith('the seed') ? 'seed' : undefined);
      expect(node.metadata.annotations['kouplet.io/arklet-release']).toBe(shownReleases[release]);
    });

    test('takes a module on line and off line by one command each', async () => {
      await world.nodeReady(base(), 20_000);
      await world.createPod(pod, { base: base(), bizes: [{ name: 'biz1' }] });
      const ready = await world.podReady(pod, 20_000);
      expect(ready.status.phase).toBe('Running');
      expect(base().installedKeys()).toEqual(['biz1:0.0.1']);
      await world.deletePod(pod);
      await world.podGone(pod, 20_000);
      expect(base().installedKeys()).toEqual([]);
      expect(world.commands(base())).toEqual(['installBiz biz1:0.0.1', 'uninstallBiz biz1:0.0.1']);
      expect(base().log.filter((one) => one.retained)).toEqual([]);
    });

    test('that cannot install one says why, as far as its release tells, and the Pod goes when it is deleted', async () => {
      await world.nodeReady(base(), 20_000);
      const failing = `${pod}-failing`;
      await world.createPod(failing, {
        base: base(),
        bizes: [{ name: 'biz2', url: urlOf('biz2', '0.0.1', '?kouplet-fail=404') }],
      });
      const why = await waitFor(
        'a reason stands in the Pod',
        async () => {
          const reason = reasonOf((await world.pod(failing)) ?? {}) ?? '';
          if (/^Install(Failed|BackOff): /.test(reason)) return reason;
          throw new Error(reason);
        },
        20_000,
      );
      if (release !== '1.3.0') expect(why).toContain('FileNotFoundException');
      expect(conditionOf(await world.pod(failing), 'Ready')?.status).toBe('False');
      await world.deletePod(failing);
      await world.podGone(failing, 20_000);
      expect(base().installedKeys()).toEqual([]);
    });
  });
}
