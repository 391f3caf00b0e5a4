/** v1 PersistentVolume and storage.k8s.io/v1 StorageClass: kept only. */
import { ageOf } from './ages.ts';
import { defineKind, ensure } from './define-kind.ts';
import { asMap, forbidden, invalid, required, unsupported } from './field-errors.ts';
import { type Fields, fieldsOf, isFields, valuesOf } from './json.ts';
import type { FieldError } from './kind.ts';
import { validateImmutable } from './object-meta.ts';
import { accessModesCell, validateAccessModes, validateClassAndMode, validateSize } from './persistent-volume-claim.ts';
import { normalizeResources } from './quantity.ts';
import { ageColumn, column, nameColumn, wideColumn } from './shape.ts';

export const persistentVolume = defineKind({
  group: '',
  version: 'v1',
  kind: 'PersistentVolume',
  plural: 'persistentvolumes',
  shortNames: ['pv'],
  namespaced: false,
  schema: 'V1PersistentVolume',
  status: () => ({ phase: 'Pending' }),
  defaults: (draft) => {
    const spec = ensure(draft, 'spec');
    normalizeResources(spec.capacity);
    spec.persistentVolumeReclaimPolicy ||= 'Retain';
    spec.volumeMode ??= 'Filesystem';
    if (isFields(spec.hostPath)) spec.hostPath.type ??= '';
    ensure(draft, 'status').phase ||= 'Pending';
  },
  validate: ({ spec }) => validateVolume(fieldsOf(spec)),
  columns: [
    nameColumn,
    column(
      'Capacity',
      'string',
      "capacity is the description of the persistent volume's resources and capacity. More info: https://kubernetes.io/docs/concepts/storage/persistent-volumes#capacity",
    ),
    column(
      'Access Modes',
      'string',
      'accessModes contains all ways the volume can be mounted. More info: https://kubernetes.io/docs/concepts/storage/persistent-volumes#access-modes',
    ),
    column(
      'Reclaim Policy',
      'string',
      'persistentVolumeReclaimPolicy defines what happens to a persistent volume when released from its claim. Valid options are Retain (default for manually created PersistentVolumes), Delete (default for dynamically provisioned PersistentVolumes), and Recycle (deprecated). Recycle must be supported by the volume plugin underlying this PersistentVolume. More info: https://kubernetes.io/docs/concepts/storage/persistent-volumes#reclaiming',
    ),
    column(
      'Status',
      'string',
      'phase indicates if a volume is available, bound to a claim, or released by a claim. More info: https://kubernetes.io/docs/concepts/storage/persistent-volumes#phase',
    ),
    column(
      'Claim',
      'string',
      'claimRef is part of a bi-directional binding between PersistentVolume and PersistentVolumeClaim. Expected to be non-nil when bound. claim.VolumeName is the authoritative bind between PV and PVC. More info: https://kubernetes.io/docs/concepts/storage/persistent-volumes#binding',
    ),
    column('StorageClass', 'string', 'StorageClass of the pv'),
    column('VolumeAttributesClass', 'string', 'VolumeAttributesClass of the pv'),
    column(
      'Reason',
      'string',
      'reason is a brief CamelCase string that describes any failure and is meant for machine parsing and tidy display in the CLI.',
    ),
    ageColumn,
    wideColumn(
      'VolumeMode',
      'string',
      'volumeMode defines if a volume is intended to be used with a formatted filesystem or to remain in raw block state. Value of Filesystem is implied when not included in spec.',
    ),
  ],
  row: ({ metadata, spec, status }, now) => [
    metadata.name,
    fieldsOf(spec?.capacity).storage ?? '0',
    accessModesCell(spec?.accessModes),
    spec?.persistentVolumeReclaimPolicy ?? '',
    metadata.deletionTimestamp === undefined ? (status?.phase ?? '') : 'Terminating',
    spec?.claimRef === undefined ? '' : `${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}`,
    spec?.storageClassName ?? '',
    spec?.volumeAttributesClassName ?? '<unset>',
    status?.reason ?? '',
    ageOf(metadata.creationTimestamp, now),
    spec?.volumeMode ?? '<unset>',
  ],
});

