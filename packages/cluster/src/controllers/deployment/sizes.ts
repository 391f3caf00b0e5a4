/** How many pods a Deployment may have, must have, and how they are shared out among its ReplicaSets. Pure. */
import type { KubeObject } from '../../kinds/kind.ts';
import { type DeploymentSpec, replicaSetSpec, replicaSetStatus } from '../machinery/shapes.ts';
import { byCreation, maxAnnotation } from './revisions.ts';

/** `3` or `"25%"` of a total; rounded up for a surge, down for what may be missing. What is neither counts as 0. */
export function scaled(value: number | string | undefined, total: number, round: 'up' | 'down'): number {
  if (typeof value === 'number') return value;
  const percent = /^(\d+)%$/.exec(value ?? '0%');
  if (percent === null) return 0;
  const share = (Number(percent[1]) * total) / 100;
  return round === 'up' ? Math.ceil(share) : Math.floor(share);
}

function fenceposts(spec: DeploymentSpec): { surge: number; unavailable: number } {
  const { maxSurge, maxUnavailable } = spec.strategy.rollingUpdate ?? {};
  const surge = scaled(maxSurge, spec.replicas, 'up');
  const unavailable = scaled(maxUnavailable, spec.replicas, 'down');
  // Both 0 would never move: one may be missing then.
  return surge === 0 && unavailable === 0 ? { surge, unavailable: 1 } : { surge, unavailable };
}

export const isRolling = (spec: DeploymentSpec): boolean => spec.strategy.type === 'RollingUpdate';

export function maxSurgeOf(spec: DeploymentSpec): number {
  return isRolling(spec) ? fenceposts(spec).surge : 0;
}

export function maxUnavailableOf(spec: DeploymentSpec): number {
  if (!isRolling(spec) || spec.replicas === 0) return 0;
  return Math.min(fenceposts(spec).unavailable, spec.replicas);
}

const sum = (sets: readonly KubeObject[], count: (set: KubeObject) => number): number =>
  sets.reduce((total, set) => total + count(set), 0);

export const wantedBy = (sets: readonly KubeObject[]): number => sum(sets, (set) => replicaSetSpec(set).replicas);
export const actualOf = (sets: readonly KubeObject[]): number => sum(sets, (set) => replicaSetStatus(set).replicas);
export const readyOf = (sets: readonly KubeObject[]): number =>
  sum(sets, (set) => replicaSetStatus(set).readyReplicas ?? 0);
export const availableOf = (sets: readonly KubeObject[]): number =>
  sum(sets, (set) => replicaSetStatus(set).availableReplicas ?? 0);

/** How large the new ReplicaSet may become in this step. */
export function newSetSize(spec: DeploymentSpec, all: readonly KubeObject[], present: number): number {
  if (!isRolling(spec)) return spec.replicas;
  const room = spec.replicas + scaled(spec.strategy.rollingUpdate?.maxSurge, spec.replicas, 'up') - wantedBy(all);
  return room <= 0 ? present : present + Math.min(room, spec.replicas - present);
}

/** A new size for one ReplicaSet. */
export interface Resize {
  set: KubeObject;
  to: number;
}

/**
 * What goes of the old ReplicaSets in a rolling step: first pods that are not available anyway, oldest ReplicaSet first,
 * then as many available ones as are more than must be there. Steps in order; one ReplicaSet may have two.
 */
export function shrinkOld(spec: DeploymentSpec, newSet: KubeObject, old: readonly KubeObject[]): Resize[] {
  const sets = [...old].sort(byCreation);
  const size = new Map(sets.map((set) => [set, replicaSetSpec(set).replicas]));
  const sizeOf = (set: KubeObject): number => size.get(set) ?? 0;
  if (wantedBy(sets) === 0) return [];
  const minAvailable = spec.replicas - maxUnavailableOf(spec);
  const newUnavailable = replicaSetSpec(newSet).replicas - availableOf([newSet]);
  const maxScaledDown = wantedBy([...sets, newSet]) - minAvailable - newUnavailable;
  if (maxScaledDown <= 0) return [];

  const steps: Resize[] = [];
  const shrink = (set: KubeObject, by: number): void => {
    if (by <= 0) return;
    size.set(set, sizeOf(set) - by);
    steps.push({ set, to: sizeOf(set) });
  };
  let left = maxScaledDown;
  for (const set of sets) {
    const gone = Math.min(left, Math.max(0, sizeOf(set) - availableOf([set])));
    shrink(set, gone);
    left -= gone;
  }
  let spare = availableOf([...sets, newSet]) - minAvailable;
  for (const set of sets) {
    const gone = Math.min(sizeOf(set), Math.max(0, spare));
    shrink(set, gone);
    spare -= gone;
  }
  return steps;
}

/** Half away from zero, as Go's RoundToInt32. */
const roundHalfAway = (value: number): number => Math.sign(value) * Math.round(Math.abs(value));

/**
 * A Deployment whose size changed in the middle of a rollout: all active ReplicaSets keep their share; the largest takes
 * what rounding leaves over.
 */
export function shareOut(spec: DeploymentSpec, statusReplicas: number, active: readonly KubeObject[]): Resize[] {
  const allowed = spec.replicas > 0 ? spec.replicas + maxSurgeOf(spec) : 0;
  const toAdd = allowed - wantedBy(active);
  const sets = [...active].sort((a, b) => {
    const bySize = replicaSetSpec(b).replicas - replicaSetSpec(a).replicas;
    if (bySize !== 0) return bySize;
    return toAdd > 0 ? byCreation(b, a) : byCreation(a, b);
  });
  let added = 0;
  const resized = sets.map((set) => {
    const present = replicaSetSpec(set).replicas;
    const share = toAdd === 0 ? 0 : proportion(spec, statusReplicas, set, toAdd, added);
    added += share;
    return { set, to: present + share };
  });
  const [largest] = resized;
  if (largest !== undefined && toAdd !== 0) largest.to = Math.max(0, largest.to + toAdd - added);
  return resized;
}

function proportion(
  spec: DeploymentSpec,
  statusReplicas: number,
  set: KubeObject,
  toAdd: number,
  added: number,
): number {
  const present = replicaSetSpec(set).replicas;
  if (present === 0 || toAdd === added) return 0;
  const fraction = fractionOf(spec, statusReplicas, set);
  return toAdd > 0 ? Math.min(fraction, toAdd - added) : Math.max(fraction, toAdd - added);
}

function fractionOf(spec: DeploymentSpec, statusReplicas: number, set: KubeObject): number {
  const present = replicaSetSpec(set).replicas;
  if (spec.replicas === 0) return -present;
  const noted = Number(set.metadata.annotations?.[maxAnnotation] ?? 0);
  const before = Number.isSafeInteger(noted) && noted > 0 ? noted : statusReplicas;
  if (before === 0) return 0;
  return roundHalfAway((present * (spec.replicas + maxSurgeOf(spec))) / before) - present;
}
