/** networking.k8s.io/v1 Ingress: kept only. */
import { ageOf } from './ages.ts';
import { defineKind, ensure } from './define-kind.ts';
import { shortened } from './endpoints.ts';
import { invalid } from './field-errors.ts';
import { isFields, listOf } from './json.ts';
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
  validate: ({ spec }) =>
    listOf(spec?.rules).length > 0 || isFields(spec?.defaultBackend)
      ? []
      : [invalid('spec', [], 'either `defaultBackend` or `rules` must be specified')],
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
