/** Rollouts of the three workloads in all their ways, and the budgets that watch over them. [SPEC C95] */
import { describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { noContractKubectl, noKubectl } from '../support/kubectl.ts';
import { waitFor } from '../support/wait.ts';
import {
  condition,
  eventsOf,
  here,
  imagesOf,
  LONG_MS,
  namesOf,
  on,
  patch,
  podsOf,
  ready,
  remove,
  rolled,
  setImage,
  setsOf,
  statusWhen,
} from './lifecycle-rollouts.ts';
import { workloadOf } from './setting.ts';

describe('a Deployment [SPEC C95]', () => {
  test('with Recreate starts nothing new before the last old Pod is gone', async () => {
    await on.call(
      'POST',
      'deployments.apps',
      workloadOf('fresh', { replicas: 2, strategy: { type: 'Recreate' } }, here),
    );
    await statusWhen('deployments.apps/fresh', 'up', ready(2));
    const mixed: string[][] = [];
    const alive = new Map<string, string>();
    const watch = await on.cluster.api.watch(`${on.at('pods')}?labelSelector=app%3Dfresh`, ({ type, object }) => {
      if (type === 'DELETED') alive.delete(object.metadata.name);
      else alive.set(object.metadata.name, object.spec.containers[0].image);
      const images = [...new Set(alive.values())];
      if (images.length > 1) mixed.push(images);
    });
    await setImage('deployments.apps/fresh', 'nginx:2');
    await statusWhen('deployments.apps/fresh', 'rolled', ready(2));
    watch.stop();
    expect(mixed).toEqual([]);
    expect(await setsOf('fresh')).toEqual(['revision 1: 0', 'revision 2: 2']);
    expect(await eventsOf('Deployment', 'fresh', 3)).toMatchSnapshot();
    await remove('deployments.apps/fresh');
  });

  test.skipIf(noKubectl)('that is paused is sized, rolls nothing, and goes on when it is resumed', async () => {
    await on.call('POST', 'deployments.apps', workloadOf('held', { replicas: 1 }, here));
    await statusWhen('deployments.apps/held', 'up', ready(1));
    expect(await on.kubectl('rollout pause deployment/held')).toMatchSnapshot();
    const paused = await statusWhen(
      'deployments.apps/held',
      'paused',
      (status) => condition(status, 'Progressing').reason === 'DeploymentPaused',
    );
    expect(condition(paused, 'Progressing')).toMatchSnapshot();
    await setImage('deployments.apps/held', 'nginx:2');
    await patch('deployments.apps/held', { spec: { replicas: 2 } });
    await statusWhen('deployments.apps/held', 'sized', (status) => status.readyReplicas === 2);
    expect(await setsOf('held')).toEqual(['revision 1: 2']);
    expect(await on.kubectl('rollout resume deployment/held')).toMatchSnapshot();
    await statusWhen('deployments.apps/held', 'rolled', ready(2));
    expect(await setsOf('held')).toEqual(['revision 1: 0', 'revision 2: 2']);
    await remove('deployments.apps/held');
  });

  test('shares a new size out in the middle of a rollout', async () => {
    const strategy = { rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } };
    await on.call('POST', 'deployments.apps', workloadOf('share', { replicas: 10, strategy }, here));
    await statusWhen('deployments.apps/share', 'up', ready(10));
    await setImage('deployments.apps/share', 'broken:1');
    await waitFor('the middle', async () => (await setsOf('share')).join() === 'revision 1: 8,revision 2: 5', LONG_MS);
    await patch('deployments.apps/share', { spec: { replicas: 15 } });
    await waitFor(
      'the new size',
      async () => (await setsOf('share')).join() !== 'revision 1: 8,revision 2: 5',
      LONG_MS,
    );
    const status = await statusWhen(
      'deployments.apps/share',
      'sized',
      ({ replicas, availableReplicas }) => replicas === 18 && availableReplicas === 11,
    );
    expect(await setsOf('share')).toMatchSnapshot();
    expect({ ...status, conditions: [], observedGeneration: 0 }).toMatchSnapshot();
    await remove('deployments.apps/share');
  });

  test.skipIf(noKubectl)('says when it is past its deadline, and that it came after all', async () => {
    const spec = { replicas: 1, progressDeadlineSeconds: 2 };
    await on.call(
      'POST',
      'deployments.apps',
      workloadOf('late', spec, { ...here, containers: [{ name: 'c', image: 'broken:1' }] }),
    );
    const late = await statusWhen(
      'deployments.apps/late',
      'late',
      (status) => condition(status, 'Progressing')?.reason === 'ProgressDeadlineExceeded',
    );
    expect(condition(late, 'Progressing')).toMatchSnapshot();
    expect(await on.kubectl.try('rollout status deployment/late')).toMatchSnapshot();
    await setImage('deployments.apps/late', 'nginx:1');
    const done = await statusWhen('deployments.apps/late', 'up', ready(1));
    expect(condition(done, 'Available')).toMatchSnapshot();
    await waitFor(
      'progress',
      async () =>
        condition((await on.get('deployments.apps/late')).status, 'Progressing').reason === 'NewReplicaSetAvailable',
    );
    await remove('deployments.apps/late');
  });

  test.skipIf(noContractKubectl)('keeps as much history as it is told, shows it and goes back', async () => {
    await on.call('POST', 'deployments.apps', workloadOf('past', { replicas: 1, revisionHistoryLimit: 2 }, here));
    for (const tag of [1, 2, 3, 4]) {
      await setImage('deployments.apps/past', `nginx:${tag}`);
      await patch('deployments.apps/past', {
        metadata: { annotations: { 'kubernetes.io/change-cause': `to ${tag}` } },
      });
      await statusWhen('deployments.apps/past', `at ${tag}`, ready(1));
    }
    await waitFor('the clean-up', async () => (await setsOf('past')).length === 3, LONG_MS);
    expect(await on.kubectl('rollout history deployment/past')).toMatchSnapshot();
    const detail = await on.kubectl('rollout history deployment/past --revision=3');
    expect(on.plain(detail).replace(/pod-template-hash=\S+/, 'pod-template-hash=HASH')).toMatchSnapshot();
    expect(await on.kubectl('rollout undo deployment/past')).toMatchSnapshot();
    await statusWhen('deployments.apps/past', 'back', ready(1));
    expect(await imagesOf('past').then((all) => all.map((one) => one.split(' ')[1]))).toEqual(['nginx:3']);
    expect(await on.kubectl('rollout history deployment/past')).toMatchSnapshot();
    expect(await on.kubectl('rollout undo deployment/past --to-revision=2')).toMatchSnapshot();
    await statusWhen('deployments.apps/past', 'further back', ready(1));
    expect(await on.kubectl.try('rollout undo deployment/past --to-revision=99')).toMatchSnapshot();
    expect(await on.kubectl('rollout restart deployment/past')).toMatchSnapshot();
    await statusWhen('deployments.apps/past', 'restarted', ready(1));
    expect(await on.kubectl('rollout status deployment/past')).toMatchSnapshot();
    await remove('deployments.apps/past');
  });
});

