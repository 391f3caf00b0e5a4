import { afterEach, describe, expect, it } from 'vitest';
import { fixedAccess } from './credentials.ts';
import type { EventContent, EventRecorder, EventRecorderOptions } from './event-recorder.ts';
import { createEventRecorder } from './event-recorder.ts';
import { createLru } from './lru.ts';
import { eventually } from './testing/eventually.ts';
import type { Behaviour, ScriptedServer, SeenRequest } from './testing/scripted-server.ts';
import { startScriptedServer, status } from './testing/scripted-server.ts';
import { createTransport } from './transport.ts';

const open: Array<{ close(): Promise<void> }> = [];

afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

interface Recording {
  readonly server: ScriptedServer;
  readonly recorder: EventRecorder;
  /** `POST message ×count` or `PATCH message ×count`. */
  written(): string[];
  advance(ms: number): void;
}

async function recording(
  options: Partial<EventRecorderOptions> = {},
  answer: (request: SeenRequest, index: number) => Behaviour | Promise<Behaviour> = created,
): Promise<Recording> {
  const server = await startScriptedServer(answer);
  const transport = createTransport({ access: fixedAccess({ server: server.url }), userAgent: 't/1' });
  open.push(server, transport);
  let passed = 0;
  const clock = {
    now: () => Date.UTC(2026, 10, 22, 1, 2, 3, 456) + passed,
    monotonic: () => passed,
    setTimeout: (fn: () => void, ms: number) => {
      const timer = setTimeout(fn, ms);
      return () => clearTimeout(timer);
    },
  };
  return {
    server,
    recorder: createEventRecorder({ transport, component: 'vnode', host: 'replica-1', clock, ...options }),
    written: () =>
      server.requests.map((request) => {
        const body = JSON.parse(request.text) as { message: string; count: number };
        return `${request.method} ${body.message} ×${body.count}`;
      }),
    advance: (ms) => {
      passed += ms;
    },
  };
}

function created(request: SeenRequest): Behaviour {
  if (request.method === 'PATCH') return { kind: 'json', status: 200, body: {} };
  const body = JSON.parse(request.text) as { metadata: Record<string, unknown> };
  return {
    kind: 'json',
    status: 201,
    body: { ...body, metadata: { ...body.metadata, uid: 'u', resourceVersion: '1' } },
  };
}

function event(message: string, changes: Partial<EventContent> = {}): EventContent {
  return {
    regarding: { apiVersion: 'v1', kind: 'Pod', name: 'web-1', namespace: 'team', uid: 'uid-1' },
    type: 'Normal',
    reason: 'Installed',
    message,
    ...changes,
  };
}

describe('an Event', () => {
  it('is written as core/v1 has it, beside its object [SPEC K15]', async () => {
    const { server, recorder } = await recording();
    expect(await recorder.record(event('installed biz1:0.0.1'))).toBe('created');
    const [request] = server.requests;
    expect(request?.path).toBe('/api/v1/namespaces/team/events');
    const body = JSON.parse(request?.text ?? '') as { metadata: { name: string } };
    expect(body).toEqual({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: expect.stringMatching(/^web-1\.[0-9a-f]{16}$/), namespace: 'team' },
      involvedObject: { apiVersion: 'v1', kind: 'Pod', name: 'web-1', namespace: 'team', uid: 'uid-1' },
      type: 'Normal',
      reason: 'Installed',
      message: 'installed biz1:0.0.1',
      source: { component: 'vnode', host: 'replica-1' },
      reportingComponent: 'vnode',
      reportingInstance: 'replica-1',
      count: 1,
      firstTimestamp: '2026-11-22T01:02:03Z',
      lastTimestamp: '2026-11-22T01:02:03Z',
    });
  });

  it('about a Node is in namespace default', async () => {
    const { server, recorder } = await recording();
    await recorder.record(
      event('x', { regarding: { apiVersion: 'v1', kind: 'Node', name: 'vnode.b1.dev', uid: 'uid-n' } }),
    );
    expect(server.requests[0]?.path).toBe('/api/v1/namespaces/default/events');
    expect(JSON.parse(server.requests[0]?.text ?? '')).toMatchObject({
      involvedObject: { kind: 'Node', uid: 'uid-n' },
    });
  });

  it('has a name of its own, however long its object is called and however soon the next comes [SPEC K15]', async () => {
    const { server, recorder } = await recording();
    const regarding = {
      apiVersion: 'v1',
      kind: 'Pod',
      name: `${'a'.repeat(235)}.${'b'.repeat(17)}`,
      namespace: 'team',
      uid: 'u',
    };
    for (const message of ['1', '2', '3']) await recorder.record(event(message, { regarding }));
    const names = server.requests.map(
      (request) => (JSON.parse(request.text) as { metadata: { name: string } }).metadata.name,
    );
    expect(new Set(names).size).toBe(3);
    for (const name of names) expect(name).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
    expect(Math.max(...names.map((name) => name.length))).toBeLessThanOrEqual(253);
  });

  it('is cut at 1 kB, or at 4 kB where the whole matters, at a whole character [SPEC K15]', async () => {
    const { server, recorder } = await recording();
    await recorder.record(event('€'.repeat(2000)));
    await recorder.record(event('€'.repeat(2000), { maxMessageBytes: 4096, reason: 'r'.repeat(200) }));
    const bodies = server.requests.map((request) => JSON.parse(request.text) as { message: string; reason: string });
    const sizes = bodies.map(({ message }) => Buffer.byteLength(message));
    expect(sizes).toEqual([1023, 4095]);
    for (const { message } of bodies) expect(message).toMatch(/^€+…$/);
    expect(bodies[1]?.reason).toHaveLength(128);
  });
});

