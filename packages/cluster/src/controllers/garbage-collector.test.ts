import { describe, expect, test } from 'vitest';
import type { OwnerReference } from '../kinds/kind.ts';
import { controllerReference } from './machinery/owners.ts';
import { settle, type TestApi } from './testing.ts';
import { deploymentOf } from './testing-workloads.ts';
import { worldForEachTest } from './testing-world.ts';

const user = { actor: 'user', namespace: 'ns' };
let api: TestApi;
worldForEachTest(
  { enabled: ['deployment', 'replicaset', 'garbage-collector', 'namespace', 'serviceaccount'] },
  (world) => {
    ({ api } = world);
  },
);

const configMap = (name: string, owners: OwnerReference[] = [], finalizers?: string[]) =>
  api.create(
    'configmaps',
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, ownerReferences: owners, ...(finalizers && { finalizers }) },
    },
    user,
  );
const get = (name: string) => api.get('configmaps', name, 'ns');
const owner = (name: string, more: Partial<OwnerReference> = {}) => {
  const made = get(name);
  if (made === undefined) throw new Error(`no ${name}`);
  return { ...controllerReference(made), controller: false, ...more };
};
const count = (resource: string) => api.list(resource, { namespace: 'ns' }).length;

describe('what has owners', () => {
  test('goes when the last of them is gone, not before [SPEC C80]', async () => {
    configMap('a');
    configMap('b');
    configMap('child', [owner('a'), owner('b')]);
    await settle();
    api.delete('configmaps', 'a', 'ns');
    await settle();
    expect(get('child')?.metadata.ownerReferences).toMatchObject([{ name: 'b' }]);
    api.delete('configmaps', 'b', 'ns');
    await settle();
    expect(get('child')).toBeUndefined();
  });

  test('goes at once when it names an owner that never was, or another of that name [SPEC C80]', async () => {
    configMap('a');
    configMap('child', [owner('a', { uid: 'another' })]);
    await settle();
    expect(get('child')).toBeUndefined();
    expect(get('a')).toBeDefined();
  });

  test('stays when the kind of its owner is unknown [SPEC C80]', async () => {
    configMap('child', [{ apiVersion: 'example.com/v1', kind: 'Widget', name: 'w', uid: 'u' }]);
    await settle();
    expect(get('child')).toBeDefined();
  });

  test('a Deployment takes its ReplicaSet and pods with it [SPEC C80]', async () => {
    api.create('deployments.apps', deploymentOf('web', { replicas: 3 }), user);
    await settle();
    expect([count('replicasets.apps'), count('pods')]).toEqual([1, 3]);
    api.delete('deployments.apps', 'web', 'ns');
    await settle();
    expect([count('replicasets.apps'), count('pods')]).toEqual([0, 0]);
  });
});

describe('an owner', () => {
  test('deleted in the foreground goes after those that block it [SPEC C81]', async () => {
    configMap('a');
    configMap('child', [owner('a', { blockOwnerDeletion: true })], ['example.com/wait']);
    await settle();
    api.delete('configmaps', 'a', 'ns', { propagationPolicy: 'Foreground' });
    await settle();
    expect(get('child')?.metadata.deletionTimestamp).toBeDefined();
    expect(get('a')?.metadata.finalizers).toEqual(['foregroundDeletion']);
    api.modify('configmaps', 'child', 'ns', (draft) => delete draft.metadata.finalizers, { actor: 'user' });
    await settle();
    expect([get('child'), get('a')]).toEqual([undefined, undefined]);
  });

  test('deleted in the foreground does not wait for those that do not block it [SPEC C81]', async () => {
    configMap('a');
    configMap('child', [owner('a', { blockOwnerDeletion: false })], ['example.com/wait']);
    await settle();
    api.delete('configmaps', 'a', 'ns', { propagationPolicy: 'Foreground' });
    await settle();
    expect(get('a')).toBeUndefined();
    expect(get('child')?.metadata.deletionTimestamp).toBeDefined();
  });

  test('deleted with orphan leaves its own behind, without the reference [SPEC C81]', async () => {
    api.create('deployments.apps', deploymentOf('web', { replicas: 2 }), user);
    await settle();
    api.delete('deployments.apps', 'web', 'ns', { propagationPolicy: 'Orphan' });
    await settle();
    expect(api.get('deployments.apps', 'web', 'ns')).toBeUndefined();
    expect(api.list('replicasets.apps', { namespace: 'ns' })[0]?.metadata.ownerReferences).toBeUndefined();
    expect(count('pods')).toBe(2);
    api.create('deployments.apps', deploymentOf('web', { replicas: 2 }), user);
    await settle();
    expect([count('replicasets.apps'), count('pods')]).toEqual([1, 2]);
  });
});

describe('a namespace', () => {
  test('gets its ServiceAccount, again when that is deleted [SPEC C82]', async () => {
    api.create('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'fresh' } }, { actor: 'user' });
    await settle();
    expect(api.get('serviceaccounts', 'default', 'fresh')).toBeDefined();
    api.delete('serviceaccounts', 'default', 'fresh');
    await settle();
    expect(api.get('serviceaccounts', 'default', 'fresh')).toBeDefined();
  });

  test('that is deleted is emptied, then goes [SPEC C82]', async () => {
    api.create('deployments.apps', deploymentOf('web', { replicas: 3 }), user);
    configMap('a');
    await settle();
    api.delete('namespaces', 'ns', undefined);
    await settle();
    expect(api.get('namespaces', 'ns')).toBeUndefined();
    expect(['configmaps', 'deployments.apps', 'replicasets.apps', 'pods', 'serviceaccounts'].map(count)).toEqual([
      0, 0, 0, 0, 0,
    ]);
  });

  test('says what it still waits for [SPEC C82]', async () => {
    configMap('held', [], ['example.com/wait']);
    api.delete('namespaces', 'ns', undefined);
    await settle();
    const namespace = api.get('namespaces', 'ns');
    expect(namespace?.status.phase).toBe('Terminating');
    expect(namespace?.status.conditions).toMatchObject([
      { type: 'NamespaceDeletionDiscoveryFailure', status: 'False', reason: 'ResourcesDiscovered' },
      { type: 'NamespaceDeletionGroupVersionParsingFailure', status: 'False', reason: 'ParsedGroupVersions' },
      { type: 'NamespaceDeletionContentFailure', status: 'False', reason: 'ContentDeleted' },
      {
        type: 'NamespaceContentRemaining',
        status: 'True',
        reason: 'SomeResourcesRemain',
        message: 'Some resources are remaining: configmaps. has 1 resource instances',
      },
      {
        type: 'NamespaceFinalizersRemaining',
        status: 'True',
        reason: 'SomeFinalizersRemain',
        message: 'Some content in the namespace has finalizers remaining: example.com/wait in 1 resource instances',
      },
    ]);
    api.modify('configmaps', 'held', 'ns', (draft) => delete draft.metadata.finalizers, { actor: 'user' });
    await settle();
    expect(api.get('namespaces', 'ns')).toBeUndefined();
  });
});
