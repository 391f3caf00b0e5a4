/** Creating, reading and changing objects: answers and refusals, held against the real one's. [SPEC C95] */
import { describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { openSetting, podOf, workloadOf } from './setting.ts';

const on = openSetting('objects');
const { say } = on;
type Row = readonly [name: string, method: string, resource: string, body?: unknown, type?: string];

describe('create [SPEC C95]', () => {
  const rows: readonly Row[] = [
    ['a ConfigMap', 'POST', 'configmaps', { metadata: { name: 'm1', labels: { a: 'b' } }, data: { k: 'v' } }],
    ['the same again', 'POST', 'configmaps', { metadata: { name: 'm1' } }],
    ['a Pod, with defaults and tolerations', 'POST', 'pods', podOf('p1', { nodeSelector: { suite: 'nowhere' } })],
    [
      'a Pod with ports, probes, env, volumes and resources',
      'POST',
      'pods',
      podOf('p2', {
        nodeSelector: { suite: 'nowhere' },
        initContainers: [{ name: 'i', image: `registry.example/a/b@sha256:${'a'.repeat(64)}` }],
        containers: [
          {
            name: 'c',
            image: 'nginx:latest',
            ports: [{ containerPort: 80 }],
            env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
            readinessProbe: { httpGet: { port: 80 } },
            resources: { limits: { cpu: '1500m', memory: '0.5Gi' } },
            volumeMounts: [{ name: 'v', mountPath: '/v' }],
          },
        ],
        volumes: [{ name: 'v', configMap: { name: 'm1' } }],
      }),
    ],
    ['a gated Pod', 'POST', 'pods', podOf('gated', { schedulingGates: [{ name: 'example.org/gate' }] })],
    ['a Deployment with defaults', 'POST', 'deployments.apps', workloadOf('d1', { replicas: 0 })],
    ['a StatefulSet with defaults', 'POST', 'statefulsets.apps', workloadOf('s1', { replicas: 0, serviceName: 's' })],
    ['a StatefulSet without a Service', 'POST', 'statefulsets.apps?dryRun=All', workloadOf('s2', { replicas: 0 })],
    ['a DaemonSet with defaults', 'POST', 'daemonsets.apps', workloadOf('ds1', {}, { nodeSelector: { no: 'where' } })],
    ['a Lease', 'POST', 'leases.coordination.k8s.io', { metadata: { name: 'l1' }, spec: { holderIdentity: 'me' } }],
    ['a Secret of stringData', 'POST', 'secrets', { metadata: { name: 'x1' }, stringData: { a: 'b' } }],
    [
      'a headless Service',
      'POST',
      'services',
      { metadata: { name: 'v1' }, spec: { clusterIP: 'None', ports: [{ port: 80 }] } },
    ],
    [
      'a budget',
      'POST',
      'poddisruptionbudgets.policy',
      { metadata: { name: 'b1' }, spec: { minAvailable: '50%', selector: {} } },
    ],
    [
      'a Job (kept as it is while suspended)',
      'POST',
      'jobs.batch',
      {
        metadata: { name: 'j1' },
        spec: {
          suspend: true,
          manualSelector: true,
          selector: { matchLabels: { a: 'j' } },
          template: { metadata: { labels: { a: 'j' } }, spec: { ...podOf('x').spec, restartPolicy: 'Never' } },
        },
      },
    ],
    ['a generated name', 'POST', 'configmaps', { metadata: { generateName: 'gen-' } }],
    ['a dry run', 'POST', 'configmaps?dryRun=All', { metadata: { name: 'dry' } }],
    [
      'what the server owns is not taken',
      'POST',
      'configmaps',
      {
        metadata: {
          name: 'owned',
          uid: 'u',
          resourceVersion: '',
          creationTimestamp: '2020-01-01T00:00:00Z',
          generation: 7,
          selfLink: '/x',
        },
      },
    ],
    ['with a resourceVersion', 'POST', 'configmaps', { metadata: { name: 'rv', resourceVersion: '5' } }],
    ['without a name', 'POST', 'configmaps', { metadata: {} }],
    ['a bad name', 'POST', 'configmaps', { metadata: { name: 'Not_Good' } }],
    [
      'bad labels and annotations',
      'POST',
      'configmaps',
      { metadata: { name: 'x', labels: { 'a b': 'c d' }, annotations: { '/x': 'y' } } },
    ],
    ['a bad data key', 'POST', 'configmaps', { metadata: { name: 'x' }, data: { 'a b': 'c' } }],
    ['another namespace in the body', 'POST', 'configmaps', { metadata: { name: 'x', namespace: 'default' } }],
    [
      'a namespace that is not there',
      'POST',
      '/api/v1/namespaces/no-such-place/configmaps',
      { metadata: { name: 'x' } },
    ],
    ['another kind', 'POST', 'configmaps', { kind: 'Secret', apiVersion: 'v1', metadata: { name: 'x' } }],
    ['a wrong type', 'POST', 'deployments.apps', { metadata: { name: 'x' }, spec: { replicas: 'three' } }],
    ['a wrong type of a label', 'POST', 'configmaps', { metadata: { name: 'x', labels: { a: 1 } } }],
    ['no JSON', 'POST', 'configmaps', '{"metadata":'],
    ['an unknown content type', 'POST', 'configmaps', 'x', 'text/csv'],
    ['YAML', 'POST', 'configmaps', 'metadata:\n  name: yaml\ndata:\n  a: "1"\n', 'application/yaml'],
    [
      'a selector that misses the template',
      'POST',
      'deployments.apps',
      workloadOf('x', { selector: { matchLabels: { z: 'b<c', a: 'c' } } }),
    ],
    ['an empty Deployment', 'POST', 'deployments.apps', { metadata: { name: 'x' }, spec: {} }],
    [
      'a Pod of two equal containers without images',
      'POST',
      'pods',
      podOf('x', { containers: [{ name: 'c' }, { name: 'c' }] }),
    ],
    [
      'a Pod with bad tolerations, ports and env',
      'POST',
      'pods',
      podOf('x', {
        tolerations: [{ operator: 'Some' }, { key: 'k', operator: 'Exists', value: 'v' }],
        containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 99999 }], env: [{ name: '' }] }],
      }),
    ],
    [
      'requests over limits',
      'POST',
      'pods',
      podOf('x', { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: 2 }, limits: { cpu: 1 } } }] }),
    ],
    [
      'an old Event',
      'POST',
      'events',
      {
        metadata: { name: 'e1' },
        involvedObject: { kind: 'Pod', name: 'p', namespace: on.namespace },
        reason: 'R',
        message: 'm',
        type: 'Normal',
        count: 2,
      },
    ],
    [
      'a new Event that lacks nearly all',
      'POST',
      'events.events.k8s.io',
      { metadata: { name: 'e2' }, regarding: { kind: 'Pod', namespace: on.namespace } },
    ],
    ['an unknown resource', 'POST', '/api/v1/foos', {}],
    ['an unknown group', 'POST', '/apis/foo.example/v1/foos', {}],
  ];
  for (const [name, method, resource, body, type] of rows) {
    test(name, async () => {
      expect(await say(method, resource, body, type)).toMatchSnapshot();
    });
  }
});