describe('repeats', () => {
  it('are counted on one Event [SPEC K15]', async () => {
    const { recorder, server, written, advance } = await recording();
    expect(await recorder.record(event('failed', { type: 'Warning' }))).toBe('created');
    advance(5_000);
    expect(await recorder.record(event('failed', { type: 'Warning' }))).toBe('counted');
    expect(await recorder.record(event('other', { type: 'Warning' }))).toBe('created');
    expect(written()).toEqual(['POST failed ×1', 'PATCH failed ×2', 'POST other ×1']);
    const name = (JSON.parse(server.requests[0]?.text ?? '') as { metadata: { name: string } }).metadata.name;
    expect(server.requests[1]?.path).toBe(`/api/v1/namespaces/team/events/${name}`);
    expect(JSON.parse(server.requests[1]?.text ?? '')).toMatchObject({ lastTimestamp: '2026-11-22T01:02:08Z' });
  });

  it('that come while the first is being written are counted when it is, by one request', async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { recorder, written, server } = await recording({}, async (request, index) => {
      if (index === 0) await held;
      return created(request);
    });
    const first = recorder.record(event('again'));
    await eventually(
      () => server.requests.length === 1,
      () => 'not written',
    );
    expect(await Promise.all([1, 2, 3].map(() => recorder.record(event('again'))))).toEqual([
      'counted',
      'counted',
      'counted',
    ]);
    release();
    await first;
    expect(written()).toEqual(['POST again ×1', 'PATCH again ×4']);
  });

  it('of an Event that has expired begin another, which goes on counting', async () => {
    const { recorder, written } = await recording({}, (request) =>
      request.method === 'PATCH'
        ? status(404, 'NotFound', 'events "x" not found', { name: 'x', kind: 'events' })
        : created(request),
    );
    await recorder.record(event('m'));
    expect(await recorder.record(event('m'))).toBe('created');
    expect(written()).toEqual(['POST m ×1', 'PATCH m ×2', 'POST m ×2']);
  });

  it('that differ are combined after ten [SPEC K16]', async () => {
    const { recorder, written, advance } = await recording();
    for (let index = 1; index <= 12; index += 1) await recorder.record(event(`message ${index}`));
    expect(written().slice(9)).toEqual([
      'POST message 10 ×1',
      'POST (combined from similar events): message 11 ×1',
      'PATCH (combined from similar events): message 12 ×2',
    ]);
    await recorder.record(event('message 3'));
    expect(written().at(-1)).toBe('PATCH message 3 ×2');
    advance(600_001);
    await recorder.record(event('message 13'));
    expect(written().at(-1)).toBe('POST message 13 ×1');
  });
});

describe('Events never become a burden', () => {
  it('about one object are limited, about others they are not, and one more is allowed later [SPEC K16]', async () => {
    const { recorder, written, advance } = await recording();
    const outcomes: string[] = [];
    for (let index = 0; index < 30; index += 1) outcomes.push(await recorder.record(event('flood')));
    expect(outcomes.filter((outcome) => outcome === 'limited')).toHaveLength(5);
    expect(written()).toHaveLength(25);
    expect(await recorder.record(event('flood', { regarding: { ...event('').regarding, uid: 'uid-2' } }))).toBe(
      'created',
    );
    advance(300_000);
    expect(await recorder.record(event('flood'))).toBe('counted');
    expect(await recorder.record(event('flood'))).toBe('limited');
  });

  it('under way are bounded; those beyond are dropped at once [SPEC K16]', async () => {
    const { recorder, server } = await recording({ limits: { underWay: 2, timeoutMs: 200 } }, () => ({ kind: 'hang' }));
    const outcomes = await Promise.all(
      ['a', 'b', 'c'].map((uid) => recorder.record(event('m', { regarding: { ...event('').regarding, uid } }))),
    );
    expect(outcomes).toEqual(['failed', 'failed', 'limited']);
    expect(server.requests).toHaveLength(2);
  });

  it('that the server refuses are forgotten, and what they counted is told by the next [SPEC K16]', async () => {
    const { recorder, written } = await recording({}, (request, index) =>
      index === 0
        ? status(403, 'Forbidden', 'unable to create new content in namespace team because it is being terminated')
        : created(request),
    );
    expect(await recorder.record(event('m'))).toBe('failed');
    expect(await recorder.record(event('m'))).toBe('created');
    expect(written()).toEqual(['POST m ×1', 'POST m ×2']);
  });

  it('are waited for at the end, but not for long', async () => {
    const { recorder } = await recording({ limits: { timeoutMs: 300 } }, () => ({ kind: 'hang' }));
    const pending = recorder.record(event('m'));
    await recorder.flush(20);
    await recorder.flush(5_000);
    expect(await pending).toBe('failed');
  });

  it('are remembered in a bounded memory: the least recently used go first [SPEC K16]', () => {
    const lru = createLru<number>(2);
    lru.set('a', 1);
    lru.set('b', 2);
    lru.get('a');
    lru.set('c', 3);
    expect([lru.size, lru.get('a'), lru.get('b'), lru.get('c')]).toEqual([2, 1, undefined, 3]);
  });
});
