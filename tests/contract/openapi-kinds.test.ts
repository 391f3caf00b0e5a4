/** Kinds that are kept and shown and that no controller acts on: what is taken, what is refused, how it looks. [SPEC C187] */
import { afterAll, describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { MERGE_PATCH, openSetting, podOf } from './setting.ts';

const on = openSetting('kinds');
const { say } = on;
const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const space = (api: string) => `/apis/${api}/namespaces/${on.namespace}`;
const hpa1 = (name = '') => `${space('autoscaling/v1')}/horizontalpodautoscalers${name}`;
const hpa2 = (name = '') => `${space('autoscaling/v2')}/horizontalpodautoscalers${name}`;
const policies = (name = '') => `${space('networking.k8s.io/v1')}/networkpolicies${name}`;
const classes = '/apis/networking.k8s.io/v1/ingressclasses';
const runtimes = '/apis/node.k8s.io/v1/runtimeclasses';
const validating = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
const mutating = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
const own = (name: string) => `${name}-${on.namespace}`;
const templates = (name = '') => `/api/v1/namespaces/${on.namespace}/podtemplates${name}`;
const target = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
const hook = (more: Json = {}): Json => ({
  name: 'check.example.org',
  clientConfig: { service: { namespace: 'none', name: 'none' } },
  admissionReviewVersions: ['v1'],
  sideEffects: 'None',
  // For nothing that anybody makes here.
  rules: [{ apiGroups: ['none.example.org'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['nones'] }],
  ...more,
});

afterAll(async () => {
  if (!on.cluster.isReal) return;
  for (const path of [classes, runtimes, validating, mutating]) {
    for (const { metadata } of (await on.get(path)).items) {
      if (metadata.name.endsWith(on.namespace)) await on.raw('DELETE', `${path}/${metadata.name}`);
    }
  }
});

describe('taken [SPEC C187]', () => {
  const rows: readonly (readonly [name: string, path: () => string, body: () => Json])[] = [
    [
      'an autoscaler of v1',
      hpa1,
      () => ({
        metadata: { name: 'one' },
        spec: { scaleTargetRef: target, maxReplicas: 3, targetCPUUtilizationPercentage: 70 },
      }),
    ],
    [
      'an autoscaler of v1 with nothing but its maximum',
      hpa1,
      () => ({ metadata: { name: 'least' }, spec: { scaleTargetRef: target, maxReplicas: 3 } }),
    ],
    [
      'an autoscaler of v2 with memory',
      hpa2,
      () => ({
        metadata: { name: 'two' },
        spec: {
          scaleTargetRef: target,
          minReplicas: 2,
          maxReplicas: 3,
          metrics: [
            { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 60 } } },
          ],
        },
      }),
    ],
    ['a network policy', policies, () => ({ metadata: { name: 'deny' }, spec: { podSelector: {} } })],
    [
      'a network policy with rules',
      policies,
      () => ({
        metadata: { name: 'some' },
        spec: {
          podSelector: { matchLabels: { a: 'b' } },
          ingress: [
            {
              from: [
                { podSelector: { matchLabels: { c: 'd' } } },
                { ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } },
              ],
              ports: [{ port: 80 }, { port: 'http', protocol: 'UDP' }],
            },
          ],
          egress: [{}],
        },
      }),
    ],
    [
      'an ingress class',
      () => classes,
      () => ({
        metadata: { name: own('ic') },
        spec: { controller: 'example.org/in', parameters: { apiGroup: 'example.org', kind: 'In', name: 'x' } },
      }),
    ],
    ['a runtime class', () => runtimes, () => ({ metadata: { name: own('rc') }, handler: 'fast' })],
    [
      'a Pod template',
      templates,
      () => ({ metadata: { name: 'pt' }, template: { metadata: { labels: { a: 'b' } }, spec: podOf('x').spec } }),
    ],
    ['a validating webhook', () => validating, () => ({ metadata: { name: own('v') }, webhooks: [hook()] })],
    [
      'a mutating webhook',
      () => mutating,
      () => ({ metadata: { name: own('m') }, webhooks: [hook({ reinvocationPolicy: 'IfNeeded' })] }),
    ],
  ];
  test.each(rows)('%s', async (_name, path, body) => {
    const { code, body: answer } = await say('POST', path(), body());
    expect({ code, answer }).toMatchSnapshot();
  });
});

