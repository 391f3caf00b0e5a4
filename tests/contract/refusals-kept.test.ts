/** Ingresses, claims and volumes, which are only kept here, and Services are refused as a real one refuses them. [SPEC C95] */
import { describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { openSetting } from './setting.ts';

const on = openSetting('kept');
type Row = readonly [name: string, spec: Json];

const post = (resource: string, spec: Json) => on.say('POST', resource, { metadata: { name: 'wrong' }, spec });

describe('an Ingress [SPEC C95]', () => {
  const resource = '/apis/networking.k8s.io/v1/namespaces/SPACE/ingresses';
  const backend = { service: { name: 's', port: { number: 80 } } };
  const pathsOf = (...paths: Json[]): Json => ({ rules: [{ http: { paths } }] });
  const rows: readonly Row[] = [
    ['of nothing', {}],
    [
      'with hosts that are none',
      { rules: [{ host: '*.A.b' }, { host: '1.2.3.4' }, { host: 'A b' }, { host: 'a.*.b' }] },
    ],
    ['with a rule without paths', { rules: [{ host: 'a.b', http: { paths: [] } }] }],
    [
      'with paths that are none',
      pathsOf(
        { backend },
        { path: '', pathType: 'Exact', backend },
        { path: '/a//b/../%2f', pathType: 'Prefix', backend },
        { path: '/a/..', pathType: 'Prefix', backend },
        { path: '/', pathType: 'Foo', backend },
        { path: 'x', pathType: 'ImplementationSpecific', backend },
      ),
    ],
    [
      'with backends that are none',
      pathsOf(
        ...[
          {},
          { service: { name: 's' } },
          { service: { name: '', port: { number: 99_999 } } },
          { service: { name: 'S', port: { name: 'X_' } } },
          { service: { name: 's', port: { name: 'x', number: 1 } } },
          { ...backend, resource: { kind: 'a', name: 'b' } },
          { resource: { kind: '', name: '' } },
          { resource: { apiGroup: 'A', kind: 'a/b', name: '..' } },
        ].map((one) => ({ path: '/', pathType: 'Exact', backend: one })),
      ),
    ],
    ['with a default backend without a port', { defaultBackend: { service: { name: 's' } } }],
    [
      'with a class and TLS that are none',
      { defaultBackend: backend, ingressClassName: 'A B', tls: [{ hosts: ['A', '*.a.b'], secretName: 'S s' }] },
    ],
  ];
  test.each(rows)('%s', async (_name, spec) => {
    expect(await post(resource.replace('SPACE', on.namespace), spec)).toMatchSnapshot();
  });
});

describe('a claim and a volume [SPEC C95]', () => {
  const size = (storage: string): Json => ({ requests: { storage } });
  const claims: readonly Row[] = [
    ['of nothing', {}],
    [
      'with modes that do not go together',
      { accessModes: ['X', 'ReadWriteOnce', 'ReadWriteOncePod'], resources: size('1') },
    ],
    ['of no size', { accessModes: ['ReadWriteOnce'], resources: size('-1') }],
    [
      'with a class, a mode and labels that are none',
      {
        accessModes: ['ReadWriteOnce'],
        resources: size('1Gi'),
        storageClassName: 'A B',
        volumeMode: 'Z',
        selector: { matchLabels: { 'a b': 'c' } },
      },
    ],
  ];
  test.each(claims)('a claim %s', async (_name, spec) => {
    expect(await post('persistentvolumeclaims', spec)).toMatchSnapshot();
  });

  const volumes: readonly Row[] = [
    ['of nothing', {}],
    [
      'that is wrong all over',
      {
        accessModes: ['X'],
        capacity: { storage: '0' },
        hostPath: { path: '' },
        persistentVolumeReclaimPolicy: 'Foo',
        volumeMode: 'X',
        storageClassName: 'A B',
      },
    ],
    [
      'of two kinds',
      {
        accessModes: ['ReadWriteOnce'],
        capacity: { storage: '1', cpu: '1' },
        hostPath: { path: '/a/../b' },
        nfs: { server: 'x', path: '/x' },
      },
    ],
  ];
  test.each(volumes)('a volume %s', async (_name, spec) => {
    expect(await post('persistentvolumes', spec)).toMatchSnapshot();
  });
});

describe('a Service [SPEC C66]', () => {
  const ports = [{ port: 80 }];
  const rows: readonly Row[] = [
    ['with the same port twice', { ports: [...ports, ...ports] }],
    ['with an address that is none', { ports, clusterIP: '1.2.3' }],
    ['with an address of another network', { ports, clusterIP: '9.9.9.9' }],
    ['with an address that is taken', { ports, clusterIP: '10.96.0.1' }],
    ['with an address that is not the first of its list', { ports, clusterIP: '10.96.4.4', clusterIPs: ['10.96.4.5'] }],
    ['with an address from outside that is none', { ports, externalIPs: ['x'] }],
  ];
  test.each(rows)('%s', async (_name, spec) => {
    expect(await post('services', spec)).toMatchSnapshot();
  });
});
