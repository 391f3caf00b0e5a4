/** The kubectl on PATH, run as a person runs it: its own cache folder, one kubeconfig, one namespace. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why there is no kubectl here, or undefined: `test.skipIf(noKubectl)`. */
export const noKubectl: string | undefined =
  spawnSync('kubectl', ['version', '--client']).status === 0 ? undefined : 'no kubectl on PATH';

export interface KubectlAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Kubectl {
  /** Runs a line as in a shell without quoting (`get pods -o wide`), or the arguments given; throws unless it exits 0. Answers its stdout. */
  (line: string | readonly string[], input?: string): Promise<string>;
  /** The same, whatever the exit code. */
  try(line: string | readonly string[], input?: string): Promise<KubectlAnswer>;
}

export function kubectlFor(kubeconfig: string, namespace: string): Kubectl {
  const home = mkdtempSync(join(tmpdir(), 'kouplet-kubectl-'));
  const run = (line: string | readonly string[], input?: string): Promise<KubectlAnswer> =>
    new Promise((resolve) => {
      const args = typeof line === 'string' ? line.split(' ').filter((word) => word !== '') : [...line];
      const child = execFile(
        'kubectl',
        ['--kubeconfig', kubeconfig, '--namespace', namespace, ...args],
        { env: { PATH: process.env.PATH ?? '', HOME: home }, timeout: 60_000 },
        (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr }),
      );
      if (input !== undefined) child.stdin?.end(input);
    });
  const must = async (line: string | readonly string[], input?: string): Promise<string> => {
    const answer = await run(line, input);
    if (answer.code !== 0) throw new Error(`kubectl ${line}: exit ${answer.code}: ${answer.stderr}${answer.stdout}`);
    return answer.stdout;
  };
  return Object.assign(must, { try: run });
}
