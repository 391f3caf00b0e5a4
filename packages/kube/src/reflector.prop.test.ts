import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { CollectionServer, Fault } from './testing/collection-server.ts';
import { startCollectionServer } from './testing/collection-server.ts';
import { eventually } from './testing/eventually.ts';
import type { Behaviour } from './testing/scripted-server.ts';
import { status } from './testing/scripted-server.ts';
import { textOfThings, watchThings } from './testing/watched-view.ts';

type Step =
  | { readonly kind: 'set'; readonly name: string; readonly value: number }
  | { readonly kind: 'remove'; readonly name: string }
  | { readonly kind: 'compact' }
  | { readonly kind: 'bookmark' }
  | { readonly kind: 'pause' }
  | { readonly kind: 'fault'; readonly on: 'list' | 'watch'; readonly fault: Fault };

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');

const instead: fc.Arbitrary<Behaviour> = fc.constantFrom<Behaviour[]>(
  { kind: 'reset' },
  { kind: 'hang' },
  { kind: 'truncated', text: '{"kind":"List","items":[' },
  { kind: 'text', status: 200, text: '<html>' },
  { kind: 'text', status: 429, text: 'Too many requests', headers: { 'retry-after': '0' } },
  status(401, 'Unauthorized', 'Unauthorized'),
  status(500, 'InternalError', 'etcdserver: request timed out'),
  { kind: 'text', status: 503, text: 'no backend' },
);

const fault: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('fault' as const),
    on: fc.constantFrom<('list' | 'watch')[]>('list', 'watch'),
    fault: instead.map((behaviour): Fault => ({ kind: 'instead', behaviour })),
  }),
  fc.record({
    kind: fc.constant('fault' as const),
    on: fc.constant('watch' as const),
    fault: fc.record({
      kind: fc.constant('within' as const),
      afterLines: fc.nat(3),
      what: fc.constantFrom<Extract<Fault, { kind: 'within' }>['what'][]>(
        'reset',
        'reset-mid-line',
        'garbage',
        'error-500',
        'error-410',
        'silence',
        'end',
        'repeat',
      ),
    }),
  }),
);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('set' as const), name, value: fc.nat(99) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), name }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'compact' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'bookmark' }) },
  { weight: 2, arbitrary: fc.constant<Step>({ kind: 'pause' }) },
  { weight: 3, arbitrary: fault },
);

async function take(server: CollectionServer, what: Step): Promise<void> {
  switch (what.kind) {
    case 'set':
      return server.set(what.name, what.value);
    case 'remove':
      return server.remove(what.name);
    case 'compact':
      return server.compact();
    case 'bookmark':
      return server.bookmark();
    case 'pause':
      // Lets what is under way meet what comes next at another place.
      return new Promise((resolve) => setTimeout(resolve, 6));
    case 'fault':
      return server.fault(what.on, what.fault);
    default:
      what satisfies never;
  }
}

it('whatever happens to the connection, the view becomes what the server has, with a list for a 410 only [SPEC K12]', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const server = await startCollectionServer();
      const watched = watchThings(server.http.url, {
        // A place at which every watch fails is met in a test of its own: here each LIST beyond the first has its 410.
        limits: { stuckAttempts: 1000, progressDeadlineMs: 60, headersTimeoutMs: 60, listTimeoutMs: 60 },
      });
      try {
        for (const each of steps) await take(server, each);
        const wanted = (): string =>
          textOfThings(
            [...server.objects.values()].map((each) => ({ name: each.metadata.name, value: each.spec.value })),
          );
        let marked = 0;
        await eventually(
          () => {
            // Life in the cluster goes on, and with it what a fault waits for.
            if (++marked % 10 === 0) server.bookmark();
            return watched.text() === wanted() && watched.reflector.state.kind === 'watching';
          },
          () => `${watched.text()} instead of ${wanted()}: ${JSON.stringify(watched.problems)}`,
        );
        expect(watched.reflector.size).toBe(server.objects.size);
        // On a busy machine an answer can miss the short time-outs of this test: a LIST that failed for it is asked again.
        const repeated = watched.problems.filter((problem) => problem.kind === 'list-failed').length;
        expect(server.lists).toBeLessThanOrEqual(1 + server.expirations + repeated);
        const unpaged = server.http.requests.filter((request) => !request.isWatch && !request.query.has('limit'));
        expect(unpaged).toEqual([]);
      } finally {
        await watched.close();
        await server.close();
      }
    }),
    { numRuns: 25, endOnFailure: true },
  );
});
