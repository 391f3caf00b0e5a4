/** policy/v1 PodDisruptionBudget. */
import { ageOf } from './ages.ts';
import { defineKind, ensure } from './define-kind.ts';
import { invalid, unsupported } from './field-errors.ts';
import { validateAtMost100Percent, validateIntOrPercent } from './int-or-percent.ts';
import { fieldsOf } from './json.ts';
import type { FieldError } from './kind.ts';
import { printableSelector, validateLabelSelector } from './label-selectors.ts';
import { ageColumn, column, nameColumn } from './shape.ts';
import { countCell, validateCounts } from './workload.ts';

/** Printed even where they are 0. */
const counts = ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'];

export const podDisruptionBudget = defineKind({
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  shortNames: ['pdb'],
  namespaced: true,
  schema: 'V1PodDisruptionBudget',
  status: () => Object.fromEntries(counts.map((field) => [field, 0])),
  hasGeneration: true,
  defaults: (draft) => {
    ensure(draft, 'spec');
    const status = ensure(draft, 'status');
    for (const field of counts) status[field] ??= 0;
  },
  validate: (draft) => {
    const spec = fieldsOf(draft.spec);
    const errors: FieldError[] = [];
    const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy: policy } = spec;
    if (minAvailable !== undefined && maxUnavailable !== undefined) {
      const printed = {
        MinAvailable: minAvailable,
        Selector: printableSelector(selector),
        MaxUnavailable: maxUnavailable,
        UnhealthyPodEvictionPolicy: policy ?? null,
      };
      errors.push(invalid('spec', printed, 'minAvailable and maxUnavailable cannot be both set'));
    }
    for (const [field, value] of Object.entries({ minAvailable, maxUnavailable })) {
      errors.push(...validateIntOrPercent(value, `spec.${field}`), ...validateAtMost100Percent(value, `spec.${field}`));
    }
    errors.push(...validateLabelSelector(selector, 'spec.selector'));
    if (policy !== undefined && policy !== 'AlwaysAllow' && policy !== 'IfHealthyBudget') {
      errors.push(unsupported('spec.unhealthyPodEvictionPolicy', policy, ['AlwaysAllow', 'IfHealthyBudget']));
    }
    return errors;
  },
  validateStatus: (draft) => validateCounts(draft.status, counts, []),
  columns: [
    nameColumn,
    column('Min Available', 'string', 'The minimum number of pods that must be available.'),
    column('Max Unavailable', 'string', 'The maximum number of pods that may be unavailable.'),
    column('Allowed Disruptions', 'integer', 'Calculated number of pods that may be disrupted at this time.'),
    ageColumn,
  ],
  row: ({ metadata, spec, status }, now) => [
    metadata.name,
    String(spec?.minAvailable ?? 'N/A'),
    String(spec?.maxUnavailable ?? 'N/A'),
    countCell(status?.disruptionsAllowed),
    ageOf(metadata.creationTimestamp, now),
  ],
});
