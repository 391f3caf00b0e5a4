/**
 * From a definition to the kinds that it stands for, one a served version. With `conversion: None` a version is the same object under
 * another apiVersion: what is written is cut to the stored version's schema, what is read gets its defaults and the asked version's cut.
 */
import { clone, equal } from '../json.ts';
import { ageOf } from '../kinds/ages.ts';
import { invalid } from '../kinds/field-errors.ts';
import { type Fields, fieldsOf, listOf, valuesOf } from '../kinds/json.ts';
import type { Column, FieldError, Kind, KubeObject, ScalePaths, StoredAs, Subresource, Verb } from '../kinds/kind.ts';
import { subdomainName } from '../kinds/names.ts';
import { validateCommonUpdate, validateObjectMeta, validateObjectMetaUpdate } from '../kinds/object-meta.ts';
import { ageColumn, nameColumn, scaleSubresource, statusSubresource } from '../kinds/shape.ts';
import { forbidden } from '../status.ts';
import { findFirst, type JsonPath, parseJsonPath } from './json-path.ts';
import { applyDefaults, prune } from './prune.ts';
import { ENVELOPE, fieldSchema, type Schema } from './schema.ts';
import { validateValue } from './validate.ts';
import { byPriority } from './versions.ts';

/** As a real server lists them. */
const VERBS: Verb[] = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];

interface Version {
  readonly name: string;
  readonly schema: Schema;
  readonly given: Fields;
}

/**
 * The served versions, the preferred one first; none where the definition is not established.
 *
 * @param isEnding  whether the definition is being deleted by now: nothing of it is made any more then
 */
export function kindsOf(definition: KubeObject, isEnding: () => boolean): Kind[] {
  const { spec, status } = definition;
  const isEstablished = listOf(status?.conditions).some((one) => one.type === 'Established' && one.status === 'True');
  if (!isEstablished) return [];
  const versions: Version[] = listOf(spec?.versions).map((given) => ({
    name: String(given.name),
    schema: fieldsOf(fieldsOf(given.schema).openAPIV3Schema),
    given,
  }));
  const stored = versions.find(({ given }) => given.storage === true) ?? versions[0];
  if (stored === undefined) return [];
  const served = versions.filter(({ given }) => given.served === true);
  served.sort((a, b) => byPriority(a.name, b.name));
  const shared = { definition, isEnding, versions, stored, served };
  return served.map((version) => kindOf(version, shared));
}

interface Shared {
  readonly definition: KubeObject;
  readonly isEnding: () => boolean;
  readonly versions: readonly Version[];
  readonly stored: Version;
  readonly served: readonly Version[];
}

