/** v1 Node. */
import { isIP } from 'node:net';
import { ageOf } from './ages.ts';
import { defineKind, ensure } from './define-kind.ts';
import { duplicate, forbidden, invalid } from './field-errors.ts';
import { type Fields, fieldsOf, isFields, isSame, listOf, sortedEntries, valuesOf } from './json.ts';
import type { FieldError, KubeObject } from './kind.ts';
import { normalizeResources } from './quantity.ts';
import { validateAmount } from './resource-validation.ts';
import { validateTaints } from './scheduling-validation.ts';
import { ageColumn, column, nameColumn, statusSubresource, wideColumn } from './shape.ts';

const roleLabel = 'node-role.kubernetes.io/';
/** Always printed, empty where the kubelet has not told them yet. */
const nodeInfoFields = [
  'machineID',
  'systemUUID',
  'bootID',
  'kernelVersion',
  'osImage',
  'containerRuntimeVersion',
  'kubeletVersion',
  'kubeProxyVersion',
  'operatingSystem',
  'architecture',
];

/** Status is not cleared on creation: one POST makes a Ready node. */
export const node = defineKind({
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  shortNames: ['no'],
  namespaced: false,
  schema: 'V1Node',
  revalidatesMetadata: true,
  subresources: [statusSubresource({ group: '', version: 'v1', kind: 'Node' })],
  defaults: (draft) => {
    alignRange(ensure(draft, 'spec'));
    const status = ensure(draft, 'status');
    if (status.allocatable === undefined && isFields(status.capacity)) status.allocatable = { ...status.capacity };
    normalizeResources(status.capacity);
    normalizeResources(status.allocatable);
    ensure(ensure(status, 'daemonEndpoints'), 'kubeletEndpoint').Port ??= 0;
    const info = ensure(status, 'nodeInfo');
    for (const field of nodeInfoFields) info[field] ??= '';
    for (const condition of listOf(status.conditions)) {
      condition.lastHeartbeatTime ??= null;
      condition.lastTransitionTime ??= null;
    }
  },
  prepareUpdate: (draft, old) => {
    draft.status = old.status;
  },
  validate: (draft) => [
    ...validatePodCidrs(valuesOf(draft.spec?.podCIDRs)),
    ...validateTaints(listOf(draft.spec?.taints), 'metadata.taints'),
    ...validateResources(draft, 'capacity'),
    ...validateResources(draft, 'allocatable'),
  ],
  validateChange: (draft, old) => [
    ...validateNodeChange(draft, old),
    // Sic: looked at twice.
    ...validateTaints(listOf(draft.spec?.taints), 'metadata.taints'),
  ],
  validateStatus: (draft, old) => [
    ...validateResources(draft, 'capacity'),
    ...validateResources(draft, 'allocatable'),
    ...validateNodeChange(draft, old),
  ],
  fieldSelectors: { 'spec.unschedulable': ({ spec }) => String(spec?.unschedulable ?? false) },
  columns: [
    nameColumn,
    column('Status', 'string', 'The status of the node'),
    column('Roles', 'string', 'The roles of the node'),
    ageColumn,
    column('Version', 'string', 'Kubelet Version reported by the node.'),
    wideColumn(
      'Internal-IP',
      'string',
      "List of addresses reachable to the node. Queried from cloud provider, if available. More info: https://kubernetes.io/docs/reference/node/node-status/#addresses Note: This field is declared as mergeable, but the merge key is not sufficiently unique, which can cause data corruption when it is merged. Callers should instead use a full-replacement patch. See https://pr.k8s.io/79391 for an example. Consumers should assume that addresses can change during the lifetime of a Node. However, there are some exceptions where this may not be possible, such as Pods that inherit a Node's address in its own status or consumers of the downward API (status.hostIP).",
    ),
    wideColumn(
      'External-IP',
      'string',
      "List of addresses reachable to the node. Queried from cloud provider, if available. More info: https://kubernetes.io/docs/reference/node/node-status/#addresses Note: This field is declared as mergeable, but the merge key is not sufficiently unique, which can cause data corruption when it is merged. Callers should instead use a full-replacement patch. See https://pr.k8s.io/79391 for an example. Consumers should assume that addresses can change during the lifetime of a Node. However, there are some exceptions where this may not be possible, such as Pods that inherit a Node's address in its own status or consumers of the downward API (status.hostIP).",
    ),
    wideColumn(
      'OS-Image',
      'string',
      'OS Image reported by the node from /etc/os-release (e.g. Debian GNU/Linux 7 (wheezy)).',
    ),
    wideColumn(
      'Kernel-Version',
      'string',
      "Kernel Version reported by the node from 'uname -r' (e.g. 3.16.0-0.bpo.4-amd64).",
    ),
    wideColumn(
      'Container-Runtime',
      'string',
      'ContainerRuntime Version reported by the node through runtime remote API (e.g. containerd://1.4.2).',
    ),
  ],
  row: nodeCells,
});

