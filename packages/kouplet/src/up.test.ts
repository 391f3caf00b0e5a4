import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, expect, test } from 'vitest';
import { endCommands, runCommand, startCommand } from './testing/command.ts';

const sample = fileURLToPath(new URL('../../../samples/module-deployment.yaml', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'kouplet-up-'));
afterEach(endCommands);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('up with the sample: what runs, what to try, the module on line and off line, and Ctrl-C [SPEC O9]', async () => {
  const command = startCommand(['up', '--dir', dir, '--bases', '2', '--apply', sample]);
  const [, api] = await command.says(/Kubernetes API +(\S+)/);
  await command.says(/MQTT broker +mqtt:/);
  await command.says(/bases +base-1, base-2/);
  await command.says(/applied +deployment\.apps\/test-module-deployment created/);
  await command.says(/Ctrl-C ends it/);
  const kubeconfig = join(dir, 'kubeconfig');
  expect(command.stdout()).toContain(`kubectl --kubeconfig ${kubeconfig} get nodes`);
  expect(statSync(kubeconfig).mode & 0o777).toBe(0o600);
  expect(readFileSync(kubeconfig, 'utf8')).toContain(api);
  await command.says(/on line +biz1:0\.0\.1-SNAPSHOT on vnode\.base-\d\.dev \(pod default\/test-module-deployment-/);
  const deployment = `${api}/apis/apps/v1/namespaces/default/deployments/test-module-deployment`;
  expect((await fetch(deployment, { method: 'DELETE' })).ok).toBe(true);
  await command.says(/off line +biz1:0\.0\.1-SNAPSHOT/);
  const begunAt = performance.now();
  command.process.kill('SIGINT');
  expect(await command.ended).toMatchObject({ code: 0, stderr: '' });
  expect(performance.now() - begunAt).toBeLessThan(5_000);
  expect(command.stdout()).toMatch(/ended\n$/);
});

test('Ctrl-C while it starts ends it too [SPEC O9]', async () => {
  const command = startCommand(['up', '--dir', join(dir, 'first'), '--bases', '5']);
  await command.says(/Kubernetes API/);
  command.process.kill('SIGINT');
  expect((await command.ended).code).toBe(0);
});

test('a folder is of one process: a second is told so and changes nothing there, also after a kill [SPEC O14]', async () => {
  const shared = join(dir, 'shared');
  const files = ['kubeconfig', 'controller.log'].map((name) => join(shared, name));
  const texts = (): string[] => files.map((path) => readFileSync(path, 'utf8'));
  const first = startCommand(['up', '--dir', shared, '--bases', '0']);
  await first.says(/Ctrl-C ends it/, 60_000);
  const [kubeconfig, log = ''] = texts();
  const second = await runCommand(['up', '--dir', shared, '--bases', '0']);
  expect(second).toEqual({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(
      new RegExp(
        `^kouplet: another kouplet up \\(process ${first.process.pid}\\) has the folder \\S*shared\\. End that one first, .*--dir\\.\n$`,
      ),
    ),
  });
  expect(texts()[0]).toBe(kubeconfig);
  expect(texts()[1]?.startsWith(log)).toBe(true);
  first.process.kill('SIGKILL');
  await first.ended;
  // What the killed one left names a process that lives: this one, which has not that folder.
  const left = new DatabaseSync(join(shared, 'up.lock'));
  left.exec(`PRAGMA user_version = ${process.pid}`);
  left.close();
  const third = startCommand(['up', '--dir', shared, '--bases', '0']);
  await third.says(/Ctrl-C ends it/, 60_000);
  third.process.kill('SIGINT');
  expect(await third.ended).toMatchObject({ code: 0, stderr: '' });
}, 120_000);

test('with --keep what was applied is there the next time, and comes on line again [SPEC C150]', async () => {
  const kept = join(dir, 'kept');
  const first = startCommand(['up', '--keep', '--dir', kept, '--bases', '1', '--apply', sample]);
  await first.says(/Kubernetes API .*\(embedded, state in .*kept\)/, 60_000);
  await first.says(/on line +biz1:0\.0\.1-SNAPSHOT/, 60_000);
  first.process.kill('SIGINT');
  expect((await first.ended).code).toBe(0);
  const second = startCommand(['up', '--keep', '--dir', kept, '--bases', '1']);
  await second.says(/on line +biz1:0\.0\.1-SNAPSHOT .*\(pod default\/test-module-deployment-/, 60_000);
  second.process.kill('SIGINT');
  expect((await second.ended).code).toBe(0);
}, 120_000);
