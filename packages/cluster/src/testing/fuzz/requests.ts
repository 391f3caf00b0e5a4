/** Requests from a grammar that mixes what is right with what is broken. */

import { Chance } from './chance.ts';
import { brokenText, EVIL_KEYS, goodSamples, junk, type Sample, samples, spoil } from './junk.ts';

export interface FuzzRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer | undefined;
}

export const NAMESPACES = ['default', 'ns-a'];
const many = (text: string, times: number): string[] => Array(times).fill(text);
const NAMES = ['a', 'b', 'p1'];
const ODD_NAMES = ['', '.', '..', '%2e%2e', '%00', '%ff', '%', 'A', 'x'.repeat(260), 'a%2Fb', '-', '*', ...EVIL_KEYS];
const METHODS = [
  ...many('GET', 4),
  ...many('POST', 8),
  ...many('PUT', 4),
  ...many('PATCH', 6),
  ...many('DELETE', 2),
  'HEAD',
  'OPTIONS',
  'PURGE',
];
const SUBRESOURCES = [
  'status',
  'status',
  'scale',
  'binding',
  'eviction',
  'finalize',
  'log',
  'exec',
  'proxy',
  'token',
  'ephemeralcontainers',
  'attach',
  'portforward',
  'approval',
  '__proto__',
  'resize',
];
const FIXED = [
  '/',
  '/api',
  '/apis',
  '/api/v1',
  '/apis/apps',
  '/apis/apps/v1',
  '/version',
  '/healthz',
  '/livez',
  '/readyz',
  '/readyz/x',
  '/openapi/v2',
  '/openapi/v3',
  '/openapi/v3/api/v1',
  '/openapi/v3/apis/apps/v1',
  '/metrics',
  '/logs',
  '/apis/__proto__/v1',
  '/apis/constructor',
  '/api/v1/watch/pods',
  '//api//v1',
  '/api/v1/',
];

/** Group and version that each resource is served under. */
const VERSIONS: Readonly<Record<string, string>> = {
  '': 'api/v1',
  apps: 'apis/apps/v1',
  batch: 'apis/batch/v1',
  policy: 'apis/policy/v1',
  autoscaling: 'apis/autoscaling/v2',
  'coordination.k8s.io': 'apis/coordination.k8s.io/v1',
  'networking.k8s.io': 'apis/networking.k8s.io/v1',
  'rbac.authorization.k8s.io': 'apis/rbac.authorization.k8s.io/v1',
  'scheduling.k8s.io': 'apis/scheduling.k8s.io/v1',
  'storage.k8s.io': 'apis/storage.k8s.io/v1',
  'events.k8s.io': 'apis/events.k8s.io/v1',
  'discovery.k8s.io': 'apis/discovery.k8s.io/v1',
  'apiextensions.k8s.io': 'apis/apiextensions.k8s.io/v1',
  'example.com': 'apis/example.com/v1',
  'authentication.k8s.io': 'apis/authentication.k8s.io/v1',
  'authorization.k8s.io': 'apis/authorization.k8s.io/v1',
};
const OTHERS = [
  'events.events.k8s.io',
  'events',
  'selfsubjectreviews.authentication.k8s.io',
  'tokenreviews.authentication.k8s.io',
  'selfsubjectaccessreviews.authorization.k8s.io',
  'subjectaccessreviews.authorization.k8s.io',
  'customresourcedefinitions.apiextensions.k8s.io',
  'nodes',
  'namespaces',
  'leases.coordination.k8s.io',
  'things',
  'constructor',
];
const CLUSTER_WIDE =
  /^(?:nodes|namespaces|persistentvolumes|priorityclasses|clusterrole|storageclasses|customresource|selfsubject|tokenreviews|subjectaccess)/;

