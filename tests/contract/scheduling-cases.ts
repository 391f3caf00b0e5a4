/**
 * Small random clusters for the scheduler: Nodes, Pods that are there already, and Pods that ask for a place. One seed gives
 * one set of cases, so that what a real kube-scheduler said of them can be kept beside the suite.
 */
import fc from 'fast-check';
import type { Json } from '../support/api.ts';

export interface CaseNode {
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Json[];
  readonly unschedulable: boolean;
  readonly allocatable: Readonly<Record<string, string>>;
}

export interface CasePod {
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: Json;
}

export interface SchedulingCase {
  readonly nodes: readonly CaseNode[];
  /** Pods on Nodes, by the Node's number; `away` lives in the second namespace, whose label is `team: away`. */
  readonly residents: ReadonlyArray<CasePod & { readonly on: number; readonly away: boolean }>;
  readonly probes: readonly CasePod[];
}

const HOSTNAME = 'kubernetes.io/hostname';
const some = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const mayBe = <T>(arbitrary: fc.Arbitrary<T>, given: number, left: number): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: given, arbitrary }, { weight: left, arbitrary: fc.constant(undefined) });
const rarely = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => mayBe(arbitrary, 1, 3);
const often = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => mayBe(arbitrary, 4, 1);

/** Without what is undefined: JSON has no such thing. */
const defined = (fields: Record<string, unknown>): Json =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

const effect = some('NoSchedule', 'PreferNoSchedule', 'NoExecute');
const taint = fc.record({ key: some('only', 'by'), value: some('x', 'y'), effect });

const node: fc.Arbitrary<CaseNode> = fc
  .record({
    zone: often(some('z1', 'z2', 'z3')),
    rack: rarely(some('r1', 'r2')),
    size: rarely(some('1', '2', '10', 'big')),
    taints: fc.uniqueArray(taint, { maxLength: 2, selector: (one) => `${one.key}${one.effect}` }),
    isTainted: some(false, false, true),
    unschedulable: some(false, false, false, false, false, false, true),
    cpu: some('1', '2', '1500m'),
    memory: some('1Gi', '2Gi'),
    pods: some('1', '3', '5', '5'),
    gpu: some(undefined, undefined, '1', '2'),
  })
  .map(({ zone, rack, size, taints, isTainted, unschedulable, cpu, memory, pods, gpu }) => ({
    labels: defined({ zone, rack, size }),
    taints: isTainted ? taints : [],
    unschedulable,
    allocatable: defined({ cpu, memory, pods, 'example.com/gpu': gpu }),
  }));

const app = some('a', 'b', 'c');
const selector: fc.Arbitrary<Json> = fc.oneof(
  { weight: 4, arbitrary: app.map((value) => ({ matchLabels: { app: value } })) },
  { weight: 1, arbitrary: fc.constant({ matchExpressions: [{ key: 'app', operator: 'Exists' }] }) },
  {
    weight: 1,
    arbitrary: app.map((value) => ({ matchExpressions: [{ key: 'app', operator: 'NotIn', values: [value] }] })),
  },
  { weight: 1, arbitrary: fc.constant({}) },
);
const topologyKey = some(HOSTNAME, 'zone', 'rack');

const podTerm: fc.Arbitrary<Json> = fc
  .record({
    topologyKey,
    labelSelector: selector,
    namespaces: rarely(some(['AWAY'], ['HERE', 'AWAY'])),
    namespaceSelector: rarely(some<Json>({}, { matchLabels: { team: 'away' } })),
    matchLabelKeys: rarely(fc.constant(['version'])),
    mismatchLabelKeys: rarely(fc.constant(['tier'])),
  })
  .map(defined);
const podTerms = fc.array(podTerm, { minLength: 1, maxLength: 2 });
const weighted = fc.array(fc.record({ weight: some(1, 10, 100), podAffinityTerm: podTerm }), { maxLength: 2 });

const requirement: fc.Arbitrary<Json> = fc.oneof(
  fc.record({
    key: some('zone', 'rack'),
    operator: some('In', 'NotIn'),
    values: fc.uniqueArray(some('z1', 'z2', 'r1'), { minLength: 1, maxLength: 2 }),
  }),
  fc.record({ key: some('zone', 'rack', 'size'), operator: some('Exists', 'DoesNotExist') }),
  fc.record({ key: fc.constant('size'), operator: some('Gt', 'Lt'), values: some(['1'], ['2'], ['9']) }),
);
const nodeTerm: fc.Arbitrary<Json> = fc.record({ matchExpressions: fc.array(requirement, { maxLength: 2 }) });

const spread: fc.Arbitrary<Json> = fc
  .record({
    maxSkew: some(1, 1, 2),
    topologyKey,
    whenUnsatisfiable: some('DoNotSchedule', 'DoNotSchedule', 'ScheduleAnyway'),
    labelSelector: selector,
    minDomains: rarely(some(2, 4)),
    nodeAffinityPolicy: rarely(some('Ignore', 'Honor')),
    nodeTaintsPolicy: rarely(some('Ignore', 'Honor')),
    matchLabelKeys: rarely(fc.constant(['version'])),
  })
  .map(({ minDomains, ...rest }) =>
    defined({ ...rest, ...(rest.whenUnsatisfiable === 'DoNotSchedule' ? { minDomains } : {}) }),
  );