describe('a StatefulSet [SPEC C95]', () => {
  const at = (name: string, spec: Json = {}, pod: Json = {}): Json =>
    workloadOf(name, { replicas: 3, serviceName: name, ...spec }, { ...here, ...pod });
  const tidy = (status: Json): Json => ({ ...status, currentRevision: '', updateRevision: '', observedGeneration: 0 });

  test.skipIf(noKubectl)('with a partition updates from there on only', async () => {
    const updateStrategy = { rollingUpdate: { partition: 2 } };
    await on.call('POST', 'statefulsets.apps', at('part', { updateStrategy }));
    await statusWhen('statefulsets.apps/part', 'up', rolled(3));
    await setImage('statefulsets.apps/part', 'nginx:2');
    const status = await statusWhen(
      'statefulsets.apps/part',
      'as far as it goes',
      (now) => now.updatedReplicas === 1 && now.readyReplicas === 3,
    );
    expect(tidy(status)).toMatchSnapshot();
    expect(await imagesOf('part')).toEqual(['part-0 nginx:1', 'part-1 nginx:1', 'part-2 nginx:2']);
    expect(await on.kubectl('rollout status statefulset/part')).toMatchSnapshot();
    await on.raw('DELETE', 'pods/part-0');
    await waitFor('another of the old', async () => (await podsOf('part')).length === 3);
    expect((await on.get('pods/part-0')).spec.containers[0].image).toBe('nginx:1');
    await patch('statefulsets.apps/part', { spec: { updateStrategy: { rollingUpdate: { partition: 0 } } } });
    expect(tidy(await statusWhen('statefulsets.apps/part', 'all', rolled(3)))).toMatchSnapshot();
    expect(await on.kubectl('rollout history statefulset/part')).toMatchSnapshot();
    expect(await on.kubectl('rollout undo statefulset/part')).toMatchSnapshot();
    await statusWhen('statefulsets.apps/part', 'back', rolled(3));
    expect(await imagesOf('part')).toEqual(['part-0 nginx:1', 'part-1 nginx:1', 'part-2 nginx:1']);
    expect(await on.kubectl('rollout history statefulset/part')).toMatchSnapshot();
    await remove('statefulsets.apps/part');
  });

  test.skipIf(noKubectl)('with OnDelete updates what is deleted by hand', async () => {
    await on.call('POST', 'statefulsets.apps', at('hand', { replicas: 2, updateStrategy: { type: 'OnDelete' } }));
    await statusWhen('statefulsets.apps/hand', 'up', (status) => status.readyReplicas === 2);
    await setImage('statefulsets.apps/hand', 'nginx:2');
    await statusWhen('statefulsets.apps/hand', 'seen', (status) => status.updateRevision !== status.currentRevision);
    await on.raw('DELETE', 'pods/hand-1');
    const status = await statusWhen(
      'statefulsets.apps/hand',
      'one new',
      (now) => now.updatedReplicas === 1 && now.readyReplicas === 2,
    );
    expect(tidy(status)).toMatchSnapshot();
    expect(await imagesOf('hand')).toEqual(['hand-0 nginx:1', 'hand-1 nginx:2']);
    expect(await on.kubectl.try('rollout status statefulset/hand')).toMatchSnapshot();
    await remove('statefulsets.apps/hand');
  });

  test('stops at the first Pod that does not come up; in parallel it does not', async () => {
    const broken = { containers: [{ name: 'c', image: 'broken:1' }] };
    await on.call('POST', 'statefulsets.apps', at('stuck', {}, broken));
    await on.call('POST', 'statefulsets.apps', at('all', { podManagementPolicy: 'Parallel' }, broken));
    await waitFor('all of them', async () => (await podsOf('all')).length === 3);
    expect(
      tidy(await statusWhen('statefulsets.apps/all', 'counted', ({ replicas }) => replicas === 3)),
    ).toMatchSnapshot();
    expect(
      tidy(await statusWhen('statefulsets.apps/stuck', 'counted', ({ replicas }) => replicas === 1)),
    ).toMatchSnapshot();
    expect(await namesOf('stuck')).toEqual(['stuck-0']);
    for (const name of ['stuck', 'all']) await remove(`statefulsets.apps/${name}`);
  });

  test('counts from where it is told, and goes down from the highest', async () => {
    await on.call('POST', 'statefulsets.apps', at('from', { ordinals: { start: 5 } }));
    await statusWhen('statefulsets.apps/from', 'up', rolled(3));
    expect(await namesOf('from')).toEqual(['from-5', 'from-6', 'from-7']);
    const gone: string[] = [];
    const watch = await on.cluster.api.watch(`${on.at('pods')}?labelSelector=app%3Dfrom`, ({ type, object }) => {
      if (type === 'DELETED') gone.push(object.metadata.name);
    });
    await patch('statefulsets.apps/from', { spec: { replicas: 1 } });
    await waitFor('two gone', () => gone.length === 2, LONG_MS);
    watch.stop();
    expect(gone).toEqual(['from-7', 'from-6']);
    expect(await eventsOf('StatefulSet', 'from', 5)).toMatchSnapshot();
    await remove('statefulsets.apps/from');
  });

  test('keeps its claims or lets them go with their Pods, as it is told', async () => {
    const volumeClaimTemplates = [
      {
        metadata: { name: 'data' },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
      },
    ];
    const claim = async (name: string): Promise<Json> =>
      on.plain((await on.get(`persistentvolumeclaims/${name}`)).metadata.ownerReferences);
    // No volume is ever bound here: the Pods need not run for the claims to be made.
    const spec = { replicas: 2, podManagementPolicy: 'Parallel', volumeClaimTemplates };
    await on.call('POST', 'statefulsets.apps', at('keeps', spec));
    const policy = { whenDeleted: 'Delete', whenScaled: 'Delete' };
    await on.call('POST', 'statefulsets.apps', at('drops', { ...spec, persistentVolumeClaimRetentionPolicy: policy }));
    for (const name of ['data-keeps-1', 'data-drops-1', 'data-drops-0']) {
      await waitFor(name, async () => Boolean(await on.cluster.api.find(on.at(`persistentvolumeclaims/${name}`))));
    }
    expect(await claim('data-keeps-1')).toBeUndefined();
    await waitFor('its owner', async () => (await claim('data-drops-0')) !== undefined);
    expect(await claim('data-drops-0')).toMatchSnapshot();
    for (const name of ['keeps', 'drops']) await patch(`statefulsets.apps/${name}`, { spec: { replicas: 1 } });
    await waitFor('the end of its Pod', async () => (await namesOf('drops')).join() === 'drops-0', LONG_MS);
    await waitFor(
      'the end of the claim',
      async () => {
        const found = await on.cluster.api.find(on.at('persistentvolumeclaims/data-drops-1'));
        return found === undefined || found.metadata.deletionTimestamp !== undefined;
      },
      LONG_MS,
    );
    expect((await on.get('persistentvolumeclaims/data-keeps-1')).metadata.deletionTimestamp).toBeUndefined();
    expect(await claim('data-drops-0')).toMatchSnapshot();
    for (const name of ['keeps', 'drops']) await remove(`statefulsets.apps/${name}`);
    await waitFor(
      'the end of the last claim',
      async () => {
        const found = await on.cluster.api.find(on.at('persistentvolumeclaims/data-drops-0'));
        return found === undefined || found.metadata.deletionTimestamp !== undefined;
      },
      LONG_MS,
    );
  });

  test('makes a Pod that failed again under its name', async () => {
    await on.call('POST', 'statefulsets.apps', at('again', { replicas: 1 }));
    await statusWhen('statefulsets.apps/again', 'up', rolled(1));
    const { uid } = (await on.get('pods/again-0')).metadata;
    await patch('pods/again-0/status', { status: { phase: 'Failed' } });
    await waitFor(
      'another',
      async () => {
        const [pod] = await podsOf('again');
        return pod !== undefined && pod.metadata.uid !== uid;
      },
      LONG_MS,
    );
    expect((await eventsOf('StatefulSet', 'again', 2)).slice(0, 2)).toMatchSnapshot();
    await remove('statefulsets.apps/again');
  });

  test('counts a Pod as available after minReadySeconds', async () => {
    await on.call('POST', 'statefulsets.apps', at('slow', { replicas: 2, minReadySeconds: 2 }));
    const early = await statusWhen('statefulsets.apps/slow', 'with one', (status) => status.readyReplicas === 1);
    expect(early.replicas).toBe(1);
    const status = await statusWhen('statefulsets.apps/slow', 'available', (now) => now.availableReplicas === 2);
    expect(tidy(status)).toMatchSnapshot();
    await remove('statefulsets.apps/slow');
  });
});

