/** The chart's ServiceMonitor, put to an API that has its kind, and to the objects that it must find. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Json, makeNamespace } from '../support/api.ts';
import { collectionOf, embeddedValues, hasHelm, renderChart } from '../support/chart.ts';
import { openCluster, type TestCluster } from '../support/cluster.ts';
import { waitFor } from '../support/wait.ts';

const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const name = 'servicemonitors.monitoring.coreos.com';
const text: Json = { type: 'string' };
const labels: Json = { type: 'object', additionalProperties: text };

/** What of Prometheus' operator's own definition (monitoring.coreos.com/v1) the chart may say; anything else is refused, strictly. */
const definition: Json = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name },
  spec: {
    group: 'monitoring.coreos.com',
    scope: 'Namespaced',
    names: {
      kind: 'ServiceMonitor',
      plural: 'servicemonitors',
      singular: 'servicemonitor',
      listKind: 'ServiceMonitorList',
    },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            required: ['spec'],
            properties: {
              spec: {
                type: 'object',
                required: ['endpoints', 'selector'],
                properties: {
                  selector: {
                    type: 'object',
                    properties: {
                      matchLabels: labels,
                      matchExpressions: {
                        type: 'array',
                        items: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
                      },
                    },
                  },
                  namespaceSelector: {
                    type: 'object',
                    properties: { any: { type: 'boolean' }, matchNames: { type: 'array', items: text } },
                  },
                  endpoints: {
                    type: 'array',
                    items: {
                      type: 'object',
                      properties: {
                        port: text,
                        path: text,
                        scheme: { type: 'string', enum: ['http', 'https'] },
                        interval: {
                          type: 'string',
                          pattern:
                            '^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$',
                        },
                      },
                    },
                  },
                },
              },
            },
          },
        },
      },
    ],
  },
};

describe.skipIf(!hasHelm)('the chart’s ServiceMonitor (needs helm)', () => {
  const namespace = `kouplet-monitor-${process.pid}`;
  let cluster: TestCluster;
  let isOurs = false;
  beforeAll(async () => {
    cluster = await openCluster();
    await makeNamespace(cluster.api, namespace);
    // A cluster where Prometheus' operator is has the whole of it.
    isOurs = (await cluster.api.request('POST', definitions, definition)).status === 201;
    await waitFor(
      'its kind is served',
      async () => (await cluster.api.request('GET', collection())).status === 200,
      20_000,
    );
  });
  afterAll(async () => {
    await cluster?.api.request('DELETE', `/api/v1/namespaces/${namespace}`);
    if (isOurs) await cluster.api.request('DELETE', `${definitions}/${name}`);
    await cluster?.stop();
  });

  const collection = (): string => `/apis/monitoring.coreos.com/v1/namespaces/${namespace}/servicemonitors`;

  test.each([
    ['as it comes', {}],
    ['with labels and a period of one’s own', { interval: '1m30s', labels: { release: 'prometheus' } }],
  ])('is taken strictly, %s, and selects the Service of metrics by a port that it has', async (_what, own) => {
    const values = { ...embeddedValues, serviceMonitor: { enabled: true, ...own } };
    const objects = renderChart(values, 'try', namespace);
    const monitor = objects.find(({ kind }) => kind === 'ServiceMonitor');
    expect(collectionOf(monitor)).toBe(collection());
    const made = await cluster.api.request('POST', `${collection()}?fieldValidation=Strict`, monitor);
    expect([made.status, made.body?.message]).toEqual([201, undefined]);
    expect(made.body.spec).toEqual(monitor.spec);
    for (const service of objects.filter(({ kind }) => kind === 'Service')) {
      const put = await cluster.api.request('POST', collectionOf(service), service);
      expect([put.status, put.body?.message]).toEqual([201, undefined]);
    }
    const selector = Object.entries(made.body.spec.selector.matchLabels).map(([key, value]) => `${key}=${value}`);
    const services = `/api/v1/namespaces/${namespace}/services`;
    const found = await cluster.api.items(`${services}?labelSelector=${encodeURIComponent(selector.join())}`);
    expect(found.map(({ metadata }) => metadata.name)).toEqual(['try-kouplet-metrics']);
    const ports = found[0]?.spec.ports.map((port: Json) => port.name);
    expect(made.body.spec.endpoints.map(({ port }: Json) => port)).toEqual(ports);
    for (const object of objects.filter(({ kind }) => kind === 'Service' || kind === 'ServiceMonitor')) {
      await cluster.api.request('DELETE', `${collectionOf(object)}/${object.metadata.name}`);
    }
  });

  test('with a period that is none is refused where it is installed', async () => {
    const values = { ...embeddedValues, serviceMonitor: { enabled: true, interval: 'often' } };
    const monitor = renderChart(values, 'try', namespace).find(({ kind }) => kind === 'ServiceMonitor');
    const refused = await cluster.api.request('POST', `${collection()}?dryRun=All`, monitor);
    expect([refused.status, refused.body.message]).toEqual([
      422,
      expect.stringContaining('spec.endpoints[0].interval'),
    ]);
  });
});
