import { beforeEach, describe, expect, test, vi } from 'vitest';
import { admissionPlugins } from '../admission/index.ts';
import { type Api, ApiError, type WatchEvent } from '../api.ts';
import { kinds } from '../kinds/index.ts';
import type { KubeObject } from '../kinds/kind.ts';
import { bootstrap } from './bootstrap.ts';
import { createState } from './cluster-state.ts';
import { expireEvents } from './expiry.ts';
import type { Ground } from './ground.ts';

const ACTOR = { actor: 'test' };
const IN_DEFAULT = { ...ACTOR, namespace: 'default' };
let now: number;
let timers: Array<{ at: number; fn: () => void }>;
let errors: unknown[];
let ground: Ground;
let api: Api;

const clock = {
  now: () => now,
  after: (ms: number, fn: () => void) => {
    const timer = { at: now + ms, fn };
    timers.push(timer);
    return () => {
      timers = timers.filter((one) => one !== timer);
    };
  },
};

function pass(ms: number): void {
  now += ms;
  for (const timer of timers.filter((one) => one.at <= now)) {
    timers = timers.filter((one) => one !== timer);
    timer.fn();
  }
}

function pod(name: string, extra: Record<string, unknown> = {}): Record<string, unknown> {
  return { metadata: { name }, spec: { containers: [{ name: 'c', image: 'nginx:1' }], ...extra } };
}

function refusal(act: () => unknown): { code: number; message: string } {
  try {
    act();
  } catch (error) {
    if (error instanceof ApiError) return { code: error.status.code, message: error.status.message };
    throw error;
  }
  throw new Error('it was not refused');
}

beforeEach(() => {
  now = Date.parse('2026-03-04T05:06:07.890Z');
  timers = [];
  errors = [];
  ({ ground, api } = createState({
    kinds,
    admission: admissionPlugins,
    clock,
    onError: (error) => errors.push(error),
  }));
  bootstrap(api);
});

