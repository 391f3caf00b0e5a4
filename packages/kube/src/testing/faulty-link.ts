/**
 * A transport without sockets to one collection, over a link that fails as links do: connections live 1 to 300 s, some go
 * silent instead of ending, each third resume finds its history compacted. For tests in virtual time.
 */
import { PassThrough } from 'node:stream';
import { fixedAccess } from '../credentials.ts';
import type { ApiOutcome } from '../outcome.ts';
import { outcomeOfStatus } from '../outcome.ts';
import type { ApiRequest, OpenStream, Transport } from '../transport.ts';
import type { VirtualClock } from './virtual-clock.ts';

export interface FaultyLink {
  readonly transport: Transport;
  readonly values: ReadonlyMap<string, number>;
  readonly counts: { lists: number; watches: number; expired: number; silent: number; resets: number };
  set(name: string, value: number | undefined): void;
  bookmark(): void;
  /** From now on nothing fails any more. */
  heal(): void;
}

interface Watcher {
  readonly body: PassThrough;
  isHeard: boolean;
}

export function createFaultyLink(clock: VirtualClock, random: () => number): FaultyLink {
  const values = new Map<string, number>();
  const versions = new Map<string, number>();
  const watchers = new Set<Watcher>();
  const history: Array<{ readonly version: number; readonly line: string }> = [];
  const counts = { lists: 0, watches: 0, expired: 0, silent: 0, resets: 0 };
  let version = 1;
  let isHealed = false;

  const objectOf = (name: string, value: number): unknown => ({
    metadata: { name, uid: `uid-${name}`, resourceVersion: String(versions.get(name)) },
    spec: { value },
  });

  function say(line: string): void {
    for (const watcher of watchers) if (watcher.isHeard) watcher.body.write(line);
  }

  function list(query: NonNullable<ApiRequest['query']>): ApiOutcome {
    const limit = Number(query.limit);
    const start = Number(query.continue ?? 0);
    if (start === 0 && limit > 1) counts.lists += 1;
    const all = [...values];
    const items = all.slice(start, start + limit).map(([name, value]) => objectOf(name, value));
    const token = start + limit < all.length ? String(start + limit) : '';
    return {
      kind: 'ok',
      status: 200,
      body: { metadata: { resourceVersion: String(version), continue: token }, items },
    };
  }

  function open(request: ApiRequest): OpenStream | ReturnType<typeof outcomeOfStatus> {
    counts.watches += 1;
    const from = Number(request.query?.resourceVersion);
    if (!isHealed && counts.watches % 3 === 0) {
      counts.expired += 1;
      return outcomeOfStatus('GET', 410, { message: 'too old resource version', reason: 'Expired' });
    }
    const body = new PassThrough();
    const watcher: Watcher = { body, isHeard: true };
    watchers.add(watcher);
    for (const { version: at, line } of history) if (at > from) body.write(line);
    request.signal?.addEventListener('abort', () => body.destroy(), { once: true });
    const cancel = clock.setTimeout(
      () => {
        if (isHealed) return;
        if (random() < 0.2) {
          counts.silent += 1;
          watcher.isHeard = false;
        } else {
          counts.resets += 1;
          watchers.delete(watcher);
          body.destroy(new Error('ECONNRESET'));
        }
      },
      1_000 + random() * 299_000,
    );
    body.on('close', () => {
      cancel();
      watchers.delete(watcher);
    });
    // The body of an answer has more than a stream: a reader of watches needs none of it.
    return { kind: 'open', body: body as unknown as OpenStream['body'] };
  }

  return {
    transport: {
      access: fixedAccess({ server: 'http://virtual' }),
      underWay: 0,
      request: async (request) => list(request.query ?? {}),
      open: async (request) => open(request),
      close: async () => {},
    },
    values,
    counts,
    set(name, value) {
      const before = values.get(name);
      if (before === undefined && value === undefined) return;
      version += 1;
      versions.set(name, version);
      let type = 'MODIFIED';
      if (value === undefined) type = 'DELETED';
      else if (before === undefined) type = 'ADDED';
      const line = `${JSON.stringify({ type, object: objectOf(name, value ?? before ?? 0) })}\n`;
      if (value === undefined) values.delete(name);
      else values.set(name, value);
      history.push({ version, line });
      if (history.length > 200) history.shift();
      say(line);
    },
    bookmark() {
      say(`${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: String(version) } } })}\n`);
    },
    heal() {
      isHealed = true;
    },
  };
}
