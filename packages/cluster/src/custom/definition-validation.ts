/** What is refused of a definition, and in which words (apiextensions-apiserver, pkg/apis/apiextensions/validation). */
import { equal } from '../json.ts';
import { forbidden, invalid, invalids, required, tooMany, unsupported } from '../kinds/field-errors.ts';
import { type Fields, fieldsOf, isFields, listOf, valuesOf } from '../kinds/json.ts';
import type { FieldError, KubeObject } from '../kinds/kind.ts';
import { dns1035Name, dnsSubdomainMessages } from '../kinds/names.ts';
import { validateImmutable } from '../kinds/object-meta.ts';
import { parseJsonPath } from './json-path.ts';
import { fieldSchema, type Schema } from './schema.ts';
import { mentionsRules, validateSchema } from './schema-validation.ts';

const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string'];
const COLUMN_FORMATS = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];
const APPROVED = 'api-approved.kubernetes.io';
const PROTECTED = /(?:^|\.)(?:k8s|kubernetes)\.io$/;

/** Everything but `metadata`, which is checked as every kind's is; its name, though, must be what the names say. */
export function validateDefinition(draft: KubeObject, old?: KubeObject): FieldError[] {
  const spec = fieldsOf(draft.spec);
  const names = fieldsOf(spec.names);
  const errors: FieldError[] = [];
  const { name } = draft.metadata;
  if (old === undefined && name !== undefined && name !== '' && name !== `${names.plural ?? ''}.${spec.group ?? ''}`) {
    errors.push(invalid('metadata.name', name, 'must be spec.names.plural+"."+spec.group'));
  }
  errors.push(...validateGroup(spec.group));
  if (!spec.scope) errors.push(required('spec.scope'));
  else if (spec.scope !== 'Cluster' && spec.scope !== 'Namespaced') {
    errors.push(unsupported('spec.scope', spec.scope, ['Cluster', 'Namespaced']));
  }
  errors.push(...validateVersions(spec));
  for (const field of ['plural', 'singular', 'kind', 'listKind']) {
    if (!names[field]) errors.push(required(`spec.names.${field}`));
  }
  errors.push(...validateNames(names));
  const shared = sharedOf(spec);
  errors.push(
    ...validateSchema(shared.schema, 'spec.validation.openAPIV3Schema'),
    ...validateSubresources(shared.subresources, 'spec.subresources'),
    ...validateColumns(shared.additionalPrinterColumns, 'spec.additionalPrinterColumns'),
    ...validateSelectable(shared.selectableFields, shared.schema, 'spec.selectableFields'),
    ...validateConversion(fieldsOf(spec.conversion)),
    ...validateStored(draft),
  );
  if (PROTECTED.test(String(spec.group ?? '')) && !draft.metadata.annotations?.[APPROVED]) {
    const text = `protected groups must have approval annotation "${APPROVED}", see https://github.com/kubernetes/enhancements/pull/1111`;
    errors.push(required(`metadata.annotations[${APPROVED}]`, text));
  }
  if (spec.preserveUnknownFields === true) {
    const text =
      'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead';
    errors.push(invalid('spec.preserveUnknownFields', true, text));
  }
  return errors;
}

/** What stays once the names are given. */
export function validateDefinitionChange(draft: KubeObject, old: KubeObject): FieldError[] {
  const errors = validateImmutable('spec.group', draft.spec?.group, old.spec?.group);
  const isEstablished = listOf(old.status?.conditions).some(
    (one) => one.type === 'Established' && one.status === 'True',
  );
  if (isEstablished) {
    errors.push(
      ...validateImmutable('spec.scope', draft.spec?.scope, old.spec?.scope),
      ...validateImmutable('spec.names.kind', draft.spec?.names?.kind, old.spec?.names?.kind),
    );
  }
  errors.push(...validateImmutable('spec.names.plural', draft.spec?.names?.plural, old.spec?.names?.plural));
  return errors;
}

/** What is taken and not done here. */
export function warningsOf({ spec }: KubeObject): string[] {
  const schemas = listOf(spec?.versions).map((one) => fieldsOf(fieldsOf(one.schema).openAPIV3Schema));
  const warnings: string[] = [];
  if (schemas.some(mentionsRules)) {
    warnings.push(
      'the embedded cluster does not evaluate x-kubernetes-validations (CEL): such rules refuse nothing here',
    );
  }
  if (spec?.conversion?.strategy === 'Webhook') {
    warnings.push('the embedded cluster calls no conversion webhooks: versions differ in their apiVersion only');
  }
  return warnings;
}

function validateGroup(group: unknown): FieldError[] {
  if (typeof group !== 'string' || group === '') return [required('spec.group')];
  const messages = dnsSubdomainMessages(group);
  if (messages.length > 0) return [invalid('spec.group', group, messages.join(','))];
  return group.includes('.') ? [] : [invalid('spec.group', group, 'should be a domain with at least one dot')];
}

