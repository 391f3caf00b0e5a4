import { connect, type Socket } from 'node:net';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../clock.ts';
import { kinds } from '../kinds/index.ts';
import { bootstrap } from '../rest/bootstrap.ts';
import { createState } from '../rest/cluster-state.ts';
import { Access } from '../security/access.ts';
import { ServiceAccountTokens } from '../security/service-account-tokens.ts';
import { listen } from './server.ts';
import { ask, eventually, openWatch, type TestCluster, testCluster } from './testing.ts';
import { LIMITS, type TrafficLimits } from './traffic.ts';

const ends: Array<() => unknown> = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';

/** A server with limits of the test's own. */
async function limited(limits: Partial<TrafficLimits>) {
  const errors: unknown[] = [];
  const onError = (error: unknown): void => void errors.push(error);
  const { ground, api } = createState({ kinds, admission: [], clock: systemClock, onError });
  bootstrap(api);
  const access = new Access({ tokens: new ServiceAccountTokens({ clock: systemClock, find: api.get }) });
  const options = { host: '127.0.0.1', port: 0, access, onError, ready: () => true, limits: { ...LIMITS, ...limits } };
  const wire = await listen(ground, options);
  ends.push(() => wire.close());
  return { port: wire.port, api, errors, listeners: () => ground.store.shelf('configmaps')?.listeners };
}

/** A connection whose bytes are the test's own. */
async function raw(port: number): Promise<{ socket: Socket; got: () => string; closed: () => boolean }> {
  let text = '';
  let closed = false;
  const socket = connect(port, '127.0.0.1');
  ends.push(() => socket.destroy());
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    closed = true;
  });
  await new Promise((resolve) => socket.once('connect', resolve));
  return { socket, got: () => text, closed: () => closed };
}

/** A write whose body does not come. */
const HALF = `POST ${CONFIG_MAPS} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"meta`;

describe('[SPEC C134] how much is answered at once', () => {
  test('beyond the bound a request is told in a real server’s words to come back, and the next one is heard', async () => {
    const { port } = await limited({ requests: 2 });
    const slow = [await raw(port), await raw(port)];
    for (const { socket } of slow) socket.write(HALF);
    await eventually(() => slow.every(({ socket }) => socket.bytesWritten > 0));
    let refused = await ask(port, 'GET', '/api');
    const deadline = Date.now() + 5_000;
    while (refused.code !== 429 && Date.now() < deadline) refused = await ask(port, 'GET', '/api');
    expect([refused.code, refused.text, refused.headers['retry-after']]).toEqual([
      429,
      'Too many requests, please try again later.\n',
      '1',
    ]);
    for (const { socket } of slow) socket.destroy();
    let after = refused;
    while (after.code === 429 && Date.now() < deadline) after = await ask(port, 'GET', '/api');
    expect(after.code).toBe(200);
  });

  test('watches count apart: they hold up no request, and are bounded themselves', async () => {
    const { port } = await limited({ requests: 1, streams: 2 });
    for (let i = 0; i < 2; i++) {
      const watch = await openWatch(port, `${CONFIG_MAPS}?watch=1`);
      ends.push(watch.close);
      expect(watch.code).toBe(200);
    }
    expect((await ask(port, 'GET', `${CONFIG_MAPS}?watch=1`)).code).toBe(429);
    expect((await ask(port, 'GET', CONFIG_MAPS)).code).toBe(200);
  });

  test('who does not send what he announced is cut off, and a watch lives on', async () => {
    const { port, api } = await limited({ requestMs: 150 });
    const watch = await openWatch(port, `${CONFIG_MAPS}?watch=1`);
    ends.push(watch.close);
    const { socket, closed } = await raw(port);
    socket.write(HALF);
    await eventually(closed);
    api.create('configmaps', { metadata: { name: 'late', namespace: 'default' } }, { actor: 'test' });
    await eventually(() => watch.events.some((event) => event.object.metadata.name === 'late'));
  });

  test('of watchers that do not read the slowest are cut when all together hold too much', async () => {
    const { port, api, listeners } = await limited({ streamBytes: 1024 * 1024, requestMs: 400 });
    const { socket } = await raw(port);
    socket.write(`GET ${CONFIG_MAPS}?watch=1 HTTP/1.1\r\nhost: localhost\r\n\r\n`);
    const reader = await openWatch(port, `${CONFIG_MAPS}?watch=1`);
    ends.push(reader.close);
    await eventually(() => listeners()?.size === 2);
    socket.pause();
    const data = { a: 'x'.repeat(500_000) };
    for (let i = 0; i < 14; i++) {
      const metadata = { name: `big-${i}`, namespace: 'default' };
      api.create('configmaps', { metadata, data }, { actor: 'test' });
      await eventually(() => reader.events.length === i + 1);
    }
    await eventually(() => listeners()?.size === 1);
    expect(reader.events.length).toBe(14);
  });
});

