import { expect, test } from 'vitest';
import { patchCase } from './patches.ts';
import { fuzzSurface } from './surface.ts';

/** The short form of `npm run soak:api`: the same cases in every run. */
const SEED = 20_260_101;

test('[SPEC C137] patch engines do what their models do, and refuse the rest with a Status', () => {
  const complaints = Array.from({ length: 600 }, (_, i) => patchCase(SEED + i)).filter((one) => one !== undefined);
  expect(complaints).toEqual([]);
});

test('[SPEC C138] whatever comes over HTTP is answered in order, and the store stays what it must be', async () => {
  const findings: string[] = [];
  const codes = await fuzzSurface({ seed: SEED, cases: 500, onFinding: (finding) => findings.push(finding) });
  expect(findings).toEqual([]);
  // It would find nothing if it asked for nothing.
  for (const code of [200, 201, 400, 404, 405, 415, 422]) expect([code, codes.get(code) ?? 0]).not.toEqual([code, 0]);
}, 60_000);
