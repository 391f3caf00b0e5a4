/** A log that cannot be written: its lines are lost, the controller's work is not. [SPEC E47] */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openCluster, type TestCluster } from '../support/cluster.ts';
import { endProcesses, freePort, type Running, startKouplet, startProgram } from '../support/processes.ts';
import { waitFor } from '../support/wait.ts';

const main = fileURLToPath(new URL('../../packages/kouplet/src/main.ts', import.meta.url));
let cluster: TestCluster;
beforeAll(async () => {
  cluster = await openCluster();
});
afterEach(() => endProcesses());
afterAll(() => cluster.stop());

const argsOf = (http: number): readonly string[] => [
  ...['controller', '--kubeconfig', cluster.kubeconfig, '--listen', '127.0.0.1:0'],
  ...['--http', `127.0.0.1:${http}`, '--env', 'lost'],
];
const answers = async (http: number): Promise<boolean> => (await fetch(`http://127.0.0.1:${http}/healthz`)).ok;

async function worksAndEnds(running: Running, http: number): Promise<void> {
  await waitFor('it answers', () => answers(http), 20_000);
  // Longer than lines are gathered before they are written.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect(await answers(http)).toBe(true);
  const askedAt = performance.now();
  const { code } = await running.terminate();
  expect(code).toBe(0);
  expect(performance.now() - askedAt).toBeLessThan(5_000);
}

test('to a pipe whose reader has gone [SPEC E47]', async () => {
  const http = await freePort();
  const running = startKouplet(argsOf(http));
  running.child.stdout?.destroy();
  await worksAndEnds(running, http);
});

test.skipIf(!existsSync('/dev/full'))('to a disk that is full [SPEC E47]', async () => {
  const http = await freePort();
  const running = startProgram('sh', ['-c', 'exec "$0" "$@" >/dev/full', process.execPath, main, ...argsOf(http)], {});
  await worksAndEnds(running, http);
});
