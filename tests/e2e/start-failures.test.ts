/** What is wrong with the world when the controller starts: one clear line with what to do, and 1 or 2. Further cases: packages/kouplet/src/command.test.ts. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrokerOptions, readUsers, startBroker } from '@kouplet/broker';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openCluster, type TestCluster } from '../support/cluster.ts';
import { writeKubeconfigWithToken } from '../support/kubeconfig.ts';
import { endProcesses, startKouplet } from '../support/processes.ts';
import { waitFor } from '../support/wait.ts';

const folder = mkdtempSync(join(tmpdir(), 'kouplet-start-'));
let cluster: TestCluster;
const ends: Array<() => Promise<void> | void> = [];
beforeAll(async () => {
  cluster = await openCluster(0, true);
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  await endProcesses();
});
afterAll(async () => {
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Starts a controller that must not come up. */
async function refusal(...args: string[]): Promise<{ readonly code: number | null; readonly line: string }> {
  const given = (flag: string) => args.includes(flag);
  const { code, stdout, stderr } = await startKouplet([
    'controller',
    ...(given('--kubeconfig') ? [] : ['--kubeconfig', cluster.kubeconfig]),
    ...(given('--listen') || given('--broker') ? [] : ['--listen', '127.0.0.1:0']),
    ...(given('--http') ? [] : ['--http', '127.0.0.1:0']),
    ...['--env', 'never', ...args],
  ]).ended;
  const lines = stderr
    .trim()
    .split('\n')
    .filter((line) => !line.startsWith('kouplet: waiting for'));
  expect(lines, stdout).toHaveLength(1);
  return { code, line: lines[0] ?? '' };
}

async function takenPort(): Promise<number> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => void server.close());
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function guardedBroker(options: Partial<BrokerOptions> = {}): Promise<string> {
  const users = readUsers(
    JSON.stringify({ users: [{ name: 'controller', password: 'right', role: 'controller' }] }),
    'users.yaml',
  );
  const broker = await startBroker({ port: 0, users, ...options });
  ends.push(() => broker.close());
  return broker.url;
}

test('the broker’s port is in use', async () => {
  const { code, line } = await refusal('--listen', `127.0.0.1:${await takenPort()}`);
  expect(line).toMatch(/^kouplet: .*127\.0\.0\.1:\d+.*another process has that port.*--listen/);
  expect(code).toBe(1);
}, 60_000);

test('the HTTP port is in use', async () => {
  const { code, line } = await refusal('--http', `127.0.0.1:${await takenPort()}`);
  expect(line).toMatch(/the HTTP server cannot listen on 127\.0\.0\.1:\d+: the port is in use.*--http/);
  expect(code).toBe(1);
}, 60_000);

test('--listen 0.0.0.0 without users', async () => {
  const { code, line } = await refusal('--listen', '0.0.0.0:0');
  expect(line).toMatch(/refusing to listen on 0\.0\.0\.0 without users.*--users/);
  expect(code).toBe(2);
}, 60_000);

test('the context is not in the kubeconfig', async () => {
  const { code, line } = await refusal('--context', 'elsewhere');
  expect(line).toMatch(/elsewhere.*--context/);
  expect(code).toBe(1);
}, 60_000);

test('the external broker refuses the password', async () => {
  const password = join(folder, 'wrong');
  writeFileSync(password, 'wrong');
  const { code, line } = await refusal(
    ...['--broker', await guardedBroker(), '--mqtt-username', 'controller', '--mqtt-password-file', password],
  );
  expect(line).toMatch(/refuse.*--mqtt-username and --mqtt-password-file/);
  expect(line).not.toContain('wrong ');
  expect(code).toBe(1);
}, 60_000);

test('the external broker asks for a user and none is given', async () => {
  const { code, line } = await refusal('--broker', await guardedBroker());
  expect(line).toMatch(/--mqtt-username and --mqtt-password-file/);
  expect(code).toBe(1);
}, 60_000);

test('the API denies rights that are needed: they are named', async () => {
  const { api } = cluster;
  const namespace = `kouplet-rights-${Date.now()}`;
  await api.call('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
  ends.push(async () => void (await api.request('DELETE', `/api/v1/namespaces/${namespace}`)));
  await api.call('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name: 'poor' } });
  const rules = [
    { apiGroups: [''], resources: ['nodes', 'pods', 'configmaps'], verbs: ['get', 'list', 'watch'] },
    { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['*'] },
  ];
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  await api.call('POST', `${rbac}/clusterroles`, { metadata: { name: namespace }, rules });
  ends.push(async () => void (await api.request('DELETE', `${rbac}/clusterroles/${namespace}`)));
  await api.call('POST', `${rbac}/clusterrolebindings`, {
    metadata: { name: namespace },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: namespace },
    subjects: [{ kind: 'ServiceAccount', name: 'poor', namespace }],
  });
  ends.push(async () => void (await api.request('DELETE', `${rbac}/clusterrolebindings/${namespace}`)));
  const { status } = await api.call('POST', `/api/v1/namespaces/${namespace}/serviceaccounts/poor/token`, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: {},
  });
  const kubeconfig = writeKubeconfigWithToken(join(folder, 'poor'), cluster.kubeconfig, status.token);
  await waitFor('the role is known', async () => {
    const review = await api.call('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
      spec: {
        user: `system:serviceaccount:${namespace}:poor`,
        resourceAttributes: { verb: 'list', resource: 'nodes' },
      },
    });
    return review.status.allowed;
  });
  const { code, line } = await refusal('--kubeconfig', kubeconfig);
  expect(line).toMatch(
    /denies what is needed: create, patch, delete nodes; patch nodes\/status;.*delete pods; patch pods\/status; create, patch events/,
  );
  expect(line).not.toMatch(/leases/);
  expect(line).toMatch(/ClusterRole/);
  expect(code).toBe(1);
}, 60_000);

test('the API does not accept the credentials', async () => {
  const kubeconfig = writeKubeconfigWithToken(join(folder, 'nobody'), cluster.kubeconfig, 'no-such-token');
  const { code, line } = await refusal('--kubeconfig', kubeconfig);
  expect(line).toMatch(/does not accept the credentials.*Renew the credentials/);
  expect(line).not.toContain('no-such-token');
  expect(code).toBe(1);
}, 60_000);
