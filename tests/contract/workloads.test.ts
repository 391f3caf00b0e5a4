/** Deployments, ReplicaSets, StatefulSets and DaemonSets at work, with a kubelet of the test's own. [SPEC C95] */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';
import { MERGE_PATCH, openSetting, podOf, STRATEGIC_PATCH, workloadOf } from './setting.ts';

const on = openSetting('workloads');
const here = { nodeSelector: { suite: on.namespace }, terminationGracePeriodSeconds: 1 };

beforeAll(async () => {
  await on.makeNode('a');
  await on.makeNode('b');
  await on.startKubelet();
});

const podsOf = (app: string): Promise<Json[]> => on.cluster.api.items(`${on.at('pods')}?labelSelector=app%3D${app}`);
const setsOf = (app: string): Promise<Json[]> =>
  on.cluster.api.items(`${on.at('replicasets.apps')}?labelSelector=app%3D${app}`);
const eventsOf = async (kind: string, name: string): Promise<string[]> =>
  (
    await on.cluster.api.items(
      `${on.at('events')}?fieldSelector=involvedObject.kind%3D${kind},involvedObject.name%3D${name}`,
    )
  ).map(({ type, reason, message }: Json) => on.plain(`${type} ${reason} ${message}`));
/** Events may come a moment after what they tell of. */
const soonEventsOf = (kind: string, name: string, count: number): Promise<string[]> =>
  waitFor(`${count} Events of ${name}`, async () => {
    const seen = await eventsOf(kind, name);
    return seen.length >= count ? seen : undefined;
  });
const settled = (resource: string, replicas: number): Promise<Json> =>
  waitFor(
    `${resource} settled at ${replicas}`,
    async () => {
      const { metadata, spec, status } = await on.get(resource);
      const {
        observedGeneration,
        updatedReplicas,
        readyReplicas = 0,
        replicas: all = 0,
        availableReplicas = 0,
      } = status;
      const isDone =
        observedGeneration === metadata.generation &&
        [readyReplicas, all, availableReplicas].every((one) => one === replicas);
      return isDone && (updatedReplicas ?? 0) === replicas && (spec.replicas ?? replicas) === replicas
        ? { metadata, spec, status }
        : undefined;
    },
    15_000,
  );
const image = (name: string): Json => ({ spec: { template: { spec: { containers: [{ name: 'c', image: name }] } } } });

