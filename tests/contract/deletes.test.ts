/** DELETE: grace, finalizers, propagation, preconditions, and what the garbage collector makes of them. [SPEC C95] */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';
import { MERGE_PATCH, openSetting, podOf, workloadOf } from './setting.ts';

const on = openSetting('deletes');
const OTHER_UID = '00000000-0000-0000-0000-000000000000';
const isGone = async (resource: string): Promise<boolean> => (await on.raw('GET', resource)).status === 404;
const nameless = { nodeSelector: { suite: 'nowhere' } };

beforeAll(async () => {
  await on.makeNode('a');
});

/** A Pod on this suite's Node, where nobody confirms its end. */
async function boundPod(name: string, spec: Json = {}): Promise<Json> {
  return on.call('POST', 'pods', podOf(name, { nodeName: on.node('a'), ...spec }));
}

describe('DELETE of a Pod [SPEC C95]', () => {
  test('on no Node: gone at once', async () => {
    await on.call('POST', 'pods', podOf('free', nameless));
    await waitFor('its condition', async () => (await on.get('pods/free')).status.conditions);
    const said = await on.say('DELETE', 'pods/free');
    delete said.body.status;
    expect(said).toMatchSnapshot();
    expect(await isGone('pods/free')).toBe(true);
  });

  test('on a Node: marked, later only sooner, gone when its kubelet says so', async () => {
    const pod = await boundPod('held');
    const first = await on.call('DELETE', 'pods/held');
    expect(on.plain(first.metadata)).toMatchSnapshot();
    const ends = Date.parse(first.metadata.deletionTimestamp);
    expect((await on.call('DELETE', 'pods/held', { gracePeriodSeconds: 60 })).metadata.deletionTimestamp).toBe(
      first.metadata.deletionTimestamp,
    );
    const sooner = await on.call('DELETE', 'pods/held', { gracePeriodSeconds: 5 });
    // A real server counts again from its clock, whose second may have changed.
    expect([0, 1_000]).toContain(Date.parse(sooner.metadata.deletionTimestamp) - (ends - 25_000));
    const last = await on.call('DELETE', 'pods/held', {
      gracePeriodSeconds: 0,
      preconditions: { uid: pod.metadata.uid },
    });
    expect(last.metadata.deletionGracePeriodSeconds).toBe(0);
    expect([0, 1_000]).toContain(Date.parse(last.metadata.deletionTimestamp) - (ends - 30_000));
    expect(await isGone('pods/held')).toBe(true);
  });

  test('with its own grace, a negative one, and in the query', async () => {
    await boundPod('own', { terminationGracePeriodSeconds: 3 });
    expect((await on.call('DELETE', 'pods/own')).metadata.deletionGracePeriodSeconds).toBe(3);
    await boundPod('negative');
    expect(
      (await on.call('DELETE', 'pods/negative', { gracePeriodSeconds: -1 })).metadata.deletionGracePeriodSeconds,
    ).toBe(1);
    for (const name of ['own', 'negative']) await on.call('DELETE', `pods/${name}?gracePeriodSeconds=0`);
    expect([await isGone('pods/own'), await isGone('pods/negative')]).toEqual([true, true]);
  });

  test('that has ended needs no grace', async () => {
    await boundPod('ended');
    await on.call('PATCH', 'pods/ended/status', { status: { phase: 'Succeeded' } }, MERGE_PATCH);
    await on.call('DELETE', 'pods/ended');
    expect(await isGone('pods/ended')).toBe(true);
  });

  test('with a finalizer waits for it after its grace', async () => {
    await boundPod('fin', {});
    await on.call('PATCH', 'pods/fin', { metadata: { finalizers: ['example.org/f'] } }, MERGE_PATCH);
    await on.call('DELETE', 'pods/fin', { gracePeriodSeconds: 0 });
    expect(await isGone('pods/fin')).toBe(false);
    expect(
      await on.say('PATCH', 'pods/fin', { metadata: { finalizers: ['example.org/f', 'example.org/g'] } }, MERGE_PATCH),
    ).toMatchSnapshot();
    await on.call('PATCH', 'pods/fin', { metadata: { finalizers: null } }, MERGE_PATCH);
    expect(await isGone('pods/fin')).toBe(true);
  });

  test.each([
    ['of another incarnation', { preconditions: { uid: OTHER_UID } }],
    ['of another revision', { preconditions: { resourceVersion: '1' } }],
    ['by an unknown policy', { propagationPolicy: 'Sometimes' }],
    ['as a dry run', { dryRun: ['All'] }],
    ['that says things twice', { propagationPolicy: 'Orphan', orphanDependents: true }],
  ])('%s', async (name, options) => {
    if (await isGone('pods/asked')) await boundPod('asked');
    const said = await on.say('DELETE', 'pods/asked', options);
    if (said.code === 200) said.body = said.body.metadata;
    const text = JSON.stringify(said).replace(/in record \(\d+\)/g, 'in record (N)');
    expect(JSON.parse(text)).toMatchSnapshot(name);
    expect((await on.get('pods/asked')).metadata.deletionTimestamp).toBeUndefined();
  });

  test('of one that is not there', async () => {
    expect(await on.say('DELETE', 'pods/nope')).toMatchSnapshot();
  });
});

