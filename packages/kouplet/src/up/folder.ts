/** One `kouplet up` a folder: a second one would write its kubeconfig and its log over those of the first. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { failed, messageOf } from '../failure.ts';
import { shownPath } from '../kubeconfig-file.ts';

const fileName = 'up.lock';
/** Primary result code of SQLite (sqlite.org/rescode.html). */
const busy = 5;
/** Two that start at once may meet while one of them writes who it is. */
const waitMs = 300;

/**
 * Takes a folder, made where there is none, for this process. A lock of the system's, by way of SQLite: it goes with the
 * process however that ends, so nothing stale is left, whoever gets the same process id later.
 *
 * @returns gives it back
 * @throws Failure where another live process has it, or it cannot be written to
 */
export async function holdFolder(dir: string): Promise<() => void> {
  const DatabaseSync = await loadDatabase();
  const path = join(dir, fileName);
  let lock: InstanceType<typeof DatabaseSync> | undefined;
  try {
    mkdirSync(dir, { recursive: true });
    lock = new DatabaseSync(path, { timeout: waitMs });
    // Whoever is refused reads there who has it; the second lock is the one that is kept.
    lock.exec('PRAGMA synchronous = OFF; BEGIN IMMEDIATE');
    lock.exec(`PRAGMA user_version = ${process.pid}; COMMIT; BEGIN IMMEDIATE`);
    return () => lock?.close();
  } catch (error) {
    const isTaken = error instanceof Error && 'errcode' in error && error.errcode === busy;
    const owner = isTaken && lock !== undefined ? ownerOf(() => lock?.prepare('PRAGMA user_version').get()) : '';
    lock?.close();
    const shown = shownPath(dir);
    throw isTaken
      ? failed(
          `another kouplet up${owner} has the folder ${shown}`,
          'End that one first, or choose another folder with --dir.',
        )
      : failed(`the folder ${shown} cannot be used: ${path}: ${messageOf(error)}`, 'Choose another place with --dir.');
  }
}

/** Some versions of Node call their SQLite experimental, on the standard error, each time that it is loaded. */
async function loadDatabase() {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return (await import('node:sqlite')).DatabaseSync;
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** @returns nothing where it cannot be told at this moment */
function ownerOf(read: () => Record<string, unknown> | undefined): string {
  try {
    const pid = Number(read()?.user_version);
    return pid > 0 ? ` (process ${pid})` : '';
  } catch {
    return '';
  }
}
