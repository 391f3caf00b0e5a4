/**
 * The border between Pods and modules: what a Pod on a Node of ours asks for. One container is one biz: name = container
 * name, version = literal env BIZ_VERSION, URL = image. [SPEC M1] [SPEC M2] [SPEC M3]
 */
import { type BizKey, bizKeyOf, type HandOver } from '@kouplet/protocol';
import { type Handed, handedOf, handOverAnnotation, handOverOf } from './hand-over.ts';
import { markOf } from './mask.ts';
import type { ContainerSpec, ObservedPod } from './observed.ts';

/** A module as a container asks for it. */
export interface WantedBiz {
  readonly container: string;
  readonly key: BizKey;
  readonly name: string;
  readonly version: string;
  /** As the user wrote it: for the command to the base, and nothing else. */
  readonly url: string;
  /** What it is known by wherever it is written down, shown or compared. [SPEC M45] */
  readonly mark: string;
  /** Only where something is handed over. */
  readonly handOver?: HandOver;
}

export type PodRole =
  /** It has no module label: some DaemonSet that tolerates everything. Never installed. */
  | { readonly kind: 'foreign'; readonly reason: 'NotAModule'; readonly message: string }
  /** It says that it is a module, but can be none. */
  | { readonly kind: 'invalid'; readonly reason: 'InvalidModule'; readonly message: string }
  | {
      readonly kind: 'module';
      readonly modules: readonly WantedBiz[];
      /** Names of containers that can be no biz (injected sidecars). */
      readonly sidecars: readonly string[];
      /** `container: field, field` of what a module ignores at run time. */
      readonly ignored: readonly string[];
    };

const moduleLabels = ['virtual-kubelet.koupleless.io/component', 'module-controller.koupleless.io/component'];

// A Pod is looked at in every plan of its base and never changes: a new observation is a new object.
const roles = new WeakMap<ObservedPod, PodRole>();

/** What the Pod is to us. */
export function roleOf(pod: ObservedPod): PodRole {
  let role = roles.get(pod);
  if (role === undefined) {
    role = derivedRole(pod);
    roles.set(pod, role);
  }
  return role;
}

function derivedRole(pod: ObservedPod): PodRole {
  if (!moduleLabels.some((label) => pod.metadata.labels?.[label] === 'module')) {
    return {
      kind: 'foreign',
      reason: 'NotAModule',
      message: `Node ${pod.spec.nodeName} runs modules only; the Pod has no label ${moduleLabels[0]}=module`,
    };
  }
  const first = pod.spec.initContainers?.[0];
  if (first !== undefined) return invalid(`initContainers (${first.name}) cannot run on a base`);
  const withVersion = pod.spec.containers.filter((container) => versionEntry(container) !== undefined);
  if (withVersion.length === 0) {
    const names = pod.spec.containers.map((container) => container.name).join(', ');
    return invalid(`no container (${names}) has the env BIZ_VERSION, which is the module's version`);
  }
  const handed = handedOf(pod.metadata.annotations?.[handOverAnnotation]);
  if (handed.unknown !== undefined)
    return invalid(`annotation ${handOverAnnotation}: "${handed.unknown}" is neither env nor args`);
  for (const container of withVersion) {
    const fault = faultOf(container) ?? handOverFault(container, handed);
    if (fault !== undefined) return invalid(`container ${container.name}: ${fault}`);
  }
  return {
    kind: 'module',
    modules: withVersion.map((container) => {
      const version = versionEntry(container)?.value ?? '';
      return {
        container: container.name,
        key: bizKeyOf(container.name, version),
        name: container.name,
        version,
        url: container.image ?? '',
        mark: markOf(container.image ?? ''),
        ...handOverOf(container, handed),
      };
    }),
    sidecars: pod.spec.containers
      .filter((container) => !withVersion.includes(container))
      .map((container) => container.name),
    ignored: withVersion
      .filter((container) => (container.ignoredFields?.length ?? 0) > 0)
      .map((container) => `${container.name}: ${container.ignoredFields?.join(', ')}`),
  };
}

function versionEntry(container: ContainerSpec) {
  return container.env?.find((entry) => entry.name === 'BIZ_VERSION');
}

function faultOf(container: ContainerSpec): string | undefined {
  const entry = versionEntry(container);
  if (entry?.hasValueFrom === true) return 'BIZ_VERSION must be a literal value, not valueFrom';
  if (entry?.value === undefined || entry.value.trim() === '') return 'BIZ_VERSION is empty';
  if (entry.value.includes(':')) return `BIZ_VERSION "${entry.value}" must not contain ":"`;
  if (container.name.includes(':')) return 'the name must not contain ":"';
  if ((container.image ?? '').trim() === '') return 'image, which is the URL of the module, is empty';
  return undefined;
}

function handOverFault(container: ContainerSpec, { hasEnv }: Handed): string | undefined {
  if (!hasEnv) return undefined;
  const place = `handed over to the base (annotation ${handOverAnnotation})`;
  if (container.hasEnvFrom === true) return `only literal values can be ${place}, not envFrom`;
  const entry = container.env?.find(({ hasValueFrom }) => hasValueFrom === true);
  return entry === undefined ? undefined : `env ${entry.name}: only a literal value can be ${place}, not valueFrom`;
}

function invalid(message: string): PodRole {
  return { kind: 'invalid', reason: 'InvalidModule', message };
}

/** Its phase is final: nothing of it runs any more and its status stays as it is. */
export function hasEnded(pod: ObservedPod): boolean {
  return pod.status.phase === 'Failed' || pod.status.phase === 'Succeeded';
}

export function isDeleting(pod: ObservedPod): boolean {
  return pod.metadata.deletionTimestamp !== undefined;
}

/**
 * Same workload: the same controller, or ReplicaSets of one Deployment, told by their names less the pod-template-hash.
 */
export function isSameWorkload(left: ObservedPod, right: ObservedPod): boolean {
  if (left.metadata.namespace !== right.metadata.namespace) return false;
  const a = controllerOf(left);
  const b = controllerOf(right);
  if (a === undefined || b === undefined) return false;
  if (a.uid === b.uid) return true;
  const stemA = deploymentOf(left);
  return stemA !== undefined && stemA === deploymentOf(right);
}

/** What tells revisions of one workload apart; undefined where nothing does. */
export function revisionOf(pod: ObservedPod): string | undefined {
  return pod.metadata.labels?.['pod-template-hash'] ?? pod.metadata.labels?.['controller-revision-hash'];
}

export function controllerOf(pod: ObservedPod) {
  return pod.metadata.ownerReferences?.find((owner) => owner.controller === true);
}

function deploymentOf(pod: ObservedPod): string | undefined {
  const owner = controllerOf(pod);
  const hash = pod.metadata.labels?.['pod-template-hash'];
  if (owner?.kind !== 'ReplicaSet' || hash === undefined || !owner.name.endsWith(`-${hash}`)) return undefined;
  return owner.name.slice(0, -hash.length - 1);
}
