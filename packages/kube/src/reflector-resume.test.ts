import { describe, expect, it } from 'vitest';
import type { CollectionServer } from './testing/collection-server.ts';
import { eventually } from './testing/eventually.ts';
import {
  collection,
  converged,
  firstPages,
  page,
  quiet,
  scripted,
  thing,
  view,
  watches,
} from './testing/reflector-stage.ts';
import type { Behaviour } from './testing/scripted-server.ts';
import { status } from './testing/scripted-server.ts';
import type { WatchedView } from './testing/watched-view.ts';

describe('a watch that ends is resumed where it was, without a list', () => {
  const resumed = async (server: CollectionServer, watched: WatchedView): Promise<void> => {
    server.set('a', 7);
    server.set('late', 1);
    server.remove('b');
    await converged(watched, server);
    expect(server.lists).toBe(1);
  };

  it('after the server closed it [SPEC K8]', async () => {
    const server = await collection(['a', 'b']);
    server.fault('watch', { kind: 'within', afterLines: 0, what: 'end' });
    const watched = view(server.http.url);
    await converged(watched, server);
    await resumed(server, watched);
    expect(watched.problems).toEqual([]);
  });

  it('after a reset, and one in the middle of a line [SPEC K8]', async () => {
    const server = await collection(['a', 'b']);
    server.fault('watch', { kind: 'within', afterLines: 1, what: 'reset-mid-line' });
    server.fault('watch', { kind: 'within', afterLines: 0, what: 'reset' });
    const watched = view(server.http.url);
    await converged(watched, server);
    await resumed(server, watched);
  });

  it('after silence: a half-open connection is given up at the progress deadline [SPEC K9]', async () => {
    const server = await collection(['a', 'b']);
    server.fault('watch', { kind: 'within', afterLines: 0, what: 'silence' });
    const watched = view(server.http.url);
    await converged(watched, server);
    await resumed(server, watched);
    expect(watched.problems.map((problem) => problem.kind)).toContain('silent');
  });

  it('keeps a quiet watch whose bookmarks come [SPEC K9]', async () => {
    const server = await collection(['a']);
    const watched = view(server.http.url);
    await converged(watched, server);
    const until = performance.now() + 400;
    await eventually(
      () => {
        server.bookmark();
        return performance.now() > until;
      },
      () => '',
    );
    expect(watches(server.http)).toHaveLength(1);
  });

  it('from the version of the last bookmark', async () => {
    const server = await scripted((request) =>
      request.isWatch
        ? {
            kind: 'stream',
            play: (out) => {
              out.line({ type: 'BOOKMARK', object: { kind: 'Thing', metadata: { resourceVersion: '90' } } });
              out.end();
            },
          }
        : page([thing('a', 3, 1)], 50),
    );
    view(server.url);
    await eventually(
      () => watches(server).length >= 2,
      () => String(server.requests.length),
    );
    expect(watches(server)[1]?.query.get('resourceVersion')).toBe('90');
  });

  it('after 500, 503, a reset and no headers at all in place of an answer [SPEC K8]', async () => {
    const server = await collection(['a', 'b']);
    server.fault('watch', { kind: 'instead', behaviour: status(500, 'InternalError', 'etcdserver: leader changed') });
    server.fault('watch', { kind: 'instead', behaviour: { kind: 'text', status: 503, text: 'no backend' } });
    server.fault('watch', { kind: 'instead', behaviour: { kind: 'reset' } });
    server.fault('watch', { kind: 'instead', behaviour: { kind: 'hang' } });
    const watched = view(server.http.url);
    await converged(watched, server);
    await resumed(server, watched);
    expect(watched.problems.filter((problem) => problem.kind === 'watch-failed')).toHaveLength(4);
  });

  it('after an ERROR event that is no 410', async () => {
    const server = await collection(['a', 'b']);
    server.fault('watch', { kind: 'within', afterLines: 0, what: 'error-500' });
    const watched = view(server.http.url);
    await converged(watched, server);
    await resumed(server, watched);
  });

  it('after rubbish and after a line longer than any object [SPEC K10]', async () => {
    const server = await collection(['a', 'b']);
    server.fault('watch', { kind: 'within', afterLines: 0, what: 'garbage' });
    server.fault('watch', {
      kind: 'instead',
      behaviour: { kind: 'stream', play: (out) => out.raw(`{"type":"ADDED","object":"${'x'.repeat(5000)}`) },
    });
    const watched = view(server.http.url, { limits: { maxLineBytes: 4096 } });
    await converged(watched, server);
    await resumed(server, watched);
    expect(watched.problems.filter((problem) => problem.kind === 'unreadable').length).toBeGreaterThanOrEqual(2);
  });

  it('no more often than the floor, from a server that closes each watch at once [SPEC K9]', async () => {
    const server = await scripted((request) =>
      request.isWatch ? { kind: 'stream', play: (out) => out.end() } : page([], 5),
    );
    const watched = view(server.url, { limits: { reconnectFloorMs: 50 } });
    await eventually(
      () => watches(server).length >= 4,
      () => String(watches(server).length),
    );
    const waits = watched.states.flatMap((state) => (state.kind === 'backing-off' ? [state.forMs] : []));
    expect(waits.length).toBeGreaterThanOrEqual(3);
    expect(firstPages(server)).toHaveLength(1);
  });

  it('and tells the same event, or an older one, only once [SPEC K11]', async () => {
    const server = await scripted((request) =>
      request.isWatch
        ? {
            kind: 'stream',
            play: (out) => {
              out.line({ type: 'MODIFIED', object: thing('a', 60, 2) });
              out.line({ type: 'MODIFIED', object: thing('a', 60, 2) });
              out.line({ type: 'DELETED', object: thing('b', 61, 1) });
              out.line({ type: 'ADDED', object: thing('b', 55, 1) });
              out.line({ type: 'MODIFIED', object: thing('a', 58, 9) });
              out.line({ type: 'ADDED', object: thing('c', 62, 1) });
            },
          }
        : page([thing('a', 3, 1), thing('b', 4, 1)], 50),
    );
    const watched = view(server.url);
    await eventually(() => watched.text() === 'a=2 c=1', watched.text);
    expect(watched.events.slice(4).map((event) => event.kind)).toEqual(['upsert', 'delete', 'upsert']);
  });
});