describe('[SPEC C2] writes', () => {
  test('creation gives uid, time, revision and generation, whatever the body says of them', () => {
    const body = {
      ...pod('p'),
      metadata: {
        name: 'p',
        uid: 'mine',
        resourceVersion: '0',
        creationTimestamp: '2001-01-01T00:00:00Z',
        generation: 9,
        deletionTimestamp: '2001-01-01T00:00:00Z',
      },
    };
    const versioned = { ...body, metadata: { ...body.metadata, resourceVersion: '7' } };
    expect(refusal(() => api.create('pods', versioned, IN_DEFAULT)).message).toBe(
      'resourceVersion should not be set on objects to be created',
    );
    const { metadata } = api.create('pods', body, IN_DEFAULT);
    expect(metadata).toMatchObject({
      name: 'p',
      namespace: 'default',
      creationTimestamp: '2026-03-04T05:06:07Z',
      generation: 1,
    });
    expect(metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(metadata.resourceVersion).toBe(String(ground.store.revision));
    expect(metadata.deletionTimestamp).toBe(undefined);
  });

  test('generateName makes a name of at most 63 characters', () => {
    const made = api.create('pods', { ...pod(''), metadata: { generateName: 'x'.repeat(70) } }, IN_DEFAULT);
    expect(made.metadata.name).toMatch(/^x{58}[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  });

  test('every write has a higher revision, and one that changes nothing has none', () => {
    const first = api.create('pods', pod('p'), IN_DEFAULT);
    const revision = ground.store.revision;
    const same = api.modify('pods', 'p', 'default', () => undefined, ACTOR);
    expect([same, ground.store.revision]).toEqual([first, revision]);
    api.modify('pods', 'p', 'default', (draft) => Object.assign(draft.metadata, { labels: { a: 'b' } }), ACTOR);
    expect(ground.store.revision).toBe(revision + 1);
  });

  test('what was read before is never changed by a write', () => {
    const before = api.create('pods', pod('p'), IN_DEFAULT);
    const text = JSON.stringify(before);
    api.modify('pods', 'p', 'default', (draft) => Object.assign(draft.metadata, { labels: { a: 'b' } }), ACTOR);
    api.modify('pods', 'p', 'default', (draft) => Object.assign(draft.status, { phase: 'Running' }), {
      ...ACTOR,
      subresource: 'status',
    });
    api.bind('default', 'p', 'n1', ACTOR);
    expect(JSON.stringify(before)).toBe(text);
  });

  test('the main resource keeps the status, the status keeps the spec', () => {
    api.create('pods', pod('p'), IN_DEFAULT);
    const change = (draft: KubeObject): void => {
      draft.spec.containers[0].image = 'nginx:2';
      draft.status.phase = 'Running';
    };
    const main = api.modify('pods', 'p', 'default', change, ACTOR);
    expect([main.spec.containers[0].image, main.status.phase]).toEqual(['nginx:2', 'Pending']);
    const change2 = (draft: KubeObject): void => {
      draft.spec.containers[0].image = 'nginx:3';
      draft.status.phase = 'Running';
    };
    const status = api.modify('pods', 'p', 'default', change2, { ...ACTOR, subresource: 'status' });
    expect([status.spec.containers[0].image, status.status.phase]).toEqual(['nginx:2', 'Running']);
    expect(status.metadata.generation).toBe(2);
  });

  test('an update with an old revision is refused, one without takes what is there', () => {
    const old = api.create('pods', pod('p'), IN_DEFAULT);
    api.modify('pods', 'p', 'default', (draft) => Object.assign(draft.metadata, { labels: { a: 'b' } }), ACTOR);
    expect(refusal(() => api.update('pods', old, ACTOR))).toEqual({
      code: 409,
      message:
        'Operation cannot be fulfilled on pods "p": the object has been modified; please apply your changes to the latest version and try again',
    });
    const { resourceVersion: _old, ...metadata } = old.metadata;
    const unconditional = { ...old, metadata: { ...metadata, resourceVersion: '', labels: { c: 'd' } } };
    expect(api.update('pods', unconditional, ACTOR).metadata.labels).toEqual({ c: 'd' });
  });

  test('a PUT of a Lease that is missing creates it, a PUT of a Pod does not', () => {
    const metadata = { name: 'l', namespace: 'default', uid: '', resourceVersion: '', creationTimestamp: '' };
    const lease = { apiVersion: '', kind: '', metadata, spec: { holderIdentity: 'me' } };
    expect(api.update('leases.coordination.k8s.io', lease, ACTOR).spec.holderIdentity).toBe('me');
    expect(refusal(() => api.update('pods', { ...lease, ...pod('l'), metadata }, ACTOR)).code).toBe(404);
  });

  test('a Pod is bound once, only by its own uid, and never on its way out', () => {
    const { metadata } = api.create('pods', pod('p', { terminationGracePeriodSeconds: 5 }), IN_DEFAULT);
    expect(refusal(() => api.bind('default', 'p', 'n1', { ...ACTOR, uid: 'other' })).code).toBe(409);
    api.bind('default', 'p', 'n1', { ...ACTOR, uid: metadata.uid });
    const bound = api.get('pods', 'p', 'default');
    expect(bound?.spec.nodeName).toBe('n1');
    expect(bound?.status.conditions).toEqual([expect.objectContaining({ type: 'PodScheduled', status: 'True' })]);
    expect(refusal(() => api.bind('default', 'p', 'n2', ACTOR)).message).toMatch(/is already assigned to node "n1"/);
    api.create('pods', pod('q'), IN_DEFAULT);
    api.modify('pods', 'q', 'default', (draft) => Object.assign(draft.metadata, { finalizers: ['x.io/hold'] }), ACTOR);
    api.delete('pods', 'q', 'default');
    expect(refusal(() => api.bind('default', 'q', 'n1', ACTOR)).message).toMatch(/is being deleted/);
  });
});

describe('[SPEC C3] deletion', () => {
  test('a Pod on a node has its grace, may be given less, and goes with a DELETE of grace 0', () => {
    api.create('pods', pod('p', { nodeName: 'n1' }), IN_DEFAULT);
    api.delete('pods', 'p', 'default');
    const marked = api.get('pods', 'p', 'default')?.metadata;
    expect(marked).toMatchObject({
      deletionTimestamp: '2026-03-04T05:06:37Z',
      deletionGracePeriodSeconds: 30,
      generation: 2,
    });
    now += 3_000;
    api.delete('pods', 'p', 'default', { gracePeriodSeconds: 60 });
    expect(api.get('pods', 'p', 'default')?.metadata).toEqual(marked);
    api.delete('pods', 'p', 'default', { gracePeriodSeconds: 5 });
    expect(api.get('pods', 'p', 'default')?.metadata).toMatchObject({
      deletionTimestamp: '2026-03-04T05:06:12Z',
      deletionGracePeriodSeconds: 5,
    });
    api.delete('pods', 'p', 'default', { gracePeriodSeconds: 0 });
    expect(api.get('pods', 'p', 'default')).toBe(undefined);
  });

  test('an object with finalizers is marked, takes no new ones, and goes with the update that takes the last', () => {
    const map = { metadata: { name: 'm', finalizers: ['x.io/a', 'x.io/b'] } };
    api.create('configmaps', map, IN_DEFAULT);
    api.delete('configmaps', 'm', 'default');
    expect(api.get('configmaps', 'm', 'default')?.metadata).toMatchObject({
      deletionTimestamp: '2026-03-04T05:06:07Z',
      deletionGracePeriodSeconds: 0,
    });
    const set = (finalizers: string[]) =>
      api.modify('configmaps', 'm', 'default', (draft) => Object.assign(draft.metadata, { finalizers }), ACTOR);
    expect(refusal(() => set(['x.io/a', 'x.io/c'])).message).toMatch(
      /no new finalizers can be added if the object is being deleted/,
    );
    set(['x.io/b']);
    expect(api.get('configmaps', 'm', 'default')?.metadata.finalizers).toEqual(['x.io/b']);
    set([]);
    expect(api.get('configmaps', 'm', 'default')).toBe(undefined);
  });

  test.each([
    ['Foreground', ['foregroundDeletion']],
    ['Orphan', ['orphan']],
  ] as const)('%s leaves the object to the garbage collector', (propagationPolicy, finalizers) => {
    api.create('configmaps', { metadata: { name: 'm' } }, IN_DEFAULT);
    api.delete('configmaps', 'm', 'default', { propagationPolicy });
    expect(api.get('configmaps', 'm', 'default')?.metadata.finalizers).toEqual(finalizers);
  });

  test('a namespace is Terminating until its spec.finalizers are gone, takes nothing new, and the first ones stay for ever', () => {
    api.create('namespaces', { metadata: { name: 'ns' } }, ACTOR);
    api.delete('namespaces', 'ns', undefined);
    expect(api.get('namespaces', 'ns')?.status.phase).toBe('Terminating');
    expect(
      refusal(() => api.create('configmaps', { metadata: { name: 'm' } }, { ...ACTOR, namespace: 'ns' })).message,
    ).toBe('configmaps "m" is forbidden: unable to create new content in namespace ns because it is being terminated');
    const finalize = (draft: KubeObject): void => {
      draft.spec.finalizers = [];
      draft.status.phase = 'Active';
    };
    api.modify('namespaces', 'ns', undefined, finalize, ACTOR);
    expect(api.get('namespaces', 'ns')?.spec.finalizers).toEqual(['kubernetes']);
    api.modify('namespaces', 'ns', undefined, finalize, { ...ACTOR, subresource: 'finalize' });
    expect(api.get('namespaces', 'ns')).toBe(undefined);
    expect(refusal(() => api.delete('namespaces', 'default', undefined))).toEqual({
      code: 403,
      message: 'namespaces "default" is forbidden: this namespace may not be deleted',
    });
  });
});

describe('[SPEC C4] lists', () => {
  test('are sorted by namespace and name', () => {
    for (const [namespace, name] of [
      ['kube-system', 'a'],
      ['default', 'b'],
      ['default', 'a'],
    ] as const) {
      api.create('configmaps', { metadata: { name } }, { ...ACTOR, namespace });
    }
    const names = api.list('configmaps').map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
    expect(names).toEqual(['default/a', 'default/b', 'kube-system/a']);
  });
});

describe('[SPEC C5] watches in process', () => {
  const later = () => new Promise((resolve) => setImmediate(resolve));

  test('tell what is there at once, and every change in order in a later turn', async () => {
    api.create('configmaps', { metadata: { name: 'a' } }, IN_DEFAULT);
    const seen: string[] = [];
    const end = api.watch('configmaps', ({ type, object }) => seen.push(`${type} ${object.metadata.name}`));
    expect(seen).toEqual(['ADDED a']);
    api.create('configmaps', { metadata: { name: 'b' } }, IN_DEFAULT);
    api.delete('configmaps', 'a', 'default');
    expect(seen).toEqual(['ADDED a']);
    await later();
    expect(seen).toEqual(['ADDED a', 'ADDED b', 'DELETED a']);
    end();
    api.delete('configmaps', 'b', 'default');
    await later();
    expect(seen.length).toBe(3);
  });

  test('a listener that throws is reported and goes on hearing', async () => {
    const onEvent = vi.fn((event: WatchEvent) => {
      throw new Error(`no ${event.object.metadata.name}`);
    });
    const end = api.watch('configmaps', onEvent);
    api.create('configmaps', { metadata: { name: 'a' } }, IN_DEFAULT);
    api.create('configmaps', { metadata: { name: 'b' } }, IN_DEFAULT);
    await later();
    end();
    expect([onEvent.mock.calls.length, errors.map(String)]).toEqual([2, ['Error: no a', 'Error: no b']]);
  });
});

describe('[SPEC C6] Events', () => {
  test('go an hour after they were last seen', () => {
    const end = expireEvents(ground.store, clock);
    const event = (name: string): void => {
      const involvedObject = { kind: 'Pod', namespace: 'default', name: 'p' };
      api.create(
        'events',
        { metadata: { name }, involvedObject, lastTimestamp: new Date(now).toISOString() },
        IN_DEFAULT,
      );
    };
    event('early');
    pass(3_000_000);
    event('late');
    pass(700_000);
    expect(api.list('events').map((one) => one.metadata.name)).toEqual(['late']);
    end();
    expect(timers).toEqual([]);
  });

  test('of events.k8s.io are the same objects in another form', () => {
    const event = {
      metadata: { name: 'e' },
      eventTime: '2026-03-04T05:06:07.000000Z',
      reportingController: 'c',
      reportingInstance: 'i',
      action: 'A',
      reason: 'R',
      type: 'Normal',
      note: 'said',
      regarding: { kind: 'Pod', namespace: 'default', name: 'p' },
    };
    api.create('events.events.k8s.io', event, IN_DEFAULT);
    expect(api.get('events', 'e', 'default')).toMatchObject({
      apiVersion: 'v1',
      message: 'said',
      involvedObject: { name: 'p' },
    });
    expect(api.get('events.events.k8s.io', 'e', 'default')).toMatchObject({
      apiVersion: 'events.k8s.io/v1',
      note: 'said',
    });
  });
});

describe('small truths of a create', () => {
  test('a gated Pod says since when it waits', () => {
    const made = api.create('pods', pod('gated', { schedulingGates: [{ name: 'a.b/c' }] }), IN_DEFAULT);
    const at = `${new Date(Math.floor(now / 1000) * 1000).toISOString().slice(0, 19)}Z`;
    expect(made.status.conditions).toMatchObject([{ reason: 'SchedulingGated', lastTransitionTime: at }]);
  });

  test('a 422 on an events.k8s.io Event names the v1 Event that keeps it, a 404 its own resource', () => {
    const event = { metadata: { name: 'e' }, regarding: { kind: 'Pod' } };
    expect(refusal(() => api.create('events.events.k8s.io', event, IN_DEFAULT))).toEqual({
      code: 422,
      message: 'Event "e" is invalid: [eventTime: Required value, type: Invalid value: "": has invalid value: ]',
    });
    expect(refusal(() => api.delete('events.events.k8s.io', 'e', 'default'))).toEqual({
      code: 404,
      message: 'events.events.k8s.io "e" not found',
    });
  });
});
