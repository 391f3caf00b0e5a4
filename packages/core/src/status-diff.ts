/**
 * Whether what the server shows is what should be shown. The server's form is the measure: times in whole seconds,
 * conditions by type with foreign ones kept, empty the same as absent. A plan after its write is then empty. [SPEC I9]
 */
import type { Condition, ContainerStatus, NodeStatus, PodStatus } from './observed.ts';

/** The status of a Node without its heartbeat times, which alone are worth no write. */
export function isNodeStatusShown(desired: NodeStatus, shown: NodeStatus): boolean {
  return (
    isConditionsShown(desired.conditions ?? [], shown.conditions ?? []) &&
    isShown(desired.phase, shown.phase) &&
    portOf(desired) === portOf(shown) &&
    areQuantitiesShown(desired.capacity, shown.capacity) &&
    areQuantitiesShown(desired.allocatable, shown.allocatable) &&
    (desired.addresses ?? []).every((item) => shown.addresses?.some((other) => isShown(item, other)) ?? false) &&
    Object.entries(desired.nodeInfo ?? {}).every(([name, value]) => (shown.nodeInfo?.[name] ?? '') === value)
  );
}

function portOf(status: NodeStatus): number {
  return status.daemonEndpoints?.kubeletEndpoint.Port ?? 0;
}

/** Only what is desired is compared: what others add to a Pod's status is theirs. */
export function isPodStatusShown(desired: PodStatus, shown: PodStatus): boolean {
  for (const name in desired) {
    if (name === 'conditions' || name === 'containerStatuses') continue;
    // Kubernetes before 1.28 drops it: a difference that no write can mend.
    if (name === 'hostIPs' && shown.hostIPs === undefined && isShown(desired.hostIP, shown.hostIP)) continue;
    if (!isShown(desired[name as keyof PodStatus], shown[name as keyof PodStatus])) return false;
  }
  return (
    isConditionsShown(desired.conditions ?? [], shown.conditions ?? []) &&
    areContainersShown(desired.containerStatuses, shown)
  );
}

function areContainersShown(desired: readonly ContainerStatus[] | undefined, shown: PodStatus): boolean {
  if (desired === undefined) return true;
  const present = shown.containerStatuses ?? [];
  return (
    desired.length === present.length &&
    desired.every((status) =>
      isShown(
        status,
        present.find((other) => other.name === status.name),
      ),
    )
  );
}

function isConditionsShown(desired: readonly Condition[], shown: readonly Condition[]): boolean {
  return desired.every((wanted) => {
    const present = shown.find((other) => other.type === wanted.type);
    if (present === undefined) return false;
    return (
      present.status === wanted.status &&
      (present.reason ?? '') === (wanted.reason ?? '') &&
      (present.message ?? '') === (wanted.message ?? '') &&
      (present.lastTransitionTime ?? '') !== ''
    );
  });
}

/**
 * Every desired field is shown with the same value and no other is there; empty texts and absent fields are the same.
 * Compared for each Pod in each plan, so without building anything.
 */
function isShown(desired: unknown, shown: unknown): boolean {
  if (desired === shown) return true;
  if (typeof desired !== 'object' || typeof shown !== 'object' || desired === null || shown === null) {
    return isEmpty(desired) && isEmpty(shown);
  }
  if (Array.isArray(desired) && Array.isArray(shown)) {
    return desired.length === shown.length && desired.every((item, at) => isShown(item, shown[at]));
  }
  const wanted = desired as Readonly<Record<string, unknown>>;
  const present = shown as Readonly<Record<string, unknown>>;
  for (const name in wanted) if (!isShown(wanted[name], present[name])) return false;
  for (const name in present) if (wanted[name] === undefined && !isEmpty(present[name])) return false;
  return true;
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  if (typeof value !== 'object') return false;
  for (const _name in value) return false;
  return true;
}

const factors: Readonly<Record<string, number>> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/** The server may write a quantity another way, and others may add resources of their own. */
function areQuantitiesShown(desired: NodeStatus['capacity'], shown: NodeStatus['capacity']): boolean {
  return Object.entries(desired ?? {}).every(([name, text]) => {
    const present = shown?.[name];
    return present !== undefined && amountOf(present) === amountOf(text);
  });
}

function amountOf(text: string): number | string {
  const parts = /^([0-9.]+)([A-Za-z]*)$/.exec(text);
  const factor = factors[parts?.[2] ?? ''];
  return parts === null || factor === undefined ? text : Number(parts[1]) * factor;
}
