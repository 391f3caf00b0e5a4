/** A token in a module's URL, a password that is handed over: looked for in everything that Kouplet writes or says, a whole life long. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { type Json, openApi, type TestApi } from '../support/api.ts';
import { type ProcessWorld, startProcessWorld } from '../support/process-world.ts';
import { endProcesses, startKouplet } from '../support/processes.ts';
import { waitFor } from '../support/wait.ts';
import { moduleLabel, moduleToleration, reasonOf, urlOf } from '../support/world.ts';

const secret = 'S3cr3tX9Q7';
const root = mkdtempSync(join(tmpdir(), 'kouplet-secrets-'));
let made: ProcessWorld | undefined;
afterEach(async () => {
  await made?.stop();
  made = undefined;
  await endProcesses();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const goodUrl = urlOf('biz1', '0.0.1', `?Expires=1&token=${secret}`).replace('://', `://reader:${secret}@`);
const badUrl = urlOf('biz2', '0.0.1', `?kouplet-fail=404&${secret}=1&sig=${secret}`);

const podOf = (name: string, biz: string, image: string, spec: Json): Json => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: moduleLabel, annotations: { 'kouplet.io/hand-over': 'env,args' } },
  spec: {
    ...spec,
    tolerations: [moduleToleration],
    containers: [
      {
        name: biz,
        image,
        args: [`--db.password=${secret}`],
        env: [
          { name: 'BIZ_VERSION', value: '0.0.1' },
          { name: 'DB_PASSWORD', value: secret },
        ],
      },
    ],
  },
});

/** All that the API server holds of us but the specs of Pods, which are their users'. */
async function written(api: TestApi): Promise<string> {
  const collections = ['/api/v1/configmaps', '/api/v1/events', '/api/v1/nodes', '/apis/coordination.k8s.io/v1/leases'];
  const all = await Promise.all(collections.map((path) => api.items(path)));
  const pods = await api.items('/api/v1/pods');
  return JSON.stringify([all, pods.map(({ status }) => status)]);
}

/** The line in which it stands, so that a failing test says where. */
const leaks = (text: string): string[] => text.split(/\n|(?<=\})/).filter((line) => line.includes(secret));

test('a secret in a URL or handed over shows in no object, Event, log, metric or answer of the controller [SPEC M44] [SPEC E16]', async () => {
  made = await startProcessWorld();
  const { world, process } = made;
  const { api, namespace } = world;
  const base = await made.addBase();
  await world.nodeReady();
  const { http } = process();
  const spoken: string[] = [];
  const look = async (): Promise<void> => {
    const asked = [`/debug/plan?base=${base.identity}`, `/debug/why?node=${world.nodeOf(base)}`, '/metrics'];
    for (const pod of ['good', 'bad']) asked.push(`/debug/why?pod=${namespace}/${pod}`);
    for (const path of asked) spoken.push(await (await fetch(`${http}${path}`)).text());
    spoken.push(await written(api));
  };
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  const place = { nodeName: world.nodeOf(base) };
  await api.call('POST', pods, podOf('good', 'biz1', goodUrl, place));
  await api.call('POST', pods, podOf('bad', 'biz2', badUrl, place));
  await world.podReady('good');
  const shown = await waitFor('the failure is shown', async () => {
    const reason = reasonOf((await world.pod('bad')) ?? {});
    return reason?.startsWith('InstallFailed') ? reason : undefined;
  });
  expect(shown).toContain('https://modules.example.com/biz2-0.0.1-ark-biz.jar?***');
  const installs = base.log.filter(({ command }) => command === 'installBiz');
  expect(installs.map(({ url }) => url).sort()).toEqual([goodUrl, badUrl].sort());
  expect(installs[0]).toMatchObject({ args: [`--db.password=${secret}`], envs: { DB_PASSWORD: secret } });
  await look();
  const { stdout } = await startKouplet(['why', 'pod/bad', '-n', namespace, '--http', http]).ended;
  expect(stdout).toContain('?***');
  spoken.push(stdout);

  const said = [process()];
  await world.stopController();
  await world.startController();
  said.push(process());
  await waitFor(
    'it is listed again',
    async () => base.log.filter(({ command }) => command === 'queryAllBiz').length > 1,
  );
  await world.podReady('good');
  const again = (await fetch(`${process().http}/debug/plan?base=${base.identity}`)).text();
  spoken.push(await again, await written(api));
  expect(world.commands().filter((command) => command.includes('biz1'))).toEqual(['installBiz biz1:0.0.1']);
  for (const name of ['bad', 'good']) {
    await world.deletePod(name);
    await world.podGone(name);
  }
  spoken.push(await written(api));
  await world.stopController();
  for (const one of said) spoken.push(one.stdout(), one.stderr());
  expect(spoken.flatMap(leaks)).toEqual([]);
  expect(said.map((one) => one.stdout()).join('')).toContain('module-failed');
});

test('kouplet up says nothing of it either, nor does its log [SPEC E16] [SPEC O9]', async () => {
  const file = join(root, 'pods.json');
  const spec = { nodeSelector: { 'base.koupleless.io/name': 'base' } };
  writeFileSync(file, JSON.stringify(podOf('good', 'biz1', goodUrl, spec)));
  const running = startKouplet(['up', '--bases', '1', '--dir', root, '--apply', file]);
  await waitFor('it is on line', () => running.stdout().includes(' on line '), 30_000);
  const api = openApi(join(root, 'kubeconfig'));
  try {
    await api.call('POST', '/api/v1/namespaces/default/pods', podOf('bad', 'biz2', badUrl, spec));
    await waitFor('it fails', () => running.stdout().includes(' FAILED '), 20_000);
    await api.call('DELETE', '/api/v1/namespaces/default/pods/good');
    await waitFor('it is off line', () => running.stdout().includes(' off line '), 20_000);
    expect(leaks(await written(api))).toEqual([]);
  } finally {
    await api.close();
  }
  running.child.kill('SIGINT');
  const { code, stdout, stderr } = await running.ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/FAILED .*biz2-0\.0\.1-ark-biz\.jar\?\*\*\*/);
  expect([stdout, readFileSync(join(root, 'controller.log'), 'utf8')].flatMap(leaks)).toEqual([]);
});
