/** Which Nodes a Pod may go to and why not to others, in small random clusters of one seed, and what brings a waiting Pod back. [SPEC C95] */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';
import { type CasePod, schedulingCases } from './scheduling-cases.ts';
import {
  asking,
  away,
  end,
  here,
  makeGroup,
  on,
  onlyOn,
  placeOf,
  reasonOf,
  reserved,
  verdictOn,
} from './scheduling-places.ts';
import { MERGE_PATCH, podOf } from './setting.ts';

const SEED = 20_261_123;

describe('random clusters [SPEC C113]', () => {
  const ask = async ({ labels, spec }: CasePod, name: string, node: string): Promise<string> => {
    await on.call('POST', 'pods', here(podOf(name, onlyOn(node, spec), { labels })));
    const { status, message } = await verdictOn(name);
    await end(name);
    return status === 'True' ? 'fits' : reasonOf(message);
  };

  test.each(
    schedulingCases(SEED, 5, 9).map((one, at) => ({ at, ...one })),
  )('cluster $at: each Node takes a Pod or says why not', async ({ at, nodes, residents, probes }) => {
    const names = await Promise.all(
      nodes.map(({ labels, taints, allocatable }, index) =>
        on.makeNode(`c${at}n${index}`, {
          labels,
          taints: [...taints, reserved],
          status: { capacity: allocatable, allocatable },
        }),
      ),
    );
    for (const [index, { unschedulable }] of nodes.entries()) {
      if (!unschedulable) continue;
      const path = `/api/v1/nodes/${names[index]}`;
      await on.call('PATCH', path, { spec: { unschedulable } }, MERGE_PATCH);
      await waitFor('its taint', async () =>
        ((await on.get(path)).spec.taints ?? []).some((one: Json) => one.key === 'node.kubernetes.io/unschedulable'),
      );
    }
    const made: string[] = [];
    for (const [index, resident] of residents.entries()) {
      const path = on.at('pods').replace(on.namespace, resident.away ? away() : on.namespace);
      const nodeName = names[resident.on % names.length];
      // Those who may not stay there would be evicted in the midst of it.
      const tolerations = [{ operator: 'Exists' }];
      const { labels } = resident;
      await on.call(
        'POST',
        path,
        here(podOf(`r${at}-${index}`, { ...resident.spec, nodeName, tolerations }, { labels })),
      );
      made.push(`${path}/r${at}-${index}`);
    }
    const told: string[] = [];
    for (const [index, probe] of probes.entries()) {
      for (const [which, node] of names.entries()) {
        told.push(`Pod ${index} on Node ${which}: ${await ask(probe, `p${at}-${index}-${which}`, node)}`);
      }
    }
    expect(told).toMatchSnapshot();
    for (const path of made) await on.raw('DELETE', `${path}?gracePeriodSeconds=0`);
    for (const node of names) await on.raw('DELETE', `/api/v1/nodes/${node}`);
  }, 60_000);
});

