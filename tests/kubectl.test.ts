/**
 * What a person does with kubectl, against the embedded cluster with all its controllers. The nodes are kept alive, and their Pods made
 * Running, as a kubelet would, by a few lines below. Left out where there is no kubectl.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Api, type Cluster, startCluster } from '@kouplet/cluster';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kubectlHere, noKubectl } from './support/kubectl.ts';

const NODE = {
  metadata: { name: 'node-1', labels: { 'kubernetes.io/hostname': 'node-1' } },
  status: {
    capacity: { cpu: '8', memory: '16Gi', pods: '110' },
    allocatable: { cpu: '8', memory: '16Gi', pods: '110' },
    conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'ready' }],
    nodeInfo: { kubeletVersion: 'v1.34.0-test' },
  },
};

const WEB = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: c
        image: nginx:1
        env: [{name: A, value: one}]
`;

/** Makes Pods on the node Running and confirms their deletion. */
function actAsKubelet(api: Api): () => void {
  const actor = 'kubelet';
  return api.watch('pods', ({ type, object: pod }) => {
    const { name, namespace = '', uid, deletionTimestamp } = pod.metadata;
    if (type === 'DELETED' || !pod.spec.nodeName) return;
    const current = api.get('pods', name, namespace);
    if (current?.metadata.uid !== uid) return;
    if (deletionTimestamp !== undefined) {
      api.delete('pods', name, namespace, { gracePeriodSeconds: 0, preconditions: { uid } });
      return;
    }
    const running = (draft: typeof pod): void => {
      const since = draft.metadata.creationTimestamp;
      const names: Array<{ name: string; image: string }> = draft.spec.containers;
      draft.status.phase = 'Running';
      draft.status.startTime = since;
      draft.status.conditions = ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((condition) => ({
        type: condition,
        status: 'True',
        lastTransitionTime: since,
      }));
      draft.status.containerStatuses = names.map((one) => ({
        name: one.name,
        image: one.image,
        imageID: one.image,
        ready: true,
        started: true,
        restartCount: 0,
        state: { running: { startedAt: since } },
      }));
    };
    api.modify('pods', name, namespace, running, { actor, subresource: 'status' });
  });
}

