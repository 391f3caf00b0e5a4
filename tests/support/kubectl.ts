/**
 * The kubectl that the tests run as a person runs it: its own cache folder, one kubeconfig, one namespace. The one on PATH if snapshots of what it prints
 * are kept, else one that `npm run test:kubectl` fetched, else the one on PATH whatever it is. Without any, what needs one is left out.
 */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The minor versions that snapshots are kept of, in ascending order. */
export const LISTED = ['1.29', '1.32', '1.35'] as const;

/** The version that the snapshots of `tests/contract` are of. */
const CONTRACT_MINOR = '1.32';

const HOW_TO_GET_ONE =
  'npm run test:kubectl fetches 1.29, 1.32 and 1.35 (Linux on x64), and npm test then takes one of those';

export interface KubectlBinary {
  readonly path: string;
  /** `1.32` */
  readonly minor: string;
}

/** What a binary says of itself; undefined where it is not there, does not run here, or is no kubectl. */
export function askKubectl(path: string): KubectlBinary | undefined {
  const { status, stdout } = spawnSync(path, ['version', '--client', '-o', 'json'], { encoding: 'utf8' });
  if (status !== 0) return undefined;
  try {
    const { major, minor } = JSON.parse(stdout).clientVersion;
    return { path, minor: `${major}.${String(minor).replace(/\D+$/, '')}` };
  } catch {
    return undefined;
  }
}

export const isListed = (minor: string): boolean => LISTED.some((listed) => listed === minor);

const fetched = (minor: string): KubectlBinary | undefined =>
  askKubectl(fileURLToPath(new URL(`../../build/kubectl/${minor}/kubectl`, import.meta.url)));

const onPath = askKubectl('kubectl');

/** The kubectl of this run. */
export const kubectlHere: KubectlBinary | undefined =
  onPath !== undefined && isListed(onPath.minor)
    ? onPath
    : (fetched(CONTRACT_MINOR) ?? fetched('1.35') ?? fetched('1.29') ?? onPath);

/** Why there is no kubectl here, or undefined: `test.skipIf(noKubectl)`. */
export const noKubectl: string | undefined =
  kubectlHere === undefined ? `there is no kubectl on PATH; ${HOW_TO_GET_ONE}` : undefined;

const asInContract = kubectlHere?.minor === CONTRACT_MINOR ? kubectlHere : fetched(CONTRACT_MINOR);

/** Why what kubectl prints cannot be held against the snapshots of `tests/contract`, or undefined. */
export const noContractKubectl: string | undefined =
  asInContract === undefined
    ? `what kubectl ${CONTRACT_MINOR} prints is not what ${kubectlHere?.minor ?? 'none'} does; ${HOW_TO_GET_ONE}`
    : undefined;

/** The kubectl of `tests/contract`: of the snapshots' version where there is one. */
export const contractKubectl: KubectlBinary | undefined = asInContract ?? kubectlHere;

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

export function kubectlFor(kubeconfig: string, namespace: string, binary = kubectlHere): Kubectl {
  const home = mkdtempSync(join(tmpdir(), 'kouplet-kubectl-'));
  const run = (line: string | readonly string[], input?: string): Promise<KubectlAnswer> =>
    new Promise((resolve) => {
      const args = typeof line === 'string' ? line.split(' ').filter((word) => word !== '') : [...line];
      const child = execFile(
        binary?.path ?? 'kubectl',
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
