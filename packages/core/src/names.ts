/**
 * Names of the objects that belong to a base. `vnode.<identity>.<env>` as upstream has it where that is a valid name;
 * an odd identity is made valid and marked by a hash, `vnode.<changed>-x<8 hex>.<env>`, and its true form is kept in the
 * Node's annotation. An identity that looks marked already is marked again, so a name is never read as the wrong base.
 * Source of the form: koupleless/virtual-kubelet common/utils.
 */
import type { BaseId } from '@kouplet/protocol';
import { shortHash } from './hash.ts';

/** On a record: when its base was given up (RFC 3339). */
export const givenUpAnnotation = 'kouplet.io/given-up-at';

/** On a Node or a Pod: `"true"` stops all action there. */
export const pausedAnnotation = 'kouplet.io/paused';

/** Annotation of a Node: the true identity of its base. */
export const identityAnnotation = 'kouplet.io/identity';

/** Annotation of a Node: `seed` where its base speaks on the seed's topics. */
export const topicsAnnotation = 'kouplet.io/topics';

/** Annotation of a Node: which releases of arklet its base may be of, as far as its heartbeat tells. */
export const releaseAnnotation = 'kouplet.io/arklet-release';

/** Label of everything of ours: what it is (`vnode`, `vnode-lease`, `replica-lease`; upstream's key). */
export const componentLabel = 'virtual-kubelet.koupleless.io/component';

/** Label of everything of ours: the environment, lower case (upstream's key). */
export const envLabel = 'virtual-kubelet.koupleless.io/env';

/** Label of our Leases, by which they are told from upstream's: `kouplet`. */
export const managedByLabel = 'app.kubernetes.io/managed-by';

/** Value of `componentLabel` on the Lease that a replica renews for itself. */
export const replicaLease = 'replica-lease';

const dnsLabel = /^[a-z0-9-]+$/;
const marked = /-x[0-9a-f]{8}$/;
const longestName = 253;

/** Name of the base's Node and of its Lease: a DNS-1123 subdomain. */
export function nodeNameOf(baseId: BaseId, env: string): string {
  return nameOf('vnode.', baseId, `.${env}`);
}

/**
 * Which base a Node's name means. With the Node's annotations always; by the name alone only where the identity needed no change.
 * @returns undefined where the name is none of ours or alone does not tell.
 */
export function baseIdOfNodeName(
  nodeName: string,
  env: string,
  annotations?: Readonly<Record<string, string>>,
): BaseId | undefined {
  const told = annotations?.[identityAnnotation];
  if (told !== undefined && nodeNameOf(told as BaseId, env) === nodeName) return told as BaseId;
  const suffix = `.${env}`;
  if (!nodeName.startsWith('vnode.') || !nodeName.endsWith(suffix)) return undefined;
  const identity = nodeName.slice('vnode.'.length, -suffix.length) as BaseId;
  return identity.length > 0 && nodeNameOf(identity, env) === nodeName ? identity : undefined;
}

/** Name of the ConfigMap that is the base's record. */
export function recordNameOf(baseId: BaseId, env: string): string {
  return nameOf('kouplet-record.', baseId, `.${env}`);
}

/** Name of a replica's own Lease. */
export function replicaLeaseNameOf(holderIdentity: string): string {
  return nameOf('kouplet-', holderIdentity, '');
}

/** Namespace of the Nodes' Leases: Kubernetes' own. */
export const nodeLeaseNamespace = 'kube-node-lease';

function nameOf(prefix: string, identity: string, suffix: string): string {
  const plain = `${prefix}${identity}${suffix}`;
  if (plain.length <= longestName && isSubdomain(plain) && !marked.test(identity)) return plain;
  const room = longestName - prefix.length - suffix.length - '-x00000000'.length;
  // Cut first: an identity may be as long as a topic.
  const changed = identity
    .slice(0, longestName)
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, '-')
    .split('.')
    .map(trimmed)
    .filter((label) => label !== '')
    .join('.')
    .slice(0, Math.max(1, room))
    .split('.')
    .map(trimmed)
    .filter((label) => label !== '')
    .join('.');
  return `${prefix}${changed === '' ? 'base' : changed}-x${shortHash(identity)}${suffix}`;
}

function isSubdomain(name: string): boolean {
  return name.split('.').every((label) => dnsLabel.test(label) && !label.startsWith('-') && !label.endsWith('-'));
}

/** Without the dashes at its ends; runs of them are one by now. */
function trimmed(label: string): string {
  return label.replace(/^-/, '').replace(/-$/, '');
}
