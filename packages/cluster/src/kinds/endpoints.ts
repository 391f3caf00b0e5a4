/** v1 Endpoints: filled by `controllers/service-endpoints.ts`. */
import { ageOf } from './ages.ts';
import { defineKind } from './define-kind.ts';
import { invalids, required, unsupported } from './field-errors.ts';
import { addressMessages, addressWarnings, specialAddressMessages } from './ip-address.ts';
import { type Fields, listOf } from './json.ts';
import type { FieldError } from './kind.ts';
import { dnsLabelMessages, dnsSubdomainMessages, portNumberMessages, qualifiedNameMessages } from './names.ts';
import { ageColumn, column, nameColumn } from './shape.ts';

const shown = 3;
const protocols = ['SCTP', 'TCP', 'UDP'];

export const endpoints = defineKind({
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  plural: 'endpoints',
  singular: 'endpoints',
  shortNames: ['ep'],
  namespaced: true,
  warning: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  schema: 'V1Endpoints',
  defaults: (draft) => {
    for (const subset of listOf(draft.subsets)) for (const port of listOf(subset.ports)) port.protocol ||= 'TCP';
  },
  validate: ({ subsets }) => listOf(subsets).flatMap((subset, index) => validateSubset(subset, `subsets[${index}]`)),
  warningsOf: ({ subsets }) =>
    listOf(subsets).flatMap((subset, index) =>
      addressesOf(subset, `subsets[${index}]`).flatMap(([at, { ip }]) => addressWarnings(`${at}.ip`, String(ip ?? ''))),
    ),
  columns: [
    nameColumn,
    column(
      'Endpoints',
      'string',
      'The set of all endpoints is the union of all subsets. Addresses are placed into subsets according to the IPs they share. A single address with multiple ports, some of which are ready and some of which are not (because they come from different containers) will result in the address being displayed in different subsets for the different ports. No address will appear in both Addresses and NotReadyAddresses in the same subset. Sets of addresses and ports that comprise a service.',
    ),
    ageColumn,
  ],
  row: ({ metadata, subsets }, now) => [metadata.name, endpointsCell(subsets), ageOf(metadata.creationTimestamp, now)],
});

/** Those of both lists, each with where it stands. */
function addressesOf(subset: Fields, here: string): Array<[at: string, address: Fields]> {
  return ['addresses', 'notReadyAddresses'].flatMap((list) =>
    listOf(subset[list]).map((address, index): [string, Fields] => [`${here}.${list}[${index}]`, address]),
  );
}

function validateSubset(subset: Fields, here: string): FieldError[] {
  const addresses = addressesOf(subset, here);
  const ports = listOf(subset.ports);
  return [
    ...(addresses.length === 0 ? [required(here, 'must specify `addresses` or `notReadyAddresses`')] : []),
    ...addresses.flatMap(([at, { ip = '', hostname, nodeName }]) => [
      ...invalids(`${at}.ip`, ip, addressMessages(ip)),
      ...(hostname ? invalids(`${at}.hostname`, hostname, dnsLabelMessages(hostname)) : []),
      ...(nodeName === undefined ? [] : invalids(`${at}.nodeName`, nodeName, dnsSubdomainMessages(nodeName))),
      ...invalids(`${at}.ip`, ip, specialAddressMessages(ip)),
    ]),
    ...ports.flatMap((port, index) => validatePort(port, ports.length > 1, `${here}.ports[${index}]`)),
  ];
}

function validatePort(
  { name, port = 0, protocol, appProtocol }: Fields,
  isOneOfMany: boolean,
  at: string,
): FieldError[] {
  return [
    ...(isOneOfMany && !name ? [required(`${at}.name`)] : []),
    ...(name ? invalids(`${at}.name`, name, dnsLabelMessages(name)) : []),
    ...invalids(`${at}.port`, port, portNumberMessages(port)),
    ...validateProtocols(protocol, appProtocol, at),
  ];
}

/** Of a port behind a Service, in both kinds. */
export function validateProtocols(protocol: string, appProtocol: string | undefined, at: string): FieldError[] {
  return [
    ...(protocols.includes(protocol) ? [] : [unsupported(`${at}.protocol`, protocol, protocols)]),
    ...(appProtocol === undefined
      ? []
      : invalids(`${at}.appProtocol`, appProtocol, qualifiedNameMessages(appProtocol))),
  ];
}

/** `10.0.0.1:80,10.0.0.2:80,10.0.0.3:80 + 2 more...` */
function endpointsCell(subsets: unknown): string {
  const all = listOf(subsets).flatMap(({ addresses, ports }) => {
    const ips = listOf(addresses).map(({ ip }) => String(ip));
    const numbers = listOf(ports).map(({ port }) => String(port));
    if (numbers.length === 0) return ips;
    return numbers.flatMap((port) => ips.map((ip) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`)));
  });
  return shortened(all, shown, ' + ') || (listOf(subsets).length === 0 ? '<none>' : '');
}

/** The first few, and how many more there are. */
export function shortened(items: readonly string[], count: number, join: string): string {
  const text = items.slice(0, count).join(',');
  return items.length > count ? `${text}${join}${items.length - count} more...` : text;
}
