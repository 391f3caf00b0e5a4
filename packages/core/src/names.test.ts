import type { BaseId } from '@kouplet/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { baseIdOfNodeName, identityAnnotation, nodeNameOf, recordNameOf, replicaLeaseNameOf } from './names.ts';

const subdomain = /^(?!-)[a-z0-9-]+(?<!-)(\.(?!-)[a-z0-9-]+(?<!-))*$/;

describe('names of the objects of a base', () => {
  test.each([
    ['b1', 'vnode.b1.dev'],
    ['10.244.0.12', 'vnode.10.244.0.12.dev'],
    ['base-76d79d8599-f64jt', 'vnode.base-76d79d8599-f64jt.dev'],
  ])('identity %s has the Node %s, and the name alone leads back', (identity, name) => {
    expect(nodeNameOf(identity as BaseId, 'dev')).toBe(name);
    expect(baseIdOfNodeName(name, 'dev')).toBe(identity);
  });

  test('any identity has a valid name that leads back with its annotation, never to another base [SPEC N1]', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 80, unit: 'binary' }), (text) => {
        const identity = text as BaseId;
        const name = nodeNameOf(identity, 'dev');
        expect(name).toMatch(subdomain);
        expect(name.length).toBeLessThanOrEqual(253);
        expect(baseIdOfNodeName(name, 'dev', { [identityAnnotation]: identity })).toBe(identity);
        expect([identity, undefined]).toContain(baseIdOfNodeName(name, 'dev'));
        expect(recordNameOf(identity, 'dev')).toMatch(subdomain);
        expect(replicaLeaseNameOf(text)).toMatch(subdomain);
      }),
    );
  });

  test('an identity that looks like a changed one gets a name of its own', () => {
    const odd = nodeNameOf('My Base' as BaseId, 'dev');
    const imitation = odd.slice('vnode.'.length, -'.dev'.length) as BaseId;
    expect(nodeNameOf(imitation, 'dev')).not.toBe(odd);
    expect(baseIdOfNodeName(odd, 'dev')).toBeUndefined();
  });

  test('a Node of another env or another kind is none of ours', () => {
    expect(baseIdOfNodeName('vnode.b1.prod', 'dev')).toBeUndefined();
    expect(baseIdOfNodeName('worker-1', 'dev')).toBeUndefined();
    expect(baseIdOfNodeName('vnode..dev', 'dev')).toBeUndefined();
    expect(baseIdOfNodeName('vnode.b1.dev', 'dev', { [identityAnnotation]: 'someone-else' })).toBe('b1');
  });
});
