import { describe, expect, test } from 'vitest';
import { systemClock } from '../clock.ts';
import { kinds } from '../kinds/index.ts';
import type { KubeObject } from '../kinds/kind.ts';
import { createState } from '../rest/cluster-state.ts';
import { admissionChain } from './index.ts';
import { podLimit } from './pod-limit.ts';

const about = { group: '', plural: 'pods', kind: 'Pod' };

describe('more Pods than a cluster is made for [SPEC C192]', () => {
  const refusal = (count: number, given: object): string | undefined => {
    const store = { get: () => undefined, list: (): KubeObject[] => [], count: () => count };
    try {
      podLimit(3).admit?.({
        operation: 'CREATE',
        kind: about,
        resource: 'pods',
        name: 'p',
        store,
        now: 0,
        ...given,
      } as never);
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };

  test('are refused in words, whoever makes them; nothing else is', () => {
    expect(refusal(2, {})).toBeUndefined();
    expect(refusal(3, {})).toBe('pods "p" is forbidden: this cluster holds 3 Pods, and no more');
    expect(refusal(3, { operation: 'UPDATE' })).toBeUndefined();
    expect(refusal(3, { subresource: 'binding' })).toBeUndefined();
    expect(refusal(3, { resource: 'configmaps' })).toBeUndefined();
  });

  test('are counted in the store itself, over all namespaces', () => {
    const admission = admissionChain({ podsAtMost: 2 });
    const { api } = createState({ kinds, admission, clock: systemClock, onError: () => undefined });
    for (const name of ['one', 'other']) {
      api.create('namespaces', { metadata: { name } }, { actor: 'test' });
      api.create('serviceaccounts', { metadata: { name: 'default' } }, { actor: 'test', namespace: name });
    }
    const spec = { containers: [{ name: 'c', image: 'i' }] };
    const create = (name: string, namespace: string) =>
      api.create('pods', { metadata: { name }, spec }, { actor: 'test', namespace });
    create('a', 'one');
    create('b', 'other');
    expect(() => create('c', 'one')).toThrow(/this cluster holds 2 Pods/);
    api.delete('pods', 'a', 'one', { gracePeriodSeconds: 0 });
    create('c', 'one');
  });
});
