import { describe, expect, test } from 'vitest';
import { strategicMergePatch } from './strategic.ts';

const pod = (spec: Record<string, unknown>): Record<string, unknown> => ({ kind: 'Pod', spec });

describe('[SPEC C20] a strategic merge patch', () => {
  test('merges containers by name and leaves the others alone', () => {
    const before = pod({
      containers: [
        { name: 'a', image: '1' },
        { name: 'b', image: '1', args: ['x', 'y'] },
      ],
    });
    const patch = pod({ containers: [{ name: 'b', image: '2', args: ['z'] }] });
    expect(strategicMergePatch(before, patch)).toEqual(
      pod({
        containers: [
          { name: 'a', image: '1' },
          { name: 'b', image: '2', args: ['z'] },
        ],
      }),
    );
  });

  test('is what kubectl sends for a removed container, a removed variable and a swapped volume source', () => {
    const template = (spec: Record<string, unknown>) => ({ spec: { template: { spec } } });
    const before = template({
      containers: [
        {
          name: 'a',
          env: [
            { name: 'A', value: '1' },
            { name: 'B', value: '2' },
          ],
        },
        { name: 'b' },
      ],
      volumes: [{ name: 'v', emptyDir: {} }],
      tolerations: [{ key: 'k1', operator: 'Exists' }],
    });
    const patch = template({
      '$setElementOrder/containers': [{ name: 'a' }],
      '$setElementOrder/volumes': [{ name: 'v' }],
      containers: [
        { '$setElementOrder/env': [{ name: 'A' }], env: [{ $patch: 'delete', name: 'B' }], name: 'a' },
        { $patch: 'delete', name: 'b' },
      ],
      tolerations: [{ key: 'k2', operator: 'Exists' }],
      volumes: [{ $retainKeys: ['configMap', 'name'], configMap: { name: 'z' }, emptyDir: null, name: 'v' }],
    });
    expect(strategicMergePatch(before, patch)).toEqual(
      template({
        containers: [{ name: 'a', env: [{ name: 'A', value: '1' }] }],
        volumes: [{ name: 'v', configMap: { name: 'z' } }],
        tolerations: [{ key: 'k2', operator: 'Exists' }],
      }),
    );
  });

  test.each<[string, Record<string, unknown>, Record<string, unknown>, Record<string, unknown>]>([
    ['null deletes', { a: 1, b: { c: 1, d: 2 } }, { a: null, b: { c: null } }, { b: { d: 2 } }],
    [
      '$patch replace puts the map in place of the old',
      { spec: { strategy: { type: 'A', x: 1 } } },
      { spec: { strategy: { $patch: 'replace', type: 'B' } } },
      { spec: { strategy: { type: 'B' } } },
    ],
    [
      '$patch delete takes the map away',
      { spec: { a: { x: 1 }, b: 1 } },
      { spec: { a: { $patch: 'delete' } } },
      { spec: { b: 1 } },
    ],
    [
      '$retainKeys keeps one arm of a union',
      { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } },
      { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } },
      { spec: { strategy: { type: 'Recreate' } } },
    ],
    [
      'a list item $patch replace replaces the list',
      { spec: { containers: [{ name: 'a' }, { name: 'b' }] } },
      { spec: { containers: [{ $patch: 'replace' }, { name: 'c' }] } },
      { spec: { containers: [{ name: 'c' }] } },
    ],
    [
      '$setElementOrder alone reorders',
      { spec: { containers: [{ name: 'a' }, { name: 'b' }] } },
      { spec: { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] } },
      { spec: { containers: [{ name: 'b' }, { name: 'a' }] } },
    ],
    [
      'what is new goes in front of what only the server has',
      { spec: { containers: [{ name: 'a' }, { name: 'side' }] } },
      { spec: { '$setElementOrder/containers': [{ name: 'a' }, { name: 'new' }], containers: [{ name: 'new' }] } },
      { spec: { containers: [{ name: 'a' }, { name: 'new' }, { name: 'side' }] } },
    ],
    [
      'finalizers are a set',
      { metadata: { finalizers: ['a', 'b'] } },
      { metadata: { finalizers: ['b', 'c'] } },
      { metadata: { finalizers: ['a', 'b', 'c'] } },
    ],
    [
      '$deleteFromPrimitiveList takes out of a set',
      { metadata: { finalizers: ['a', 'b', 'c'] } },
      { metadata: { '$deleteFromPrimitiveList/finalizers': ['b'] } },
      { metadata: { finalizers: ['a', 'c'] } },
    ],
    [
      'both ways at once',
      { metadata: { finalizers: ['a', 'b'] } },
      {
        metadata: {
          '$deleteFromPrimitiveList/finalizers': ['a'],
          '$setElementOrder/finalizers': ['c', 'b'],
          finalizers: ['c'],
        },
      },
      { metadata: { finalizers: ['c', 'b'] } },
    ],
    [
      'owners merge by uid',
      { metadata: { ownerReferences: [{ uid: '1', name: 'x' }] } },
      { metadata: { ownerReferences: [{ uid: '2', name: 'y' }] } },
      {
        metadata: {
          ownerReferences: [
            { uid: '2', name: 'y' },
            { uid: '1', name: 'x' },
          ],
        },
      },
    ],
    [
      'an owner goes by $patch delete',
      { metadata: { ownerReferences: [{ uid: '1' }, { uid: '2' }] } },
      { metadata: { ownerReferences: [{ $patch: 'delete', uid: '1' }] } },
      { metadata: { ownerReferences: [{ uid: '2' }] } },
    ],
    [
      'conditions merge by type',
      {
        status: {
          conditions: [
            { type: 'Ready', status: 'False' },
            { type: 'X', status: 'True' },
          ],
        },
      },
      { status: { conditions: [{ type: 'Ready', status: 'True' }] } },
      {
        status: {
          conditions: [
            { type: 'Ready', status: 'True' },
            { type: 'X', status: 'True' },
          ],
        },
      },
    ],
    [
      'container statuses are atomic',
      { status: { containerStatuses: [{ name: 'a' }, { name: 'b' }] } },
      { status: { containerStatuses: [{ name: 'b', ready: true }] } },
      { status: { containerStatuses: [{ name: 'b', ready: true }] } },
    ],
    [
      'taints are atomic',
      { spec: { taints: [{ key: 'a' }] } },
      { spec: { taints: [{ key: 'b' }] } },
      { spec: { taints: [{ key: 'b' }] } },
    ],
    [
      "a container's ports merge by containerPort",
      { spec: { containers: [{ name: 'a', ports: [{ containerPort: 1 }] }] } },
      { spec: { containers: [{ name: 'a', ports: [{ containerPort: 2 }] }] } },
      { spec: { containers: [{ name: 'a', ports: [{ containerPort: 2 }, { containerPort: 1 }] }] } },
    ],
    [
      "a Service's ports merge by port",
      { spec: { ports: [{ port: 1, name: 'x' }] } },
      { spec: { ports: [{ port: 1, name: 'y' }] } },
      { spec: { ports: [{ port: 1, name: 'y' }] } },
    ],
    [
      "a Node's addresses merge by type",
      { status: { addresses: [{ type: 'InternalIP', address: '1' }] } },
      { status: { addresses: [{ type: 'Hostname', address: 'h' }] } },
      {
        status: {
          addresses: [
            { type: 'Hostname', address: 'h' },
            { type: 'InternalIP', address: '1' },
          ],
        },
      },
    ],
  ])('%s', (_name, before, patch, after) => {
    const frozen = JSON.stringify(before);
    expect(strategicMergePatch(before, patch)).toEqual(after);
    expect(JSON.stringify(before)).toBe(frozen);
  });

  test.each([
    [{ spec: { containers: [{ image: 'x' }] } }, /does not contain declared merge key: name/],
    [
      {
        spec: {
          '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }],
          containers: [{ name: 'a' }, { name: 'b' }],
        },
      },
      /The order in patch list:\n\[map\[name:a\] map\[name:b\]\]\n doesn't match \$setElementOrder list:/,
    ],
    [{ $patch: 'smash' }, /unknown patch type: smash in map: map\[\$patch:smash\]/],
    [{ spec: { $retainKeys: 'x' } }, /invalid patch format of retainKeys/],
  ])('refuses %j', (patch, text) => {
    expect(() => strategicMergePatch({ spec: { containers: [] } }, patch)).toThrow(text);
  });
});