describe('unknown and doubled fields [SPEC C95]', () => {
  const odd = '{"metadata":{"name":"odd","name":"odd"},"data":{"a":"b"},"bogus":1}';
  const deep = JSON.stringify({
    metadata: { name: 'deep' },
    spec: { replicass: 1, template: { spec: { containers: [{ imagee: 'x' }] } } },
  });
  test.each([
    ['Strict refuses', 'POST', 'configmaps?fieldValidation=Strict', odd],
    ['Warn tells', 'POST', 'configmaps?fieldValidation=Warn&dryRun=All', odd],
    ['the default is Warn', 'POST', 'configmaps?dryRun=All', odd],
    ['Ignore keeps quiet', 'POST', 'configmaps?fieldValidation=Ignore&dryRun=All', odd],
    ['Strict names the path', 'POST', 'deployments.apps?fieldValidation=Strict', deep],
    ['an unknown policy', 'POST', 'configmaps?fieldValidation=Sometimes', odd],
    ['an unknown dry run', 'POST', 'configmaps?dryRun=Some', odd],
  ])('%s', async (_name, method, resource, body) => {
    expect(await say(method, resource, body)).toMatchSnapshot();
  });
});

describe('read [SPEC C95]', () => {
  test.each([
    ['one', 'GET', 'configmaps/m1'],
    ['one that is not there', 'GET', 'configmaps/nope'],
    ['one of a group that is not there', 'GET', 'deployments.apps/nope'],
    ['a list by name', 'GET', 'configmaps?fieldSelector=metadata.name%3Dm1'],
    ['a list by label', 'GET', 'configmaps?labelSelector=a%20in%20(b,c),!z'],
    ['a list of a namespace that is not there', 'GET', '/api/v1/namespaces/no-such-place/pods'],
    ['a bad label selector', 'GET', 'configmaps?labelSelector=a%20in%20b'],
    ['a bad field selector', 'GET', 'pods?fieldSelector=spec.nope%3D1'],
    ['a field selector that is none', 'GET', 'pods?fieldSelector=nope'],
    ['Pods by phase and node', 'GET', 'pods?fieldSelector=status.phase!%3DPending,spec.nodeName%3D'],
    ['a page token that is none', 'GET', 'configmaps?limit=1&continue=nonsense'],
    ['a resourceVersion that is none', 'GET', 'configmaps?resourceVersion=abc'],
    ['a match without a resourceVersion', 'GET', 'configmaps?resourceVersionMatch=Exact'],
    ['initial events of a list', 'GET', 'configmaps?sendInitialEvents=true&resourceVersionMatch=NotOlderThan'],
    ['a subresource that is none', 'GET', 'configmaps/m1/status'],
    ['a verb that is none', 'DELETE', '/api/v1/pods'],
    ['a method that is none', 'PUT', 'configmaps'],
    ['the scale of a Deployment', 'GET', 'deployments.apps/d1/scale'],
  ])('%s', async (_name, method, resource) => {
    expect(await say(method, resource)).toMatchSnapshot();
  });

  test('pages go on where the last one ended, and hold all', async () => {
    const names: string[] = [];
    let more = '';
    let pages = 0;
    do {
      const page = await on.get(`configmaps?limit=2${more === '' ? '' : `&continue=${encodeURIComponent(more)}`}`);
      names.push(...page.items.map((one: { metadata: { name: string } }) => one.metadata.name));
      const left = page.metadata.remainingItemCount ?? 0;
      expect(page.items.length === 2 || left === 0).toBe(true);
      more = page.metadata.continue ?? '';
      pages++;
    } while (more !== '');
    const all = await on.get('configmaps');
    expect(names).toEqual(all.items.map((one: { metadata: { name: string } }) => one.metadata.name));
    expect(pages).toBe(Math.ceil(names.length / 2));
  });
});