describe('a Deployment [SPEC C95]', () => {
  test('comes up: its status, its ReplicaSet, its Pods, its Events', async () => {
    await on.call('POST', 'deployments.apps', workloadOf('web', { replicas: 2 }, here));
    const { metadata, status } = await settled('deployments.apps/web', 2);
    expect(on.plain(metadata.annotations)).toMatchSnapshot();
    status.conditions.sort((a: Json, b: Json) => a.type.localeCompare(b.type));
    expect(on.plain(status)).toMatchSnapshot();
    const [set] = await setsOf('web');
    expect(on.plain({ ...set, status: { ...set.status, observedGeneration: 0 } })).toMatchSnapshot();
    const [pod] = await podsOf('web');
    expect(on.plain({ metadata: pod.metadata, spec: { ...pod.spec, nodeName: 'ANY' } })).toMatchSnapshot();
    expect(await soonEventsOf('Deployment', 'web', 1)).toMatchSnapshot();
    const created = await soonEventsOf('ReplicaSet', set.metadata.name, 2);
    expect(created).toMatchSnapshot();
  });

  test('rolls to a new template within its limits, and keeps the old ReplicaSet at zero', async () => {
    // What is asked for stays within the limits; statuses of ReplicaSets follow one by one and may add up to more for a moment.
    const asked = new Map<string, number>();
    let most = 0;
    let least = 9;
    const sets = await on.cluster.api.watch(on.at('replicasets.apps'), ({ object }) => {
      if (!object.metadata.name.startsWith('web-')) return;
      asked.set(object.metadata.name, object.spec.replicas ?? 0);
      most = Math.max(
        most,
        [...asked.values()].reduce((sum, one) => sum + one, 0),
      );
    });
    const watch = await on.cluster.api.watch(
      `${on.at('deployments.apps')}?fieldSelector=metadata.name%3Dweb`,
      ({ object }) => {
        least = Math.min(least, object.status.availableReplicas ?? 0);
      },
    );
    await on.call('PATCH', 'deployments.apps/web', image('nginx:2'), STRATEGIC_PATCH);
    const { metadata } = await settled('deployments.apps/web', 2);
    watch.stop();
    sets.stop();
    expect(metadata.annotations['deployment.kubernetes.io/revision']).toBe('2');
    expect([most, least >= 2]).toEqual([3, true]);
    const kept = (await setsOf('web')).map((one) => [
      one.metadata.annotations['deployment.kubernetes.io/revision'],
      one.spec.replicas,
    ]);
    expect(kept.sort()).toEqual([
      ['1', 0],
      ['2', 2],
    ]);
    expect((await soonEventsOf('Deployment', 'web', 5)).sort()).toMatchSnapshot();
  });

  test('takes the old ReplicaSet up again when the old template comes back', async () => {
    await on.call('PATCH', 'deployments.apps/web', image('nginx:1'), STRATEGIC_PATCH);
    await settled('deployments.apps/web', 2);
    const sets = await setsOf('web');
    const current = sets.find((one) => one.spec.replicas === 2);
    expect(sets).toHaveLength(2);
    expect(on.plain(current?.metadata.annotations)).toMatchSnapshot();
  });

  test('is scaled through /scale, and the generation counts it', async () => {
    const said = await on.say('PATCH', 'deployments.apps/web/scale', { spec: { replicas: 3 } }, MERGE_PATCH);
    expect(said).toMatchSnapshot();
    await settled('deployments.apps/web', 3);
    expect(on.plain(await on.get('deployments.apps/web/scale'))).toMatchSnapshot();
    await on.call('PATCH', 'deployments.apps/web', { spec: { replicas: 1 } }, MERGE_PATCH);
    await settled('deployments.apps/web', 1);
  });

  test('that is paused rolls nothing until it is resumed', async () => {
    await on.call('PATCH', 'deployments.apps/web', { spec: { paused: true } }, MERGE_PATCH);
    await on.call('PATCH', 'deployments.apps/web', image('nginx:3'), STRATEGIC_PATCH);
    const paused = await waitFor('the pause', async () => {
      const { metadata, status } = await on.get('deployments.apps/web');
      return status.observedGeneration === metadata.generation ? status : undefined;
    });
    expect(paused.conditions.find((one: Json) => one.type === 'Progressing')).toMatchObject({
      status: 'Unknown',
      reason: 'DeploymentPaused',
      message: 'Deployment is paused',
    });
    expect(await setsOf('web')).toHaveLength(2);
    await on.call('PATCH', 'deployments.apps/web', { spec: { paused: false } }, MERGE_PATCH);
    await settled('deployments.apps/web', 1);
    expect(await setsOf('web')).toHaveLength(3);
  });

  test('whose new Pods fail keeps the old ones, and says so past its deadline', async () => {
    await on.call(
      'PATCH',
      'deployments.apps/web',
      { spec: { progressDeadlineSeconds: 1, template: image('nginx:broken').spec.template } },
      STRATEGIC_PATCH,
    );
    const conditions = await waitFor(
      'the deadline',
      async () => {
        const { status } = await on.get('deployments.apps/web');
        return status.conditions.some((one: Json) => one.reason === 'ProgressDeadlineExceeded')
          ? status.conditions
          : undefined;
      },
      15_000,
    );
    expect(on.plain(conditions.sort((a: Json, b: Json) => a.type.localeCompare(b.type)))).toMatchSnapshot();
    expect((await podsOf('web')).map((pod) => pod.spec.containers[0].image).sort()).toEqual([
      'nginx:3',
      'nginx:broken',
    ]);
  });

  test('of Recreate ends the old before it starts the new', async () => {
    await on.call(
      'POST',
      'deployments.apps',
      workloadOf('again', { replicas: 2, strategy: { type: 'Recreate' } }, here),
    );
    await settled('deployments.apps/again', 2);
    let mixed = false;
    const alive = new Map<string, string>();
    const watch = await on.cluster.api.watch(`${on.at('pods')}?labelSelector=app%3Dagain`, ({ type, object }) => {
      if (type === 'DELETED') alive.delete(object.metadata.uid);
      else alive.set(object.metadata.uid, object.spec.containers[0].image);
      mixed ||= new Set(alive.values()).size > 1;
    });
    await on.call('PATCH', 'deployments.apps/again', image('nginx:2'), STRATEGIC_PATCH);
    await settled('deployments.apps/again', 2);
    watch.stop();
    expect(mixed).toBe(false);
  });
});

