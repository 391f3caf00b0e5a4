/** Keeps the status of PodDisruptionBudgets true (kubernetes, pkg/controller/disruption): how many pods may go now. */
import { ownValue } from '../json.ts';
import type { KubeObject } from '../kinds/kind.ts';
import { scaled } from './deployment/sizes.ts';
import { disruptionAllowedCondition } from './eviction.ts';
import { sameValue } from './machinery/canonical.ts';
import { parseTime } from './machinery/instants.ts';
import { compileSelector, goSelectorText } from './machinery/label-selector.ts';
import { type Condition, controllerOf, isReady, keyOf } from './machinery/shapes.ts';
import { createWorkQueue } from './machinery/work-queue.ts';
import { type Controller, type ControllerContext, controllerActor } from './options.ts';

const component = 'controllermanager';
const pdbResource = 'poddisruptionbudgets.policy';
/** An eviction that has not become a deletion by then is forgotten (DeletionTimeout). */
const deletionTimeoutMs = 120_000;

const scalable: Record<string, string> = {
  ReplicaSet: 'replicasets.apps',
  StatefulSet: 'statefulsets.apps',
  Deployment: 'deployments.apps',
  ReplicationController: 'replicationcontrollers',
};

interface Expectation {
  expected: number;
  desired: number;
  unmanaged: string[];
}