describe('update [SPEC C95]', () => {
  const changed = async (resource: string, change: (draft: Json) => void): Promise<Json> => {
    const draft = await on.get(resource);
    change(draft);
    return say('PUT', resource, draft);
  };

  test('a PUT of what is there changes nothing', async () => {
    const before = await on.get('configmaps/m1');
    expect((await on.call('PUT', 'configmaps/m1', before)).metadata.resourceVersion).toBe(
      before.metadata.resourceVersion,
    );
  });

  test('a PUT without resourceVersion wins, one with an old one loses', async () => {
    const before = await on.get('configmaps/m1');
    expect(await say('PUT', 'configmaps/m1', { metadata: { name: 'm1' }, data: { k: 'new' } })).toMatchSnapshot();
    expect(await say('PUT', 'configmaps/m1', before)).toMatchSnapshot();
  });

  test.each([
    ['of what is not there', 'configmaps/nope', { metadata: { name: 'nope' } }],
    ['with another name', 'configmaps/m1', { metadata: { name: 'm2' } }],
    ['without a name', 'configmaps/m1', { data: {} }],
    [
      'of another incarnation',
      'configmaps/m1',
      { metadata: { name: 'm1', uid: '00000000-0000-0000-0000-000000000000' } },
    ],
    ['of a Lease without resourceVersion', 'leases.coordination.k8s.io/l1', { metadata: { name: 'l1' }, spec: {} }],
    ['that makes a Lease', 'leases.coordination.k8s.io/l2', { metadata: { name: 'l2' }, spec: {} }],
    [
      'of a Deployment with another selector',
      'deployments.apps/d1',
      workloadOf('d1', {
        selector: { matchLabels: { app: 'd1', z: 'y' } },
        template: { metadata: { labels: { app: 'd1', z: 'y' } }, spec: podOf('x').spec },
      }),
    ],
    [
      'of a Pod with another container',
      'pods/p1',
      podOf('p1', {
        containers: [
          { name: 'c', image: 'nginx:1' },
          { name: 'd', image: 'x' },
        ],
      }),
    ],
  ])('PUT %s', async (_name, resource, body) => {
    expect(await say('PUT', resource, body)).toMatchSnapshot();
  });

  test('the generation counts changes of the spec, and the status is not written with it', async () => {
    const answer = await changed('deployments.apps/d1', (draft) => {
      Object.assign(draft, { status: { replicas: 9 } });
      Object.assign(draft.spec, { minReadySeconds: 1 });
    });
    expect(answer).toMatchObject({ code: 200, body: { metadata: { generation: 2 } } });
    expect((await on.get('deployments.apps/d1')).status.replicas).toBeUndefined();
  });

  test('/status writes the status alone', async () => {
    const draft = await on.get('pods/p1');
    draft.status = { ...draft.status, phase: 'Running', message: 'hello' };
    draft.spec.containers[0].image = 'other:1';
    const written = await on.call('PUT', 'pods/p1/status', draft);
    expect([written.spec.containers[0].image, written.status.message]).toEqual(['nginx:1', 'hello']);
  });

  test('an image of a Pod may change, an env may not', async () => {
    const image = await changed('pods/p1', (draft) => Object.assign(draft.spec.containers[0], { image: 'nginx:2' }));
    expect(image).toMatchObject({ code: 200, body: { spec: { containers: [{ image: 'nginx:2' }] } } });
    const env = await changed('pods/p1', (draft) =>
      Object.assign(draft.spec.containers[0], { env: [{ name: 'A', value: 'b' }] }),
    );
    expect(env).toMatchObject({ code: 422 });
    expect(JSON.stringify(env)).toContain('pod updates may not change fields other than');
  });
});

test('a volume on a path of its host has a type, if an empty one [SPEC C95]', async () => {
  const spec = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/x' } };
  const body = { metadata: { name: on.namespace }, spec };
  expect((await on.call('POST', 'persistentvolumes?dryRun=All', body)).spec).toMatchSnapshot();
});
