import { type Fleet, startFleet } from '@kouplet/base';
import { AedesTunnel } from '@kouplet/broker';
import { type Cluster, startCluster } from '@kouplet/cluster';
import { defaultTimings, foldBase, type Policy } from '@kouplet/core';
import { fixedAccess } from '@kouplet/kube';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Change } from './changes.ts';
import { type Controller, type ControllerOptions, startController } from './controller.ts';
import { logTo } from './log.ts';
import { core } from './pipeline/pipeline.ts';
import { eventually } from './testing/eventually.ts';

const policy: Policy = {
  env: 'dev',
  holderIdentity: 'me',
  namespace: 'default',
  kubeletVersion: 'v1.34.0-kouplet.test',
  hasEnvTaint: false,
  hasOsLabels: false,
  unmanagedModules: 'report',
  goneAfterMs: 60_000,
  hasSessions: true,
  timings: { ...defaultTimings, backoffFirstMs: 500 },
};
const quiet = logTo({ write: () => {} }, 'silent');

let cluster: Cluster;
let tunnel: AedesTunnel;
let fleet: Fleet | undefined;
let controller: Controller | undefined;
let changes: Change[] = [];
beforeEach(async () => {
  cluster = await startCluster();
  tunnel = new AedesTunnel({ env: 'dev', port: 0 });
  changes = [];
});
afterEach(async () => {
  fleet?.kill();
  await controller?.stop();
  await tunnel.close();
  await cluster.close();
  fleet = undefined;
  controller = undefined;
});

async function start(options: Partial<ControllerOptions> = {}): Promise<Controller> {
  controller = await startController({
    policy,
    tunnel,
    access: fixedAccess({ server: cluster.url }),
    userAgent: 'kouplet/test',
    http: { host: '127.0.0.1', port: 0 },
    log: quiet,
    onChange: (change) => changes.push(change),
    ...options,
  });
  return controller;
}

async function connect(count: number): Promise<Fleet> {
  fleet = await startFleet({ broker: tunnel.broker?.url ?? '', count });
  return fleet;
}

const isNodeReady = (name: string): boolean =>
  cluster.api
    .get('nodes', name)
    ?.status.conditions?.some(
      (each: { type: string; status: string }) => each.type === 'Ready' && each.status === 'True',
    ) === true;

function createModule(name: string, nodeName: string): void {
  cluster.api.create(
    'pods',
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, labels: { 'virtual-kubelet.koupleless.io/component': 'module' } },
      spec: {
        nodeName,
        // Without it the taint manager takes the Pod away again: binding by hand passes the scheduler only.
        tolerations: [{ key: 'schedule.koupleless.io/virtual-node', operator: 'Exists' }],
        containers: [{ name: 'biz1', image: 'https://repo/biz1.jar', env: [{ name: 'BIZ_VERSION', value: '0.0.1' }] }],
      },
    },
    { actor: 'test', namespace: 'default' },
  );
}

const phaseOf = (name: string): string | undefined => cluster.api.get('pods', name, 'default')?.status.phase;

describe('the whole way', () => {
  test('a base becomes a Node, a Pod on it an install, its deletion an uninstall [SPEC E22]', async () => {
    await start();
    const { bases } = await connect(1);
    await eventually('the Node is Ready', () => isNodeReady('vnode.base-1.dev'));
    createModule('m1', 'vnode.base-1.dev');
    await eventually('the Pod is Running', () => phaseOf('m1') === 'Running');
    expect(bases[0]?.installedKeys()).toEqual(['biz1:0.0.1']);
    cluster.api.delete('pods', 'm1', 'default');
    await eventually('the Pod is gone', () => cluster.api.get('pods', 'm1', 'default') === undefined);
    expect(bases[0]?.installedKeys()).toEqual([]);
    const operations = bases[0]?.log
      .map(({ command }) => command)
      .filter((command) => command.endsWith('Biz') && command !== 'queryAllBiz');
    expect(operations).toEqual(['installBiz', 'uninstallBiz']);
    await eventually('the lines are told', () => changes.length >= 3);
    expect(changes.map(({ kind }) => kind)).toEqual(['node-ready', 'module-on-line', 'module-off-line']);
  });

  test('at rest nothing is written: what is there is what is wanted [SPEC E25]', async () => {
    const started = await start();
    await connect(1);
    await eventually('the Node is Ready', () => isNodeReady('vnode.base-1.dev'));
    createModule('m1', 'vnode.base-1.dev');
    await eventually('the Pod is Running', () => phaseOf('m1') === 'Running');
    const writes = async (): Promise<string> =>
      (await (await fetch(`${started.address}/metrics`)).text())
        .split('\n')
        .filter((line) => line.startsWith('kouplet_api_writes_total') && !line.includes('lease'))
        .join('\n');
    let last = '';
    const rest = await eventually('the writes come to rest', async () => {
      const now = await writes();
      const isSame = now === last;
      last = now;
      if (!isSame) return undefined;
      await new Promise((resolve) => setTimeout(resolve, 300));
      return now === (await writes()) ? now : undefined;
    });
    expect(rest).toContain('create-node');
    expect(rest).not.toMatch(/outcome="(failed|refused)"/);
  });
});

