/**
 * What an object uses of a quota, by its resource (kubernetes 1.34, pkg/quota/v1/evaluator/core and
 * apiserver/pkg/quota/v1/generic). Pure.
 */
import { type Fields, fieldsOf, listOf } from '../../kinds/json.ts';
import type { KubeObject } from '../../kinds/kind.ts';
import { addQuantities, type Quantity, quantityOf } from '../../kinds/quantity.ts';
import { type Amounts, podTotal } from './amounts.ts';
import { hasDeadline, isOne, podIsIn, type Scope } from './scopes.ts';

export interface Evaluator {
  /** Whether a change of an object can change what is used; a creation always does. */
  watchesUpdate(after: KubeObject, before: KubeObject): boolean;
  /** Whether a quota that limits this name means objects of the resource. */
  counts(name: string): boolean;
  isIn(scope: Scope, object: KubeObject): boolean;
  usage(object: KubeObject, now: number): Amounts;
  /** What the object must say because of these limits, in words; undefined where it says all. */
  omission?(names: readonly string[], object: KubeObject): string | undefined;
}

const one: Quantity = { nanos: 1_000_000_000n, format: 'DecimalSI' };
const pieces = (count: number): Quantity => ({ nanos: BigInt(count) * one.nanos, format: 'DecimalSI' });

const podNames: ReadonlySet<string> = new Set([
  'count/pods',
  'pods',
  ...['cpu', 'memory', 'ephemeral-storage'].flatMap((name) => [name, `requests.${name}`, `limits.${name}`]),
]);
/** What each container must state where it is limited: a rule of the first quotas that nobody could take back. */
const stated: ReadonlySet<string> = new Set(
  ['cpu', 'memory'].flatMap((name) => [name, `requests.${name}`, `limits.${name}`]),
);

const isNative = (name: string): boolean => !name.includes('/') || name.includes('kubernetes.io/');

function containerUsage(requests: Amounts, limits: Amounts): Map<string, Quantity> {
  const usage = new Map<string, Quantity>([['pods', one]]);
  for (const name of ['cpu', 'memory', 'ephemeral-storage']) {
    const request = requests.get(name);
    if (request !== undefined) usage.set(name, request).set(`requests.${name}`, request);
    const limit = limits.get(name);
    if (limit !== undefined) usage.set(`limits.${name}`, limit);
  }
  for (const [name, request] of requests) {
    if (name.startsWith('hugepages-')) usage.set(name, request).set(`requests.${name}`, request);
    else if (!isNative(name)) usage.set(`requests.${name}`, request);
  }
  return usage;
}

/** A pod that has ended, or should have long since, uses nothing but its place in storage. */
export function isLive(pod: KubeObject, now: number): boolean {
  const { phase } = fieldsOf(pod.status);
  if (phase === 'Failed' || phase === 'Succeeded') return false;
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds === undefined) return true;
  return now <= Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000;
}

/** The pod's own resources stand above those of its containers. */
function wholePod(spec: Fields, field: 'requests' | 'limits'): Map<string, Quantity> {
  const total = podTotal(spec, field);
  for (const [name, value] of Object.entries(fieldsOf(fieldsOf(spec.resources)[field]))) {
    total.set(name, quantityOf(value));
  }
  for (const [name, value] of Object.entries(fieldsOf(spec.overhead))) {
    const known = total.get(name);
    if (field === 'limits' && known === undefined) continue;
    total.set(name, known === undefined ? quantityOf(value) : addQuantities(known, quantityOf(value)));
  }
  return total;
}

const amountsIn = (list: unknown): Amounts =>
  new Map(Object.entries(fieldsOf(list)).map(([name, value]) => [name, quantityOf(value)]));

const pods: Evaluator = {
  watchesUpdate: (after, before) => hasDeadline(fieldsOf(after.spec)) !== hasDeadline(fieldsOf(before.spec)),
  counts: (name) =>
    podNames.has(name) ||
    name.startsWith('hugepages-') ||
    name.startsWith('requests.hugepages-') ||
    (name.startsWith('requests.') && !isNative(name)),
  isIn: podIsIn,
  usage: (pod, now) => {
    const spec = fieldsOf(pod.spec);
    const usage = isLive(pod, now)
      ? containerUsage(wholePod(spec, 'requests'), wholePod(spec, 'limits'))
      : new Map<string, Quantity>();
    return usage.set('count/pods', one);
  },
  omission: (names, pod) => {
    const spec = fieldsOf(pod.spec);
    if (Object.keys(fieldsOf(fieldsOf(spec.resources).requests)).length > 0) return undefined;
    if (Object.keys(fieldsOf(fieldsOf(spec.resources).limits)).length > 0) return undefined;
    const containers = [...listOf(spec.containers), ...listOf(spec.initContainers)];
    const complaints = names
      .filter((name) => stated.has(name))
      .sort()
      .flatMap((name) => {
        const silent = containers.filter(({ resources }) => {
          const { requests, limits } = fieldsOf(resources);
          return !containerUsage(amountsIn(requests), amountsIn(limits)).has(name);
        });
        const named = [...new Set(silent.map((container) => String(container.name)))].sort();
        return named.length === 0 ? [] : [`${name} for: ${named.join(',')}`];
      });
    return complaints.length === 0 ? undefined : `must specify ${complaints.join('; ')}`;
  },
};

