/**
 * `kubectl logs` of a module Pod on a real cluster, all the way: kubectl → API server → Kouplet → API server → the kubelet of the
 * base's own Pod, which alone is the test's.
 */
import { spawn } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openCluster, realKubeconfig, type TestCluster } from '../support/cluster.ts';
import { type Kubectl, kubectlFor, kubectlHere, noKubectl } from '../support/kubectl.ts';
import { type LogKubelet, startLogKubelet } from '../support/log-kubelet.ts';
import { hasMosquitto } from '../support/mosquitto.ts';
import { type ControllerProcess, endProcesses, startControllerProcess } from '../support/processes.ts';
import { startReplicas } from '../support/replica-world.ts';
import { waitFor } from '../support/wait.ts';
import { startWorld, type World } from '../support/world.ts';

let cluster: TestCluster;
let world: World;
let kubelet: LogKubelet;
let kubectl: Kubectl;
let controller: ControllerProcess;

/** The base's own Pod, as its kubelet shows it. */
async function createBasePod(name: string, ip: string, containers: readonly string[]): Promise<void> {
  const path = `/api/v1/namespaces/${world.namespace}/pods`;
  await world.api.call('POST', path, {
    metadata: { name },
    spec: {
      nodeName: kubelet.node,
      containers: containers.map((container) => ({ name: container, image: 'base:1' })),
      automountServiceAccountToken: false,
      tolerations: [{ operator: 'Exists' }],
      terminationGracePeriodSeconds: 0,
    },
  });
  const status = { phase: 'Running', podIP: ip, podIPs: [{ ip }] };
  await world.api.call('PATCH', `${path}/${name}/status`, { status }, 'application/merge-patch+json');
}

describe.skipIf(realKubeconfig === undefined || noKubectl !== undefined)('kubectl logs on a real cluster', () => {
  beforeAll(async () => {
    cluster = await openCluster();
    world = await startWorld({
      cluster,
      bases: 0,
      hasLogs: true,
      openController: async (settings) => {
        controller = await startControllerProcess(settings, {
          args: ['--logs', '--logs-port', '0', '--logs-address', '127.0.0.1'],
        });
        return controller;
      },
    });
    kubelet = await startLogKubelet(world.api, `machine-${world.env}`);
    kubectl = kubectlFor(cluster.kubeconfig, world.namespace);
    await createBasePod('orders-0', '10.9.0.1', ['proxy', 'base']);
    for (const [identity, hostName, ip] of [
      ['b1', 'orders-0', '10.9.0.1'],
      ['b2', 'somewhere-else', '10.9.0.2'],
    ] as const) {
      const base = await world.addBase({ identity, hostName, ip });
      await world.nodeReady(base);
      await world.createPod(`m-${identity}`, { base, bizes: [{ name: 'biz1' }] });
      await world.podReady(`m-${identity}`);
    }
  });
  afterEach(() => {
    kubelet.asked.length = 0;
  });
  afterAll(async () => {
    await kubelet?.stop();
    await world?.stop();
    await cluster?.stop();
    await endProcesses();
  });

  test('the Node names us to the API server, its base stands beside [SPEC N23] [SPEC E46]', async () => {
    const node = await world.node(world.base());
    expect(node?.status.addresses).toEqual([
      { type: 'InternalIP', address: '127.0.0.1' },
      { type: 'Hostname', address: '127.0.0.1' },
    ]);
    expect(node?.status.daemonEndpoints.kubeletEndpoint.Port).toBeGreaterThan(0);
    expect(node?.metadata.annotations['kouplet.io/reported-ip']).toBe('10.9.0.1');
    expect((await world.pod('m-b1'))?.status.podIP).toBe('10.9.0.1');
  });

  test('a module Pod’s log is that of its base’s own Pod, with what kubectl asks [SPEC E46] [SPEC E41] [SPEC E42] [U32]', async () => {
    expect(await kubectl('logs m-b1')).toBe('line 1\nline 2\nline 3\n');
    await kubectl('logs m-b1 -c biz1 --tail 2 --timestamps --since 1h --limit-bytes 99 --previous');
    expect(kubelet.asked.map((one) => new URL(one, 'https://kubelet'))).toMatchObject([
      { pathname: `/containerLogs/${world.namespace}/orders-0/base`, search: '' },
      { pathname: `/containerLogs/${world.namespace}/orders-0/base` },
    ]);
    const asked = Object.fromEntries(new URL(kubelet.asked[1] ?? '', 'https://kubelet').searchParams);
    expect(asked).toEqual({
      tailLines: '2',
      timestamps: 'true',
      sinceSeconds: '3600',
      limitBytes: '99',
      previous: 'true',
    });
  });

  test('it is followed as it grows, and let go with kubectl [SPEC E44]', async () => {
    const args = ['--kubeconfig', cluster.kubeconfig, '--namespace', world.namespace, 'logs', '-f', 'm-b1'];
    const child = spawn(kubectlHere?.path ?? 'kubectl', args);
    let heard = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      heard += text;
    });
    try {
      await waitFor('the first lines', () => heard === 'line 1\nline 2\nline 3\n');
      for (const open of kubelet.open) open.write('line 4\n');
      await waitFor('the fourth', () => heard.endsWith('line 4\n'));
    } finally {
      child.kill('SIGKILL');
    }
    await waitFor('the kubelet is let go', () => kubelet.open.size === 0);
  });

  test('a base whose Pod is not known, and a container that is not, are said in words [SPEC E43] [SPEC E45]', async () => {
    const { code, stderr } = await kubectl.try('logs m-b2');
    expect([code, stderr]).toEqual([
      1,
      `Error from server (BadRequest): a module's log is that of its base, and the Pod of base b2 is not known: no Pod in namespace ${world.namespace} is named somewhere-else, as its host, and none has its address 10.9.0.2. Its log is where it runs; for kubectl logs it must be a Pod there, or the controller be told by --logs-base-namespaces where bases run.\n`,
    ]);
    kubelet.answer = (_request, response) => response.writeHead(500).end('the disk is gone');
    expect((await kubectl.try('logs m-b1')).stderr).toContain('the disk is gone');
  });

  test('what needs a container is refused in words [SPEC E45]', async () => {
    const exec = await kubectl.try('exec m-b1 -- ls');
    expect([exec.code, exec.stderr]).toEqual([1, expect.stringContaining('run it in the base’s own Pod')]);
    const attach = await kubectl.try('attach m-b1');
    expect(attach.stderr).toContain('kubectl logs shows the base’s log');
    const forward = await kubectl.try('port-forward m-b1 0:8080');
    expect([forward.code, forward.stderr]).toEqual([1, expect.stringContaining('no port can be forwarded to it')]);
  });

  test('who is not the API server must be known, and have the right to that Node [SPEC E41] [SPEC E42]', async () => {
    const port = (await world.node(world.base()))?.status.daemonEndpoints.kubeletEndpoint.Port;
    const direct = await import('undici').then(({ Agent }) => new Agent({ connect: { rejectUnauthorized: false } }));
    const ask = async (token?: string) => {
      const answer = await direct.request({
        origin: `https://127.0.0.1:${port}`,
        method: 'GET',
        path: `/containerLogs/${world.namespace}/m-b1/biz1`,
        ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
      });
      return { code: answer.statusCode, body: await answer.body.text() };
    };
    kubelet.answer = (_request, response) => response.end('direct\n');
    expect(await ask()).toEqual({ code: 401, body: 'Unauthorized' });
    expect(await ask('rubbish')).toEqual({ code: 401, body: 'Unauthorized' });
    await waitFor('its ServiceAccount', () =>
      world.api.find(`/api/v1/namespaces/${world.namespace}/serviceaccounts/default`),
    );
    const token = (await kubectl('create token default')).trim();
    expect(await ask(token)).toMatchObject({ code: 403, body: expect.stringContaining('nodes/proxy') });
    const name = `logs-${world.env}`;
    await kubectl(`create clusterrole ${name} --verb=get --resource=nodes/log`);
    await kubectl(
      `create clusterrolebinding ${name} --clusterrole=${name} --serviceaccount=${world.namespace}:default`,
    );
    try {
      // What is refused holds for ten seconds.
      await waitFor('he may', async () => (await ask(token)).code === 200, 30_000);
    } finally {
      await kubectl(`delete clusterrole,clusterrolebinding ${name}`);
      await direct.close();
    }
    expect(controller.stdout()).not.toContain(token);
  });
});

