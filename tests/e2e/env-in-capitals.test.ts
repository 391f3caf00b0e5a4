/** A controller whose env is written in capitals: bases lower theirs, so it serves the env in lower case. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endProcesses, freePort, startKouplet } from '../support/processes.ts';
import { waitFor } from '../support/wait.ts';
import { type ControllerSettings, type OpenedController, startWorld, type World } from '../support/world.ts';

/** `ENV` is upstream's variable, which it takes as it stands: it would hear no base then. */
async function openInCapitals({ kubeconfig, env, namespace, mqttPort }: ControllerSettings): Promise<OpenedController> {
  const [port, httpPort] = [mqttPort || (await freePort()), await freePort()];
  const args = ['--kubeconfig', kubeconfig, '--namespace', namespace, '--listen', `127.0.0.1:${port}`];
  const running = startKouplet(['controller', ...args, '--http', `127.0.0.1:${httpPort}`], { ENV: env.toUpperCase() });
  await waitFor(
    'the controller is ready',
    async () => {
      if (running.child.exitCode !== null) throw new Error(`it ended: ${running.stdout()}${running.stderr()}`);
      return (await fetch(`http://127.0.0.1:${httpPort}/readyz`)).ok;
    },
    60_000,
  );
  return { mqttPort: port, stop: async () => void (await running.terminate()) };
}

describe('under a controller whose ENV is in upper case', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld({ bases: 0, openController: openInCapitals });
  }, 60_000);
  afterAll(async () => {
    await world?.stop();
    await endProcesses();
  });

  test.each([
    ['of the same env in lower case', 'lower', (env: string) => env],
    ['of the same env in upper case', 'upper', (env: string) => env.toUpperCase()],
  ])('a base %s is a Node of the env in lower case, and takes a module on line and off line', async (_what, name, written) => {
    expect(world.env).not.toBe(world.env.toUpperCase());
    const base = await world.addBase({ identity: name, env: written(world.env) });
    const node = await world.nodeReady(base, 20_000);
    expect(node.metadata.name).toBe(`vnode.${name}.${world.env}`);
    expect(node.metadata.labels['virtual-kubelet.koupleless.io/env']).toBe(world.env);
    await world.createPod(name, { base });
    await world.podReady(name, 20_000);
    expect(base.installedKeys()).toEqual(['biz1:0.0.1']);
    await world.deletePod(name);
    await world.podGone(name, 20_000);
    expect(base.installedKeys()).toEqual([]);
    expect(world.commands(base)).toEqual(['installBiz biz1:0.0.1', 'uninstallBiz biz1:0.0.1']);
  });
});
