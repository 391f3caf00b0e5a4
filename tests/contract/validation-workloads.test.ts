/** What of Jobs, CronJobs, autoscalers, Nodes and Services is refused, or goes when it has no meaning any more. [SPEC C66] [SPEC C95] */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { MERGE_PATCH, openSetting, podOf, type Said } from './setting.ts';

const on = openSetting('workloads');
const scalers = `/apis/autoscaling/v2/namespaces/${on.namespace}/horizontalpodautoscalers`;

/** Without the template as it was sent, which stands in the words in Go's own fields. */
const refusalOf = ({ code, body }: Said): unknown => [
  code,
  String(body.message ?? '').replace(/Invalid value: \{.*\}: field/, 'Invalid value: …: field'),
];

const jobOf = (spec: Json = {}): Json => ({
  metadata: { name: 'j' },
  spec: { suspend: true, template: { spec: podOf('x', { restartPolicy: 'Never' }).spec }, ...spec },
});

describe('a Job [SPEC C95]', () => {
  beforeAll(async () => {
    await on.call('POST', 'jobs.batch', jobOf({ completions: 2 }));
    const indexed = jobOf({ completions: 2, parallelism: 2, completionMode: 'Indexed' });
    await on.call('POST', 'jobs.batch', { ...indexed, metadata: { name: 'indexed' } });
  });
  const image = { template: { spec: { containers: [{ name: 'c', image: 'nginx:2' }] } } };

  test.each<[string, string, Json]>([
    ['another image', 'j', image],
    ['other completions', 'j', { completions: 3 }],
    ['another mode', 'j', { completionMode: 'Indexed' }],
    ['other nodes while it waits', 'j', { template: { spec: { nodeSelector: { a: 'b' } } } }],
    ['a label while it waits', 'j', { template: { metadata: { labels: { a: 'b' } } } }],
    ['another service account', 'j', { template: { spec: { serviceAccountName: 'other' } } }],
    ['other parallelism', 'j', { parallelism: 3 }],
    ['another limit of failures', 'j', { backoffLimit: 1 }],
    ['other completions by index', 'indexed', { completions: 3 }],
    ['other completions and parallelism by index', 'indexed', { completions: 3, parallelism: 3 }],
    ['no completions by index', 'indexed', { completions: null }],
  ])('is given %s', async (_name, job, spec) => {
    expect(refusalOf(await on.say('PATCH', `jobs.batch/${job}?dryRun=All`, { spec }, MERGE_PATCH))).toMatchSnapshot();
  });

  test.each<[string, Json]>([
    ['an unknown mode', { completionMode: 'X' }],
    ['indexes of no number', { completionMode: 'Indexed' }],
    ['too much at once by index', { completionMode: 'Indexed', completions: 1, parallelism: 100_001 }],
    ['a time to live below zero', { ttlSecondsAfterFinished: -1 }],
    ['a limit of failures below zero', { backoffLimit: -1 }],
  ])('is made with %s', async (_name, spec) => {
    const body = { ...jobOf(spec), metadata: { name: 'new' } };
    expect(refusalOf(await on.say('POST', 'jobs.batch?dryRun=All', body))).toMatchSnapshot();
  });
});

describe('a CronJob [SPEC C95]', () => {
  const cronOf = (name: string, spec: Json = {}): Json => ({
    metadata: { name },
    spec: { schedule: '@daily', jobTemplate: { spec: jobOf().spec }, ...spec },
  });
  test.each<[string, Json]>([
    ['a name of 52 characters', cronOf('a'.repeat(52))],
    ['a name of 53 characters', cronOf('a'.repeat(53))],
    ['limits of history below zero', cronOf('c', { successfulJobsHistoryLimit: -1, failedJobsHistoryLimit: -1 })],
    ['a deadline below zero', cronOf('c', { startingDeadlineSeconds: -1 })],
    ['a Job of an unknown mode', cronOf('c', { jobTemplate: { spec: jobOf({ completionMode: 'X' }).spec } })],
  ])('is made with %s', async (_name, body) => {
    expect(refusalOf(await on.say('POST', 'cronjobs.batch?dryRun=All', body))).toMatchSnapshot();
  });
});

