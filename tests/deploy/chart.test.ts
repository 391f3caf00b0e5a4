/** deploy/chart: what it renders, refuses and grants. Under its ServiceAccount the end-to-end suite runs with TEST_CHART=1. */
import { readFileSync } from 'node:fs';
import { type Features, rightsNeeded } from '@kouplet/controller';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type Json, makeNamespace } from '../support/api.ts';
import { collectionOf, embeddedValues, hasHelm, lintChart, renderChart } from '../support/chart.ts';
import { openCluster, type TestCluster } from '../support/cluster.ts';
import { startKouplet } from '../support/processes.ts';

const externalValues: Json = {
  replicas: 3,
  broker: {
    external: {
      url: 'mqtts://broker.example.com:8883',
      credentialsSecret: 'broker-user',
      tlsSecret: 'broker-tls',
      mutualTls: true,
    },
  },
};
const everything: Json = {
  broker: { embedded: { ...embeddedValues.broker.embedded, tlsSecret: 'broker-tls', mutualTls: true } },
  peerDeployments: { enabled: true },
  logs: { enabled: true, port: 10_251, baseNamespaces: ['default'], tlsSecret: 'logs-tls' },
  networkPolicy: { enabled: true, basesFrom: [{ namespaceSelector: {} }] },
  serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
  controller: {
    envTaint: true,
    osLabels: true,
    extraArgs: ['--http=0.0.0.0:8081', '--record=/var/lib/kouplet/journal'],
    extraEnv: [{ name: 'A', value: 'b' }],
    extraVolumes: [{ name: 'journal', emptyDir: {} }],
    extraVolumeMounts: [{ name: 'journal', mountPath: '/var/lib/kouplet' }],
  },
};
const embeddedMutual: Json = { broker: { embedded: { usersSecret: 'users', mutualTls: true } } };
const of = (objects: Json[], kind: string): Json => objects.find((object) => object.kind === kind);
const podOf = (objects: Json[]): Json => of(objects, 'Deployment').spec.template.spec;
const argsOf = (objects: Json[]): string[] => podOf(objects).containers[0].args;

