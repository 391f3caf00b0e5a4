import { afterEach, describe, expect, it } from 'vitest';
import type { CollectionServer } from './testing/collection-server.ts';
import { startCollectionServer } from './testing/collection-server.ts';
import { eventually } from './testing/eventually.ts';
import type { Behaviour, ScriptedServer, SeenRequest } from './testing/scripted-server.ts';
import { startScriptedServer, status, statusBody } from './testing/scripted-server.ts';
import type { WatchedView } from './testing/watched-view.ts';
import { projectThing, textOfThings, watchThings } from './testing/watched-view.ts';

const open: Array<{ close(): Promise<void> }> = [];

afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

async function collection(names: readonly string[] = []): Promise<CollectionServer> {
  const server = await startCollectionServer();
  open.push(server);
  for (const name of names) server.set(name, 1);
  return server;
}

async function scripted(answer: (request: SeenRequest, index: number) => Behaviour): Promise<ScriptedServer> {
  const server = await startScriptedServer(answer);
  open.push(server);
  return server;
}

function view(url: string, options: Parameters<typeof watchThings>[1] = {}, maxAnswerBytes?: number): WatchedView {
  const watched = watchThings(url, options, maxAnswerBytes);
  open.push(watched);
  return watched;
}

async function converged(watched: WatchedView, server: CollectionServer): Promise<void> {
  const wanted = (): string =>
    textOfThings(
      [...server.objects.values()].map((object) => ({ name: object.metadata.name, value: object.spec.value })),
    );
  await eventually(
    () => watched.text() === wanted() && watched.reflector.state.kind === 'watching',
    () => `${watched.text()} instead of ${wanted()}, ${JSON.stringify(watched.reflector.state)}`,
  );
}

function thing(name: string, version: number, value: number): Record<string, unknown> {
  return { metadata: { name, uid: `uid-${name}`, resourceVersion: String(version) }, spec: { value } };
}

function page(items: readonly unknown[], version: number, token?: string): Behaviour {
  return {
    kind: 'json',
    status: 200,
    body: { kind: 'List', metadata: { resourceVersion: String(version), continue: token }, items },
  };
}

const quiet: Behaviour = { kind: 'stream', play: () => {} };

function watches(server: ScriptedServer): SeenRequest[] {
  return server.requests.filter((request) => request.isWatch);
}

function firstPages(server: ScriptedServer): SeenRequest[] {
  return server.requests.filter(
    (request) => !request.isWatch && !request.query.has('continue') && request.query.get('limit') !== '1',
  );
}

