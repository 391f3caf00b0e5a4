/** A rollout that fails on the only base, taken back: the base can have one of the two, so Kubernetes alone would wait for ever. */
import { maskUrl, type Timings } from '@kouplet/core';
import { afterEach, describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { moduleDeployment } from '../support/deployment.ts';
import { expectNoneRetained, settles } from '../support/sight.ts';
import { waitFor } from '../support/wait.ts';
import { conditionOf, reasonOf, startWorld, urlOf, type World } from '../support/world.ts';

let world: World;
afterEach(async () => {
  await world?.stop();
  expectNoneRetained(world);
});

const install = 'installBiz biz1:0.0.1';
const uninstall = 'uninstallBiz biz1:0.0.1';
const bad = urlOf('biz1', '0.0.1', '?kouplet-fail=404');

/** A back-off that does not end within a case, unless the case says so. */
const patient: Partial<Timings> = { operationOverdueMs: 300, operationLostMs: 900, backoffFirstMs: 60_000 };

describe('a rollout to a URL that does not exist, on one base', () => {
  test('is taken back: the old Pod is Ready within seconds, the failing one goes and nothing is sent for it', async () => {
    world = await startWorld({ timings: patient });
    const { image, old, fresh } = await rolledOut();
    await waitFor('the failure is shown', async () => reasonOf(await world.pod(fresh))?.startsWith('InstallFailed'));
    expect(reasonOf(await world.pod(fresh))).toContain('FileNotFoundException');
    // Out of service for one attempt, and back without anyone's doing.
    const commands = [install, uninstall, install, install];
    await ready(old);
    expect(world.commands()).toEqual(commands);
    const failing = await world.pod(fresh);
    expect(failing?.status.containerStatuses[0]).toMatchObject({ image: maskUrl(bad), imageID: '' });
    expect(failing?.status.containerStatuses[0].containerID).toBeUndefined();
    await setImage(image);
    const pods = { [old]: 'Running, Ready=True, biz1 running restarts=1' };
    const list = ['biz1:0.0.1 ACTIVATED'];
    await settles(world, { node: 'Ready=True', pods, list, commands }, 8_000, { holdsMs: 800 });
    expect(world.base().list()[0]?.url).toBe(image);
  });

  test('is left alone: each attempt takes the old Pod off line for a moment, ever more rarely', async () => {
    world = await startWorld({ timings: { ...patient, backoffFirstMs: 500, backoffCapMs: 120_000 } });
    const { old, fresh } = await rolledOut();
    const attempts = () => world.commands().filter((one) => one === uninstall).length;
    await waitFor('it was tried three times', async () => attempts() === 3, 8_000);
    await ready(old);
    await waitFor('the failure stays', async () => reasonOf(await world.pod(fresh))?.startsWith('InstallBackOff'));
    const attempt = [uninstall, install, install];
    expect(world.commands().slice(0, 10)).toEqual([install, ...attempt, ...attempt, ...attempt]);
    // Its back-off goes on doubling, whatever the old Pod's success: at least 0.8 of 500 ms, then of 1 s.
    const [first = 0, second = 0, third = 0] = world
      .base()
      .log.filter((one) => one.command === 'uninstallBiz')
      .map((one) => one.at);
    expect(second - first).toBeGreaterThanOrEqual(400);
    expect(third - second).toBeGreaterThanOrEqual(800);
  });
});

/** A Deployment on line, then set to the URL that fails: the names of its Pods and its first image. */
async function rolledOut(): Promise<{ image: string; old: string; fresh: string }> {
  const deployment = moduleDeployment(world);
  const image: string = deployment.spec.template.spec.containers[0].image;
  await world.api.call('POST', `/apis/apps/v1/namespaces/${world.namespace}/deployments`, deployment);
  const old = await waitFor('the Deployment is on line', async () => {
    const [pod] = await world.api.items(`/api/v1/namespaces/${world.namespace}/pods`);
    return isReady(pod) ? pod?.metadata.name : undefined;
  });
  await setImage(bad);
  const fresh = await waitFor('the new Pod is there', async () => {
    const pods = await world.api.items(`/api/v1/namespaces/${world.namespace}/pods`);
    return pods.find((pod) => pod.metadata.name !== old)?.metadata.name;
  });
  return { image, old, fresh };
}

/** `kubectl set image`; with the first image it is what `kubectl rollout undo` writes. */
async function setImage(image: string): Promise<void> {
  const patch = { spec: { template: { spec: { containers: [{ name: 'biz1', image }] } } } };
  const path = `/apis/apps/v1/namespaces/${world.namespace}/deployments/d1`;
  await world.api.call('PATCH', path, patch, 'application/strategic-merge-patch+json');
}

async function ready(name: string): Promise<void> {
  await waitFor(`${name} is Ready`, async () => isReady(await world.pod(name)), 5_000);
}

function isReady(pod: Json | undefined): boolean {
  return conditionOf(pod, 'Ready')?.status === 'True';
}
