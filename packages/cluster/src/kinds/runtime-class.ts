/** node.k8s.io/v1 RuntimeClass: kept only. */
import { ageOf } from './ages.ts';
import { defineKind } from './define-kind.ts';
import { invalids, required } from './field-errors.ts';
import { dnsLabelMessages } from './names.ts';
import { validateImmutable } from './object-meta.ts';
import { normalizeResources } from './quantity.ts';
import { ageColumn, column, nameColumn } from './shape.ts';

export const runtimeClass = defineKind({
  group: 'node.k8s.io',
  version: 'v1',
  kind: 'RuntimeClass',
  plural: 'runtimeclasses',
  singular: 'runtimeclass',
  namespaced: false,
  schema: 'V1RuntimeClass',
  defaults: ({ overhead }) => normalizeResources(overhead?.podFixed),
  validate: ({ handler }) =>
    typeof handler === 'string' && handler !== ''
      ? invalids('handler', handler, dnsLabelMessages(handler))
      : [required('handler')],
  validateChange: (draft, old) => validateImmutable('handler', draft.handler, old.handler),
  columns: [nameColumn, column('Handler', 'string', ''), ageColumn],
  row: ({ metadata, handler }, now) => [metadata.name, handler ?? '', ageOf(metadata.creationTimestamp, now)],
});
