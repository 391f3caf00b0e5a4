/** What `kouplet up` says: what runs where, what to try, and a line for every change. */
import type { Change } from '@kouplet/controller';
import { maskText } from '@kouplet/core';
import type { Manifest } from './manifests.ts';

/** Without secrets, whatever the change says. */
export function lineOf(change: Change, at: Date): string {
  return maskText(textOf(change, at));
}

function textOf(change: Change, at: Date): string {
  const time = at.toTimeString().slice(0, 8);
  switch (change.kind) {
    case 'module-on-line':
      return `${time}  on line   ${moduleOf(change)}`;
    case 'module-off-line':
      return `${time}  off line  ${moduleOf(change)}`;
    case 'module-failed':
      return `${time}  FAILED    ${moduleOf(change)}: ${change.reason}${change.message === '' ? '' : `: ${change.message}`}`;
    case 'node-ready':
      return `${time}  ready     ${change.nodeName}`;
    case 'node-not-ready':
      return `${time}  NOT READY ${change.nodeName}: ${change.reason}${change.message === '' ? '' : `: ${change.message}`}`;
    case 'node-gone':
      return `${time}  gone      ${change.nodeName}`;
    default:
      throw new Error(`no such change: ${JSON.stringify(change satisfies never)}`);
  }
}

function moduleOf(place: {
  readonly biz: string;
  readonly nodeName: string;
  readonly namespace: string;
  readonly podName: string;
}) {
  return `${place.biz} on ${place.nodeName} (pod ${place.namespace}/${place.podName})`;
}

/** The exact lines to try next. @param kubeconfig as it is typed */
export function linesToTry(kubeconfig: string, manifests: readonly Manifest[]): readonly string[] {
  const kubectl = `kubectl --kubeconfig ${kubeconfig}`;
  const lines = [`${kubectl} get nodes`, `${kubectl} get pods -o wide`];
  const deployment = manifests.find(({ kind }) => kind === 'Deployment');
  if (deployment === undefined) return [...lines, `${kubectl} apply -f MODULE.yaml`];
  const namespace = deployment.namespace === undefined ? '' : ` -n ${deployment.namespace}`;
  const target = `deployment/${deployment.name}${namespace}`;
  return [
    ...lines,
    `${kubectl} rollout status ${target}`,
    `${kubectl} describe pods${namespace}`,
    `${kubectl} scale ${target} --replicas 2`,
    `${kubectl} delete ${target}`,
  ];
}

/** `base-1, base-2, base-3 and 97 more`. */
export function listed(names: readonly string[], most = 3): string {
  const rest = names.length - most;
  return rest > 0 ? `${names.slice(0, most).join(', ')} and ${rest} more` : names.join(', ');
}
