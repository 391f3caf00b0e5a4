/** Raw objects as an API server sends them, for tests: whole enough to be projected, with what a test wants changed. */

export function rawPod(change: { readonly metadata?: object; readonly spec?: object; readonly status?: object } = {}) {
  return {
    metadata: {
      name: 'm1',
      namespace: 'default',
      uid: 'uid-m1',
      resourceVersion: '7',
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { 'virtual-kubelet.koupleless.io/component': 'module' },
      annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{…}', 'trace.koupleless.io/id': 't1' },
      managedFields: [{ manager: 'kubectl' }],
      ...change.metadata,
    },
    spec: {
      nodeName: 'vnode.b1.dev',
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      containers: [
        {
          name: 'biz1',
          image: 'https://repo/biz1.jar',
          env: [
            { name: 'PASSWORD', value: 'geheim' },
            { name: 'BIZ_VERSION', value: '0.0.1' },
          ],
          volumeMounts: [{ name: 'token', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }],
          resources: {},
        },
      ],
      ...change.spec,
    },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True', lastProbeTime: null, lastTransitionTime: '2026-01-01T00:00:05Z' }],
      containerStatuses: [
        {
          name: 'biz1',
          image: 'https://repo/biz1.jar',
          imageID: 'https://repo/biz1.jar',
          ready: true,
          restartCount: 0,
          state: { running: { startedAt: '2026-01-01T00:00:05Z' } },
          lastState: {},
        },
      ],
      ...change.status,
    },
  };
}

export function rawNode(change: { readonly metadata?: object; readonly spec?: object; readonly status?: object } = {}) {
  return {
    metadata: { name: 'vnode.b1.dev', uid: 'uid-n1', resourceVersion: '3', ...change.metadata },
    spec: {
      providerID: 'kouplet://b1',
      taints: [{ key: 'schedule.koupleless.io/virtual-node', value: 'True', effect: 'NoExecute' }],
      ...change.spec,
    },
    status: {
      capacity: { cpu: '8', pods: '65535' },
      addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
      conditions: [{ type: 'Ready', status: 'True', reason: 'BaseReady', message: 'it answers' }],
      nodeInfo: { kubeletVersion: 'v1.34.0-kouplet.0.1.0' },
      ...change.status,
    },
  };
}

export function rawRecord(data: unknown, baseId = 'b1') {
  return {
    metadata: {
      name: `kouplet-record.${baseId}.dev`,
      namespace: 'default',
      uid: 'uid-r1',
      resourceVersion: '5',
      annotations: { 'kouplet.io/base-id': baseId },
    },
    data: { 'record.json': typeof data === 'string' ? data : JSON.stringify(data) },
  };
}
