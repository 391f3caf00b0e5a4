import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { kinds } from './index.ts';
import { type Fields, listOf } from './json.ts';

const real: Fields[] = JSON.parse(
  readFileSync(new URL('../fixtures/kubernetes/resources.json', import.meta.url), 'utf8'),
);

describe('what is served [SPEC C50]', () => {
  for (const kind of kinds) {
    it(`${kind.plural} of ${kind.group || 'core'} is named, scoped and verbed as in a real 1.34`, () => {
      const found = real.find(
        ({ group, version, resource }) => group === kind.group && version === kind.version && resource === kind.plural,
      );
      expect({
        kind: kind.kind,
        singularResource: kind.singular,
        scope: kind.namespaced ? 'Namespaced' : 'Cluster',
        verbs: kind.verbs,
        shortNames: kind.shortNames ?? [],
        categories: kind.categories ?? [],
      }).toEqual({
        kind: found?.kind,
        singularResource: found?.singularResource,
        scope: found?.scope,
        verbs: found?.verbs,
        shortNames: found?.shortNames,
        categories: found?.categories,
      });
      const subresources = new Map(listOf(found?.subresources).map((one) => [one.subresource, one]));
      for (const { name, verbs, responseKind } of kind.subresources) {
        expect(verbs, name).toEqual(subresources.get(name)?.verbs);
        const { group, version, kind: answered } = subresources.get(name)?.responseKind ?? {};
        // The real one leaves the group and version of its own kind empty in this list.
        expect(responseKind?.kind, name).toBe(answered);
        if (group) expect({ group: responseKind?.group, version: responseKind?.version }).toEqual({ group, version });
      }
    });
  }

  it('stands in the order of a real 1.34', () => {
    const place = (group: string, version: string, plural: string) =>
      real.findIndex((one) => one.group === group && one.version === version && one.resource === plural);
    const places = kinds.map(({ group, version, plural }) => place(group, version, plural));
    expect(places).toEqual([...places].sort((a, b) => a - b));
  });

  it('has everything that `kubectl get all` and `apply --prune` ask for', () => {
    const served = new Set(kinds.map(({ plural }) => plural));
    const asked = [
      ...['pods', 'replicationcontrollers', 'services', 'daemonsets', 'deployments', 'replicasets', 'statefulsets'],
      ...['horizontalpodautoscalers', 'cronjobs', 'jobs', 'configmaps', 'endpoints', 'namespaces', 'secrets'],
      ...['persistentvolumeclaims', 'persistentvolumes', 'ingresses'],
    ];
    expect(asked.filter((plural) => !served.has(plural))).toEqual([]);
  });
});
