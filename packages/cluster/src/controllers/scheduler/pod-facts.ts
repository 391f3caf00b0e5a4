/** A pod as the scheduler reasons about it: parsed once, kept while it is pending or on a node. */
import { ownValue } from '../../json.ts';
import type { KubeObject } from '../../kinds/kind.ts';
import { canonicalText } from '../machinery/canonical.ts';
import { compileSelector, type LabelMatch, type Labels } from '../machinery/label-selector.ts';
import { keyOf, type LabelSelector, type PodAffinityTerm, type PodSpec, podSpec } from '../machinery/shapes.ts';
import { type Amounts, podRequests } from './amounts.ts';

/** A term of pod affinity, compiled. Terms that mean the same have the same key, whoever's they are. */
export interface AffinityTerm {
  readonly key: string;
  readonly topologyKey: string;
  readonly weight: number;
  readonly labelsMatch: LabelMatch;
  readonly namespaces: ReadonlySet<string>;
  readonly namespaceMatch: LabelMatch | undefined;
}

export interface PodFacts {
  readonly key: string;
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly generation: number | undefined;
  readonly labels: Labels;
  readonly spec: PodSpec;
  readonly priority: number;
  readonly isTerminating: boolean;
  readonly requests: Amounts;
  /** Nothing but a place among the node's pods. */
  readonly isBestEffort: boolean;
  readonly assumedCpu: number;
  readonly assumedMemory: number;
  /** `hostIP/protocol/port`. */
  readonly hostPorts: readonly string[];
  readonly requiredAffinity: readonly AffinityTerm[];
  readonly requiredAntiAffinity: readonly AffinityTerm[];
  readonly preferredAffinity: readonly AffinityTerm[];
  readonly preferredAntiAffinity: readonly AffinityTerm[];
}

/** The selector with the pod's own value required, or refused, for every label key that the pod has. */
export function narrowed(
  selector: LabelSelector | undefined,
  keys: readonly string[] | undefined,
  labels: Labels,
  operator: 'In' | 'NotIn' = 'In',
): LabelSelector | undefined {
  if (selector === undefined || keys === undefined || keys.length === 0) return selector;
  const added = keys.flatMap((key) => {
    const value = ownValue(labels, key);
    return value === undefined ? [] : [{ key, operator, values: [value] }];
  });
  return { ...selector, matchExpressions: [...(selector.matchExpressions ?? []), ...added] };
}

function compileTerm(term: PodAffinityTerm, weight: number, namespace: string, labels: Labels): AffinityTerm {
  const { matchLabelKeys, mismatchLabelKeys } = term;
  const near = narrowed(term.labelSelector, matchLabelKeys, labels, 'In');
  const selector = narrowed(near, mismatchLabelKeys, labels, 'NotIn');
  const own = (term.namespaces ?? []).length === 0 && term.namespaceSelector === undefined;
  const namespaces = new Set(own ? [namespace] : term.namespaces);
  return {
    key: canonicalText([term.topologyKey, weight, selector ?? null, [...namespaces], term.namespaceSelector ?? null]),
    topologyKey: term.topologyKey,
    weight,
    labelsMatch: compileSelector(selector),
    namespaces,
    namespaceMatch: term.namespaceSelector === undefined ? undefined : compileSelector(term.namespaceSelector),
  };
}

/** Labels of a namespace, for terms that select namespaces. */
export type NamespaceLabels = (namespace: string) => Labels | undefined;

export function termMatches(term: AffinityTerm, pod: PodFacts, namespaceLabels: NamespaceLabels): boolean {
  const isInScope =
    term.namespaces.has(pod.namespace) || term.namespaceMatch?.(namespaceLabels(pod.namespace)) === true;
  return isInScope && term.labelsMatch(pod.labels);
}

const noTerms: readonly AffinityTerm[] = [];
const noPorts: readonly string[] = [];

function hostPortsOf(spec: PodSpec): readonly string[] {
  let ports: string[] | undefined;
  for (const container of spec.containers) {
    for (const { hostPort, protocol = 'TCP', hostIP = '0.0.0.0' } of container.ports ?? []) {
      if (hostPort === undefined || hostPort === 0) continue;
      ports ??= [];
      ports.push(`${hostIP === '' ? '0.0.0.0' : hostIP}/${protocol}/${hostPort}`);
    }
  }
  return ports ?? noPorts;
}

export function factsOf(pod: KubeObject): PodFacts {
  const spec = podSpec(pod);
  const namespace = pod.metadata.namespace ?? '';
  const labels = pod.metadata.labels ?? {};
  const assumed = podRequests(spec, true);
  const requests = podRequests(spec, false);
  const { podAffinity, podAntiAffinity } = spec.affinity ?? {};
  const required = (terms: readonly PodAffinityTerm[] | undefined): readonly AffinityTerm[] =>
    terms === undefined ? noTerms : terms.map((term) => compileTerm(term, 0, namespace, labels));
  const preferred = (
    terms: ReadonlyArray<{ weight: number; podAffinityTerm: PodAffinityTerm }> | undefined,
  ): readonly AffinityTerm[] =>
    terms === undefined ? noTerms : terms.map((one) => compileTerm(one.podAffinityTerm, one.weight, namespace, labels));
  return {
    key: keyOf(pod),
    uid: pod.metadata.uid,
    name: pod.metadata.name,
    namespace,
    generation: pod.metadata.generation,
    labels,
    spec,
    priority: spec.priority ?? 0,
    isTerminating: pod.metadata.deletionTimestamp !== undefined,
    requests,
    isBestEffort: [...requests.values()].every((amount) => amount === 0),
    assumedCpu: assumed.get('cpu') ?? 0,
    assumedMemory: assumed.get('memory') ?? 0,
    hostPorts: hostPortsOf(spec),
    requiredAffinity: required(podAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    requiredAntiAffinity: required(podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    preferredAffinity: preferred(podAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
    preferredAntiAffinity: preferred(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
  };
}

/** Whether facts still hold for a later state of the same pod: most changes are of its status. */
export function stillHold(facts: PodFacts, pod: KubeObject): boolean {
  if (facts.uid !== pod.metadata.uid || facts.generation !== pod.metadata.generation) return false;
  if (facts.isTerminating !== (pod.metadata.deletionTimestamp !== undefined)) return false;
  const labels = pod.metadata.labels ?? {};
  const keys = Object.keys(labels);
  return keys.length === Object.keys(facts.labels).length && keys.every((key) => labels[key] === facts.labels[key]);
}