describe('[SPEC C135] what is no request', () => {
  let cluster: TestCluster;
  const answerTo = async (bytes: string | Buffer): Promise<string> => {
    cluster = await testCluster();
    ends.push(() => cluster.close());
    const { socket, got, closed } = await raw(cluster.port);
    socket.write(bytes);
    await eventually(closed);
    expect(cluster.errors).toEqual([]);
    return got();
  };

  test('is answered 400 in words and closed', async () => {
    expect(await answerTo('NONSENSE\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n.*\r\n\r\n400 Bad Request$/s);
  });

  test('with too large headers is answered 431', async () => {
    const text = await answerTo(`GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(70_000)}\r\n\r\n`);
    expect(text).toMatch(/^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/);
  });

  test('in the midst of a watch it ends the connection, and no foreign bytes stand in the stream', async () => {
    const watch = `GET ${CONFIG_MAPS}?watch=1 HTTP/1.1\r\nhost: localhost\r\n\r\n`;
    const text = await answerTo(`${watch}NONSENSE\r\n\r\n`);
    expect(text).not.toContain('400 Bad Request');
  });
});

describe('[SPEC C136] compression', () => {
  async function withMuch(): Promise<TestCluster> {
    const cluster = await testCluster();
    ends.push(() => cluster.close());
    const data = { a: 'x'.repeat(200_000) };
    cluster.api.create('configmaps', { metadata: { name: 'big', namespace: 'default' }, data }, { actor: 'test' });
    return cluster;
  }
  const fetched = async (cluster: TestCluster, path: string, accepted: string) => {
    const { socket, got, closed } = await raw(cluster.port);
    socket.write(
      `GET ${path} HTTP/1.1\r\nhost: localhost\r\naccept-encoding: ${accepted}\r\nconnection: close\r\n\r\n`,
    );
    await eventually(closed);
    const at = got().indexOf('\r\n\r\n');
    return { head: got().slice(0, at), body: Buffer.from(got().slice(at + 4), 'latin1') };
  };

  test('large answers go as gzip to who takes it, small ones and those to others as they are', async () => {
    const cluster = await withMuch();
    const { head, body } = await fetched(cluster, CONFIG_MAPS, 'deflate, gzip');
    expect(head).toMatch(/\r\ncontent-encoding: gzip\r\n/);
    expect(head).toMatch(/\r\nvary: Accept-Encoding\r\n/);
    expect(head).toMatch(new RegExp(`\r\ncontent-length: ${body.length}(\r\n|$)`));
    expect(JSON.parse(gunzipSync(body).toString()).items[0].metadata.name).toBe('big');
    for (const [path, accepted] of [
      [CONFIG_MAPS, 'identity'],
      ['/api/v1/namespaces', 'gzip'],
    ] as const) {
      const plain = await fetched(cluster, path, accepted);
      expect(plain.head).not.toMatch(/content-encoding/);
      expect(JSON.parse(plain.body.toString()).items).toBeDefined();
    }
  });

  test('a watch is never compressed', async () => {
    const cluster = await withMuch();
    const watch = await openWatch(cluster.port, `${CONFIG_MAPS}?watch=1`, { 'accept-encoding': 'gzip' });
    ends.push(watch.close);
    await eventually(() => watch.events.length === 1);
    expect(watch.events[0].object.metadata.name).toBe('big');
  });

  test('a compressed body is refused in the words of a real server, which reads none either', async () => {
    const cluster = await withMuch();
    const { port } = cluster;
    const body = gzipSync('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"z"}}');
    const { socket, got } = await raw(port);
    socket.write(
      `POST ${CONFIG_MAPS} HTTP/1.1\r\nhost: localhost\r\nuser-agent: x\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: ${body.length}\r\n\r\n`,
    );
    socket.write(body);
    await eventually(() => got().endsWith('}\n'));
    const status = JSON.parse(got().slice(got().indexOf('\r\n\r\n') + 4));
    const summary = body.subarray(0, 30).toString('hex');
    expect([status.code, status.message]).toEqual([
      400,
      `the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character '\\x1f' looking for beginning of value (${summary} ...)`,
    ]);
  });
});
