/** v1 Secret. */
import { ownValue } from '../json.ts';
import { ageOf } from './ages.ts';
import { decodedBytes, maxDataBytes, validateImmutableData } from './config-map.ts';
import { defineKind } from './define-kind.ts';
import { invalid, invalids, required, tooLong } from './field-errors.ts';
import { mapComplaint } from './go-json.ts';
import { type Fields, fieldsOf, isFields, sortedEntries } from './json.ts';
import type { FieldError } from './kind.ts';
import { configKeyMessages } from './names.ts';
import { validateImmutable } from './object-meta.ts';
import { ageColumn, column, nameColumn } from './shape.ts';

const accountAnnotation = 'kubernetes.io/service-account.name';
/** The key whose value must be a JSON object. */
const registryKeys: Readonly<Record<string, string>> = {
  'kubernetes.io/dockercfg': '.dockercfg',
  'kubernetes.io/dockerconfigjson': '.dockerconfigjson',
};

export const secret = defineKind({
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  namespaced: true,
  schema: 'V1Secret',
  revalidatesMetadata: true,
  defaults: (draft) => {
    draft.type ||= 'Opaque';
    if (!isFields(draft.stringData)) return;
    const data = fieldsOf(draft.data);
    for (const [key, value] of sortedEntries(draft.stringData)) data[key] = Buffer.from(value).toString('base64');
    draft.data = data;
    delete draft.stringData;
  },
  validate: (draft) => {
    const errors: FieldError[] = [];
    let bytes = 0;
    for (const [key, value] of sortedEntries(draft.data)) {
      errors.push(...invalids(`data[${key}]`, key, configKeyMessages(key)));
      bytes += decodedBytes(value);
    }
    if (bytes > maxDataBytes) errors.push(tooLong('data', maxDataBytes));
    if (draft.type === 'kubernetes.io/service-account-token' && !draft.metadata.annotations?.[accountAnnotation]) {
      errors.push(required(`metadata.annotations[${accountAnnotation}]`));
    }
    return [...errors, ...validateKeys(String(draft.type), fieldsOf(draft.data))];
  },
  validateChange: (draft, old) => [
    ...validateImmutable('type', draft.type, old.type),
    ...validateImmutableData(draft, old, ['data']),
  ],
  fieldSelectors: { type: ({ type }) => String(type ?? '') },
  columns: [
    nameColumn,
    column(
      'Type',
      'string',
      'Used to facilitate programmatic handling of secret data. More info: https://kubernetes.io/docs/concepts/configuration/secret/#secret-types',
    ),
    column(
      'Data',
      'string',
      "Data contains the secret data. Each key must consist of alphanumeric characters, '-', '_' or '.'. The serialized form of the secret data is a base64 encoded string, representing the arbitrary (possibly non-string) data value here. Described in https://tools.ietf.org/html/rfc4648#section-4",
    ),
    ageColumn,
  ],
  row: ({ metadata, type, data }, now) => [
    metadata.name,
    type ?? '',
    Object.keys(fieldsOf(data)).length,
    ageOf(metadata.creationTimestamp, now),
  ],
});

/** What a type that Kubernetes knows cannot do without. */
function validateKeys(type: string, data: Fields): FieldError[] {
  const lacking = (...keys: readonly string[]): FieldError[] =>
    keys.filter((key) => !Object.hasOwn(data, key)).map((key) => required(`data[${key}]`));
  switch (type) {
    case 'kubernetes.io/tls':
      return lacking('tls.crt', 'tls.key');
    case 'kubernetes.io/ssh-auth':
      return data['ssh-privatekey'] ? [] : [required('data[ssh-privatekey]')];
    case 'kubernetes.io/basic-auth': {
      const errors = lacking('username', 'password');
      return errors.length < 2 ? [] : errors;
    }
    default: {
      const key = ownValue(registryKeys, type);
      if (key === undefined) return [];
      if (!Object.hasOwn(data, key)) return lacking(key);
      const complaint = mapComplaint(Buffer.from(String(data[key]), 'base64').toString());
      return complaint === undefined ? [] : [invalid(`data[${key}]`, '<secret contents redacted>', complaint)];
    }
  }
}