const QUERY: Readonly<Record<string, readonly string[]>> = {
  labelSelector: [
    'a=b',
    'a',
    '!a',
    'a in (b,c)',
    'a notin (b)',
    'a==',
    'a>1',
    'constructor',
    '!constructor',
    '__proto__=x',
    '((',
    'a=b,',
    ',',
    'a in ()',
    '😀',
    '%',
  ],
  fieldSelector: [
    'metadata.name=a',
    'metadata.namespace!=x',
    'status.phase=Running',
    'spec.nodeName=',
    '__proto__=x',
    'constructor=x',
    'a',
    '=',
    'metadata.name=a\\,b',
  ],
  limit: ['1', '2', '0', '-1', 'x', '99999999999999999999', '1.5'],
  continue: ['x', 'eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJhIn0', 'bnVsbA', 'W10', ''],
  watch: ['1', 'true', '0', 'x', ''],
  timeoutSeconds: ['1', '0', '-1', 'x'],
  resourceVersion: ['0', '1', '99999999999999999', '-1', 'x', ''],
  resourceVersionMatch: ['Exact', 'NotOlderThan', 'x'],
  sendInitialEvents: ['true', 'false', 'x'],
  allowWatchBookmarks: ['true', 'x'],
  dryRun: ['All', 'None', ''],
  fieldValidation: ['Strict', 'Warn', 'Ignore', 'x'],
  fieldManager: ['kubectl', '', 'x'.repeat(200), '\u0007', '😀'],
  force: ['true', 'x'],
  pretty: ['true', '0', 'x'],
  gracePeriodSeconds: ['0', '-1', '30', 'x', '9e9'],
  propagationPolicy: ['Foreground', 'Background', 'Orphan', 'x'],
  orphanDependents: ['true', 'false'],
  includeObject: ['None', 'Metadata', 'Object', 'x'],
  __proto__: ['x'],
  constructor: ['x'],
};
const ACCEPTS = [
  'application/json',
  '*/*',
  'application/yaml',
  'application/vnd.kubernetes.protobuf',
  'application/vnd.kubernetes.protobuf,application/json',
  'application/json;as=Table;v=v1;g=meta.k8s.io,application/json',
  'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
  'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList',
  'text/html',
  ';;;=,',
  'application/json;q=0',
  '__proto__/x;__proto__=1',
];
const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
  'application/apply-patch+cbor',
  'application/json',
  '',
];
const BODY_TYPES = [
  'application/json',
  'application/json',
  'application/json',
  'application/json; charset=utf-8',
  'application/yaml',
  'application/vnd.kubernetes.protobuf',
  'application/cbor',
  'text/plain',
  '',
  '__proto__',
];

/** Few kinds at a time, so that requests meet what others left: the resources of an epoch. */
export function focusOf(seed: number): ReadonlySet<string> {
  const chance = new Chance(seed);
  const resources = [...new Set(goodSamples.map((one) => one.resource)), CUSTOM.resource, CUSTOM.resource];
  return new Set(Array.from({ length: 5 }, () => chance.pick(resources)));
}

/** A sample of the epoch's kinds, good ones more often. */
function sampleOf(chance: Chance, focus: ReadonlySet<string>): Pick<Sample, 'resource' | 'object'> {
  if (!chance.is(0.8)) return chance.pick(samples);
  const resource = chance.pick([...focus]);
  if (resource === CUSTOM.resource) return CUSTOM;
  const all = (chance.is(0.7) ? goodSamples : samples).filter((one) => one.resource === resource);
  return chance.pick(all);
}

