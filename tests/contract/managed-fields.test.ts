/** managedFields of all who write: creations, updates, patches, statuses, scales, and what strips them. [SPEC C103] [SPEC C104] */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { APPLY, deploymentOf, mapOf, openOwnersSetting, wholeDeploymentOf } from './owners.ts';
import { JSON_PATCH, MERGE_PATCH, podOf, STRATEGIC_PATCH, workloadOf } from './setting.ts';

const on = openOwnersSetting('managed');

const nowhere = { nodeSelector: { suite: 'nowhere' } };
const whole = podOf('p', {
  ...nowhere,
  initContainers: [{ name: 'i', image: 'i:1' }],
  containers: [
    {
      name: 'c',
      image: 'nginx:1',
      command: ['run'],
      args: ['x'],
      ports: [{ containerPort: 80 }, { containerPort: 443, name: 'tls', hostPort: 443 }, { containerPort: 8080 }],
      env: [
        { name: 'A', value: '1' },
        { name: 'B', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
        { name: 'C', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
      ],
      envFrom: [{ configMapRef: { name: 'm' } }],
      resources: { limits: { cpu: '1', memory: '1Gi' } },
      livenessProbe: { httpGet: { path: '/', port: 80 } },
      lifecycle: { preStop: { exec: { command: ['x'] } } },
      volumeMounts: [{ name: 'v', mountPath: '/v' }],
      securityContext: { runAsUser: 1, capabilities: { drop: ['ALL'] } },
    },
  ],
  volumes: [
    { name: 'v', configMap: { name: 'm', items: [{ key: 'a', path: 'b' }] } },
    { name: 'w', projected: { sources: [{ secret: { name: 's' } }] } },
    { name: 'e', emptyDir: { sizeLimit: '1Gi' } },
  ],
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'Exists' }] }],
      },
    },
    podAntiAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        { weight: 1, podAffinityTerm: { topologyKey: 'z', labelSelector: { matchLabels: { a: 'b' } } } },
      ],
    },
  },
  tolerations: [{ key: 'a', operator: 'Exists' }],
  topologySpreadConstraints: [
    { maxSkew: 1, topologyKey: 'z', whenUnsatisfiable: 'ScheduleAnyway', labelSelector: { matchLabels: { a: 'b' } } },
  ],
  imagePullSecrets: [{ name: 's' }],
  hostAliases: [{ ip: '1.2.3.4', hostnames: ['x'] }],
  securityContext: { runAsNonRoot: true, sysctls: [{ name: 'kernel.shm_rmid_forced', value: '0' }] },
  dnsConfig: { options: [{ name: 'ndots', value: '2' }] },
  readinessGates: [{ conditionType: 'example.org/x' }],
  schedulingGates: [{ name: 'example.org/gate' }],
});
const owner = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  name: 'm',
  uid: '00000000-0000-0000-0000-000000000001',
  blockOwnerDeletion: false,
};

