/**
 * The official client of JavaScript (@kubernetes/client-node) against the embedded cluster, or the real one that TEST_KUBECONFIG names: what a
 * program written for any Kubernetes does.
 */
import { PassThrough } from 'node:stream';
import {
  ApiException,
  AppsV1Api,
  AuthenticationV1Api,
  AuthorizationV1Api,
  CoreV1Api,
  Exec,
  KubeConfig,
  type KubernetesObject,
  KubernetesObjectApi,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  type V1ConfigMap,
  VersionApi,
  Watch,
} from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeNamespace } from './support/api.ts';
import { openCluster, realKubeconfig, type TestCluster } from './support/cluster.ts';
import { waitFor } from './support/wait.ts';

const namespace = `client-${Date.now().toString(36)}`;
let cluster: TestCluster;
let config: KubeConfig;
let core: CoreV1Api;
let apps: AppsV1Api;
const ends: Array<() => unknown> = [];

const configOf = (path: string): KubeConfig => {
  const made = new KubeConfig();
  made.loadFromFile(path);
  return made;
};
const configMap = (name: string, data: Record<string, string> = {}): V1ConfigMap => ({ metadata: { name }, data });
const deployment = (name: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace },
  spec: {
    replicas: 0,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'nginx:1' }] } },
  },
});
const patchedAs = (strategy: PatchStrategy) => setHeaderOptions('Content-Type', strategy);

/** The code and reason of a refusal. */
async function refusal(asked: Promise<unknown>): Promise<[number, string]> {
  const error: unknown = await asked.then(
    () => new Error('it was not refused'),
    (thrown) => thrown,
  );
  if (!(error instanceof ApiException)) throw error;
  const body = typeof error.body === 'string' ? JSON.parse(error.body) : error.body;
  return [error.code, body.reason];
}

beforeAll(async () => {
  cluster = await openCluster();
  config = configOf(cluster.kubeconfig);
  core = config.makeApiClient(CoreV1Api);
  apps = config.makeApiClient(AppsV1Api);
  await makeNamespace(cluster.api, namespace);
});

afterAll(async () => {
  for (const end of ends) await end();
  if (cluster.isReal) await core.deleteNamespace({ name: namespace });
  await cluster.stop();
});

