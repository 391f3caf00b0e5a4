/** What a person types, and what is printed: the same words on both. Needs kubectl on PATH. [SPEC C95] */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noContractKubectl } from '../support/kubectl.ts';
import { waitFor } from '../support/wait.ts';
import { openSetting } from './setting.ts';

const on = openSetting('kubectl');
const folder = mkdtempSync(join(tmpdir(), 'kouplet-contract-'));
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const WEB = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 1
      nodeSelector: {suite: ${on.namespace}}
      containers:
      - name: c
        image: nginx:1
        env: [{name: A, value: one}]
`;
const MAP = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, labels: {app: web}}\ndata: {a: "1"}\n';

/** Put into every namespace of a cluster that has certificates. */
const ROOT_CA = 'configmap/kube-root-ca.crt';

/** Exit code and both streams, in words that do not change: spans of time and runs of blanks are left out. */
async function said(line: string | readonly string[], input?: string): Promise<unknown> {
  const { code, stdout, stderr } = await on.kubectl.try(line, input);
  const calm = (text: string): string[] =>
    on
      // the folder first: its random end may look like a hash
      .plain(text.replaceAll(folder, 'FOLDER'))
      .replace(/\[\d{3,}:\d{3,}\]/g, '')
      .replace(/\b\d+[smhd](\d+[smh])?\b/g, 'AGE')
      .replace(/\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}/g, 'DATE')
      .replace(/[ \t]+/g, ' ')
      .split('\n')
      .filter((text) => text !== '' && !text.startsWith('WARNING: version difference') && text !== ROOT_CA);
  return { code, out: calm(stdout), err: calm(stderr) };
}

beforeAll(async () => {
  await on.makeNode('a');
  await on.makeNode('b');
  await on.startKubelet();
  file('web.yaml', WEB);
  file('map.yaml', MAP);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** One after another: each stands on what the ones before it did. `FOLDER` and `NODE` stand for this run's own. */
type Step = readonly [line: string | readonly string[], input?: string];
function steps(list: readonly Step[]): void {
  test.each(
    list.map(([line, input]) => [typeof line === 'string' ? line : line.join(' '), line, input] as const),
  )('kubectl %s', async (_name, line, input) => {
    const fill = (text: string): string =>
      text.replaceAll('FOLDER', folder).replaceAll('NODE', on.node('b')).replaceAll('SUITE', on.namespace);
    expect(await said(typeof line === 'string' ? fill(line) : line.map(fill), input)).toMatchSnapshot();
  });
}

describe.skipIf(noContractKubectl)('apply, diff and dry runs [SPEC C95]', () => {
  steps([
    ['apply -f FOLDER/web.yaml --dry-run=server'],
    ['apply -f FOLDER/web.yaml --dry-run=client'],
    ['diff -f FOLDER/map.yaml -o name'],
    ['apply -f FOLDER/web.yaml -f FOLDER/map.yaml'],
    ['wait deployment/web --for=condition=Available --timeout=30s'],
    ['apply -f FOLDER/web.yaml -f FOLDER/map.yaml'],
    ['apply -f -', MAP.replace('"1"', '"2"')],
    ['apply -f - --dry-run=server', MAP.replace('"1"', '"3"')],
    ['get configmap settings -o jsonpath={.data.a}'],
    ['apply -f -', WEB.replace('replicas:', 'replicass:')],
    ['apply -f -', WEB.replace('app: web}}\n  template', 'app: wob}}\n  template')],
    ['apply -f -', MAP.replace('ConfigMap', 'ConfigMop')],
    ['apply -f -', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: no-such-place}\n'],
    ['apply view-last-applied configmap/settings'],
    ['create -f FOLDER/map.yaml'],
    ['replace -f FOLDER/map.yaml'],
  ]);
});

describe.skipIf(noContractKubectl)('get and describe [SPEC C95]', () => {
  test('rows of the Deployment and its Pods', async () => {
    await waitFor('both', async () => (await on.get('deployments.apps/web')).status.readyReplicas === 2, 15_000);
    const shown = (await said('get deployment,replicaset,pod -l app=web -o wide')) as { out: string[] };
    const hidden = shown.out.map((line) =>
      line.replace(/\b[ab]\.SUITE/g, 'NODE').replace(/pod-template-hash=\S+/, 'pod-template-hash=HASH'),
    );
    expect(hidden.map((line) => line.replace(/-[a-z0-9]{6,10}(?=[ -])/, '-HASH'))).toMatchSnapshot();
  });
  steps([
    ['get pods nope'],
    ['get foos'],
    ['get deployment web -o name'],
    ['get deployment web -o custom-columns=N:.metadata.name,I:.spec.template.spec.containers[0].image'],
    ['get configmap settings --show-labels'],
    ['get pods -l app=none'],
    ['get pods --field-selector nope=1'],
    ['get nodes -l suite=SUITE'],
    ['describe configmap settings'],
    ['describe deployment web'],
    ['get deployment web nope'],
    ['api-resources --api-group=policy'],
    ['explain deployment.spec.replicas --recursive=maybe'],
    ['auth can-i create pods'],
  ]);
  test('describe pod: head and Events', async () => {
    const [pod] = await on.cluster.api.items(`${on.at('pods')}?labelSelector=app%3Dweb`);
    const shown = (await said(`describe pod ${pod.metadata.name}`)) as { out: string[] };
    const lines = shown.out.map((line) =>
      line
        .replace(/\b[ab]\.SUITE/g, 'NODE')
        .replace(/pod-template-hash=\S+/, 'pod-template-hash=HASH')
        .replace(/web-[a-z0-9-]+/g, 'web-X'),
    );
    expect(lines).toMatchSnapshot();
  });
  // A real one writes an annotation of its own (node.alpha.kubernetes.io/ttl).
  test('describe node: its Pods, its Lease', async () => {
    const shown = (await said(`describe node ${on.node('b')}`)) as { out: string[] };
    const at = shown.out.findIndex((line) => line.startsWith('Non-terminated'));
    expect(shown.out.slice(0, at).filter((line) => !/AGE|TIME|DATE|Renew|Annotations/.test(line))).toMatchSnapshot();
  });
});

describe.skipIf(noContractKubectl)('changes [SPEC C95]', () => {
  steps([
    ['label deployment web tier=front'],
    ['label deployment web tier=back'],
    ['label deployment web tier=back --overwrite'],
    ['label deployment web tier-'],
    ['annotate configmap settings note=hello'],
    ['annotate configmap settings note-'],
    [['patch', 'configmap', 'settings', '--type=merge', '-p', '{"data":{"b":"2"}}']],
    [['patch', 'configmap', 'settings', '--type=json', '-p', '[{"op":"remove","path":"/data/nope"}]']],
    [['patch', 'deployment', 'web', '-p', '{"spec":{"replicas":"x"}}']],
    ['scale deployment web --replicas=3'],
    ['scale deployment web --replicas=2 --current-replicas=9'],
    ['scale deployment nope --replicas=2'],
    ['set image deployment/web c=nginx:2'],
    ['set env deployment/web B=two'],
    ['set resources deployment web --limits=cpu=100m'],
    ['set image deployment/web nope=nginx:2'],
    ['rollout pause deployment/web'],
    ['rollout pause deployment/web'],
    ['rollout restart deployment/web'],
    ['rollout resume deployment/web'],
    ['rollout restart deployment/web'],
    ['wait deployment/web --for=jsonpath={.status.unavailableReplicas}=7 --timeout=100ms'],
    ['rollout undo deployment/web --to-revision=99'],
    ['rollout undo deployment/web --to-revision=1'],
    ['rollout history deployment/web --revision=99'],
    ['expose deployment web --port=80 --cluster-ip=None'],
  ]);
  test('kubectl rollout status ends with the rollout', async () => {
    const { code, out } = (await said('rollout status deployment/web --timeout=30s')) as {
      code: number;
      out: string[];
    };
    expect([code, out.at(-1)]).toEqual([0, 'deployment "web" successfully rolled out']);
  });
});

describe.skipIf(noContractKubectl)('create and delete [SPEC C95]', () => {
  steps([
    ['create namespace SUITE-n'],
    ['create namespace SUITE-n'],
    ['delete namespace SUITE-n --timeout=20s'],
    ['create configmap m --from-literal=a=b'],
    ['create secret generic s --from-literal=a=b'],
    ['create serviceaccount sa'],
    ['create deployment d --image=nginx:1 --replicas=0'],
    ['create quota q --hard=pods=100'],
    ['create poddisruptionbudget b --selector=app=d --min-available=1'],
    ['create priorityclass SUITE-p --value=5'],
    ['get configmap,secret,serviceaccount,pdb,deployment -o name'],
    ['delete priorityclass SUITE-p'],
    ['run one --image=nginx:1 --overrides={"spec":{"nodeSelector":{"suite":"nowhere"}}}'],
    ['delete pod one'],
    ['delete configmap m s'],
    ['delete secret,pdb --all --ignore-not-found'],
    ['delete deployment d --dry-run=server'],
    ['delete deployment d --cascade=foreground --timeout=20s'],
    ['wait deployment/d --for=delete --timeout=5s'],
    ['delete deployment nope'],
    ['delete deployment nope --ignore-not-found'],
  ]);
});

describe.skipIf(noContractKubectl)('nodes [SPEC C95]', () => {
  steps([
    ['cordon NODE'],
    ['cordon NODE'],
    ['get node NODE --no-headers'],
    ['drain NODE --ignore-daemonsets --timeout=30s --dry-run=client -o name'],
    ['uncordon NODE'],
    ['taint node NODE a=b:NoSchedule'],
    ['taint node NODE a=b:NoSchedule'],
    ['taint node NODE a:NoSchedule-'],
    ['taint node NODE a=b:Never'],
    ['label node NODE x=y'],
    ['cordon nope'],
  ]);
  test('kubectl drain moves the Pods away', async () => {
    await waitFor(
      'a rollout that is over',
      async () => {
        const { metadata, status } = await on.get('deployments.apps/web');
        return (
          status.observedGeneration === metadata.generation &&
          status.updatedReplicas === status.replicas &&
          status.readyReplicas === status.replicas
        );
      },
      20_000,
    );
    const drained = (await said(`drain ${on.node('b')} --ignore-daemonsets --timeout=30s`)) as {
      code: number;
      out: string[];
    };
    expect([drained.code, drained.out[0], drained.out.at(-1)]).toEqual([
      0,
      'node/b.SUITE cordoned',
      'node/b.SUITE drained',
    ]);
    const left = await on.cluster.api.items(`${on.at('pods')}?fieldSelector=spec.nodeName%3D${on.node('b')}`);
    expect(left).toEqual([]);
  });
  test('kubectl delete -f takes all that was applied', async () => {
    expect(await said(`delete -f ${folder}/web.yaml -f ${folder}/map.yaml --timeout=20s`)).toMatchSnapshot();
    await waitFor(
      'no Pods',
      async () => (await on.cluster.api.items(`${on.at('pods')}?labelSelector=app%3Dweb`)).length === 0,
      15_000,
    );
  });
});
