import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** `npm run test:kubectl`: every line of the matrix in every version of kubectl that `scripts/fetch-kubectl.ts` has put into `build/kubectl`. */
export default defineConfig({
  test: {
    include: ['tests/kubectl-matrix/**/*.test.ts'],
    environment: 'node',
    pool: 'forks',
    // Chapters share the Nodes of a real cluster, and the processors with kubectl.
    fileParallelism: false,
    env: { KUBECTL_VERSIONS: process.env.KUBECTL_VERSIONS ?? fileURLToPath(new URL('build/kubectl', import.meta.url)) },
    testTimeout: 600_000,
    hookTimeout: 120_000,
    teardownTimeout: 60_000,
  },
});
