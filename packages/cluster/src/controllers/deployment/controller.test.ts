import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../kinds/kind.ts';
import { settle, type TestApi, type VirtualClock } from '../testing.ts';
import { deploymentOf, startKubelet, templateOf, told } from '../testing-workloads.ts';
import { worldForEachTest } from '../testing-world.ts';

const user = { actor: 'user', namespace: 'ns' };
let clock: VirtualClock;
let api: TestApi;
let endings: Array<() => void>;
let failures: unknown[];
worldForEachTest({ enabled: ['deployment', 'replicaset', 'garbage-collector'] }, (world) => {
  ({ clock, api, endings, failures } = world);
});

const runPods = (shouldRun?: (pod: KubeObject) => boolean) => endings.push(startKubelet(api, clock, shouldRun));
const get = (name = 'web') => api.get('deployments.apps', name, 'ns');
const change = (spec: Record<string, unknown>, name = 'web') =>
  api.modify('deployments.apps', name, 'ns', (draft) => Object.assign(draft.spec, spec), { actor: 'user' });
const sets = () => api.list('replicasets.apps', { namespace: 'ns' });
const scales = () => told(api, 'Deployment').map((text) => text.replace(/web-[a-z0-9]+/, (name) => letterOf(name)));
/** ReplicaSets by the order of their making: A, B, … */
const letterOf = (name: string) =>
  String.fromCharCode(
    65 +
      sets()
        .sort((a, b) => revision(a) - revision(b))
        .findIndex((set) => set.metadata.name === name),
  );
const revision = (set: KubeObject) => Number(set.metadata.annotations?.['deployment.kubernetes.io/revision']);
const progressing = () => get()?.status.conditions.find((c: { type: string }) => c.type === 'Progressing');