describe.skipIf(noKubectl)('[SPEC C9] kubectl against the embedded cluster (needs kubectl)', () => {
  let home: string;
  let cluster: Cluster;
  const errors: unknown[] = [];
  let stop: () => void = () => undefined;

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'kouplet-kubectl-'));
    cluster = await startCluster({ onError: (error) => errors.push(error) });
    writeFileSync(join(home, 'kubeconfig'), cluster.kubeconfig(), { mode: 0o600 });
    writeFileSync(join(home, 'web.yaml'), WEB);
    cluster.api.create('nodes', NODE, { actor: 'test' });
    const lease = {
      metadata: { name: 'node-1', namespace: 'kube-node-lease' },
      spec: { holderIdentity: 'node-1', leaseDurationSeconds: 40, renewTime: new Date().toISOString() },
    };
    cluster.api.create('leases.coordination.k8s.io', lease, { actor: 'test' });
    stop = actAsKubelet(cluster.api);
  });

  afterAll(async () => {
    stop();
    await cluster.close();
    rmSync(home, { recursive: true, force: true });
  });

  /** Runs one command line; HOME is fresh, so that discovery is asked of this cluster. */
  function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const env = {
      PATH: process.env.PATH ?? '',
      HOME: home,
      KUBECONFIG: join(home, 'kubeconfig'),
      KUBECTL_EXTERNAL_DIFF: 'diff -u',
    };
    return new Promise((resolve) => {
      execFile(kubectlHere?.path ?? 'kubectl', args, { env, timeout: 15_000, cwd: home }, (error, out, err) => {
        resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, out, err });
      });
    });
  }

  /** Runs one that must succeed. */
  async function kubectl(...args: string[]): Promise<string> {
    const { code, out, err } = await run(...args);
    expect({ args, code, err: code === 0 ? '' : err }).toEqual({ args, code: 0, err: '' });
    return out;
  }

  const rows = (text: string): string[][] =>
    text
      .trim()
      .split('\n')
      .map((line) => line.split(/\s{2,}/));

  test('a cold get nodes shows a table', async () => {
    const [header, row] = rows(await kubectl('get', 'nodes'));
    expect(header).toEqual(['NAME', 'STATUS', 'ROLES', 'AGE', 'VERSION']);
    expect(row?.slice(0, 3)).toEqual(['node-1', 'Ready', '<none>']);
  });

  test('apply, rollout status, get, describe', async () => {
    expect(await kubectl('apply', '-f', 'web.yaml')).toBe('deployment.apps/web created\n');
    expect(await kubectl('rollout', 'status', 'deployment/web', '--timeout=10s')).toMatch(/successfully rolled out/);
    const [header, row] = rows(await kubectl('get', 'deployments', '-o', 'wide'));
    expect(header).toEqual(['NAME', 'READY', 'UP-TO-DATE', 'AVAILABLE', 'AGE', 'CONTAINERS', 'IMAGES', 'SELECTOR']);
    expect([row?.[1], row?.[5], row?.[7]]).toEqual(['2/2', 'c', 'app=web']);
    const pods = rows(await kubectl('get', 'pods', '-l', 'app=web', '-o', 'wide'));
    expect(pods.slice(1).map((one) => [one[1], one[2], one[6]])).toEqual([
      ['1/1', 'Running', 'node-1'],
      ['1/1', 'Running', 'node-1'],
    ]);
    const described = await kubectl('describe', 'pod', pods[1]?.[0] ?? '');
    expect(described).toMatch(
      /Normal {2}Scheduled {2}.*default-scheduler {2}Successfully assigned default\/web-\S+ to node-1/,
    );
    expect(await kubectl('describe', 'deployment', 'web')).toMatch(/Scaled up replica set web-\S+ from 0 to 2/);
    expect(await kubectl('describe', 'node', 'node-1')).toMatch(/Non-terminated Pods: +\(2 in total\)/);
  });

  test('a second apply is unchanged, a changed one is configured, and diff tells them apart', async () => {
    expect(await kubectl('apply', '-f', 'web.yaml')).toBe('deployment.apps/web unchanged\n');
    expect((await run('diff', '-f', 'web.yaml')).code).toBe(0);
    writeFileSync(join(home, 'web2.yaml'), WEB.replace('value: one', 'value: two'));
    const diff = await run('diff', '-f', 'web2.yaml');
    expect([diff.code, diff.out.match(/^[-+] .*value: .*/gm)]).toEqual([
      1,
      ['-          value: one', '+          value: two'],
    ]);
    expect(await kubectl('apply', '-f', 'web2.yaml')).toBe('deployment.apps/web configured\n');
    await kubectl('rollout', 'status', 'deployment/web', '--timeout=10s');
  });

  test('label, annotate, scale, set image, rollout history, undo, pause, resume, restart', async () => {
    await kubectl('label', 'deployment', 'web', 'tier=front');
    await kubectl('annotate', 'deployment', 'web', 'note=hello');
    expect(
      await kubectl('get', 'deployment', 'web', '-o', 'jsonpath={.metadata.labels.tier} {.metadata.annotations.note}'),
    ).toBe('front hello');
    await kubectl('scale', 'deployment', 'web', '--replicas=3');
    await kubectl('wait', 'deployment/web', '--for=jsonpath={.status.readyReplicas}=3', '--timeout=10s');
    await kubectl('set', 'image', 'deployment/web', 'c=nginx:9');
    await kubectl('rollout', 'status', 'deployment/web', '--timeout=10s');
    expect(await kubectl('rollout', 'history', 'deployment/web')).toMatch(/^3 {2,}/m);
    await kubectl('rollout', 'undo', 'deployment/web');
    expect(await kubectl('get', 'deployment', 'web', '-o', 'jsonpath={..image}')).toBe('nginx:1');
    await kubectl('rollout', 'pause', 'deployment/web');
    await kubectl('rollout', 'resume', 'deployment/web');
    await kubectl('rollout', 'restart', 'deployment/web');
    await kubectl('rollout', 'status', 'deployment/web', '--timeout=10s');
  });

  test('patch in its three forms, edit by replace, and a conflict', async () => {
    const image = () => kubectl('get', 'deployment', 'web', '-o', 'jsonpath={..image}');
    await kubectl(
      'patch',
      'deployment',
      'web',
      '-p',
      '{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"nginx:s"}]}}}}',
    );
    expect(await image()).toBe('nginx:s');
    await kubectl(
      'patch',
      'deployment',
      'web',
      '--type=json',
      '-p',
      '[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"nginx:j"}]',
    );
    expect(await image()).toBe('nginx:j');
    await kubectl('patch', 'deployment', 'web', '--type=merge', '-p', '{"spec":{"minReadySeconds":0,"replicas":2}}');
    const json = await kubectl('get', 'deployment', 'web', '-o', 'json');
    await kubectl('label', 'deployment', 'web', 'x=y');
    writeFileSync(join(home, 'stale.json'), json);
    const stale = await run('replace', '-f', 'stale.json');
    expect(stale.err).toMatch(
      /the object has been modified; please apply your changes to the latest version and try again/,
    );
  });

  test('a typo, a wrong type, a bad selector and what is not there are told in Kubernetes words', async () => {
    writeFileSync(join(home, 'typo.yaml'), WEB.replace('replicas', 'replicass').replace('name: web', 'name: typo'));
    expect((await run('apply', '-f', 'typo.yaml')).err).toMatch(
      /strict decoding error: unknown field "spec\.replicass"/,
    );
    writeFileSync(
      join(home, 'selector.yaml'),
      WEB.replace('matchLabels: {app: web}', 'matchLabels: {app: wob}').replace('name: web', 'name: sel'),
    );
    expect((await run('create', '-f', 'selector.yaml')).err).toBe(
      'The Deployment "sel" is invalid: spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`\n',
    );
    expect((await run('get', 'pods', 'nope')).err).toBe('Error from server (NotFound): pods "nope" not found\n');
    expect((await run('get', 'foos')).err).toBe('error: the server doesn\'t have a resource type "foos"\n');
  });

  test('create in its short forms, which kubectl 1.32 and later send as protobuf', async () => {
    await kubectl('create', 'namespace', 'n1');
    await kubectl('create', 'configmap', 'm', '--from-literal=a=b', '-n', 'n1');
    await kubectl('create', 'secret', 'generic', 's', '--from-literal=a=b', '-n', 'n1');
    await kubectl('create', 'deployment', 'd', '--image=nginx:1', '--replicas=2', '-n', 'n1');
    await kubectl('rollout', 'status', 'deployment/d', '-n', 'n1', '--timeout=10s');
    expect(await kubectl('get', 'configmap', 'm', '-n', 'n1', '-o', 'jsonpath={.data.a}')).toBe('b');
    expect((await kubectl('auth', 'can-i', 'create', 'pods')).trim()).toBe('yes');
    await kubectl('delete', 'namespace', 'n1', '--timeout=12s');
    expect((await run('get', 'namespace', 'n1')).code).toBe(1);
  });

  test('cordon keeps new Pods off, taint is seen, uncordon lets them on', async () => {
    await kubectl('cordon', 'node-1');
    expect(await kubectl('get', 'nodes')).toMatch(/Ready,SchedulingDisabled/);
    await kubectl('run', 'waiting', '--image=nginx:1');
    await kubectl('wait', 'pod/waiting', '--for=condition=PodScheduled=false', '--timeout=10s');
    expect(await kubectl('describe', 'pod', 'waiting')).toMatch(
      /FailedScheduling .*0\/1 nodes are available: 1 node\(s\) were unschedulable/,
    );
    await kubectl('uncordon', 'node-1');
    await kubectl('wait', 'pod/waiting', '--for=condition=Ready', '--timeout=15s');
    await kubectl('taint', 'node', 'node-1', 'a=b:NoSchedule');
    expect(await kubectl('describe', 'node', 'node-1')).toMatch(/Taints: +a=b:NoSchedule/);
    await kubectl('taint', 'node', 'node-1', 'a-');
    await kubectl('delete', 'pod', 'waiting');
  });

  test('drain evicts what runs on a node', async () => {
    const drained = await kubectl('drain', 'node-1', '--ignore-daemonsets', '--force', '--timeout=12s');
    expect(drained).toMatch(/node\/node-1 drained/);
    expect(await kubectl('get', 'pods', '--field-selector', 'spec.nodeName=node-1', '-o', 'name')).toBe('');
    await kubectl('uncordon', 'node-1');
    await kubectl('rollout', 'status', 'deployment/web', '--timeout=15s');
  });

  test('a watch shows what happens', async () => {
    const watching = run('get', 'pods', '-w', '--request-timeout=3s', '-o', 'name');
    await kubectl('wait', 'deployment/web', '--for=condition=Available', '--timeout=10s');
    await kubectl('run', 'seen', '--image=nginx:1');
    await kubectl('delete', 'pod', 'seen');
    expect((await watching).out).toMatch(/pod\/seen/);
  });

  test('delete takes the Deployment with all that is below it', async () => {
    expect(await kubectl('delete', '-f', 'web.yaml', '--timeout=10s')).toMatch(/^deployment\.apps "web" deleted/);
    await kubectl('wait', 'pods', '-l', 'app=web', '--for=delete', '--timeout=10s');
    expect((await run('get', 'deployments,replicasets,pods')).err).toMatch(/No resources found in default namespace/);
    expect(errors).toEqual([]);
  });
});
