/** Revisions of a Deployment: which ReplicaSet is the new one, and what the annotations remember. */
import type { KubeObject } from '../../kinds/kind.ts';
import { sameValue } from '../machinery/canonical.ts';
import { parseTime } from '../machinery/instants.ts';
import { deploymentSpec, type PodTemplate, replicaSetSpec } from '../machinery/shapes.ts';

export const revisionAnnotation = 'deployment.kubernetes.io/revision';
export const historyAnnotation = 'deployment.kubernetes.io/revision-history';
export const desiredAnnotation = 'deployment.kubernetes.io/desired-replicas';
export const maxAnnotation = 'deployment.kubernetes.io/max-replicas';
export const hashLabel = 'pod-template-hash';

/** Annotations of a Deployment that say something of it alone; all others are its ReplicaSets' too (change-cause). */
const ownAnnotations = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  revisionAnnotation,
  historyAnnotation,
  desiredAnnotation,
  maxAnnotation,
  'deprecated.deployment.rollback.to',
]);

/** How many characters of old revisions a ReplicaSet remembers (deployment/sync.go). */
const historyLimit = 2000;

/** The template without the label that names its ReplicaSet. */
function templateIdentity(template: PodTemplate): unknown {
  const labels = { ...template.metadata?.labels };
  delete labels[hashLabel];
  const metadata = { ...template.metadata, labels };
  return { ...template, metadata: withoutEmptyMaps(metadata) };
}

/** An empty map of labels or annotations is no map, in Go's equality. */
function withoutEmptyMaps(metadata: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(metadata).filter(
      ([, value]) => !(typeof value === 'object' && value !== null && Object.keys(value).length === 0),
    ),
  );
}

export function sameTemplate(a: PodTemplate, b: PodTemplate): boolean {
  return sameValue(templateIdentity(a), templateIdentity(b));
}

/** Oldest first; by name where they are of one second. */
export function byCreation(a: KubeObject, b: KubeObject): number {
  const difference = (parseTime(a.metadata.creationTimestamp) ?? 0) - (parseTime(b.metadata.creationTimestamp) ?? 0);
  if (difference !== 0) return difference;
  return a.metadata.name < b.metadata.name ? -1 : 1;
}

/** The oldest whose template is the Deployment's: a rollback thus finds the ReplicaSet of then. */
export function findNewReplicaSet(deployment: KubeObject, sets: readonly KubeObject[]): KubeObject | undefined {
  const { template } = deploymentSpec(deployment);
  return [...sets].sort(byCreation).find((set) => sameTemplate(replicaSetSpec(set).template, template));
}

/** 0 where there is none; what is no number is passed over by `maxRevision`. */
export function revisionOf(set: KubeObject): number {
  const text = set.metadata.annotations?.[revisionAnnotation];
  return text === undefined || !/^\d+$/.test(text) ? 0 : Number(text);
}

export function maxRevision(sets: readonly KubeObject[]): number {
  return Math.max(0, ...sets.map(revisionOf));
}

/**
 * The annotations that the new ReplicaSet should carry: the Deployment's, its revision, and the revisions it was before.
 * The sizes (`desired`, `max`) are not touched here.
 */
export function newSetAnnotations(
  deployment: KubeObject,
  before: Readonly<Record<string, string>>,
  revision: number,
): Record<string, string> {
  const annotations = { ...before };
  for (const [key, value] of Object.entries(deployment.metadata.annotations ?? {})) {
    if (!ownAnnotations.has(key)) annotations[key] = value;
  }
  const oldText = before[revisionAnnotation];
  if (oldText !== undefined && oldText !== '' && !/^\d+$/.test(oldText)) return annotations;
  const old = Number(oldText ?? 0);
  if (old >= revision) return annotations;
  annotations[revisionAnnotation] = String(revision);
  if (oldText !== undefined && oldText !== '') {
    const remembered = [...(before[historyAnnotation] ?? '').split(',').filter((one) => one !== ''), oldText];
    while (remembered.join(',').length > historyLimit) remembered.shift();
    annotations[historyAnnotation] = remembered.join(',');
  }
  return annotations;
}
