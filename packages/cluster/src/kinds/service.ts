/** v1 Service. Nobody carries its traffic here; its address is given by admission. */
import { ageOf } from './ages.ts';
import { defineKind, ensure } from './define-kind.ts';
import { duplicate, invalid, invalids, required, unsupported } from './field-errors.ts';
import { addressMessages, addressWarnings, specialAddressMessages } from './ip-address.ts';
import { type Fields, fieldsOf, isFields, isSame, listOf, valuesOf } from './json.ts';
import type { FieldError, KubeObject } from './kind.ts';
import { formatLabels, validateLabels } from './label-selectors.ts';
import { dns1035Name, dnsLabelMessages, portNameMessages, portNumberMessages } from './names.ts';
import { ageColumn, allVerbs, column, nameColumn, wideColumn } from './shape.ts';

const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];

export const service = defineKind({
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  shortNames: ['svc'],
  categories: ['all'],
  namespaced: true,
  schema: 'V1Service',
  nameRule: dns1035Name,
  verbs: allVerbs,
  status: () => ({ loadBalancer: {} }),
  defaults: (draft) => {
    const spec = ensure(draft, 'spec');
    spec.sessionAffinity ||= 'None';
    if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
    else ensure(ensure(spec, 'sessionAffinityConfig'), 'clientIP').timeoutSeconds ??= 10_800;
    spec.type ||= 'ClusterIP';
    for (const port of listOf(spec.ports)) {
      port.protocol ||= 'TCP';
      port.targetPort ||= port.port;
    }
    if (isReachable(spec)) spec.externalTrafficPolicy ||= 'Cluster';
    if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster';
    if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true;
    ensure(ensure(draft, 'status'), 'loadBalancer');
  },
  prepareUpdate: (draft, old) => dropOutlived(ensure(draft, 'spec'), fieldsOf(old.spec)),
  validate: validateService,
  warningsOf: ({ spec }) =>
    valuesOf(spec?.externalIPs).flatMap((address, at) => addressWarnings(`spec.externalIPs[${at}]`, address)),
  validateChange: (draft, old) => {
    const before: unknown = old.spec?.clusterIP;
    const isGiven = typeof before === 'string' && before !== '' && old.spec?.type !== 'ExternalName';
    if (!isGiven || draft.spec?.type === 'ExternalName' || draft.spec?.clusterIP === before) return [];
    return [invalid('spec.clusterIPs[0]', valuesOf(draft.spec?.clusterIPs), 'may not change once set')];
  },
  fieldSelectors: {
    'spec.clusterIP': ({ spec }) => String(spec?.clusterIP ?? ''),
    'spec.type': ({ spec }) => String(spec?.type ?? ''),
  },
  columns: [
    nameColumn,
    column(
      'Type',
      'string',
      'type determines how the Service is exposed. Defaults to ClusterIP. Valid options are ExternalName, ClusterIP, NodePort, and LoadBalancer. "ClusterIP" allocates a cluster-internal IP address for load-balancing to endpoints. Endpoints are determined by the selector or if that is not specified, by manual construction of an Endpoints object or EndpointSlice objects. If clusterIP is "None", no virtual IP is allocated and the endpoints are published as a set of endpoints rather than a virtual IP. "NodePort" builds on ClusterIP and allocates a port on every node which routes to the same endpoints as the clusterIP. "LoadBalancer" builds on NodePort and creates an external load-balancer (if supported in the current cloud) which routes to the same endpoints as the clusterIP. "ExternalName" aliases this service to the specified externalName. Several other fields do not apply to ExternalName services. More info: https://kubernetes.io/docs/concepts/services-networking/service/#publishing-services-service-types',
    ),
    column(
      'Cluster-IP',
      'string',
      'clusterIP is the IP address of the service and is usually assigned randomly. If an address is specified manually, is in-range (as per system configuration), and is not in use, it will be allocated to the service; otherwise creation of the service will fail. This field may not be changed through updates unless the type field is also being changed to ExternalName (which requires this field to be blank) or the type field is being changed from ExternalName (in which case this field may optionally be specified, as describe above).  Valid values are "None", empty string (""), or a valid IP address. Setting this to "None" makes a "headless service" (no virtual IP), which is useful when direct endpoint connections are preferred and proxying is not required.  Only applies to types ClusterIP, NodePort, and LoadBalancer. If this field is specified when creating a Service of type ExternalName, creation will fail. This field will be wiped when updating a Service to type ExternalName. More info: https://kubernetes.io/docs/concepts/services-networking/service/#virtual-ips-and-service-proxies',
    ),
    column(
      'External-IP',
      'string',
      'externalIPs is a list of IP addresses for which nodes in the cluster will also accept traffic for this service.  These IPs are not managed by Kubernetes.  The user is responsible for ensuring that traffic arrives at a node with this IP.  A common example is external load-balancers that are not part of the Kubernetes system.',
    ),
    column(
      'Port(s)',
      'string',
      'The list of ports that are exposed by this service. More info: https://kubernetes.io/docs/concepts/services-networking/service/#virtual-ips-and-service-proxies',
    ),
    ageColumn,
    wideColumn(
      'Selector',
      'string',
      'Route service traffic to pods with label keys and values matching this selector. If empty or not present, the service is assumed to have an external process managing its endpoints, which Kubernetes will not modify. Only applies to types ClusterIP, NodePort, and LoadBalancer. Ignored if type is ExternalName. More info: https://kubernetes.io/docs/concepts/services-networking/service/',
    ),
  ],
  row: ({ metadata, spec, status }, now) => [
    metadata.name,
    spec?.type ?? '',
    valuesOf(spec?.clusterIPs)[0] ?? '<none>',
    externalAddress(fieldsOf(spec), fieldsOf(status)),
    listOf(spec?.ports).map(portText).join(',') || '<none>',
    ageOf(metadata.creationTimestamp, now),
    formatLabels(spec?.selector),
  ],
});

