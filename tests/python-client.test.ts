/**
 * The official client of Python, where one is installed: `PYTHON` names the interpreter, else `python3` is asked.
 */
import { execFile, spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeNamespace } from './support/api.ts';
import { openCluster, type TestCluster } from './support/cluster.ts';

const python = process.env.PYTHON || 'python3';
const isThere = spawnSync(python, ['-c', 'import kubernetes']).status === 0;
const script = join(dirname(fileURLToPath(import.meta.url)), 'clients', 'python_client.py');
const skipped = isThere ? '' : ` (skipped: ${python} has no package kubernetes)`;

describe.skipIf(!isThere)(`[SPEC C173] the official Python client${skipped}`, () => {
  const namespace = `python-${Date.now().toString(36)}`;
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await openCluster();
    await makeNamespace(cluster.api, namespace);
  });
  afterAll(async () => {
    if (cluster.isReal) await cluster.api.request('DELETE', `/api/v1/namespaces/${namespace}`);
    await cluster.stop();
  });

  test('reads, writes, patches, applies, watches, and is refused in Status objects', async () => {
    const env = { PATH: process.env.PATH, HOME: process.env.HOME, KUBECONFIG: cluster.kubeconfig };
    const { stdout } = await promisify(execFile)(python, [script, namespace], { env, timeout: 50_000 });
    expect(JSON.parse(stdout)).toEqual({
      replaced: { a: '2' },
      listed: ['typed'],
      stale: [409, 'Conflict'],
      twice: [409, 'AlreadyExists'],
      missing: [404, 'NotFound'],
      invalid: [422, 'Invalid'],
      strategic: ['d', 'c'],
      json_patch: { x: 'y' },
      scale: 1,
      applied: [{ a: '1' }, ['python']],
      watched: ['ADDED', 'DELETED'],
      version: '34',
      deleted: 'Success',
    });
  }, 60_000);
});
