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
    ['a kind whose fields are not known', body('v1', 'Pod', message(field(1, metadata)))],
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