const serviceNames: ReadonlySet<string> = new Set([
  'count/services',
  'services',
  'services.nodeports',
  'services.loadbalancers',
]);

const services: Evaluator = {
  watchesUpdate: () => true,
  counts: (name) => serviceNames.has(name),
  isIn: () => false,
  usage: ({ spec }) => {
    const { type, ports, allocateLoadBalancerNodePorts } = fieldsOf(spec);
    const all = listOf(ports);
    const asked = all.filter(({ nodePort }) => Boolean(nodePort)).length;
    const nodePorts =
      type === 'NodePort'
        ? all.length
        : type !== 'LoadBalancer'
          ? 0
          : allocateLoadBalancerNodePorts === false
            ? asked
            : all.length;
    return new Map([
      ['count/services', one],
      ['services', one],
      ['services.nodeports', pieces(nodePorts)],
      ['services.loadbalancers', pieces(type === 'LoadBalancer' ? 1 : 0)],
    ]);
  },
};

const claimNames: readonly string[] = ['persistentvolumeclaims', 'requests.storage'];
const classSuffix = '.storageclass.storage.k8s.io/';
const classAnnotation = 'volume.beta.kubernetes.io/storage-class';

const claims: Evaluator = {
  watchesUpdate: () => true,
  counts: (name) =>
    name === 'count/persistentvolumeclaims' ||
    claimNames.includes(name) ||
    claimNames.some((own) => name.endsWith(`${classSuffix}${own}`)),
  isIn: ({ name, operator, values }, { spec }) =>
    name === 'VolumeAttributesClass' && isOne(fieldsOf(spec).volumeAttributesClassName, operator, values),
  usage: ({ metadata, spec }) => {
    const className = metadata.annotations?.[classAnnotation] ?? fieldsOf(spec).storageClassName;
    const storage: unknown = fieldsOf(fieldsOf(fieldsOf(spec).resources).requests).storage;
    const usage = new Map<string, Quantity>([
      ['count/persistentvolumeclaims', one],
      ['persistentvolumeclaims', one],
    ]);
    if (storage !== undefined) usage.set('requests.storage', quantityOf(storage));
    if (!className) return usage;
    for (const own of claimNames) {
      const amount = usage.get(own);
      if (amount !== undefined) usage.set(`${className}${classSuffix}${own}`, amount);
    }
    return usage;
  },
};

/** The names without `count/` that the first quotas had. */
const aliases: ReadonlySet<string> = new Set(['configmaps', 'resourcequotas', 'replicationcontrollers', 'secrets']);

function objectCount(resource: string): Evaluator {
  const names = aliases.has(resource) ? [`count/${resource}`, resource] : [`count/${resource}`];
  const usage: Amounts = new Map(names.map((name) => [name, one]));
  return {
    watchesUpdate: () => false,
    counts: (name) => names.includes(name),
    isIn: () => false,
    usage: () => usage,
  };
}

const special: ReadonlyMap<string, Evaluator> = new Map([
  ['pods', pods],
  ['services', services],
  ['persistentvolumeclaims', claims],
]);
/** Events are never counted. */
const ignored: ReadonlySet<string> = new Set(['events', 'events.events.k8s.io']);
const counted = new Map<string, Evaluator>();
const mostCounted = 1_000;

/** @param resource  `pods`, `deployments.apps`; undefined for what no quota can mean */
export function evaluatorOf(resource: string): Evaluator | undefined {
  if (ignored.has(resource)) return undefined;
  const known = special.get(resource) ?? counted.get(resource);
  if (known !== undefined) return known;
  const made = objectCount(resource);
  if (counted.size < mostCounted) counted.set(resource, made);
  return made;
}

/** The resource whose objects a limit of this name counts. */
export function resourceOf(name: string): string | undefined {
  if (pods.counts(name)) return 'pods';
  if (services.counts(name)) return 'services';
  if (claims.counts(name)) return 'persistentvolumeclaims';
  if (name.startsWith('count/')) return name.slice('count/'.length);
  return aliases.has(name) ? name : undefined;
}