function kindOf(version: Version, shared: Shared): Kind {
  const { spec, status } = shared.definition;
  const names = fieldsOf(status?.acceptedNames);
  const group = String(spec.group);
  const namespaced = spec.scope === 'Namespaced';
  const own = { group, version: version.name, kind: String(names.kind), plural: String(names.plural) };
  const { schema, given } = version;
  const hasStatus = fieldsOf(given.subresources).status !== undefined;
  const scale = scaleOf(fieldsOf(given.subresources).scale);
  const subresources: Subresource[] = [
    ...(hasStatus ? [statusSubresource(own)] : []),
    ...(scale === undefined ? [] : [scaleSubresource]),
  ];
  const rules = { namespaced, nameRule: subdomainName };
  const ofObject = (draft: KubeObject): FieldError[] => [
    ...validateValue(withoutMetadata(draft), schema),
    ...(scale === undefined ? [] : checkReplicas(draft, scale)),
  ];
  const changed = (draft: KubeObject, old: KubeObject): FieldError[] => ofObject(draft).filter(isNew(draft, old));
  return {
    ...own,
    singular: String(names.singular ?? ''),
    ...(valuesOf(names.shortNames).length === 0 ? {} : { shortNames: valuesOf(names.shortNames) }),
    ...(valuesOf(names.categories).length === 0 ? {} : { categories: valuesOf(names.categories) }),
    namespaced,
    verbs: VERBS,
    subresources,
    schema: '',
    hasGeneration: true,
    allowsUnconditionalUpdate: false,
    custom: {
      schema,
      prune: (raw) => {
        const unknown: string[] = [];
        const fields = prune(raw, schema, unknown) as Record<string, unknown>;
        return { fields, unknown: unknown.sort() };
      },
      ...(scale === undefined ? {} : { scale }),
    },
    ...warningOf(version, shared, own),
    storedAs: storedAs(version, shared, own),
    defaults: (draft) => applyDefaults(draft, schema),
    prepareCreate: (draft) => {
      if (shared.isEnding()) {
        const name = draft.metadata.name ?? '';
        throw forbidden(own, name, 'create not allowed while custom resource definition is terminating');
      }
      if (hasStatus) delete draft.status;
    },
    prepareStatusUpdate: (draft, old) => {
      for (const field of ['labels', 'annotations', 'finalizers', 'ownerReferences']) {
        if (old.metadata[field] === undefined) delete draft.metadata[field];
        else draft.metadata[field] = old.metadata[field];
      }
    },
    bumpsGeneration: (draft, old) =>
      [...new Set([...Object.keys(draft), ...Object.keys(old)])].some(
        (key) => !ENVELOPE.has(key) && !(hasStatus && key === 'status') && !equal(draft[key], old[key]),
      ),
    validateCreate: (draft) => [...validateObjectMeta(draft, rules), ...ofObject(draft)],
    validateUpdate: (draft, old) => [
      ...validateCommonUpdate(draft, old, namespaced),
      ...validateObjectMetaUpdate(draft, old),
      ...changed(draft, old),
    ],
    validateStatusUpdate: (draft, old) => [
      ...validateObjectMetaUpdate(draft, old),
      ...checkStatus(draft, schema).filter(isNew(draft, old)),
    ],
    ...selectableOf(given),
    ...columnsOf(given),
  };
}

function withoutMetadata({ metadata: _metadata, ...rest }: KubeObject): Fields {
  // Given, and checked by a rule of its own.
  return { ...rest, metadata: {} };
}

function checkStatus(draft: KubeObject, schema: Schema): FieldError[] {
  const below = fieldSchema(schema, 'status');
  return below === undefined || draft.status === undefined
    ? []
    : validateValue(draft.status, below, { field: 'status' });
}

/** What was wrong before and has not been touched is let pass, so that a stricter schema makes no object unchangeable. */
function isNew(draft: KubeObject, old: KubeObject): (error: FieldError) => boolean {
  return ({ field, type }) => {
    if (field === '<nil>') return !equal(draft.spec, old.spec);
    const path = parseJsonPath(field.startsWith('.') ? field : `.${field}`) ?? [];
    const at = type === 'Required value' ? path.slice(0, -1) : path;
    return at.length === 0 || !equal(findFirst(draft, at), findFirst(old, at));
  };
}

const MAX_INT32 = 2 ** 31 - 1;

function checkReplicas(draft: KubeObject, { specReplicasPath }: ScalePaths): FieldError[] {
  const steps = parseJsonPath(specReplicasPath) ?? [];
  let at: unknown = draft;
  for (const [index, step] of steps.entries()) {
    if (step.kind !== 'field') return [];
    if (typeof at !== 'object' || at === null || Array.isArray(at)) {
      if (at === undefined) return [];
      return [invalid(specReplicasPath, 0, accessor(specReplicasPath, at, 'map[string]interface{}'))];
    }
    at = fieldsOf(at)[step.name];
    if (index === steps.length - 1 && at === undefined) return [];
  }
  if (typeof at !== 'number' || !Number.isInteger(at)) {
    return [invalid(specReplicasPath, 0, accessor(specReplicasPath, at, 'int64'))];
  }
  if (at < 0) return [invalid(specReplicasPath, at, 'should be a non-negative integer')];
  return at > MAX_INT32 ? [invalid(specReplicasPath, at, `should be less than or equal to ${MAX_INT32}`)] : [];
}

/** `.spec.replicas accessor error: two is of the type string, expected int64` */
function accessor(path: string, value: unknown, wanted: string): string {
  const type = Array.isArray(value)
    ? '[]interface {}'
    : typeof value === 'object'
      ? 'map[string]interface {}'
      : typeof value === 'number'
        ? 'float64'
        : typeof value === 'boolean'
          ? 'bool'
          : 'string';
  const shown = Array.isArray(value) ? `[${value.join(' ')}]` : typeof value === 'object' ? 'map[]' : String(value);
  return `${path} accessor error: ${shown} is of the type ${type}, expected ${wanted}`;
}

