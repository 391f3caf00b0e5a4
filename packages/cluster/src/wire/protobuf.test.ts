import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readProtobuf } from './protobuf.ts';
import { type TestCluster, testCluster } from './testing.ts';

/** A field of a protobuf message: a varint, or bytes. */
function field(number: number, value: number | string | Buffer): Buffer {
  if (typeof value === 'number') return Buffer.from([number * 8, ...varint(value)]);
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([...varint(number * 8 + 2), ...varint(bytes.length)]), bytes]);
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

const message = (...fields: Buffer[]): Buffer => Buffer.concat(fields);
function body(apiVersion: string, kind: string, raw: Buffer): Buffer {
  const type = message(field(1, apiVersion), field(2, kind));
  return message(Buffer.from('k8s\0', 'latin1'), field(1, type), field(2, raw), field(3, ''), field(4, ''));
}
const entry = (key: string, value: string): Buffer => message(field(1, key), field(2, value));

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await testCluster();
});
afterAll(() => cluster.close());

describe('[SPEC C8] bodies in protobuf', () => {
  // As kubectl writes it: fields that are no pointers are there even when they are empty.
  const metadata = message(
    field(1, 'm'),
    field(2, ''),
    field(3, ''),
    field(7, 0),
    field(8, Buffer.alloc(0)),
    field(11, entry('a', 'b')),
  );

  test('say what the same body in JSON would say', () => {
    expect(readProtobuf(body('v1', 'ConfigMap', message(field(1, metadata), field(2, entry('k', 'v')))))).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'm', labels: { a: 'b' } },
      data: { k: 'v' },
    });
    expect(
      readProtobuf(body('v1', 'Secret', message(field(1, metadata), field(2, entry('k', 'v')), field(3, '')))),
    ).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'm', labels: { a: 'b' } },
      data: { k: 'dg==' },
    });
  });

  test('with lists, numbers and IntOrStrings', () => {
    const port = message(
      field(1, '80-8080'),
      field(2, 'TCP'),
      field(3, 80),
      field(4, message(field(1, 0), field(2, 8080), field(3, ''))),
      field(5, 0),
    );
    const spec = message(field(1, port), field(2, entry('app', 'x')), field(3, ''), field(4, 'ClusterIP'));
    expect(readProtobuf(body('v1', 'Service', message(field(1, metadata), field(2, spec))))?.spec).toEqual({
      ports: [{ name: '80-8080', protocol: 'TCP', port: 80, targetPort: 8080 }],
      selector: { app: 'x' },
      type: 'ClusterIP',
    });
  });

  test('the rules of an Ingress, whose http stands beside the host', () => {
    const backend = message(field(4, message(field(1, 'web'), field(2, message(field(1, ''), field(2, 80))))));
    const path = message(field(1, '/'), field(2, backend), field(3, 'Exact'));
    const rule = message(field(1, 'a.example.org'), field(2, message(field(1, message(field(1, path))))));
    const spec = message(field(3, rule));
    const ingress = body('networking.k8s.io/v1', 'Ingress', message(field(1, metadata), field(2, spec)));
    expect(readProtobuf(ingress)?.spec).toEqual({
      rules: [
        {
          host: 'a.example.org',
          http: {
            paths: [{ path: '/', pathType: 'Exact', backend: { service: { name: 'web', port: { number: 80 } } } }],
          },
        },
      ],
    });
  });

  test.each([
    [
      'a kind whose fields are not known',
      body('apiextensions.k8s.io/v1', 'CustomResourceDefinition', message(field(1, metadata))),
    ],
    ['a kind of another group', body('apps/v1', 'ConfigMap', message(field(1, metadata)))],
    ['a time that is no message', body('v1', 'ConfigMap', message(field(1, message(field(8, 1)))))],
    [
      'a field that is not known and says something',
      body('v1', 'ConfigMap', message(field(1, metadata), field(99, 'x'))),
    ],
    ['a body that is cut off', body('v1', 'ConfigMap', message(field(1, metadata))).subarray(0, 30)],
    ['no protobuf at all', Buffer.from('{"kind":"ConfigMap"}')],
    ['nothing', Buffer.alloc(0)],
  ])('%s is not read, rather than read in part', (_what, bytes) => {
    expect(readProtobuf(bytes)).toBe(undefined);
  });

  test('the options of a deletion, of whatever group, and what an eviction carries', () => {
    const raw = message(
      field(1, 0),
      field(2, message(field(1, 'u'), field(2, 'r'))),
      field(3, 0),
      field(4, 'Foreground'),
      field(5, 'All'),
      field(6, 0),
    );
    const said = {
      gracePeriodSeconds: 0,
      preconditions: { uid: 'u', resourceVersion: 'r' },
      orphanDependents: false,
      propagationPolicy: 'Foreground',
      dryRun: ['All'],
      ignoreStoreReadErrorWithClusterBreakingPotential: false,
    };
    for (const apiVersion of ['v1', 'apps/v1', 'meta.k8s.io/v1', 'example.org/v1']) {
      expect(readProtobuf(body(apiVersion, 'DeleteOptions', raw))).toEqual({
        apiVersion,
        kind: 'DeleteOptions',
        ...said,
      });
    }
    const eviction = message(field(1, field(1, 'p')), field(2, raw));
    expect(readProtobuf(body('policy/v1', 'Eviction', eviction))).toMatchObject({
      metadata: { name: 'p' },
      deleteOptions: said,
    });
  });

  test('what a ClusterRole gathers, instants to the microsecond, managedFields, and extra facts of a user', () => {
    const selector = field(1, field(1, entry('a', 'b')));
    expect(
      readProtobuf(
        body('rbac.authorization.k8s.io/v1', 'ClusterRole', message(field(1, metadata), field(3, selector))),
      ),
    ).toMatchObject({ aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] } });
    const renewTime = message(field(1, 1_700_000_000), field(2, 123_456_789));
    expect(
      readProtobuf(
        body('coordination.k8s.io/v1', 'Lease', message(field(2, message(field(1, ''), field(4, renewTime))))),
      ),
    ).toMatchObject({ spec: { holderIdentity: '', renewTime: '2023-11-14T22:13:20.123456Z' } });
    const owner = message(field(1, 'm'), field(7, field(1, '{"f:data":{}}')));
    expect(readProtobuf(body('v1', 'ConfigMap', field(1, field(17, owner))))).toMatchObject({
      metadata: { managedFields: [{ manager: 'm', fieldsV1: { 'f:data': {} } }] },
    });
    const extra = message(field(1, 'k'), field(2, message(field(1, 'x'), field(1, 'y'))));
    expect(
      readProtobuf(body('authorization.k8s.io/v1', 'SubjectAccessReview', field(2, field(5, extra)))),
    ).toMatchObject({ spec: { extra: { k: ['x', 'y'] } } });
  });

  test('as the options of a DELETE, and an object there is refused', async () => {
    const headers = { 'content-type': 'application/vnd.kubernetes.protobuf' };
    const path = '/api/v1/namespaces/default/configmaps';
    await cluster.ask('POST', path, { body: { metadata: { name: 'gone' } } });
    const send = async (bytes: Buffer, at = `${path}/gone`) =>
      await cluster.ask('DELETE', at, { body: bytes.toString('latin1'), headers });
    const wrong = await send(body('v1', 'ConfigMap', message(field(1, metadata))));
    expect([wrong.code, wrong.json.message]).toEqual([
      400,
      'no kind "ConfigMap" is registered for version "v1" in scheme "pkg/runtime/scheme.go:110"',
    ]);
    expect((await send(body('v1', 'DeleteOptions', field(99, 'x')))).code).toBe(415);
    expect((await send(body('v1', 'DeleteOptions', field(5, 'All')))).code).toBe(200);
    expect(cluster.api.get('configmaps', 'gone', 'default')).toBeDefined();
    expect((await send(body('v1', 'DeleteOptions', field(4, 'Background')))).code).toBe(200);
    expect(cluster.api.get('configmaps', 'gone', 'default')).toBe(undefined);
    const yaml = { 'content-type': 'application/yaml' };
    const missing = await cluster.ask('DELETE', `${path}/gone`, { body: 'kind: DeleteOptions\n', headers: yaml });
    expect(missing.code).toBe(404);
  });

  test('what is not read is refused with 415, what is read is created', async () => {
    const headers = { 'content-type': 'application/vnd.kubernetes.protobuf' };
    const path = '/api/v1/namespaces/default/configmaps';
    const made = body('v1', 'ConfigMap', message(field(1, metadata))).toString('latin1');
    expect((await cluster.ask('POST', path, { body: made, headers })).code).toBe(201);
    expect(cluster.api.get('configmaps', 'm', 'default')?.metadata.labels).toEqual({ a: 'b' });
    const refused = await cluster.ask('POST', path, { body: 'x', headers });
    expect(refused.code).toBe(415);
    expect(refused.json.message).toMatch(/cannot read this \w+ in protobuf .*: send it as application\/json/);
  });
});
