/** v1 PodTemplate: kept only. */
import { defineKind } from './define-kind.ts';
import { fieldsOf } from './json.ts';
import { formatLabels } from './label-selectors.ts';
import { validatePodTemplate } from './pod-spec-validation.ts';
import { column, nameColumn } from './shape.ts';
import { containerCells, defaultTemplate } from './workload.ts';

export const podTemplate = defineKind({
  group: '',
  version: 'v1',
  kind: 'PodTemplate',
  plural: 'podtemplates',
  namespaced: true,
  schema: 'V1PodTemplate',
  hasGeneration: true,
  defaults: (draft) => defaultTemplate(draft),
  validate: ({ template }) => validatePodTemplate(template, 'template'),
  columns: [
    nameColumn,
    column('Containers', 'string', 'Names of each container in the template.'),
    column('Images', 'string', 'Images referenced by each container in the template.'),
    column('Pod Labels', 'string', 'The labels for the pod template.'),
  ],
  row: ({ metadata, template }) => [
    metadata.name,
    ...containerCells(template),
    formatLabels(fieldsOf(fieldsOf(template).metadata).labels),
  ],
});
