/** `spec.volumes` of a pod, alone or in a template (core/validation ValidateVolumes). */
import { validateFieldRef, validateResourceRef } from './container-validation.ts';
import { duplicate, forbidden, invalid, invalids, required, unsupported } from './field-errors.ts';
import { type Fields, fieldsOf, isFields, listOf } from './json.ts';
import type { FieldError } from './kind.ts';
import { dnsLabelMessages } from './names.ts';
import { quantityOf } from './quantity.ts';
import { validateUnreservedPath } from './relative-path.ts';

/** `spec.volumes`: their names are unique labels, each has at most one source. @returns the names that are good, too. */
export function validateVolumes(
  volumes: readonly Fields[],
  path: string,
): { errors: FieldError[]; names: ReadonlySet<string> } {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  for (const [index, volume] of volumes.entries()) {
    const here = `${path}[${index}]`;
    const name = String(volume.name ?? '');
    const found = validateVolumeSource(volume, here);
    if (name === '') found.push(required(`${here}.name`));
    else found.push(...invalids(`${here}.name`, name, dnsLabelMessages(name)));
    if (names.has(name)) found.push(duplicate(`${here}.name`, name));
    if (found.length === 0) names.add(name);
    errors.push(...found);
  }
  return { errors, names };
}

/** The field that the commonest sources cannot do without. */
const neededOfSource: Readonly<Record<string, string>> = {
  secret: 'secretName',
  configMap: 'name',
  hostPath: 'path',
  persistentVolumeClaim: 'claimName',
};

const modeText = 'must be a number between 0 and 0777 (octal), both inclusive';

function validateVolumeSource(volume: Fields, path: string): FieldError[] {
  const sources = Object.keys(volume).filter((key) => key !== 'name' && isFields(volume[key]));
  return sources.flatMap((source, index) => {
    if (index > 0) return [forbidden(`${path}.${source}`, 'may not specify more than 1 volume type')];
    const here = `${path}.${source}`;
    const given = fieldsOf(volume[source]);
    const needed = neededOfSource[source];
    if (needed !== undefined && !given[needed]) return [required(`${here}.${needed}`)];
    switch (source) {
      case 'hostPath':
        return validateHostPath(given, here);
      case 'nfs':
        return validateNfs(given, here);
      case 'emptyDir':
        return given.sizeLimit !== undefined && quantityOf(given.sizeLimit).nanos < 0n
          ? [forbidden(`${here}.sizeLimit`, 'SizeLimit field must be a valid resource quantity')]
          : [];
      case 'downwardAPI':
        return [
          ...validateMode(given.defaultMode, `${here}.defaultMode`),
          // Sic: all of them under one path.
          ...listOf(given.items).flatMap((item) => validateDownwardFile(item, here)),
        ];
      case 'secret':
      case 'configMap':
        return [
          ...validateMode(given.defaultMode, `${here}.defaultMode`),
          ...listOf(given.items).flatMap((item, at) => validateKeyToPath(item, `${here}.items[${at}]`)),
        ];
      default:
        return validateMode(given.defaultMode, `${here}.defaultMode`);
    }
  });
}

function validateMode(mode: unknown, path: string): FieldError[] {
  return typeof mode === 'number' && (mode < 0 || mode > 0o777) ? [invalid(path, mode, modeText)] : [];
}

const hostPathTypes = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];

/** Of a volume of a pod or of the cluster; its path is there. */
export function validateHostPath({ path: given, type }: Fields, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (String(given).split('/').includes('..')) errors.push(invalid(`${path}.path`, given, "must not contain '..'"));
  if (type !== undefined && !hostPathTypes.includes(type)) {
    errors.push(unsupported(`${path}.type`, type, hostPathTypes));
  }
  return errors;
}

/** Of a volume of a pod or of the cluster. */
export function validateNfs({ server, path: given = '' }: Fields, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!server) errors.push(required(`${path}.server`));
  if (given === '') errors.push(required(`${path}.path`));
  if (!String(given).startsWith('/')) errors.push(invalid(`${path}.path`, given, 'must be an absolute path'));
  return errors;
}

/** What of a pod can be read from a file, a single label or annotation aside. */
const fileFieldPaths = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
];

function validateDownwardFile(file: Fields, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!file.path) errors.push(required(`${path}.path`));
  errors.push(...validateUnreservedPath(String(file.path ?? ''), `${path}.path`));
  const { fieldRef, resourceFieldRef } = file;
  if (isFields(fieldRef)) {
    errors.push(...validateFieldRef(fieldRef, `${path}.fieldRef`, fileFieldPaths));
    if (isFields(resourceFieldRef)) {
      errors.push(invalid(path, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
    }
  } else if (isFields(resourceFieldRef)) {
    const here = `${path}.resourceFieldRef`;
    if (resourceFieldRef.containerName) errors.push(...validateResourceRef(resourceFieldRef, here));
    else errors.push(required(`${here}.containerName`));
  } else errors.push(required(path, 'one of fieldRef and resourceFieldRef is required'));
  return [...errors, ...validateMode(file.mode, `${path}.mode`)];
}

function validateKeyToPath({ key, path: given, mode }: Fields, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!key) errors.push(required(`${path}.key`));
  if (!given) errors.push(required(`${path}.path`));
  errors.push(...validateUnreservedPath(String(given ?? ''), `${path}.path`));
  return [...errors, ...validateMode(mode, `${path}.mode`)];
}
