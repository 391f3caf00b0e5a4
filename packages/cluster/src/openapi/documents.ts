/** OpenAPI v3 documents, one a group-version, and the one v2 document of them all; made when they are asked for. */
import { createHash } from 'node:crypto';
import type { Kind } from '../kinds/kind.ts';
import { Definitions, type Json } from './definitions.ts';
import { descriptionsFolder } from './descriptions.ts';
import facts from './facts.json' with { type: 'json' };
import { META, reference } from './names.ts';

/** Another number when documents are written in another form: clients keep them by their hash. */
const FORM = 1;
const VERBS = { get: 'get', update: 'put', patch: 'patch', delete: 'delete', list: 'get', create: 'post' } as const;
const PATCHES = ['application/apply-patch+yaml', 'application/json-patch+json', 'application/merge-patch+json'];
const STRATEGIC = 'application/strategic-merge-patch+json';

/** What a document will be, without making it. In hexadecimal capitals. */
export function hashOf(path: string, kinds: readonly Kind[]): string {
  const hash = createHash('sha512').update(`${FORM} ${path} ${descriptionsFolder()}`).update(factsText());
  for (const kind of kinds) {
    const { group, version, plural, namespaced, verbs, schema, custom } = kind;
    hash.update(JSON.stringify([group, version, kind.kind, plural, namespaced, verbs, schema, custom?.schema]));
  }
  return hash.digest('hex').toUpperCase();
}

let factsKept: string | undefined;
function factsText(): string {
  factsKept ??= JSON.stringify(facts);
  return factsKept;
}

/** The document of a group-version. */
export function documentOf(group: string, version: string, kinds: readonly Kind[]): Json {
  const definitions = new Definitions();
  const prefix = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const paths: Record<string, Json> = {};
  for (const kind of kinds) {
    const name = definitions.addKind(kind);
    definitions.addScalar(`${META}.Patch`);
    const collection = `${prefix}${kind.namespaced ? '/namespaces/{namespace}' : ''}/${kind.plural}`;
    paths[collection] = operations(kind, name, ['list', 'create']);
    paths[`${collection}/{name}`] = operations(kind, name, ['get', 'update', 'patch', 'delete']);
  }
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: '1.34' },
    paths,
    components: { schemas: definitions.schemas },
  };
}

function operations(kind: Kind, name: string, verbs: ReadonlyArray<keyof typeof VERBS>): Json {
  const self = { group: kind.group, kind: kind.kind, version: kind.version };
  const body = (types: readonly string[], schema: Json): Json => ({
    content: Object.fromEntries(types.map((type) => [type, { schema }])),
  });
  const out: Json = {};
  for (const verb of verbs) {
    if (!kind.verbs.includes(verb)) continue;
    const writes = verb === 'create' || verb === 'update' || verb === 'patch';
    const names = verb === 'delete' ? ['dryRun'] : ['dryRun', 'fieldManager', 'fieldValidation'];
    const parameters: Json[] = (writes || verb === 'delete' ? names : []).map((one) => ({
      name: one,
      in: 'query',
      schema: { type: 'string', uniqueItems: true },
    }));
    if (verb === 'patch')
      parameters.push({ name: 'force', in: 'query', schema: { type: 'boolean', uniqueItems: true } });
    const patches = kind.custom === undefined ? [...PATCHES, STRATEGIC] : PATCHES;
    const bodies = verb === 'patch' ? body(patches, reference(`${META}.Patch`)) : body(['*/*'], reference(name));
    out[VERBS[verb]] = {
      operationId: `${verb === 'get' ? 'read' : verb === 'update' ? 'replace' : verb}${kind.namespaced ? 'Namespaced' : ''}${kind.kind}`,
      ...(parameters.length === 0 ? {} : { parameters }),
      ...(writes ? { requestBody: { ...bodies, required: true } } : {}),
      responses: { '200': { description: 'OK', ...body(['application/json'], reference(name)) } },
      'x-kubernetes-action': verb === 'create' ? 'post' : verb === 'update' ? 'put' : verb,
      'x-kubernetes-group-version-kind': self,
    };
  }
  return out;
}

/** Swagger 2.0, for clients that ask for it in JSON. */
export function swaggerOf(documents: readonly Json[]): Json {
  const definitions: Json = {};
  const paths: Json = {};
  for (const document of documents) {
    const components = document.components as { schemas: Json };
    Object.assign(definitions, components.schemas);
    for (const [path, operations] of Object.entries(document.paths as Json)) paths[path] = swaggerPath(operations);
  }
  const swagger = { swagger: '2.0', info: { title: 'Kubernetes', version: 'v1.34.0' }, paths, definitions };
  return old(swagger) as Json;
}

function swaggerPath(operations: unknown): Json {
  return Object.fromEntries(
    Object.entries(operations as Record<string, Json>).map(([method, { requestBody, responses, ...rest }]) => [
      method,
      {
        ...rest,
        ...(requestBody === undefined ? {} : { consumes: Object.keys((requestBody as { content: Json }).content) }),
        responses: { '200': { description: 'OK' } },
      },
    ]),
  );
}

/** References and unions in the older form. */
function old(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(old);
  if (typeof value !== 'object' || value === null) return value;
  const fields = value as Json;
  const [only, ...more] = Array.isArray(fields.allOf) ? (fields.allOf as Json[]) : [];
  if (only !== undefined && more.length === 0 && typeof only.$ref === 'string') {
    const { allOf: _one, ...rest } = fields;
    return old({ ...rest, ...only });
  }
  const out: Json = {};
  for (const [key, one] of Object.entries(fields)) {
    if (key === 'oneOf' || key === 'anyOf') {
      if (!('type' in fields)) out.type = 'string';
    } else if (key === '$ref' && typeof one === 'string') {
      out.$ref = one.replace('#/components/schemas/', '#/definitions/');
    } else {
      out[key] = old(one);
    }
  }
  return out;
}