describe('a ReplicaSet [SPEC C95]', () => {
  test('adopts what fits, replaces what is lost, releases what is relabelled', async () => {
    await on.call('POST', 'pods', podOf('found', here, { labels: { app: 'rs' } }));
    await on.call('POST', 'replicasets.apps', workloadOf('rs', { replicas: 2 }, here));
    await waitFor('two', async () => (await on.get('replicasets.apps/rs')).status.readyReplicas === 2);
    const pods = await podsOf('rs');
    expect(pods).toHaveLength(2);
    expect(on.plain((await on.get('pods/found')).metadata.ownerReferences)).toMatchSnapshot();
    await on.call('PATCH', 'pods/found', { metadata: { labels: { app: 'freed' } } }, MERGE_PATCH);
    await waitFor('a third', async () => (await podsOf('rs')).length === 2);
    await waitFor('its freedom', async () => (await on.get('pods/found')).metadata.ownerReferences === undefined);
    const [lost] = await podsOf('rs');
    await on.call('DELETE', `pods/${lost?.metadata.name}`);
    await waitFor('another in its place, Ready', async () => {
      const left = await podsOf('rs');
      const isReady = (pod: Json): boolean =>
        pod.status.conditions?.some((one: Json) => one.type === 'Ready' && one.status === 'True');
      return left.length === 2 && left.every((pod) => pod.metadata.uid !== lost?.metadata.uid && isReady(pod));
    });
    // The status follows the Pods; until it has, it may still be that of before the loss.
    const areCounted = async (): Promise<boolean> => {
      const { status } = await on.get('replicasets.apps/rs');
      return status.readyReplicas === 2 && status.availableReplicas === 2 && status.replicas === 2;
    };
    await waitFor('both counted for good', async () => {
      if (!(await areCounted())) return false;
      await new Promise((resolve) => setTimeout(resolve, 300));
      return areCounted();
    });
    expect(on.plain((await on.get('replicasets.apps/rs')).status)).toMatchSnapshot();
  });

  test('that may not make Pods says so', async () => {
    await on.call(
      'POST',
      'replicasets.apps',
      workloadOf('refused', { replicas: 1 }, { ...here, serviceAccountName: 'nobody' }),
    );
    const [condition] = await waitFor(
      'its condition',
      async () => (await on.get('replicasets.apps/refused')).status.conditions,
    );
    expect(on.plain(condition)).toMatchSnapshot();
    expect((await soonEventsOf('ReplicaSet', 'refused', 1))[0]).toMatchSnapshot();
  });
});

describe('a StatefulSet [SPEC C95]', () => {
  test('makes its Pods in order and by name, and rolls from the last', async () => {
    await on.call('POST', 'statefulsets.apps', workloadOf('db', { replicas: 2, serviceName: 'db' }, here));
    const { status } = await settled('statefulsets.apps/db', 2);
    expect(on.plain({ ...status, currentRevision: '', updateRevision: '' })).toMatchSnapshot();
    const pods = await podsOf('db');
    expect(pods.map((pod) => pod.metadata.name)).toEqual(['db-0', 'db-1']);
    expect(Object.keys(pods[0]?.metadata.labels).sort()).toMatchSnapshot();
    expect([pods[0]?.spec.hostname, pods[0]?.spec.subdomain]).toEqual(['db-0', 'db']);
    expect(await soonEventsOf('StatefulSet', 'db', 2)).toMatchSnapshot();
    await on.call('PATCH', 'statefulsets.apps/db', image('nginx:2'), STRATEGIC_PATCH);
    await waitFor(
      'both rolled',
      async () => {
        const { metadata, status: now } = await on.get('statefulsets.apps/db');
        if (now.observedGeneration !== metadata.generation) return false;
        return now.currentRevision === now.updateRevision && now.updatedReplicas === 2 && now.readyReplicas === 2;
      },
      15_000,
    );
    expect((await podsOf('db')).map((pod) => pod.spec.containers[0].image)).toEqual(['nginx:2', 'nginx:2']);
    const revisions = await on.cluster.api.items(`${on.at('controllerrevisions.apps')}?labelSelector=app%3Ddb`);
    expect(revisions.map((one) => one.revision).sort()).toEqual([1, 2]);
  });
});

describe('a DaemonSet [SPEC C95]', () => {
  test('has one Pod a Node that it may be on', async () => {
    await on.call('POST', 'daemonsets.apps', workloadOf('agent', {}, here));
    const status = await waitFor(
      'both',
      async () => {
        const seen = (await on.get('daemonsets.apps/agent')).status;
        return seen.numberAvailable === 2 && seen.updatedNumberScheduled === 2 ? seen : undefined;
      },
      15_000,
    );
    expect(on.plain(status)).toMatchSnapshot();
    const pods = await podsOf('agent');
    expect(pods.map((pod) => pod.spec.nodeName).sort()).toEqual([on.node('a'), on.node('b')]);
    const [pod] = pods;
    expect(
      on.plain({ tolerations: pod?.spec.tolerations, affinity: pod?.spec.affinity }).tolerations,
    ).toMatchSnapshot();
    expect(Object.keys(pod?.metadata.labels).sort()).toMatchSnapshot();
  });
});
