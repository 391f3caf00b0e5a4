/**
 * Gives a new Service its cluster address and node ports. The real one does this in the Service's own storage after
 * validation (registry/core/service/storage/alloc.go); here it is a plugin because it must see all other Services.
 */
import { isIPv4 } from 'node:net';
import { ensure } from '../kinds/define-kind.ts';
import { invalid as complaint } from '../kinds/field-errors.ts';
import { addressMessages } from '../kinds/ip-address.ts';
import { type Fields, fieldsOf, listOf, valuesOf } from '../kinds/json.ts';
import type { FieldError, KubeObject } from '../kinds/kind.ts';
import { service } from '../kinds/service.ts';
import { invalid } from '../status.ts';
import type { AdmissionPlugin } from './plugin.ts';

/** 10.96.0.0/16, a cluster's usual range; the first address is that of `kubernetes`. */
const firstDynamic = 256;
const size = 65_536;
const firstNodePort = 30_000;
const nodePorts = 2768;

/** [SPEC C66] */
export const serviceAddress: AdmissionPlugin = {
  name: 'ServiceAddress',
  admit: ({ operation, resource, subresource, draft, old, namespace, store }) => {
    if (resource !== 'services' || subresource !== undefined || draft === undefined) return;
    if (operation !== 'CREATE' && operation !== 'UPDATE') return;
    const spec = ensure(draft, 'spec');
    if (spec.type === 'ExternalName') {
      for (const field of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy']) delete spec[field];
      return;
    }
    const others = store
      .list('services')
      .filter(({ metadata }) => metadata.name !== draft.metadata.name || metadata.namespace !== namespace);
    const before = fieldsOf(old?.spec);
    const wrong = addressErrors(spec, before.clusterIP, others);
    if (wrong.length > 0) throw invalid(service, draft.metadata.name, wrong);
    const given: unknown = spec.clusterIP || valuesOf(spec.clusterIPs)[0] || before.clusterIP;
    spec.clusterIP = given || freeAddress(`${namespace}/${draft.metadata.name}`, others);
    spec.clusterIPs = valuesOf(spec.clusterIPs).length > 1 ? spec.clusterIPs : [spec.clusterIP];
    // Without a selector nobody knows what stands behind a headless Service: a real one lets it be either.
    const isEither = spec.clusterIP === 'None' && Object.keys(fieldsOf(spec.selector)).length === 0;
    spec.ipFamilyPolicy ??=
      before.ipFamilyPolicy ?? (isEither && !spec.ipFamilies ? 'RequireDualStack' : 'SingleStack');
    spec.ipFamilies ??=
      before.ipFamilies ?? familiesOf(String(spec.clusterIP), spec.ipFamilyPolicy === 'RequireDualStack');
    if (spec.type !== 'NodePort' && spec.type !== 'LoadBalancer') return;
    const errors = nodePortErrors(spec.ports, before.ports, others);
    if (errors.length > 0) throw invalid(service, draft.metadata.name, errors);
    setNodePorts(spec.ports, before.ports, others);
  },
};

/** An address that is asked for must be one of the range, and free. */
function addressErrors(spec: Fields, before: unknown, others: readonly KubeObject[]): FieldError[] {
  const { clusterIP } = spec;
  if (typeof clusterIP !== 'string' || clusterIP === '' || clusterIP === before) return [];
  // What was given may not change; validation says so.
  if (typeof before === 'string' && before !== '') return [];
  const given = valuesOf(spec.clusterIPs);
  if (given.length > 0 && given[0] !== clusterIP) {
    return [complaint('spec.clusterIPs', given, 'first value must match `clusterIP`')];
  }
  if (clusterIP === 'None') return [];
  const messages = addressMessages(clusterIP);
  if (messages.length > 0) return messages.map((message) => complaint('spec.clusterIPs[0]', clusterIP, message));
  const isTaken = others.some((other) => valuesOf(other.spec?.clusterIPs).includes(clusterIP));
  if (clusterIP.startsWith('10.96.') && !isTaken) return [];
  const why = isTaken ? 'provided IP is already allocated' : 'the provided network does not match the current range';
  return [complaint('spec.clusterIPs', [clusterIP], `failed to allocate IP ${clusterIP}: ${why}`)];
}

function familiesOf(address: string, isEither: boolean): string[] {
  if (address !== 'None') return [isIPv4(address) ? 'IPv4' : 'IPv6'];
  return isEither ? ['IPv4', 'IPv6'] : ['IPv4'];
}

/** Begins at a place that the name gives, so that the same manifests get the same addresses. */
function freeAddress(seed: string, others: readonly KubeObject[]): string {
  const taken = new Set(others.flatMap(({ spec }) => valuesOf(spec?.clusterIPs)));
  const range = size - firstDynamic - 1;
  const start = hash(seed) % range;
  for (let step = 0; step < range; step++) {
    const offset = firstDynamic + ((start + step) % range);
    const address = `10.96.${offset >> 8}.${offset & 255}`;
    if (!taken.has(address)) return address;
  }
  return '';
}

/** A port that is asked for must be one of the range, and free. */
function nodePortErrors(ports: unknown, before: unknown, others: readonly KubeObject[]): FieldError[] {
  const own = new Set(listOf(before).map(({ nodePort }) => nodePort));
  const taken = new Set(
    others.flatMap(({ spec }) => listOf(spec?.ports).map(({ nodePort, protocol }) => `${nodePort} ${protocol}`)),
  );
  const range = `${firstNodePort}-${firstNodePort + nodePorts - 1}`;
  return listOf(ports).flatMap(({ nodePort, protocol }, at): FieldError[] => {
    if (!nodePort || own.has(nodePort)) return [];
    const isInRange = nodePort >= firstNodePort && nodePort < firstNodePort + nodePorts;
    if (isInRange && !taken.has(`${nodePort} ${protocol}`)) return [];
    const detail = isInRange
      ? 'provided port is already allocated'
      : `provided port is not in the valid range. The range of valid ports is ${range}`;
    return [{ field: `spec.ports[${at}].nodePort`, type: 'Invalid value', value: nodePort, detail }];
  });
}

function setNodePorts(ports: unknown, before: unknown, others: readonly KubeObject[]): void {
  const taken = new Set(others.flatMap(({ spec }) => listOf(spec?.ports).map(({ nodePort }) => Number(nodePort))));
  for (const port of listOf(ports)) {
    const known = listOf(before).find((old) => old.port === port.port && old.protocol === port.protocol);
    port.nodePort ||= known?.nodePort;
    for (let step = 0; !port.nodePort && step < nodePorts; step++) {
      const candidate = firstNodePort + ((hash(`${port.name ?? ''}${port.port}`) + step) % nodePorts);
      if (!taken.has(candidate)) port.nodePort = candidate;
    }
    taken.add(Number(port.nodePort));
  }
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0;
}
