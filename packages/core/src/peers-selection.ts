/**
 * Which Nodes the Pods of a peer Deployment may run on: its template's nodeSelector, required affinity and tolerations, and
 * the cluster name that its label says, read as the scheduler reads them. [SPEC N20]
 */
import type { ObjectMeta, ObservedNode, Taint } from './observed.ts';

/** core/v1 NodeSelectorRequirement. */
export interface NodeRequirement {
  readonly key: string;
  readonly operator: string;
  readonly values: readonly string[];
}

/** core/v1 NodeSelectorTerm: all of it must hold, and an empty one selects nothing. */
export interface NodeTerm {
  readonly matchExpressions: readonly NodeRequirement[];
  readonly matchFields: readonly NodeRequirement[];
}

export interface Toleration {
  readonly key?: string;
  readonly operator?: string;
  readonly value?: string;
  readonly effect?: string;
}

/** What a Pod template says of where its Pods run. */
export interface PeerTemplate {
  readonly nodeSelector: Readonly<Record<string, string>>;
  /** Of the required node affinity, one of which must hold; absent where there is no such affinity. */
  readonly terms?: readonly NodeTerm[];
  readonly tolerations: readonly Toleration[];
}

/** A Deployment of apps/v1 that may follow the number of bases, projected to what is read of it. */
export interface PeerDeployment {
  readonly metadata: ObjectMeta;
  readonly replicas: number;
  /** `spec.paused`. */
  readonly isPaused: boolean;
  readonly template: PeerTemplate;
}

const dialects = ['virtual-kubelet.koupleless.io', 'module-controller.koupleless.io'];
const clusterNameLabel = 'base.koupleless.io/cluster-name';
/** A person's word that nothing is to be done there. */
const pausedAnnotation = 'kouplet.io/paused';

/**
 * Whether it asks, in either dialect of labels, to have as many replicas as there are bases of this env. Every ModuleController
 * watched Deployments by component and env alone, each release with labels of its own; so all three are needed here, too.
 */
export function isPeer({ metadata: { labels = {} } }: PeerDeployment, env: string): boolean {
  const says = (name: string, value: string) =>
    dialects.some((dialect) => labels[`${dialect}/${name}`]?.toLowerCase() === value);
  return (
    says('component', 'module-deployment') &&
    says('env', env) &&
    says('strategy', 'peer') &&
    !says('replicas-control', 'true')
  );
}

/** Nobody wants its size changed: it is paused, or on its way out. */
export function isLeftAlone({ metadata, isPaused }: PeerDeployment): boolean {
  return isPaused || metadata.deletionTimestamp !== undefined || metadata.annotations?.[pausedAnnotation] === 'true';
}

/** What tells apart Deployments that select other Nodes: the same text, the same Nodes. */
export function selectionOf({ metadata, template }: PeerDeployment): string {
  return JSON.stringify([metadata.labels?.[clusterNameLabel], template]);
}

/** Whether its Pods may run on that Node, whatever the Node's state. */
export function selects({ metadata, template }: PeerDeployment, node: ObservedNode): boolean {
  const labels = node.metadata.labels ?? {};
  const clusterName = metadata.labels?.[clusterNameLabel];
  if (clusterName !== undefined && clusterName !== '' && labels[clusterNameLabel] !== clusterName) return false;
  for (const key in template.nodeSelector) if (labels[key] !== template.nodeSelector[key]) return false;
  if (template.terms !== undefined && !template.terms.some((term) => holds(term, node))) return false;
  return isOpen(node) && (node.spec.taints ?? []).every((taint) => isNoHindrance(taint, template.tolerations));
}

function holds({ matchExpressions, matchFields }: NodeTerm, { metadata }: ObservedNode): boolean {
  if (matchExpressions.length + matchFields.length === 0) return false;
  return (
    matchExpressions.every((requirement) => isMet(requirement, metadata.labels?.[requirement.key])) &&
    matchFields.every((requirement) => requirement.key === 'metadata.name' && isMet(requirement, metadata.name))
  );
}

function isMet({ operator, values }: NodeRequirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return isWhole(value) && isWhole(values[0]) && BigInt(value) > BigInt(values[0]);
    case 'Lt':
      return isWhole(value) && isWhole(values[0]) && BigInt(value) < BigInt(values[0]);
    default:
      return false;
  }
}

function isWhole(text: string | undefined): text is string {
  return text !== undefined && /^-?\d{1,19}$/.test(text);
}

/** It stays, and takes new Pods. */
function isOpen({ metadata, spec }: ObservedNode): boolean {
  return metadata.deletionTimestamp === undefined && spec.unschedulable !== true;
}

/** Those that every Node of ours has: a template that does not tolerate them is told so by the scheduler, Pod by Pod. */
const ownTaints = new Set(['schedule.koupleless.io/virtual-node', 'schedule.koupleless.io/node-env']);
const leavingTaints = new Set(['kouplet.io/leaving', 'node.kubernetes.io/out-of-service']);

function isNoHindrance(taint: Taint, tolerations: readonly Toleration[]): boolean {
  if (leavingTaints.has(taint.key)) return false;
  if (taint.effect === 'PreferNoSchedule' || ownTaints.has(taint.key)) return true;
  // Kubernetes sets these from conditions and takes them off again; what runs there stays there meanwhile.
  if (taint.key.startsWith('node.kubernetes.io/')) return true;
  return tolerations.some((toleration) => tolerates(toleration, taint));
}

function tolerates({ key = '', operator = 'Equal', value = '', effect = '' }: Toleration, taint: Taint): boolean {
  if (effect !== '' && effect !== taint.effect) return false;
  if (key !== '' && key !== taint.key) return false;
  return operator === 'Exists' || (key !== '' && value === (taint.value ?? ''));
}