describe.skipIf(realKubeconfig === undefined || noKubectl !== undefined || !hasMosquitto)('with two replicas', () => {
  test('a Node names the one that holds it, and the other after a hand-over and a death [SPEC N23]', async () => {
    const args = ['--logs', '--logs-port', '0', '--logs-address', '127.0.0.1'];
    const place = await startReplicas(2, [{ identity: 'b1', hostName: 'orders-0', ip: '10.9.0.1' }], args);
    ({ world } = place);
    kubelet = await startLogKubelet(world.api, `machine-${world.env}`);
    try {
      kubectl = kubectlFor(world.cluster.kubeconfig, world.namespace);
      await createBasePod('orders-0', '10.9.0.1', ['base']);
      await world.createPod('m1', { bizes: [{ name: 'biz1' }] });
      await world.podReady('m1');
      const node = world.nodeOf(world.base());
      const port = async (): Promise<number> => (await world.node())?.status.daemonEndpoints.kubeletEndpoint.Port;
      const logs = async () => (await kubectl.try('logs m1')).stdout === 'line 1\nline 2\nline 3\n';
      await waitFor('the log of the first holder', logs);
      for (const end of ['terminate', 'kill'] as const) {
        const [before, holder] = [await port(), await place.holderOf(node)];
        await holder.process()[end]();
        await waitFor('the Node names another port', async () => (await port()) !== before, 60_000);
        await waitFor('the log of the next holder', logs);
        await holder.restart();
      }
      expect((await world.pod('m1'))?.status.podIP).toBe('10.9.0.1');
      expect(place.misdeeds()).toEqual([]);
    } finally {
      await kubelet.stop();
      await place.stop();
      await endProcesses();
    }
  });
});
