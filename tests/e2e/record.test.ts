/** A session with `--record`, replayed: the same commands as the base got, in the same order, and nothing that must not show. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { type ProcessWorld, startProcessWorld } from '../support/process-world.ts';
import { type Ended, endProcesses, startKouplet } from '../support/processes.ts';
import { waitFor } from '../support/wait.ts';
import { reasonOf, urlOf } from '../support/world.ts';

const root = mkdtempSync(join(tmpdir(), 'kouplet-record-'));
let made: ProcessWorld | undefined;
afterEach(async () => {
  await made?.stop();
  made = undefined;
  await endProcesses();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const replay = (path: string, ...args: string[]): Promise<Ended> => startKouplet(['replay', path, ...args]).ended;

/** `installBiz biz1:0.0.1` of every operation that was done, in order. */
const commandsIn = (stdout: string): string[] =>
  [...stdout.matchAll(/ (?:does|did) +b\d+ +((?:un)?installBiz \S+)/g)].map(([, command = '']) => command);

/** A module that comes and goes, one that fails at first, one whose base restarts. */
async function session({ world, addBase }: ProcessWorld): Promise<string[]> {
  const base = await addBase();
  await world.nodeReady();
  await world.createPod('p1', { bizes: [{ name: 'biz1', url: urlOf('biz1', '0.0.1', '?token=S3cr3tX9Q7') }] });
  await world.createPod('p2', { bizes: [{ name: 'biz2', url: urlOf('biz2', '0.0.1', '?kouplet-fail=404') }] });
  await world.podReady('p1');
  await waitFor('the failure is shown', async () =>
    reasonOf((await world.pod('p2')) ?? {})?.startsWith('InstallFailed'),
  );
  base.faults.restart(100);
  await waitFor('it is empty', () => base.installedKeys().length === 0);
  await waitFor('it is installed again', () => base.installedKeys().length > 0, 20_000);
  await world.podReady('p1', 20_000);
  for (const name of ['p2', 'p1']) {
    await world.deletePod(name);
    await world.podGone(name);
  }
  return world.commands();
}

test('what was recorded, replayed, is what the base was sent, all of it planned again, without a secret [SPEC M47] [SPEC M46] [SPEC E32] [SPEC O13]', async () => {
  const path = join(root, 'whole');
  made = await startProcessWorld({ args: ['--record', path] });
  const commands = await session(made);
  await made.world.stopController();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readFileSync(path, 'utf8')).not.toContain('S3cr3tX9Q7');
  const { code, stdout, stderr } = await replay(path);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(commands.length).toBeGreaterThanOrEqual(4);
  expect(commandsIn(stdout)).toEqual(commands);
  expect(stdout).not.toMatch(/^\S+ +(did|crash|gap) /m);
  expect(stdout).toMatch(/waits .*InstallFailed|waits .*InstallBackOff/);

  const scenario = await replay(path, '--scenario');
  expect(scenario.code).toBe(0);
  expect(scenario.stderr).toMatch(/comes of it again, in order|came of it/);
  expect(scenario.stdout).toMatch(/^# From a journal of Kouplet [\s\S]*\nscript b1 install biz2:0\.0\.1 fail "/);
  expect(scenario.stdout).toMatch(
    /\npod p1 base=b1 biz=biz1:0\.0\.1 uid=\S+ url=\S+\n[\s\S]*\nrestart-base b1\n[\s\S]*\ndelete-pod p1\n[\s\S]*\n----\n> log\n/,
  );
  expect(scenario.stdout).not.toContain('S3cr3tX9Q7');
});

test('a controller that was killed leaves a journal that replays; its next run keeps it as the earlier part [SPEC E32] [SPEC O13]', async () => {
  const path = join(root, 'killed');
  made = await startProcessWorld({ args: ['--record', path] });
  const { world } = made;
  await made.addBase();
  await world.nodeReady();
  await world.createPod('p1');
  await world.podReady('p1');
  await waitFor('it stands in the journal', () => readFileSync(path, 'utf8').includes('"kind":"installBiz"'));
  await made.process().kill();
  const killed = await replay(path);
  expect(killed).toMatchObject({ code: 0 });
  expect(commandsIn(killed.stdout)).toEqual(['installBiz biz1:0.0.1']);
  await world.startController();
  expect(existsSync(`${path}.1`)).toBe(true);
  await waitFor('it is taken over', async () => (await replay(path)).stdout.includes('the first lists are in'));
  await world.podReady('p1');
  const taken = await replay(path);
  expect(taken.stdout).not.toMatch(/in 2 parts|^\S+ +(did|crash) /m);
  expect(commandsIn(taken.stdout)).toEqual([]);
});

test('a journal that went round its limit replays from where it begins now [SPEC E32] [SPEC M47]', async () => {
  const path = join(root, 'round');
  made = await startProcessWorld({ args: ['--record', path, '--record-limit', '64Ki'] });
  const { world } = made;
  await session(made);
  await waitFor('a part was left behind', () => existsSync(`${path}.1`));
  await world.stopController();
  const sizes = [`${path}.1`, path].map((file) => statSync(file).size);
  expect(sizes.reduce((sum, one) => sum + one)).toBeLessThanOrEqual(64 * 1024);
  const { code, stdout, stderr } = await replay(path);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/in 2 parts/);
  expect(stdout).not.toMatch(/^\S+ +(did|crash|gap) /m);
});
