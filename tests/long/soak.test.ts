/** The fuzzing of the embedded cluster at some length, each time with another seed; `npm run soak:api` does it at full length. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

test('[SPEC C137] [SPEC C138] ten thousand requests and patches of a new seed find nothing', async () => {
  const run = ['packages/cluster/src/testing/fuzz/main.ts', '--cases', '10000'];
  const { code, said } = await new Promise<{ code: unknown; said: string }>((resolve) => {
    execFile(process.execPath, run, { cwd: root, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, said: `${stdout}${stderr}` }),
    );
  });
  // The seed stands in what it said.
  expect(said).toMatch(/^seed \d+, 10000 cases each\n.*nothing found\n$/s);
  expect(code).toBe(0);
});
