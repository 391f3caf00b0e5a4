/**
 * The YAML library, loaded with the first body or answer in YAML: most clients speak JSON, and its 70 files are a good part of a start.
 * By `require`, so that whoever reads a body need not wait.
 */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

export function yaml(): typeof import('yaml') {
  return require('yaml');
}
