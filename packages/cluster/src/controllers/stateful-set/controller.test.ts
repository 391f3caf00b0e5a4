import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../kinds/kind.ts';
import { settle, type TestApi, type VirtualClock } from '../testing.ts';
import { setReady, startKubelet, templateOf, told } from '../testing-workloads.ts';
import { worldForEachTest } from '../testing-world.ts';

const user = { actor: 'user', namespace: 'ns' };
let clock: VirtualClock;
let api: TestApi;
let endings: Array<() => void>;
worldForEachTest({ enabled: ['statefulset', 'garbage-collector'] }, (world) => {
  ({ clock, api, endings } = world);
});

const statefulSet = (spec: Record<string, unknown> = {}) =>
  api.create(
    'statefulsets.apps',
    {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'db' },
      spec: {
        replicas: 3,
        serviceName: 'db',
        selector: { matchLabels: { app: 'db' } },
        template: templateOf({ app: 'db' }),
        ...spec,
      },
    },
    user,
  );
const change = (spec: Record<string, unknown>) =>
  api.modify('statefulsets.apps', 'db', 'ns', (draft) => Object.assign(draft.spec, spec), user);
const get = () => api.get('statefulsets.apps', 'db', 'ns');
const pods = () => api.list('pods', { namespace: 'ns' }).sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
const names = () => pods().map((pod) => pod.metadata.name);
const images = () => pods().map((pod) => pod.spec.containers[0].image);
const runPods = (shouldRun?: (pod: KubeObject) => boolean) => endings.push(startKubelet(api, clock, shouldRun));
const ready = (name: string) => {
  const pod = api.get('pods', name, 'ns');
  if (pod !== undefined) setReady(api, clock, pod, true);
};

describe('a StatefulSet', () => {
  test('makes its pods one after the other, each when those before are ready [SPEC C93]', async () => {
    statefulSet();
    await settle();
    expect(names()).toEqual(['db-0']);
    ready('db-0');
    await settle();
    expect(names()).toEqual(['db-0', 'db-1']);
    ready('db-1');
    await settle();
    ready('db-2');
    await settle();
    expect(names()).toEqual(['db-0', 'db-1', 'db-2']);
    const revision = get()?.status.updateRevision;
    expect(pods()[2]?.metadata.labels).toEqual({
      app: 'db',
      'apps.kubernetes.io/pod-index': '2',
      'controller-revision-hash': revision,
      'statefulset.kubernetes.io/pod-name': 'db-2',
    });
    expect(pods()[2]?.spec).toMatchObject({ hostname: 'db-2', subdomain: 'db' });
    expect(get()?.status).toEqual({
      availableReplicas: 3,
      collisionCount: 0,
      currentReplicas: 3,
      currentRevision: revision,
      observedGeneration: 1,
      readyReplicas: 3,
      replicas: 3,
      updateRevision: revision,
      updatedReplicas: 3,
    });
    expect(told(api, 'StatefulSet')).toEqual(
      [0, 1, 2].map((n) => `SuccessfulCreate create Pod db-${n} in StatefulSet db successful`),
    );
  });

  test('with Parallel makes all at once; with ordinals.start begins there [SPEC C93]', async () => {
    statefulSet({ podManagementPolicy: 'Parallel', ordinals: { start: 5 } });
    await settle();
    expect(names()).toEqual(['db-5', 'db-6', 'db-7']);
  });

  test('shrinks from the highest, and makes a deleted or failed pod again under its name [SPEC C93]', async () => {
    runPods();
    statefulSet();
    await settle();
    change({ replicas: 1 });
    await settle();
    expect(names()).toEqual(['db-0']);
    const before = pods()[0]?.metadata.uid;
    api.modify('pods', 'db-0', 'ns', (draft) => Object.assign(draft.status, { phase: 'Failed' }), {
      actor: 'kubelet',
      subresource: 'status',
    });
    await settle();
    expect(names()).toEqual(['db-0']);
    expect(pods()[0]?.metadata.uid).not.toBe(before);
    expect(told(api, 'StatefulSet').filter((text) => text.startsWith('SuccessfulDelete'))).toEqual([
      'SuccessfulDelete delete Pod db-2 in StatefulSet db successful',
      'SuccessfulDelete delete Pod db-1 in StatefulSet db successful',
      'SuccessfulDelete delete Pod db-0 in StatefulSet db successful',
    ]);
  });

  test('updates from the highest down, and back again to the old revision [SPEC C94]', async () => {
    runPods();
    statefulSet();
    await settle();
    const first = get()?.status.currentRevision;
    change({ template: templateOf({ app: 'db' }, 'biz:2') });
    await settle();
    expect(images()).toEqual(['biz:2', 'biz:2', 'biz:2']);
    expect(get()?.status.currentRevision).not.toBe(first);
    change({ template: templateOf({ app: 'db' }) });
    await settle();
    expect(get()?.status).toMatchObject({ currentRevision: first, updateRevision: first, updatedReplicas: 3 });
    const revisions = api.list('controllerrevisions.apps', { namespace: 'ns' });
    expect(revisions.map(({ revision }) => revision).sort()).toEqual([2, 3]);
  });

  test('updates down to the partition only; a lost pod below it comes back as it was [SPEC C94]', async () => {
    runPods();
    statefulSet({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } });
    await settle();
    change({ template: templateOf({ app: 'db' }, 'biz:2') });
    await settle();
    expect(images()).toEqual(['biz:1', 'biz:1', 'biz:2']);
    api.delete('pods', 'db-0', 'ns', { gracePeriodSeconds: 0 });
    await settle();
    expect(images()).toEqual(['biz:1', 'biz:1', 'biz:2']);
    expect(get()?.status).toMatchObject({ currentReplicas: 2, updatedReplicas: 1 });
  });

  test('stops at a broken template until the stuck pod is deleted by hand [SPEC C94]', async () => {
    runPods((pod) => pod.spec.containers[0].image !== 'biz:broken');
    statefulSet();
    await settle();
    change({ template: templateOf({ app: 'db' }, 'biz:broken') });
    await settle();
    expect(images()).toEqual(['biz:1', 'biz:1', 'biz:broken']);
    change({ template: templateOf({ app: 'db' }, 'biz:3') });
    await settle();
    expect(images()).toEqual(['biz:1', 'biz:1', 'biz:broken']);
    api.delete('pods', 'db-2', 'ns');
    await settle();
    expect(images()).toEqual(['biz:3', 'biz:3', 'biz:3']);
  });

  test('makes each pod’s claims and leaves them when it shrinks [SPEC C93]', async () => {
    runPods();
    const volumeClaimTemplates = [
      {
        metadata: { name: 'data' },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
      },
    ];
    statefulSet({ replicas: 2, volumeClaimTemplates });
    await settle();
    change({ replicas: 1 });
    await settle();
    const claims = api.list('persistentvolumeclaims', { namespace: 'ns' }).map((claim) => claim.metadata.name);
    expect(claims.sort()).toEqual(['data-db-0', 'data-db-1']);
    expect(pods()[0]?.spec.volumes).toContainEqual({ name: 'data', persistentVolumeClaim: { claimName: 'data-db-0' } });
  });
});
