/** Upstream's time limits, held with the timings that are shipped: the worlds of tests/upstream and of the peers' test run with shorter ones. */
import type { BaseId } from '@kouplet/protocol';
import { describe, expect, test } from 'vitest';
import { replicaLeaseNameOf } from './names.ts';
import { type PeerDeployment, type PeersMemory, planPeers, withScalingEnded, withScalingStarted } from './peers.ts';
import { defaultTimings } from './policy.ts';
import { newRun, runLine } from './scenarios/language.ts';
import type { World } from './scenarios/world.ts';
import { createBase } from './state.ts';

const stepMs = 100;

function worldOf(...lines: readonly string[]): { world: World; tell: (...lines: readonly string[]) => void } {
  const run = newRun();
  const tell = (...more: readonly string[]) => {
    for (const line of more) runLine(run, line);
  };
  tell(...lines);
  expect(run.world.policy).toMatchObject({ goneAfterMs: 60_000, timings: defaultTimings });
  return { world: run.world, tell };
}

/** Lets time pass until it is so. @returns after how many ms @throws where it is not so within the limit */
function within(limitMs: number, world: World, what: string, look: () => boolean): number {
  const began = world.mono;
  while (!look()) {
    if (world.mono - began >= limitMs) throw new Error(`not within ${limitMs} ms: ${what}`);
    world.advance(stepMs);
  }
  return world.mono - began;
}

const leaseOf = (world: World, id = 'b1') => world.api.leases.get(`kube-node-lease/vnode.${id}.dev`);
const nodeOf = (world: World, id = 'b1') => world.api.nodes.get(`vnode.${id}.dev`);
const readyOf = (world: World, id = 'b1') =>
  nodeOf(world, id)?.status.conditions?.find(({ type }) => type === 'Ready')?.status;

/** Deployments that follow the bases of a world, looked at all the time; what is planned is done. */
class Peers {
  readonly replicas = new Map<string, number>();
  readonly world: World;
  private memory: PeersMemory = {};
  private readonly clusterOf = new Map<string, string>();

  constructor(world: World) {
    this.world = world;
  }

  add(name: string, clusterName: string): void {
    this.replicas.set(name, 1);
    this.clusterOf.set(name, clusterName);
  }

  /** After how many ms it has so many replicas. */
  becomes(name: string, replicas: number, limitMs: number): number {
    return within(limitMs, this.world, `${name} has ${replicas} replicas`, () => {
      this.look();
      return this.replicas.get(name) === replicas;
    });
  }

  private look(): void {
    const { fleet, policy, now, states } = this.world;
    const plan = planPeers(this.memory, this.deployments(), states.values(), fleet, policy, now);
    this.memory = plan.memory;
    for (const scaling of plan.scalings) {
      this.memory = withScalingStarted(this.memory, scaling);
      this.memory = withScalingEnded(this.memory, scaling, { kind: 'done' }, policy, now).memory;
      this.replicas.set(scaling.name, scaling.to);
    }
  }

  private deployments(): PeerDeployment[] {
    const label = 'virtual-kubelet.koupleless.io';
    const labels = {
      [`${label}/component`]: 'module-deployment',
      [`${label}/env`]: 'dev',
      [`${label}/strategy`]: 'peer',
    };
    const tolerations = [{ key: 'schedule.koupleless.io/virtual-node', operator: 'Exists' }];
    return [...this.replicas].map(([name, replicas]) => ({
      metadata: { name, namespace: 'ns', uid: name, resourceVersion: `${name}${replicas}`, labels },
      replicas,
      isPaused: false,
      template: {
        nodeSelector: { 'base.koupleless.io/cluster-name': this.clusterOf.get(name) ?? '' },
        tolerations,
      },
    }));
  }
}

