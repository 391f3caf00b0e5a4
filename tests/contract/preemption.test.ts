/** Who makes room for whom: a Pod that is more important, and what it waits for. [SPEC C95] */
import { describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';
import {
  asking,
  classOf,
  end,
  eventsOf,
  isGoing,
  makeGroup,
  on,
  placeOf,
  sentence,
  verdictOn,
} from './scheduling-places.ts';
import { MERGE_PATCH, STRATEGIC_PATCH } from './setting.ts';

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
