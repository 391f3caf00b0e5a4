/** The scheduler: watches pods and nodes, places one pod after another, makes room, says why it cannot. */
import type { KubeObject } from '../../kinds/kind.ts';
import { createSeriesRecorder } from '../machinery/event-recorder.ts';
import { compileSelector, selectorText } from '../machinery/label-selector.ts';
import { isReason } from '../machinery/owners.ts';
import { conditionOf, controllerOf, keyOf, type LabelSelector, podSpec, podStatus } from '../machinery/shapes.ts';
import { inLaterTurn } from '../machinery/turns.ts';
import type { Controller, ControllerContext } from '../options.ts';
import { Cluster, type NodeState } from './cluster.ts';
import { nodeRefusal, type Obstacle } from './filters.ts';
import { Nominations } from './nominations.ts';
import { createPending, type Parked } from './pending.ts';
import { createPlacer } from './placement.ts';
import { factsOf, type PodFacts, stillHold, termMatches } from './pod-facts.ts';
import { createPodStatusWriter, truncated } from './pod-status.ts';
import { createPreemption } from './preemption.ts';
import { volumeProblem } from './volumes.ts';

const schedulerName = 'default-scheduler';
const actor = 'kube-scheduler';
/** Of the condition DisruptionTarget of a victim. */
const preemptedReason = 'PreemptionByScheduler';
/** Pods tried before the turn is given back. */
const batch = 64;
/** Up to so many parked pods are all tried again after a change, so that what they say stays true. */
const alwaysWake = 100;

function isEnded(pod: KubeObject): boolean {
  const { phase } = podStatus(pod);
  return phase === 'Succeeded' || phase === 'Failed';
}

function isPlaced(pod: KubeObject): boolean {
  const { nodeName } = podSpec(pod);
  return nodeName !== undefined && nodeName !== '';
}

const isPreempted = (pod: KubeObject | undefined): boolean =>
  pod !== undefined && conditionOf(podStatus(pod).conditions, 'DisruptionTarget')?.reason === preemptedReason;

const isGated = (pod: KubeObject): boolean => (podSpec(pod).schedulingGates ?? []).length > 0;

/** Ours to place: not on a node, asked of this scheduler, alive and not held back by a gate. */
function isWaiting(pod: KubeObject): boolean {
  return (
    !isPlaced(pod) &&
    !isEnded(pod) &&
    pod.metadata.deletionTimestamp === undefined &&
    (podSpec(pod).schedulerName ?? schedulerName) === schedulerName &&
    !isGated(pod)
  );
}

