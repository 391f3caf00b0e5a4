import { defineConfig } from 'vitest/config';
import { slow } from './vitest.slow.ts';

/** `npm test`: everything that needs npm alone and ends within three minutes on two cores. */
export default defineConfig({
  test: {
    include: ['packages/*/src/**/*.test.ts', 'broker/src/**/*.test.ts', 'tests/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**', 'build/**', 'tests/long/**', ...slow],
    environment: 'node',
    pool: 'forks',
    maxWorkers: 4, // most of these tests wait for a state of another process: four share two cores well
    testTimeout: 60_000,
    hookTimeout: 30_000,
    teardownTimeout: 10_000,
  },
});
