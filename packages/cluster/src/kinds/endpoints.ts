/** v1 Endpoints and discovery.k8s.io/v1 EndpointSlice: filled by `controllers/service-endpoints.ts`. */
import { ageOf } from './ages.ts';
import { defineKind } from './define-kind.ts';
import { unsupported } from './field-errors.ts';
import { listOf, valuesOf } from './json.ts';
import { ageColumn, column, nameColumn } from './shape.ts';

const shown = 3;

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

export const endpointSlice = defineKind({
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  namespaced: true,
  schema: 'V1EndpointSlice',
  hasGeneration: true,
  bumpsGeneration: (draft, old) =>
    JSON.stringify([draft.endpoints, draft.ports, draft.metadata.labels]) !==
    JSON.stringify([old.endpoints, old.ports, old.metadata.labels]),
  defaults: (draft) => {
    draft.endpoints ??= null;
    draft.ports ??= null;
    for (const port of listOf(draft.ports)) {
      port.name ??= '';
      port.protocol ??= 'TCP';
    }
  },
  validate: ({ addressType }) =>
    ['FQDN', 'IPv4', 'IPv6'].includes(addressType)
      ? []
      : [unsupported('addressType', addressType ?? '', ['FQDN', 'IPv4', 'IPv6'])],
  columns: [
    nameColumn,
    column(
      'AddressType',
      'string',
      'addressType specifies the type of address carried by this EndpointSlice. All addresses in this slice must be the same type. This field is immutable after creation. The following address types are currently supported: * IPv4: Represents an IPv4 Address. * IPv6: Represents an IPv6 Address. * FQDN: Represents a Fully Qualified Domain Name.',
    ),
    column(
      'Ports',
      'string',
      'ports specifies the list of network ports exposed by each endpoint in this slice. Each port must have a unique name. When ports is empty, it indicates that there are no defined ports. When a port is defined with a nil port value, it indicates "all ports". Each slice may include a maximum of 100 ports.',
    ),
    column(
      'Endpoints',
      'string',
      'endpoints is a list of unique endpoints in this slice. Each slice may include a maximum of 1000 endpoints.',
    ),
    ageColumn,
  ],
  row: ({ metadata, addressType, ports, endpoints: list }, now) => [
    metadata.name,
    addressType ?? '',
    shortened(
      listOf(ports).map(({ port }) => String(port ?? '*')),
      shown,
      ' + ',
    ) || '<unset>',
    shortened(
      listOf(list).flatMap(({ addresses }) => valuesOf(addresses)),
      shown,
      ' + ',
    ) || '<unset>',
    ageOf(metadata.creationTimestamp, now),
  ],
});

/** The first few, and how many more there are. */
export function shortened(items: readonly string[], count: number, join: string): string {
  const text = items.slice(0, count).join(',');
  return items.length > count ? `${text}${join}${items.length - count} more...` : text;
}
