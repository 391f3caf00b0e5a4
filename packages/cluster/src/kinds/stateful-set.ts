/** apps/v1 StatefulSet. */
import { ageOf } from './ages.ts';
import { defineKind, ensure } from './define-kind.ts';
import { forbidden, invalid, invalids, unsupported } from './field-errors.ts';
import { numberOrPercent, validateAtMost100Percent, validateIntOrPercent } from './int-or-percent.ts';
import { type Fields, fieldsOf, isFields, isSame, listOf } from './json.ts';
import type { FieldError } from './kind.ts';
import { dnsLabelMessages, labelName } from './names.ts';
import { defaultClaim } from './persistent-volume-claim.ts';
import { validateNonnegative } from './probe-validation.ts';
import { ageColumn, column, nameColumn } from './shape.ts';
import {
  containerCells,
  containerColumns,
  countCell,
  defaultTemplate,
  notMoreThanReplicas,
  validateCollisionCount,
  validateCounts,
  validateSelectorAndTemplate,
} from './workload.ts';

/** The fields of the spec that may change. */
const changeable = [
  'replicas',
  'template',
  'updateStrategy',
  'minReadySeconds',
  'ordinals',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
];
const changeText =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

export const statefulSet = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'StatefulSet',
  plural: 'statefulsets',
  shortNames: ['sts'],
  categories: ['all'],
  namespaced: true,
  schema: 'V1StatefulSet',
  nameRule: labelName,
  scalable: true,
  status: () => ({ replicas: 0, availableReplicas: 0 }),
  hasGeneration: true,
  defaults: (draft) => {
    const spec = ensure(draft, 'spec');
    defaultTemplate(spec);
    for (const claim of listOf(spec.volumeClaimTemplates)) {
      claim.kind ??= 'PersistentVolumeClaim';
      claim.apiVersion ??= 'v1';
      defaultClaim(claim);
    }
    spec.serviceName ??= '';
    spec.podManagementPolicy ||= 'OrderedReady';
    const strategy = ensure(spec, 'updateStrategy');
    if (!strategy.type) {
      strategy.type = 'RollingUpdate';
      ensure(strategy, 'rollingUpdate');
    }
    if (strategy.type === 'RollingUpdate' && isFields(strategy.rollingUpdate)) strategy.rollingUpdate.partition ??= 0;
    const retention = ensure(spec, 'persistentVolumeClaimRetentionPolicy');
    retention.whenDeleted ||= 'Retain';
    retention.whenScaled ||= 'Retain';
    spec.replicas ??= 1;
    spec.revisionHistoryLimit ??= 10;
    const status = ensure(draft, 'status');
    status.replicas ??= 0;
    status.availableReplicas ??= 0;
  },
  validate: (draft, old) => {
    const spec = fieldsOf(draft.spec);
    const errors = [
      ...validatePodManagement(spec),
      ...validateStrategy(fieldsOf(spec.updateStrategy)),
      ...validateRetention(fieldsOf(spec.persistentVolumeClaimRetentionPolicy)),
      ...validateNonnegative(spec.replicas, 'spec.replicas'),
      ...validateNonnegative(spec.minReadySeconds, 'spec.minReadySeconds'),
      ...validateNonnegative(fieldsOf(spec.ordinals).start, 'spec.ordinals.start'),
    ];
    // It cannot change, so an old one that would be refused today is borne.
    if (old === undefined && spec.serviceName) {
      errors.push(...invalids('spec.serviceName', spec.serviceName, dnsLabelMessages(String(spec.serviceName))));
    }
    const extraVolumes = listOf(spec.volumeClaimTemplates).map(({ metadata }) => String(fieldsOf(metadata).name));
    errors.push(...validateSelectorAndTemplate(draft, 'statefulset', 'StatefulSet', { extraVolumes }));
    return errors;
  },
  validateChange: (draft, old) => {
    const withoutChangeable = (spec: unknown) =>
      Object.fromEntries(Object.entries(fieldsOf(spec)).filter(([field]) => !changeable.includes(field)));
    return isSame(withoutChangeable(draft.spec), withoutChangeable(old.spec)) ? [] : [forbidden('spec', changeText)];
  },
  validateStatus: (draft, old) => [
    ...validateCounts(
      draft.status,
      [
        'replicas',
        'readyReplicas',
        'currentReplicas',
        'updatedReplicas',
        'availableReplicas',
        'observedGeneration',
        'collisionCount',
      ],
      [
        ...notMoreThanReplicas('readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas'),
        { field: 'availableReplicas', by: 'readyReplicas', text: 'cannot be greater than status.readyReplicas' },
      ],
    ),
    ...validateCollisionCount(draft, old),
  ],
  columns: [
    nameColumn,
    column('Ready', 'string', 'Number of the pod with ready state'),
    ageColumn,
    ...containerColumns,
  ],
  row: ({ metadata, spec, status }, now) => [
    metadata.name,
    `${countCell(status?.readyReplicas)}/${countCell(spec?.replicas)}`,
    ageOf(metadata.creationTimestamp, now),
    ...containerCells(spec?.template),
  ],
});

function validatePodManagement({ podManagementPolicy: policy }: Fields): FieldError[] {
  return policy === 'OrderedReady' || policy === 'Parallel'
    ? []
    : [invalid('spec.podManagementPolicy', policy, "must be 'OrderedReady' or 'Parallel'")];
}

function validateStrategy(strategy: Fields): FieldError[] {
  const { type, rollingUpdate } = strategy;
  const path = 'spec.updateStrategy';
  const printed = printedRolling(rollingUpdate);
  if (type === 'OnDelete') {
    return isFields(rollingUpdate)
      ? [invalid(`${path}.rollingUpdate`, printed, "only allowed for updateStrategy 'RollingUpdate'")]
      : [];
  }
  if (type !== 'RollingUpdate') {
    return [invalid(path, { Type: type, RollingUpdate: printed }, "must be 'RollingUpdate' or 'OnDelete'")];
  }
  const { partition, maxUnavailable } = fieldsOf(rollingUpdate);
  const errors = validateNonnegative(partition, `${path}.rollingUpdate.partition`);
  if (maxUnavailable === undefined) return errors;
  const here = `${path}.rollingUpdate.maxUnavailable`;
  errors.push(...validateIntOrPercent(maxUnavailable, here));
  if (numberOrPercent(maxUnavailable) === 0) errors.push(invalid(here, maxUnavailable, 'cannot be 0'));
  errors.push(...validateAtMost100Percent(maxUnavailable, here));
  return errors;
}

function printedRolling(rolling: unknown): unknown {
  if (!isFields(rolling)) return null;
  return { Partition: rolling.partition ?? 0, MaxUnavailable: rolling.maxUnavailable ?? null };
}

function validateRetention(retention: Fields): FieldError[] {
  return ['whenDeleted', 'whenScaled'].flatMap((field) =>
    retention[field] === 'Retain' || retention[field] === 'Delete'
      ? []
      : [unsupported(`spec.persistentVolumeClaimRetentionPolicy.${field}`, retention[field], ['Retain', 'Delete'])],
  );
}
