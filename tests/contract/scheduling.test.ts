/**
 * Which Nodes a Pod may go to and why not to others, in small random clusters of one seed; who makes room for whom; and what
 * brings a waiting Pod back. [SPEC C95]
 */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';
import { type CasePod, schedulingCases } from './scheduling-cases.ts';
import {
  asking,
  away,
  classOf,
  end,
  eventsOf,
  here,
  isGoing,
  makeGroup,
  on,
  onlyOn,
  placeOf,
  reasonOf,
  reserved,
  sentence,
  verdictOn,
} from './scheduling-places.ts';
import { MERGE_PATCH, podOf, STRATEGIC_PATCH } from './setting.ts';

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

describe('a Pod that is more important [SPEC C112]', () => {
  test('drives out one that is less, waits for its end and comes', async () => {
    const [node = ''] = await makeGroup('room', 1);
    await on.call('POST', 'pods', asking('room-low', 'room', '2', { priorityClassName: classOf('low') }));
    await placeOf('room-low');
    await on.call('POST', 'pods', asking('room-high', 'room', '1', { priorityClassName: classOf('high') }));
    await waitFor('the end of the other', () => isGoing('room-low'));
    const waiting = await on.get('pods/room-high');
    expect(waiting.status.nominatedNodeName).toBe(node);
    expect(sentence((await verdictOn('room-high')).message)).toMatchSnapshot();
    const victim = await on.get('pods/room-low');
    expect(on.plain(victim.status.conditions.find((one: Json) => one.type === 'DisruptionTarget'))).toMatchSnapshot();
    const [event] = await eventsOf('room-low', 'Preempted');
    const { type, action, message, reportingComponent, related } = on.plain(event);
    expect({
      type,
      action,
      message,
      reportingComponent,
      related: { ...related, resourceVersion: '' },
    }).toMatchSnapshot();

    // One in between may not take what was made free; it would have to fit beside the other.
    await on.call('POST', 'pods', asking('room-middle', 'room', '1500m', { priorityClassName: classOf('middle') }));
    expect((await verdictOn('room-middle')).status).toBe('False');
    await end('room-low');
    expect(await placeOf('room-high')).toBe(node);
    expect(on.plain((await on.get('pods/room-high')).status)).toMatchSnapshot();
    expect((await on.get('pods/room-middle')).spec.nodeName).toBeUndefined();
    for (const name of ['room-high', 'room-middle']) await end(name);
  });

  test('drives out no more than it must, and the least important', async () => {
    await makeGroup('least', 1);
    for (const [name, className] of [
      ['least-a', 'middle'],
      ['least-b', 'low'],
    ] as const) {
      await on.call('POST', 'pods', asking(name, 'least', '1', { priorityClassName: classOf(className) }));
      await placeOf(name);
    }
    await on.call('POST', 'pods', asking('least-high', 'least', '1', { priorityClassName: classOf('high') }));
    await waitFor('the end of the least', () => isGoing('least-b'));
    expect(await isGoing('least-a')).toBe(false);
    for (const name of ['least-high', 'least-a', 'least-b']) await end(name);
  });

  test('takes the Node where the victim matters least', async () => {
    const [one = '', two = ''] = await makeGroup('where', 2);
    for (const [name, className, node] of [
      ['where-a', 'middle', one],
      ['where-b', 'low', two],
    ] as const) {
      await on.call(
        'POST',
        'pods',
        asking(name, 'where', '2', { priorityClassName: classOf(className), nodeName: node }),
      );
    }
    await on.call('POST', 'pods', asking('where-high', 'where', '1', { priorityClassName: classOf('high') }));
    await waitFor('the end of the least', () => isGoing('where-b'));
    expect((await on.get('pods/where-high')).status.nominatedNodeName).toBe(two);
    for (const name of ['where-high', 'where-a', 'where-b']) await end(name);
  });

  test('spares those whom a budget keeps, if it can', async () => {
    const [one = '', two = ''] = await makeGroup('kept', 2);
    const labels = { app: 'kept' };
    const low = { priorityClassName: classOf('low') };
    await on.call('POST', 'pods', asking('kept-a', 'kept', '2', { ...low, nodeName: one }, labels));
    await on.call(
      'POST',
      'pods',
      asking('kept-b', 'kept', '2', { priorityClassName: classOf('middle'), nodeName: two }),
    );
    await on.call('POST', 'poddisruptionbudgets.policy', {
      metadata: { name: 'kept' },
      spec: { minAvailable: 1, selector: { matchLabels: labels } },
    });
    await waitFor(
      'the budget',
      async () => (await on.get('poddisruptionbudgets.policy/kept')).status.expectedPods === 1,
      15_000,
    );
    await on.call('POST', 'pods', asking('kept-high', 'kept', '1', { priorityClassName: classOf('high') }));
    await waitFor('the end of the other', () => isGoing('kept-b'));
    expect(await isGoing('kept-a')).toBe(false);
    for (const name of ['kept-high', 'kept-a', 'kept-b']) await end(name);
  });

  test.each([
    ['a host port', { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80, hostPort: 8080 }] }] }],
    [
      'its anti-affinity',
      {
        affinity: {
          podAntiAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'other' } } },
            ],
          },
        },
      },
    ],
    [
      'its spread',
      {
        topologySpreadConstraints: [
          {
            maxSkew: 1,
            minDomains: 5,
            topologyKey: 'kubernetes.io/hostname',
            whenUnsatisfiable: 'DoNotSchedule',
            labelSelector: { matchLabels: { app: 'other' } },
          },
        ],
      },
    ],
  ])('makes room for %s, too', async (name, spec) => {
    const short = name.replaceAll(/[^a-z]/g, '');
    await makeGroup(short, 1);
    const ports = name === 'a host port' ? spec : {};
    const labels = { app: 'other' };
    const low = asking(`${short}-low`, short, '100m', { priorityClassName: classOf('low'), ...ports }, labels);
    await on.call('POST', 'pods', low);
    await placeOf(`${short}-low`);
    const high = asking(`${short}-high`, short, '100m', { priorityClassName: classOf('high'), ...spec }, labels);
    await on.call('POST', 'pods', high);
    await waitFor('the end of the other', () => isGoing(`${short}-low`));
    expect(sentence((await verdictOn(`${short}-high`)).message)).toMatchSnapshot();
    for (const one of ['low', 'high']) await end(`${short}-${one}`);
  });

  test.each([
    ['never where its class says so', 'never', { preemptionPolicy: 'Never' }, '2'],
    ['nobody who matters as much', 'equal', { resident: 'high' }, '2'],
    ['nobody where that would not do', 'vain', {}, '3'],
  ])('drives out %s', async (_name, short, { preemptionPolicy, resident }: Json, cpu) => {
    await makeGroup(short, 1, {
      capacity: { cpu: '4', memory: '1Gi', pods: '9' },
      allocatable: { cpu: '4', memory: '1Gi', pods: '9' },
    });
    if (preemptionPolicy !== undefined) {
      await on.call('POST', 'priorityclasses.scheduling.k8s.io', {
        metadata: { name: `${short}.${on.namespace}` },
        value: 5000,
        preemptionPolicy,
      });
    }
    await on.call('POST', 'pods', asking(`${short}-a`, short, '2', { priorityClassName: classOf('high') }));
    await on.call('POST', 'pods', asking(`${short}-b`, short, '1', { priorityClassName: classOf(resident ?? 'low') }));
    for (const one of ['a', 'b']) await placeOf(`${short}-${one}`);
    const priorityClassName = preemptionPolicy === undefined ? classOf('high') : `${short}.${on.namespace}`;
    await on.call('POST', 'pods', asking(`${short}-new`, short, cpu, { priorityClassName }));
    expect(sentence((await verdictOn(`${short}-new`)).message)).toMatchSnapshot();
    expect(await isGoing(`${short}-b`)).toBe(false);
    if (preemptionPolicy !== undefined) {
      await on.raw('DELETE', `priorityclasses.scheduling.k8s.io/${short}.${on.namespace}`);
    }
    for (const one of ['a', 'b', 'new']) await end(`${short}-${one}`);
  });

  test('tried again before the victim is gone says what it waits for', async () => {
    const [node = ''] = await makeGroup('twice', 1);
    await on.call('POST', 'pods', asking('twice-low', 'twice', '2', { priorityClassName: classOf('low') }));
    await placeOf('twice-low');
    await on.call('POST', 'pods', asking('twice-high', 'twice', '2', { priorityClassName: classOf('high') }));
    await waitFor('the end of the other', () => isGoing('twice-low'));
    await on.call('PATCH', `/api/v1/nodes/${node}`, { metadata: { labels: { touched: 'yes' } } }, MERGE_PATCH);
    await on.call('PATCH', 'pods/twice-high', { metadata: { labels: { touched: 'yes' } } }, MERGE_PATCH);
    const status = { allocatable: { cpu: '3', memory: '4Gi', pods: '10' } };
    await on.call('PATCH', `/api/v1/nodes/${node}/status`, { status }, STRATEGIC_PATCH);
    const message = await waitFor(
      'the second sentence',
      async () => {
        const said = (await verdictOn('twice-high')).message;
        return said.includes('not eligible') ? said : undefined;
      },
      20_000,
    );
    expect(sentence(message)).toMatchSnapshot();
    expect((await on.get('pods/twice-high')).status.nominatedNodeName).toBe(node);
    for (const name of ['twice-low', 'twice-high']) await end(name);
  });
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
