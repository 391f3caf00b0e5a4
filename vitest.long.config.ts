import { defineConfig } from 'vitest/config';
import { slow } from './vitest.slow.ts';

/** What crosses rooms and runs on any cluster: a real one, where TEST_KUBECONFIG names it. Without it `npm test` has run them. */
const onRealCluster = process.env.TEST_KUBECONFIG
  ? [
      'tests/e2e/**/*.test.ts',
      'tests/upstream/**/*.test.ts',
      'tests/contract/**/*.test.ts',
      'tests/kube-contract.test.ts',
      'tests/kubectl.test.ts',
      'tests/client-node.test.ts',
      'tests/python-client.test.ts',
    ]
  : [];

/** `npm run test:long`: suites that need minutes, a mosquitto on PATH or a real cluster. */
export default defineConfig({
  test: {
    include: ['tests/long/**/*.test.ts', ...slow, ...onRealCluster],
    environment: 'node',
    pool: 'forks',
    maxWorkers: 3, // they wait more than they work
    testTimeout: 600_000,
    hookTimeout: 120_000,
  },
});