describe('the end', () => {
  test('hands the Leases back, closes the tunnel and is over within five seconds [SPEC E23]', async () => {
    const started = await start();
    await connect(3);
    const names = [1, 2, 3].map((index) => `vnode.base-${index}.dev`);
    await eventually('all Nodes are Ready', () => names.every(isNodeReady));
    const holders = (): unknown[] =>
      names.map((name) => cluster.api.get('leases.coordination.k8s.io', name, 'kube-node-lease')?.spec.holderIdentity);
    expect(holders()).toEqual(['me', 'me', 'me']);
    const begunAt = performance.now();
    await started.stop();
    expect(performance.now() - begunAt).toBeLessThan(5_000);
    expect(holders().map((holder) => holder ?? '')).toEqual(['', '', '']);
    const replicas = cluster.api
      .list('leases.coordination.k8s.io', { namespace: 'default' })
      .filter(({ spec }) => spec.holderIdentity === 'me');
    expect(replicas).toEqual([]);
    // The Nodes stay Ready: our end is nobody's death.
    expect(names.every(isNodeReady)).toBe(true);
    await expect(fetch(`${started.address}/healthz`)).rejects.toThrow();
    await started.done;
    await started.stop();
  });

  test('comes within five seconds though the API is gone [SPEC E23]', async () => {
    const started = await start();
    await connect(1);
    await eventually('the Node is Ready', () => isNodeReady('vnode.base-1.dev'));
    await cluster.close();
    const begunAt = performance.now();
    await started.stop();
    expect(performance.now() - begunAt).toBeLessThan(5_000);
  });
});

describe('health', () => {
  test('is ready once the first lists are in, shows plans, and says which base it does not know [SPEC E22]', async () => {
    const started = await start();
    await started.ready;
    expect((await fetch(`${started.address}/readyz`)).status).toBe(200);
    await connect(1);
    await eventually('the Node is Ready', () => isNodeReady('vnode.base-1.dev'));
    expect(started.bases()).toEqual(['base-1']);
    await eventually('nothing is due', async () => {
      const shown = (await (await fetch(`${started.address}/debug/plan?base=base-1`)).json()) as {
        readonly baseId: string;
        readonly plan: { readonly actions: readonly unknown[] };
      };
      return shown.baseId === 'base-1' && shown.plan.actions.length === 0;
    });
    expect((await fetch(`${started.address}/debug/plan?base=other`)).status).toBe(404);
    const metrics = await (await fetch(`${started.address}/metrics`)).text();
    expect(metrics).toContain('kouplet_bases 1');
    expect(metrics).toContain('kouplet_link_up{link="tunnel"} 1');
  });
});

describe('a fault', () => {
  test('of one base’s handling leaves the others alone, and is over when it is [SPEC E9]', async () => {
    let isBroken = true;
    await start({
      core: {
        ...core,
        foldBase: (state, input, ...rest) => {
          if (isBroken && input.baseId === 'base-1' && input.kind === 'pod-observed') throw new Error('injected');
          return foldBase(state, input, ...rest);
        },
      },
    });
    await connect(2);
    await eventually('both Nodes are Ready', () => isNodeReady('vnode.base-1.dev') && isNodeReady('vnode.base-2.dev'));
    createModule('m1', 'vnode.base-1.dev');
    createModule('m2', 'vnode.base-2.dev');
    await eventually('the other base’s Pod is Running', () => phaseOf('m2') === 'Running');
    expect(phaseOf('m1')).toBe('Pending');
    isBroken = false;
    // What the lost input said is told again: nobody touches the Pod.
    await eventually('the Pod of the quarantined base is Running', () => phaseOf('m1') === 'Running', 15_000);
  });

  test('at the start leaves nothing behind: no API there', async () => {
    await expect(start({ access: fixedAccess({ server: 'http://127.0.0.1:1' }) })).rejects.toMatchObject({
      code: 'api-unreachable',
    });
    expect(tunnel.broker).toBeUndefined();
  });

  test('at the start leaves nothing behind: the broker’s port is taken', async () => {
    const first = new AedesTunnel({ env: 'dev', port: 0 });
    await first.start(() => {});
    try {
      const second = new AedesTunnel({ env: 'dev', port: first.broker?.port ?? 0 });
      await expect(start({ tunnel: second })).rejects.toMatchObject({ code: 'port-in-use' });
    } finally {
      await first.close();
    }
  });
});
