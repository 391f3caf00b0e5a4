import { test } from 'vitest';
import { newRun, runLine } from './scenarios/language.ts';

test('try', () => {
  const run = newRun();
  for (const line of (process.env['SCN'] ?? '').split('\n')) runLine(run, line);
  process.stdout.write(`${run.output.join('\n')}\n`);
});
