import { describe, expect, it } from 'vitest';
import { eventually } from './testing/eventually.ts';
import { collection, converged, page, quiet, scripted, view, watches } from './testing/reflector-stage.ts';
import type { Behaviour, ScriptedServer, SeenRequest } from './testing/scripted-server.ts';
import { status } from './testing/scripted-server.ts';
import type { WatchedView } from './testing/watched-view.ts';
import { projectThing } from './testing/watched-view.ts';

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
