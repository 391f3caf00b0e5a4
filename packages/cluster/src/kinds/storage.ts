/** v1 PersistentVolume and storage.k8s.io/v1 StorageClass: kept only. */
import { ageOf } from './ages.ts';
import { defineKind, ensure } from './define-kind.ts';
import { asMap, forbidden, invalid, invalids, required, tooLong, unsupported } from './field-errors.ts';
import { type Fields, fieldsOf, isFields, isSame, sortedEntries, valuesOf } from './json.ts';
import type { FieldError } from './kind.ts';
import { qualifiedNameMessages } from './names.ts';
import { describeChange, validateImmutable } from './object-meta.ts';
import { accessModesCell, validateAccessModes, validateClassAndMode, validateSize } from './persistent-volume-claim.ts';
import { normalizeResources } from './quantity.ts';
import { ageColumn, column, nameColumn, wideColumn } from './shape.ts';
import { validateHostPath, validateNfs } from './volume-validation.ts';

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
  validateChange: ({ spec }, old) => [
    ...validateSourceKept(fieldsOf(spec), fieldsOf(old.spec)),
    // Sic: named so.
    ...validateImmutable('volumeMode', spec?.volumeMode, old.spec?.volumeMode),
  ],
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
  validate: validateClass,
  validateChange: (draft, old) => [
    ...['parameters', 'provisioner', 'reclaimPolicy'].flatMap((field) =>
      isSame(draft[field], old[field]) ? [] : [forbidden(field, `updates to ${field} are forbidden.`)],
    ),
    ...validateImmutable('volumeBindingMode', draft.volumeBindingMode, old.volumeBindingMode),
  ],
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
  if (first !== undefined) errors.push(...validateSource(first, fieldsOf(spec[first])));
  errors.push(...more.map((source) => forbidden(`spec.${source}`, 'may not specify more than 1 volume type')));
  if (first === undefined) errors.push(required('spec', 'must specify a volume type'));
  if (isFields(spec.local) && fieldsOf(spec.nodeAffinity).required === undefined) {
    errors.push(required('spec.nodeAffinity', 'Local volume requires node affinity'));
  }
  return [...errors, ...validateClassAndMode(spec)];
}

/** What a volume is made of stays; the secret that lets it grow may be named once. */
function validateSourceKept(spec: Fields, before: Fields): FieldError[] {
  const path = 'spec.persistentvolumesource';
  const changed = SOURCES.filter((source) => {
    const { controllerExpandSecretRef, ...csi } = fieldsOf(spec.csi);
    const isNamed = source === 'csi' && fieldsOf(before.csi).controllerExpandSecretRef === undefined;
    return !isSame(isNamed && controllerExpandSecretRef !== undefined ? csi : spec[source], before[source]);
  });
  return changed.length === 0
    ? []
    : [forbidden(path, `${path} is immutable after creation\n${describeChange(before, spec, changed)}`)];
}

function validateClass({ provisioner, parameters, reclaimPolicy, volumeBindingMode }: Fields): FieldError[] {
  const errors: FieldError[] = [];
  if (!provisioner) errors.push(required('provisioner'));
  else errors.push(...invalids('provisioner', provisioner, qualifiedNameMessages(String(provisioner).toLowerCase())));
  errors.push(...validateParameters(parameters));
  const policies = ['Delete', 'Retain'];
  if (reclaimPolicy !== '' && !policies.includes(reclaimPolicy)) {
    errors.push(unsupported('reclaimPolicy', reclaimPolicy, policies));
  }
  const modes = ['Immediate', 'WaitForFirstConsumer'];
  if (!modes.includes(volumeBindingMode)) errors.push(unsupported('volumeBindingMode', volumeBindingMode, modes));
  return errors;
}

const maxParameters = 512;
const maxParameterBytes = 256 * 1024;

function validateParameters(parameters: unknown): FieldError[] {
  const entries = sortedEntries(parameters);
  const errors: FieldError[] = [];
  if (entries.length > maxParameters) return [tooLong('parameters', maxParameters)];
  let bytes = 0;
  for (const [key, value] of entries) {
    if (key === '') errors.push(invalid('parameters', key, 'field can not be empty.'));
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > maxParameterBytes) errors.push(tooLong('parameters', maxParameterBytes));
  return errors;
}

function validateSource(source: string, given: Fields): FieldError[] {
  const here = `spec.${source}`;
  const needsPath = source === 'hostPath' || source === 'local';
  if (needsPath && !given.path) return [required(`${here}.path`)];
  switch (source) {
    case 'hostPath':
      return validateHostPath(given, here);
    case 'nfs':
      return validateNfs(given, here);
    case 'local':
      return String(given.path).split('/').includes('..')
        ? [invalid(`${here}.path`, given.path, "must not contain '..'")]
        : [];
    default:
      return [];
  }
}

function isDefault(annotations: unknown): boolean {
  return fieldsOf(annotations)['storageclass.kubernetes.io/is-default-class'] === 'true';
}
