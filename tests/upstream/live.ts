/**
 * ModuleController v2.2.0 as a program that runs: the real one where UPSTREAM_CONTROLLER names its binary (a real cluster is needed
 * then: it speaks protobuf to the API), else a stand-in that does what its code says. docs/upstream.md says how the real one is had.
 */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { realKubeconfig } from '../support/cluster.ts';
import { type Running, startProgram } from '../support/processes.ts';
import { waitFor } from '../support/wait.ts';
import type { World } from '../support/world.ts';
import { upstreamEnvironment } from './left-behind.ts';

const binary = process.env.UPSTREAM_CONTROLLER || undefined;
const standIn = fileURLToPath(new URL('stand-in/main.ts', import.meta.url));

export const isRealUpstream = binary !== undefined;
/** Why the real one cannot run here; undefined where it can, and for the stand-in. */
export const leftOut =
  binary === undefined
    ? undefined
    : !existsSync(binary)
      ? `UPSTREAM_CONTROLLER: there is no ${binary}`
      : realKubeconfig === undefined
        ? 'UPSTREAM_CONTROLLER needs a real cluster: set TEST_KUBECONFIG'
        : undefined;

/** Starts it with its own variables, and waits until it is at the broker. */
export async function startUpstreamProgram(
  world: World,
  brokerPort: number,
  clientId: string | undefined,
): Promise<Running> {
  const environment = upstreamEnvironment(world, brokerPort, clientId);
  const started =
    binary === undefined
      ? startProgram(process.execPath, [standIn], environment)
      : startProgram(binary, [], { ...environment, TRACKER_CONFIG_PATH: `${tmpdir()}/no-tracker.yaml` });
  await waitFor(
    'upstream is at its broker',
    () => {
      if (started.child.exitCode !== null) throw new Error(`it ended: ${started.stdout()}${started.stderr()}`);
      return `${started.stdout()}${started.stderr()}`.includes('all tunnels are ready');
    },
    90_000,
  );
  return started;
}
