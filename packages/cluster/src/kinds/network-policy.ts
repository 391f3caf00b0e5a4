/** networking.k8s.io/v1 NetworkPolicy: kept only; there is no Pod network. */
import { isIP } from 'node:net';
import { ageOf } from './ages.ts';
import { defineKind, ensure } from './define-kind.ts';
import { forbidden, invalid, invalids, required, unsupported } from './field-errors.ts';
import { type Fields, isFields, listOf, valuesOf } from './json.ts';
import type { FieldError } from './kind.ts';
import { formatSelector, validateLabelSelector } from './label-selectors.ts';
import { portNameMessages, portNumberMessages } from './names.ts';
import { ageColumn, column, nameColumn } from './shape.ts';

const PROTOCOLS = ['TCP', 'UDP', 'SCTP'];

export const networkPolicy = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  plural: 'networkpolicies',
  shortNames: ['netpol'],
  namespaced: true,
  schema: 'V1NetworkPolicy',
  hasGeneration: true,
  defaults: (draft) => {
    const spec = ensure(draft, 'spec');
    ensure(spec, 'podSelector');
    if (valuesOf(spec.policyTypes).length === 0) {
      spec.policyTypes = listOf(spec.egress).length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
    }
    for (const rule of [...listOf(spec.ingress), ...listOf(spec.egress)]) {
      for (const port of listOf(rule.ports)) port.protocol ||= 'TCP';
    }
  },
  validate: ({ spec }) => [
    ...validateLabelSelector(spec.podSelector, 'spec.podSelector'),
    ...listOf(spec.ingress).flatMap((rule, index) => validateRule(rule, 'from', `spec.ingress[${index}]`)),
    ...listOf(spec.egress).flatMap((rule, index) => validateRule(rule, 'to', `spec.egress[${index}]`)),
    ...valuesOf(spec.policyTypes).flatMap((type, index) =>
      type === 'Ingress' || type === 'Egress'
        ? []
        : [unsupported(`spec.policyTypes[${index}]`, type, ['Ingress', 'Egress'])],
    ),
  ],
  columns: [
    nameColumn,
    column(
      'Pod-Selector',
      'string',
      'Selects the pods to which this NetworkPolicy object applies.  The array of ingress rules is applied to any pods selected by this field. Multiple network policies can select the same set of pods.  In this case, the ingress rules for each are combined additively. This field is NOT optional and follows standard label selector semantics. An empty podSelector matches all pods in this namespace.',
    ),
    ageColumn,
  ],
  row: ({ metadata, spec }, now) => [
    metadata.name,
    formatSelector(spec?.podSelector) || '<none>',
    ageOf(metadata.creationTimestamp, now),
  ],
});

function validateRule(rule: Fields, peers: 'from' | 'to', path: string): FieldError[] {
  return [
    ...listOf(rule.ports).flatMap((port, index) => validatePort(port, `${path}.ports[${index}]`)),
    ...listOf(rule[peers]).flatMap((peer, index) => validatePeer(peer, `${path}.${peers}[${index}]`)),
  ];
}

function validatePort({ port, protocol, endPort }: Fields, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!PROTOCOLS.includes(protocol)) errors.push(unsupported(`${path}.protocol`, protocol, PROTOCOLS));
  if (typeof port === 'number') {
    errors.push(...invalids(`${path}.port`, port, portNumberMessages(port)));
    if (typeof endPort === 'number') {
      if (endPort < port) errors.push(invalid(`${path}.endPort`, endPort, 'must be greater than or equal to `port`'));
      errors.push(...invalids(`${path}.endPort`, endPort, portNumberMessages(endPort)));
    }
  } else {
    if (endPort !== undefined) {
      const text = `may not be specified when \`port\` is ${port === undefined ? 'not specified' : 'non-numeric'}`;
      errors.push(forbidden(`${path}.endPort`, text));
    }
    if (typeof port === 'string') errors.push(...invalids(`${path}.port`, port, portNameMessages(port)));
  }
  return errors;
}

function validatePeer({ podSelector, namespaceSelector, ipBlock }: Fields, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const selectors = { podSelector, namespaceSelector };
  for (const [field, selector] of Object.entries(selectors)) {
    if (isFields(selector)) errors.push(...validateLabelSelector(selector, `${path}.${field}`));
  }
  const given = Object.values(selectors).filter(isFields).length;
  if (!isFields(ipBlock)) return given === 0 ? [required(path, 'must specify a peer')] : errors;
  errors.push(...validateBlock(ipBlock, `${path}.ipBlock`));
  if (given > 0) errors.push(forbidden(path, 'may not specify both ipBlock and another peer'));
  return errors;
}

const CIDR = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

function validateBlock({ cidr, except }: Fields, path: string): FieldError[] {
  if (typeof cidr !== 'string' || cidr === '') return [required(`${path}.cidr`)];
  if (!isCidr(cidr)) return [invalid(`${path}.cidr`, cidr, CIDR)];
  return valuesOf(except).flatMap((one, index) =>
    isCidr(one) ? [] : [invalid(`${path}.except[${index}]`, one, CIDR)],
  );
}

function isCidr(text: string): boolean {
  const [address = '', bits = '', ...rest] = text.split('/');
  const family = isIP(address);
  return family !== 0 && rest.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
}