export function startDisruptionController(context: ControllerContext): Controller {
  const { api, clock } = context;
  const budgets = context.index(pdbResource);
  const pods = context.index('pods');
  const recorder = context.recorder(component);
  const queue = createWorkQueue({
    clock,
    run: sync,
    onError: (error, key) => context.onError(error, `disruption-controller ${key}`),
    backoffMs: 1_000,
    maxBackoffMs: 60_000,
  });

  function sync(key: string): void {
    const budget = budgets.get(key);
    if (budget === undefined) return;
    const matches = compileSelector(budget.spec.selector);
    const chosen = pods.inNamespace(budget.metadata.namespace ?? '').filter((pod) => matches(pod.metadata.labels));
    if (chosen.length === 0) {
      recorder.record(budget, { type: 'Normal', reason: 'NoPods', message: 'No matching pods found' });
    }
    let expectation: Expectation;
    try {
      expectation = expect(budget, chosen);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const message = `Failed to calculate the number of expected pods: ${why}`;
      recorder.record(budget, { type: 'Warning', reason: 'CalculateExpectedPodCountFailed', message });
      writeFailure(budget, why);
      throw error;
    }
    if (expectation.unmanaged.length > 0) tellUnmanaged(budget);
    write(budget, chosen, expectation);
  }

  function tellUnmanaged(budget: KubeObject): void {
    const message =
      `Pods selected by this PodDisruptionBudget (selector: ${goSelectorText(budget.spec.selector)}) were found to be unmanaged. ` +
      'As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. ' +
      'To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.';
    recorder.record(budget, { type: 'Warning', reason: 'UnmanagedPods', message });
  }

  function expect(budget: KubeObject, chosen: readonly KubeObject[]): Expectation {
    const { minAvailable, maxUnavailable } = budget.spec;
    if (maxUnavailable !== undefined) {
      const { expected, unmanaged } = expectedScale(chosen);
      return { expected, unmanaged, desired: Math.max(0, expected - scaled(maxUnavailable, expected, 'up')) };
    }
    if (typeof minAvailable === 'string') {
      const { expected, unmanaged } = expectedScale(chosen);
      return { expected, unmanaged, desired: scaled(minAvailable, expected, 'up') };
    }
    return { expected: chosen.length, desired: minAvailable ?? 0, unmanaged: [] };
  }

  /** The sizes that the pods' owners were asked to have. @throws Error for an owner that has no size */
  function expectedScale(chosen: readonly KubeObject[]): { expected: number; unmanaged: string[] } {
    const sizes = new Map<string, number>();
    const unmanaged: string[] = [];
    for (const pod of chosen) {
      const owner = sizedOwner(pod);
      if (owner === 'none') unmanaged.push(pod.metadata.name);
      else if (owner === 'unknown') throw new Error(`found no controllers for pod "${pod.metadata.name}"`);
      else sizes.set(owner.metadata.uid, owner.spec.replicas ?? 0);
    }
    return { expected: [...sizes.values()].reduce((sum, size) => sum + size, 0), unmanaged };
  }

  function sizedOwner(pod: KubeObject): KubeObject | 'none' | 'unknown' {
    const owner = ownerOf(pod);
    if (owner === 'none' || owner === 'unknown' || owner.kind !== 'ReplicaSet') return owner;
    const above = ownerOf(owner);
    return above === 'none' || above === 'unknown' ? owner : above;
  }

  function ownerOf(object: KubeObject): KubeObject | 'none' | 'unknown' {
    const reference = controllerOf(object);
    if (reference === undefined) return 'none';
    const resource = ownValue(scalable, reference.kind);
    if (resource === undefined) return 'unknown';
    const owner = context.index(resource).get(`${object.metadata.namespace}/${reference.name}`);
    return owner?.metadata.uid === reference.uid ? owner : 'unknown';
  }

  /** Evictions that were allowed but are no deletions yet; they count as gone. */
  function stillDisrupted(budget: KubeObject, chosen: readonly KubeObject[]): Record<string, string> {
    const known: Record<string, string> = budget.status?.disruptedPods ?? {};
    const left: Record<string, string> = {};
    let next = Number.POSITIVE_INFINITY;
    for (const pod of chosen) {
      const since = known[pod.metadata.name];
      const until = (parseTime(since) ?? 0) + deletionTimeoutMs;
      if (since === undefined || pod.metadata.deletionTimestamp !== undefined || until < clock.now()) continue;
      left[pod.metadata.name] = since;
      next = Math.min(next, until);
    }
    if (next !== Number.POSITIVE_INFINITY) queue.addAfter(keyOf(budget), next - clock.now() + 1);
    return left;
  }

  function write(budget: KubeObject, chosen: readonly KubeObject[], { expected, desired }: Expectation): void {
    const disruptedPods = stillDisrupted(budget, chosen);
    const healthy = chosen.filter(
      (pod) =>
        pod.metadata.deletionTimestamp === undefined && disruptedPods[pod.metadata.name] === undefined && isReady(pod),
    ).length;
    const allowed = expected <= 0 ? 0 : Math.max(0, healthy - desired);
    const { generation } = budget.metadata;
    writeStatus(budget, {
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      ...(Object.keys(disruptedPods).length === 0 ? {} : { disruptedPods }),
      disruptionsAllowed: allowed,
      currentHealthy: healthy,
      desiredHealthy: desired,
      expectedPods: expected,
      conditions: disruptionAllowedCondition(budget.status?.conditions ?? [], allowed, generation, clock.now()),
    });
  }

  /** Nothing may be evicted while nobody knows how many there should be. */
  function writeFailure(budget: KubeObject, why: string): void {
    const before: Condition[] = budget.status?.conditions ?? [];
    const conditions = disruptionAllowedCondition(before, 0, budget.metadata.generation, clock.now()).map(
      (condition) =>
        condition.type === 'DisruptionAllowed' ? { ...condition, reason: 'SyncFailed', message: why } : condition,
    );
    writeStatus(budget, { ...budget.status, disruptionsAllowed: 0, conditions });
  }

  function writeStatus(budget: KubeObject, status: Record<string, unknown>): void {
    if (sameValue(budget.status, status)) return;
    api.modify(
      pdbResource,
      budget.metadata.name,
      budget.metadata.namespace,
      (draft) => {
        draft.status = status;
      },
      { actor: controllerActor, subresource: 'status' },
    );
  }

  function wakeFor(pod: KubeObject): void {
    for (const budget of budgets.inNamespace(pod.metadata.namespace ?? '')) {
      if (compileSelector(budget.spec.selector)(pod.metadata.labels)) queue.add(keyOf(budget));
    }
  }

  const endings = [
    budgets.onChange((after) => {
      if (after !== undefined) queue.add(keyOf(after));
    }),
    pods.onChange((after, before) => {
      if (after !== undefined) wakeFor(after);
      if (before !== undefined && before.metadata.labels !== after?.metadata.labels) wakeFor(before);
    }),
    ...['deployments.apps', 'statefulsets.apps', 'replicasets.apps'].map((resource) =>
      context.index(resource).onChange((after, before) => {
        if (after === undefined || before === undefined || after.spec.replicas === before.spec.replicas) return;
        for (const budget of budgets.inNamespace(after.metadata.namespace ?? '')) queue.add(keyOf(budget));
      }),
    ),
  ];
  return {
    stop() {
      for (const end of endings) end();
      queue.stop();
    },
  };
}