describe('a creation owns what was sent and what was filled in [SPEC C103]', () => {
  test.each<readonly [string, string, Json]>([
    [
      'a ConfigMap',
      'configmaps',
      {
        metadata: { name: 'm', labels: { a: 'b' }, annotations: { c: 'd' }, finalizers: [] },
        data: { k: 'v', 'a.b': '' },
        binaryData: { z: 'AA==' },
      },
    ],
    [
      'with finalizers and an owner',
      'configmaps',
      {
        metadata: { name: 'f', generateName: 'f-', finalizers: ['example.org/x'], ownerReferences: [owner] },
        immutable: true,
      },
    ],
    ['a Secret', 'secrets', { metadata: { name: 's' }, stringData: { a: 'b' }, type: 'Opaque' }],
    ['a Pod of little', 'pods', podOf('little', nowhere)],
    ['a Pod of all sorts', 'pods', whole],
    ['a Deployment', 'deployments.apps', workloadOf('d', { replicas: 0, paused: true })],
    [
      'a Deployment that rolls its own way',
      'deployments.apps',
      workloadOf('r', { replicas: 0, strategy: { type: 'Recreate' }, minReadySeconds: 1 }),
    ],
    ['a ReplicaSet', 'replicasets.apps', workloadOf('rs', { replicas: 0 })],
    [
      'a StatefulSet',
      'statefulsets.apps',
      workloadOf('s', {
        replicas: 0,
        serviceName: 's',
        volumeClaimTemplates: [
          {
            metadata: { name: 'v' },
            spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
          },
        ],
      }),
    ],
    ['a DaemonSet', 'daemonsets.apps', workloadOf('ds', {}, nowhere)],
    [
      'a ControllerRevision',
      'controllerrevisions.apps',
      { metadata: { name: 'cr' }, revision: 1, data: { a: { b: [1] } } },
    ],
    [
      'a Service',
      'services',
      {
        metadata: { name: 'v' },
        spec: {
          selector: { a: 'b' },
          ports: [{ port: 80 }, { port: 443, name: 'x', targetPort: 'y' }].map((one, i) => ({ name: `p${i}`, ...one })),
        },
      },
    ],
    ['a headless Service', 'services', { metadata: { name: 'h' }, spec: { clusterIP: 'None', ports: [{ port: 80 }] } }],
    [
      'a Lease',
      'leases.coordination.k8s.io',
      {
        metadata: { name: 'l' },
        spec: { holderIdentity: 'me', leaseDurationSeconds: 40, renewTime: '2026-01-01T00:00:00.000000Z' },
      },
    ],
    [
      'a ServiceAccount',
      'serviceaccounts',
      { metadata: { name: 'sa' }, secrets: [{ name: 's' }], imagePullSecrets: [{ name: 't' }] },
    ],
    [
      'a budget',
      'poddisruptionbudgets.policy',
      { metadata: { name: 'b' }, spec: { minAvailable: '50%', selector: { matchLabels: { a: 'b' } } } },
    ],
    [
      'a Job',
      'jobs.batch',
      {
        metadata: { name: 'j' },
        spec: {
          suspend: true,
          manualSelector: true,
          selector: { matchLabels: { a: 'j' } },
          template: { metadata: { labels: { a: 'j' } }, spec: { ...podOf('x').spec, restartPolicy: 'Never' } },
        },
      },
    ],
    [
      'a CronJob',
      'cronjobs.batch',
      {
        metadata: { name: 'c' },
        spec: {
          schedule: '0 0 1 1 *',
          suspend: true,
          jobTemplate: { spec: { template: { spec: { ...podOf('x').spec, restartPolicy: 'Never' } } } },
        },
      },
    ],
    [
      'a LimitRange',
      'limitranges',
      { metadata: { name: 'lr' }, spec: { limits: [{ type: 'Pod', max: { cpu: '9' } }] } },
    ],
    ['a ResourceQuota', 'resourcequotas', { metadata: { name: 'q' }, spec: { hard: { pods: '100' } } }],
    [
      'a claim',
      'persistentvolumeclaims',
      {
        metadata: { name: 'pvc' },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
      },
    ],
    [
      'a ReplicationController',
      'replicationcontrollers',
      {
        metadata: { name: 'rc' },
        spec: {
          replicas: 0,
          selector: { app: 'rc' },
          template: { metadata: { labels: { app: 'rc' } }, spec: podOf('x').spec },
        },
      },
    ],
    [
      'Endpoints',
      'endpoints',
      { metadata: { name: 'e' }, subsets: [{ addresses: [{ ip: '10.1.1.1' }], ports: [{ port: 80 }] }] },
    ],
    [
      'an Event',
      'events',
      {
        metadata: { name: 'ev' },
        involvedObject: { kind: 'Pod', namespace: on.namespace, name: 'x' },
        reason: 'R',
        message: 'm',
        type: 'Normal',
        count: 1,
      },
    ],
    [
      'an Event of the other kind',
      'events.events.k8s.io',
      {
        metadata: { name: 'ev2' },
        regarding: { kind: 'Pod', namespace: on.namespace, name: 'x' },
        reason: 'R',
        note: 'm',
        type: 'Normal',
        action: 'a',
        reportingController: 'x.y/z',
        reportingInstance: 'i',
        eventTime: '2026-01-01T00:00:00.000000Z',
      },
    ],
    [
      'an Ingress',
      `/apis/networking.k8s.io/v1/namespaces/${on.namespace}/ingresses`,
      {
        metadata: { name: 'i' },
        spec: {
          rules: [
            {
              host: 'a.b',
              http: {
                paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'v', port: { number: 80 } } } }],
              },
            },
          ],
        },
      },
    ],
    [
      'a Role',
      `/apis/rbac.authorization.k8s.io/v1/namespaces/${on.namespace}/roles`,
      { metadata: { name: 'r' }, rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] },
    ],
    [
      'a RoleBinding',
      `/apis/rbac.authorization.k8s.io/v1/namespaces/${on.namespace}/rolebindings`,
      {
        metadata: { name: 'r' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' },
        subjects: [{ kind: 'User', name: 'u', apiGroup: 'rbac.authorization.k8s.io' }],
      },
    ],
    [
      'an autoscaler',
      `/apis/autoscaling/v2/namespaces/${on.namespace}/horizontalpodautoscalers`,
      {
        metadata: { name: 'h' },
        spec: {
          maxReplicas: 3,
          scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'none' },
          metrics: [
            { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
          ],
        },
      },
    ],
  ])('%s', async (_name, resource, body) => {
    const { code, owners } = await on.tell('POST', `${resource}?fieldManager=maker&dryRun=All`, body);
    expect({ code, owners }).toMatchSnapshot();
  });

  test('of the cluster: a Node, a namespace and a priority class', async () => {
    const make = async (resource: string, body: Json) => (await on.tell('POST', `${resource}?dryRun=All`, body)).owners;
    expect([
      await make('nodes', {
        metadata: { name: on.node('n'), labels: { a: 'b' } },
        spec: { taints: [{ key: 'a', effect: 'NoSchedule' }], podCIDRs: ['10.0.0.0/24'], podCIDR: '10.0.0.0/24' },
        status: { capacity: { cpu: '1' }, addresses: [{ type: 'Hostname', address: 'x' }] },
      }),
      await make('namespaces', { metadata: { name: `${on.namespace}-x` } }),
      await make('priorityclasses.scheduling.k8s.io', { metadata: { name: `${on.namespace}-x` }, value: 5 }),
    ]).toMatchSnapshot();
  });
});

