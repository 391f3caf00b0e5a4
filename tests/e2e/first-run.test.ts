/** What a person does first: `npm start`, then line by line what the README shows. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { openApi } from '../support/api.ts';
import { kubectlFor, noKubectl } from '../support/kubectl.ts';
import { endProcesses, type Running, startKouplet } from '../support/processes.ts';
import { evened, follow, readTranscripts } from '../support/transcript.ts';
import { waitFor } from '../support/wait.ts';
import { urlOf } from '../support/world.ts';

const root = mkdtempSync(join(tmpdir(), 'kouplet-first-run-'));
afterEach(endProcesses);
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** `npm start`, with its files elsewhere. */
function start(dir: string): Running {
  const script: string = JSON.parse(readFileSync('package.json', 'utf8')).scripts.start;
  const [node, main, ...args] = script.split(' ');
  expect([node, main]).toEqual(['node', 'packages/kouplet/src/main.ts']);
  return startKouplet([...args, '--dir', dir]);
}

const says = (running: Running, pattern: RegExp, withinMs = 20_000): Promise<unknown> =>
  waitFor(
    String(pattern),
    () => {
      if (pattern.test(running.stdout())) return true;
      throw new Error(`${running.stdout()}${running.stderr()}`);
    },
    withinMs,
  );

/** Ctrl-C, and everything has ended within five seconds, with 0 and without a complaint. */
async function interrupt(running: Running): Promise<void> {
  const begunAt = performance.now();
  running.child.kill('SIGINT');
  const { code, stderr } = await running.ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(performance.now() - begunAt).toBeLessThan(5_000);
}

/** The n-th `text` block of a README. */
const shown = (file: string, index: number): string =>
  [...readFileSync(file, 'utf8').matchAll(/^```text\n([\s\S]*?)^```/gm)][index]?.[1] ?? '';

/** Ports, times of day and this test's folder evened out. */
const told = (output: string, dir: string): string[] =>
  evened(output.replaceAll(dir, '.kouplet'))
    .filter((line) => line !== '^C')
    .map((line) => line.replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:#').replace(/^\d\d:\d\d:\d\d/, 'TIME'));

test.skipIf(noKubectl)(
  'npm start says what the README shows, and each kubectl line that it prints does what is shown',
  async () => {
    const dir = join(root, 'shown');
    const running = start(dir);
    await says(running, / on line /);
    const atFirst = running.stdout();
    expect(told(atFirst, dir)).toEqual(told(shown('README.md', 0), dir));

    const steps = readTranscripts(readFileSync('README.md', 'utf8')).get('Try it') ?? [];
    const printed = atFirst.split('\n').filter((line) => line.startsWith('  kubectl '));
    expect(steps.map(({ command }) => command)).toEqual(printed.map((line) => line.trim().replaceAll(dir, '.kouplet')));
    const kubectl = kubectlFor(join(dir, 'kubeconfig'), 'default');
    const [looks, changes] = [steps.slice(0, 5), steps.slice(5)];
    await follow(looks, { kubectl });
    await says(running, /(on line [\s\S]*){2}/);
    await follow(changes, { kubectl });
    await says(running, /(off line [\s\S]*){2}/);
    await interrupt(running);
    expect(told(running.stdout().slice(atFirst.length), dir)).toEqual(told(shown('README.md', 1), dir));
  },
);

test('the Chinese README shows the same commands and outputs', () => {
  const blocks = (file: string): string[] =>
    [...readFileSync(file, 'utf8').matchAll(/^```(?:sh|text|console)\n[\s\S]*?^```/gm)].map(([block]) => block);
  expect(blocks('README.zh-CN.md')).toEqual(blocks('README.md'));
});

test('a line tells of a module that fails, a base that goes and returns, and a module that heals', async () => {
  const dir = join(root, 'told');
  const running = start(dir);
  await says(running, / on line +biz1:0\.0\.1-SNAPSHOT on vnode\.base-\d\.dev/);
  const api = openApi(join(dir, 'kubeconfig'));
  const pods = '/api/v1/namespaces/default/pods';
  const pod = (name: string, query: string): unknown => ({
    metadata: { name, labels: { 'virtual-kubelet.koupleless.io/component': 'module' } },
    spec: {
      containers: [{ name, image: urlOf(name, '0.0.1', query), env: [{ name: 'BIZ_VERSION', value: '0.0.1' }] }],
      nodeSelector: { 'base.koupleless.io/name': 'base' },
      tolerations: [{ key: 'schedule.koupleless.io/virtual-node', operator: 'Exists' }],
    },
  });
  try {
    await api.call('POST', pods, pod('biz2', '?kouplet-fail=404'));
    await says(
      running,
      /FAILED +biz2:0\.0\.1 on vnode\.base-\d\.dev \(pod default\/biz2\): InstallFailed: java\.io\.FileNotFoundException: https/,
    );
    await api.call(
      'PATCH',
      `${pods}/biz2`,
      { spec: { containers: [{ name: 'biz2', image: urlOf('biz2', '0.0.1') }] } },
      'application/strategic-merge-patch+json',
    );
    await says(running, /on line +biz2:0\.0\.1 on vnode/);
    await api.call('POST', pods, pod('biz3', '?kouplet-crash=4s'));
    await says(running, /NOT READY vnode\.base-\d\.dev: BaseDisconnected: /);
    await says(running, /on line +biz3:0\.0\.1 on vnode/);
    expect(running.stdout()).toMatch(/NOT READY (vnode\.base-\d\.dev): [\s\S]+ ready +\1\n/);
    await api.call('DELETE', `${pods}/biz2`);
    await says(running, /off line +biz2:0\.0\.1 on vnode/);
    expect(running.stdout().match(/FAILED/g)).toHaveLength(1);
  } finally {
    await api.close();
  }
  await interrupt(running);
});
