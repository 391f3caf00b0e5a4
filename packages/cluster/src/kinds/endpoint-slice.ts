/** discovery.k8s.io/v1 EndpointSlice: filled by `controllers/service-endpoints.ts` (validation: kubernetes, pkg/apis/discovery/validation). */
import { ageOf } from './ages.ts';
import { defineKind } from './define-kind.ts';
import { shortened, validateProtocols } from './endpoints.ts';
import { duplicate, invalid, invalids, required, tooMany, unsupported } from './field-errors.ts';
import {
  addressMessages,
  addressWarnings,
  parseAddress,
  specialAddressMessages,
  strictAddressMessages,
} from './ip-address.ts';
import { type Fields, listOf, valuesOf } from './json.ts';
import type { FieldError, KubeObject } from './kind.ts';
import { dnsLabelMessages, dnsSubdomainMessages, labelValueMessages } from './names.ts';
import { ageColumn, column, nameColumn } from './shape.ts';

const shown = 3;
const addressTypes = ['FQDN', 'IPv4', 'IPv6'];
const maxEndpoints = 1_000;
const maxAddresses = 100;
const maxPorts = 20_000;
const maxHints = 8;

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
    for (const one of listOf(draft.endpoints)) one.conditions ??= {};
    draft.ports ??= null;
    for (const port of listOf(draft.ports)) {
      port.name ??= '';
      port.protocol ??= 'TCP';
    }
  },
  // A field of v1beta1, which v1 shows of old slices alone.
  prepareCreate: (draft) => {
    for (const one of listOf(draft.endpoints)) delete one.deprecatedTopology;
  },
  validate: validateSlice,
  validateChange: ({ addressType }, old) =>
    addressType === old.addressType ? [] : [invalid('addressType', addressType ?? '', 'field is immutable')],
  warningsOf: ({ addressType, endpoints: list }) => [
    ...(addressType === 'FQDN' ? ['spec.addressType: FQDN endpoints are deprecated'] : []),
    ...listOf(list).flatMap(({ addresses }, index) =>
      valuesOf(addresses).flatMap((address, at) => addressWarnings(`endpoints[${index}].addresses[${at}]`, address)),
    ),
  ],
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

function validateSlice({ addressType, endpoints: list, ports }: KubeObject): FieldError[] {
  return [
    ...validateType(addressType),
    ...validateEndpoints(listOf(list), addressType),
    ...validatePorts(listOf(ports)),
  ];
}

function validateType(addressType: string | undefined): FieldError[] {
  if (!addressType) return [required('addressType')];
  return addressTypes.includes(addressType) ? [] : [unsupported('addressType', addressType, addressTypes)];
}

function validateEndpoints(list: readonly Fields[], addressType: string): FieldError[] {
  if (list.length > maxEndpoints) return [tooMany('endpoints', list.length, maxEndpoints)];
  return list.flatMap(({ addresses, nodeName, hostname, hints }, index) => {
    const here = `endpoints[${index}]`;
    return [
      ...validateAddresses(valuesOf(addresses), addressType, `${here}.addresses`),
      ...(nodeName === undefined ? [] : invalids(`${here}.nodeName`, nodeName, dnsSubdomainMessages(nodeName))),
      ...(hostname === undefined ? [] : invalids(`${here}.hostname`, hostname, dnsLabelMessages(hostname))),
      ...validateHints(listOf(hints?.forZones), labelValueMessages, `${here}.hints.forZones`),
      ...validateHints(listOf(hints?.forNodes), dnsSubdomainMessages, `${here}.hints.forNodes`),
    ];
  });
}

function validateAddresses(addresses: readonly string[], addressType: string, here: string): FieldError[] {
  if (addresses.length === 0) return [required(here, 'must contain at least 1 address')];
  if (addresses.length > maxAddresses) return [tooMany(here, addresses.length, maxAddresses)];
  return addresses.flatMap((address, index) => validateAddress(address, addressType, here, `${here}[${index}]`));
}

/** That it is of the wrong family is told of the whole list, as there. */
function validateAddress(address: string, addressType: string, list: string, here: string): FieldError[] {
  switch (addressType) {
    case 'IPv4':
    case 'IPv6': {
      const wantsIPv4 = addressType === 'IPv4';
      const messages = (wantsIPv4 ? addressMessages : strictAddressMessages)(address);
      if (messages.length > 0) return invalids(here, address, messages);
      const fits = parseAddress(address)?.isIPv4 === wantsIPv4;
      return [
        ...(fits ? [] : [invalid(list, address, `must be an ${addressType} address`)]),
        ...invalids(here, address, specialAddressMessages(address)),
      ];
    }
    case 'FQDN':
      return validateDomain(address, here);
    default:
      return [];
  }
}

/** A full domain name, with or without its last dot. */
function validateDomain(address: string, here: string): FieldError[] {
  if (address === '') return [required(here)];
  const name = address.endsWith('.') ? address.slice(0, -1) : address;
  const messages = dnsSubdomainMessages(name);
  if (messages.length > 0) return invalids(here, name, messages);
  if (!name.includes('.'))
    return [invalid(here, name, 'should be a domain with at least two segments separated by dots')];
  return name.split('.').flatMap((label) => invalids(here, label, dnsLabelMessages(label)));
}

function validateHints(hints: readonly Fields[], messagesOf: (name: string) => string[], here: string): FieldError[] {
  if (hints.length > maxHints) return [tooMany(here, hints.length, maxHints)];
  const seen = new Set<string>();
  return hints.flatMap(({ name = '' }, index) => {
    const at = `${here}[${index}].name`;
    const errors = seen.has(name) ? [duplicate(at, name)] : [];
    seen.add(name);
    return [...errors, ...invalids(at, name, messagesOf(name))];
  });
}

function validatePorts(ports: readonly Fields[]): FieldError[] {
  if (ports.length > maxPorts) return [tooMany('ports', ports.length, maxPorts)];
  const seen = new Set<string>();
  return ports.flatMap(({ name = '', protocol, appProtocol }, index) => {
    const at = `ports[${index}]`;
    const errors = seen.has(name) ? [duplicate(`${at}.name`, name)] : [];
    seen.add(name);
    return [
      ...(name === '' ? [] : invalids(`${at}.name`, name, dnsLabelMessages(name))),
      ...errors,
      ...validateProtocols(protocol, appProtocol, at),
    ];
  });
}
