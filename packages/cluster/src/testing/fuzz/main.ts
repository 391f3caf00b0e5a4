/**
 * `npm run soak:api`: the fuzzing at length.
 *
 *   node packages/cluster/src/testing/fuzz/main.ts [--cases 100000] [--seed N] [--only patches|surface]
 *
 * Tells the seed and the rate; ends with 1 if anything was found. A case is had again with `--seed` and `--cases` up to it.
 */
import { parseArgs } from 'node:util';
import { patchCase } from './patches.ts';
import { fuzzSurface } from './surface.ts';

const { values } = parseArgs({
  options: { cases: { type: 'string', default: '100000' }, seed: { type: 'string' }, only: { type: 'string' } },
});
const cases = Number(values.cases);
const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
const MOST_TOLD = 20;
let found = 0;

function tell(finding: string): void {
  found++;
  if (found <= MOST_TOLD) console.log(`FOUND ${finding}`);
}

function rate(done: number, since: number): string {
  const seconds = (performance.now() - since) / 1000;
  return `${done} cases in ${seconds.toFixed(1)} s, ${Math.round(done / seconds)}/s`;
}

console.log(`seed ${seed}, ${cases} cases each`);
if (values.only !== 'surface') {
  const since = performance.now();
  for (let i = 0; i < cases; i++) {
    let complaint: string | undefined;
    try {
      complaint = patchCase(seed + i);
    } catch (error) {
      complaint = error instanceof Error ? error.stack : String(error);
    }
    if (complaint !== undefined) tell(`patch ${seed + i}: ${complaint.slice(0, 2_000)}`);
  }
  console.log(`patch engines   ${rate(cases, since)}`);
}
if (values.only !== 'patches') {
  const since = performance.now();
  const codes = await fuzzSurface({
    seed,
    cases,
    onFinding: tell,
    onProgress: (done) => {
      const heap = Math.round(process.memoryUsage().heapUsed / 1e6);
      if (done % 10_000 === 0) console.log(`  ${rate(done, since)}, heap ${heap} MB`);
    },
  });
  console.log(`HTTP surface    ${rate(cases, since)}`);
  const shares = [...codes].sort(([a], [b]) => a - b).map(([code, count]) => `${code}: ${count}`);
  console.log(`  answers         ${shares.join(', ')}`);
}
console.log(found === 0 ? 'nothing found' : `${found} found`);
process.exitCode = found === 0 ? 0 : 1;
