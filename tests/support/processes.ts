/** Our commands as a person runs them: processes of their own, with ports, readiness and an end, also after a failed test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { waitFor } from './wait.ts';
import type { ControllerSettings } from './world.ts';

const main = fileURLToPath(new URL('../../packages/kouplet/src/main.ts', import.meta.url));
/** Compiled once for all processes of all runs: most of a start's time otherwise. */
const compileCache = fileURLToPath(new URL('../../node_modules/.cache/kouplet-tests', import.meta.url));
const running = new Set<ChildProcess>();

export interface Ended {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout(): string;
  stderr(): string;
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>;
  /** SIGTERM, and how it ended. */
  terminate(): Promise<Ended>;
}

/** Starts `kouplet …`. The environment is the test's own: nothing of KOUPLET_ or upstream's of whoever runs the tests. */
export function startKouplet(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Running {
  return startProgram(process.execPath, [main, ...args], environment);
}

/** Starts any program in that way. */
export function startProgram(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Running {
  const foreign =
    /^(KOUPLET_|MQTT_|ENABLE_|CLIENT_ID$|NAMESPACE$|ENV$|KUBECONFIG$|NODE_OPTIONS$|KUBERNETES_|KUBELET_|POD_IP$)/;
  const kept = Object.entries(process.env).filter(([name]) => !foreign.test(name));
  const child = spawn(command, args, {
    env: { ...Object.fromEntries(kept), NO_COLOR: '1', NODE_COMPILE_CACHE: compileCache, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const text = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      text[name] += chunk;
    });
  }
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code) => {
      running.delete(child);
      resolve({ code, ...text });
    });
  });
  return {
    child,
    ended,
    stdout: () => text.stdout,
    stderr: () => text.stderr,
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
    terminate: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

/** A free port of loopback: for a process that must come back where it was. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export interface ControllerProcess extends Running {
  readonly mqttPort: number;
  /** `http://127.0.0.1:PORT`. */
  readonly http: string;
  stop(): Promise<void>;
}

export interface ControllerFlags {
  /** `mqtt://…` of an external broker; absent: the embedded one. */
  readonly broker?: string;
  /** Further arguments. */
  readonly args?: readonly string[];
  /** Absent: one of its own making, as a person's would be. */
  readonly holderIdentity?: string;
}

/** Starts `kouplet controller` and waits until `/readyz` is true. */
export async function startControllerProcess(
  settings: Omit<ControllerSettings, 'holderIdentity'>,
  flags: ControllerFlags = {},
): Promise<ControllerProcess> {
  const mqttPort = settings.mqttPort === 0 ? await freePort() : settings.mqttPort;
  const httpPort = await freePort();
  const { kubeconfig, env, namespace } = settings;
  const started = startKouplet(
    [
      ...['controller', '--kubeconfig', kubeconfig, '--env', env, '--namespace', namespace],
      ...['--http', `127.0.0.1:${httpPort}`],
      ...(flags.broker === undefined ? ['--listen', `127.0.0.1:${mqttPort}`] : ['--broker', flags.broker]),
      ...(flags.args ?? []),
    ],
    flags.holderIdentity === undefined ? {} : { CLIENT_ID: flags.holderIdentity },
  );
  const http = `http://127.0.0.1:${httpPort}`;
  await waitFor(
    'the controller is ready',
    async () => {
      if (started.child.exitCode !== null) throw new Error(`it ended: ${started.stdout()}${started.stderr()}`);
      return (await fetch(`${http}/readyz`)).ok;
    },
    60_000,
  );
  return { ...started, mqttPort, http, stop: async () => void (await started.terminate()) };
}

/** Starts `kouplet broker` and waits until it listens. */
export async function startBrokerProcess(port: number, args: readonly string[] = []): Promise<Running> {
  const started = startKouplet(['broker', '--listen', `127.0.0.1:${port}`, ...args]);
  await waitFor('the broker listens', () => started.stdout().includes('"listening"'), 60_000);
  return started;
}

/** For `afterEach`: whatever a failed test left running. */
export async function endProcesses(): Promise<void> {
  await Promise.all(
    [...running].map(async (child) => {
      child.kill('SIGKILL');
      await once(child, 'close');
    }),
  );
}
