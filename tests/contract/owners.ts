/** What the suites of server-side apply share: who owns what, in a form that is the same in every run. */
import type { Json } from '../support/api.ts';
import { openSetting, type Said, type Setting, workloadOf } from './setting.ts';

export const APPLY = 'application/apply-patch+yaml';

export interface OwnersSetting extends Setting {
  /** A server-side apply as `manager`; `more` is the rest of the query (`force=true`). */
  apply(resource: string, manager: string, body: Json, more?: string): Promise<Told>;
  tell(method: string, resource: string, body?: Json, type?: string): Promise<Told>;
  /** Who owns what of an object now. */
  owners(resource: string): Promise<Json>;
}

/** An answer as far as ownership goes: the Status of a refusal, else the owners and the parts that were asked for. */
export interface Told {
  readonly code: number;
  readonly owners?: Json;
  readonly status?: Json;
  readonly object?: Json;
  readonly warnings?: readonly string[];
}

/** Those that write by themselves, and when they like. */
const OF_THE_CLUSTER = new Set(['kube-controller-manager', 'kube-scheduler']);

/** Call once a file. */
export function openOwnersSetting(name: string): OwnersSetting {
  const on = openSetting(name);

  /** One line an entry's field; sorted by owner, with a mark where there is a time. */
  const ownersOf = (object: Json): Json => {
    const entries: Json[] = (object.metadata?.managedFields ?? []).filter(
      (entry: Json) => !OF_THE_CLUSTER.has(entry.manager),
    );
    const told = entries.map(({ manager, operation, apiVersion, time, fieldsType, fieldsV1, subresource, ...rest }) => [
      on.plain([operation, manager, subresource === undefined ? apiVersion : `${apiVersion}/${subresource}`].join(' ')),
      {
        ...rest,
        ...(time === undefined ? { time } : {}),
        ...(fieldsType === 'FieldsV1' ? {} : { fieldsType }),
        fields: on.plain(pathsOf(fieldsV1)),
      },
    ]);
    return Object.fromEntries(told.sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1)));
  };

  const told = (said: Said, body: Json): Told => {
    const { code, warnings } = said;
    const more = warnings === undefined ? {} : { warnings };
    if (body.kind === 'Status') {
      const { details } = said.body;
      // Of several owners Go tells in the random order of its maps.
      details?.causes?.sort((a: Json, b: Json) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
      return { code, status: said.body, ...more };
    }
    const { metadata, data, spec } = said.body;
    const { labels, annotations, finalizers } = metadata ?? {};
    const shown = body.kind === 'ConfigMap' ? { data, labels, annotations, finalizers } : { spec };
    return { code, owners: ownersOf(body), object: JSON.parse(JSON.stringify(shown)), ...more };
  };

  const tell: OwnersSetting['tell'] = async (method, resource, body, type) => {
    const answer = await on.raw(method, resource, body, type);
    const { warning } = answer.headers;
    const said = { code: answer.status, body: on.plain(answer.body) };
    return told(warning === undefined ? said : { ...said, warnings: [warning].flat() }, answer.body);
  };

  // Not spread: the setting's own parts are there only once the suite has begun.
  return Object.create(on, {
    tell: { value: tell },
    apply: {
      value: (resource: string, manager: string, body: Json, more = '') => {
        const query = [manager === '' ? '' : `fieldManager=${encodeURIComponent(manager)}`, more].filter(Boolean);
        return tell('PATCH', `${resource}?${query.join('&')}`, body, APPLY);
      },
    },
    owners: { value: async (resource: string) => ownersOf(await on.get(resource)) },
  });
}

/** `f:spec f:replicas` for each member of a set. */
function pathsOf(set: Json, above: readonly string[] = []): string[] {
  return Object.entries<Json>(set ?? {}).flatMap(([element, inner]) => {
    if (element === '.') return [[...above, '.'].join(' ')];
    const path = [...above, element];
    return Object.keys(inner).length === 0 ? [path.join(' ')] : pathsOf(inner, path);
  });
}

/** `v1 ConfigMap` as it is applied. */
export function mapOf(name: string, data?: Json, metadata: Json = {}): Json {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, ...metadata },
    ...(data === undefined ? {} : { data }),
  };
}

/** `apps/v1 Deployment` as it is applied: all of it, or a part of its spec. */
export function deploymentOf(name: string, spec: Json): Json {
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec };
}

export function wholeDeploymentOf(name: string, containers: Json = [{ name: 'c', image: 'a:1' }]): Json {
  return deploymentOf(name, { ...workloadOf(name, {}, { containers }).spec, replicas: 0 });
}

/** The part of a Deployment that is its containers. */
export function containersOf(name: string, containers: Json, more: Json = {}): Json {
  return deploymentOf(name, { template: { spec: { containers, ...more } } });
}
