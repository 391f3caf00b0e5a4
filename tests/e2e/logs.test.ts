/**
 * Who may read the log of a module's base, asked of our endpoint itself with tokens: TokenReviews, SubjectAccessReviews and lists of Pods
 * are the cluster's own, embedded or real. All the way from kubectl to a kubelet: `tests/long/logs.test.ts`.
 */
import { Agent } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openCluster, type TestCluster } from '../support/cluster.ts';
import { type ControllerProcess, endProcesses, startControllerProcess } from '../support/processes.ts';
import { waitFor } from '../support/wait.ts';
import { startWorld, type World } from '../support/world.ts';

let cluster: TestCluster;
let world: World;
let controller: ControllerProcess;
const direct = new Agent({ connect: { rejectUnauthorized: false } });
beforeAll(async () => {
  cluster = await openCluster(0, true);
  world = await startWorld({
    cluster,
    bases: 0,
    hasLogs: true,
    openController: async (settings) => {
      controller = await startControllerProcess(settings, {
        args: ['--logs', '--logs-port', '0', '--logs-address', '127.0.0.1'],
      });
      return controller;
    },
  });
  const base = await world.addBase({ identity: 'b1', hostName: 'orders-0', ip: '10.9.0.1' });
  await world.nodeReady(base);
  await world.createPod('m1', { base, bizes: [{ name: 'biz1' }] });
  await world.podReady('m1');
});
afterAll(async () => {
  await direct.close();
  await world?.stop();
  await cluster?.stop();
  await endProcesses();
});

async function ask(token?: string, pod = 'm1'): Promise<{ readonly code: number; readonly body: string }> {
  const port = (await world.node(world.base()))?.status.daemonEndpoints.kubeletEndpoint.Port;
  const answer = await direct.request({
    origin: `https://127.0.0.1:${port}`,
    method: 'GET',
    path: `/containerLogs/${world.namespace}/${pod}/biz1`,
    ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
  });
  return { code: answer.statusCode, body: await answer.body.text() };
}

async function tokenOf(account: string): Promise<string> {
  const accounts = `/api/v1/namespaces/${world.namespace}/serviceaccounts`;
  await world.api.call('POST', accounts, { metadata: { name: account } });
  const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
  return (await world.api.call('POST', `${accounts}/${account}/token`, request)).status.token;
}

test('a Node says where logs are served, and keeps the base’s address beside [SPEC N23] [SPEC O20]', async () => {
  const node = await world.node(world.base());
  expect(node?.status.addresses).toEqual([
    { type: 'InternalIP', address: '127.0.0.1' },
    { type: 'Hostname', address: '127.0.0.1' },
  ]);
  expect(node?.metadata.annotations['kouplet.io/reported-ip']).toBe('10.9.0.1');
  expect((await world.pod('m1'))?.status.podIP).toBe('10.9.0.1');
});

test('who is known and has the right to the Node is told of the base’s Pod, nobody else [SPEC E41] [SPEC E42] [SPEC E43]', async () => {
  const unknown = { code: 401, body: 'Unauthorized' };
  expect(await ask()).toEqual(unknown);
  expect(await ask('rubbish')).toEqual(unknown);

  const [nobody, reader] = [await tokenOf('nobody'), await tokenOf('reader')];
  const user = `system:serviceaccount:${world.namespace}:nobody`;
  const node = world.nodeOf(world.base());
  expect(await ask(nobody)).toEqual({
    code: 403,
    body: `Forbidden (user=${user}, verb=get, resource=nodes/proxy of ${node})`,
  });
  // He is not told whether there is such a Pod.
  expect(await ask(nobody, 'm2')).toMatchObject({ code: 403 });

  const name = `logs-${world.env}`;
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  const rules = [{ apiGroups: [''], resources: ['nodes/proxy'], resourceNames: [node], verbs: ['get'] }];
  const subjects = [{ kind: 'ServiceAccount', namespace: world.namespace, name: 'reader' }];
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name };
  await world.api.call('POST', `${rbac}/clusterroles`, { metadata: { name }, rules });
  await world.api.call('POST', `${rbac}/clusterrolebindings`, { metadata: { name }, roleRef, subjects });
  try {
    // A real API server knows of a new binding in a moment.
    const found = await waitFor(
      'he may read there',
      async () => {
        const answer = await ask(reader);
        return answer.code === 403 ? undefined : answer;
      },
      30_000,
    );
    expect(found).toMatchObject({
      code: 400,
      body: expect.stringMatching(
        /^a module's log is that of its base, and the Pod of base b1 is not known: no Pod in/,
      ),
    });
    expect(await ask(reader, 'm2')).toMatchObject({ code: 403 });

    await world.api.call('POST', `/api/v1/namespaces/${world.namespace}/pods`, {
      metadata: { name: 'orders-0' },
      spec: { nodeName: `no-such-${world.env}`, containers: [{ name: 'base', image: 'base:1' }] },
    });
    // Nobody runs it; what the API server says of it is passed on.
    expect((await ask(reader)).body).toContain(`the log of the base's Pod ${world.namespace}/orders-0: `);
  } finally {
    await world.api.request('DELETE', `${rbac}/clusterrolebindings/${name}`);
    await world.api.request('DELETE', `${rbac}/clusterroles/${name}`);
  }
  for (const token of [nobody, reader]) expect(controller.stdout()).not.toContain(token);
});
