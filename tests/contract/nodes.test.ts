/** The scheduler's sentences and bindings, Nodes and their taints. [SPEC C95] */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';
import { MERGE_PATCH, openSetting, podOf, STRATEGIC_PATCH } from './setting.ts';

const on = openSetting('nodes');
const here = { suite: on.namespace };

beforeAll(async () => {
  await on.makeNode('a', { labels: { zone: 'east' } });
  await on.makeNode('b', { labels: { zone: 'west' }, taints: [{ key: 'only', value: 'some', effect: 'NoSchedule' }] });
  // Two that no Pod of this suite may go to: on a real cluster there may be others', of either sort.
  await on.makeNode('bystander', { labels: { suite: 'nobody' } });
  await on.makeNode('bystander-2', { labels: { suite: 'nobody' }, taints: [{ key: 'by', effect: 'NoSchedule' }] });
});

/** Counts of Nodes that are not ours alone are no part of the contract. */
function sentence(text: string): string {
  const calm = text
    .replace(/\d+\/\d+ nodes/g, 'n nodes')
    .replace(
      /\d+ (node\(s\) (?:had untolerated|didn't match Pod's node affinity\/selector)|Preemption is not helpful)/g,
      'n $1',
    );
  // The reasons are sorted with their counts, which are not ours.
  return calm.replace(
    /(available: )([^.]*?)(?=\. |\.$)/g,
    (_all, start, reasons: string) => start + reasons.split(', ').sort().join(', '),
  );
}
const scheduled = async (name: string): Promise<Json> =>
  waitFor(`a verdict on ${name}`, async () =>
    ((await on.get(`pods/${name}`)).status.conditions ?? []).find((one: Json) => one.type === 'PodScheduled'),
  );
const eventsOf = (name: string): Promise<Json[]> =>
  on.cluster.api.items(`${on.at('events.events.k8s.io')}?fieldSelector=regarding.name%3D${name}`);

