#!/usr/bin/env node
/** The command `kouplet`. Runs as it is in the repository; what is published is built. */
import { enableCompileCache } from 'node:module';

// Most of a start is compiling; Node keeps the result in the system's folder for temporary files.
enableCompileCache();
const { run } = await import('./run.ts');

// A reader that went away (`kouplet base | head`) is no failure of ours.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

process.exitCode = await run(process.argv, process.env);
