/** Who writes to a file now, as far as the system tells: `/proc` of Linux. Needs no lock that a killed process would leave. */
import { readdirSync, statSync } from 'node:fs';

/**
 * Whether that process has the file open. A process that was killed has nothing open, nor has another that got its number.
 * @returns false too where the system does not tell
 */
export function hasOpen(pid: number, path: string): boolean {
  const folder = `/proc/${pid}/fd`;
  try {
    const { dev, ino } = statSync(path);
    return readdirSync(folder).some((name) => {
      // It may be closed meanwhile.
      const open = statSync(`${folder}/${name}`, { throwIfNoEntry: false });
      return open?.dev === dev && open.ino === ino;
    });
  } catch {
    return false;
  }
}
