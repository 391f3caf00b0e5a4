/** What the suites of custom kinds share: definitions in a group of the suite's own, and their end. */
import type { Json } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';
import type { Setting } from './setting.ts';

export const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** A small definition of one version v1. @param kind  `Widget`; the plural is `widgets` unless `names` says otherwise */
export function definitionOf(group: string, kind: string, names: Json = {}, version: Json = {}): Json {
  const singular = kind.toLowerCase();
  const all = { kind, plural: `${singular}s`, singular, listKind: `${kind}List`, ...names };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${all.plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: all,
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: { spec: { type: 'object', properties: { size: { type: 'integer' } } } },
            },
          },
          ...version,
        },
      ],
    },
  };
}

/** Makes it, and waits until its objects can be asked for. */
export async function define(on: Setting, crd: Json): Promise<void> {
  await on.call('POST', definitions, crd);
  const { group, names, versions } = crd.spec;
  for (const { name, served } of versions) {
    if (!served) continue;
    await waitFor(`/apis/${group}/${name}/${names.plural}`, async () => {
      const listed = await on.raw('GET', `/apis/${group}/${name}`);
      if (listed.status !== 200 || !listed.body.resources.some((one: Json) => one.name === names.plural)) return false;
      return (await on.raw('GET', `/apis/${group}/${name}/${names.plural}`)).status === 200;
    });
  }
}

/** Takes away every definition of the suite's group. */
export async function dropDefinitions(on: Setting, group: string): Promise<void> {
  if (!on.cluster.isReal) return;
  const { items } = await on.get(definitions);
  for (const { metadata, spec } of items) {
    if (spec.group === group) await on.raw('DELETE', `${definitions}/${metadata.name}`);
  }
}
