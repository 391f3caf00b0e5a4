/** v1 PersistentVolumeClaim: kept only. */
import { ageOf } from './ages.ts';
import { defineKind, ensure } from './define-kind.ts';
import { required } from './field-errors.ts';
import { type Fields, fieldsOf, valuesOf } from './json.ts';
import { normalizeResources } from './quantity.ts';
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
  validate: (draft) => {
    const spec = fieldsOf(draft.spec);
    const errors =
      valuesOf(spec.accessModes).length === 0
        ? [required('spec.accessModes', 'at least 1 access mode is required')]
        : [];
    if (fieldsOf(fieldsOf(spec.resources).requests).storage === undefined) {
      errors.push(required('spec.resources[storage]'));
    }
    return errors;
  },
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