describe('refused [SPEC C187]', () => {
  const rows: readonly (readonly [name: string, path: () => string, body: () => Json])[] = [
    [
      'an autoscaler of v1 without a maximum',
      hpa1,
      () => ({ metadata: { name: 'bad' }, spec: { scaleTargetRef: target } }),
    ],
    [
      'an autoscaler of v1 without a target',
      hpa1,
      () => ({ metadata: { name: 'bad' }, spec: { maxReplicas: 1, minReplicas: 5 } }),
    ],
    [
      'a network policy with a wrong port',
      policies,
      () => ({
        metadata: { name: 'bad' },
        spec: { podSelector: {}, ingress: [{ ports: [{ port: 0 }, { protocol: 'ICMP' }] }] },
      }),
    ],
    [
      'a network policy with a wrong block',
      policies,
      () => ({
        metadata: { name: 'bad' },
        spec: { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: 'x' } }, {}] }] },
      }),
    ],
    [
      'a network policy of another type',
      policies,
      () => ({ metadata: { name: 'bad' }, spec: { podSelector: {}, policyTypes: ['Sideways'] } }),
    ],
    ['an ingress class without a controller', () => classes, () => ({ metadata: { name: own('bad') }, spec: {} })],
    [
      'an ingress class whose controller is none',
      () => classes,
      () => ({ metadata: { name: own('bad') }, spec: { controller: 'plain' } }),
    ],
    [
      'a runtime class whose handler is none',
      () => runtimes,
      () => ({ metadata: { name: own('bad') }, handler: 'A B' }),
    ],
    ['a Pod template without containers', templates, () => ({ metadata: { name: 'bad' }, template: { spec: {} } })],
    [
      'a webhook without side effects and versions',
      () => validating,
      () => ({ metadata: { name: own('bad') }, webhooks: [{ name: 'plain', clientConfig: {} }] }),
    ],
  ];
  test.each(rows)('%s', async (_name, path, body) => {
    expect(await say('POST', path(), body())).toMatchSnapshot();
  });
});

describe('shown [SPEC C187]', () => {
  test('an autoscaler in both versions', async () => {
    for (const [version, at] of [
      ['v2', hpa2('/one')],
      ['v1', hpa1('/two')],
    ] as const) {
      const { body } = await say('GET', at);
      // Whoever measures there says what it measured.
      delete body.status;
      for (const key of Object.keys(body.metadata.annotations ?? {})) {
        if (key.endsWith('conditions')) delete body.metadata.annotations[key];
      }
      if (Object.keys(body.metadata.annotations ?? {}).length === 0) delete body.metadata.annotations;
      expect([version, body]).toMatchSnapshot();
    }
  });
  test('an autoscaler changed through v1 is changed in v2', async () => {
    await on.call('PATCH', hpa1('/two'), { spec: { targetCPUUtilizationPercentage: 33, maxReplicas: 9 } }, MERGE_PATCH);
    expect((await say('GET', hpa2('/two'))).body.spec).toMatchSnapshot();
  });
  test.each([
    ['autoscalers', hpa1('/one'), 'hpa'],
    ['network policies', '', 'policies'],
    ['Pod templates', '', 'templates'],
    ['ingress classes', '', 'classes'],
    ['runtime classes', '', 'runtimes'],
    ['webhooks', '', 'hooks'],
  ])('%s as a table', async (_name, _path, which) => {
    const paths: Record<string, string> = {
      hpa: hpa1('/one'),
      policies: policies('/some'),
      templates: templates('/pt'),
      classes: `${classes}/${own('ic')}`,
      runtimes: `${runtimes}/${own('rc')}`,
      hooks: `${validating}/${own('v')}`,
    };
    const { body } = await on.raw('GET', paths[which] ?? '', undefined, undefined, table);
    const { columnDefinitions, rows } = on.plain(body);
    const cells = rows[0].cells.map((cell: Json) => (/^\d+s$/.test(String(cell)) ? 'AGE' : cell));
    expect({ columnDefinitions, cells }).toMatchSnapshot();
  });
});