describe.skipIf(!hasHelm)('the chart (needs helm)', () => {
  test('is one replica and Recreate with the embedded broker, whose users it needs', () => {
    const objects = renderChart(embeddedValues);
    expect(objects.map(({ kind }) => kind).sort()).toEqual([
      ...['ClusterRole', 'ClusterRoleBinding', 'Deployment', 'Role', 'Role', 'RoleBinding', 'RoleBinding'],
      ...['Service', 'Service', 'ServiceAccount'],
    ]);
    expect(of(objects, 'Deployment').spec).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } });
    expect(argsOf(objects)).toContain('--listen=0.0.0.0:1883');
    expect(argsOf(objects)).toContain('--users=/etc/kouplet/users/users.yaml');
  });

  test('is as many replicas as wanted with an external broker, with a PodDisruptionBudget', () => {
    const objects = renderChart(externalValues);
    expect(of(objects, 'Deployment').spec).toMatchObject({ replicas: 3, strategy: { type: 'RollingUpdate' } });
    expect(of(objects, 'PodDisruptionBudget').spec.maxUnavailable).toBe(1);
    expect(argsOf(objects).filter((arg) => arg.startsWith('--broker') || arg.startsWith('--mqtt'))).toEqual([
      '--broker=mqtts://broker.example.com:8883',
      '--mqtt-password-file=/etc/kouplet/broker/password',
      '--mqtt-ca=/etc/kouplet/broker-tls/ca.crt',
      '--mqtt-cert=/etc/kouplet/broker-tls/tls.crt',
      '--mqtt-key=/etc/kouplet/broker-tls/tls.key',
    ]);
    expect(objects.filter(({ kind }) => kind === 'Service')).toHaveLength(1);
  });

  test.each([
    ['several replicas of the embedded broker', { ...embeddedValues, replicas: 2 }, 'set broker.external.url'],
    ['the embedded broker without users', {}, 'broker.embedded.usersSecret'],
    ['a value that there is not', { ...embeddedValues, replica: 2 }, 'replica'],
    ['a URL with a password', { broker: { external: { url: 'mqtt://user:pw@broker:1883' } } }, 'url'],
    ['the embedded broker with client certificates and without its own', embeddedMutual, 'broker.embedded.tlsSecret'],
    ['a URL of another scheme', { broker: { external: { url: 'http://broker:1883' } } }, 'url'],
    [
      'mutual TLS without a certificate',
      { broker: { external: { url: 'mqtts://b:8883', mutualTls: true } } },
      'tlsSecret',
    ],
  ])('refuses %s in words', (_what, values, words) => {
    expect(() => renderChart(values)).toThrow(words);
  });

  test('passes Helm’s own strict lint', () => {
    for (const values of [embeddedValues, externalValues, everything])
      expect(lintChart(values)).toContain('0 chart(s) failed');
  });

  test('runs as an ordinary user that can write nowhere, with probes of its own', () => {
    for (const values of [embeddedValues, externalValues, everything]) {
      const pod = podOf(renderChart(values));
      expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000 });
      const [container] = pod.containers;
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(container.livenessProbe.httpGet).toEqual({ path: '/healthz', port: 'http' });
      expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'http' });
      const volumes = pod.volumes.map(({ name }: Json) => name);
      const mounts = container.volumeMounts.map(({ name }: Json) => name);
      expect(mounts).toEqual(volumes);
      for (const arg of container.args.filter((one: string) => one.includes('=/etc/'))) {
        const path = arg.slice(arg.indexOf('=') + 1);
        expect(
          container.volumeMounts.some(({ mountPath }: Json) => path.startsWith(`${mountPath}/`)),
          arg,
        ).toBe(true);
      }
    }
  });

  test.each([
    ['the embedded broker', embeddedValues],
    ['an external one', externalValues],
    ['everything switched on', everything],
  ])('gives the controller no argument that it does not know, with %s', async (_what, values) => {
    const [command = '', ...args] = argsOf(renderChart(values));
    const { stdout } = await startKouplet([command, '--help']).ended;
    const known = stdout.match(/--[a-z][a-z-]*/g) ?? [];
    for (const arg of args) expect(known, arg).toContain(arg.split('=', 1)[0]);
  });

  test('grants exactly what the controller asks for, and more only where a feature needs it', () => {
    expect(grantsOf(renderChart(embeddedValues))).toEqual(needs());
    expect(grantsOf(renderChart(externalValues))).toEqual(needs());
    const peers = { ...embeddedValues, peerDeployments: { enabled: true } };
    expect(grantsOf(renderChart(peers))).toEqual(needs({ hasPeers: true }));
    const logs = { ...embeddedValues, logs: { enabled: true } };
    expect(grantsOf(renderChart(logs))).toEqual(needs({ logsOf: [] }));
    const logsOf = { ...embeddedValues, logs: { enabled: true, baseNamespaces: ['shop', 'orders'] } };
    expect(grantsOf(renderChart(logsOf))).toEqual(needs({ logsOf: ['shop', 'orders'] }));
  });

  test('tells the API server where each replica serves logs, and lets it read whose certificates to believe', () => {
    const objects = renderChart({ ...externalValues, logs: { enabled: true, baseNamespaces: ['shop', 'orders'] } });
    const [container] = podOf(objects).containers;
    expect(argsOf(objects).filter((arg) => arg.startsWith('--logs'))).toEqual([
      '--logs',
      '--logs-port=10250',
      '--logs-base-namespaces=shop,orders',
    ]);
    expect(container.ports).toContainEqual({ name: 'logs', containerPort: 10_250 });
    expect(container.env).toContainEqual({
      name: 'KOUPLET_LOGS_ADDRESS',
      valueFrom: { fieldRef: { fieldPath: 'status.podIP' } },
    });
    const bindings = objects.filter(
      ({ kind, metadata }) => kind === 'RoleBinding' && metadata.namespace === 'kube-system',
    );
    expect(bindings.map(({ roleRef }) => roleRef.name)).toEqual(['extension-apiserver-authentication-reader']);
    expect(JSON.stringify(renderChart(externalValues))).not.toMatch(/logs|kube-system/);
  });

  test('selects by labels that all its Pods carry', () => {
    const objects = renderChart(everything);
    const { labels } = of(objects, 'Deployment').spec.template.metadata;
    const selectors = [
      of(objects, 'Deployment').spec.selector.matchLabels,
      of(objects, 'NetworkPolicy').spec.podSelector.matchLabels,
      ...objects.filter(({ kind }) => kind === 'Service').map(({ spec }) => spec.selector),
    ];
    for (const selector of selectors) expect(labels).toMatchObject(selector);
    const metrics = objects.find(({ metadata }) => metadata.name === 'kouplet-metrics');
    expect(metrics.metadata.labels).toMatchObject(of(objects, 'ServiceMonitor').spec.selector.matchLabels);
  });

  describe('on a cluster', () => {
    let cluster: TestCluster;
    const namespace = `kouplet-chart-${process.pid}`;
    beforeAll(async () => {
      cluster = await openCluster();
      await makeNamespace(cluster.api, namespace);
    });
    afterAll(async () => {
      await cluster.api.request('DELETE', `/api/v1/namespaces/${namespace}`);
      await cluster.stop();
    });

    test.each([
      ['the embedded broker', embeddedValues],
      ['an external one', externalValues],
      ['everything switched on', everything],
    ])('each object is taken as it is, strictly, with %s', async (_what, values) => {
      // A ServiceMonitor exists only where Prometheus’ operator does.
      for (const object of renderChart(values, 'try', namespace).filter(({ kind }) => kind !== 'ServiceMonitor')) {
        const path = `${collectionOf(object)}?dryRun=All&fieldValidation=Strict`;
        const answer = await cluster.api.request('POST', path, object);
        expect([answer.status, answer.body?.message], object.kind).toEqual([201, undefined]);
      }
    });
  });
});

test('each value of the chart is described by its schema', () => {
  const values: Json = parse(readFileSync('deploy/chart/values.yaml', 'utf8'));
  const schema: Json = JSON.parse(readFileSync('deploy/chart/values.schema.json', 'utf8'));
  expect(Object.keys(values).sort()).toEqual(
    Object.keys(schema.properties)
      .filter((name) => name !== 'global')
      .sort(),
  );
});

function grantsOf(objects: Json[]): string[] {
  return objects
    .filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role')
    .flatMap(({ rules, metadata }) =>
      rules.flatMap(({ apiGroups, resources, verbs }: Json) =>
        resources.flatMap((resource: string) =>
          verbs.map((verb: string) => `${verb} ${resource} of "${apiGroups}" in ${metadata.namespace ?? 'all'}`),
        ),
      ),
    )
    .sort();
}

function needs(features: Features = {}): string[] {
  return rightsNeeded('kouplet', features)
    .flatMap(({ verbs, group, resource, subresource, namespace }) =>
      verbs.map((verb) => {
        const name = subresource === undefined ? resource : `${resource}/${subresource}`;
        return `${verb} ${name} of "${group}" in ${namespace ?? 'all'}`;
      }),
    )
    .sort();
}
