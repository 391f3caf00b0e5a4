import { describe, expect, it } from 'vitest';
import { fieldsOf } from './json.ts';
import { freshApi } from './testing.ts';

const options = { actor: 'test', namespace: 'default' };
const containers = [{ name: 'c', image: 'i:1' }];
const template = { metadata: { labels: { app: 'x' } }, spec: { containers } };
const workload = { spec: { selector: { matchLabels: { app: 'x' } }, template } };

describe('status and spec are written apart [SPEC C54]', () => {
  it('a new pod has no status of its own making, a new Node has', () => {
    const api = freshApi();
    const pod = api.create(
      'pods',
      { metadata: { name: 'p' }, spec: { containers }, status: { phase: 'Running' } },
      options,
    );
    expect(pod.status).toEqual({ phase: 'Pending', qosClass: 'BestEffort' });
    const capacity = { cpu: '1', pods: '10' };
    const node = api.create('nodes', { metadata: { name: 'n' }, status: { capacity } }, options);
    expect(node.status.allocatable).toEqual(capacity);
  });

  it('an update keeps the status, an update of the status keeps the spec', () => {
    const api = freshApi();
    api.create('pods', { metadata: { name: 'p' }, spec: { containers } }, options);
    const change = (subresource?: 'status') =>
      api.modify(
        'pods',
        'p',
        'default',
        (draft) => {
          draft.metadata.labels = { seen: 'yes' };
          draft.spec.containers[0].image = 'i:2';
          draft.status.phase = 'Running';
        },
        { actor: 'test', ...(subresource !== undefined && { subresource }) },
      );
    const byStatus = change('status');
    expect([byStatus.spec.containers[0].image, byStatus.status.phase]).toEqual(['i:1', 'Running']);
    const byMain = change();
    expect([byMain.spec.containers[0].image, byMain.status.phase]).toEqual(['i:2', 'Running']);
    expect(byMain.metadata.generation).toBe(2);
  });

  it('podIP and podIPs say the same', () => {
    const api = freshApi();
    api.create('pods', { metadata: { name: 'p' }, spec: { containers } }, options);
    const set = (status: Record<string, unknown>) =>
      fieldsOf(
        api.modify('pods', 'p', 'default', (draft) => Object.assign(draft.status, status), {
          actor: 'test',
          subresource: 'status',
        }).status,
      );
    expect(set({ podIP: '10.0.0.1' }).podIPs).toEqual([{ ip: '10.0.0.1' }]);
    expect(set({ podIP: '10.0.0.2' }).podIPs).toEqual([{ ip: '10.0.0.2' }]);
  });

  it('only what is asked for counts as a generation; of a Deployment its annotations, too', () => {
    const api = freshApi();
    const generation = (resource: string, change: Record<string, unknown>) =>
      api.modify(resource, 'w', 'default', (draft) => Object.assign(draft.metadata, change), { actor: 'test' }).metadata
        .generation;
    for (const [resource, byAnnotation] of [
      ['deployments.apps', 2],
      ['replicasets.apps', 1],
      ['daemonsets.apps', 1],
    ] as const) {
      api.create(resource, { metadata: { name: 'w' }, ...workload }, options);
      expect(generation(resource, { labels: { a: 'b' } }), resource).toBe(1);
      expect(generation(resource, { annotations: { a: 'b' } }), resource).toBe(byAnnotation);
    }
  });

  it('a DaemonSet counts its templates', () => {
    const api = freshApi();
    const counter = 'deprecated.daemonset.template.generation';
    const created = api.create('daemonsets.apps', { metadata: { name: 'w' }, ...workload }, options);
    expect(created.metadata.annotations?.[counter]).toBe('1');
    const change = (changes: (spec: Record<string, unknown>) => void) =>
      api.modify('daemonsets.apps', 'w', 'default', (draft) => changes(draft.spec), { actor: 'test' }).metadata
        .annotations?.[counter];
    expect(change((spec) => Object.assign(spec, { minReadySeconds: 1 }))).toBe('1');
    expect(change((spec) => Object.assign(fieldsOf(spec.template).spec, { priorityClassName: 'x' }))).toBe('2');
  });

  it('a Node keeps its providerID once it has one', () => {
    const api = freshApi();
    api.create('nodes', { metadata: { name: 'n' }, spec: {} }, options);
    const set = (providerID: string) =>
      api.modify('nodes', 'n', undefined, (draft) => Object.assign(draft.spec, { providerID }), { actor: 'test' });
    expect(set('kouplet://a').spec.providerID).toBe('kouplet://a');
    expect(() => set('kouplet://b')).toThrow('node updates may not change providerID except from "" to valid');
  });
});

describe('a pod has as long to end as it was given [SPEC C55]', () => {
  const grace = (spec: Record<string, unknown>, requested?: number) => {
    const api = freshApi();
    api.create('pods', { metadata: { name: 'p' }, spec: { containers, ...spec } }, options);
    api.delete('pods', 'p', 'default', requested === undefined ? {} : { gracePeriodSeconds: requested });
    return api.get('pods', 'p', 'default')?.metadata.deletionGracePeriodSeconds;
  };

  it.each([
    [{ nodeName: 'n' }, undefined, 30],
    [{ nodeName: 'n', terminationGracePeriodSeconds: 7 }, undefined, 7],
    [{ nodeName: 'n' }, 5, 5],
    [{ nodeName: 'n' }, -1, 1],
    [{ nodeName: 'n' }, 0, undefined],
    [{}, undefined, undefined],
  ])('%j asked with %s: %s', (spec, requested, expected) => {
    expect(grace(spec, requested)).toBe(expected);
  });
});