export const storageClass = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'StorageClass',
  plural: 'storageclasses',
  singular: 'storageclass',
  shortNames: ['sc'],
  namespaced: false,
  schema: 'V1StorageClass',
  defaults: (draft) => {
    draft.reclaimPolicy ??= 'Delete';
    draft.volumeBindingMode ??= 'Immediate';
  },
  validate: (draft) => (draft.provisioner ? [] : [required('provisioner')]),
  validateChange: (draft, old) =>
    ['provisioner', 'parameters', 'reclaimPolicy', 'volumeBindingMode'].flatMap((field) =>
      validateImmutable(field, draft[field], old[field]),
    ),
  columns: [
    nameColumn,
    column('Provisioner', 'string', 'provisioner indicates the type of the provisioner.'),
    column(
      'ReclaimPolicy',
      'string',
      'reclaimPolicy controls the reclaimPolicy for dynamically provisioned PersistentVolumes of this storage class. Defaults to Delete.',
    ),
    column(
      'VolumeBindingMode',
      'string',
      'volumeBindingMode indicates how PersistentVolumeClaims should be provisioned and bound.  When unset, VolumeBindingImmediate is used. This field is only honored by servers that enable the VolumeScheduling feature.',
    ),
    column(
      'AllowVolumeExpansion',
      'string',
      'allowVolumeExpansion shows whether the storage class allow volume expand.',
    ),
    ageColumn,
  ],
  row: (object, now) => [
    isDefault(object.metadata.annotations) ? `${object.metadata.name} (default)` : object.metadata.name,
    object.provisioner ?? '',
    object.reclaimPolicy ?? 'Delete',
    object.volumeBindingMode ?? 'Immediate',
    object.allowVolumeExpansion ?? false,
    ageOf(object.metadata.creationTimestamp, now),
  ],
});

const RECLAIM_POLICIES = ['Delete', 'Recycle', 'Retain'];
/** What a volume may be made of, in the order in which they are looked at. */
const SOURCES =
  'gcePersistentDisk awsElasticBlockStore hostPath glusterfs flocker nfs rbd quobyte cephfs iscsi cinder fc flexVolume azureFile vsphereVolume photonPersistentDisk portworxVolume azureDisk scaleIO local storageos csi'.split(
    ' ',
  );

function validateVolume(spec: Fields): FieldError[] {
  const errors: FieldError[] = [];
  if (valuesOf(spec.accessModes).length === 0) errors.push(required('spec.accessModes'));
  errors.push(...validateAccessModes(spec.accessModes));
  const sizes = Object.entries(fieldsOf(spec.capacity));
  if (sizes.length === 0) errors.push(required('spec.capacity'));
  if (sizes.length !== 1 || sizes[0]?.[0] !== 'storage') {
    errors.push(unsupported('spec.capacity', asMap(spec.capacity), ['storage']));
  }
  for (const [name, size] of sizes) errors.push(...validateSize(size, `spec.capacity[${name}]`));
  if (!RECLAIM_POLICIES.includes(spec.persistentVolumeReclaimPolicy)) {
    const policy: unknown = spec.persistentVolumeReclaimPolicy;
    errors.push(unsupported('spec.persistentVolumeReclaimPolicy', policy, RECLAIM_POLICIES));
  }
  const [first, ...more] = SOURCES.filter((source) => isFields(spec[source]));
  if (first === 'hostPath') errors.push(...validateHostPath(String(fieldsOf(spec.hostPath).path ?? '')));
  errors.push(...more.map((source) => forbidden(`spec.${source}`, 'may not specify more than 1 volume type')));
  if (first === undefined) errors.push(required('spec', 'must specify a volume type'));
  return [...errors, ...validateClassAndMode(spec)];
}

function validateHostPath(path: string): FieldError[] {
  if (path === '') return [required('spec.hostPath.path')];
  return path.split('/').includes('..') ? [invalid('spec.hostPath.path', path, "must not contain '..'")] : [];
}

function isDefault(annotations: unknown): boolean {
  return fieldsOf(annotations)['storageclass.kubernetes.io/is-default-class'] === 'true';
}
