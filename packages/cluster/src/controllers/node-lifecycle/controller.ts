/**
 * Node lifecycle (kubernetes 1.34, pkg/controller/nodelifecycle): a Node that is silent becomes Ready=Unknown, its pods not
 * ready at once; taints follow its conditions, NoSchedule at once, NoExecute by a rate limit a zone.
 *
 *   heard ─silence > grace─► Ready=Unknown, pods' Ready=False, NoSchedule ─limiter─► NoExecute (taint-eviction.ts)
 *     ▲                                                                                │
 *     └───────────── Ready=True again: NoSchedule off at once, NoExecute at the next look ┘
 *
 * If no Node at all is ready, NoExecute taints are taken off and none are put on ("master disruption mode").
 */
import type { KubeObject } from '../../kinds/kind.ts';
import { sameValue } from '../machinery/canonical.ts';
import { timeText } from '../machinery/instants.ts';
import { isReason } from '../machinery/owners.ts';
import { type Condition, conditionOf, keyOf, podSpec, podStatus, type Taint } from '../machinery/shapes.ts';
import { createWorkQueue } from '../machinery/work-queue.ts';
import { byNode, type Controller, type ControllerContext, controllerActor } from '../options.ts';
import { createNodeHealth, silencedConditions } from './health.ts';
import { hasNoExecute, notReady, unreachable, withNoExecute, withNoSchedule } from './taints.ts';
import { createLimiter, type Limiter, type ZoneState, zoneOf, zoneState } from './zones.ts';

const component = 'node-controller';
const actor = controllerActor;
const leaseNamespace = 'kube-node-lease';
/** Between a Node's fall and the first NoExecute taint (nodelifecycle, NodeEvictionPeriod). */
const evictionPeriodMs = 100;
const excluded = 'node.kubernetes.io/exclude-disruption';

const readyOf = (node: KubeObject): Condition | undefined => conditionOf(node.status?.conditions, 'Ready');

interface Zone {
  state: ZoneState | 'initial';
  limiter: Limiter;
  /** Names of Nodes that are to be tainted NoExecute, in the order they became unready. */
  waiting: Set<string>;
}