const toleration: fc.Arbitrary<Json> = fc.oneof(
  fc.record({ key: some('only', 'by'), operator: fc.constant('Exists') }),
  fc.record({ key: some('only', 'by'), operator: fc.constant('Equal'), value: some('x', 'y'), effect }),
  fc.constant({ operator: 'Exists', effect: 'NoSchedule' }),
  fc.constant({ key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' }),
);

const requests = some<Json>(
  undefined,
  undefined,
  { cpu: '500m' },
  { cpu: '1', memory: '512Mi' },
  { memory: '1Gi' },
  { cpu: '2', memory: '3Gi' },
  { 'example.com/gpu': '1' },
);
const port: fc.Arbitrary<Json> = fc
  .record({
    hostPort: some(8080, 8081),
    protocol: some('TCP', 'TCP', 'UDP'),
    hostIP: rarely(some('10.0.0.1', '127.0.0.1')),
  })
  .map((one) => defined({ ...one, containerPort: one.hostPort }));

const labels = fc
  .record({ app, version: rarely(some('v1', 'v2')), tier: rarely(some('t1', 't2')) })
  .map((fields) => defined(fields) as Record<string, string>);

const container = fc
  .record({ requests, ports: rarely(fc.array(port, { minLength: 1, maxLength: 1 })) })
  .map(({ requests: wanted, ports }) =>
    defined({
      name: 'c',
      image: 'nginx:1',
      ports,
      resources: wanted === undefined ? undefined : { requests: wanted, limits: limitsFor(wanted) },
    }),
  );
/** Extended resources must have a limit. */
function limitsFor(wanted: Json): Json {
  const gpu = wanted['example.com/gpu'];
  return gpu === undefined ? undefined : { 'example.com/gpu': gpu };
}

/** What of a spec others see once it runs. */
const resident: fc.Arbitrary<SchedulingCase['residents'][number]> = fc
  .record({
    on: fc.nat(7),
    away: some(false, false, false, true),
    labels,
    container,
    anti: rarely(podTerms),
    near: rarely(podTerms),
  })
  .map(({ on, away, labels: own, container: one, anti, near }) => ({
    on,
    away,
    labels: own,
    spec: defined({ containers: [one], affinity: affinityOf({ anti, near }) }),
  }));

function affinityOf(parts: Record<'anti' | 'near', Json> & Partial<Record<string, Json>>): Json {
  const { anti, near, softAnti, softNear, terms, softTerms } = parts;
  const required = 'requiredDuringSchedulingIgnoredDuringExecution';
  const preferred = 'preferredDuringSchedulingIgnoredDuringExecution';
  const both = (hard: Json, soft: Json): Json =>
    hard === undefined && soft === undefined ? undefined : defined({ [required]: hard, [preferred]: soft });
  const affinity = defined({
    podAntiAffinity: both(anti, softAnti),
    podAffinity: both(near, softNear),
    nodeAffinity: both(terms === undefined ? undefined : { nodeSelectorTerms: terms }, softTerms),
  });
  return Object.keys(affinity).length === 0 ? undefined : affinity;
}

const probe: fc.Arbitrary<CasePod> = fc
  .record({
    labels,
    container,
    init: rarely(container),
    anti: rarely(podTerms),
    near: rarely(podTerms),
    softAnti: rarely(weighted),
    softNear: rarely(weighted),
    terms: rarely(fc.array(nodeTerm, { minLength: 1, maxLength: 2 })),
    softTerms: rarely(fc.array(fc.record({ weight: some(1, 50), preference: nodeTerm }), { maxLength: 2 })),
    nodeSelector: rarely(some<Json>({ zone: 'z1' }, { rack: 'r1' })),
    tolerations: rarely(fc.array(toleration, { minLength: 1, maxLength: 2 })),
    spreads: rarely(
      fc.uniqueArray(spread, {
        minLength: 1,
        maxLength: 2,
        selector: (one) => one.topologyKey + one.whenUnsatisfiable,
      }),
    ),
  })
  .map(({ labels: own, container: one, init, nodeSelector, tolerations, spreads, ...affinity }) => ({
    labels: own,
    spec: defined({
      containers: [one],
      initContainers: init === undefined ? undefined : [{ ...init, name: 'i', ports: undefined }],
      nodeSelector,
      tolerations,
      topologySpreadConstraints: spreads,
      affinity: affinityOf(affinity),
    }),
  }));

/** @param most  so many probes a case */
export function schedulingCases(seed: number, count: number, most: number): SchedulingCase[] {
  const one = fc.record({
    nodes: fc.array(node, { minLength: 3, maxLength: 8 }),
    residents: fc.array(resident, { maxLength: 10 }),
    probes: fc.array(probe, { minLength: most, maxLength: most }),
  });
  return fc.sample(one, { seed, numRuns: count });
}
