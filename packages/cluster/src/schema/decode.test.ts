import { describe, expect, test } from 'vitest';
import { ApiError } from '../api.ts';
import { kinds } from '../kinds/index.ts';
import type { Kind } from '../kinds/kind.ts';
import { decode } from './decode.ts';
import { fieldsOfType } from './types.ts';

function kindOf(name: string): Kind {
  const kind = kinds.find((one) => one.kind === name && one.storedAs === undefined);
  if (kind === undefined) throw new Error(`no kind ${name}`);
  return kind;
}

function refusal(kind: string, body: Record<string, unknown>): string {
  try {
    decode(kindOf(kind), body);
  } catch (error) {
    if (error instanceof ApiError) return error.message;
    throw error;
  }
  return 'accepted';
}

describe('decoding', () => {
  test('[SPEC C23] every kind has its type', () => {
    expect(kinds.filter((kind) => fieldsOfType(kind.schema) === undefined).map((kind) => kind.kind)).toEqual([]);
  });

  test('[SPEC C23] unknown fields are named with their place, and dropped', () => {
    const body = {
      metadata: { name: 'p', nope: 1, labels: { any: 'x' }, managedFields: [{ odd: true }] },
      spec: {
        foo: 1,
        containers: [
          { name: 'c', bar: 2 },
          { name: 'd', env: [{ name: 'E', valu: 'x' }] },
        ],
      },
    };
    const { draft, complaints } = decode(kindOf('Pod'), body);
    expect(complaints).toEqual([
      'unknown field "metadata.nope"',
      'unknown field "spec.foo"',
      'unknown field "spec.containers[0].bar"',
      'unknown field "spec.containers[1].env[0].valu"',
    ]);
    expect(draft.metadata).toEqual({ name: 'p', labels: { any: 'x' }, managedFields: body.metadata.managedFields });
    expect(draft.spec).toEqual({ containers: [{ name: 'c' }, { name: 'd', env: [{ name: 'E' }] }] });
  });

  test.each([
    [
      'Pod',
      { spec: { containers: 'x' } },
      'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type []v1.Container',
    ],
    [
      'Pod',
      { spec: 1 },
      'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal number into Go struct field Pod.spec of type v1.PodSpec',
    ],
    [
      'Pod',
      { metadata: { labels: { a: 1 } } },
      'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string',
    ],
    [
      'Pod',
      { metadata: { finalizers: [true] } },
      'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.finalizers of type string',
    ],
    [
      'Deployment',
      { spec: { replicas: '1' } },
      'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
    ],
    [
      'Deployment',
      { spec: { replicas: 1.5 } },
      'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32',
    ],
    [
      'Deployment',
      { spec: { paused: 'yes' } },
      'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.paused of type bool',
    ],
    [
      'Deployment',
      { spec: { template: { spec: { containers: [{ env: [{ value: true }] }] } } } },
      'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal bool into Go struct field EnvVar.spec.template.spec.containers.env.value of type string',
    ],
    [
      'Lease',
      { spec: { renewTime: 'soon' } },
      'Lease in version "v1" cannot be handled as a Lease: parsing time "soon" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "soon" as "2006"',
    ],
  ])('[SPEC C24] a wrong type is refused in the words of Go: %s %j', (kind, body, text) => {
    expect(refusal(kind, body)).toBe(text);
  });

  test('[SPEC C25] times are cut to seconds in UTC, micro times to six digits', () => {
    const pod = decode(kindOf('Pod'), { status: { startTime: '2026-01-02T03:04:05.678+02:00' } });
    expect(pod.draft.status).toEqual({ startTime: '2026-01-02T01:04:05Z' });
    const lease = decode(kindOf('Lease'), {
      spec: { renewTime: '2026-01-02T05:04:05.600000+02:00', holderIdentity: '' },
    });
    expect(lease.draft.spec).toEqual({ renewTime: '2026-01-02T03:04:05.600000Z', holderIdentity: '' });
  });

  test('[SPEC C25] what is empty goes where Go omits what is empty, and stays where it means something', () => {
    const { draft } = decode(kindOf('Pod'), {
      metadata: { name: 'p', labels: {}, annotations: null, finalizers: [] },
      spec: {
        nodeName: '',
        hostNetwork: false,
        enableServiceLinks: false,
        securityContext: {},
        containers: [{ name: 'c', image: '', args: [], resources: {}, env: [{ name: 'E', value: '' }] }],
        volumes: [{ name: 'v', emptyDir: {} }],
      },
      status: { containerStatuses: [{ name: 'c', ready: false, restartCount: 0, image: '', imageID: '' }] },
    });
    expect(draft.metadata).toEqual({ name: 'p' });
    expect(draft.spec).toEqual({
      enableServiceLinks: false,
      securityContext: {},
      containers: [{ name: 'c', resources: {}, env: [{ name: 'E' }] }],
      volumes: [{ name: 'v', emptyDir: {} }],
    });
    expect(draft.status.containerStatuses[0]).toMatchObject({ ready: false, restartCount: 0, image: '' });
  });

  test('[SPEC C25] a micro time of a client has six digits; one written in process may have fewer', () => {
    const body = { spec: { renewTime: '2026-01-02T03:04:05Z' } };
    expect(refusal('Lease', body)).toBe(
      'Lease in version "v1" cannot be handled as a Lease: parsing time "2026-01-02T03:04:05Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000"',
    );
    expect(decode(kindOf('Lease'), body, { inProcess: true }).draft.spec.renewTime).toBe('2026-01-02T03:04:05.000000Z');
  });

  test('[SPEC C25] a status has the zeros of its required fields, as Go writes them', () => {
    const { draft } = decode(kindOf('Pod'), { status: { containerStatuses: [{ name: 'c' }] } });
    expect(draft.status.containerStatuses).toEqual([
      { name: 'c', image: '', imageID: '', ready: false, restartCount: 0, state: {}, lastState: {} },
    ]);
  });

  test('[SPEC C24] bytes that are no base64 are refused', () => {
    expect(refusal('Secret', { data: { a: 'ab*d' } })).toBe(
      'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 2',
    );
  });

  test('[SPEC C25] a quantity may be written as a number', () => {
    const limits = { cpu: 1, memory: '64Mi' };
    const { draft } = decode(kindOf('Pod'), { spec: { containers: [{ name: 'c', resources: { limits } }] } });
    expect(draft.spec.containers[0].resources.limits).toEqual({ cpu: '1', memory: '64Mi' });
  });

  test('[SPEC C22] a key that reaches a prototype in JavaScript is data in a map, and unknown as a field', () => {
    const body = JSON.parse(
      '{"metadata":{"labels":{"__proto__":"x","a":"b"}},"data":{"__proto__":"y"},"__proto__":{"z":1}}',
    );
    const { draft, complaints } = decode(kindOf('ConfigMap'), body);
    expect(JSON.stringify(draft.data)).toBe('{"__proto__":"y"}');
    expect(Object.keys(draft.metadata.labels ?? {})).toEqual(['__proto__', 'a']);
    expect(complaints).toContain('unknown field "__proto__"');
    expect(Object.getPrototypeOf(draft)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>).z).toBe(undefined);
  });
});
