import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createFleet, type FleetState } from './fleet.ts';
import { foldFleet } from './fold-fleet.ts';
import type { Outcome } from './inputs.ts';
import { replicaLeaseNameOf } from './names.ts';
import type { ObservedNode, Taint } from './observed.ts';
import {
  type PeerBase,
  type PeerDeployment,
  type PeersMemory,
  planPeers,
  withScalingEnded,
  withScalingStarted,
} from './peers.ts';
import { type PeerTemplate, selects } from './peers-selection.ts';
import { defaultTimings, type Policy } from './policy.ts';

const policy: Policy = {
  env: 'dev',
  holderIdentity: 'r1',
  namespace: 'default',
  kubeletVersion: 'v1.34.0-kouplet.0.1.0',
  hasEnvTaint: false,
  hasOsLabels: false,
  unmanagedModules: 'report',
  goneAfterMs: 60_000,
  hasSessions: false,
  timings: defaultTimings,
};
const at = (seconds: number) => ({ mono: seconds * 1000, wall: seconds * 1000 });

function fleetOf(replicas: readonly string[] = ['r1'], since = 0): FleetState {
  const up = (link: 'tunnel' | 'api') => ({ kind: 'link-up', link, at: at(since) }) as const;
  const inputs = [up('tunnel'), up('api'), { kind: 'synced', at: at(since) } as const];
  let fleet = inputs.reduce((before, input) => foldFleet(before, input, policy), createFleet());
  for (const name of replicas) fleet = withReplica(fleet, name, since);
  return { ...fleet, renewedAt: Number.MAX_SAFE_INTEGER };
}

function withReplica(fleet: FleetState, name: string, seconds: number): FleetState {
  const labels = {
    'virtual-kubelet.koupleless.io/component': 'replica-lease',
    'virtual-kubelet.koupleless.io/env': 'dev',
  };
  const metadata = { name: replicaLeaseNameOf(name), uid: name, resourceVersion: String(seconds), labels };
  const lease = { metadata, spec: { holderIdentity: name, renewTime: String(seconds) } };
  return foldFleet(fleet, { kind: 'replica-lease-observed', lease, at: at(seconds) }, policy);
}

interface NodeFacts {
  readonly isReady?: boolean;
  readonly labels?: Record<string, string>;
  readonly taints?: readonly Taint[];
  readonly unschedulable?: boolean;
  readonly deletionTimestamp?: string;
}

function nodeOf(
  name: string,
  { isReady = true, labels = {}, taints, unschedulable, deletionTimestamp }: NodeFacts = {},
): ObservedNode {
  return {
    metadata: {
      name,
      uid: name,
      resourceVersion: '1',
      labels,
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    },
    spec: { ...(taints === undefined ? {} : { taints }), ...(unschedulable === undefined ? {} : { unschedulable }) },
    status: { conditions: [{ type: 'Ready', status: isReady ? 'True' : 'Unknown' }] },
  };
}

/** So many bases, the first of them Ready; all were heard at the start. */
function bases(all: number, ready = all, heardAt: number | null = 1): PeerBase[] {
  return Array.from({ length: all }, (_, index) => ({
    node: nodeOf(`n${index}`, { isReady: index < ready }),
    ...(heardAt === null ? {} : { heardAt: heardAt * 1000 }),
  }));
}

const peerLabels = {
  'virtual-kubelet.koupleless.io/component': 'module-deployment',
  'virtual-kubelet.koupleless.io/env': 'dev',
  'virtual-kubelet.koupleless.io/strategy': 'peer',
};

function peerOf(
  replicas: number,
  {
    labels = peerLabels,
    template = {},
    ...rest
  }: {
    labels?: Record<string, string>;
    template?: Partial<PeerTemplate>;
    isPaused?: boolean;
    metadata?: Partial<PeerDeployment['metadata']>;
  } = {},
): PeerDeployment {
  return {
    metadata: { name: 'd', namespace: 'ns', uid: 'd', resourceVersion: `v${replicas}`, labels, ...rest.metadata },
    replicas,
    isPaused: rest.isPaused ?? false,
    template: { nodeSelector: {}, tolerations: [], ...template },
  };
}

