/** v1 PersistentVolumeClaim: kept only. */
import { ageOf } from './ages.ts';
import { defineKind, ensure } from './define-kind.ts';
import { forbidden, invalid, invalids, required, unsupported } from './field-errors.ts';
import { type Fields, fieldsOf, isSame, valuesOf } from './json.ts';
import type { FieldError, KubeObject } from './kind.ts';
import { validateLabelSelector } from './label-selectors.ts';
import { dnsSubdomainMessages } from './names.ts';
import { describeChange, validateImmutable } from './object-meta.ts';
import { compareQuantities, normalizeResources, quantityOf } from './quantity.ts';
import { ageColumn, column, nameColumn, wideColumn } from './shape.ts';

/** Also for the templates of a StatefulSet. */
export function defaultClaim(claim: Fields): void {
  const spec = ensure(claim, 'spec');
  spec.volumeMode ??= 'Filesystem';
  const resources = ensure(spec, 'resources');
  normalizeResources(resources.requests);
  normalizeResources(resources.limits);
  const status = ensure(claim, 'status');
  status.phase ||= 'Pending';
  normalizeResources(status.capacity);
}

export const persistentVolumeClaim = defineKind({
  group: '',
  version: 'v1',
  kind: 'PersistentVolumeClaim',
  plural: 'persistentvolumeclaims',
  shortNames: ['pvc'],
  namespaced: true,
  schema: 'V1PersistentVolumeClaim',
  status: () => ({ phase: 'Pending' }),
  defaults: defaultClaim,
  validate: ({ spec: given }) => {
    const spec = fieldsOf(given);
    const errors: FieldError[] = [];
    if (valuesOf(spec.accessModes).length === 0) {
      errors.push(required('spec.accessModes', 'at least 1 access mode is required'));
    }
    errors.push(...validateLabelSelector(spec.selector, 'spec.selector'), ...validateAccessModes(spec.accessModes));
    const { storage } = fieldsOf(fieldsOf(spec.resources).requests);
    if (storage === undefined) errors.push(required('spec.resources[storage]'));
    else errors.push(...validateSize(storage, 'spec.resources[storage]'));
    return [...errors, ...validateClassAndMode(spec)];
  },
  validateChange: validateClaimChange,
  columns: [
    nameColumn,
    column('Status', 'string', 'phase represents the current phase of PersistentVolumeClaim.'),
    column('Volume', 'string', 'volumeName is the binding reference to the PersistentVolume backing this claim.'),
    column('Capacity', 'string', 'capacity represents the actual resources of the underlying volume.'),
    column(
      'Access Modes',
      'string',
      'accessModes contains the actual access modes the volume backing the PVC has. More info: https://kubernetes.io/docs/concepts/storage/persistent-volumes#access-modes-1',
    ),
    column('StorageClass', 'string', 'StorageClass of the pvc'),
    column('VolumeAttributesClass', 'string', 'VolumeAttributesClass of the pvc'),
    ageColumn,
    wideColumn(
      'VolumeMode',
      'string',
      'volumeMode defines what type of volume is required by the claim. Value of Filesystem is implied when not included in claim spec.',
    ),
  ],
  row: ({ metadata, spec, status }, now) => {
    const isBound = Boolean(spec?.volumeName);
    return [
      metadata.name,
      metadata.deletionTimestamp === undefined ? (status?.phase ?? '') : 'Terminating',
      spec?.volumeName ?? '',
      isBound ? (fieldsOf(status?.capacity).storage ?? '0') : '',
      isBound ? accessModesCell(status?.accessModes) : '',
      spec?.storageClassName ?? '',
      spec?.volumeAttributesClassName ?? '<unset>',
      ageOf(metadata.creationTimestamp, now),
      spec?.volumeMode ?? '<unset>',
    ];
  },
});

const immutableText =
  'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
const betaClass = 'volume.beta.kubernetes.io/storage-class';

