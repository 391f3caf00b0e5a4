/** networking.k8s.io/v1 Ingress: kept only. */
import { isIP } from 'node:net';
import { ageOf } from './ages.ts';
import { defineKind, ensure } from './define-kind.ts';
import { shortened } from './endpoints.ts';
import { invalid, invalids, required, unsupported } from './field-errors.ts';
import { type Fields, fieldsOf, isFields, listOf, valuesOf } from './json.ts';
import type { FieldError } from './kind.ts';
import {
  dns1035Name,
  dnsSubdomainMessages,
  pathSegmentName,
  portNameMessages,
  portNumberMessages,
  wildcardMessages,
} from './names.ts';
import { ageColumn, column, nameColumn } from './shape.ts';

export const ingress = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'Ingress',
  plural: 'ingresses',
  shortNames: ['ing'],
  namespaced: true,
  schema: 'V1Ingress',
  status: () => ({ loadBalancer: {} }),
  hasGeneration: true,
  defaults: (draft) => {
    ensure(draft, 'spec');
    ensure(ensure(draft, 'status'), 'loadBalancer');
  },
  validate: ({ spec }) => {
    const { rules, defaultBackend, tls, ingressClassName } = fieldsOf(spec);
    const errors: FieldError[] = [];
    if (isFields(defaultBackend)) errors.push(...validateBackend(defaultBackend, 'spec.defaultBackend'));
    else if (listOf(rules).length === 0) {
      errors.push(invalid('spec', rules ?? null, 'either `defaultBackend` or `rules` must be specified'));
    }
    errors.push(...listOf(rules).flatMap((rule, index) => validateRule(rule, `spec.rules[${index}]`)));
    errors.push(...listOf(tls).flatMap((one, index) => validateTls(one, `spec.tls[${index}]`)));
    if (typeof ingressClassName === 'string') {
      errors.push(...invalids('spec.ingressClassName', ingressClassName, dnsSubdomainMessages(ingressClassName)));
    }
    return errors;
  },
  columns: [
    nameColumn,
    column('Class', 'string', 'The name of the IngressClass resource that should be used for additional configuration'),
    column('Hosts', 'string', 'Hosts that incoming requests are matched against before the ingress rule'),
    column('Address', 'string', 'Address is a list containing ingress points for the load-balancer'),
    column('Ports', 'string', 'Ports of TLS configurations that open'),
    ageColumn,
  ],
  row: ({ metadata, spec, status }, now) => [
    metadata.name,
    spec?.ingressClassName ?? '<none>',
    shortened(
      listOf(spec?.rules).flatMap(({ host }) => (host ? [String(host)] : [])),
      3,
      ' + ',
    ) || '*',
    listOf(status?.loadBalancer?.ingress)
      .map(({ ip, hostname }) => ip || hostname)
      .join(','),
    listOf(spec?.tls).length > 0 ? '80, 443' : '80',
    ageOf(metadata.creationTimestamp, now),
  ],
});

const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix'];
const WRONG_WITHIN = ['//', '/./', '/../', '%2f', '%2F'];
const WRONG_AT_END = ['/..', '/.'];

function hostMessages(host: string): string[] {
  return host.includes('*') ? wildcardMessages(host) : dnsSubdomainMessages(host);
}

function validateRule({ host, http }: Fields, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (typeof host === 'string' && host !== '') {
    if (isIP(host) !== 0) errors.push(invalid(`${path}.host`, host, 'must be a DNS name, not an IP address'));
    errors.push(...invalids(`${path}.host`, host, hostMessages(host)));
  }
  if (!isFields(http)) return errors;
  const paths = listOf(http.paths);
  if (paths.length === 0) errors.push(required(`${path}.http.paths`));
  errors.push(...paths.flatMap((one, index) => validatePath(one, `${path}.http.paths[${index}]`)));
  return errors;
}

function validatePath({ path: given, pathType, backend }: Fields, path: string): FieldError[] {
  if (pathType === undefined) return [required(`${path}.pathType`, 'pathType must be specified')];
  const text = String(given ?? '');
  const errors: FieldError[] = [];
  const complain = (detail: string): unknown => errors.push(invalid(`${path}.path`, text, detail));
  if (!PATH_TYPES.includes(pathType)) errors.push(unsupported(`${path}.pathType`, pathType, PATH_TYPES));
  else {
    const isStrict = pathType !== 'ImplementationSpecific';
    if (!text.startsWith('/') && (isStrict || text !== '')) complain('must be an absolute path');
    if (isStrict) {
      for (const wrong of WRONG_WITHIN) if (text.includes(wrong)) complain(`must not contain '${wrong}'`);
      for (const wrong of WRONG_AT_END) if (text.endsWith(wrong)) complain(`cannot end with '${wrong}'`);
    }
  }
  return [...errors, ...validateBackend(fieldsOf(backend), `${path}.backend`)];
}

function validateBackend({ service, resource }: Fields, path: string): FieldError[] {
  if (isFields(service)) {
    return isFields(resource)
      ? [invalid(path, '', 'cannot set both resource and service backends')]
      : validateService(service, path);
  }
  return isFields(resource)
    ? validateReference(resource, `${path}.resource`)
    : [invalid(path, '', 'resource or service backend is required')];
}

function validateService({ name, port }: Fields, path: string): FieldError[] {
  const here = `${path}.service`;
  const errors = name ? invalids(`${here}.name`, name, dns1035Name(String(name), false)) : [required(`${here}.name`)];
  const { name: portName, number } = fieldsOf(port);
  if (portName && number) errors.push(invalid(path, '', 'cannot set both port name & port number'));
  else if (portName) errors.push(...invalids(`${here}.port.name`, portName, portNameMessages(String(portName))));
  else if (number) errors.push(...invalids(`${here}.port.number`, number, portNumberMessages(Number(number))));
  else errors.push(required(path, 'port name or number is required'));
  return errors;
}

function validateReference({ apiGroup, kind, name }: Fields, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (typeof apiGroup === 'string')
    errors.push(...invalids(`${path}.apiGroup`, apiGroup, dnsSubdomainMessages(apiGroup)));
  for (const [field, value] of Object.entries({ kind, name })) {
    if (!value) errors.push(required(`${path}.${field}`));
    else errors.push(...invalids(`${path}.${field}`, value, pathSegmentName(String(value), false)));
  }
  return errors;
}

function validateTls({ hosts, secretName }: Fields, path: string): FieldError[] {
  const errors = valuesOf(hosts).flatMap((host, index) =>
    invalids(`${path}.hosts[${index}]`, host, hostMessages(String(host))),
  );
  if (secretName) errors.push(...invalids(`${path}.secretName`, secretName, dnsSubdomainMessages(String(secretName))));
  return errors;
}