function scaleOf(scale: unknown): ScalePaths | undefined {
  if (scale === undefined) return undefined;
  const { specReplicasPath, statusReplicasPath, labelSelectorPath } = fieldsOf(scale);
  return {
    specReplicasPath: String(specReplicasPath),
    statusReplicasPath: String(statusReplicasPath),
    ...(typeof labelSelectorPath === 'string' && labelSelectorPath !== '' ? { labelSelectorPath } : {}),
  };
}

function warningOf(version: Version, { served }: Shared, own: Pick<Kind, 'group' | 'kind'>): Pick<Kind, 'warning'> {
  const { deprecated, deprecationWarning } = version.given;
  if (deprecated !== true) return {};
  if (typeof deprecationWarning === 'string') return { warning: deprecationWarning };
  const better = served.find((one) => one.given.deprecated !== true && byPriority(one.name, version.name) < 0);
  const name = (one: string): string => `${own.group}/${one} ${own.kind}`;
  const instead = better === undefined ? '' : `; use ${name(better.name)}`;
  return { warning: `${name(version.name)} is deprecated${instead}` };
}

function storedAs(version: Version, shared: Shared, own: Pick<Kind, 'group' | 'plural' | 'kind'>): StoredAs {
  const apiVersion = (name: string): string => `${own.group}/${name}`;
  const schemas = new Map(shared.versions.map((one) => [apiVersion(one.name), one.schema]));
  const cut = (object: KubeObject, to: Version): KubeObject => ({
    ...(prune(object, to.schema, []) as KubeObject),
    kind: own.kind,
    apiVersion: apiVersion(to.name),
  });
  return {
    group: own.group,
    plural: own.plural,
    toStored: (object) => (version === shared.stored ? object : cut(object, shared.stored)),
    fromStored: (object) => {
      const draft = clone(object);
      applyDefaults(draft, schemas.get(object.apiVersion) ?? shared.stored.schema);
      return cut(draft, version);
    },
  };
}

function selectableOf(version: Fields): Pick<Kind, 'fieldSelectors'> {
  const paths = listOf(version.selectableFields).flatMap(({ jsonPath }) => {
    const path = parseJsonPath(String(jsonPath));
    return path === undefined ? [] : [[String(jsonPath).replace(/^\./, ''), path] as const];
  });
  return {
    fieldSelectors: Object.fromEntries(
      paths.map(([name, path]) => [name, (object: KubeObject) => String(findFirst(object, path) ?? '')]),
    ),
  };
}

function columnsOf(version: Fields): Pick<Kind, 'columns' | 'row'> {
  const given = listOf(version.additionalPrinterColumns);
  const age = { ...ageColumn, type: 'date' as const };
  if (given.length === 0) {
    return {
      columns: [nameColumn, age],
      row: ({ metadata }, now) => [metadata.name, ageOf(metadata.creationTimestamp, now)],
    };
  }
  const cells = given.map(({ jsonPath, type }) => ({
    path: parseJsonPath(String(jsonPath)) ?? [],
    type: String(type),
  }));
  const columns = given.map(({ name, type, format, description, priority, jsonPath }): Column => {
    const said = typeof description === 'string' && description !== '' ? description : undefined;
    return {
      name: String(name),
      type,
      format: format ?? '',
      description: said ?? `Custom resource definition column (in JSONPath format): ${jsonPath}`,
      priority: priority ?? 0,
    };
  });
  return {
    columns: [nameColumn, ...columns],
    row: (object, now) => [object.metadata.name, ...cells.map(({ path, type }) => cellOf(object, path, type, now))],
  };
}

function cellOf(object: KubeObject, path: JsonPath, type: string, now: number): unknown {
  const value = findFirst(object, path);
  if (value === undefined || value === null) return null;
  switch (type) {
    case 'string':
      return typeof value === 'object' ? JSON.stringify(value) : String(value);
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date':
      return typeof value !== 'string' ? null : Number.isNaN(Date.parse(value)) ? '<invalid>' : ageOf(value, now);
    default:
      return null;
  }
}