describe('DELETE of others [SPEC C95]', () => {
  test('a ConfigMap answers a Status', async () => {
    await on.call('POST', 'configmaps', { metadata: { name: 'm' } });
    expect(await on.say('DELETE', 'configmaps/m')).toMatchSnapshot();
  });

  test('one with a finalizer answers the object, which stays until it is taken off', async () => {
    await on.call('POST', 'configmaps', { metadata: { name: 'f', finalizers: ['example.org/f'] } });
    const said = await on.say('DELETE', 'configmaps/f');
    expect(said).toMatchSnapshot();
    expect(await on.say('DELETE', 'configmaps/f')).toEqual(said);
    expect((await on.call('PATCH', 'configmaps/f', { data: { a: 'b' } }, MERGE_PATCH)).data).toEqual({ a: 'b' });
    await on.call('PATCH', 'configmaps/f', { metadata: { finalizers: [] } }, MERGE_PATCH);
    expect(await isGone('configmaps/f')).toBe(true);
  });

  test('a collection by label answers the list, and leaves the others', async () => {
    for (const name of ['c1', 'c2', 'c3'])
      await on.call('POST', 'configmaps', { metadata: { name, labels: { all: name === 'c3' ? 'no' : 'yes' } } });
    const { body } = await on.say('DELETE', 'configmaps?labelSelector=all%3Dyes');
    expect([body.kind, body.items.map((one: Json) => one.metadata.name)]).toEqual(['ConfigMapList', ['c1', 'c2']]);
    expect([await isGone('configmaps/c1'), await isGone('configmaps/c2'), await isGone('configmaps/c3')]).toEqual([
      true,
      true,
      false,
    ]);
  });
});

describe('owners and dependents [SPEC C95]', () => {
  const replicaSets = (): Promise<Json[]> => on.cluster.api.items(on.at('replicasets.apps'));
  const made = async (name: string): Promise<Json> => {
    await on.call('POST', 'deployments.apps', workloadOf(name, { replicas: 1 }, nameless));
    return waitFor('its ReplicaSet and Pod', async () => {
      const [set] = (await replicaSets()).filter((one) => one.metadata.labels.app === name);
      const pods = await on.cluster.api.items(`${on.at('pods')}?labelSelector=app%3D${name}`);
      return set !== undefined && pods.length === 1 ? { set, pod: pods[0] } : undefined;
    });
  };
  const leftOf = async (name: string): Promise<number> =>
    (await replicaSets()).filter((one) => one.metadata.labels.app === name).length +
    (await on.cluster.api.items(`${on.at('pods')}?labelSelector=app%3D${name}`)).length;

  test('Background: the owner at once, its dependents soon after', async () => {
    await made('back');
    expect(await on.say('DELETE', 'deployments.apps/back', { propagationPolicy: 'Background' })).toMatchSnapshot();
    expect(await isGone('deployments.apps/back')).toBe(true);
    await waitFor('none left', async () => (await leftOf('back')) === 0);
  });

  test('Foreground: the dependents first', async () => {
    await made('fore');
    const { body } = await on.say('DELETE', 'deployments.apps/fore', { propagationPolicy: 'Foreground' });
    expect([body.kind, body.metadata.finalizers, body.metadata.deletionGracePeriodSeconds]).toEqual([
      'Deployment',
      ['foregroundDeletion'],
      0,
    ]);
    await waitFor('its end', async () => isGone('deployments.apps/fore'));
    expect(await leftOf('fore')).toBe(0);
  });

  test('Orphan: the dependents stay, without their owner', async () => {
    const { set, pod } = await made('orphan');
    expect(on.plain(set.metadata.ownerReferences)).toMatchSnapshot();
    expect(on.plain(pod.metadata.ownerReferences)).toMatchSnapshot();
    await on.call('DELETE', 'deployments.apps/orphan', { propagationPolicy: 'Orphan' });
    await waitFor('its end', async () => isGone('deployments.apps/orphan'));
    const left = await on.get(`replicasets.apps/${set.metadata.name}`);
    expect(left.metadata.ownerReferences).toBeUndefined();
    expect((await on.get(`pods/${pod.metadata.name}`)).metadata.uid).toBe(pod.metadata.uid);
    await on.call('DELETE', `replicasets.apps/${set.metadata.name}`, { propagationPolicy: 'Background' });
  });

  test('an object of an owner that never was is collected; one with another owner left stays without the dead one', async () => {
    const living = await on.call('POST', 'configmaps', { metadata: { name: 'living' } });
    const reference = (name: string, uid: string): Json => ({ apiVersion: 'v1', kind: 'ConfigMap', name, uid });
    const dead = reference('dead', OTHER_UID);
    await on.call('POST', 'configmaps', { metadata: { name: 'child', ownerReferences: [dead] } });
    await on.call('POST', 'configmaps', {
      metadata: { name: 'half', ownerReferences: [dead, reference('living', living.metadata.uid)] },
    });
    await waitFor('the child’s end', async () => isGone('configmaps/child'));
    await waitFor('one owner', async () => (await on.get('configmaps/half')).metadata.ownerReferences.length === 1);
    await on.call('DELETE', 'configmaps/living');
    await waitFor('the end of half', async () => isGone('configmaps/half'));
  });
});
