/** Files that wait for many seconds, or work for minutes: `npm run test:long` runs them, so that `npm test` ends within three minutes on two cores. */
export const slow: readonly string[] = [
  'packages/core/src/scenarios/every-mutation.test.ts',
  'tests/e2e/compose.test.ts',
  'tests/e2e/controller-killed.test.ts',
  'tests/e2e/duty.test.ts',
  'tests/e2e/faults-bases.test.ts',
  'tests/e2e/faults-commands.test.ts',
  'tests/e2e/faults-links.test.ts',
  'tests/e2e/faults-silence.test.ts',
  'tests/e2e/generations.test.ts',
  'tests/e2e/modules-together.test.ts',
  'tests/e2e/peers.test.ts',
  'tests/e2e/record.test.ts',
  'tests/upstream/topics.test.ts',
];