export function startScheduler(context: ControllerContext): Controller {
  const { api, clock, periods } = context;
  const pods = context.index('pods');
  const nodes = context.index('nodes');
  const services = context.index('services');
  const claims = context.index('persistentvolumeclaims');
  const budgets = context.index('poddisruptionbudgets.policy');
  const recorder = createSeriesRecorder({
    api,
    clock,
    component: schedulerName,
    instance: `${schedulerName}-kouplet`,
    actor,
    onError: (error) => context.onError(error, schedulerName),
  });
  const writeStatus = createPodStatusWriter(api, clock, actor);
  const namespaceLabels = (name: string) => api.get('namespaces', name)?.metadata.labels;
  const cluster = new Cluster(namespaceLabels);
  const nominations = new Nominations();
  const podOf = ({ key, uid }: PodFacts): KubeObject | undefined => {
    const pod = pods.get(key);
    return pod?.metadata.uid === uid ? pod : undefined;
  };
  const place = createPlacer({
    cluster,
    nominations,
    namespaceLabels,
    preempt: createPreemption({
      cluster,
      nominations,
      namespaceLabels,
      budgets: () => budgets.all(),
      podOf,
      now: () => clock.now(),
    }),
    isMakingRoom: (facts, node) =>
      [...(cluster.node(node)?.pods.values() ?? [])].some(
        (other) => other.priority < facts.priority && other.isTerminating && isPreempted(podOf(other)),
      ),
    ownSelector,
    random: context.options.random ?? Math.random,
  });
  let isAwake = false;
  let isStopped = false;
  const pending = createPending({
    clock,
    initialBackoffMs: periods.podInitialBackoffMs,
    maxBackoffMs: periods.podMaxBackoffMs,
    retryMs: periods.podUnschedulableRetryMs,
    onReady: wakeUp,
  });

  function wakeUp(): void {
    if (isAwake || isStopped) return;
    isAwake = true;
    inLaterTurn(work);
  }

  function work(): void {
    isAwake = false;
    for (let tried = 0; tried < batch; tried++) {
      if (isStopped) return;
      const facts = pending.take();
      if (facts === undefined) return;
      try {
        schedule(facts);
      } catch (error) {
        pending.backOff(facts);
        context.onError(error, `${schedulerName} ${facts.key}`);
      }
    }
    wakeUp();
  }

  function schedule(facts: PodFacts): void {
    const pod = pods.get(facts.key);
    if (pod === undefined || pod.metadata.uid !== facts.uid || !isWaiting(pod)) {
      pending.remove(facts.key);
      return;
    }
    const problem = volumeProblem(claims, pod);
    if (problem !== undefined) {
      const message = `0/${cluster.nodes.length} nodes are available: ${problem}. not found`;
      refuse(pod, facts, message, new Set<Obstacle>(['volumes']));
      return;
    }
    const placement = place(facts);
    if (placement.kind === 'node') {
      bind(pod, facts, placement.node);
      return;
    }
    const { message, obstacles, room, hopeless } = placement;
    if (room !== undefined) nominations.set(facts, room.node.name);
    else if (hopeless === true) nominations.remove(facts.key);
    refuse(pod, facts, message, obstacles, room?.node.name ?? (hopeless === true ? '' : undefined));
    if (room !== undefined) makeRoom(pod, facts, room.node, room.victims);
  }

  function bind(pod: KubeObject, facts: PodFacts, node: NodeState): void {
    try {
      api.bind(facts.namespace, facts.name, node.name, { actor, uid: facts.uid });
    } catch (error) {
      // Gone, or placed by another meanwhile: its event says what comes next.
      if (!isReason(error, 'NotFound', 'Conflict')) throw error;
      pending.remove(facts.key);
      return;
    }
    pending.remove(facts.key);
    nominations.remove(facts.key);
    cluster.place(facts, node.name);
    joined(facts);
    recorder.record(pod, {
      type: 'Normal',
      reason: 'Scheduled',
      action: 'Binding',
      message: `Successfully assigned ${facts.namespace}/${facts.name} to ${node.name}`,
    });
  }

  /** Less important pods go with their own grace; the pod itself is tried again when they are gone. */
  function makeRoom(pod: KubeObject, facts: PodFacts, node: NodeState, victims: readonly PodFacts[]): void {
    for (const other of nominations.behind(facts, node.name)) {
      nominations.remove(other.key);
      const waiting = podOf(other);
      if (waiting !== undefined) writeStatus(waiting, { nominatedNodeName: '' });
      pending.add(other);
    }
    for (const victim of victims) {
      const object = podOf(victim);
      if (object === undefined) continue;
      try {
        writeStatus(object, {
          condition: {
            type: 'DisruptionTarget',
            status: 'True',
            reason: preemptedReason,
            message: `${schedulerName}: preempting to accommodate a higher priority pod`,
          },
        });
        api.delete('pods', victim.name, victim.namespace, { preconditions: { uid: victim.uid } });
      } catch (error) {
        if (!isReason(error, 'NotFound', 'Conflict')) throw error;
        continue;
      }
      recorder.record(object, {
        type: 'Normal',
        reason: 'Preempted',
        action: 'Preempting',
        message: `Preempted by pod ${facts.uid} on node ${node.name}`,
        related: pod,
      });
    }
  }

  function refuse(
    pod: KubeObject,
    facts: PodFacts,
    message: string,
    obstacles: ReadonlySet<Obstacle>,
    nominatedNodeName?: string,
  ): void {
    pending.park(facts, obstacles);
    recorder.record(pod, {
      type: 'Warning',
      reason: 'FailedScheduling',
      action: 'Scheduling',
      message: truncated(message),
    });
    setCondition(pod, 'Unschedulable', message, nominatedNodeName);
  }

  function setCondition(pod: KubeObject, reason: string, message: string, nominatedNodeName?: string): void {
    writeStatus(pod, {
      condition: { type: 'PodScheduled', status: 'False', reason, message },
      ...(nominatedNodeName === undefined ? {} : { nominatedNodeName }),
    });
  }

  /** The selectors of the Services that mean the pod and of the set that made it, together. */
  function ownSelector(facts: PodFacts): LabelSelector | undefined {
    const merged: Required<LabelSelector> = { matchLabels: {}, matchExpressions: [] };
    for (const service of services.inNamespace(facts.namespace)) {
      const selector: Record<string, string> | undefined = service.spec.selector;
      if (selector === undefined || Object.keys(selector).length === 0) continue;
      if (compileSelector({ matchLabels: selector })(facts.labels)) Object.assign(merged.matchLabels, selector);
    }
    const owner = ownerSelector(facts);
    Object.assign(merged.matchLabels, owner?.matchLabels);
    merged.matchExpressions.push(...(owner?.matchExpressions ?? []));
    return Object.keys(merged.matchLabels).length + merged.matchExpressions.length === 0 ? undefined : merged;
  }

  function ownerSelector(facts: PodFacts): LabelSelector | undefined {
    const pod = pods.get(facts.key);
    const owner = pod === undefined ? undefined : controllerOf(pod);
    if (owner?.apiVersion !== 'apps/v1') return undefined;
    const resource = { ReplicaSet: 'replicasets.apps', StatefulSet: 'statefulsets.apps' }[owner.kind];
    return resource === undefined
      ? undefined
      : context.index(resource).get(`${facts.namespace}/${owner.name}`)?.spec.selector;
  }

  function onPod(after: KubeObject | undefined, before: KubeObject | undefined): void {
    const object = after ?? before;
    if (object === undefined) return;
    const key = keyOf(object);
    if (after === undefined || isEnded(after)) {
      if (pending.factsOf(key)?.uid === object.metadata.uid) pending.remove(key);
      nominations.remove(key, object.metadata.uid);
      if (cluster.placed(key)?.uid === object.metadata.uid) freed(cluster.remove(key));
      return;
    }
    if (isPlaced(after)) onPlacedPod(key, after);
    else if (isWaiting(after)) onWaitingPod(key, after);
    else onHeldPod(key, after);
  }

  function onPlacedPod(key: string, pod: KubeObject): void {
    pending.remove(key);
    nominations.remove(key);
    const known = cluster.placed(key);
    const nodeName = podSpec(pod).nodeName ?? '';
    if (known !== undefined && stillHold(known, pod)) return;
    const isNew = known?.uid !== pod.metadata.uid;
    // Binding changes no label: a pod that this scheduler placed is known already.
    const facts = factsOf(pod);
    cluster.place(facts, nodeName);
    if (isNew || selectorText({ matchLabels: known.labels }) !== selectorText({ matchLabels: facts.labels }))
      joined(facts);
  }

  function onWaitingPod(key: string, pod: KubeObject): void {
    // An older event of a pod that was bound in this turn.
    if (cluster.placed(key)?.uid === pod.metadata.uid) return;
    const known = pending.factsOf(key);
    if (known !== undefined && stillHold(known, pod)) return;
    const facts = factsOf(pod);
    const { nominatedNodeName } = podStatus(pod);
    if (typeof nominatedNodeName === 'string' && nominatedNodeName !== '') nominations.set(facts, nominatedNodeName);
    pending.add(facts);
  }

  function onHeldPod(key: string, pod: KubeObject): void {
    pending.remove(key);
    nominations.remove(key);
    if (!isGated(pod) || pod.metadata.deletionTimestamp !== undefined) return;
    setCondition(pod, 'SchedulingGated', 'Scheduling is blocked due to non-empty scheduling gates');
  }

  /** A pod is on a node, under its labels: the company that others want, or what evens out their spread. */
  function joined(facts: PodFacts): void {
    pending.wake(({ facts: waiting, obstacles }) => {
      if (obstacles.has('spread') && waiting.namespace === facts.namespace) return true;
      const { requiredAffinity } = waiting;
      if (!obstacles.has('pod-affinity') || requiredAffinity.length === 0) return false;
      return requiredAffinity.every((term) => termMatches(term, facts, namespaceLabels));
    });
  }

  /** A place became free on a node. */
  function freed(node: NodeState | undefined): void {
    if (node === undefined) return;
    pending.wake(
      ({ facts, obstacles }) =>
        obstacles.has('spread') ||
        obstacles.has('pod-affinity') ||
        nominations.nodeOf(facts.key) === node.name ||
        ((obstacles.has('resources') || obstacles.has('ports')) && nodeRefusal(facts, node) === undefined),
    );
  }

  function onNode(after: KubeObject | undefined, before: KubeObject | undefined): void {
    if (after === undefined) {
      if (before === undefined || api.get('nodes', before.metadata.name) !== undefined) return;
      cluster.removeNode(before.metadata.name);
      pending.wake(({ obstacles }) => pending.parkedCount <= alwaysWake || obstacles.has('spread'));
      return;
    }
    if (!cluster.setNode(after)) return;
    const node = cluster.node(after.metadata.name);
    const all = pending.parkedCount <= alwaysWake;
    pending.wake(({ facts, obstacles }: Parked) => {
      return all || obstacles.has('spread') || (node !== undefined && nodeRefusal(facts, node) === undefined);
    });
  }

  const endings = [
    nodes.onChange(onNode),
    pods.onChange(onPod),
    claims.onChange(() => pending.wake(({ obstacles }) => obstacles.has('volumes'))),
  ];
  return {
    stop() {
      isStopped = true;
      for (const end of endings) end();
      pending.stop();
    },
  };
}