describe('the scheduler [SPEC C95]', () => {
  test('binds a Pod, says so in a condition and in an Event', async () => {
    await on.call('POST', 'pods', podOf('fits', { nodeSelector: here }));
    await waitFor('its binding', async () => (await scheduled('fits')).status === 'True');
    const pod = await on.get('pods/fits');
    expect(pod.spec.nodeName.endsWith(on.namespace)).toBe(true);
    expect(on.plain(pod.status)).toMatchSnapshot();
    const [event] = await waitFor('its Event', async () => {
      const seen = await eventsOf('fits');
      return seen.length > 0 ? seen : undefined;
    });
    const { metadata, reportingInstance, ...rest } = on.plain(event);
    expect(rest).toMatchSnapshot();
    expect([metadata.name.replace(/\.[0-9a-f]+$/, '.HEX'), reportingInstance.replace(/-[^-]*$/, '')]).toMatchSnapshot();
  });

  test.each([
    [
      'too-big',
      {
        nodeSelector: here,
        containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '64', memory: '1Ti' } } }],
      },
    ],
    ['no-such-label', { nodeSelector: { suite: 'no-such-suite' } }],
    ['untolerated', { nodeSelector: { ...here, zone: 'west' } }],
    [
      'affinity',
      {
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['north'] }] }],
            },
          },
        },
      },
    ],
    ['no-claim', { nodeSelector: here, volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'none' } }] }],
    [
      'alone',
      {
        nodeSelector: { ...here, zone: 'east' },
        affinity: {
          podAntiAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { is: 'fits2' } } },
            ],
          },
        },
      },
    ],
    [
      'with-whom',
      {
        nodeSelector: { ...here, zone: 'east' },
        affinity: {
          podAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { is: 'nobody' } } },
            ],
          },
        },
      },
    ],
    [
      'spread',
      {
        nodeSelector: { ...here, zone: 'east' },
        topologySpreadConstraints: [
          { maxSkew: 1, topologyKey: 'no-such-key', whenUnsatisfiable: 'DoNotSchedule', labelSelector: {} },
        ],
      },
    ],
  ])('says why it cannot: %s', async (name, spec) => {
    if (name === 'alone') {
      await on.call(
        'POST',
        'pods',
        podOf('fits2', { nodeSelector: { ...here, zone: 'east' } }, { labels: { is: 'fits2' } }),
      );
      await waitFor('its binding', async () => (await scheduled('fits2')).status === 'True');
    }
    await on.call('POST', 'pods', podOf(name, spec));
    const { message, ...condition } = await scheduled(name);
    expect([on.plain(condition), sentence(message)]).toMatchSnapshot();
    const [event] = await waitFor('its Event', async () => {
      const seen = await eventsOf(name);
      return seen.length > 0 ? seen : undefined;
    });
    expect([event.type, event.reason, event.action, sentence(event.note)]).toMatchSnapshot();
  });

  test('host ports are taken once', async () => {
    const spec = {
      nodeSelector: { ...here, zone: 'east' },
      containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80, hostPort: 8080 }] }],
    };
    await on.call('POST', 'pods', podOf('port-1', spec));
    await waitFor('its binding', async () => (await scheduled('port-1')).status === 'True');
    await on.call('POST', 'pods', podOf('port-2', spec));
    expect(sentence((await scheduled('port-2')).message)).toMatchSnapshot();
  });

  test('a toleration lets a Pod on a tainted Node', async () => {
    await on.call(
      'POST',
      'pods',
      podOf('tolerant', {
        nodeSelector: { ...here, zone: 'west' },
        tolerations: [{ key: 'only', operator: 'Exists' }],
      }),
    );
    await waitFor('its binding', async () => (await on.get('pods/tolerant')).spec.nodeName === on.node('b'));
  });

  test('a Pod that waits goes when its Node lets it', async () => {
    await on.call('PATCH', `nodes/${on.node('b')}`, { spec: { taints: null } }, MERGE_PATCH);
    await waitFor('its binding', async () => (await on.get('pods/untolerated')).spec.nodeName === on.node('b'), 15_000);
  });

  test('gates hold a Pod until they are taken away', async () => {
    await on.call('POST', 'pods', podOf('gated', { nodeSelector: here, schedulingGates: [{ name: 'example.org/g' }] }));
    expect(await scheduled('gated')).toMatchObject({ status: 'False', reason: 'SchedulingGated' });
    await on.call('PATCH', 'pods/gated', { spec: { schedulingGates: null } }, MERGE_PATCH);
    await waitFor('its binding', async () => (await scheduled('gated')).status === 'True');
  });

  test('another scheduler’s Pods are left to it, which binds', async () => {
    await on.call('POST', 'pods', podOf('foreign', { schedulerName: 'other' }));
    const binding = (target: string): Json => ({
      metadata: { name: 'foreign' },
      target: { kind: 'Node', name: target },
    });
    expect((await on.get('pods/foreign')).status.conditions).toBeUndefined();
    expect(await on.say('POST', 'pods/foreign/binding', binding(on.node('a')))).toMatchSnapshot();
    expect(await on.say('POST', 'pods/foreign/binding', binding(on.node('b')))).toMatchSnapshot();
    const { spec, status } = await on.get('pods/foreign');
    expect([spec.nodeName, on.plain(status.conditions)]).toEqual([on.node('a'), expect.any(Array)]);
    expect(
      await on.say('POST', 'pods/nope/binding', { ...binding('x'), metadata: { name: 'nope' } }),
    ).toMatchSnapshot();
  });
});