interface Shared {
  readonly schema: Schema | undefined;
  readonly subresources: unknown;
  readonly additionalPrinterColumns: unknown;
  readonly selectableFields: unknown;
}

/** What all versions say alike is spoken of once, above them: so does a real server, whose own type has it there. */
function sharedOf(spec: Fields): Shared {
  const versions = listOf(spec.versions);
  const common = (of: (version: Fields) => unknown): unknown => {
    const [first, ...rest] = versions.map(of);
    return rest.every((one) => equal(one, first)) ? first : undefined;
  };
  return {
    schema: schemaFields(common((one) => fieldsOf(one.schema).openAPIV3Schema)),
    subresources: common((one) => one.subresources),
    additionalPrinterColumns: common((one) => one.additionalPrinterColumns),
    selectableFields: common((one) => one.selectableFields),
  };
}

function schemaFields(schema: unknown): Schema | undefined {
  return isFields(schema) ? schema : undefined;
}

function validateVersions(spec: Fields): FieldError[] {
  const errors: FieldError[] = [];
  const versions = listOf(spec.versions);
  const shared = sharedOf(spec);
  for (const [index, version] of versions.entries()) {
    if (!isFields(fieldsOf(version.schema).openAPIV3Schema)) {
      errors.push(required(`spec.versions[${index}].schema.openAPIV3Schema`));
    }
  }
  for (const [index, version] of versions.entries()) {
    const path = `spec.versions[${index}]`;
    const messages = dns1035Name(String(version.name ?? ''), false);
    if (messages.length > 0) errors.push(invalid(`${path}.name`, version.name ?? '', messages.join(',')));
    if (shared.schema === undefined) {
      errors.push(
        ...validateSchema(schemaFields(fieldsOf(version.schema).openAPIV3Schema), `${path}.schema.openAPIV3Schema`),
      );
    }
    if (shared.subresources === undefined) {
      errors.push(...validateSubresources(version.subresources, `${path}.subresources`));
    }
    if (shared.additionalPrinterColumns === undefined) {
      errors.push(...validateColumns(version.additionalPrinterColumns, `${path}.additionalPrinterColumns`));
    }
    if (shared.selectableFields === undefined) {
      const schema = schemaFields(fieldsOf(version.schema).openAPIV3Schema);
      errors.push(...validateSelectable(version.selectableFields, schema, `${path}.selectableFields`));
    }
  }
  const printed = Array.isArray(spec.versions) ? versions.map((one) => printedVersion(one, shared)) : null;
  const names = versions.map((one) => one.name);
  if (new Set(names).size < names.length) {
    errors.push(invalid('spec.versions', printed, 'must contain unique version names'));
  }
  if (versions.filter((one) => one.storage === true).length !== 1) {
    errors.push(invalid('spec.versions', printed, 'must have exactly one version marked as storage version'));
  }
  if (versions.length > 0) {
    const [first] = names;
    const messages = dns1035Name(String(first ?? ''), false);
    if (messages.length > 0) errors.push(invalid('spec.version', first ?? '', messages.join(',')));
  }
  return errors;
}

/** As Go prints the internal type. */
function printedVersion(version: Fields, shared: Shared): unknown {
  return {
    Name: version.name ?? '',
    Served: version.served === true,
    Storage: version.storage === true,
    Deprecated: version.deprecated === true,
    DeprecationWarning: version.deprecationWarning ?? null,
    Schema: shared.schema === undefined ? (version.schema ?? null) : null,
    Subresources: shared.subresources === undefined ? (version.subresources ?? null) : null,
    AdditionalPrinterColumns:
      shared.additionalPrinterColumns === undefined ? (version.additionalPrinterColumns ?? null) : null,
    SelectableFields: shared.selectableFields === undefined ? (version.selectableFields ?? null) : null,
  };
}

function validateNames(names: Fields): FieldError[] {
  const errors: FieldError[] = [];
  const label = (field: string, value: unknown, start = '', text = String(value ?? '')): void => {
    if (text === '') return;
    const messages = dns1035Name(start === '' ? text : text.toLowerCase(), false);
    if (messages.length > 0) errors.push(invalid(`spec.names.${field}`, value, `${start}${messages.join(',')}`));
  };
  const mixed = 'may have mixed case, but should otherwise match: ';
  label('plural', names.plural);
  label('singular', names.singular);
  label('kind', names.kind, mixed);
  label('listKind', names.listKind, mixed);
  for (const [index, name] of valuesOf(names.shortNames).entries()) label(`shortNames[${index}]`, name);
  if (names.kind && names.kind === names.listKind) {
    errors.push(invalid('spec.names.listKind', names.listKind, 'kind and listKind may not be the same'));
  }
  for (const [index, name] of valuesOf(names.categories).entries()) label(`categories[${index}]`, name);
  return errors;
}

function simplePath(value: string, path: string): FieldError[] {
  if (!value.startsWith('.')) return [invalid(path, value, 'must be a simple json path starting with .')];
  return parseJsonPath(value) === undefined ? [invalid(path, value, 'must be a valid json path expression')] : [];
}