/** @param token  of a ServiceAccount, for some of them */
export function requestOf(chance: Chance, focus: ReadonlySet<string>, token = ''): FuzzRequest {
  const method = chance.pick(METHODS);
  const sample = sampleOf(chance, focus);
  const resource = chance.is(0.95) ? sample.resource : chance.pick(OTHERS);
  const name = chance.is(0.96) ? chance.pick(NAMES) : chance.pick(ODD_NAMES);
  const path = `${chance.is(0.04) ? chance.pick(FIXED) : resourcePath(chance, resource, method, name)}${queryOf(chance)}`;
  const headers: Record<string, string> = {
    host: 'localhost',
    accept: chance.is(0.7) ? 'application/json' : chance.pick(ACCEPTS),
  };
  if (chance.is(0.1))
    headers['user-agent'] = chance.pick(['kubectl/v1.34', 'curl/8', 'Mozilla/5', '', 'x/'.repeat(100)]);
  if (chance.is(0.1)) headers['accept-encoding'] = chance.pick(['gzip', 'gzip, deflate', 'br', ',,']);
  if (chance.is(0.02)) headers.authorization = chance.pick(['Bearer x', 'Bearer ', 'Basic eDp5', 'x', 'Bearer a.b.c']);
  if (chance.is(0.05) && token !== '') headers.authorization = `Bearer ${token}`;
  if (chance.is(0.01))
    headers['impersonate-user'] = chance.pick(['bob', 'system:serviceaccount:ns-a:default', ':', '']);
  if (chance.is(0.01)) headers['impersonate-group'] = chance.pick(['system:masters', 'x', '']);
  if (chance.is(0.02)) headers.host = chance.pick(['evil.example', '', '[::1', 'localhost:x']);
  if (chance.is(0.02)) headers.origin = 'http://localhost';
  if (method === 'GET' || method === 'HEAD') return { method, path, headers, body: undefined };
  if (method === 'DELETE' && chance.is(0.7)) return { method, path, headers, body: undefined };
  headers['content-type'] = chance.pick(
    method === 'PATCH'
      ? PATCH_TYPES.slice(0, chance.is(0.8) ? 3 : undefined)
      : chance.is(0.8)
        ? ['application/json']
        : BODY_TYPES,
  );
  if (chance.is(0.02)) headers['content-encoding'] = chance.pick(['gzip', 'identity', 'x']);
  // Server-side apply wants to know who applies.
  const manager = `${path.includes('?') ? '&' : '?'}fieldManager=${chance.pick(['one', 'two'])}${chance.is(0.5) ? '&force=true' : ''}`;
  const isApply = headers['content-type'].includes('apply') && chance.is(0.9);
  const body = bodyOf(chance, method, headers['content-type'], sample.object, name);
  return { method, path: isApply ? `${path}${manager}` : path, headers, body };
}

/** A kind of the user's own, made at the start. */
export const CUSTOM_DEFINITION = {
  metadata: { name: 'things.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {}, scale: { specReplicasPath: '.spec.size', statusReplicasPath: '.status.size' } },
        additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: {
                  size: { type: 'integer', minimum: 0, default: 1 },
                  mode: { type: 'string', enum: ['a', 'b'] },
                  parts: {
                    type: 'array',
                    maxItems: 3,
                    items: { type: 'object', properties: { name: { type: 'string' } } },
                  },
                  free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
                  named: { type: 'object', additionalProperties: { type: 'string', pattern: '^[a-z]*$' } },
                },
              },
              status: { type: 'object', properties: { size: { type: 'integer' } } },
            },
          },
        },
      },
    ],
  },
};
const CUSTOM = {
  resource: 'things.example.com',
  object: {
    apiVersion: 'example.com/v1',
    kind: 'Thing',
    metadata: { name: 'a' },
    spec: { size: 2, mode: 'a', parts: [{ name: 'x' }], free: { any: ['thing'] }, named: { k: 'v' } },
  },
};

function resourcePath(chance: Chance, resource: string, method: string, name: string): string {
  const dot = resource.indexOf('.');
  const [plural, group] = dot < 0 ? [resource, ''] : [resource.slice(0, dot), resource.slice(dot + 1)];
  const root = chance.is(0.02) ? 'apis/none/v1' : (VERSIONS[group] ?? `apis/${group}/v1`);
  const namespace = chance.is(0.97) ? chance.pick(NAMESPACES) : chance.pick(ODD_NAMES);
  const isNarrow = CLUSTER_WIDE.test(resource) ? chance.is(0.03) : chance.is(0.95);
  const wantsName = chance.is(method === 'POST' ? 0.04 : method === 'GET' || method === 'DELETE' ? 0.8 : 0.96);
  const below =
    wantsName && chance.is(0.15)
      ? `/${chance.pick(chance.is(0.6) ? ['status', 'scale'] : SUBRESOURCES)}${chance.is(0.05) ? '/x' : ''}`
      : '';
  return `/${root}${isNarrow ? `/namespaces/${namespace}` : ''}/${plural}${wantsName ? `/${name}${below}` : ''}`;
}

