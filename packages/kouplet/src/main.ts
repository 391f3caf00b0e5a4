#!/usr/bin/env node
/** The command `kouplet`. Runs as it is in the repository; what is published is built. */
import { run } from './run.ts';

await run(process.argv, process.env);
