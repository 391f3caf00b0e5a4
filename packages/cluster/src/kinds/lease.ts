/** coordination.k8s.io/v1 Lease. */
import { ageOf } from './ages.ts';
import { defineKind, ensure } from './define-kind.ts';
import { invalid } from './field-errors.ts';
import { fieldsOf } from './json.ts';
import type { FieldError } from './kind.ts';
import { validateNonnegative } from './probe-validation.ts';
import { ageColumn, column, nameColumn } from './shape.ts';

export const lease = defineKind({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
  schema: 'V1Lease',
  allowsUnconditionalUpdate: false,
  defaults: (draft) => {
    ensure(draft, 'spec');
  },
  validate: (draft) => {
    const { leaseDurationSeconds: duration, leaseTransitions } = fieldsOf(draft.spec);
    const errors: FieldError[] = [];
    if (typeof duration === 'number' && duration <= 0) {
      errors.push(invalid('spec.leaseDurationSeconds', duration, 'must be greater than 0'));
    }
    errors.push(...validateNonnegative(leaseTransitions, 'spec.leaseTransitions'));
    return errors;
  },
  columns: [
    nameColumn,
    column(
      'Holder',
      'string',
      'holderIdentity contains the identity of the holder of a current lease. If Coordinated Leader Election is used, the holder identity must be equal to the elected LeaseCandidate.metadata.name field.',
    ),
    ageColumn,
  ],
  row: ({ metadata, spec }, now) => [metadata.name, spec?.holderIdentity ?? '', ageOf(metadata.creationTimestamp, now)],
});