describe('a Node [SPEC C95]', () => {
  const taints = async (short: string): Promise<Json[]> => (await on.get(`nodes/${on.node(short)}`)).spec.taints ?? [];

  test('is completed when it is made', async () => {
    const said = await on.say('POST', 'nodes?dryRun=All', {
      metadata: { name: on.node('c') },
      status: { capacity: { cpu: '1', pods: '5' } },
    });
    expect(said).toMatchSnapshot();
  });

  test.each([
    ['with a bad name', { metadata: { name: 'Node_1' } }],
    [
      'with equal taints',
      {
        metadata: { name: on.node('x') },
        spec: {
          taints: [
            { key: 'a', effect: 'NoSchedule' },
            { key: 'a', effect: 'NoSchedule' },
          ],
        },
      },
    ],
    ['with a bad taint', { metadata: { name: on.node('x') }, spec: { taints: [{ key: 'a b', effect: 'Never' }] } }],
    [
      'with two IPs of a kind',
      { metadata: { name: on.node('x') }, spec: { podCIDRs: ['10.0.0.0/24', '10.1.0.0/24'] } },
    ],
  ])('is refused %s', async (_name, body) => {
    expect(await on.say('POST', 'nodes', body)).toMatchSnapshot();
  });

  test('is registered with an Event', async () => {
    const uid = (await on.get(`nodes/${on.node('a')}`)).metadata.uid;
    const [event] = await waitFor('RegisteredNode', async () => {
      const seen = await on.cluster.api.items(
        `/api/v1/namespaces/default/events?fieldSelector=involvedObject.uid%3D${uid}`,
      );
      return seen.length > 0 ? seen : undefined;
    });
    const { metadata: _metadata, ...rest } = on.plain(event);
    expect(rest).toMatchSnapshot();
  });

  test('that is cordoned is tainted, and free again when it is not', async () => {
    await on.call('PATCH', `nodes/${on.node('b')}`, { spec: { unschedulable: true } }, STRATEGIC_PATCH);
    const [taint] = await waitFor('the taint', async () => ((await taints('b')).length > 0 ? taints('b') : undefined));
    expect(on.plain(taint)).toMatchSnapshot();
    await on.call('POST', 'pods', podOf('cordoned', { nodeSelector: { ...here, zone: 'west' } }));
    expect(sentence((await scheduled('cordoned')).message)).toMatchSnapshot();
    await on.call('PATCH', `nodes/${on.node('b')}`, { spec: { unschedulable: null } }, STRATEGIC_PATCH);
    await waitFor('no taint', async () => (await taints('b')).length === 0);
    await waitFor(
      'the Pod’s binding',
      async () => (await on.get('pods/cordoned')).spec.nodeName === on.node('b'),
      15_000,
    );
  });

  test('with a condition of pressure is tainted by it', async () => {
    const press = (status: string): Promise<Json> =>
      on.call(
        'PATCH',
        `nodes/${on.node('b')}/status`,
        { status: { conditions: [{ type: 'DiskPressure', status, reason: 'Test', lastHeartbeatTime: null }] } },
        STRATEGIC_PATCH,
      );
    await press('True');
    await waitFor('the taint', async () =>
      (await taints('b')).some((one) => one.key === 'node.kubernetes.io/disk-pressure' && one.effect === 'NoSchedule'),
    );
    await press('False');
    await waitFor('no taint', async () => (await taints('b')).length === 0);
  });

  test('with a NoExecute taint loses the Pods that do not tolerate it, at once or after their seconds', async () => {
    const pin = { nodeName: on.node('b') };
    await on.call('POST', 'pods', podOf('stays', { ...pin, tolerations: [{ key: 'out', operator: 'Exists' }] }));
    await on.call(
      'POST',
      'pods',
      podOf('goes-late', {
        ...pin,
        tolerations: [{ key: 'out', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 1 }],
      }),
    );
    await on.call('POST', 'pods', podOf('goes', pin));
    await on.call(
      'PATCH',
      `nodes/${on.node('b')}`,
      { spec: { taints: [{ key: 'out', effect: 'NoExecute' }] } },
      STRATEGIC_PATCH,
    );
    for (const name of ['goes', 'goes-late']) {
      const pod = await waitFor(`the deletion of ${name}`, async () => {
        const seen = await on.get(`pods/${name}`);
        return seen.metadata.deletionTimestamp === undefined ? undefined : seen;
      });
      expect(on.plain(pod.status.conditions.find((one: Json) => one.type === 'DisruptionTarget'))).toMatchSnapshot();
    }
    const [event] = await waitFor('its Event', async () => {
      const seen = await on.cluster.api.items(`${on.at('events')}?fieldSelector=involvedObject.name%3Dgoes`);
      const mine = seen.filter((one) => one.reason === 'TaintManagerEviction');
      return mine.length > 0 ? mine : undefined;
    });
    const { metadata: _metadata, involvedObject, reportingInstance: _instance, ...rest } = on.plain(event);
    expect([involvedObject.name, rest]).toMatchSnapshot();
    expect((await on.get('pods/stays')).metadata.deletionTimestamp).toBeUndefined();
  });
});