export function startNodeLifecycle(context: ControllerContext): Controller {
  const { api, clock, periods, options } = context;
  const {
    evictionRate = 0.1,
    secondaryEvictionRate = 0.01,
    unhealthyZoneThreshold = 0.55,
    largeClusterSize = 50,
  } = options;
  const nodes = context.index('nodes');
  const pods = context.index('pods');
  const leases = context.index('leases.coordination.k8s.io');
  const recorder = context.recorder(component);
  const health = createNodeHealth(clock);
  const known = new Map<string, KubeObject>();
  const zones = new Map<string, Zone>();
  const report = (error: unknown, key: string): void => context.onError(error, `${component} ${key}`);
  const schedulability = createWorkQueue({ clock, run: taintNoSchedule, onError: report });
  const podQueue = createWorkQueue({ clock, run: markIfNodeIsUnready, onError: report });
  const evictor = createWorkQueue({ clock, run: taintWaiting, onError: report });

  function zone(name: string): Zone {
    const found = zones.get(name);
    if (found !== undefined) return found;
    const made: Zone = { state: 'initial', limiter: createLimiter(clock, evictionRate), waiting: new Set() };
    zones.set(name, made);
    return made;
  }

  function tellOf(node: KubeObject, reason: string, message: string): void {
    const { name, uid } = node.metadata;
    recorder.record({ apiVersion: 'v1', kind: 'Node', metadata: { name, uid } }, { type: 'Normal', reason, message });
  }

  function look(): void {
    cancel = clock.after(periods.nodeMonitorPeriodMs, look);
    const all = nodes.all();
    noteComingAndGoing(all);
    const counts = new Map<string, { ready: number; unready: number }>();
    for (const node of all) {
      const { name } = node.metadata;
      try {
        lookAt(node);
      } catch (error) {
        if (!isReason(error, 'NotFound', 'Conflict')) report(error, name);
      }
      const current = nodes.get(name) ?? node;
      if (current.metadata.labels?.[excluded] !== undefined) continue;
      const count = counts.get(zoneOf(current)) ?? { ready: 0, unready: 0 };
      counts.set(zoneOf(current), count);
      if (readyOf(current)?.status === 'True') count.ready++;
      else count.unready++;
    }
    adjustZones(counts, all);
  }

  function noteComingAndGoing(all: readonly KubeObject[]): void {
    const present = new Set(all.map((node) => node.metadata.name));
    for (const node of all) {
      const { name } = node.metadata;
      if (known.has(name)) continue;
      known.set(name, node);
      tellOf(node, 'RegisteredNode', `Node ${name} event: Registered Node ${name} in Controller`);
      markReachable(node);
    }
    for (const [name, node] of known) {
      if (present.has(name)) continue;
      known.delete(name);
      health.forget(name);
      for (const { waiting } of zones.values()) waiting.delete(name);
      tellOf(node, 'RemovingNode', `Node ${name} event: Removing Node ${name} from Controller`);
    }
  }

  function lookAt(node: KubeObject): void {
    const { name } = node.metadata;
    const observed = readyOf(node);
    const silentMs = health.silentMs(node, leases.get(`${leaseNamespace}/${name}`));
    const graceMs = observed === undefined ? periods.nodeStartupGraceMs : periods.nodeMonitorGraceMs;
    const current = silentMs > graceMs ? silence(node) : node;
    const ready = readyOf(current);
    if (ready === undefined) return;
    followWithNoExecute(current, ready);
    if (ready.status !== 'True' && observed?.status === 'True') {
      tellOf(node, 'NodeNotReady', `Node ${name} status is now: NodeNotReady`);
      for (const pod of pods.by(byNode, name)) markNotReady(pod);
    }
  }

  function silence(node: KubeObject): KubeObject {
    const conditions = silencedConditions(node, clock.now());
    if (sameValue(conditions, node.status?.conditions)) return node;
    return api.modify(
      'nodes',
      node.metadata.name,
      undefined,
      (draft) => {
        draft.status = { ...draft.status, conditions };
      },
      { actor, subresource: 'status' },
    );
  }

  /** Ready: the taint off. Not ready: the other of the two is swapped at once, a new one waits for its turn. */
  function followWithNoExecute(node: KubeObject, ready: Condition): void {
    const { name } = node.metadata;
    if (ready.status === 'True') {
      markReachable(node);
      return;
    }
    if (hasNoExecute(node))
      setTaints(node, withNoExecute(node, ready.status === 'False' ? notReady : unreachable, clock.now()));
    else if (!isFullyDisrupted()) {
      const { waiting } = zone(zoneOf(node));
      waiting.add(name);
      evictor.addAfter(zoneOf(node), evictionPeriodMs);
    }
  }

  function markReachable(node: KubeObject): void {
    for (const { waiting } of zones.values()) waiting.delete(node.metadata.name);
    setTaints(node, withNoExecute(node, undefined, clock.now()));
  }

  function setTaints(node: KubeObject, taints: Taint[] | undefined): void {
    if (taints === undefined) return;
    try {
      api.modify(
        'nodes',
        node.metadata.name,
        undefined,
        (draft) => {
          if (taints.length > 0) draft.spec = { ...draft.spec, taints };
          else delete draft.spec?.taints;
        },
        { actor },
      );
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    }
  }

  /** One Node of the zone, if it is time. */
  function taintWaiting(name: string): void {
    const { limiter, waiting } = zone(name);
    for (const nodeName of waiting) {
      const node = nodes.get(nodeName);
      const ready = node === undefined ? undefined : readyOf(node);
      if (node === undefined || ready === undefined || ready.status === 'True') {
        waiting.delete(nodeName);
        continue;
      }
      const waitMs = limiter.waitMs();
      if (waitMs === undefined) return;
      if (waitMs > 0) {
        evictor.addAfter(name, waitMs);
        return;
      }
      setTaints(node, withNoExecute(node, ready.status === 'False' ? notReady : unreachable, clock.now()));
      limiter.take();
      waiting.delete(nodeName);
    }
  }

  const isFullyDisrupted = (): boolean => zones.size > 0 && [...zones.values()].every(({ state }) => state === 'full');

  function adjustZones(
    counts: ReadonlyMap<string, { ready: number; unready: number }>,
    all: readonly KubeObject[],
  ): void {
    const wasFull = isFullyDisrupted();
    for (const name of zones.keys()) if (!counts.has(name)) zones.delete(name);
    const states = new Map<string, ZoneState>();
    for (const [name, { ready, unready }] of counts) {
      const state = zoneState(ready, unready, unhealthyZoneThreshold);
      states.set(name, state === 'full' && options.evictInFullDisruption === true ? 'normal' : state);
    }
    const isFull = states.size > 0 && [...states.values()].every((state) => state === 'full');
    if (isFull && wasFull) return;
    if (isFull) {
      for (const node of all) markReachable(nodes.get(node.metadata.name) ?? node);
    } else if (wasFull) health.forgive();
    for (const [name, state] of states) {
      const { ready = 0, unready = 0 } = counts.get(name) ?? {};
      const known = zone(name);
      known.state = state;
      known.limiter.setRate(isFull ? 0 : rateOf(state, ready + unready));
      if (known.waiting.size > 0) evictor.addAfter(name, evictionPeriodMs);
    }
  }

  function rateOf(state: ZoneState, size: number): number {
    if (state !== 'partial') return evictionRate;
    return size > largeClusterSize ? secondaryEvictionRate : 0;
  }

  function taintNoSchedule(name: string): void {
    const node = nodes.get(name);
    if (node !== undefined) setTaints(node, withNoSchedule(node, clock.now()));
  }

  function markIfNodeIsUnready(key: string): void {
    const pod = pods.get(key);
    const node = pod === undefined ? undefined : nodes.get(podSpec(pod).nodeName ?? '');
    const ready = node === undefined ? undefined : readyOf(node);
    if (pod !== undefined && ready !== undefined && ready.status !== 'True') markNotReady(pod);
  }

  /** Readiness ends with the Node's: Deployments and Services count the pod no more. */
  function markNotReady(pod: KubeObject): void {
    const ready = conditionOf(podStatus(pod).conditions, 'Ready');
    if (ready === undefined || ready.status === 'False') return;
    try {
      api.modify(
        'pods',
        pod.metadata.name,
        pod.metadata.namespace,
        (draft) => {
          const conditions = podStatus(draft).conditions ?? [];
          draft.status.conditions = conditions.map((condition) =>
            condition.type === 'Ready'
              ? { ...condition, status: 'False', lastTransitionTime: timeText(clock.now()) }
              : condition,
          );
        },
        { actor, subresource: 'status' },
      );
      recorder.record(pod, { type: 'Warning', reason: 'NodeNotReady', message: 'Node is not ready' });
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    }
  }

  const endings = [
    nodes.onChange((after) => {
      if (after === undefined) return;
      if (withNoSchedule(after, clock.now()) !== undefined) schedulability.add(after.metadata.name);
    }),
    pods.onChange((after) => {
      if (after === undefined || conditionOf(podStatus(after).conditions, 'Ready')?.status !== 'True') return;
      const node = nodes.get(podSpec(after).nodeName ?? '');
      const ready = node === undefined ? undefined : readyOf(node);
      if (ready !== undefined && ready.status !== 'True') podQueue.add(keyOf(after));
    }),
  ];
  let cancel = clock.after(0, look);
  return {
    stop() {
      cancel();
      for (const end of endings) end();
      for (const queue of [schedulability, podQueue, evictor]) queue.stop();
    },
  };
}