/** From outside of the cluster. */
function isReachable({ type, externalIPs }: Fields): boolean {
  return type === 'LoadBalancer' || type === 'NodePort' || (type === 'ClusterIP' && valuesOf(externalIPs).length > 0);
}

/**
 * What only the type before had a meaning for, and nobody changed, goes with it (registry/core/service/strategy.go
 * dropTypeDependentFields); addresses go in admission.
 */
function dropOutlived(spec: Fields, before: Fields): void {
  const isOver = (needs: (one: Fields) => boolean): boolean => needs(before) && !needs(spec);
  const drop = (field: string): void => {
    if (isSame(spec[field], before[field])) delete spec[field];
  };
  if (isOver(({ type }) => type === 'NodePort' || type === 'LoadBalancer')) {
    const own = new Set(listOf(before.ports).map(({ nodePort }) => nodePort));
    const ports = listOf(spec.ports);
    if (ports.every(({ nodePort }) => nodePort === undefined || own.has(nodePort))) {
      spec.ports = ports.map(({ nodePort: _, ...port }) => port);
    }
  }
  if (isOver(({ type }) => type === 'LoadBalancer')) {
    for (const field of ['healthCheckNodePort', 'allocateLoadBalancerNodePorts', 'loadBalancerClass']) drop(field);
  }
  if (isOver(isReachable)) drop('externalTrafficPolicy');
  if (isOver(({ type }) => type !== 'ExternalName')) drop('internalTrafficPolicy');
}

function validateService(draft: KubeObject): FieldError[] {
  const spec = fieldsOf(draft.spec);
  const errors: FieldError[] = [];
  const isHeadless = spec.clusterIP === 'None';
  const ports = listOf(spec.ports);
  if (ports.length === 0 && !isHeadless && spec.type !== 'ExternalName') errors.push(required('spec.ports'));
  if (spec.type === 'LoadBalancer' && isHeadless) {
    errors.push(invalid('spec.clusterIPs[0]', 'None', "may not be set to 'None' for LoadBalancer services"));
  }
  if (spec.type === 'ExternalName' && !spec.externalName) errors.push(required('spec.externalName'));
  errors.push(...validatePorts(ports));
  if (isFields(spec.selector)) errors.push(...validateLabels(spec.selector, 'spec.selector'));
  if (!['ClientIP', 'None'].includes(spec.sessionAffinity)) {
    errors.push(unsupported('spec.sessionAffinity', spec.sessionAffinity, ['ClientIP', 'None']));
  }
  for (const [index, address] of valuesOf(spec.externalIPs).entries()) {
    const wrong = addressMessages(address);
    const messages = wrong.length > 0 ? wrong : specialAddressMessages(address);
    errors.push(...invalids(`spec.externalIPs[${index}]`, address, messages));
  }
  if (!types.includes(spec.type)) errors.push(unsupported('spec.type', spec.type, types));
  return errors;
}

function validatePorts(ports: readonly Fields[]): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<unknown>();
  const taken = new Set<string>();
  for (const [index, { name, port, protocol, targetPort }] of ports.entries()) {
    const here = `spec.ports[${index}]`;
    if (!name && ports.length > 1) errors.push(required(`${here}.name`));
    else if (name) {
      errors.push(...invalids(`${here}.name`, name, dnsLabelMessages(String(name))));
      if (names.has(name)) errors.push(duplicate(`${here}.name`, name));
      names.add(name);
    }
    errors.push(...invalids(`${here}.port`, port ?? 0, portNumberMessages(Number(port ?? 0))));
    if (!['SCTP', 'TCP', 'UDP'].includes(protocol)) {
      errors.push(unsupported(`${here}.protocol`, protocol, ['SCTP', 'TCP', 'UDP']));
    }
    const messages =
      typeof targetPort === 'string' ? portNameMessages(targetPort) : portNumberMessages(Number(targetPort ?? 0));
    errors.push(...invalids(`${here}.targetPort`, targetPort ?? 0, messages));
    const identity = `${protocol}/${port}`;
    if (taken.has(identity)) errors.push(duplicate(here, asPrinted(protocol, port)));
    taken.add(identity);
  }
  return errors;
}

/** As Go prints the pair that must be unique: a port with nothing else in it. */
function asPrinted(protocol: unknown, port: unknown): Fields {
  return { Name: '', Protocol: protocol, AppProtocol: null, Port: port, TargetPort: 0, NodePort: 0 };
}

function portText({ port, nodePort, protocol }: Fields): string {
  return nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`;
}

function externalAddress(spec: Fields, status: Fields): string {
  const given = valuesOf(spec.externalIPs);
  switch (spec.type) {
    case 'ClusterIP':
    case 'NodePort':
      return given.join(',') || '<none>';
    case 'LoadBalancer': {
      const balanced = listOf(fieldsOf(status.loadBalancer).ingress).map(({ ip, hostname }) => String(ip || hostname));
      return [...balanced, ...given].join(',') || '<pending>';
    }
    case 'ExternalName':
      return String(spec.externalName ?? '');
    default:
      return '<unknown>';
  }
}
