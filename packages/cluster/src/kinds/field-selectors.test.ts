import { describe, expect, it } from 'vitest';
import { ApiError } from '../api.ts';
import { freshApi } from './testing.ts';

describe('objects are found by their fields [SPEC C53]', () => {
  const api = freshApi();
  const pod = (name: string, spec: Record<string, unknown> = {}) =>
    api.create(
      'pods',
      { metadata: { name }, spec: { containers: [{ name: 'c', image: 'i:1' }], ...spec } },
      { actor: 'test', namespace: 'default' },
    );
  pod('a', { nodeName: 'vnode.1' });
  pod('b', { restartPolicy: 'Never' });
  const running = { type: 'Ready', status: 'True' };
  api.modify(
    'pods',
    'a',
    'default',
    (draft) => {
      draft.status = { phase: 'Running', podIP: '10.0.0.1', conditions: [running] };
    },
    { actor: 'test', subresource: 'status' },
  );
  const names = (fieldSelector: string) =>
    api.list('pods', { namespace: 'default', fieldSelector }).map(({ metadata }) => metadata.name);

  it.each([
    ['spec.nodeName=vnode.1', ['a']],
    ['spec.nodeName=', ['b']],
    ['spec.nodeName!=vnode.1', ['b']],
    ['status.phase=Running', ['a']],
    ['status.phase!=Failed,status.phase!=Succeeded', ['a', 'b']],
    ['status.podIP=10.0.0.1', ['a']],
    ['spec.restartPolicy=Never', ['b']],
    ['spec.schedulerName=default-scheduler', ['a', 'b']],
    ['spec.serviceAccountName=default', ['a', 'b']],
    ['metadata.name=b', ['b']],
    ['metadata.namespace=other', []],
  ])('pods by %s', (selector, expected) => {
    expect(names(selector)).toEqual(expected);
  });

  it('a field that pods are not found by is refused', () => {
    expect(() => names('spec.foo=x')).toThrow(ApiError);
  });

  it('nodes, namespaces, secrets and ReplicationControllers have fields of their own', () => {
    const options = { actor: 'test', namespace: 'default' };
    api.create('nodes', { metadata: { name: 'n' }, spec: { unschedulable: true } }, options);
    api.create('secrets', { metadata: { name: 's' }, type: 'example.com/x' }, options);
    expect(api.list('nodes', { fieldSelector: 'spec.unschedulable=true' })).toHaveLength(1);
    expect(api.list('nodes', { fieldSelector: 'spec.unschedulable=false' })).toHaveLength(0);
    expect(api.list('namespaces', { fieldSelector: 'status.phase=Active' }).length).toBeGreaterThan(0);
    expect(api.list('secrets', { fieldSelector: 'type=example.com/x' })).toHaveLength(1);
    expect(api.list('replicationcontrollers', { fieldSelector: 'status.replicas=0' })).toEqual([]);
    expect(() => api.list('replicasets.apps', { fieldSelector: 'status.replicas=0' })).toThrow(ApiError);
  });
});
