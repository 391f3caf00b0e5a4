/**
 * kubectl against the embedded cluster with TLS, as the master, as a ServiceAccount and as nobody. Skipped where no kubectl is on PATH.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cluster, startCluster } from '@kouplet/cluster';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Kubectl, kubectlFor, noKubectl } from './support/kubectl.ts';

let dir: string;
let cluster: Cluster;
let kubeconfig: string;
let run: Kubectl;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kouplet-secure-'));
  cluster = await startCluster({ secure: {} });
  kubeconfig = join(dir, 'kubeconfig');
  writeFileSync(kubeconfig, cluster.kubeconfig(), { mode: 0o600 });
  run = kubectlFor(kubeconfig, 'default');
});
afterAll(async () => {
  await cluster.close();
  rmSync(dir, { recursive: true, force: true });
});

/** @returns what it printed, both streams, whatever it ended with */
async function kubectl(...args: string[]): Promise<string> {
  const { stdout, stderr } = await run.try(args);
  return `${stdout}${stderr}`.trim();
}

/** The kubeconfig with another token. */
function withToken(name: string, token: string): string {
  const path = join(dir, name);
  const text = readFileSync(kubeconfig, 'utf8').replace(/token: \S+/, `token: ${token}`);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

describe.skipIf(noKubectl !== undefined)('kubectl over TLS', () => {
  test('[SPEC C131] the kubeconfig’s holder is the master; a wrong token is told to log in', async () => {
    expect(await kubectl('auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}')).toBe('kouplet:admin');
    expect(await kubectl('create', 'configmap', 'c', '--from-literal=a=b')).toBe('configmap/c created');
    expect(await kubectl('get', 'configmaps', '--kubeconfig', withToken('wrong', 'x'.repeat(43)))).toMatch(
      /You must be logged in to the server/,
    );
  });

  test('[SPEC C139] a ServiceAccount with a created token may do what its role says', async () => {
    await kubectl('create', 'serviceaccount', 'robot');
    const robot = withToken('robot', await kubectl('create', 'token', 'robot', '--duration=10m'));
    const as = (...args: string[]) => kubectl('--kubeconfig', robot, ...args);
    expect(await as('auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}')).toBe(
      'system:serviceaccount:default:robot',
    );
    expect(await as('get', 'configmaps')).toBe(
      'Error from server (Forbidden): configmaps is forbidden: User "system:serviceaccount:default:robot" cannot list resource "configmaps" in API group "" in the namespace "default"',
    );
    await kubectl('create', 'role', 'reader', '--verb=get,list', '--resource=configmaps');
    await kubectl('create', 'rolebinding', 'reader', '--role=reader', '--serviceaccount=default:robot');
    expect(await as('get', 'configmap', 'c', '-o', 'name')).toBe('configmap/c');
    expect(await as('delete', 'configmap', 'c')).toMatch(
      /^Error from server \(Forbidden\): configmaps "c" is forbidden/,
    );
    expect(await as('auth', 'can-i', 'list', 'configmaps')).toBe('yes');
    expect(await as('auth', 'can-i', 'list', 'pods')).toBe('no');
    expect(await as('auth', 'can-i', '--list')).toMatch(/^configmaps +\[\] +\[\] +\[get list\]$/m);
  });

  test('[SPEC C140] --as asks for another', async () => {
    const robot = 'system:serviceaccount:default:other';
    expect(await kubectl('auth', 'can-i', 'get', 'pods', '--as', robot)).toBe('no');
    await kubectl('create', 'clusterrolebinding', 'other', '--clusterrole=view', '--serviceaccount=default:other');
    expect(await kubectl('auth', 'can-i', 'get', 'pods', '--as', robot, '-A')).toBe('yes');
    expect(await kubectl('auth', 'can-i', 'get', 'secrets', '--as', robot)).toBe('no');
    expect(await kubectl('get', 'nodes', '--as', 'bob')).toMatch(/User "bob" cannot list resource "nodes"/);
  });
});
