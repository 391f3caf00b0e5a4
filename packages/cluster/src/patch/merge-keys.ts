/**
 * How lists merge in a strategic merge patch: by which key, or as a set, or not at all (the `patchStrategy` and `patchMergeKey`
 * tags of k8s.io/api). All that is not named here is atomic: tolerations, taints, containerStatuses, args, command, …
 */

export type ListStrategy =
  | { readonly kind: 'atomic' }
  /** Items are objects; items with the same key are one. */
  | { readonly kind: 'merge'; readonly key: string; readonly retainKeys?: boolean }
  /** Items are plain values: a set that keeps its order. */
  | { readonly kind: 'primitive' };

const ATOMIC: ListStrategy = { kind: 'atomic' };
const PRIMITIVE: ListStrategy = { kind: 'primitive' };
const by = (key: string): ListStrategy => ({ kind: 'merge', key });

/** Field → strategy, wherever the field stands; the few names that mean two things are told apart below. */
const BY_FIELD: Readonly<Record<string, ListStrategy>> = {
  containers: by('name'),
  initContainers: by('name'),
  ephemeralContainers: by('name'),
  env: by('name'),
  volumes: { kind: 'merge', key: 'name', retainKeys: true },
  imagePullSecrets: by('name'),
  schedulingGates: by('name'),
  resourceClaims: by('name'),
  secrets: by('name'),
  volumeMounts: by('mountPath'),
  volumeDevices: by('devicePath'),
  hostAliases: by('ip'),
  podIPs: by('ip'),
  hostIPs: by('ip'),
  topologySpreadConstraints: by('topologyKey'),
  conditions: by('type'),
  addresses: by('type'),
  ownerReferences: by('uid'),
  finalizers: PRIMITIVE,
  podCIDRs: PRIMITIVE,
};

/** @param path field names from the root, list items left out: `spec.template.spec.containers.ports` */
export function listStrategy(path: readonly string[]): ListStrategy {
  const field = path.at(-1) ?? '';
  if (field === 'ports') {
    if (path.at(-2) === 'containers' || path.at(-2) === 'initContainers') return by('containerPort');
    return path.length === 2 && path[0] === 'spec' ? by('port') : ATOMIC;
  }
  // Of a Node's status; endpoints' addresses and an ingress' are other things.
  if (field === 'addresses' && path[0] !== 'status') return ATOMIC;
  // Of a ServiceAccount; projected volumes and ingresses have lists of that name, too.
  if (field === 'secrets' && path.length !== 1) return ATOMIC;
  return Object.hasOwn(BY_FIELD, field) ? (BY_FIELD[field] ?? ATOMIC) : ATOMIC;
}

/** Maps of which a patch with `$retainKeys` says which keys stay (unions: a Deployment's strategy, a volume). */
export const RETAIN_KEYS = '$retainKeys';