function queryOf(chance: Chance): string {
  if (chance.is(0.7)) return '';
  const names = Object.keys(QUERY);
  const parts = chance.some(4, () => {
    const name = chance.pick(names);
    const value = chance.pick(Object.hasOwn(QUERY, name) ? (QUERY[name] ?? ['']) : ['x']);
    return chance.is(0.97) ? `${name}=${encodeURIComponent(value)}` : `${name}=%zz`;
  });
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

function bodyOf(
  chance: Chance,
  method: string,
  type: string,
  sample: Record<string, unknown>,
  name: string,
): string | Buffer {
  if (chance.is(0.03)) return Buffer.from(Array.from({ length: chance.below(60) }, () => chance.below(256)));
  if (chance.is(0.02)) return Buffer.from(`k8s\u0000${'\n\u0005\n\u0002v1\u0012'}${JSON.stringify(junk(chance))}`);
  const object = named(chance, chance.is(0.7) ? sample : spoil(chance, sample), name);
  const value = method === 'PATCH' ? patchOf(chance, type, object) : chance.is(0.03) ? junk(chance) : object;
  const text = JSON.stringify(value) ?? '';
  return chance.is(0.06) ? brokenText(chance, text) : text;
}

/** Few names, so that what is written meets what is there; labels and the like that mean something to JavaScript. */
function named(chance: Chance, object: Record<string, unknown>, name: string): Record<string, unknown> {
  const metadata = typeof object.metadata === 'object' && object.metadata !== null ? object.metadata : {};
  const odd = JSON.parse(`{"${chance.pick(EVIL_KEYS)}":"x","a":"b"}`);
  return {
    ...object,
    metadata: {
      ...metadata,
      ...(chance.is(0.9) ? { name } : {}),
      ...(chance.is(0.05) ? { generateName: chance.pick(NAMES) } : {}),
      ...(chance.is(0.2) ? { labels: odd } : {}),
      ...(chance.is(0.05) ? { annotations: odd } : {}),
      ...(chance.is(0.03) ? { finalizers: ['example.com/hold'] } : {}),
      ...(chance.is(0.03) ? { namespace: chance.pick(NAMESPACES) } : {}),
      ...(chance.is(0.03) ? { resourceVersion: chance.pick(['1', '0', 'x', '']) } : {}),
    },
  };
}

function patchOf(chance: Chance, type: string, object: Record<string, unknown>): unknown {
  if (chance.is(0.05)) return junk(chance);
  if (!type.includes('json-patch')) {
    const part = chance.is(0.5) ? { metadata: { labels: { [chance.pick(EVIL_KEYS)]: 'x' } } } : object;
    return chance.is(0.2) ? spoil(chance, { ...part, $patch: 'merge' }) : part;
  }
  const paths = [
    '/metadata/labels',
    '/metadata/labels/a',
    '/metadata/annotations',
    '/spec/replicas',
    '/spec/containers/0/image',
    '/spec',
    '/data',
    '/data/__proto__',
    '/__proto__/x',
    '/metadata/finalizers',
    '/metadata/finalizers/-',
    '/status',
    '/metadata/name',
    '',
    '/kind',
  ];
  return chance.some(5, () => ({
    op: chance.pick(['add', 'add', 'replace', 'remove', 'test', 'copy', 'move', 'x']),
    path: chance.pick(paths),
    from: chance.pick(paths),
    value: chance.pick<unknown>(['x', 1, null, { a: 'b' }, ['example.com/hold'], junk(chance, 2)]),
  }));
}
