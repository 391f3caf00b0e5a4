/** End-to-end files that wait for many seconds: `npm run test:long` runs them, so that `npm test` ends within three minutes on two cores. */
export const slow: readonly string[] = [
  'tests/e2e/compose.test.ts',
  'tests/e2e/controller-killed.test.ts',
  'tests/e2e/duty.test.ts',
  'tests/e2e/faults-links.test.ts',
  'tests/e2e/faults-silence.test.ts',
  'tests/e2e/generations.test.ts',
  'tests/e2e/peers.test.ts',
  'tests/e2e/record.test.ts',
  'tests/upstream/topics.test.ts',
];
