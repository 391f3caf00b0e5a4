import { beforeEach, describe, expect, test } from 'vitest';
import { startControllers } from './index.ts';
import { createTestApi, createVirtualClock, settle, type TestApi } from './testing.ts';

const by = { actor: 'test' };
let api: TestApi;

beforeEach(() => {
  const clock = createVirtualClock();
  api = createTestApi(clock);
  const running = startControllers(api, clock, { enabled: ['endpoints'] });
  return () => running.stop();
});

const service = (spec: Record<string, unknown> = {}) => ({
  metadata: { name: 'web', namespace: 'ns', labels: { tier: 'front' } },
  spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }], ...spec },
});

function makePod(name: string, status: Record<string, unknown>, app = 'web'): void {
  const containers = [{ name: 'c', image: 'a', ports: [{ name: 'admin', containerPort: name === 'b' ? 91 : 90 }] }];
  api.create('pods', { metadata: { name, namespace: 'ns', labels: { app } }, spec: { nodeName: 'n', containers } }, by);
  api.modify('pods', name, 'ns', (draft) => Object.assign(draft.status, status), { ...by, subresource: 'status' });
}
const running = (podIP: string, ready = 'True') => ({
  phase: 'Running',
  podIP,
  conditions: [{ type: 'Ready', status: ready }],
});
const subsets = () => api.get('endpoints', 'web', 'ns')?.subsets;
const slices = () => api.list('endpointslices.discovery.k8s.io', { namespace: 'ns' });

describe('[SPEC C172] what stands behind a Service', () => {
  test('ready Pods are addresses, unready ones are told apart, ended and other ones are none', async () => {
    api.create('services', service(), by);
    makePod('a', running('10.0.0.1'));
    makePod('b', running('10.0.0.2', 'False'));
    makePod('c', { ...running('10.0.0.3'), phase: 'Succeeded' });
    makePod('d', running('10.0.0.4'), 'other');
    await settle();
    const target = (name: string) => ({ nodeName: 'n', targetRef: expect.objectContaining({ kind: 'Pod', name }) });
    expect(subsets()).toEqual([
      {
        addresses: [{ ip: '10.0.0.1', ...target('a') }],
        notReadyAddresses: [{ ip: '10.0.0.2', ...target('b') }],
        ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
      },
    ]);
    const [slice] = slices();
    expect(slice?.metadata.labels).toEqual({
      tier: 'front',
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      'kubernetes.io/service-name': 'web',
    });
    expect(
      slice?.endpoints.map((one: { addresses: string[]; conditions: unknown }) => [one.addresses, one.conditions]),
    ).toEqual([
      [['10.0.0.1'], { ready: true, serving: true, terminating: false }],
      [['10.0.0.2'], { ready: false, serving: false, terminating: false }],
    ]);
  });

  test('a port by name is the one that the Pod gives that name; Pods that differ stand apart', async () => {
    makePod('a', running('10.0.0.1'));
    makePod('b', running('10.0.0.2'));
    api.create('services', service({ ports: [{ port: 80, targetPort: 'admin' }] }), by);
    await settle();
    expect(subsets().map((one: { ports: Array<{ port: number }> }) => one.ports[0]?.port)).toEqual([90, 91]);
    expect(slices()).toHaveLength(2);
  });

  test('an empty one is there all the same; it follows its Pods, and goes with its Service', async () => {
    api.create('services', service(), by);
    await settle();
    expect([subsets(), slices()[0]?.endpoints]).toEqual([undefined, null]);
    makePod('a', running('10.0.0.1'));
    await settle();
    expect(subsets()[0].addresses).toHaveLength(1);
    api.delete('pods', 'a', 'ns', { gracePeriodSeconds: 0 });
    await settle();
    expect(subsets()).toBeUndefined();
    api.delete('services', 'web', 'ns');
    await settle();
    expect(api.get('endpoints', 'web', 'ns')).toBeUndefined();
  });

  test('what a user writes for a Service without a selector stays as it is', async () => {
    api.create('services', service({ selector: undefined }), by);
    const own = [{ addresses: [{ ip: '192.0.2.1' }], ports: [{ port: 80, protocol: 'TCP' }] }];
    api.create('endpoints', { metadata: { name: 'web', namespace: 'ns' }, subsets: own }, by);
    await settle();
    api.delete('services', 'web', 'ns');
    await settle();
    expect(subsets()).toEqual(own);
    expect(slices()).toEqual([]);
  });
});
