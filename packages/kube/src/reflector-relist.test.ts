import { describe, expect, it } from 'vitest';
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
import { status, statusBody } from './testing/scripted-server.ts';

describe('a new list is made where the history is lost, and only there', () => {
  it('after a 410 within the watch, once, and what vanished unseen is told as deleted [SPEC K8] [SPEC K12]', async () => {
    const server = await collection(['a', 'b', 'c', 'd']);
    server.fault('watch', { kind: 'within', afterLines: 0, what: 'end' });
    const watched = view(server.http.url);
    await converged(watched, server);
    server.remove('b');
    server.remove('d');
    server.set('e', 1);
    server.compact();
    await converged(watched, server);
    expect([server.lists, server.expirations]).toEqual([2, 1]);
    const told = watched.events.slice(watched.events.findLastIndex((event) => event.kind === 'relist-started'));
    expect(told.map((event) => event.kind)).toEqual([
      'relist-started',
      'upsert',
      'upsert',
      'upsert',
      'delete',
      'delete',
      'relist-done',
    ]);
  });

  it('after a 410 in place of the watch', async () => {
    const server = await collection(['a']);
    server.fault('watch', { kind: 'instead', behaviour: status(410, 'Expired', 'too old resource version') });
    const watched = view(server.http.url);
    // The view is right after the first list, before the watch is refused.
    await eventually(
      () => server.lists === 2,
      () => `${server.lists} lists`,
    );
    await converged(watched, server);
    expect([server.lists, server.expirations]).toEqual([2, 1]);
  });

  it('begins the pages anew when the rest of a list has expired, and then still finds what vanished [SPEC K7]', async () => {
    const server = await scripted((request, index) => {
      if (request.isWatch) return quiet;
      if (index === 0) return page([thing('a', 1, 1), thing('b', 2, 1)], 10, 'next');
      if (index === 1) return status(410, 'Expired', 'The provided continue parameter is too old');
      return page([thing('b', 2, 1), thing('c', 11, 1)], 12);
    });
    const watched = view(server.url);
    await eventually(
      () => watched.reflector.isSynced,
      () => JSON.stringify(watched.problems),
    );
    expect(watched.text()).toBe('b=1 c=1');
    expect(server.requests.every((request) => request.isWatch || request.query.get('limit') === '3')).toBe(true);
  });

  it('asks for a page again, with its token, after 500, a reset, a truncated answer and rubbish [SPEC K7]', async () => {
    const faults: Behaviour[] = [
      status(500, 'InternalError', 'no'),
      { kind: 'reset' },
      { kind: 'truncated', text: '{"kind":"List","items":[{"meta' },
      { kind: 'text', status: 200, text: '<html>captive portal</html>' },
      { kind: 'json', status: 200, body: { kind: 'Pod' } },
      { kind: 'hang' },
    ];
    const server = await scripted((request) => {
      if (request.isWatch) return quiet;
      if (!request.query.has('continue')) return page([thing('a', 1, 1)], 10, 'next');
      return faults.shift() ?? page([thing('b', 2, 1)], 10);
    });
    const watched = view(server.url, { limits: { listTimeoutMs: 100 } });
    await eventually(
      () => watched.reflector.isSynced,
      () => JSON.stringify(watched.problems),
    );
    expect(watched.text()).toBe('a=1 b=1');
    expect(firstPages(server)).toHaveLength(1);
    expect(watched.problems.map((problem) => problem.kind)).toEqual(Array(6).fill('list-failed'));
  });

  it('asks for smaller pages where one is too large to be read', async () => {
    const server = await scripted((request) => {
      if (request.isWatch) return quiet;
      return Number(request.query.get('limit')) > 1
        ? { kind: 'text', status: 200, text: 'x'.repeat(5000) }
        : page([thing('a', 1, 1)], 10);
    });
    const watched = view(server.url, {}, 4096);
    await eventually(
      () => watched.text() === 'a=1',
      () => JSON.stringify(watched.problems),
    );
  });

  it('goes around a place at which every watch fails [SPEC K10]', async () => {
    const server = await scripted((request) => {
      if (!request.isWatch) return page([thing('a', 40, 3)], firstPages(server).length === 1 ? 50 : 60);
      return request.query.get('resourceVersion') === '50'
        ? { kind: 'stream', play: (out) => out.raw('rubbish\n') }
        : quiet;
    });
    const watched = view(server.url);
    await eventually(
      () => firstPages(server).length === 2 && watched.reflector.state.kind === 'watching',
      () => JSON.stringify(watched.problems),
    );
    expect(watches(server)).toHaveLength(6);
  });

  it('from a server that came back with an older history: a watch from its future would stay silent [SPEC K12]', async () => {
    const asked: string[] = [];
    const server = await scripted((request) => {
      asked.push(request.isWatch ? 'watch' : `list ${request.query.get('limit')}`);
      if (!request.isWatch) return page([thing('z', 4, 1)], asked.length === 1 ? 100 : 5);
      return asked.length === 2 ? { kind: 'stream', play: (out) => out.reset() } : quiet;
    });
    const watched = view(server.url);
    await eventually(
      () => firstPages(server).length === 2 && watched.reflector.state.kind === 'watching',
      () => asked.join(', '),
    );
    expect(asked).toEqual(['list 3', 'watch', 'list 1', 'list 3', 'watch']);
    expect(watched.text()).toBe('z=1');
  });

  it('from a server whose bookmark is older than what was seen', async () => {
    const server = await scripted((request) => {
      if (!request.isWatch) return page([thing('z', 4, 1)], firstPages(server).length === 1 ? 100 : 5);
      return watches(server).length === 1
        ? {
            kind: 'stream',
            play: (out) => out.line({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '5' } } }),
          }
        : quiet;
    });
    const watched = view(server.url);
    await eventually(
      () => firstPages(server).length === 2 && watched.reflector.state.kind === 'watching',
      () => JSON.stringify(watched.states),
    );
  });
});

it('an ERROR event whose Status says Gone without a code counts as a 410', async () => {
  const server = await scripted((request) => {
    if (!request.isWatch) return page([], 5);
    const { code: _code, ...object } = statusBody(410, 'Gone', 'too old');
    return watches(server).length === 1
      ? { kind: 'stream', play: (out) => out.line({ type: 'ERROR', object }) }
      : quiet;
  });
  view(server.url);
  await eventually(
    () => firstPages(server).length === 2,
    () => String(server.requests.length),
  );
});