/** The singular field came first, the list later: both say the same, and where they differ the singular one is right. */
function alignRange(spec: Fields): void {
  const [first] = valuesOf(spec.podCIDRs);
  if (spec.podCIDR && first !== spec.podCIDR) spec.podCIDRs = [spec.podCIDR];
  else if (!spec.podCIDR && first !== undefined) spec.podCIDR = first;
}

const rangeText = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

/** `10.9.8.0/24`, `2001:db8::/64`. */
function isRange(cidr: string): boolean {
  const [address = '', length = '', ...rest] = cidr.split('/');
  const family = isIP(address);
  return family !== 0 && rest.length === 0 && /^\d{1,3}$/.test(length) && Number(length) <= (family === 4 ? 32 : 128);
}

function validatePodCidrs(cidrs: readonly string[]): FieldError[] {
  const wrong = cidrs.flatMap((cidr, index) =>
    isRange(cidr) ? [] : [invalid(`spec.podCIDRs[${index}]`, cidr, rangeText)],
  );
  if (wrong.length > 0) return wrong;
  const isV6 = (cidr: unknown): boolean => String(cidr).includes(':');
  if (cidrs.length < 2 || (cidrs.length === 2 && isV6(cidrs[0]) !== isV6(cidrs[1]))) return [];
  return [invalid('spec.podCIDRs', cidrs, 'may specify no more than one CIDR for each IP family')];
}

function validateResources(draft: KubeObject, field: 'capacity' | 'allocatable'): FieldError[] {
  return sortedEntries(fieldsOf(draft.status)[field]).flatMap(([name, value]) =>
    validateAmount(name, value, `status.${field}.${name}`),
  );
}

function validateNodeChange(draft: KubeObject, old: KubeObject): FieldError[] {
  const errors: FieldError[] = [];
  const addresses = listOf(draft.status?.addresses);
  for (const [index, address] of addresses.entries()) {
    if (!addresses.slice(0, index).some((other) => isSame(other, address))) continue;
    const printed = { Type: address.type, Address: address.address };
    errors.push(duplicate(`status.addresses[${index}]`, printed));
  }
  const spec = fieldsOf(draft.spec);
  const before = fieldsOf(old.spec);
  if (valuesOf(before.podCIDRs).length > 0 && !isSame(spec.podCIDRs, before.podCIDRs)) {
    errors.push(forbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'));
  }
  if (before.providerID && spec.providerID !== before.providerID) {
    errors.push(forbidden('spec.providerID', 'node updates may not change providerID except from "" to valid'));
  }
  return errors;
}

function nodeCells({ metadata, spec, status }: KubeObject, now: number): unknown[] {
  const info = fieldsOf(status?.nodeInfo);
  return [
    metadata.name,
    statusCell(spec, status),
    rolesOf(metadata.labels).join(',') || '<none>',
    ageOf(metadata.creationTimestamp, now),
    info.kubeletVersion ?? '',
    addressOf(status, 'InternalIP'),
    addressOf(status, 'ExternalIP'),
    info.osImage || '<unknown>',
    info.kernelVersion || '<unknown>',
    info.containerRuntimeVersion || '<unknown>',
  ];
}

function statusCell(spec: unknown, status: unknown): string {
  const ready = listOf(fieldsOf(status).conditions).find(({ type }) => type === 'Ready');
  const text = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  return fieldsOf(spec).unschedulable === true ? `${text},SchedulingDisabled` : text;
}

function rolesOf(labels: unknown): string[] {
  const roles = sortedEntries(labels).flatMap(([key, value]) => {
    if (key.startsWith(roleLabel)) return key === roleLabel ? [] : [key.slice(roleLabel.length)];
    return key === 'kubernetes.io/role' && value !== '' ? [value] : [];
  });
  return [...new Set(roles)].sort();
}

function addressOf(status: unknown, type: string): string {
  return listOf(fieldsOf(status).addresses).find((address) => address.type === type)?.address ?? '<none>';
}