describe('a collection is listed in pages and then watched', () => {
  it('asks for pages, never for all at once, and tells the list from beginning to end [SPEC K7]', async () => {
    const server = await collection(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
    const watched = view(server.http.url, { query: { labelSelector: 'x=y' } });
    await converged(watched, server);
    const lists = server.http.requests.filter((request) => !request.isWatch);
    expect(lists.map((request) => request.query.get('limit'))).toEqual(['3', '3', '3']);
    expect(lists.every((request) => request.query.get('labelSelector') === 'x=y')).toBe(true);
    expect(watched.events.map((event) => event.kind)).toEqual([
      'relist-started',
      ...Array<string>(7).fill('upsert'),
      'relist-done',
    ]);
    expect(watched.reflector.isSynced).toBe(true);
    expect(watched.reflector.size).toBe(7);
  });

  it('watches from the version of the list, with bookmarks and a time of its own [SPEC K8]', async () => {
    const server = await collection(['a']);
    const watched = view(server.http.url);
    await converged(watched, server);
    const [first] = watches(server.http);
    expect(first?.query.get('resourceVersion')).toBe(server.version);
    expect(first?.query.get('allowWatchBookmarks')).toBe('true');
    const seconds = Number(first?.query.get('timeoutSeconds'));
    expect(seconds).toBeGreaterThanOrEqual(290);
    expect(seconds).toBeLessThanOrEqual(590);
  });

  it('tells what is added, changed and removed, the removed with its last state', async () => {
    const server = await collection(['a']);
    const watched = view(server.http.url);
    await converged(watched, server);
    server.set('b', 1);
    server.set('a', 2);
    server.remove('a');
    await converged(watched, server);
    expect(watched.text()).toBe('b=1');
    expect(watched.events.at(-1)).toEqual({ kind: 'delete', key: 'uid-1', last: { name: 'a', value: 2 } });
  });

  it('tells a name that was deleted and made again as two objects', async () => {
    const server = await collection(['a']);
    const watched = view(server.http.url);
    await converged(watched, server);
    server.remove('a');
    server.set('a', 5);
    await converged(watched, server);
    expect([...watched.things.keys()]).toEqual(['uid-2']);
  });

  it('leaves out what the projection has no interest in, and deletes what it loses interest in', async () => {
    const server = await collection(['a', 'b']);
    const watched = view(server.http.url, {
      project: (raw) => {
        const projected = projectThing(raw);
        return projected !== undefined && projected.value < 10 ? projected : undefined;
      },
    });
    await converged(watched, server);
    server.set('a', 10);
    server.set('c', 10);
    await eventually(() => watched.text() === 'b=1', watched.text);
    expect(watched.reflector.size).toBe(1);
  });

  it('takes an empty list that a Go server writes as null', async () => {
    const server = await scripted((request) =>
      request.isWatch
        ? quiet
        : { kind: 'json', status: 200, body: { kind: 'List', metadata: { resourceVersion: '5' }, items: null } },
    );
    const watched = view(server.url);
    await eventually(
      () => watched.reflector.isSynced,
      () => JSON.stringify(watched.problems),
    );
  });
});

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

describe('a mistake of the consumer stays its own', () => {
  it('reports what onEvents, onState and the projection throw, and goes on [SPEC K13]', async () => {
    const server = await collection(['a', 'bad', 'c']);
    let isThrowing = true;
    const seen = new Set<string>();
    const problems: string[] = [];
    const watched = view(server.http.url, {
      project: (raw) => {
        if (raw.metadata.name === 'bad') throw new Error('no such field');
        return projectThing(raw);
      },
      onEvents: (batch) => {
        if (isThrowing) {
          isThrowing = false;
          throw new Error('the consumer is broken');
        }
        for (const event of batch) if (event.kind === 'upsert') seen.add(event.object.name);
      },
      onState: () => {
        throw new Error('the state is not wanted');
      },
      onProblem: (problem) => {
        problems.push(`${problem.kind}: ${problem.message}`);
        throw new Error('not even problems are wanted');
      },
    });
    await eventually(
      () => watched.reflector.isSynced,
      () => problems.join(', '),
    );
    server.set('d', 1);
    await eventually(
      () => seen.has('d'),
      () => [...seen].join(' '),
    );
    expect([...seen]).toEqual(['a', 'c', 'd']);
    expect(problems).toContain('project-threw: default/bad: no such field');
    expect(problems).toContain('consumer-threw: the consumer is broken');
  });
});

describe('stop leaves nothing behind', () => {
  const stages: ReadonlyArray<
    readonly [string, (request: SeenRequest) => Behaviour, (watched: WatchedView, server: ScriptedServer) => boolean]
  > = [
    ['while a page is awaited', () => ({ kind: 'hang' }), (watched) => watched.reflector.state.kind === 'listing'],
    [
      'while a watch is open',
      (request) => (request.isWatch ? quiet : page([], 5)),
      (watched) => watched.reflector.state.kind === 'watching',
    ],
    [
      'while the headers of a watch are awaited',
      (request) => (request.isWatch ? { kind: 'hang' } : page([], 5)),
      (_watched, server) => watches(server).length === 1,
    ],
    [
      'while it backs off',
      () => status(503, 'ServiceUnavailable', 'no'),
      (watched) => watched.reflector.state.kind === 'backing-off',
    ],
  ];
  it.each(stages)('%s: no socket, no timer, no event, no second watch [SPEC K13]', async (_when, answer, isReached) => {
    const server = await scripted(answer);
    const timers = new Set<NodeJS.Timeout>();
    const clock = {
      now: Date.now,
      monotonic: () => performance.now(),
      setTimeout: (fn: () => void, ms: number) => {
        const timer = setTimeout(() => {
          timers.delete(timer);
          fn();
        }, ms);
        timers.add(timer);
        return () => {
          timers.delete(timer);
          clearTimeout(timer);
        };
      },
    };
    const watched = view(server.url, {
      clock,
      limits: { backOffBaseMs: 60_000, backOffCapMs: 60_000, headersTimeoutMs: 60_000, listTimeoutMs: 60_000 },
    });
    await eventually(
      () => isReached(watched, server) && server.requests.length > 0,
      () => JSON.stringify(watched.states),
    );
    await watched.reflector.stop();
    const before = [server.requests.length, watched.events.length];
    expect(watched.reflector.state).toEqual({ kind: 'stopped' });
    expect(timers.size).toBe(0);
    await watched.transport.close();
    await eventually(
      () => server.openConnections === 0,
      () => `${server.openConnections} connections`,
    );
    watched.reflector.start();
    expect([server.requests.length, watched.events.length]).toEqual(before);
  });

  it('also when it was never started, and twice', async () => {
    const server = await collection();
    const watched = view(server.http.url);
    await Promise.all([watched.reflector.stop(), watched.reflector.stop()]);
    expect(watched.reflector.state).toEqual({ kind: 'stopped' });
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