/** One Deployment in a small world: what is planned is done. */
class World {
  replicas: number;
  fleet: FleetState = fleetOf();
  memory: PeersMemory = {};
  readonly writes: string[] = [];

  constructor(replicas: number) {
    this.replicas = replicas;
  }

  look(seconds: number, seen: Iterable<PeerBase>, outcome: Outcome = { kind: 'done' }): number {
    const plan = planPeers(this.memory, [peerOf(this.replicas)], seen, this.fleet, policy, at(seconds));
    this.memory = plan.memory;
    for (const scaling of plan.scalings) {
      this.memory = withScalingStarted(this.memory, scaling);
      const ended = withScalingEnded(this.memory, scaling, outcome, policy, at(seconds));
      this.memory = ended.memory;
      if (ended.notice !== undefined) this.writes.push(`${seconds}s ${ended.notice.reason} ${ended.notice.message}`);
      if (outcome.kind === 'done') this.replicas = scaling.to;
    }
    return plan.wakeAt / 1000;
  }
}

describe('the size of a peer Deployment', () => {
  test('is raised at once and lowered after ten seconds, and says why [SPEC N20] [SPEC N21]', () => {
    const world = new World(1);
    world.look(1, bases(3, 2));
    expect(world.look(1.5, bases(3, 3))).toBe(Number.POSITIVE_INFINITY);
    expect(world.look(20, bases(3, 2))).toBe(30);
    expect(world.look(29, bases(3, 2))).toBe(30);
    world.look(30, bases(3, 2));
    expect(world.look(31, bases(3, 2))).toBe(Number.POSITIVE_INFINITY);
    expect(world.writes).toEqual([
      '1s PeersScaled replicas from 1 to 2: 2 of the 3 Nodes of env dev that its Pods may run on are Ready',
      '1.5s PeersScaled replicas from 2 to 3: 3 of the 3 Nodes of env dev that its Pods may run on are Ready',
      '30s PeersScaled replicas from 3 to 2: 2 of the 3 Nodes of env dev that its Pods may run on are Ready, at most 2 in the last 10 s',
    ]);
  });

  test('stays while a base flaps, and goes down by as many as stay away [SPEC N21]', () => {
    const world = new World(4);
    world.look(1, bases(4));
    for (let seconds = 20; seconds < 60; seconds += 3) world.look(seconds, bases(4, seconds % 2 === 0 ? 4 : 2));
    expect(world.writes).toEqual([]);
    for (let seconds = 60; seconds < 80; seconds += 3) world.look(seconds, bases(4, seconds % 2 === 0 ? 3 : 1));
    expect(world.replicas).toBe(3);
    expect(world.writes).toHaveLength(1);
  });

  test('is not lowered while we are blind, nor for whom we have not heard since, but for who was heard and went [SPEC N21]', () => {
    const world = new World(3);
    world.look(1, bases(3));
    const down = { kind: 'link-down', link: 'tunnel', reason: 'away', at: at(10) } as const;
    world.fleet = foldFleet(world.fleet, down, policy);
    for (const seconds of [10, 60, 100]) world.look(seconds, bases(3, 0));
    world.fleet = foldFleet(world.fleet, { kind: 'link-up', link: 'tunnel', at: at(100) }, policy);
    for (const seconds of [101, 130, 279]) world.look(seconds, bases(3, 1));
    expect(world.writes).toEqual([]);
    const [one, two, three] = bases(3, 1);
    // The second came back and went again; of the third nothing was heard since.
    const seen = [one, { ...two, heardAt: 105_000 }, three] as PeerBase[];
    world.look(140, seen);
    expect(world.look(150, seen)).toBe(280);
    expect(world.replicas).toBe(2);
    world.look(280, seen);
    world.look(290, seen);
    expect(world.replicas).toBe(1);
  });

  test('after a start: what is not there is lowered after ten seconds, whose base may yet come back is not [SPEC N21]', () => {
    const none = new World(2);
    expect(none.look(0.1, [])).toBe(10.1);
    none.look(10.1, []);
    expect(none.replicas).toBe(0);
    const quiet = new World(2);
    for (const seconds of [0.1, 11, 60, 179]) quiet.look(seconds, bases(2, 0, null));
    expect(quiet.replicas).toBe(2);
  });

  test('stays while most bases are silent at once [SPEC N21]', () => {
    const world = new World(4);
    world.fleet = { ...world.fleet, survey: { bases: 4, silent: 3 } };
    for (const seconds of [0, 20, 300]) world.look(seconds, bases(4, 1));
    expect(world.writes).toEqual([]);
    world.fleet = { ...world.fleet, survey: { bases: 4, silent: 1 } };
    for (const seconds of [301, 312]) world.look(seconds, bases(4, 3));
    expect(world.replicas).toBe(3);
  });

  test('is written once, again with back-off when that fails, and each kind of failure is told once [SPEC N22]', () => {
    const world = new World(1);
    const failed = { kind: 'failed', message: '503' } as const;
    const retryAt = world.look(1, bases(2), failed);
    expect(retryAt).toBe(Number.POSITIVE_INFINITY);
    const next = world.look(1.1, bases(2), failed);
    expect(next).toBeGreaterThan(1.3);
    expect(next).toBeLessThanOrEqual(1.5);
    world.look(next, bases(2), failed);
    world.look(40, bases(2), { kind: 'refused', message: '403' });
    expect(world.look(41, bases(2))).toBe(70);
    world.look(70, bases(2));
    expect(world.writes).toEqual([
      '1s PeersNotScaled replicas could not be set from 1 to 2, and it is tried again: 503',
      '40s PeersNotScaled replicas could not be set from 1 to 2, and it is tried again: 403',
      '70s PeersScaled replicas from 1 to 2: 2 of the 2 Nodes of env dev that its Pods may run on are Ready',
    ]);
    // The watch lags: the same version is not written to again.
    const lagging = planPeers(world.memory, [{ ...peerOf(1) }], bases(2), world.fleet, policy, at(70.1));
    expect(lagging.scalings).toEqual([]);
  });

  test('a conflict is looked at again as soon as the other change is seen [SPEC N22]', () => {
    const world = new World(1);
    world.look(1, bases(3), { kind: 'conflict' });
    expect(planPeers(world.memory, [peerOf(1)], bases(3), world.fleet, policy, at(1.1)).scalings).toEqual([]);
    const changed = peerOf(1, { metadata: { resourceVersion: 'v9' } });
    expect(planPeers(world.memory, [changed], bases(3), world.fleet, policy, at(1.1)).scalings).toMatchObject([
      { resourceVersion: 'v9', from: 1, to: 3 },
    ]);
  });

  test.each([
    ['not before the first lists', createFleet()],
    ['not while the API is away', { ...fleetOf(), api: { isUp: false, since: 0, reason: 'x' } }],
    ['not while we stop', { ...fleetOf(), isStopping: true }],
    ['not by a process whose own Lease was not renewed', { ...fleetOf(), renewedAt: -20_000 }],
  ])('is written %s [SPEC N22]', (_when, fleet) => {
    expect(planPeers({}, [peerOf(1)], bases(3), fleet, policy, at(1)).scalings).toEqual([]);
  });

  test.each([
    ['paused', peerOf(1, { isPaused: true })],
    ['paused by an annotation', peerOf(1, { metadata: { annotations: { 'kouplet.io/paused': 'true' } } })],
    ['on its way out', peerOf(1, { metadata: { deletionTimestamp: 'now' } })],
    ['no peer', peerOf(1, { labels: { ...peerLabels, 'virtual-kubelet.koupleless.io/strategy': 'scale' } })],
    ['of another env', peerOf(1, { labels: { ...peerLabels, 'virtual-kubelet.koupleless.io/env': 'test' } })],
    ['its owner’s', peerOf(1, { labels: { ...peerLabels, 'virtual-kubelet.koupleless.io/replicas-control': 'true' } })],
  ])('is left alone where it is %s [SPEC N20]', (_what, deployment) => {
    expect(planPeers({}, [deployment], bases(3), fleetOf(), policy, at(1)).scalings).toEqual([]);
  });

  test('is written by one replica of several, and by another once that one is gone [SPEC N22]', () => {
    const names = ['r1', 'r2', 'r3'];
    const deployments = Array.from({ length: 30 }, (_, index) =>
      peerOf(1, { metadata: { uid: `d${index}`, name: `d${index}` } }),
    );
    const writtenBy = (name: string, living: readonly string[]) =>
      planPeers({}, deployments, bases(2), fleetOf(living), { ...policy, holderIdentity: name }, at(1)).scalings.map(
        ({ uid }) => uid,
      );
    const all = names.map((name) => writtenBy(name, names));
    expect(all.flat().toSorted()).toEqual(deployments.map(({ metadata }) => metadata.uid).toSorted());
    for (const own of all) expect(own.length).toBeGreaterThan(3);
    const two = ['r1', 'r2'].flatMap((name) => writtenBy(name, ['r1', 'r2']));
    expect(two).toHaveLength(30);
    expect(new Set(two).size).toBe(30);
  });
});

