/** Runs the command as a person does: a process of its own, its lines read as they come, always ended. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../main.ts', import.meta.url));
const running = new Set<ChildProcess>();

export interface Ended {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCommand {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout(): string;
  stderr(): string;
  /** Waits for what the standard output must come to say. @throws with both outputs where it does not, or where the command ends before */
  says(pattern: RegExp, withinMs?: number): Promise<RegExpExecArray>;
}

/** The environment is the test's own: no KOUPLET_ and no upstream variable of whoever runs the tests. */
function cleanEnvironment(added: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) =>
      !/^(KOUPLET_|MQTT_|ENABLE_|CLIENT_ID$|NAMESPACE$|ENV$|KUBECONFIG$|NODE_OPTIONS$|KUBERNETES_)/.test(name),
  );
  return { ...Object.fromEntries(kept), NO_COLOR: '1', ...added };
}

export function startCommand(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): RunningCommand {
  const child = spawn(process.execPath, [main, ...args], {
    env: cleanEnvironment(environment),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let stdout = '';
  let stderr = '';
  let isEnded = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code) => {
      isEnded = true;
      running.delete(child);
      resolve({ code, stdout, stderr });
    });
  });
  return {
    process: child,
    ended,
    stdout: () => stdout,
    stderr: () => stderr,
    async says(pattern, withinMs = 15_000) {
      const until = performance.now() + withinMs;
      for (;;) {
        const found = pattern.exec(stdout);
        if (found !== null) return found;
        if (isEnded || performance.now() > until) {
          throw new Error(`${isEnded ? 'it ended' : 'it ran on'} and did not say ${pattern}:\n${stdout}\n${stderr}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
  };
}

export function runCommand(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  return startCommand(args, environment).ended;
}

/** For `afterEach`: whatever a failed test left running. */
export async function endCommands(): Promise<void> {
  await Promise.all(
    [...running].map(
      (child) =>
        new Promise<void>((resolve) => {
          child.once('close', () => resolve());
          child.kill('SIGKILL');
        }),
    ),
  );
}
