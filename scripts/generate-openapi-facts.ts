/**
 * Writes packages/cluster/src/openapi/facts.json from the OpenAPI documents of a real API server: in which package each type stands,
 * which fields are required, which values an enum has, how lists merge. No texts. Run by hand, after generate-schema.ts, with kubectl
 * pointing at a real server of the version that is emulated:
 *
 *   npx node scripts/generate-openapi-facts.ts && npx node scripts/generate-schema.ts
 *
 * `later` names fields that the models of the client library have and the server does not: generate-schema.ts leaves them out.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly allOf?: readonly Schema[];
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: string;
  readonly 'x-kubernetes-patch-strategy'?: string;
  readonly 'x-kubernetes-patch-merge-key'?: string;
  readonly 'x-kubernetes-group-version-kind'?: ReadonlyArray<{ group: string; version: string; kind: string }>;
}

/** `list`: set, atomic or the keys; `merge`: the strategy and, behind a colon, its key; `ref`: the type of what may be anything. */
interface FieldFacts {
  list?: string;
  map?: string;
  merge?: string;
  enum?: readonly unknown[];
  format?: string;
  ref?: string;
}

const folder = join(import.meta.dirname, '../packages/cluster/src');
const types: Record<string, Record<string, string>> = JSON.parse(
  readFileSync(join(folder, 'schema/types.json'), 'utf8'),
);
const raw = (path: string): string =>
  execFileSync('kubectl', ['get', '--raw', path], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });

const schemas: Record<string, Schema> = {};
for (const path of Object.keys(JSON.parse(raw('/openapi/v3')).paths)) {
  if (/^(?:api|apis\/[^/]+)\/v\d+$/.test(path)) {
    Object.assign(schemas, JSON.parse(raw(`/openapi/v3/${path}`)).components.schemas);
  }
}

const refOf = (schema: Schema | undefined): string | undefined =>
  (schema?.$ref ?? schema?.allOf?.[0]?.$ref)?.replace('#/components/schemas/', '');

const packages: Record<string, string[]> = {};
const required: Record<string, string[]> = {};
const fields: Record<string, Record<string, FieldFacts>> = {};
const atomic: string[] = [];
const { later: known = {} }: { later?: Record<string, string[]> } = JSON.parse(
  readFileSync(join(folder, 'openapi/facts.json'), 'utf8'),
);
const later: Record<string, string[]> = {};
const seen = new Set<string>();

function visit(type: string, definition: string): void {
  const codes = types[type];
  const schema = schemas[definition];
  if (codes === undefined || schema === undefined || seen.has(type)) return;
  seen.add(type);
  const dot = definition.lastIndexOf('.');
  const name = definition.slice(dot + 1);
  const own = type.replace(/^(?:[A-Z][a-z]+)?V\d+/, '') === name ? type : `${type}=${name}`;
  const place = definition.slice(0, dot);
  packages[place] = [...(packages[place] ?? []), own].sort();
  if (schema.required !== undefined) required[type] = [...schema.required];
  if (schema['x-kubernetes-map-type'] === 'atomic') atomic.push(type);
  // What was left out the last time is not in the schema any more.
  const gone = (known[type] ?? []).filter((field) => schema.properties?.[field] === undefined && !(field in codes));
  if (gone.length > 0) later[type] = gone;
  for (const [field, code] of Object.entries(codes)) {
    const found = schema.properties?.[field];
    if (found === undefined) {
      later[type] = [...(later[type] ?? []), field];
      continue;
    }
    const facts = factsOf(found, code);
    if (Object.keys(facts).length > 0) fields[type] = { ...fields[type], [field]: facts };
    const below = refOf(found.items ?? found.additionalProperties ?? found) ?? refOf(found.items?.items);
    if (below !== undefined) visit(code.replace(/^[~!]?(?:\[\]|\{\})*/, ''), below);
  }
}

function factsOf(schema: Schema, code: string): FieldFacts {
  const facts: FieldFacts = {};
  const listType = schema['x-kubernetes-list-type'];
  if (listType !== undefined) {
    facts.list = listType === 'map' ? (schema['x-kubernetes-list-map-keys'] ?? []).join(',') : listType;
  }
  if (schema['x-kubernetes-map-type'] !== undefined) facts.map = schema['x-kubernetes-map-type'];
  const strategy = schema['x-kubernetes-patch-strategy'];
  if (strategy !== undefined) {
    const key = schema['x-kubernetes-patch-merge-key'];
    facts.merge = key === undefined ? strategy : `${strategy}:${key}`;
  }
  const valued = schema.items ?? schema;
  if (valued.enum !== undefined) facts.enum = valued.enum;
  const anything = code.endsWith('*') ? refOf(schema.items ?? schema.additionalProperties ?? schema) : undefined;
  if (anything !== undefined) facts.ref = anything;
  const said = { i: 'int32', l: 'int64', d: 'double', y: 'byte' }[code.replace(/^[~!]?(?:\[\]|\{\})*/, '')];
  const format = valued.format ?? schema.additionalProperties?.format;
  if (format !== said && (format !== undefined || said !== undefined)) facts.format = format ?? '';
  return facts;
}

const roots = new Map<string, string>();
for (const [definition, schema] of Object.entries(schemas)) {
  for (const { group, version, kind } of schema['x-kubernetes-group-version-kind'] ?? []) {
    const short = group === '' ? 'Core' : `${group.charAt(0).toUpperCase()}${group.slice(1).split('.')[0]}`;
    for (const prefix of [version.toUpperCase(), `${short}${version.toUpperCase()}`]) {
      const type = `${prefix}${kind}`;
      if (types[type] !== undefined && definition.includes(`.${version}.`)) roots.set(type, definition);
    }
  }
}
for (const [type, definition] of roots) visit(type, definition);

const sorted = (record: Record<string, unknown>): string =>
  `{\n${Object.keys(record)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${JSON.stringify(record[key])}`)
    .join(',\n')}\n}`;
writeFileSync(
  join(folder, 'openapi/facts.json'),
  `{"packages":${sorted(packages)},\n"required":${sorted(required)},\n"atomic":${JSON.stringify(atomic.sort())},\n"fields":${sorted(fields)},\n"later":${sorted(later)}}\n`,
);
process.stdout.write(`${seen.size} of ${Object.keys(types).length} types\n`);
process.stdout.write(
  `missing: ${Object.keys(types)
    .filter((type) => !seen.has(type))
    .join(' ')}\n`,
);