describe('[SPEC C173] the typed API', () => {
  test('creates, reads, lists, replaces and deletes', async () => {
    const made = await core.createNamespacedConfigMap({ namespace, body: configMap('a', { x: '1' }) });
    expect([made.metadata?.name, made.metadata?.creationTimestamp]).toEqual(['a', expect.any(Date)]);
    const replaced = await core.replaceNamespacedConfigMap({
      name: 'a',
      namespace,
      body: { ...made, data: { x: '2' } },
    });
    expect(replaced.data).toEqual({ x: '2' });
    const { items } = await core.listNamespacedConfigMap({ namespace, fieldSelector: 'metadata.name=a' });
    expect(items.map((one) => one.data)).toEqual([{ x: '2' }]);
    expect((await core.deleteNamespacedConfigMap({ name: 'a', namespace })).status).toBe('Success');
    expect(await refusal(core.readNamespacedConfigMap({ name: 'a', namespace }))).toEqual([404, 'NotFound']);
  });

  test('is refused in Status objects: what is there already, what is stale, what is invalid', async () => {
    const made = await core.createNamespacedConfigMap({ namespace, body: configMap('b') });
    expect(await refusal(core.createNamespacedConfigMap({ namespace, body: configMap('b') }))).toEqual([
      409,
      'AlreadyExists',
    ]);
    await core.replaceNamespacedConfigMap({ name: 'b', namespace, body: { ...made, data: { n: '1' } } });
    const stale = core.replaceNamespacedConfigMap({ name: 'b', namespace, body: made });
    expect(await refusal(stale)).toEqual([409, 'Conflict']);
    expect(await refusal(core.createNamespacedConfigMap({ namespace, body: configMap('Not_Valid') }))).toEqual([
      422,
      'Invalid',
    ]);
  });

  test('reads page by page', async () => {
    for (const name of ['p1', 'p2', 'p3']) {
      await core.createNamespacedConfigMap({
        namespace,
        body: { ...configMap(name), metadata: { name, labels: { page: 'y' } } },
      });
    }
    const seen: Array<string | undefined> = [];
    let token: string | undefined;
    do {
      const page = await core.listNamespacedConfigMap({
        namespace,
        labelSelector: 'page=y',
        limit: 2,
        ...(token === undefined ? {} : { _continue: token }),
      });
      seen.push(...page.items.map((one) => one.metadata?.name));
      token = page.metadata?._continue;
    } while (token);
    expect(seen).toEqual(['p1', 'p2', 'p3']);
  });

  test('scales, and writes a status of its own', async () => {
    await apps.createNamespacedDeployment({ namespace, body: deployment('scaled') });
    const scale = await apps.readNamespacedDeploymentScale({ name: 'scaled', namespace });
    expect(scale.spec).toEqual({});
    // Without a version: the controllers write to it meanwhile.
    const body = { ...scale, metadata: { name: 'scaled', namespace }, spec: { replicas: 1 } };
    expect((await apps.replaceNamespacedDeploymentScale({ name: 'scaled', namespace, body })).spec?.replicas).toBe(1);
    const status = await apps.patchNamespacedDeploymentStatus(
      { name: 'scaled', namespace, body: { status: { collisionCount: 7 }, spec: { replicas: 9 } } },
      patchedAs(PatchStrategy.MergePatch),
    );
    expect([status.status?.collisionCount, status.spec?.replicas]).toEqual([7, 1]);
  });

  test('asks for the version, for who it is and what it may', async () => {
    expect((await config.makeApiClient(VersionApi).getCode()).minor).toBe('34');
    const who = await config.makeApiClient(AuthenticationV1Api).createSelfSubjectReview({ body: {} });
    expect(who.status?.userInfo?.groups).toContain('system:masters');
    const may = await config.makeApiClient(AuthorizationV1Api).createSelfSubjectAccessReview({
      body: { spec: { resourceAttributes: { verb: 'create', resource: 'pods', namespace } } },
    });
    expect(may.status?.allowed).toBe(true);
  });

  test('gets a token for a ServiceAccount, and hears whose it is', async () => {
    const body = { spec: { audiences: [], expirationSeconds: 600 } };
    const made = await core.createNamespacedServiceAccountToken({ name: 'default', namespace, body });
    expect(made.status?.token?.split('.')).toHaveLength(3);
    const review = await config
      .makeApiClient(AuthenticationV1Api)
      .createTokenReview({ body: { spec: { token: made.status?.token ?? '' } } });
    expect(review.status).toMatchObject({
      authenticated: true,
      user: { username: `system:serviceaccount:${namespace}:default` },
    });
    const short = core.createNamespacedServiceAccountToken({
      name: 'default',
      namespace,
      body: { spec: { audiences: [], expirationSeconds: 1 } },
    });
    expect(await refusal(short)).toEqual([422, 'Invalid']);
  });
});

describe('[SPEC C173] patches of every type', () => {
  const name = 'patched';
  const image = (at: number, body: { spec?: { template: { spec?: { containers: Array<{ image?: string }> } } } }) =>
    body.spec?.template.spec?.containers[at]?.image;
  const patch = (body: unknown, strategy: PatchStrategy, extra: { fieldManager?: string; force?: boolean } = {}) =>
    apps.patchNamespacedDeployment({ name, namespace, body, ...extra }, patchedAs(strategy));

  beforeAll(() => apps.createNamespacedDeployment({ namespace, body: deployment(name) }));

  test('JSON patch, also as the default of the client', async () => {
    const body = [{ op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'nginx:j' }];
    expect(image(0, await patch(body, PatchStrategy.JsonPatch))).toBe('nginx:j');
    const wrong = apps.patchNamespacedDeployment({ name, namespace, body: { spec: { replicas: 0 } } });
    expect((await refusal(wrong))[0]).toBe(400);
  });

  test('merge patch takes lists whole, strategic merge patch by name', async () => {
    const merged = await patch({ metadata: { labels: { tier: 'front' } } }, PatchStrategy.MergePatch);
    expect(merged.metadata?.labels).toEqual({ tier: 'front' });
    const containers = [{ name: 'd', image: 'nginx:s' }];
    const added = await patch({ spec: { template: { spec: { containers } } } }, PatchStrategy.StrategicMergePatch);
    expect([image(0, added), image(1, added)]).toEqual(['nginx:s', 'nginx:j']);
  });

  test('server-side apply owns what it says, and is refused what others own', async () => {
    const wish = (replicas: number) => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name },
      spec: { replicas },
    });
    const mine = await patch(wish(2), PatchStrategy.ServerSideApply, { fieldManager: 'mine', force: true });
    expect(mine.spec?.replicas).toBe(2);
    expect(mine.metadata?.managedFields?.map((one) => `${one.manager} ${one.operation}`)).toContain('mine Apply');
    const other = patch(wish(3), PatchStrategy.ServerSideApply, { fieldManager: 'other' });
    expect(await refusal(other)).toEqual([409, 'Conflict']);
  });
});

