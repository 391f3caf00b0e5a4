/** Writing the kubeconfig of the embedded cluster: whole or not at all, readable by its owner only. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { codeOf, failed, messageOf } from './failure.ts';

/** @throws Failure where it cannot be written; `flag` is what chose the place */
export function writeKubeconfig(path: string, text: string, flag: string): void {
  const temporary = `${path}.${process.pid}`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    // A new file and a rename: an old one's mode would stay, and a reader could see half of it.
    writeFileSync(temporary, text, { mode: 0o600, flag: 'wx' });
    renameSync(temporary, path);
  } catch (error) {
    remove(temporary);
    const why = codeOf(error) === 'EACCES' ? 'not allowed' : messageOf(error);
    throw failed(`the kubeconfig ${path} cannot be written: ${why}`, `Choose another place with ${flag}.`);
  }
}

function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // It was never made; the first error is what is told.
  }
}

/** A path as one would type it from here, quoted for a shell where it has to be. */
export function shownPath(path: string): string {
  const near = relative('.', resolve(path));
  const shown = near === '' || near.startsWith('..') ? resolve(path) : near;
  return /^[\w@%+=:,./-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", `'\\''`)}'`;
}
