import { describe, expect, test } from 'vitest';
import type { NodeStatus, PodStatus } from './observed.ts';
import { isNodeStatusShown, isPodStatusShown } from './status-diff.ts';

const desired: PodStatus = {
  phase: 'Running',
  podIP: '10.0.0.1',
  conditions: [{ type: 'Ready', status: 'True', reason: '', message: '', lastTransitionTime: '2026-01-01T00:00:05Z' }],
  containerStatuses: [
    {
      name: 'biz1',
      image: 'u',
      imageID: 'u',
      ready: true,
      started: true,
      restartCount: 0,
      state: { running: { startedAt: '2026-01-01T00:00:05Z' } },
    },
  ],
};

describe('what the server shows against what should be shown [SPEC I9]', () => {
  test('foreign conditions, other orders, empty texts and an earlier transition time are no difference [SPEC N8]', () => {
    const shown: PodStatus = {
      ...desired,
      startTime: '2026-01-01T00:00:00Z',
      conditions: [
        { type: 'example.com/lb', status: 'True' },
        { type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:01Z' },
      ],
      containerStatuses: [{ ...(desired.containerStatuses?.[0] ?? never()), lastState: {} }],
    };
    expect(isPodStatusShown(desired, shown)).toBe(true);
  });

  test('hostIPs that an older server drops are no difference where it shows the hostIP', () => {
    const wanted: PodStatus = { ...desired, hostIP: '10.0.0.1', hostIPs: [{ ip: '10.0.0.1' }] };
    expect(isPodStatusShown(wanted, { ...desired, hostIP: '10.0.0.1' })).toBe(true);
    expect(isPodStatusShown(wanted, desired)).toBe(false);
    expect(isPodStatusShown(wanted, { ...wanted, hostIPs: [{ ip: '10.0.0.2' }] })).toBe(false);
  });

  test.each<[string, PodStatus]>([
    ['another phase', { ...desired, phase: 'Pending' }],
    ['a condition that is missing', { ...desired, conditions: [] }],
    [
      'a condition with another status',
      { ...desired, conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: 'x' }] },
    ],
    ['a condition without its transition time', { ...desired, conditions: [{ type: 'Ready', status: 'True' }] }],
    [
      'a reason that is left over',
      { ...desired, conditions: [{ type: 'Ready', status: 'True', reason: 'Old', lastTransitionTime: 'x' }] },
    ],
    ['no container', { ...desired, containerStatuses: [] }],
    [
      'another container state',
      { ...desired, containerStatuses: [{ ...(desired.containerStatuses?.[0] ?? never()), state: {} }] },
    ],
  ])('%s is a difference', (_name, shown) => {
    expect(isPodStatusShown(desired, shown)).toBe(false);
  });

  test('a Node: quantities in another form, resources of others and heartbeat times are no difference', () => {
    const node: NodeStatus = { capacity: { memory: '256Mi', cpu: '1k' }, conditions: [] };
    expect(isNodeStatusShown(node, { capacity: { memory: '262144Ki', cpu: '1000', 'example.com/gpu': '1' } })).toBe(
      true,
    );
    expect(isNodeStatusShown(node, { capacity: { memory: '255Mi', cpu: '1000' } })).toBe(false);
    expect(
      isNodeStatusShown(
        { addresses: [{ type: 'InternalIP', address: '10.0.0.2' }] },
        { addresses: [{ type: 'InternalIP', address: '10.0.0.1' }] },
      ),
    ).toBe(false);
  });
});

function never(): never {
  throw new Error('the fixture has a container');
}
