import { defineConfig } from 'vitest/config';

/** `npm run test:long`: suites that need minutes, a mosquitto on PATH or a real cluster by TEST_KUBECONFIG. */
export default defineConfig({
  test: {
    include: ['tests/long/**/*.test.ts'],
    environment: 'node',
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 120_000,
  },
});