/** Its volume may be named once, a bound one may grow; nothing else changes (core/validation ValidatePersistentVolumeClaimUpdate). */
function validateClaimChange(draft: KubeObject, old: KubeObject): FieldError[] {
  const spec = fieldsOf(draft.spec);
  const before = fieldsOf(old.spec);
  const kept: Fields = { ...spec, volumeAttributesClassName: before.volumeAttributesClassName };
  if (!before.volumeName) kept.volumeName = before.volumeName;
  if (isClassGiven(draft, old)) kept.storageClassName = before.storageClassName;
  const storage: unknown = fieldsOf(fieldsOf(before.resources).requests).storage;
  const size: unknown = fieldsOf(fieldsOf(spec.resources).requests).storage;
  if (draft.status?.phase === 'Bound') {
    kept.resources = { ...spec.resources, requests: { ...fieldsOf(spec.resources).requests, storage } };
  }
  const errors: FieldError[] = [];
  if (!isSame(kept, before)) errors.push(forbidden('spec', `${immutableText}\n${describeChange(before, kept)}`));
  const isSmaller = compareQuantities(quantityOf(size), quantityOf(storage)) < 0;
  const filled = quantityOf(fieldsOf(old.status?.capacity).storage);
  if (isSmaller && compareQuantities(quantityOf(size), filled) <= 0) {
    errors.push(forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity'));
  }
  // Sic: named so.
  return [...errors, ...validateImmutable('volumeMode', spec.volumeMode, before.volumeMode)];
}

/** A claim without a class may get one: the one of its old annotation, or, where it has none, any. */
function isClassGiven(draft: KubeObject, old: KubeObject): boolean {
  const given: unknown = draft.spec?.storageClassName;
  if (typeof given !== 'string' || old.spec?.storageClassName !== undefined) return false;
  const annotated = fieldsOf(old.metadata.annotations)[betaClass];
  return (
    annotated === undefined || (annotated === given && fieldsOf(draft.metadata.annotations)[betaClass] === annotated)
  );
}

const VOLUME_MODES = ['Block', 'Filesystem'];

/** Of a claim or a volume. */
export function validateAccessModes(modes: unknown): FieldError[] {
  const given = valuesOf(modes);
  const known = modeNames.map(([mode]) => mode).sort();
  const path = 'spec.accessModes';
  const errors = given.filter((mode) => !known.includes(mode)).map((mode) => unsupported(path, mode, known));
  const alone = 'ReadWriteOncePod';
  if (given.includes(alone) && given.some((mode) => mode !== alone && known.includes(mode))) {
    errors.push(forbidden(path, `may not use ${alone} with other access modes`));
  }
  return errors;
}

export function validateSize(size: unknown, path: string): FieldError[] {
  return quantityOf(size).nanos > 0n ? [] : [invalid(path, size, 'must be greater than zero')];
}

export function validateClassAndMode({ storageClassName, volumeMode }: Fields): FieldError[] {
  const errors: FieldError[] = [];
  if (typeof storageClassName === 'string' && storageClassName !== '') {
    errors.push(...invalids('spec.storageClassName', storageClassName, dnsSubdomainMessages(storageClassName)));
  }
  if (!VOLUME_MODES.includes(volumeMode)) errors.push(unsupported('spec.volumeMode', volumeMode, VOLUME_MODES));
  return errors;
}

const modeNames: ReadonlyArray<readonly [string, string]> = [
  ['ReadWriteOnce', 'RWO'],
  ['ReadOnlyMany', 'ROX'],
  ['ReadWriteMany', 'RWX'],
  ['ReadWriteOncePod', 'RWOP'],
];

/** `RWO,ROX`. */
export function accessModesCell(modes: unknown): string {
  const given = valuesOf(modes);
  return modeNames
    .filter(([mode]) => given.includes(mode))
    .map(([, short]) => short)
    .join(',');
}
