/** `npm run bench [name…]`: without a name lists the benchmarks and runs all; with names runs those. Each runs in a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type Bench, lineOf } from './report.ts';

const here = new URL('./', import.meta.url);
const files = (await readdir(here)).filter((file) => file.endsWith('.bench.ts')).sort();
const names = files.map((file) => file.replace(/\.bench\.ts$/, ''));
const wanted = process.argv.slice(2);

if (wanted[0] === '--one') {
  const { bench } = (await import(new URL(`${wanted[1]}.bench.ts`, here).href)) as { readonly bench: Bench };
  console.log(`${bench.name}: ${bench.about}`);
  await bench.run((figure) => console.log(lineOf(figure)));
  process.exit(0);
}

const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  console.error(`no benchmark ${unknown.join(', ')}; there are: ${names.join(', ')}`);
  process.exit(2);
}
if (wanted.length === 0) console.log(`benchmarks: ${names.join(', ')}`);
console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}`);
for (const name of wanted.length === 0 ? names : wanted) {
  const child = spawn(process.execPath, ['--expose-gc', fileURLToPath(import.meta.url), '--one', name], {
    stdio: 'inherit',
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) {
    console.error(`benchmark ${name} failed`);
    process.exitCode = 1;
  }
}
