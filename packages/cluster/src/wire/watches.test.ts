import { request } from 'node:http';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../clock.ts';
import { kinds } from '../kinds/index.ts';
import { eventually, openWatch, podOf, type TestCluster, testCluster } from './testing.ts';

const PODS = '/api/v1/namespaces/default/pods';
const open: Array<{ close(): unknown }> = [];

async function started(): Promise<TestCluster> {
  const cluster = await testCluster();
  open.push(cluster);
  return cluster;
}

async function watching(cluster: TestCluster, query: string, path = PODS, headers: Record<string, string> = {}) {
  const watch = await openWatch(cluster.port, `${path}?watch=true&${query}`, headers);
  open.push(watch);
  return watch;
}

const seen = (events: readonly { type: string; object: { metadata: { name: string } } }[]): string[] =>
  events.map(({ type, object }) => `${type} ${object.metadata.name ?? ''}`.trim());

function create(cluster: TestCluster, name: string, labels: Record<string, string> = {}): string {
  const pod = podOf(name, { metadata: { name, labels } });
  return cluster.api.create('pods', pod, { actor: 'test', namespace: 'default' }).metadata.resourceVersion;
}

function relabel(cluster: TestCluster, name: string, labels: Record<string, string>): void {
  cluster.api.modify('pods', name, 'default', (pod) => Object.assign(pod.metadata, { labels }), { actor: 'test' });
}