describe('a change owns what it changed [SPEC C103]', () => {
  beforeAll(async () => {
    await on.call('POST', 'configmaps?fieldManager=maker', {
      metadata: { name: 'x', labels: { a: 'b' } },
      data: { k: 'v', l: 'w' },
    });
    await on.call('POST', 'pods?fieldManager=maker', podOf('x', { schedulerName: 'nobody' }));
    await on.call('POST', 'deployments.apps?fieldManager=maker', workloadOf('x', { replicas: 0 }));
  });
  const named = (query: string): string => `?fieldManager=${query}`;
  test.each<readonly [string, string, string, Json, string]>([
    ['a merge patch', 'PATCH', `configmaps/x${named('two')}`, { data: { k: 'new', n: '1' } }, MERGE_PATCH],
    ['one that changes nothing', 'PATCH', `configmaps/x${named('three')}`, { data: { k: 'new' } }, MERGE_PATCH],
    [
      'one that removes',
      'PATCH',
      `configmaps/x${named('three')}`,
      { data: { l: null }, metadata: { labels: null } },
      MERGE_PATCH,
    ],
    ['a JSON patch', 'PATCH', `configmaps/x${named('four')}`, [{ op: 'add', path: '/data/z', value: '1' }], JSON_PATCH],
    ['back to what it was', 'PATCH', `configmaps/x${named('maker')}`, { data: { k: 'v' } }, MERGE_PATCH],
    ['a dry run', 'PATCH', `configmaps/x${named('dry')}&dryRun=All`, { data: { k: 'dry' } }, MERGE_PATCH],
    [
      'an update',
      'PUT',
      `configmaps/x${named('put')}`,
      { metadata: { name: 'x' }, data: { k: 'put' } },
      'application/json',
    ],
    ['a client without a name of its own', 'PATCH', 'configmaps/x', { data: { ua: '1' } }, MERGE_PATCH],
    [
      'a status',
      'PATCH',
      `pods/x/status${named('kubelet')}`,
      {
        status: {
          phase: 'Running',
          conditions: [{ type: 'Ready', status: 'True' }],
          podIP: '10.9.9.9',
          podIPs: [{ ip: '10.9.9.9' }],
        },
      },
      STRATEGIC_PATCH,
    ],
    ['the same status', 'PATCH', `pods/x/status${named('kubelet')}`, { status: { phase: 'Running' } }, STRATEGIC_PATCH],
    [
      'a condition more, by another',
      'PATCH',
      `pods/x/status${named('other')}`,
      {
        status: {
          conditions: [
            { type: 'Ready', status: 'False' },
            { type: 'example.org/A', status: 'True' },
          ],
        },
      },
      STRATEGIC_PATCH,
    ],
    [
      'a spec through the status, which is not written',
      'PATCH',
      `pods/x/status${named('liar')}`,
      { spec: { activeDeadlineSeconds: 5 } },
      STRATEGIC_PATCH,
    ],
    [
      'labels through the status',
      'PATCH',
      `pods/x/status${named('labeller')}`,
      { metadata: { labels: { by: 'status' } } },
      STRATEGIC_PATCH,
    ],
    [
      'a status through the spec, which is not written',
      'PATCH',
      `pods/x${named('liar')}`,
      { status: { phase: 'Failed' } },
      STRATEGIC_PATCH,
    ],
    [
      'an image',
      'PATCH',
      `pods/x${named('imager')}`,
      { spec: { containers: [{ name: 'c', image: 'nginx:2' }] } },
      STRATEGIC_PATCH,
    ],
    [
      'a container more',
      'PATCH',
      `deployments.apps/x${named('adder')}`,
      { spec: { template: { spec: { containers: [{ name: 'new', image: 'n:1', ports: [{ containerPort: 1 }] }] } } } },
      STRATEGIC_PATCH,
    ],
    [
      'an atomic map',
      'PATCH',
      `deployments.apps/x${named('selector')}`,
      { spec: { template: { spec: { nodeSelector: { a: 'b' } } } } },
      MERGE_PATCH,
    ],
    [
      'a list that is emptied',
      'PATCH',
      `deployments.apps/x${named('emptier')}`,
      { spec: { template: { spec: { containers: [{ name: 'new', $patch: 'delete' }] } } } },
      STRATEGIC_PATCH,
    ],
    [
      'another strategy',
      'PATCH',
      `deployments.apps/x${named('strategist')}`,
      { spec: { strategy: { type: 'Recreate', rollingUpdate: null } } },
      MERGE_PATCH,
    ],
  ])('%s', async (_name, method, resource, body, type) => {
    const { code, owners } = await on.tell(method, resource, body, type);
    expect({ code, owners }).toMatchSnapshot();
  });

  test('the scale', async () => {
    await on.call(
      'POST',
      'deployments.apps?fieldManager=maker',
      workloadOf('sc', { replicas: 1, paused: true }, nowhere),
    );
    const seen: Json[] = [];
    const scale = async (manager: string, body: Json, type: string, more = '') => {
      const { code, status } = await on.tell(
        'PATCH',
        `deployments.apps/sc/scale?fieldManager=${manager}${more}`,
        body,
        type,
      );
      seen.push({ code, ...(status === undefined ? {} : { status }), owners: await on.owners('deployments.apps/sc') });
    };
    const applied = (replicas: number) => ({
      apiVersion: 'autoscaling/v1',
      kind: 'Scale',
      metadata: { name: 'sc' },
      spec: { replicas },
    });
    await scale('two', { spec: { replicas: 2 } }, MERGE_PATCH);
    await scale('three', { spec: { replicas: 3 } }, MERGE_PATCH);
    await scale('four', applied(4), APPLY);
    await scale('four', applied(4), APPLY, '&force=true');
    await scale('five', applied(4), APPLY);
    await scale('zero', { spec: { replicas: 0 } }, MERGE_PATCH);
    await scale('six', { spec: { replicas: 1 } }, MERGE_PATCH);
    await scale('seven', applied(2), APPLY);
    expect(seen).toMatchSnapshot();
  });

  test('applied statuses conflict with each other, not with the spec', async () => {
    const status = (value: string) => ({
      ...deploymentOf('x', undefined),
      status: { conditions: [{ type: 'example.org/X', status: value }] },
    });
    const apply = (manager: string, body: Json) => on.apply('deployments.apps/x/status', manager, body);
    const told = [
      await apply('one', status('True')),
      await apply('two', status('False')),
      await apply('one', { ...status('True'), status: {} }),
    ];
    expect(told.map(({ code, owners, status: refusal }) => ({ code, owners, refusal }))).toMatchSnapshot();
  });

  test('more than ten who update are remembered as one, the oldest first', async () => {
    await on.call('POST', 'configmaps?fieldManager=first', { metadata: { name: 'many' }, data: { a: '1' } });
    for (let i = 0; i < 12; i++) {
      await on.call(
        'PATCH',
        `configmaps/many?fieldManager=m${String(i).padStart(2, '0')}`,
        { data: { [`k${i}`]: 'v' } },
        MERGE_PATCH,
      );
    }
    const owners = await on.owners('configmaps/many');
    expect(owners).toMatchSnapshot();
  });
});

