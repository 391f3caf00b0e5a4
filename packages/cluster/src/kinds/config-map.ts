/** v1 ConfigMap. */
import { ageOf } from './ages.ts';
import { defineKind } from './define-kind.ts';
import { forbidden, invalid, invalids } from './field-errors.ts';
import { fieldsOf, isSame, sortedEntries } from './json.ts';
import type { FieldError, KubeObject } from './kind.ts';
import { configKeyMessages } from './names.ts';
import { ageColumn, column, nameColumn } from './shape.ts';

/** Values of a ConfigMap or Secret together, in bytes. */
export const maxDataBytes = 1_048_576;
const fixedText = 'field is immutable when `immutable` is set';

export const configMap = defineKind({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  shortNames: ['cm'],
  namespaced: true,
  schema: 'V1ConfigMap',
  revalidatesMetadata: true,
  validate: (draft) => {
    const errors: FieldError[] = [];
    let bytes = 0;
    for (const [key, value] of sortedEntries(draft.data)) {
      errors.push(...invalids(`data[${key}]`, key, configKeyMessages(key)));
      if (Object.hasOwn(fieldsOf(draft.binaryData), key)) {
        errors.push(invalid(`data[${key}]`, key, 'duplicate of key present in binaryData'));
      }
      bytes += Buffer.byteLength(value);
    }
    for (const [key, value] of sortedEntries(draft.binaryData)) {
      errors.push(...invalids(`binaryData[${key}]`, key, configKeyMessages(key)));
      bytes += decodedBytes(value);
    }
    if (bytes > maxDataBytes) {
      // Sic: the whole object is named so.
      errors.push({ field: '[]', type: 'Too long', detail: `may not be more than ${maxDataBytes} bytes` });
    }
    return errors;
  },
  validateChange: (draft, old) => validateImmutableData(draft, old, ['data', 'binaryData']),
  columns: [
    nameColumn,
    column(
      'Data',
      'string',
      "Data contains the configuration data. Each key must consist of alphanumeric characters, '-', '_' or '.'. Values with non-UTF-8 byte sequences must use the BinaryData field. The keys stored in Data must not overlap with the keys in the BinaryData field, this is enforced during validation process.",
    ),
    ageColumn,
  ],
  row: ({ metadata, data, binaryData }, now) => [
    metadata.name,
    Object.keys(fieldsOf(data)).length + Object.keys(fieldsOf(binaryData)).length,
    ageOf(metadata.creationTimestamp, now),
  ],
});

/** The size of what the base64 text stands for. */
export function decodedBytes(base64: string): number {
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0;
  return Math.max(0, Math.floor((base64.length * 3) / 4) - padding);
}

/** `immutable: true` holds the data, and itself. */
export function validateImmutableData(draft: KubeObject, old: KubeObject, fields: readonly string[]): FieldError[] {
  if (old.immutable !== true) return [];
  const errors = draft.immutable === true ? [] : [forbidden('immutable', fixedText)];
  for (const field of fields) if (!isSame(draft[field], old[field])) errors.push(forbidden(field, fixedText));
  return errors;
}
