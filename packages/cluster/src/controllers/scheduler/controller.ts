/** The scheduler: watches pods and nodes, places one pod after another, says why it cannot. Preempts nothing. */
import type { KubeObject } from '../../kinds/kind.ts';
import { createSeriesRecorder } from '../machinery/event-recorder.ts';
import { timeText } from '../machinery/instants.ts';
import { compileSelector } from '../machinery/label-selector.ts';
import { isReason } from '../machinery/owners.ts';
import {
  type Condition,
  conditionOf,
  controllerOf,
  keyOf,
  type LabelSelector,
  podSpec,
  podStatus,
} from '../machinery/shapes.ts';
import { inLaterTurn } from '../machinery/turns.ts';
import type { Controller, ControllerContext } from '../options.ts';
import { Cluster, type NodeState } from './cluster.ts';
import { nodeRefusal, type Obstacle } from './filters.ts';
import { createPending, type Parked } from './pending.ts';
import { createPlacer } from './placement.ts';
import { factsOf, type PodFacts, stillHold } from './pod-facts.ts';
import { volumeProblem } from './volumes.ts';

const schedulerName = 'default-scheduler';
const actor = 'kube-scheduler';
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
  const recorder = createSeriesRecorder({
    api,
    clock,
    component: schedulerName,
    instance: `${schedulerName}-kouplet`,
    actor,
    onError: (error) => context.onError(error, schedulerName),
  });
  const namespaceLabels = (name: string) => api.get('namespaces', name)?.metadata.labels;
  const cluster = new Cluster(namespaceLabels);
  const place = createPlacer({
    cluster,
    namespaceLabels,
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
    if (placement.kind === 'nowhere') refuse(pod, facts, placement.message, placement.obstacles);
    else bind(pod, facts, placement.node);
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
    cluster.place(facts, node.name);
    recorder.record(pod, {
      type: 'Normal',
      reason: 'Scheduled',
      action: 'Binding',
      message: `Successfully assigned ${facts.namespace}/${facts.name} to ${node.name}`,
    });
  }

  function refuse(pod: KubeObject, facts: PodFacts, message: string, obstacles: ReadonlySet<Obstacle>): void {
    pending.park(facts, obstacles);
    recorder.record(pod, { type: 'Warning', reason: 'FailedScheduling', action: 'Scheduling', message });
    setCondition(pod, 'Unschedulable', message);
  }

  function setCondition(pod: KubeObject, reason: string, message: string): void {
    const known = conditionOf(podStatus(pod).conditions, 'PodScheduled');
    const { generation } = pod.metadata;
    const next: Condition = {
      type: 'PodScheduled',
      status: 'False',
      lastProbeTime: null,
      lastTransitionTime:
        known?.status === 'False' ? (known.lastTransitionTime ?? timeText(clock.now())) : timeText(clock.now()),
      reason,
      message,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    };
    // The API server writes the gated condition itself, but without a time.
    const isTold = known?.status === 'False' && known.reason === reason && known.message === message;
    if (isTold && typeof known.lastTransitionTime === 'string') return;
    api.modify(
      'pods',
      pod.metadata.name,
      pod.metadata.namespace,
      (draft) => {
        const others: Condition[] = podStatus(draft).conditions ?? [];
        draft.status.conditions = [...others.filter((condition) => condition.type !== 'PodScheduled'), next];
      },
      { actor, subresource: 'status' },
    );
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
      if (cluster.placed(key)?.uid === object.metadata.uid) freed(cluster.remove(key));
      return;
    }
    if (isPlaced(after)) onPlacedPod(key, after);
    else if (isWaiting(after)) onWaitingPod(key, after);
    else onHeldPod(key, after);
  }

  function onPlacedPod(key: string, pod: KubeObject): void {
    pending.remove(key);
    const known = cluster.placed(key);
    const nodeName = podSpec(pod).nodeName ?? '';
    if (known !== undefined && stillHold(known, pod)) return;
    const isNew = known?.uid !== pod.metadata.uid;
    // Binding changes no label: a pod that this scheduler placed is known already.
    cluster.place(factsOf(pod), nodeName);
    if (isNew || known?.isTerminating !== (pod.metadata.deletionTimestamp !== undefined)) {
      pending.wake(({ obstacles }) => obstacles.has('pod-affinity') || obstacles.has('spread'));
    }
  }

  function onWaitingPod(key: string, pod: KubeObject): void {
    // An older event of a pod that was bound in this turn.
    if (cluster.placed(key)?.uid === pod.metadata.uid) return;
    const known = pending.factsOf(key);
    if (known === undefined || !stillHold(known, pod)) pending.add(factsOf(pod));
  }

  function onHeldPod(key: string, pod: KubeObject): void {
    pending.remove(key);
    if (!isGated(pod) || pod.metadata.deletionTimestamp !== undefined) return;
    setCondition(pod, 'SchedulingGated', 'Scheduling is blocked due to non-empty scheduling gates');
  }

  /** A place became free on a node. */
  function freed(node: NodeState | undefined): void {
    if (node === undefined) return;
    pending.wake(
      ({ facts, obstacles }) =>
        obstacles.has('spread') ||
        obstacles.has('pod-affinity') ||
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