describe('watches', () => {
  afterEach(async () => {
    for (const one of open.splice(0).reverse()) await one.close();
  });

  test('[SPEC C10] without a resourceVersion a watch starts with what is there and goes on with what happens', async () => {
    const cluster = await started();
    create(cluster, 'p1');
    const watch = await watching(cluster, '');
    await eventually(() => watch.events.length === 1);
    create(cluster, 'p2');
    cluster.api.delete('pods', 'p2', 'default');
    await eventually(() => watch.events.length === 4);
    expect(seen(watch.events)).toEqual(['ADDED p1', 'ADDED p2', 'MODIFIED p2', 'DELETED p2']);
  });

  test('[SPEC C10] from a resourceVersion on, exactly what came after it is told, in order', async () => {
    const cluster = await started();
    const revision = create(cluster, 'p1');
    create(cluster, 'p2');
    relabel(cluster, 'p1', { a: 'b' });
    const watch = await watching(cluster, `resourceVersion=${revision}`);
    await eventually(() => watch.events.length === 2);
    create(cluster, 'p3');
    await eventually(() => watch.events.length === 3);
    expect(seen(watch.events)).toEqual(['ADDED p2', 'MODIFIED p1', 'ADDED p3']);
    const revisions = watch.events.map((event) => Number(event.object.metadata.resourceVersion));
    expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
  });

  test('[SPEC C11] a resourceVersion that is forgotten, or of an earlier life, is answered 410 Expired in the stream', async () => {
    const cluster = await started();
    const watch = await watching(cluster, 'resourceVersion=7');
    await watch.ended;
    expect(watch.code).toBe(200);
    expect(watch.events).toEqual([
      { type: 'ERROR', object: expect.objectContaining({ code: 410, reason: 'Expired', kind: 'Status' }) },
    ]);
    expect(watch.events[0].object.message).toMatch(/^too old resource version: 7 \(\d+\)$/);
  });

  test('[SPEC C11] changes beyond the bound of the history are forgotten, later ones are not', async () => {
    const cluster = await started();
    const early = create(cluster, 'p1');
    for (let i = 0; i < 8_200; i++) relabel(cluster, 'p1', { n: String(i) });
    const late = cluster.api.get('pods', 'p1', 'default')?.metadata.resourceVersion;
    relabel(cluster, 'p1', { n: 'last' });
    const tooOld = await watching(cluster, `resourceVersion=${early}`);
    await tooOld.ended;
    expect(tooOld.events[0].object.code).toBe(410);
    const watch = await watching(cluster, `resourceVersion=${late}`);
    await eventually(() => watch.events.length === 1);
    expect(watch.events[0].object.metadata.labels).toEqual({ n: 'last' });
  });

  test('[SPEC C12] with a selector an object that comes to match is ADDED and one that ceases to is DELETED', async () => {
    const cluster = await started();
    create(cluster, 'p1', { app: 'x' });
    create(cluster, 'p2', { app: 'y' });
    const watch = await watching(cluster, 'labelSelector=app%3Dx');
    await eventually(() => watch.events.length === 1);
    relabel(cluster, 'p2', { app: 'x' });
    relabel(cluster, 'p1', { app: 'y' });
    relabel(cluster, 'p1', { app: 'z' });
    cluster.api.delete('pods', 'p1', 'default');
    relabel(cluster, 'p2', { app: 'x', more: '1' });
    await eventually(() => watch.events.length === 4);
    expect(seen(watch.events)).toEqual(['ADDED p1', 'ADDED p2', 'DELETED p1', 'MODIFIED p2']);
    const gone = watch.events[2].object.metadata;
    expect(gone.labels).toEqual({ app: 'x' });
    expect(Number(gone.resourceVersion)).toBeGreaterThan(Number(watch.events[1].object.metadata.resourceVersion));
  });

  test('[SPEC C12] a watch by name tells of that object only, and one of a namespace of that namespace only', async () => {
    const cluster = await started();
    const byName = await watching(cluster, 'fieldSelector=metadata.name%3Dp2');
    const elsewhere = await watching(cluster, '', '/api/v1/namespaces/kube-system/pods');
    create(cluster, 'p1');
    create(cluster, 'p2');
    cluster.api.create('pods', podOf('q'), { actor: 'test', namespace: 'kube-system' });
    await eventually(() => byName.events.length === 1 && elsewhere.events.length === 1);
    expect([...seen(byName.events), ...seen(elsewhere.events)]).toEqual(['ADDED p2', 'ADDED q']);
  });

  test('[SPEC C13] WatchList: all that is there, then the bookmark that says so, then what happens', async () => {
    const cluster = await started();
    create(cluster, 'p1');
    const query = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
    const watch = await watching(cluster, query);
    await eventually(() => watch.events.length === 2);
    create(cluster, 'p2');
    await eventually(() => watch.events.length === 3);
    expect(seen(watch.events)).toEqual(['ADDED p1', 'BOOKMARK', 'ADDED p2']);
    const bookmark = watch.events[1].object;
    expect(bookmark).toMatchObject({ kind: 'Pod', apiVersion: 'v1' });
    expect(bookmark.metadata.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' });
    expect(Number(bookmark.metadata.resourceVersion)).toBeGreaterThan(0);
  });

  test.each([
    [
      'watch=true&sendInitialEvents=true',
      'resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    ],
    [
      'resourceVersionMatch=Exact',
      'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
    ],
    [
      'resourceVersionMatch=Exact&resourceVersion=0',
      'resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
    ],
    [
      'sendInitialEvents=true&resourceVersionMatch=NotOlderThan',
      '[resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided, sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list]',
    ],
  ])('[SPEC C13] options that contradict each other are refused: %s', async (query, text) => {
    const cluster = await started();
    const { code, json } = await cluster.ask('GET', `${PODS}?${query}`);
    expect([code, json.message]).toEqual([422, `ListOptions.meta.k8s.io "" is invalid: ${text}`]);
  });

  test('[SPEC C13] a list of the future is answered 504, one of the past that is not the present 410', async () => {
    const cluster = await started();
    const revision = create(cluster, 'p1');
    const future = await cluster.ask('GET', `${PODS}?resourceVersion=99999999999999`);
    expect([future.code, future.headers['retry-after']]).toEqual([504, '1']);
    expect(future.json.message).toMatch(/^Timeout: Too large resource version: 99999999999999, current: \d+$/);
    expect((await cluster.ask('GET', `${PODS}?resourceVersion=${revision}&resourceVersionMatch=Exact`)).code).toBe(200);
    create(cluster, 'p2');
    const past = await cluster.ask('GET', `${PODS}?resourceVersion=${revision}&resourceVersionMatch=Exact`);
    expect([past.code, past.json.reason]).toEqual([410, 'Expired']);
  });

  test('[SPEC C14] a watch ends by itself after timeoutSeconds', async () => {
    const cluster = await started();
    const watch = await watching(cluster, 'timeoutSeconds=1');
    await watch.ended;
    expect(watch.events).toEqual([]);
  });

  test('[SPEC C14] a timeoutSeconds that is no span of time is as none: the watch stays', async () => {
    const spans: number[] = [];
    const clock = {
      now: systemClock.now,
      after: (ms: number) => {
        spans.push(ms);
        return () => undefined;
      },
    };
    const cluster = await testCluster({ clock, controllers: false });
    open.push(cluster);
    spans.length = 0;
    for (const none of ['-1', '0']) await watching(cluster, `timeoutSeconds=${none}`);
    await eventually(() => spans.filter((ms) => ms >= 1_800_000).length >= 2);
    expect(spans.filter((ms) => ms <= 0)).toEqual([]);
  });

  test('[SPEC C14] bookmarks come each minute to whoever allows them', async () => {
    const due: Array<() => void> = [];
    const clock = {
      now: systemClock.now,
      after: (ms: number, fn: () => void) => {
        if (ms === 60_000) due.push(fn);
        return () => undefined;
      },
    };
    const cluster = await testCluster({ clock });
    open.push(cluster);
    const watch = await watching(cluster, 'allowWatchBookmarks=true');
    await watching(cluster, '');
    create(cluster, 'p1');
    await eventually(() => due.length === 1);
    due.shift()?.();
    await eventually(() => watch.events.length === 2);
    expect(seen(watch.events)).toEqual(['ADDED p1', 'BOOKMARK']);
    expect(watch.events[1].object.metadata).toEqual({
      resourceVersion: watch.events[0].object.metadata.resourceVersion,
    });
    await eventually(() => due.length === 1);
  });

  test('[SPEC C15] a watch as Table sends the columns with its first event only', async () => {
    const cluster = await started();
    create(cluster, 'p1');
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
    const watch = await watching(cluster, '', PODS, { accept });
    const second = await watching(cluster, '', PODS, { accept });
    await eventually(() => watch.events.length === 1 && second.events.length === 1);
    create(cluster, 'p2');
    await eventually(() => watch.events.length === 2 && second.events.length === 2);
    for (const { events } of [watch, second]) {
      expect(events.map((event) => event.object.kind)).toEqual(['Table', 'Table']);
      expect(events[0].object.columnDefinitions[0]).toMatchObject({ name: 'Name', format: 'name' });
      expect(events[1].object.columnDefinitions).toBe(null);
      expect(events[1].object.rows[0].cells[0]).toBe('p2');
      expect(events[1].object.rows[0].object.kind).toBe('PartialObjectMetadata');
    }
  });

  test('[SPEC C16] who does not read is cut, and the others hear everything', async () => {
    const cluster = await started();
    const data = 'x'.repeat(500_000);
    const frozen = await new Promise<{ closed: () => boolean; resume(): void; end(): void }>((resolve, reject) => {
      const asked = request(
        {
          host: '127.0.0.1',
          port: cluster.port,
          path: '/api/v1/namespaces/default/configmaps?watch=true',
          agent: false,
        },
        (response) => {
          let closed = false;
          response.on('close', () => {
            closed = true;
          });
          response.on('error', () => undefined);
          response.pause();
          resolve({ closed: () => closed, resume: () => response.resume(), end: () => asked.destroy() });
        },
      );
      asked.on('error', reject);
      asked.end();
    });
    const reader = await watching(cluster, '', '/api/v1/namespaces/default/configmaps');
    const changes = 80;
    for (let i = 0; i < changes; i++) {
      const map = { metadata: { name: `m${i}` }, data: { data } };
      cluster.api.create('configmaps', map, { actor: 'test', namespace: 'default' });
      await new Promise((resolve) => setImmediate(resolve));
      if (i % 10 === 9) await eventually(() => reader.events.length === i + 1);
    }
    await eventually(() => reader.events.length === changes);
    // Only a reader learns that his connection is gone.
    frozen.resume();
    await eventually(frozen.closed);
    frozen.end();
  });

  test('[SPEC C31] a fault of ours in one form of a watch cuts that watch; the write and the other watchers go on', async () => {
    const cluster = await started();
    const pods = kinds.find((kind) => kind.kind === 'Pod');
    if (pods === undefined) throw new Error('no Pods');
    const row = vi.spyOn(pods, 'row').mockImplementation(() => {
      throw new Error('a bug in a column');
    });
    try {
      const plain = await watching(cluster, '');
      const table = await watching(cluster, '', PODS, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' });
      create(cluster, 'p1');
      await table.ended;
      const again = await watching(cluster, '', PODS, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' });
      await again.ended;
      await eventually(() => plain.events.length === 1);
      expect(cluster.errors.map(String)).toEqual(['Error: a bug in a column', 'Error: a bug in a column']);
      expect(
        (await cluster.ask('GET', PODS, { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } })).code,
      ).toBe(500);
    } finally {
      row.mockRestore();
    }
  });

  test('[SPEC C17] closing the cluster ends every watch within a second', async () => {
    const cluster = await testCluster();
    const watches = await Promise.all([1, 2, 3].map(() => watching(cluster, '')));
    const from = performance.now();
    await cluster.close();
    await Promise.all(watches.map((watch) => watch.ended));
    expect(performance.now() - from).toBeLessThan(1_000);
    await expect(cluster.ask('GET', '/healthz')).rejects.toThrow(/ECONNREFUSED/);
  });
});
