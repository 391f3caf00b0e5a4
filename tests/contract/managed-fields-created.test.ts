/** managedFields of what is created, kind by kind: what was sent and what was filled in, not what admission adds. [SPEC C103] */
import { describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { openOwnersSetting } from './owners.ts';
import { podOf, workloadOf } from './setting.ts';

const on = openOwnersSetting('made');

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