describe('a Deployment', () => {
  test('makes one ReplicaSet, named by its template, and says so [SPEC C70]', async () => {
    api.create('deployments.apps', deploymentOf('web', { replicas: 2 }), user);
    await settle();
    const [set] = sets();
    const hash = set?.metadata.labels?.['pod-template-hash'];
    expect(set?.metadata.name).toBe(`web-${hash}`);
    expect(hash).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{1,10}$/);
    expect(set?.metadata.annotations).toEqual({
      'deployment.kubernetes.io/desired-replicas': '2',
      'deployment.kubernetes.io/max-replicas': '3',
      'deployment.kubernetes.io/revision': '1',
    });
    expect(set?.spec.selector.matchLabels).toEqual({ app: 'web', 'pod-template-hash': hash });
    expect(get()?.metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('1');
    expect(scales()).toEqual(['ScalingReplicaSet Scaled up replica set A from 0 to 2']);
    expect(get()?.status).toMatchObject({
      observedGeneration: 1,
      replicas: 2,
      unavailableReplicas: 2,
      updatedReplicas: 2,
      conditions: [
        {
          type: 'Available',
          status: 'False',
          reason: 'MinimumReplicasUnavailable',
          message: 'Deployment does not have minimum availability.',
        },
        {
          type: 'Progressing',
          status: 'True',
          reason: 'ReplicaSetUpdated',
          message: `ReplicaSet "web-${hash}" is progressing.`,
        },
      ],
    });
  });

  test('is available and has progressed once its pods are ready [SPEC C70]', async () => {
    runPods();
    api.create('deployments.apps', deploymentOf('web', { replicas: 2 }), user);
    await settle();
    const name = sets()[0]?.metadata.name;
    expect(get()?.status).toMatchObject({
      replicas: 2,
      readyReplicas: 2,
      availableReplicas: 2,
      updatedReplicas: 2,
      conditions: [
        { type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable' },
        {
          type: 'Progressing',
          status: 'True',
          reason: 'NewReplicaSetAvailable',
          message: `ReplicaSet "${name}" has successfully progressed.`,
        },
      ],
    });
    expect(get()?.status.unavailableReplicas).toBeUndefined();
  });

  test('rolls to a new template within surge and unavailability [SPEC C71]', async () => {
    runPods();
    api.create('deployments.apps', deploymentOf('web', { replicas: 3 }), user);
    await settle();
    change({ template: templateOf({ app: 'web' }, 'biz:2') });
    await settle();
    expect(scales()).toEqual([
      'ScalingReplicaSet Scaled up replica set A from 0 to 3',
      'ScalingReplicaSet Scaled up replica set B from 0 to 1',
      'ScalingReplicaSet Scaled down replica set A from 3 to 2',
      'ScalingReplicaSet Scaled up replica set B from 1 to 2',
      'ScalingReplicaSet Scaled down replica set A from 2 to 1',
      'ScalingReplicaSet Scaled up replica set B from 2 to 3',
      'ScalingReplicaSet Scaled down replica set A from 1 to 0',
    ]);
    expect(get()?.metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('2');
  });

  test('waits for new pods to be ready before it takes more of the old ones [SPEC C71]', async () => {
    runPods((pod) => pod.spec.containers[0].image === 'biz:1');
    api.create('deployments.apps', deploymentOf('web', { replicas: 4 }), user);
    await settle();
    change({ template: templateOf({ app: 'web' }, 'biz:broken') });
    await settle();
    // maxSurge 25 % of 4 is 1, maxUnavailable is 1.
    expect(scales().slice(1)).toEqual([
      'ScalingReplicaSet Scaled up replica set B from 0 to 1',
      'ScalingReplicaSet Scaled down replica set A from 4 to 3',
      'ScalingReplicaSet Scaled up replica set B from 1 to 2',
    ]);
    expect(get()?.status).toMatchObject({
      replicas: 5,
      updatedReplicas: 2,
      availableReplicas: 3,
      unavailableReplicas: 2,
    });
    await clock.advance(602_000);
    expect(progressing()).toMatchObject({
      status: 'False',
      reason: 'ProgressDeadlineExceeded',
      message: expect.stringMatching(/^ReplicaSet "web-.*" has timed out progressing\.$/),
    });
  });

  test('undone, takes up the old ReplicaSet under a new revision [SPEC C72]', async () => {
    runPods();
    api.create('deployments.apps', deploymentOf('web'), user);
    await settle();
    const [first] = sets();
    change({ template: templateOf({ app: 'web' }, 'biz:2') });
    await settle();
    change({ template: templateOf({ app: 'web' }, 'biz:1') });
    await settle();
    expect(sets()).toHaveLength(2);
    const again = api.get('replicasets.apps', first?.metadata.name ?? '', 'ns');
    expect(again?.spec.replicas).toBe(1);
    expect(again?.metadata.annotations).toMatchObject({
      'deployment.kubernetes.io/revision': '3',
      'deployment.kubernetes.io/revision-history': '1',
    });
    expect(get()?.metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('3');
  });

  test('copies its annotations to the ReplicaSet, but for its own and the last applied [SPEC C72]', async () => {
    const annotations = {
      'kubernetes.io/change-cause': 'first',
      'kubectl.kubernetes.io/last-applied-configuration': '{}',
    };
    api.create('deployments.apps', deploymentOf('web', {}, { annotations }), user);
    await settle();
    expect(sets()[0]?.metadata.annotations).toMatchObject({ 'kubernetes.io/change-cause': 'first' });
    expect(sets()[0]?.metadata.annotations).not.toHaveProperty('kubectl.kubernetes.io/last-applied-configuration');
  });

  test('paused, is sized but rolls nothing; resumed, it rolls [SPEC C73]', async () => {
    runPods();
    api.create('deployments.apps', deploymentOf('web', { replicas: 2 }), user);
    await settle();
    change({ paused: true, template: templateOf({ app: 'web' }, 'biz:2') });
    await settle();
    expect(sets()).toHaveLength(1);
    expect(progressing()).toMatchObject({
      status: 'Unknown',
      reason: 'DeploymentPaused',
      message: 'Deployment is paused',
    });
    change({ replicas: 4 });
    await settle();
    expect(sets()[0]?.spec.replicas).toBe(4);
    change({ paused: false });
    await settle();
    expect(sets()).toHaveLength(2);
    expect(get()?.status).toMatchObject({ updatedReplicas: 4, availableReplicas: 4 });
    expect(progressing()?.reason).toBe('NewReplicaSetAvailable');
  });

  test('scaled in the middle of a rollout, shares the change out [SPEC C73]', async () => {
    runPods((pod) => pod.spec.containers[0].image === 'biz:1');
    api.create('deployments.apps', deploymentOf('web', { replicas: 10 }), user);
    await settle();
    change({ template: templateOf({ app: 'web' }, 'biz:broken') });
    await settle();
    const sizes = () =>
      sets()
        .sort((a, b) => revision(a) - revision(b))
        .map((set) => set.spec.replicas);
    expect(sizes()).toEqual([8, 5]);
    change({ replicas: 20 });
    await settle();
    expect(sizes()).toEqual([15, 10]);
  });

  test('with strategy Recreate, starts the new pods when the last old one is gone [SPEC C74]', async () => {
    api.create('nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } }, { actor: 'user' });
    api.create('deployments.apps', deploymentOf('web', { strategy: { type: 'Recreate' } }), user);
    await settle();
    const [old] = api.list('pods');
    api.bind('ns', old?.metadata.name ?? '', 'n', { actor: 'user' });
    await settle();
    change({ template: templateOf({ app: 'web' }, 'biz:2') });
    await settle();
    expect(sets()).toHaveLength(1);
    expect(api.list('pods').map((pod) => pod.metadata.deletionTimestamp !== undefined)).toEqual([true]);
    api.delete('pods', old?.metadata.name ?? '', 'ns', { gracePeriodSeconds: 0 });
    await settle();
    expect(sets()).toHaveLength(2);
    expect(api.list('pods').map((pod) => pod.spec.containers[0].image)).toEqual(['biz:2']);
  });

  test('keeps no more old ReplicaSets than its history limit [SPEC C72]', async () => {
    runPods();
    api.create('deployments.apps', deploymentOf('web', { revisionHistoryLimit: 1 }), user);
    for (const image of ['biz:2', 'biz:3', 'biz:4']) {
      await settle();
      change({ template: templateOf({ app: 'web' }, image) });
    }
    await settle();
    expect(
      sets()
        .map((set) => set.spec.template.spec.containers[0].image)
        .sort(),
    ).toEqual(['biz:3', 'biz:4']);
  });

  test('counts a hash collision and takes another name [SPEC C72]', async () => {
    api.create('deployments.apps', deploymentOf('web'), user);
    await settle();
    const [set] = sets();
    api.delete('deployments.apps', 'web', 'ns', { propagationPolicy: 'Orphan' });
    const taken = set?.metadata.name ?? '';
    api.modify(
      'replicasets.apps',
      taken,
      'ns',
      (draft) => {
        delete draft.metadata.ownerReferences;
        draft.metadata.labels = { other: 'one' };
      },
      { actor: 'user' },
    );
    api.modify('deployments.apps', 'web', 'ns', (draft) => delete draft.metadata.finalizers, { actor: 'user' });
    api.create('deployments.apps', deploymentOf('web'), user);
    await clock.advance(100);
    expect(get()?.status.collisionCount).toBe(1);
    expect(sets()).toHaveLength(2);
  });

  test('shows why its pods are refused [SPEC C74]', async () => {
    const { ApiError } = await import('../../api.ts');
    const message = 'pods "x" is forbidden: exceeded quota';
    api.refuse = (resource) =>
      resource === 'pods'
        ? new ApiError({
            kind: 'Status',
            apiVersion: 'v1',
            metadata: {},
            status: 'Failure',
            message,
            reason: 'Forbidden',
            code: 403,
          })
        : undefined;
    api.create('deployments.apps', deploymentOf('web', { replicas: 8 }), user);
    await settle();
    expect(sets()[0]?.status.conditions).toMatchObject([
      { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message },
    ]);
    expect(get()?.status.conditions).toContainEqual(
      expect.objectContaining({ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message }),
    );
    expect(told(api, 'ReplicaSet')[0]).toMatch(`FailedCreate Error creating: ${message}`);
    await clock.advance(20_000);
    expect(told(api, 'ReplicaSet')[0]).toMatch(/x\d+$/);
    expect(failures.splice(0)).not.toEqual([]);
    api.refuse = undefined;
    await clock.advance(20_000);
    expect(api.list('pods')).toHaveLength(8);
    expect(sets()[0]?.status.conditions).toBeUndefined();
  });

  test('counts a pod as available only after minReadySeconds [SPEC C74]', async () => {
    runPods();
    api.create('deployments.apps', deploymentOf('web', { minReadySeconds: 10 }), user);
    await settle();
    expect(get()?.status).toMatchObject({ readyReplicas: 1, unavailableReplicas: 1 });
    await clock.advance(9_000);
    expect(get()?.status.availableReplicas).toBeUndefined();
    await clock.advance(1_100);
    expect(get()?.status.availableReplicas).toBe(1);
  });
});