describe('a client may strip managedFields, and does not by not knowing them [SPEC C104]', () => {
  beforeAll(async () => {
    await on.apply('configmaps/strip', 'one', mapOf('strip', { a: '1' }));
  });
  const patched = (managedFields: Json) =>
    on.tell('PATCH', 'configmaps/strip', { metadata: { managedFields } }, MERGE_PATCH);
  const entry = {
    manager: 'q',
    operation: 'Update',
    apiVersion: 'v1',
    fieldsType: 'FieldsV1',
    fieldsV1: { 'f:data': { 'f:a': {} } },
  };
  test.each<readonly [string, () => Promise<unknown>]>([
    [
      'an update without them keeps them',
      () =>
        on.tell('PUT', 'configmaps/strip?fieldManager=two', { metadata: { name: 'strip' }, data: { a: '1', b: '2' } }),
    ],
    ['null keeps them', () => patched(null)],
    ['nonsense keeps them', () => patched([{ manager: 'q', operation: 'Frob' }])],
    ['an empty entry strips them', () => patched([{}])],
    ['then no change is followed', () => on.tell('PATCH', 'configmaps/strip', { data: { c: '3' } }, MERGE_PATCH)],
    ['until the next apply', () => on.apply('configmaps/strip', 'one', mapOf('strip', { a: '1' }))],
    ['an empty list strips them, too', () => patched([])],
    ['an entry of their own is taken', () => patched([entry])],
    ['a set that is none is not', () => patched([{ ...entry, manager: 'r', fieldsV1: { odd: 1 } }])],
    [
      'and a status takes none',
      () =>
        on.tell('PATCH', 'pods/x/status', { metadata: { managedFields: [{}] }, status: { message: 'm' } }, MERGE_PATCH),
    ],
  ])('%s', async (_name, ask) => {
    expect(await ask()).toMatchSnapshot();
  });

  test('what was applied before anybody looked is owned by before-first-apply', async () => {
    await on.call('POST', 'deployments.apps', workloadOf('first', { replicas: 0 }));
    await on.call('PATCH', 'deployments.apps/first', { metadata: { managedFields: [{}] } }, MERGE_PATCH);
    const { code, owners } = await on.apply('deployments.apps/first', 'one', wholeDeploymentOf('first'), 'force=true');
    expect(code).toBe(200);
    // The controller may write its status before that, and this is then of before-first-apply, too.
    const spec = JSON.parse(JSON.stringify(owners), (_key, value) =>
      Array.isArray(value) ? value.filter((path) => String(path).startsWith('f:spec')) : value,
    );
    expect(spec).toMatchSnapshot();
  });
});