describe('an autoscaler [SPEC C95]', () => {
  const cpu = { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } };
  test.each<[string, Json]>([
    ['a metric without its source', { metrics: [{ type: 'Resource' }] }],
    ['a metric of an unknown sort', { metrics: [{ type: 'Nope', resource: cpu }] }],
    ['a metric with the source of another', { metrics: [{ type: 'Pods', resource: cpu }] }],
    ['a resource without a name', { metrics: [{ type: 'Resource', resource: { ...cpu, name: '' } }] }],
    [
      'a target of no known sort',
      { metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Nope', averageUtilization: 50 } } }] },
    ],
    [
      'a target of nothing',
      { metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization' } } }] },
    ],
    [
      'a target of nothing at all',
      {
        metrics: [
          { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 0 } } },
        ],
      },
    ],
    ['Pods without a metric', { metrics: [{ type: 'Pods', pods: { target: { type: 'AverageValue' } } }] }],
    [
      'Pods with nothing wanted',
      {
        metrics: [
          { type: 'Pods', pods: { metric: { name: 'm' }, target: { type: 'AverageValue', averageValue: '0' } } },
        ],
      },
    ],
    ['an object that is none', { metrics: [{ type: 'Object', object: { target: { type: 'Value', value: '1' } } }] }],
    [
      'an object without a value',
      {
        metrics: [
          {
            type: 'Object',
            object: {
              metric: { name: 'm' },
              describedObject: { apiVersion: 'v1', kind: 'Service', name: 's' },
              target: { type: 'Value' },
            },
          },
        ],
      },
    ],
    [
      'something outside with a bad name',
      { metrics: [{ type: 'External', external: { metric: { name: 'a/b' }, target: { type: 'Value', value: '1' } } }] },
    ],
    [
      'something outside with two values',
      {
        metrics: [
          {
            type: 'External',
            external: { metric: { name: 'm' }, target: { type: 'Value', value: '1', averageValue: '1' } },
          },
        ],
      },
    ],
    [
      'something outside without a value',
      { metrics: [{ type: 'External', external: { metric: { name: 'm' }, target: { type: 'Value' } } }] },
    ],
    ['a resource of no container', { metrics: [{ type: 'ContainerResource', containerResource: { ...cpu } }] }],
    ['a window below zero', { behavior: { scaleUp: { stabilizationWindowSeconds: -1 } } }],
    ['a window of more than an hour', { behavior: { scaleDown: { stabilizationWindowSeconds: 3601 } } }],
    ['an unknown choice of policies', { behavior: { scaleDown: { selectPolicy: 'Nope' } } }],
    [
      'a policy that is none',
      { behavior: { scaleUp: { policies: [{ type: 'Nope', value: 0, periodSeconds: 1801 }] } } },
    ],
    ['a policy of no time', { behavior: { scaleUp: { policies: [{ type: 'Pods', value: 1, periodSeconds: 0 }] } } }],
    ['an empty behaviour', { behavior: {} }],
    ['a behaviour in part', { behavior: { scaleDown: { stabilizationWindowSeconds: 5 } } }],
  ])('is made with %s', async (_name, spec) => {
    const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' };
    const body = { metadata: { name: 'h' }, spec: { maxReplicas: 3, scaleTargetRef, ...spec } };
    const { code, body: answer } = await on.say('POST', `${scalers}?dryRun=All`, body);
    expect([code, answer.message ?? answer.spec.behavior]).toMatchSnapshot();
  });
});

describe('a Node [SPEC C95]', () => {
  test.each<[string, Json]>([
    ['an address for its range', { podCIDR: '1.2.3.4' }],
    ['no range', { podCIDR: 'nope' }],
    ['a range', { podCIDR: '10.244.1.0/24' }],
    ['ranges', { podCIDRs: ['10.244.1.0/24', 'fd00::/64'] }],
    ['a range and others', { podCIDR: '10.244.1.0/24', podCIDRs: ['10.244.2.0/24'] }],
    ['two ranges of one family', { podCIDRs: ['10.244.1.0/24', '10.244.2.0/24'] }],
  ])('is made with %s', async (_name, spec) => {
    const body = { metadata: { name: on.node('n') }, spec };
    const { code, body: answer } = await on.say('POST', 'nodes?dryRun=All', body);
    expect([code, answer.message ?? [answer.spec.podCIDR, answer.spec.podCIDRs]]).toMatchSnapshot();
  });
});

describe('a Service [SPEC C66]', () => {
  const ports = [{ port: 80, protocol: 'TCP', targetPort: 80 }];
  /** Whether it has a port on the nodes, not which. */
  const shown = (answer: Json): unknown => ({
    ...answer.spec,
    clusterIP: answer.spec.clusterIP && 'ADDRESS',
    clusterIPs: answer.spec.clusterIPs?.length,
    ports: answer.spec.ports?.map(({ nodePort, ...port }: Json) => ({ ...port, hasNodePort: nodePort !== undefined })),
    ...(answer.spec.healthCheckNodePort ? { healthCheckNodePort: 'PORT' } : {}),
  });
  const changes: ReadonlyArray<readonly [string, Json, Json]> = [
    ['from NodePort to ExternalName', { type: 'NodePort' }, { type: 'ExternalName', externalName: 'example.org' }],
    ['from NodePort to ClusterIP', { type: 'NodePort' }, { type: 'ClusterIP' }],
    ['from LoadBalancer to ClusterIP', { type: 'LoadBalancer' }, { type: 'ClusterIP' }],
    ['from LoadBalancer to NodePort', { type: 'LoadBalancer' }, { type: 'NodePort' }],
    ['from ClusterIP to ExternalName', { type: 'ClusterIP' }, { type: 'ExternalName', externalName: 'example.org' }],
    ['from ClusterIP to NodePort', { type: 'ClusterIP' }, { type: 'NodePort' }],
    ['from ExternalName to ClusterIP', { type: 'ExternalName', externalName: 'example.org' }, { type: 'ClusterIP' }],
  ];
  test.each(changes)('patched %s', async (title, before, after) => {
    const name = title.replaceAll(' ', '-').toLowerCase();
    await on.call('POST', 'services', { metadata: { name }, spec: { ports, ...before } });
    const { code, body } = await on.say('PATCH', `services/${name}`, { spec: after }, MERGE_PATCH);
    expect([code, body.message ?? shown(body)]).toMatchSnapshot();
  });
});

describe('field selectors [SPEC C95]', () => {
  test.each([
    ['replicasets.apps', 'status.replicas=2'],
    ['replicationcontrollers', 'status.replicas=2'],
    ['deployments.apps', 'status.replicas=2'],
    ['jobs.batch', 'status.successful=2'],
    ['replicasets.apps', 'metadata.name=2'],
  ])('of %s: %s', async (resource, selector) => {
    const { code, body } = await on.say('GET', `${resource}?fieldSelector=${selector}`);
    expect([code, body.message]).toMatchSnapshot();
  });
});
