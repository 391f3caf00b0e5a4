/**
 * Writes packages/cluster/src/schema/merge-facts.json from the OpenAPI documents of a real API server: how lists and maps of each
 * type merge in a server-side apply. Run by hand, after generate-schema.ts, with kubectl pointing at a real server:
 *
 *   npx node scripts/generate-merge-facts.ts
 *
 * A list that is not named is atomic, a map that is not named is granular.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface Schema {
  readonly $ref?: string;
  readonly allOf?: readonly Schema[];
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly default?: unknown;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: string;
  readonly 'x-kubernetes-patch-strategy'?: string;
  readonly 'x-kubernetes-patch-merge-key'?: string;
  readonly 'x-kubernetes-group-version-kind'?: ReadonlyArray<{ group: string; version: string; kind: string }>;
}

const folder = join(import.meta.dirname, '../packages/cluster/src/schema');
const types: Record<string, Record<string, string>> = JSON.parse(readFileSync(join(folder, 'types.json'), 'utf8'));
const raw = (path: string): string =>
  execFileSync('kubectl', ['get', '--raw', path], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });

const documents = [
  'api/v1',
  ...['apps', 'batch', 'policy', 'autoscaling', 'coordination.k8s.io', 'discovery.k8s.io', 'events.k8s.io'].map(
    versioned,
  ),
  ...[
    'apiextensions.k8s.io',
    'networking.k8s.io',
    'node.k8s.io',
    'rbac.authorization.k8s.io',
    'scheduling.k8s.io',
    'storage.k8s.io',
  ].map(versioned),
];
function versioned(group: string): string {
  return `apis/${group}/${group === 'autoscaling' ? 'v2' : 'v1'}`;
}

const schemas: Record<string, Schema> = {};
for (const path of documents) Object.assign(schemas, JSON.parse(raw(`/openapi/v3/${path}`)).components.schemas);

const refOf = (schema: Schema | undefined): string | undefined =>
  (schema?.$ref ?? schema?.allOf?.[0]?.$ref)?.replace('#/components/schemas/', '');

const lists: Record<string, Record<string, string>> = {};
const atomicMaps: Record<string, string[]> = {};
const atomicTypes = new Set<string>();
const keyDefaults: Record<string, Record<string, unknown>> = {};
const seen = new Set<string>();

function visit(type: string, definition: string | undefined): void {
  const fields = types[type];
  const schema = definition === undefined ? undefined : schemas[definition];
  if (fields === undefined || schema === undefined || seen.has(type)) return;
  seen.add(type);
  if (schema['x-kubernetes-map-type'] === 'atomic') atomicTypes.add(type);
  for (const [name, code] of Object.entries(fields)) {
    const field = schema.properties?.[name];
    if (field === undefined) continue;
    const inner = field.items ?? field.additionalProperties ?? field;
    const referred = code.replace(/^[~!]?(?:\[\]|\{\})*/, '');
    visit(referred, refOf(inner));
    if (field['x-kubernetes-map-type'] === 'atomic') atomicMaps[type] = [...(atomicMaps[type] ?? []), name];
    const keys = keysOf(field);
    if (keys === undefined || field.items === undefined) continue;
    lists[type] = { ...lists[type], [name]: keys };
    for (const key of keys.split(',')) {
      const given = schemas[refOf(field.items) ?? '']?.properties?.[key]?.default;
      if (given !== undefined) keyDefaults[referred] = { ...keyDefaults[referred], [key]: given };
    }
  }
}

function keysOf(field: Schema): string | undefined {
  const listType = field['x-kubernetes-list-type'];
  if (listType === 'map') return (field['x-kubernetes-list-map-keys'] ?? []).join(',');
  if (listType !== undefined) return listType === 'set' ? 'set' : undefined;
  const strategy = field['x-kubernetes-patch-strategy'] ?? '';
  if (!strategy.split(',').includes('merge')) return undefined;
  return field['x-kubernetes-patch-merge-key'] ?? 'set';
}

for (const [definition, schema] of Object.entries(schemas)) {
  for (const { version, kind } of schema['x-kubernetes-group-version-kind'] ?? []) {
    const prefix = kind === 'Event' ? (definition.includes('.events.') ? 'Events' : 'Core') : '';
    const type = `${prefix}V${version.slice(1)}${kind}`;
    if (schema.properties?.metadata !== undefined || kind === 'Scale') visit(type, definition);
  }
}

const facts = { lists, atomicMaps, atomicTypes: [...atomicTypes].sort(), keyDefaults };
writeFileSync(join(folder, 'merge-facts.json'), `${JSON.stringify(facts, null, 1)}\n`);
process.stdout.write(`${seen.size} types\n`);
