/** `metadata` of every kind: what is refused, and in which words (apimachinery, pkg/api/validation/objectmeta.go). */
import { forbidden, invalid, invalids, required, tooLong } from './field-errors.ts';
import { type Fields, fieldsOf, isSame, listOf, sortedEntries, valuesOf } from './json.ts';
import type { FieldError, KubeObject } from './kind.ts';
import { validateLabels } from './label-selectors.ts';
import { labelName, type NameRule, pathSegmentName, qualifiedNameMessages } from './names.ts';

/** All annotations of an object together, keys and values, in bytes. */
const annotationsLimit = 256 * 1024;

interface MetaRules {
  namespaced: boolean;
  nameRule: NameRule;
}

/** On creation, after a name has been generated. `path` is `metadata`. [SPEC C44] */
export function validateObjectMeta(draft: KubeObject, { namespaced, nameRule }: MetaRules): FieldError[] {
  const meta = fieldsOf(draft.metadata);
  const errors: FieldError[] = [];
  const { name, generateName, namespace } = meta;
  if (generateName)
    errors.push(...invalids('metadata.generateName', generateName, nameRule(String(generateName), true)));
  if (!name) errors.push(required('metadata.name', 'name or generateName is required'));
  else errors.push(...invalids('metadata.name', name, nameRule(String(name), false)));
  if (namespaced) {
    if (!namespace) errors.push(required('metadata.namespace'));
    else errors.push(...invalids('metadata.namespace', namespace, labelName(String(namespace), false)));
  } else if (namespace) {
    errors.push(forbidden('metadata.namespace', 'not allowed on this type'));
  }
  errors.push(
    ...validateLabels(meta.labels, 'metadata.labels'),
    ...validateAnnotations(meta.annotations, 'metadata.annotations'),
    ...validateOwnerReferences(meta.ownerReferences),
    ...validateFinalizers(meta.finalizers),
  );
  return errors;
}

/**
 * What the kind itself asks of `metadata` on an update. The fields that only the server sets (creationTimestamp,
 * deletionTimestamp, generation, …) are kept by the server and are not looked at here.
 */
export function validateObjectMetaUpdate(draft: KubeObject, old: KubeObject): FieldError[] {
  const meta = fieldsOf(draft.metadata);
  const before = fieldsOf(old.metadata);
  const errors: FieldError[] = [];
  if (before.deletionTimestamp) {
    const known = new Set(valuesOf(before.finalizers));
    const added = valuesOf(meta.finalizers).filter((finalizer) => !known.has(finalizer));
    if (added.length > 0) {
      const list = [...new Set(added)].sort().map((finalizer) => JSON.stringify(finalizer));
      errors.push(
        forbidden(
          'metadata.finalizers',
          `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list.join(', ')}}`,
        ),
      );
    }
  }
  for (const field of ['name', 'namespace', 'uid']) {
    if (!isSame(meta[field], before[field])) {
      errors.push(invalid(`metadata.${field}`, meta[field] ?? '', immutableText));
    }
  }
  errors.push(
    ...validateLabels(meta.labels, 'metadata.labels'),
    ...validateAnnotations(meta.annotations, 'metadata.annotations'),
    ...validateOwnerReferences(meta.ownerReferences),
  );
  return errors;
}

/** What the server asks of every update before the kind is asked (apiserver, registry/rest/update.go BeforeUpdate). */
export function validateCommonUpdate(draft: KubeObject, old: KubeObject, namespaced: boolean): FieldError[] {
  return [
    ...validateObjectMeta(draft, { namespaced, nameRule: pathSegmentName }),
    ...validateObjectMetaUpdate(draft, old),
  ];
}

export const immutableText = 'field is immutable';

/** A field that stays what it was. `printed` is the value as the error shows it. */
export function validateImmutable(
  field: string,
  value: unknown,
  before: unknown,
  printed: unknown = value ?? null,
): FieldError[] {
  return isSame(value, before) ? [] : [invalid(field, printed, immutableText)];
}

/** The changed fields, old and new, a line each: what the real one shows as a diff of its own structures. */
export function describeChange(
  before: Fields,
  after: Fields,
  fields: readonly string[] = [...new Set([...Object.keys(before), ...Object.keys(after)])],
): string {
  const line = (key: string, value: unknown): string => `"${key}": ${JSON.stringify(value ?? null)}`;
  return [...fields]
    .sort()
    .filter((key) => !isSame(before[key], after[key]))
    .flatMap((key) => [`- ${line(key, before[key])}`, `+ ${line(key, after[key])}`])
    .join('\n');
}

/** Keys are qualified names in any case; 256 KiB together. */
export function validateAnnotations(annotations: unknown, path: string): FieldError[] {
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const [key, value] of sortedEntries(annotations)) {
    errors.push(...invalids(path, key, qualifiedNameMessages(key.toLowerCase())));
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > annotationsLimit) errors.push(tooLong(path, annotationsLimit));
  return errors;
}

function validateOwnerReferences(references: unknown): FieldError[] {
  const path = 'metadata.ownerReferences';
  const errors: FieldError[] = [];
  let controller: string | undefined;
  for (const reference of listOf(references)) {
    const { apiVersion = '', kind = '', name = '', uid = '' } = reference;
    const version = String(apiVersion).split('/').at(-1) ?? '';
    if (version === '') errors.push(invalid(`${path}.apiVersion`, apiVersion, 'version must not be empty'));
    if (kind === '') errors.push(invalid(`${path}.kind`, kind, 'must not be empty'));
    if (name === '') errors.push(invalid(`${path}.name`, name, 'must not be empty'));
    if (uid === '') errors.push(invalid(`${path}.uid`, uid, 'must not be empty'));
    if (apiVersion === 'v1' && kind === 'Event') {
      errors.push(invalid(path, reference, '/v1, Kind=Event is disallowed from being an owner'));
    }
    if (reference.controller !== true) continue;
    const current = `${kind}/${name}`;
    if (controller === undefined) controller = current;
    else {
      errors.push(
        invalid(
          path,
          references,
          `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${current}`,
        ),
      );
    }
  }
  return errors;
}

function validateFinalizers(finalizers: unknown): FieldError[] {
  const path = 'metadata.finalizers';
  const names = valuesOf(finalizers);
  const errors = names.flatMap((name) => invalids(path, name, qualifiedNameMessages(name)));
  if (names.includes('orphan') && names.includes('foregroundDeletion')) {
    errors.push(invalid(path, names, 'finalizer orphan and foregroundDeletion cannot be both set'));
  }
  return errors;
}

/** Finalizers of the API server itself; any other must carry a domain. */
const standardFinalizers: ReadonlySet<string> = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

/** What kubernetes' own validation adds to that of apimachinery, for most kinds (core/validation ValidateObjectMeta). */
export function validateKubeFinalizers(draft: KubeObject): FieldError[] {
  return valuesOf(fieldsOf(draft.metadata).finalizers).flatMap((name, index) =>
    validateKubeFinalizer(name, `metadata.finalizers[${index}]`),
  );
}

export function validateKubeFinalizer(name: string, path: string): FieldError[] {
  return name.includes('/') || standardFinalizers.has(name)
    ? []
    : [invalid(path, name, 'name is neither a standard finalizer name nor is it fully qualified')];
}