describe('a server that asks for patience gets it', () => {
  it('waits as long as Retry-After says, for a list and for a watch [SPEC K9]', async () => {
    const busy: Behaviour = {
      kind: 'text',
      status: 429,
      text: 'Too many requests, please try again later.\n',
      headers: { 'retry-after': '1' },
    };
    const server = await collection(['a']);
    server.fault('list', { kind: 'instead', behaviour: busy });
    server.fault('watch', { kind: 'instead', behaviour: busy });
    // Waits of a second and more pass in milliseconds.
    const clock = { now: Date.now, monotonic: () => performance.now(), setTimeout: fast };
    function fast(fn: () => void, ms: number): () => void {
      const timer = setTimeout(fn, ms >= 1000 && ms < 2000 ? 10 : ms);
      return () => clearTimeout(timer);
    }
    const watched = view(server.http.url, { clock });
    await converged(watched, server);
    const waits = watched.states.flatMap((state) =>
      state.kind === 'backing-off' ? [[state.next, state.forMs >= 1000]] : [],
    );
    expect(waits).toEqual([
      ['list', true],
      ['watch', true],
    ]);
    expect(server.lists).toBe(1);
  });

  it('backs off longer and longer from one that refuses, says why, and is never given up [SPEC K9]', async () => {
    let isAllowed = false;
    const server = await scripted((request) => {
      if (!isAllowed) return status(403, 'Forbidden', 'things is forbidden: User "x" cannot list resource "things"');
      return request.isWatch ? quiet : page([], 5);
    });
    const watched = view(server.url, { random: () => 0.5 });
    await eventually(
      () => server.requests.length >= 6,
      () => String(server.requests.length),
    );
    const state = watched.states.find((each) => each.kind === 'backing-off');
    expect(state).toMatchObject({
      reason: expect.stringContaining('403 Forbidden: things is forbidden'),
      next: 'list',
    });
    const waits = watched.states.flatMap((each) => (each.kind === 'backing-off' ? [each.forMs] : []));
    expect(waits.slice(0, 5)).toEqual([3, 6, 12, 15, 15]);
    isAllowed = true;
    await eventually(
      () => watched.reflector.isSynced,
      () => JSON.stringify(watched.reflector.state),
    );
  });
});