describe('a DaemonSet [SPEC C95]', () => {
  const spread = (name: string, spec: Json = {}, pod: Json = {}): Json => workloadOf(name, spec, { ...here, ...pod });
  const onBoth = (status: Json): boolean =>
    status.numberAvailable === 2 && status.updatedNumberScheduled === 2 && status.desiredNumberScheduled === 2;

  test.skipIf(noContractKubectl)('replaces one Pod after the other, tells its history and goes back', async () => {
    await on.call('POST', 'daemonsets.apps', spread('roll'));
    await statusWhen('daemonsets.apps/roll', 'up', onBoth);
    let least = 9;
    const watch = await on.cluster.api.watch(
      `${on.at('daemonsets.apps')}?fieldSelector=metadata.name%3Droll`,
      ({ object }) => {
        least = Math.min(least, object.status.numberAvailable ?? 0);
      },
    );
    await setImage('daemonsets.apps/roll', 'nginx:2');
    await statusWhen('daemonsets.apps/roll', 'rolled', onBoth);
    watch.stop();
    expect(least).toBeGreaterThanOrEqual(1);
    expect(await on.kubectl('rollout history daemonset/roll')).toMatchSnapshot();
    expect(on.plain(await on.kubectl('rollout history daemonset/roll --revision=1'))).toMatchSnapshot();
    expect(await on.kubectl('rollout undo daemonset/roll')).toMatchSnapshot();
    await statusWhen('daemonsets.apps/roll', 'back', onBoth);
    await waitFor('the old image', async () => (await imagesOf('roll')).every((one) => one.endsWith('nginx:1')));
    expect(await on.kubectl('rollout history daemonset/roll')).toMatchSnapshot();
    expect(await on.kubectl('rollout restart daemonset/roll')).toMatchSnapshot();
    await statusWhen('daemonsets.apps/roll', 'restarted', onBoth);
    expect(await on.kubectl('rollout status daemonset/roll')).toMatchSnapshot();
    await remove('daemonsets.apps/roll');
  });

  test('with surge makes the new Pod before the old one goes', async () => {
    const updateStrategy = { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
    await on.call('POST', 'daemonsets.apps', spread('surge', { updateStrategy }));
    await statusWhen('daemonsets.apps/surge', 'up', onBoth);
    const isReady = (pod: Json): boolean =>
      pod.status.conditions?.some((one: Json) => one.type === 'Ready' && one.status === 'True') ?? false;
    const pods = new Map<string, Json>();
    /** By the Node on which an old Pod goes: whether the new one is Ready there by then. */
    const covered = new Map<string, boolean>();
    const watch = await on.cluster.api.watch(`${on.at('pods')}?labelSelector=app%3Dsurge`, ({ object }) => {
      const { uid, deletionTimestamp } = object.metadata;
      const { nodeName } = object.spec;
      if (deletionTimestamp !== undefined && !covered.has(nodeName)) {
        const others = [...pods.values()].filter((pod) => pod.metadata.uid !== uid && pod.spec.nodeName === nodeName);
        covered.set(nodeName, others.some(isReady));
      }
      pods.set(uid, object);
    });
    await setImage('daemonsets.apps/surge', 'nginx:2');
    await statusWhen('daemonsets.apps/surge', 'rolled', onBoth);
    watch.stop();
    expect([...covered.values()]).toEqual([true, true]);
    await remove('daemonsets.apps/surge');
  });

  test.skipIf(noKubectl)('with OnDelete waits for hands; what is told it follows', async () => {
    await on.call('POST', 'daemonsets.apps', spread('hands', { updateStrategy: { type: 'OnDelete' } }));
    await statusWhen('daemonsets.apps/hands', 'up', onBoth);
    await setImage('daemonsets.apps/hands', 'nginx:2');
    const status = await statusWhen('daemonsets.apps/hands', 'seen', (now) => now.updatedNumberScheduled === undefined);
    expect({ ...status, observedGeneration: 0 }).toMatchSnapshot();
    const [pod] = await podsOf('hands');
    await on.raw('DELETE', `pods/${pod?.metadata.name}`);
    await statusWhen(
      'daemonsets.apps/hands',
      'one new',
      (now) => now.updatedNumberScheduled === 1 && now.numberReady === 2,
    );
    expect(await on.kubectl.try('rollout status daemonset/hands')).toMatchSnapshot();
    await remove('daemonsets.apps/hands');
  });

  test('follows the Nodes: a label comes, a taint comes, the Node is cordoned', async () => {
    const nodeSelector = { ...here.nodeSelector, agent: 'yes' };
    await on.call('POST', 'daemonsets.apps', spread('follow', {}, { nodeSelector }));
    const none = await statusWhen('daemonsets.apps/follow', 'nowhere', () => true);
    expect(none).toMatchSnapshot();
    const node = `/api/v1/nodes/${on.node('a')}`;
    const counted = (count: number) => (status: Json) =>
      status.desiredNumberScheduled === count && (status.numberAvailable ?? 0) === count;
    await patch(node, { spec: { unschedulable: true } });
    await patch(node, { metadata: { labels: { agent: 'yes' } } });
    await statusWhen('daemonsets.apps/follow', 'on the cordoned one', counted(1));
    await patch(node, { spec: { unschedulable: false } });
    await patch(node, { spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } });
    // A real controller looks again when something else wakes it.
    await patch('daemonsets.apps/follow', { metadata: { annotations: { look: 'again' } } });
    const misplaced = await statusWhen(
      'daemonsets.apps/follow',
      'misplaced',
      (status) => status.numberMisscheduled === 1,
    );
    expect({ ...misplaced, observedGeneration: 0 }).toMatchSnapshot();
    await patch(node, { spec: { taints: [{ key: 'k', effect: 'NoExecute' }] } });
    await waitFor('the end of its Pod', async () => (await podsOf('follow')).length === 0, LONG_MS);
    await patch(node, { spec: { taints: [] } });
    await statusWhen('daemonsets.apps/follow', 'back', counted(1));
    await patch(node, { metadata: { labels: { agent: null } } });
    await waitFor('its end', async () => (await podsOf('follow')).length === 0, LONG_MS);
    await remove('daemonsets.apps/follow');
  }, 60_000);
});