describe('[SPEC C173] objects of any kind', () => {
  test('KubernetesObjectApi creates, reads, lists, applies, replaces and deletes by kind', async () => {
    const api = KubernetesObjectApi.makeApiClient(config);
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'any', namespace }, data: { a: '1' } };
    const made: V1ConfigMap = await api.create(object);
    expect(made.data).toEqual({ a: '1' });
    const read: V1ConfigMap = await api.read(object);
    await api.replace({ ...read, apiVersion: 'v1', kind: 'ConfigMap', data: { a: '2' } });
    const wish = { ...object, data: { b: '3' } };
    const applied: V1ConfigMap = await api.patch(
      wish,
      undefined,
      undefined,
      'tests',
      true,
      PatchStrategy.ServerSideApply,
    );
    expect(applied.data).toEqual({ a: '2', b: '3' });
    const listed = await api.list('v1', 'ConfigMap', namespace);
    expect(listed.items.map((one) => one.metadata?.name)).toContain('any');
    await api.delete(object);
    expect(await refusal(api.read(object))).toEqual([404, 'NotFound']);
  });
});

describe('[SPEC C173] watches', () => {
  test('Watch tells what is there, what changes and what goes', async () => {
    const seen: string[] = [];
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const tell = (phase: string, object: KubernetesObject): unknown => seen.push(`${phase} ${object.metadata?.name}`);
    const watching = await new Watch(config).watch(path, { labelSelector: 'watched' }, tell, () => undefined);
    ends.push(() => watching.abort());
    const metadata = { name: 'w', labels: { watched: 'yes' } };
    await core.createNamespacedConfigMap({ namespace, body: { metadata } });
    await core.replaceNamespacedConfigMap({ name: 'w', namespace, body: { metadata, data: { n: '1' } } });
    await core.deleteNamespacedConfigMap({ name: 'w', namespace });
    await waitFor('three events', () => seen.length === 3);
    expect(seen).toEqual(['ADDED w', 'MODIFIED w', 'DELETED w']);
  });

  test.skipIf(realKubeconfig !== undefined)('an informer finds its way back to a server that was away', async () => {
    const first = await openCluster();
    const port = Number(new URL(first.api.server).port);
    const own = configOf(first.kubeconfig);
    const api = own.makeApiClient(CoreV1Api);
    const list = () => api.listNamespacedConfigMap({ namespace: 'default' });
    const informer = makeInformer(own, '/api/v1/namespaces/default/configmaps', list);
    const gone: Array<string | undefined> = [];
    informer.on('delete', (object) => gone.push(object.metadata?.name));
    informer.on('error', () => undefined);
    ends.push(() => informer.stop());
    await api.createNamespacedConfigMap({ namespace: 'default', body: configMap('before') });
    await informer.start();
    const cached = (): Array<string | undefined> => informer.list('default').map((one) => one.metadata?.name);
    await waitFor('what was there', () => cached().includes('before'));
    await first.stop();
    const second = await openCluster(port);
    ends.push(() => second.stop());
    await api.createNamespacedConfigMap({ namespace: 'default', body: configMap('after') });
    // The client waits a second and more before it comes again; an error of its list it leaves to us.
    informer.on('error', () => setImmediate(() => void informer.start().catch(() => undefined)));
    await waitFor('what is there now', () => cached().join() === 'after', 15_000);
    expect(gone).toEqual(['before']);
  });
});

describe('[SPEC C33] what needs a running container', () => {
  test('exec and logs are refused with a Status, not with silence', async () => {
    const containers = [{ name: 'c', image: 'nginx:1' }];
    await core.createNamespacedPod({
      namespace,
      body: { metadata: { name: 'still' }, spec: { containers, nodeSelector: { nowhere: 'at-all' } } },
    });
    const out = new PassThrough();
    const exec = new Exec(config).exec(namespace, 'still', 'c', ['ls'], out, out, null, false);
    await expect(exec).rejects.toMatchObject({ message: expect.stringMatching(/400/) });
    const log = core.readNamespacedPodLog({ name: 'still', namespace, container: 'nope' });
    expect(await refusal(log)).toEqual([400, 'BadRequest']);
  });
});
