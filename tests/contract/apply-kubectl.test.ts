/** kubectl's ways to server-side apply, and the way there from client-side apply and back. Needs kubectl on PATH. [SPEC C105] */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noKubectl } from '../support/kubectl.ts';
import { openOwnersSetting } from './owners.ts';
import { MERGE_PATCH } from './setting.ts';

const on = openOwnersSetting('ssa-kubectl');
const folder = mkdtempSync(join(tmpdir(), 'kouplet-apply-'));
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const web = (replicas: number | undefined, image: string, more = ''): string => `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
${more}spec:
${replicas === undefined ? '' : `  replicas: ${replicas}\n`}  paused: true
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      nodeSelector: {suite: nowhere}
      containers:
      - name: c
        image: ${image}
        env: [{name: A, value: one}]
`;
const MAP = (data: string, more = ''): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings${more}}\ndata: {${data}}\n`;

async function said(line: string, input?: string): Promise<unknown> {
  const { code, stdout, stderr } = await on.kubectl.try(line, input);
  const calm = (text: string): string[] =>
    on
      // the folder first: its random end may look like a hash
      .plain(text.replaceAll(folder, 'FOLDER'))
      .replace(/resourceVersion: "\d+"/g, 'resourceVersion: REVISION')
      .replace(/^W\d{4} .*?\] /gm, 'W ')
      .replace(/(LIVE|MERGED)-[-A-Z0-9]+/g, '$1-N')
      .replace(/\t\d{4}-\d\d-\d\d [\d:. +-]+/g, ' DATE')
      .split('\n')
      .filter((one) => one !== '' && !one.startsWith('WARNING: version difference') && !/^[-+]?\s+time: /.test(one));
  return { code, out: calm(stdout), err: calm(stderr) };
}

beforeAll(() => {
  file('web.yaml', web(1, 'nginx:1'));
  file('web-2.yaml', web(2, 'nginx:2'));
  file('web-unsized.yaml', web(undefined, 'nginx:2'));
  file('map.yaml', MAP('a: "1", b: "2"'));
  file('map-2.yaml', MAP('a: "1", c: "3"', ', labels: {x: y}'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(noKubectl)('kubectl apply --server-side [SPEC C105]', () => {
  test.each([
    ['makes', `apply --server-side -f ${folder}/web.yaml`],
    ['and again', `apply --server-side -f ${folder}/web.yaml`],
    ['of another manager in conflict', `apply --server-side --field-manager=other -f ${folder}/web-2.yaml`],
    ['by force', `apply --server-side --field-manager=other --force-conflicts -f ${folder}/web-2.yaml`],
    ['back in conflict', `apply --server-side -f ${folder}/web.yaml`],
    ['dry', `apply --server-side --dry-run=server --force-conflicts -f ${folder}/web.yaml`],
    ['after the scale that another has set', `scale deployment/web --replicas=3`],
    ['in conflict with it', `apply --server-side --field-manager=other -f ${folder}/web-2.yaml`],
    [
      'without conflict where it is left out',
      `apply --server-side --field-manager=other -f ${folder}/web-unsized.yaml`,
    ],
    ['and the number stays', 'get deployment/web -o jsonpath={.spec.replicas}'],
    ['a diff', `diff --server-side --force-conflicts -f ${folder}/web-2.yaml`],
    ['a diff in conflict', `diff --server-side -f ${folder}/web.yaml`],
    ['edited by set', 'set image deployment/web c=nginx:3'],
    ['and labelled', 'label deployment/web by=hand'],
    ['an unknown field', 'apply --server-side -f -'],
  ])('%s', async (name, line) => {
    const input = name === 'an unknown field' ? MAP('a: "1"').replace('data', 'date') : undefined;
    expect({
      said: await said(line, input),
      owners: (await on.owners('deployments.apps/web')) ?? {},
    }).toMatchSnapshot();
  });
});

describe.skipIf(noKubectl)('from client-side apply and back [SPEC C105]', () => {
  test.each([
    ['client-side', `apply -f ${folder}/map.yaml`],
    ['what was applied last', 'apply view-last-applied configmap/settings'],
    ['server-side, which takes over', `apply --server-side -f ${folder}/map-2.yaml`],
    ['what was applied last, then', 'apply view-last-applied configmap/settings'],
    ['client-side again', `apply -f ${folder}/map.yaml`],
    ['server-side again', `apply --server-side -f ${folder}/map-2.yaml`],
    ['shown with its owners', 'get configmap/settings -o yaml --show-managed-fields'],
    ['shown without', 'get configmap/settings -o yaml'],
  ])('%s', async (_name, line) => {
    expect({ said: await said(line), owners: await on.owners('configmaps/settings') }).toMatchSnapshot();
  });

  test('what somebody else has changed since stays a conflict', async () => {
    await on.kubectl.try(`apply -f ${file('theirs.yaml', MAP('a: "1", b: "2"').replace('settings', 'theirs'))}`);
    await on.call('PATCH', 'configmaps/theirs?fieldManager=somebody', { data: { b: 'theirs' } }, MERGE_PATCH);
    const path = file('mine.yaml', MAP('a: "1", b: "mine"').replace('settings', 'theirs'));
    expect([await said(`apply --server-side -f ${path}`), await on.owners('configmaps/theirs')]).toMatchSnapshot();
  });
});
