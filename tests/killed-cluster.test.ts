/** The embedded cluster killed in the middle of writes, as a process; the long version is in tests/long. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { endProcesses, startKouplet } from './support/processes.ts';
import { randomOf, Unkillable } from './support/unkillable.ts';

const dir = mkdtempSync(join(tmpdir(), 'kouplet-killed-'));
afterEach(async () => {
  await endProcesses();
  rmSync(dir, { recursive: true, force: true });
});

test('[SPEC C154] killed at random moments, it has every acknowledged write, whole', async () => {
  const lives = new Unkillable({ dir, durable: 'kill', random: randomOf(Date.now()) });
  for (let life = 0; life < 2; life++) expect(await lives.live(1_000)).toEqual([]);
  expect(await lives.live(0)).toEqual([]);
  expect(lives.acknowledged).toBeGreaterThan(0);
  const first = startKouplet(['cluster', '--dir', dir, '--kubeconfig', join(dir, 'kubeconfig')]);
  await expect.poll(first.stdout, { timeout: 15_000 }).toContain('ready');
  const second = await startKouplet(['cluster', '--dir', dir, '--kubeconfig', join(dir, 'other')]).ended;
  expect(second).toEqual({
    code: 1,
    stdout: '',
    stderr: `kouplet: the state in ${dir} is in use by another process. Stop that one first, or choose another directory with --dir.\n`,
  });
  expect((await first.terminate()).code).toBe(0);
});