describe('a Node counts', () => {
  const key = 'base.koupleless.io/cluster-name';
  const [c1, c2] = [{ [key]: 'c1' }, { [key]: 'c2' }];
  const nodes = [nodeOf('n1', { labels: c1 }), nodeOf('n2', { labels: c2 }), nodeOf('n3')];
  const expression = (operator: string, ...values: string[]) => ({
    matchExpressions: [{ key, operator, values }],
    matchFields: [],
  });
  const term = (...matchExpressions: Array<{ key: string; operator: string; values: string[] }>) => ({
    matchExpressions,
    matchFields: [],
  });

  test.each<[string, PeerDeployment, string]>([
    ['whatever its cluster, where nothing is said', peerOf(1), 'n1 n2 n3'],
    ['by the Deployment’s label', peerOf(1, { labels: c1 }), 'n1'],
    ['by the nodeSelector', peerOf(1, { template: { nodeSelector: c2 } }), 'n2'],
    ['by In with several values', peerOf(1, { template: { terms: [expression('In', 'c1', 'c2')] } }), 'n1 n2'],
    ['by In with none', peerOf(1, { template: { terms: [expression('In')] } }), ''],
    ['by NotIn, also without the label', peerOf(1, { template: { terms: [expression('NotIn', 'c1')] } }), 'n2 n3'],
    ['by Exists', peerOf(1, { template: { terms: [expression('Exists')] } }), 'n1 n2'],
    ['by DoesNotExist', peerOf(1, { template: { terms: [expression('DoesNotExist')] } }), 'n3'],
    [
      'by one of several terms',
      peerOf(1, { template: { terms: [expression('In', 'c1'), expression('DoesNotExist')] } }),
      'n1 n3',
    ],
    [
      'by all expressions of a term',
      peerOf(1, {
        template: {
          terms: [term({ key, operator: 'Exists', values: [] }, { key, operator: 'NotIn', values: ['c1'] })],
        },
      }),
      'n2',
    ],
    ['by no empty term', peerOf(1, { template: { terms: [term()] } }), ''],
    ['by no term at all', peerOf(1, { template: { terms: [] } }), ''],
    ['by an operator that nobody knows', peerOf(1, { template: { terms: [expression('Like', 'c1')] } }), ''],
    [
      'by its name',
      peerOf(1, {
        template: {
          terms: [{ matchExpressions: [], matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n2'] }] }],
        },
      }),
      'n2',
    ],
    ['by label and selector together', peerOf(1, { labels: c1, template: { terms: [expression('Exists')] } }), 'n1'],
  ])('%s [SPEC N20]', (_how, deployment, names) => {
    const counted = nodes.filter((node) => selects(deployment, node)).map((node) => node.metadata.name);
    expect(counted.join(' ')).toBe(names);
  });

  test('by Gt and Lt as whole numbers [SPEC N20]', () => {
    const numbered = nodeOf('n', { labels: { rack: '10' } });
    const by = (operator: string, value: string) =>
      selects(peerOf(1, { template: { terms: [term({ key: 'rack', operator, values: [value] })] } }), numbered);
    expect([by('Gt', '9'), by('Gt', '10'), by('Lt', '11'), by('Lt', 'x'), by('Gt', '-1')]).toEqual([
      true,
      false,
      true,
      false,
      true,
    ]);
  });

  test.each<[string, NodeFacts, readonly object[], boolean]>([
    ['is cordoned', { unschedulable: true }, [], false],
    ['is being deleted', { deletionTimestamp: 'now' }, [], false],
    [
      'leaves, whatever is tolerated',
      { taints: [{ key: 'kouplet.io/leaving', effect: 'NoExecute' }] },
      [{ operator: 'Exists' }],
      false,
    ],
    [
      'has our taints, tolerated or not',
      { taints: [{ key: 'schedule.koupleless.io/virtual-node', effect: 'NoExecute' }] },
      [],
      true,
    ],
    [
      'has a pressure of the moment',
      { taints: [{ key: 'node.kubernetes.io/memory-pressure', effect: 'NoSchedule' }] },
      [],
      true,
    ],
    ['has a taint of others', { taints: [{ key: 'a', value: 'b', effect: 'NoSchedule' }] }, [], false],
    [
      'has one of others that is tolerated',
      { taints: [{ key: 'a', value: 'b', effect: 'NoSchedule' }] },
      [{ key: 'a', value: 'b' }],
      true,
    ],
    [
      'has one that is tolerated with another effect',
      { taints: [{ key: 'a', effect: 'NoSchedule' }] },
      [{ key: 'a', operator: 'Exists', effect: 'NoExecute' }],
      false,
    ],
    ['has one that is only preferred', { taints: [{ key: 'a', effect: 'PreferNoSchedule' }] }, [], true],
  ])('as its taints say: %s [SPEC N20]', (_what, facts, tolerations, counts) => {
    expect(selects(peerOf(1, { template: { tolerations } }), nodeOf('n', facts))).toBe(counts);
  });
});

test('whatever the bases do, it is never below the fewest of the last ten seconds and ends at what stays [SPEC N21]', () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 12 })), {
    minLength: 1,
    maxLength: 40,
  });
  fc.assert(
    fc.property(steps, (history) => {
      const world = new World(3);
      let now = 0;
      const seen: Array<readonly [number, number]> = [];
      for (const [ready, seconds] of history) {
        now += seconds;
        seen.push([now, ready]);
        world.look(now, bases(6, ready));
        const recent = seen.filter(([when], index) => now - (seen[index + 1]?.[0] ?? when) < 10 || when === now);
        expect(world.replicas).toBeGreaterThanOrEqual(Math.min(...recent.map(([, count]) => count)));
        expect(world.replicas).toBeGreaterThanOrEqual(ready);
      }
      const last = history.at(-1)?.[0] ?? 0;
      for (let after = 0; after <= 22; after += 11) world.look(now + after, bases(6, last));
      expect(world.replicas).toBe(last);
    }),
  );
});
