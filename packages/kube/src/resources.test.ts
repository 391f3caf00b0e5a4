import { describe, expect, it } from 'vitest';
import {
  collectionPath,
  configMaps,
  createObject,
  deleteObject,
  getObject,
  jsonPatch,
  leases,
  mergePatch,
  nodes,
  objectPath,
  patchObject,
  pods,
  replaceObject,
} from './resources.ts';

describe('paths', () => {
  it('of collections and objects, in core and in a group, in a namespace and in all', () => {
    expect(collectionPath(pods)).toBe('/api/v1/pods');
    expect(collectionPath(pods, 'team')).toBe('/api/v1/namespaces/team/pods');
    expect(collectionPath(nodes, 'ignored')).toBe('/api/v1/nodes');
    expect(collectionPath(leases, 'kube-node-lease')).toBe(
      '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases',
    );
    expect(objectPath(nodes, { name: 'vnode.b1.dev' }, 'status')).toBe('/api/v1/nodes/vnode.b1.dev/status');
  });

  it('never name a whole collection, or another object, by an odd name [SPEC K6]', () => {
    expect(() => objectPath(pods, { namespace: 'team', name: '' })).toThrow(RangeError);
    expect(() => objectPath(pods, { namespace: '', name: 'a' })).toThrow(RangeError);
    expect(() => objectPath(pods, { name: 'a' })).toThrow(/namespaced/);
    expect(() => objectPath(pods, { namespace: 'team', name: '..' })).toThrow(RangeError);
    expect(() => createObject(configMaps, undefined, {})).toThrow(/namespaced/);
    expect(objectPath(pods, { namespace: 'team', name: '../../nodes/x?y' })).toBe(
      '/api/v1/namespaces/team/pods/..%2F..%2Fnodes%2Fx%3Fy',
    );
  });
});

describe('requests', () => {
  const ref = { namespace: 'team', name: 'a' };

  it('carry what kind they are of and their preconditions', () => {
    expect(getObject(pods, ref, { timeoutMs: 5 })).toEqual({
      method: 'GET',
      path: '/api/v1/namespaces/team/pods/a',
      timeoutMs: 5,
    });
    expect(createObject(nodes, undefined, { metadata: { name: 'n' } })).toEqual({
      method: 'POST',
      path: '/api/v1/nodes',
      body: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } },
    });
    expect(
      replaceObject(
        configMaps,
        ref,
        { metadata: { resourceVersion: '3' } },
        { subresource: 'status', wantsBody: false },
      ),
    ).toEqual({
      method: 'PUT',
      path: '/api/v1/namespaces/team/configmaps/a/status',
      body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { resourceVersion: '3' } },
      wantsBody: false,
    });
    expect(deleteObject(pods, ref, { gracePeriodSeconds: 0, preconditions: { uid: 'u' } })).toMatchObject({
      method: 'DELETE',
      body: { kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions: { uid: 'u' } },
    });
  });

  it('patch in three ways', () => {
    expect(
      patchObject(pods, ref, mergePatch({ metadata: { labels: { a: null } } }), { fieldManager: 'me' }),
    ).toMatchObject({
      method: 'PATCH',
      contentType: 'application/merge-patch+json',
      query: { fieldManager: 'me' },
    });
    const operations = [
      { op: 'test', path: '/metadata/uid', value: 'u' },
      { op: 'remove', path: '/spec/taints/0' },
    ] as const;
    expect(patchObject(nodes, { name: 'n' }, jsonPatch(operations))).toMatchObject({
      contentType: 'application/json-patch+json',
      body: operations,
    });
  });
});
