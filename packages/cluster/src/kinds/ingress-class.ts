/** networking.k8s.io/v1 IngressClass: kept only. */
import { ageOf } from './ages.ts';
import { defineKind } from './define-kind.ts';
import { forbidden, invalid, required, unsupported } from './field-errors.ts';
import { type Fields, fieldsOf, isFields } from './json.ts';
import type { FieldError } from './kind.ts';
import { dnsSubdomainMessages } from './names.ts';
import { validateImmutable } from './object-meta.ts';
import { ageColumn, column, nameColumn } from './shape.ts';

const MAX_CONTROLLER = 250;

export const ingressClass = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IngressClass',
  plural: 'ingressclasses',
  singular: 'ingressclass',
  namespaced: false,
  schema: 'V1IngressClass',
  hasGeneration: true,
  defaults: ({ spec }) => {
    if (isFields(spec?.parameters)) spec.parameters.scope ||= 'Cluster';
  },
  validate: ({ spec }) => {
    const { controller, parameters } = fieldsOf(spec);
    return [...validateController(controller), ...(isFields(parameters) ? validateParameters(parameters) : [])];
  },
  validateChange: (draft, old) => validateImmutable('spec.controller', draft.spec?.controller, old.spec?.controller),
  columns: [
    nameColumn,
    column('Controller', 'string', 'Controller that is responsible for handling this class'),
    column('Parameters', 'string', 'A reference to a resource with additional parameters'),
    ageColumn,
  ],
  row: ({ metadata, spec }, now) => [
    metadata.name,
    spec?.controller ?? '',
    parametersCell(spec?.parameters),
    ageOf(metadata.creationTimestamp, now),
  ],
});

function validateController(controller: unknown): FieldError[] {
  const path = 'spec.controller';
  if (typeof controller !== 'string' || controller === '') return [required(path)];
  if (controller.length > MAX_CONTROLLER) {
    return [{ field: path, type: 'Too long', detail: `may not be more than ${MAX_CONTROLLER} bytes` }];
  }
  const slash = controller.indexOf('/');
  const isPath = slash > 0 && slash < controller.length - 1;
  const isDomain = isPath && dnsSubdomainMessages(controller.slice(0, slash)).length === 0;
  return isDomain ? [] : [invalid(path, controller, 'must be a domain-prefixed path (such as "acme.io/foo")')];
}

function validateParameters({ kind, name, scope, namespace }: Fields): FieldError[] {
  const path = 'spec.parameters';
  const errors: FieldError[] = [];
  if (!kind) errors.push(required(`${path}.kind`, 'kind is required'));
  if (!name) errors.push(required(`${path}.name`, 'name is required'));
  if (scope !== 'Cluster' && scope !== 'Namespace') {
    errors.push(unsupported(`${path}.scope`, scope, ['Cluster', 'Namespace']));
  }
  if (scope === 'Namespace' && !namespace) {
    errors.push(required(`${path}.namespace`, "`parameters.scope` is set to 'Namespace'"));
  }
  if (scope === 'Cluster' && namespace) {
    errors.push(forbidden(`${path}.namespace`, "`parameters.scope` is set to 'Cluster'"));
  }
  return errors;
}

function parametersCell(parameters: unknown): string {
  if (!isFields(parameters)) return '<none>';
  const { apiGroup, kind, name } = parameters;
  return `${kind ?? ''}${apiGroup ? `.${apiGroup}` : ''}/${name ?? ''}`;
}