describe.each([
  { broker: 'the embedded broker', policy: [], exitMs: 20_000 },
  // An end without a word shows only by silence: 25 s of it, and 10 s until a Deployment is lowered.
  { broker: 'an external broker', policy: ['policy external-broker'], exitMs: 40_000 },
])('with the timings that are shipped, at $broker', ({ policy, exitMs }) => {
  test('a silent base keeps its Node for 60 s from its last word and no longer, is Ready with its next one, and goes with DEACTIVATED, as does its Lease [U4] [U5] [U35] [U42]', () => {
    const { world, tell } = worldOf(...policy, 'start', 'base b1', 'wait 15s');
    expect(readyOf(world)).toBe('True');
    tell('configure b1 frozen');
    const lastWordAt = world.stateOf('b1').heardAt ?? Number.NaN;
    world.advance(lastWordAt + 59_900 - world.mono);
    expect(readyOf(world)).toBe('Unknown');
    within(1_000, world, 'its Node is gone', () => nodeOf(world) === undefined);
    for (const _again of [1, 2]) {
      tell('configure b1 thawed heartbeat', 'beat-now b1');
      within(50_000, world, 'it is Ready', () => readyOf(world) === 'True');
      tell('configure b1 no-heartbeat', 'beat b1 deactivated');
      const isGone = () => nodeOf(world) === undefined && leaseOf(world) === undefined;
      within(30_000, world, 'Node and Lease are gone', isGone);
    }
  });

  test('peer Deployments follow: 0 of no Node, up at once, down 10 s after a base is not Ready [U13] [U14] [U15] [U17]', () => {
    const { world, tell } = worldOf(...policy, 'start', 'wait 1s');
    const peers = new Peers(world);
    peers.add('mine', 'c1');
    expect(peers.becomes('mine', 0, 20_000)).toBeGreaterThanOrEqual(9_000);
    tell('base b1 cluster=c1');
    expect(peers.becomes('mine', 1, 20_000)).toBeLessThan(1_000);
    tell('base b2 cluster=c1 ip=10.0.0.2');
    expect(peers.becomes('mine', 2, 20_000)).toBeLessThan(1_000);
    peers.add('theirs', 'c2');
    peers.becomes('theirs', 0, 20_000);
    expect(peers.replicas.get('mine')).toBe(2);
    tell('disconnect b2');
    expect(peers.becomes('mine', 1, exitMs)).toBeGreaterThan(10_000);
    within(60_000, world, 'its Node is gone', () => nodeOf(world, 'b2') === undefined);
    tell('disconnect b1');
    peers.becomes('mine', 0, 120_000);
  });

  test('who says DEACTIVATED is counted out within 20 s [U17]', () => {
    const { world, tell } = worldOf(...policy, 'start', 'base b1', 'wait 5s');
    const peers = new Peers(world);
    peers.add('mine', 'default');
    expect(readyOf(world)).toBe('True');
    tell('configure b1 no-heartbeat', 'beat b1 deactivated');
    peers.becomes('mine', 0, 20_000);
  });

  test('Leases are held within 5 s of a start, given up at the end, and taken by the next within 5 s, with the Nodes that are there [U43]', () => {
    const { world, tell } = worldOf(...policy, 'start', 'base b1');
    const holder = () => leaseOf(world)?.spec.holderIdentity;
    const replicaHolder = () => world.api.leases.get(`default/${replicaLeaseNameOf('r1')}`)?.spec.holderIdentity;
    within(5_000, world, 'r1 holds both', () => holder() === 'r1' && replicaHolder() === 'r1');
    within(5_000, world, 'it is Ready', () => readyOf(world) === 'True');
    const { uid } = nodeOf(world)?.metadata ?? {};
    tell('stop', 'wait 1s');
    expect([leaseOf(world), holder(), replicaHolder()]).toEqual([expect.anything(), undefined, undefined]);
    tell('restart holder=r2');
    within(5_000, world, 'r2 holds it', () => holder() === 'r2');
    tell('wait 60s');
    expect([uid, readyOf(world)]).toEqual([nodeOf(world)?.metadata.uid, 'True']);
  });
});

test('that objects go which nobody knows changes nothing and leads to nothing [U43] [U47]', () => {
  const { world } = worldOf('start', 'base b1', 'pod p1 base=b1 biz=biz1:1', 'wait 5s');
  const known = { state: world.stateOf('b1'), fleet: world.fleet };
  const uid = 'of nobody';
  for (const kind of ['pod-gone', 'node-gone'] as const) world.foldBase('b1', { kind, uid });
  world.foldFleet({ kind: 'replica-lease-gone', name: 'of nobody' });
  // A Pod that is gone is remembered, so that an older word of it makes nothing.
  expect(world.stateOf('b1')).toEqual({ ...known.state, tombstones: [uid] });
  expect(world.planFor('b1').actions).toEqual([]);
  expect(world.fleet).toBe(known.fleet);
  for (const kind of ['pod-gone', 'node-gone'] as const) world.foldBase('b9', { kind, uid });
  for (const kind of ['lease-gone', 'record-gone'] as const) world.foldBase('b9', { kind });
  expect(world.stateOf('b9')).toEqual({ ...createBase('b9' as BaseId), tombstones: [uid], knownSince: world.mono });
  expect(world.planFor('b9').actions).toEqual([]);
});

test('an install that fails is tried again after 10 s, and each time after twice as long, up to 5 min [U48]', () => {
  const { world } = worldOf(
    'start',
    'base b1',
    'script b1 install fail times=always',
    'pod p1 base=b1 biz=biz1:1',
    'wait 1h',
  );
  const sentAt = world.happenings.flatMap((one) =>
    one.kind === 'started' && one.action.kind === 'send-command' && one.action.command.kind === 'installBiz'
      ? [one.at]
      : [],
  );
  const gaps = sentAt.slice(1).map((at, index) => at - (sentAt[index] ?? 0));
  expect(gaps.length).toBeGreaterThan(10);
  gaps.forEach((gap, index) => {
    const full = Math.min(300_000, 10_000 * 2 ** index);
    expect(gap).toBeGreaterThan(full * 0.8);
    expect(gap).toBeLessThan(full + 1_000);
  });
});