function validateSubresources(subresources: unknown, path: string): FieldError[] {
  const { scale } = fieldsOf(subresources);
  if (!isFields(scale)) return [];
  const errors: FieldError[] = [];
  const under = (field: string, root: string): void => {
    const at = `${path}.scale.${field}`;
    const value = String(scale[field] ?? '');
    if (value === '') errors.push(required(at));
    else {
      const complaints = simplePath(value, at);
      if (complaints.length > 0) errors.push(...complaints);
      else if (!value.startsWith(`${root}.`)) errors.push(invalid(at, value, `should be a json path under ${root}`));
    }
  };
  under('specReplicasPath', '.spec');
  under('statusReplicasPath', '.status');
  const { labelSelectorPath } = scale;
  if (typeof labelSelectorPath === 'string' && labelSelectorPath !== '') {
    const at = `${path}.scale.labelSelectorPath`;
    const complaints = simplePath(labelSelectorPath, at);
    if (complaints.length > 0) errors.push(...complaints);
    else if (!/^\.(?:spec|status)\./.test(labelSelectorPath)) {
      errors.push(invalid(at, labelSelectorPath, 'should be a json path under either .spec or .status'));
    }
  }
  return errors;
}

function validateColumns(columns: unknown, path: string): FieldError[] {
  return listOf(columns).flatMap(({ name, type, format, jsonPath }, index) => {
    const errors: FieldError[] = [];
    const at = `${path}[${index}]`;
    const types = `must be one of ${COLUMN_TYPES.join(',')}`;
    if (!name) errors.push(required(`${at}.name`));
    if (!type) errors.push(required(`${at}.type`, types));
    else if (!COLUMN_TYPES.includes(type)) errors.push(invalid(`${at}.type`, type, types));
    if (format && !COLUMN_FORMATS.includes(format)) {
      errors.push(invalid(`${at}.format`, format, `must be one of ${COLUMN_FORMATS.join(',')}`));
    }
    if (!jsonPath) errors.push(required(`${at}.JSONPath`));
    else errors.push(...simplePath(String(jsonPath), `${at}.JSONPath`));
    return errors;
  });
}

const MAX_SELECTABLE = 8;

function validateSelectable(fields: unknown, schema: Schema | undefined, path: string): FieldError[] {
  const list = listOf(fields);
  const errors: FieldError[] = [];
  if (list.length > MAX_SELECTABLE) {
    errors.push(tooMany(path, list.length, MAX_SELECTABLE));
  }
  for (const [index, { jsonPath }] of list.entries()) {
    const at = `${path}[${index}].jsonPath`;
    const text = String(jsonPath ?? '');
    if (text === '') {
      errors.push(required(at));
      continue;
    }
    const steps = text.startsWith('.') ? parseJsonPath(text) : undefined;
    let found = schema;
    for (const step of steps ?? []) {
      found = found !== undefined && step.kind === 'field' ? fieldSchema(found, step.name) : undefined;
    }
    if (steps === undefined || found === undefined || steps.length === 0) {
      errors.push(invalid(at, text, 'is an invalid path: does not refer to a valid field'));
    } else if (!['string', 'boolean', 'integer'].includes(String(found.type))) {
      errors.push(
        invalid(
          at,
          text,
          'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
        ),
      );
    }
  }
  return errors;
}

function validateConversion(conversion: Fields): FieldError[] {
  const { strategy, webhook } = conversion;
  if (strategy !== 'None' && strategy !== 'Webhook') {
    return [unsupported('spec.conversion.strategy', strategy, ['None', 'Webhook'])];
  }
  const { clientConfig, conversionReviewVersions } = fieldsOf(webhook);
  const client = 'spec.conversion.webhookClientConfig';
  const reviews = 'spec.conversion.conversionReviewVersions';
  const errors: FieldError[] = [];
  if (strategy === 'Webhook') {
    if (clientConfig === undefined) errors.push(required(client, 'required when strategy is set to Webhook'));
    if (valuesOf(conversionReviewVersions).length === 0) errors.push(required(reviews));
  } else {
    const text = 'should not be set when strategy is not set to Webhook';
    if (clientConfig !== undefined) errors.push(forbidden(client, text));
    if (valuesOf(conversionReviewVersions).length > 0) errors.push(forbidden(reviews, text));
  }
  return errors;
}

function validateStored({ spec, status }: KubeObject): FieldError[] {
  const path = 'status.storedVersions';
  const stored = valuesOf(status?.storedVersions);
  if (stored.length === 0)
    return [invalid(path, status?.storedVersions ?? null, 'must have at least one stored version')];
  const versions = listOf(spec?.versions);
  const errors = stored.flatMap((name, index) =>
    versions.some((one) => one.name === name)
      ? []
      : invalids(`${path}[${index}]`, name, [
          `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`,
        ]),
  );
  for (const { name, storage } of versions) {
    if (storage === true && !stored.includes(name)) {
      errors.push(invalid(path, stored, `must have the storage version ${name}`));
    }
  }
  return errors;
}
