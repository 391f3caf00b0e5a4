import { describe, expect, test } from 'vitest';
import { rawNode, rawPod, rawRecord } from '../testing/objects.ts';
import { projectLease } from './lease.ts';
import { projectNode } from './node.ts';
import { projectPod } from './pod.ts';
import { encodeRecord, projectRecord } from './record.ts';

const ours = (nodeName: string): boolean => nodeName.startsWith('vnode.');

describe('a Pod', () => {
  test('keeps what a rule reads, and no other environment variable than BIZ_VERSION [SPEC E1]', () => {
    const pod = projectPod(rawPod(), ours);
    expect(pod).toEqual({
      metadata: {
        name: 'm1',
        namespace: 'default',
        uid: 'uid-m1',
        resourceVersion: '7',
        creationTimestamp: '2026-01-01T00:00:00Z',
        labels: { 'virtual-kubelet.koupleless.io/component': 'module' },
        annotations: { 'trace.koupleless.io/id': 't1' },
      },
      spec: {
        nodeName: 'vnode.b1.dev',
        restartPolicy: 'Always',
        terminationGracePeriodSeconds: 30,
        containers: [
          {
            name: 'biz1',
            image: 'https://repo/biz1.jar',
            env: [{ name: 'BIZ_VERSION', value: '0.0.1' }],
            ignoredFields: ['env'],
          },
        ],
      },
      status: {
        phase: 'Running',
        conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:05Z' }],
        containerStatuses: [
          {
            name: 'biz1',
            image: 'https://repo/biz1.jar',
            imageID: 'https://repo/biz1.jar',
            ready: true,
            restartCount: 0,
            state: { running: { startedAt: '2026-01-01T00:00:05Z' } },
          },
        ],
      },
    });
    expect(JSON.stringify(pod)).not.toContain('geheim');
  });

  test.each([
    ['bound to no Node', { spec: { nodeName: undefined } }],
    ['bound to a Node that is not ours', { spec: { nodeName: 'worker-1' } }],
    ['without a uid', { metadata: { uid: undefined } }],
  ])('%s is not kept [SPEC E1]', (_, change) => {
    expect(projectPod(rawPod(change), ours)).toBeUndefined();
  });

  test('tells fields that a base ignores, but not the ServiceAccount token’s mount', () => {
    const container = {
      name: 'biz1',
      command: ['java'],
      args: ['-jar'],
      resources: { limits: { cpu: '1' } },
      volumeMounts: [
        { name: 'token', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
        { name: 'data', mountPath: '/data' },
      ],
      livenessProbe: {},
      readinessProbe: {},
      lifecycle: {},
    };
    expect(projectPod(rawPod({ spec: { containers: [container] } }), ours)?.spec.containers[0]?.ignoredFields).toEqual([
      'command',
      'args',
      'resources',
      'volumeMounts',
      'livenessProbe',
      'readinessProbe',
      'lifecycle',
    ]);
  });

  test('keeps variables and arguments where the Pod has them handed over, and tells of them where not [SPEC M43] [SPEC E1]', () => {
    const env = [
      { name: 'BIZ_VERSION', value: '1' },
      { name: 'A', value: '1' },
      { name: 'B', valueFrom: {} },
      { name: 7 },
    ];
    const container = { name: 'biz1', env, args: ['-x', 3], envFrom: [{ secretRef: { name: 's' } }] };
    const of = (chosen?: string) => {
      const annotations = chosen === undefined ? {} : { 'kouplet.io/hand-over': chosen };
      return projectPod(rawPod({ metadata: { annotations }, spec: { containers: [container] } }), ours)?.spec
        .containers[0];
    };
    const version = { name: 'BIZ_VERSION', value: '1' };
    expect(of()).toEqual({ name: 'biz1', env: [version], ignoredFields: ['args', 'envFrom', 'env'] });
    expect(of('args')).toEqual({ name: 'biz1', env: [version], args: ['-x'], ignoredFields: ['envFrom', 'env'] });
    expect(of('env')).toEqual({
      name: 'biz1',
      env: [version, { name: 'A', value: '1' }, { name: 'B', hasValueFrom: true }],
      hasEnvFrom: true,
      ignoredFields: ['args'],
    });
  });

  test('marks a version that is taken from elsewhere', () => {
    const env = [{ name: 'BIZ_VERSION', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }];
    expect(
      projectPod(rawPod({ spec: { containers: [{ name: 'biz1', env }] } }), ours)?.spec.containers[0]?.env,
    ).toEqual([{ name: 'BIZ_VERSION', hasValueFrom: true }]);
  });

  test('of nonsense is what can be read of it, and never an exception [SPEC E2]', () => {
    const nonsense = [null, 1, 'x', [], {}, { metadata: 5 }, { spec: [] }, { metadata: { name: 1, uid: 2 } }];
    for (const raw of nonsense) expect(projectPod(raw, () => true)).toBeUndefined();
    const odd = rawPod({
      spec: { containers: [7, { name: 3, env: 'x', volumeMounts: {} }], readinessGates: [{}], initContainers: [null] },
      status: { phase: 'Sleeping', conditions: [{ type: 'Ready', status: 'Perhaps' }], containerStatuses: [null] },
    });
    const pod = projectPod(odd, ours);
    expect(pod?.spec.containers.map(({ name }) => name)).toEqual(['', '']);
    expect(pod?.status).toEqual({
      conditions: [],
      containerStatuses: [{ name: '', image: '', imageID: '', ready: false, restartCount: 0 }],
    });
  });
});

test('a Node keeps labels, taints, addresses, conditions and what it says of itself', () => {
  const node = projectNode(rawNode({ metadata: { labels: { type: 'virtual-kubelet' }, annotations: { a: 'b' } } }));
  expect(node?.metadata.labels).toEqual({ type: 'virtual-kubelet' });
  expect(node?.metadata.annotations).toEqual({ a: 'b' });
  expect(node?.spec).toEqual({
    providerID: 'kouplet://b1',
    taints: [{ key: 'schedule.koupleless.io/virtual-node', effect: 'NoExecute', value: 'True' }],
  });
  expect(node?.status.conditions).toEqual([
    { type: 'Ready', status: 'True', reason: 'BaseReady', message: 'it answers' },
  ]);
  expect(projectNode({ spec: {} })).toBeUndefined();
  expect(
    projectNode(
      rawNode({ spec: { providerID: 5, taints: [{ key: 'x', effect: 'Never' }, 3] }, status: { addresses: 'x' } }),
    )?.spec,
  ).toEqual({});
});

test('a Lease keeps its times as the server wrote them', () => {
  const raw = {
    metadata: { name: 'vnode.b1.dev', namespace: 'kube-node-lease', uid: 'u', resourceVersion: '9' },
    spec: { holderIdentity: 'me', leaseDurationSeconds: 40, renewTime: '2026-01-01T00:00:00.123456Z' },
  };
  expect(projectLease(raw)?.spec).toEqual(raw.spec);
  expect(projectLease({ metadata: {} })).toBeUndefined();
});

describe('a record', () => {
  const install = { podUid: 'p1', namespace: 'default', podName: 'm1', url: 'https://repo/biz1.jar' };

  test('comes back as it was written', () => {
    const record = projectRecord(rawRecord(encodeRecord('b1', { 'biz1:0.0.1': install })));
    expect(record).toMatchObject({ baseId: 'b1', isReadable: true, installs: { 'biz1:0.0.1': install } });
  });

  test.each([
    ['no JSON', '{'],
    ['a later format', { format: 2, baseId: 'b1', installs: {} }],
    ['of another base inside than outside', { format: 1, baseId: 'b2', installs: {} }],
    ['with half an entry', { format: 1, baseId: 'b1', installs: { 'biz1:1': { podUid: 'p1' } } }],
  ])('that is %s proves nothing [SPEC E3]', (_, data) => {
    expect(projectRecord(rawRecord(data))).toMatchObject({ baseId: 'b1', isReadable: false, installs: {} });
  });

  test('that does not say whose it is, is none of ours', () => {
    expect(projectRecord({ metadata: { name: 'x', uid: 'u' }, data: {} })).toBeUndefined();
  });
});