describe('a Pod that waits comes when [SPEC C77]', () => {
  const waits = async (name: string, spec: Json, group = 'wake'): Promise<void> => {
    await on.call('POST', 'pods', asking(name, group, '100m', spec));
    expect((await verdictOn(name)).status).toBe('False');
  };
  const comes = async (name: string): Promise<void> => {
    await placeOf(name);
    await end(name);
  };
  let node = '';
  beforeAll(async () => {
    [node = ''] = await makeGroup('wake', 1, {
      capacity: { cpu: '2', memory: '1Gi', pods: '5' },
      allocatable: { cpu: '2', memory: '1Gi', pods: '5' },
    });
  });
  const patchNode = (body: Json): Promise<Json> => on.call('PATCH', `/api/v1/nodes/${node}`, body, MERGE_PATCH);

  test('its gates are taken away', async () => {
    await on.call(
      'POST',
      'pods',
      asking('gated', 'wake', '100m', { schedulingGates: [{ name: 'a/b' }, { name: 'c' }] }),
    );
    const { status, reason, message } = await verdictOn('gated');
    expect({ status, reason, message }).toMatchSnapshot();
    await on.call('PATCH', 'pods/gated', { spec: { schedulingGates: [{ name: 'c' }] } }, MERGE_PATCH);
    expect((await verdictOn('gated')).reason).toBe('SchedulingGated');
    await on.call('PATCH', 'pods/gated', { spec: { schedulingGates: [] } }, MERGE_PATCH);
    await comes('gated');
  });

  test('the Node is uncordoned', async () => {
    await patchNode({ spec: { unschedulable: true } });
    await waits('cordoned', {});
    await patchNode({ spec: { unschedulable: false } });
    await comes('cordoned');
  });

  test('the Node loses a taint', async () => {
    await patchNode({ spec: { taints: [reserved, { key: 'k', effect: 'NoSchedule' }] } });
    await waits('tainted', {});
    await patchNode({ spec: { taints: [reserved] } });
    await comes('tainted');
  });

  test('the Node gets the label that it wants', async () => {
    await waits('labelled', { nodeSelector: { group: `wake.${on.namespace}`, wanted: 'yes' } });
    await patchNode({ metadata: { labels: { wanted: 'yes' } } });
    await comes('labelled');
  });

  test('another Pod goes', async () => {
    await on.call('POST', 'pods', asking('greedy', 'wake', '2'));
    await placeOf('greedy');
    await waits('small', {});
    await end('greedy');
    await comes('small');
  });

  test('another Pod has ended', async () => {
    await on.call('POST', 'pods', asking('job', 'wake', '2'));
    await placeOf('job');
    await waits('after', {});
    await on.call('PATCH', 'pods/job/status', { status: { phase: 'Succeeded' } }, MERGE_PATCH);
    await comes('after');
    await end('job');
  });

  test('the company that it wants comes', async () => {
    const labels = { app: 'company' };
    const podAffinity = {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: labels } },
      ],
    };
    await waits('lonely', { affinity: { podAffinity } });
    await on.call('POST', 'pods', asking('company', 'wake', '100m', {}, labels));
    await comes('lonely');
    await end('company');
  });

  test('a Node comes', async () => {
    await waits('early', {}, 'late');
    await makeGroup('late', 1);
    await comes('early');
  });

  test('it is asked of this scheduler, and of no other', async () => {
    await on.call('POST', 'pods', asking('other', 'wake', '100m', { schedulerName: 'somebody' }));
    await on.call('POST', 'pods', asking('mine', 'wake', '100m'));
    await comes('mine');
    const { spec, status } = await on.get('pods/other');
    expect([spec.nodeName, status.conditions]).toEqual([undefined, undefined]);
    await end('other');
  });

  test('bound by hand it is no longer waited for', async () => {
    await on.call('POST', 'pods', asking('by-hand', 'wake', '100m', { schedulerName: 'somebody' }));
    const target = { kind: 'Node', name: node };
    expect(await on.say('POST', 'pods/by-hand/binding', { target })).toMatchSnapshot();
    await on.call('POST', 'pods/by-hand/binding', { metadata: { name: 'by-hand' }, target });
    expect(on.plain((await on.get('pods/by-hand')).status)).toMatchSnapshot();
    await end('by-hand');
  });
});

describe('of Nodes that fit, the scheduler takes [SPEC C78]', () => {
  // So large that it counts however many other Nodes there are.
  const images = [{ names: ['big:1'], sizeBytes: 2 ** 40 }];
  const choose = async (short: string, spec: Json, status: Json[], extra: Json[] = [{}, {}]): Promise<string> => {
    const group = `${short}.${on.namespace}`;
    const names: string[] = [];
    for (const [at, one] of status.entries()) {
      const more = extra[at] ?? {};
      const taints = [...(more.taints ?? []), reserved];
      names.push(await on.makeNode(`${short}${at}`, { labels: { group, ...more.labels }, taints, status: one }));
    }
    await on.call('POST', 'pods', asking(`${short}-pod`, short, '100m', spec));
    const chosen = names.indexOf(await placeOf(`${short}-pod`));
    await end(`${short}-pod`);
    return `Node ${chosen}`;
  };

  test('the one that has the image', async () => {
    const containers = [{ name: 'c', image: 'big:1' }];
    expect(await choose('image', { containers }, [{}, { images }])).toBe('Node 1');
  });

  test('the one without a soft taint', async () => {
    const taints = [{ key: 'k', effect: 'PreferNoSchedule' }];
    expect(await choose('soft', {}, [{}, {}], [{ taints }, {}])).toBe('Node 1');
  });

  test('the one with more room', async () => {
    const small = { cpu: '500m', memory: '512Mi', pods: '9' };
    expect(await choose('roomy', {}, [{ capacity: small, allocatable: small }, {}])).toBe('Node 1');
  });

  test('the one that it would like', async () => {
    const nodeAffinity = {
      preferredDuringSchedulingIgnoredDuringExecution: [
        { weight: 1, preference: { matchExpressions: [{ key: 'nice', operator: 'Exists' }] } },
      ],
    };
    expect(await choose('liked', { affinity: { nodeAffinity } }, [{}, {}], [{}, { labels: { nice: '' } }])).toBe(
      'Node 1',
    );
  });
});
