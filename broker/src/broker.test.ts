import { once } from 'node:events';
import fc from 'fast-check';
import { generate } from 'selfsigned';
import { afterEach, describe, expect, it } from 'vitest';
import { AedesTunnel } from './aedes-tunnel.ts';
import { type Broker, type BrokerOptions, startBroker } from './broker.ts';
import { hashPassword } from './password.ts';
import { connectBase, Opened, rawSocket, TestClient, Told, until } from './test-clients.ts';
import { readUsers } from './users.ts';

const opened = new Opened();
afterEach(() => opened.closeAll());

async function start(options: BrokerOptions = {}): Promise<Broker> {
  return opened.add(await startBroker({ port: 0, ...options }), (it) => it.close());
}

/** A broker as the controller embeds it, and what the controller hears. */
async function startHeard(options: BrokerOptions = {}) {
  const told = new Told();
  const tunnel = opened.add(new AedesTunnel({ env: 'dev', port: 0, ...options }), (it) => it.close());
  await tunnel.start(told.listen);
  const { broker } = tunnel;
  if (broker === undefined) throw new Error('not started');
  return { tunnel, told, broker };
}

const connectAs = async (url: string, clientId: string, options = {}): Promise<TestClient> =>
  opened.add(await TestClient.connect(url, clientId, options), (client) => client.end());
const base = async (url: string, identity: string, options = {}): Promise<TestClient> =>
  opened.add(await connectBase(url, 'dev', identity, options), (client) => client.end());

/** An MQTT packet by hand: type and flags, then the body. */
function packet(head: number, ...body: ReadonlyArray<Uint8Array | number[]>): Buffer {
  const bytes = Buffer.concat(body.map((part) => Buffer.from(part)));
  const length: number[] = [];
  for (let left = bytes.length; ; left = Math.floor(left / 128)) {
    length.push(left >= 128 ? (left % 128) | 0x80 : left);
    if (left < 128) break;
  }
  return Buffer.concat([Buffer.from([head, ...length]), bytes]);
}
const field = (text: string): Buffer =>
  Buffer.concat([Buffer.from([text.length >> 8, text.length & 255]), Buffer.from(text)]);
const connectPacket = (clientId: string, version = 4): Buffer =>
  packet(0x10, field('MQTT'), [version, 2, 0, 60], version === 5 ? [0] : [], field(clientId));

describe('where the broker listens', () => {
  it('listens on loopback without users, on a free port when asked [SPEC B10]', async () => {
    const broker = await start();
    expect(broker.url).toBe(`mqtt://127.0.0.1:${broker.port}`);
    await base(broker.url, 'b1');
    expect(broker.counts()).toMatchObject({ connections: 1, sessions: 1 });
  });

  it.each([
    '0.0.0.0',
    '::',
    '192.0.2.1',
    'example.invalid',
  ])('refuses to listen on %s without users [SPEC B10]', async (host) => {
    await expect(startBroker({ host, port: 0 })).rejects.toMatchObject({
      code: 'credentials-required',
      message: expect.stringContaining('--users'),
    });
  });

  it('says which port is taken, and which address is not ours [SPEC B10]', async () => {
    const { port } = await start();
    await expect(startBroker({ port })).rejects.toMatchObject({
      code: 'port-in-use',
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
    const users = readUsers('users: [{name: a, password: b, identity: c}]', 'u');
    await expect(startBroker({ host: '192.0.2.1', port: 0, users })).rejects.toMatchObject({ code: 'cannot-listen' });
  });

  it('speaks TLS with a certificate, and says when certificate and key do not fit [SPEC B10]', async () => {
    const made = await generate([{ name: 'commonName', value: 'localhost' }], {
      keySize: 2048,
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
    });
    const { told, broker } = await startHeard({ tls: { cert: made.cert, key: made.private } });
    expect(broker.url).toMatch(/^mqtts:/);
    const b1 = await base(broker.url, 'b1', { ca: made.cert });
    await b1.publish('koupleless_dev/b1/base/heart', 'alive');
    await until('the heartbeat', () => told.messages.length === 1);
    await expect(TestClient.connect(broker.url, 'koupleless@@@b2')).rejects.toMatchObject({
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    });

    // Bytes that are no TLS harm nobody.
    const plain = await rawSocket(broker.port);
    plain.write('GET / HTTP/1.1\r\n\r\n');
    await once(plain, 'close');
    expect(b1.isConnected).toBe(true);
    await expect(startBroker({ port: 0, tls: { cert: made.cert, key: 'no key' } })).rejects.toMatchObject({
      code: 'bad-tls',
    });
  });
});

describe('who may come in', () => {
  it('refuses a client without an identity, and MQTT 5, by the code that MQTT has for it [SPEC B11]', async () => {
    const { url, port } = await start();
    await expect(TestClient.connect(url, 'just-a-name')).rejects.toMatchObject({ code: 2 });
    await expect(TestClient.connect(url, 'koupleless@@@a/b')).rejects.toMatchObject({ code: 2 });
    await expect(TestClient.connect(url, 'kouplet-controller@@@x/y')).rejects.toMatchObject({ code: 2 });
    const five = opened.add(await rawSocket(port), (it) => it.destroy());
    five.write(connectPacket('koupleless@@@b1', 5));
    expect([...((await once(five, 'data'))[0] as Buffer)]).toEqual([0x20, 2, 0, 1]);
    await once(five, 'close');
  });

  it('binds each user to its identities; a controller may speak to all [SPEC B9] [SPEC I12]', async () => {
    const users = readUsers(
      JSON.stringify({
        users: [
          { name: 'orders', passwordHash: await hashPassword('one', { logCost: 10 }), identity: 'orders-*' },
          { name: 'ctl', password: 'two', role: 'controller' },
        ],
      }),
      'users.yaml',
    );
    const { url, ...broker } = await start({ users });
    const orders = { username: 'orders', password: 'one' };
    await expect(TestClient.connect(url, 'koupleless@@@orders-1')).rejects.toMatchObject({ code: 4 });
    await expect(
      TestClient.connect(url, 'koupleless@@@orders-1', { ...orders, password: 'two' }),
    ).rejects.toMatchObject({ code: 4 });
    await expect(
      TestClient.connect(url, 'koupleless@@@orders-1', { ...orders, username: 'nobody' }),
    ).rejects.toMatchObject({ code: 4 });
    await expect(TestClient.connect(url, 'koupleless@@@billing-1', orders)).rejects.toMatchObject({ code: 5 });
    await expect(TestClient.connect(url, 'kouplet-controller@@@x', orders)).rejects.toMatchObject({ code: 5 });
    expect(broker.counts().refusedConnects).toBe(5);

    const b1 = await base(url, 'orders-1', orders);
    const controller = await connectAs(url, 'kouplet-controller@@@x', { username: 'ctl', password: 'two' });
    expect(await controller.subscribe('koupleless_dev/+/base/+')).toEqual([1]);
    await b1.publish('koupleless_dev/orders-1/base/heart', 'alive');
    await controller.publish('koupleless_dev/orders-1/health', '{}');
    await until('both', () => controller.received.length === 1 && b1.received.length === 1);
  });

  it('lets no controller in without users, unless it was started for that [SPEC B11]', async () => {
    const closed = await start();
    const asBase = await connectAs(closed.url, 'kouplet-controller@@@x');
    expect(await asBase.subscribe('koupleless_dev/+/base/+')).toEqual([128]);
    const open = await start({ openController: true });
    const controller = await connectAs(open.url, 'kouplet-controller@@@x');
    expect(await controller.subscribe('koupleless_dev/+/base/+')).toEqual([1]);
  });

  it('gives clean sessions only, keeps no will, and caps keep-alive [SPEC B12]', async () => {
    const { tunnel, told, broker } = await startHeard();
    const will = {
      topic: 'koupleless_dev/b1/base/heart',
      payload: Buffer.from('I am dead'),
      retain: true,
      qos: 1 as const,
    };
    const first = await base(broker.url, 'b1', { clean: false, will, keepalive: 0 });
    first.drop();
    await until('its end', () => told.words.includes('closed b1 closed'));
    expect(await tunnel.send('b1', 'koupleless_dev/b1/health', new Uint8Array())).toBe('no-session');
    const again = await connectAs(broker.url, 'koupleless@@@b1', { clean: false });
    await again.publish('koupleless_dev/b1/base/heart', 'again');
    await until('the heartbeat', () => told.messages.length === 1);
    expect(told.messages).toEqual(['koupleless_dev/b1/base/heart again']);
    expect(again.received).toEqual([]);
    // Its subscriptions are gone with its session: it says so itself, by subscribing anew.
    expect(told.words).toEqual(['up', 'opened b1', 'closed b1 closed']);
  });

  it('keeps no command for a base that is away, whatever its CONNECT asks for [SPEC B12]', async () => {
    const { url } = await start({ openController: true });
    const away = await base(url, 'b1', { clean: false });
    await away.end();
    const controller = await connectAs(url, 'kouplet-controller@@@x');
    await controller.publish('koupleless_dev/b1/installBiz', 'stale');
    const back = await base(url, 'b1', { clean: false });
    await controller.publish('koupleless_dev/b1/health', 'fresh');
    await until('the question', () => back.received.length > 0);
    expect(back.received.map((one) => one.text)).toEqual(['fresh']);
  });
});

describe('what a base may do', () => {
  it('drops what it may not say, without cutting it, and refuses what it may not hear [SPEC I12]', async () => {
    const { told, broker } = await startHeard();
    const b1 = await base(broker.url, 'b1');
    const b2 = await base(broker.url, 'b2');
    for (const topic of [
      'koupleless_dev/b2/base/heart',
      'koupleless_dev/b2/installBiz',
      'koupleless_dev/b1/installBiz',
      'koupleless_dev/b1/base/baseline',
      'koupleless_dev/b1/base/heart/more',
      'koupleless/b2/base/heart',
      '$SYS/b1/new/clients',
      'anything',
    ]) {
      await b1.publish(topic, 'forged');
    }
    expect(await b1.subscribe('koupleless_dev/b2/+')).toEqual([128]);
    expect(await b1.subscribe('koupleless_dev/+/+')).toEqual([128]);
    expect(await b1.subscribe('koupleless_dev/b1/#')).toEqual([128]);
    expect(await b1.subscribe('#')).toEqual([128]);
    expect(await b1.subscribe('$SYS/#')).toEqual([128]);
    await b1.publish('koupleless_dev/b1/base/heart', 'true');
    await until('the true one', () => told.messages.length > 0);
    expect(told.messages).toEqual(['koupleless_dev/b1/base/heart true']);
    expect(b1.isConnected).toBe(true);
    expect(b1.received).toEqual([]);
    expect(b2.received).toEqual([]);
    expect(broker.counts()).toMatchObject({ deniedPublishes: 8, deniedSubscriptions: 5 });
  });

  it('has a bounded number of subscriptions [SPEC B13]', async () => {
    const { broker } = await startHeard({ limits: { maxSubscriptions: 2 } });
    const b1 = await base(broker.url, 'b1');
    expect(await b1.subscribe('koupleless_dev/b1/health')).toEqual([128]);
  });

  it('leaves nothing retained: what it marks so goes to those who listen now, and to nobody later [SPEC B12]', async () => {
    const { told, broker } = await startHeard();
    const users = await start({ openController: true });
    const b1 = await base(broker.url, 'b1');
    await b1.publish('koupleless_dev/b1/base/heart', 'kept?', { retain: true });
    await until('the heartbeat', () => told.messages.length === 1);

    const controller = await connectAs(users.url, 'kouplet-controller@@@x');
    await controller.publish('koupleless_dev/b9/installBiz', '{}', { retain: true });
    const b9 = await base(users.url, 'b9');
    // Clearing is no command: the base must not get an empty one.
    await controller.publish('koupleless_dev/b9/installBiz', '', { retain: true });
    await controller.publish('koupleless_dev/b9/health', '{}');
    await until('the question', () => b9.received.length > 0);
    expect(b9.received.map((one) => one.topic)).toEqual(['koupleless_dev/b9/health']);
  });
});

describe('one client’s trouble stays its own', () => {
  it.each([
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['a packet before CONNECT', packet(0x30, field('koupleless_dev/b1/base/heart'), Buffer.from('early'))],
    ['a CONNECT that never ends its length', Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x7f])],
    ['a CONNECT larger than any', Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f, 0, 4])],
    ['a CONNECT of another protocol', packet(0x10, field('XMPP'), [4, 2, 0, 60], field('x@@@y'))],
    [
      'an MQTT 5 CONNECT with broken properties',
      packet(0x10, field('MQTT'), [5, 2, 0, 60, 3, 38, 0, 200], field('x@@@y')),
    ],
    ['two CONNECTs', Buffer.concat([connectPacket('k@@@b7'), connectPacket('k@@@b7')])],
    ['a subscription to nothing', Buffer.concat([connectPacket('k@@@b7'), packet(0x82, [0, 1])])],
    [
      'a publish to a wildcard',
      Buffer.concat([connectPacket('k@@@b7'), packet(0x30, field('koupleless_dev/+/base/heart'), [1])]),
    ],
    ['a packet too large', Buffer.concat([connectPacket('k@@@b7'), Buffer.from([0x30, 0xff, 0xff, 0x7f])])],
  ])('ends a connection that sends %s, and no other [SPEC B14]', async (_name, bytes) => {
    const { told, broker } = await startHeard();
    const b1 = await base(broker.url, 'b1');
    const rude = opened.add(await rawSocket(broker.port), (it) => it.destroy());
    rude.resume();
    rude.write(bytes);
    if (!rude.closed) await once(rude, 'close');
    await b1.publish('koupleless_dev/b1/base/heart', 'still here');
    await until('the heartbeat', () => told.messages.length === 1);
  });

  it('survives any bytes, before and after a CONNECT, cut anywhere [SPEC B14]', async () => {
    const { told, broker } = await startHeard({ limits: { connectsPerSecond: 100_000, reconnectsPerSecond: 100_000 } });
    const b1 = await base(broker.url, 'b1');
    const head = fc.constantFrom(
      0x10,
      0x20,
      0x30,
      0x32,
      0x34,
      0x3d,
      0x40,
      0x50,
      0x62,
      0x82,
      0xa2,
      0xc0,
      0xd0,
      0xe0,
      0xf0,
      0x00,
    );
    const shaped = fc.tuple(head, fc.uint8Array({ maxLength: 40 })).map(([first, body]) => packet(first, body));
    const rubbish = fc.array(
      fc.oneof(
        shaped,
        fc.uint8Array({ maxLength: 30 }).map((raw) => Buffer.from(raw)),
      ),
      { maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(fc.boolean(), rubbish, fc.integer({ min: 1, max: 20 }), async (isConnected, parts, cut) => {
        const bytes = Buffer.concat([isConnected ? connectPacket('k@@@rude') : Buffer.alloc(0), ...parts]);
        const socket = await rawSocket(broker.port);
        socket.resume();
        socket.write(bytes.subarray(0, cut));
        await new Promise((resolve) => setImmediate(resolve));
        socket.end(bytes.subarray(cut));
        if (!socket.closed) await once(socket, 'close');
      }),
      { numRuns: 200 },
    );
    await b1.publish('koupleless_dev/b1/base/heart', 'still here');
    await until('the heartbeat', () => told.messages.includes('koupleless_dev/b1/base/heart still here'));
    await until('all have left', () => broker.counts().connections === 1);
  });

  it('takes in packets that come many in one segment, all of them and in order [SPEC B13]', async () => {
    const limits = { packetsPerSecond: 100_000, packetBurst: 100_000, bytesPerSecond: 1e9, byteBurst: 1e9 };
    const { told, broker } = await startHeard({ limits });
    const socket = opened.add(await rawSocket(broker.port), (it) => it.destroy());
    const beat = (count: number) =>
      packet(0x30, field('koupleless_dev/b1/base/heart'), Buffer.from(`${count}`.padStart(200)));
    socket.write(connectPacket('k@@@b1'));
    await once(socket, 'data');
    socket.write(Buffer.concat(Array.from({ length: 3_000 }, (_, count) => beat(count))));
    await until('all', () => told.messages.length === 3_000);
    expect(told.messages.map((message) => Number(message.split(' ').at(-1)))).toEqual(
      Array.from({ length: 3_000 }, (_, count) => count),
    );
  });

  it('holds a flooding base back, loses none of its messages, and serves the others meanwhile [SPEC B13]', async () => {
    const { told, broker } = await startHeard({ limits: { packetsPerSecond: 200, packetBurst: 50 } });
    const calm = await base(broker.url, 'calm');
    const flood = await base(broker.url, 'flood');
    for (let count = 0; count < 300; count++)
      void flood.publish('koupleless_dev/flood/base/heart', `${count}`, { qos: 0 });
    await until('it is held back', () => broker.counts().throttledConnections === 1);
    await calm.publish('koupleless_dev/calm/base/heart', 'alive');
    await until('the calm one is heard', () => told.messages.includes('koupleless_dev/calm/base/heart alive'));
    expect(told.messages.length).toBeLessThan(301);
    await until('all of the flood', () => told.messages.length === 301);
    expect(flood.isConnected).toBe(true);
  });

  it('goes on while a client that stopped reading is written to, and drops that one [SPEC B13]', async () => {
    const { tunnel, told, broker } = await startHeard({ limits: { drainTimeoutMs: 300 } });
    const calm = await base(broker.url, 'calm');
    const frozen = await base(broker.url, 'frozen');
    frozen.mqtt.stream.pause();
    const large = new Uint8Array(128 * 1024);
    for (let count = 0; count < 100; count++) await tunnel.send('frozen', 'koupleless_dev/frozen/installBiz', large);
    await calm.publish('koupleless_dev/calm/base/heart', 'alive');
    await until('the calm one is heard', () => told.messages.length === 1);
    expect(await tunnel.send('calm', 'koupleless_dev/calm/health', new Uint8Array())).toBe('sent');
    await until('the calm one hears', () => calm.received.length === 1);
    await until('the frozen one is dropped', () => told.words.includes('closed frozen stuck'));
    expect(await tunnel.send('frozen', 'koupleless_dev/frozen/health', new Uint8Array())).toBe('no-session');
  });

  it('goes on while a controller that hears every base has stopped reading [SPEC B13]', async () => {
    const limits = { packetsPerSecond: 100_000, packetBurst: 100_000, bytesPerSecond: 1e9, byteBurst: 1e9 };
    const { url } = await start({ openController: true, limits });
    const frozen = await connectAs(url, 'kouplet-controller@@@frozen');
    await frozen.subscribe('koupleless_dev/+/base/+');
    frozen.mqtt.stream.pause();
    const alert = await connectAs(url, 'kouplet-controller@@@alert');
    await alert.subscribe('koupleless_dev/calm/base/heart');
    const loud = await base(url, 'loud');
    const calm = await base(url, 'calm');
    for (let count = 0; count < 400; count++)
      void loud.publish('koupleless_dev/loud/base/health', Buffer.alloc(64 * 1024), { qos: 0 });
    await loud.publish('koupleless_dev/loud/base/heart', 'that was all');
    await calm.publish('koupleless_dev/calm/base/heart', 'alive');
    await until('the calm one is heard', () => alert.received.length === 1);
    expect(frozen.received.some((one) => one.text === 'alive')).toBe(false);
  });

  it('lets who reconnects in a loop wait for its turn, and nobody else [SPEC B15]', async () => {
    const { told, broker } = await startHeard({ limits: { reconnectBurst: 2, reconnectsPerSecond: 0.001 } });
    await base(broker.url, 'loop');
    await base(broker.url, 'loop');
    let third = 'waiting';
    TestClient.connect(broker.url, 'koupleless@@@loop').then(
      () => {
        third = 'in';
      },
      () => {},
    );
    const calm = await base(broker.url, 'calm');
    await calm.publish('koupleless_dev/calm/base/heart', 'alive');
    await until('the calm one is heard', () => told.messages.length === 1);
    expect(third).toBe('waiting');
    expect(told.words.at(-1)).toBe('opened calm');
  });

  it('tells that two processes share one identity, and keeps one session of them [SPEC B15]', async () => {
    const { told, broker } = await startHeard();
    for (let count = 0; count < 4; count++) await base(broker.url, 'b1');
    expect(broker.counts()).toMatchObject({ identityConflicts: 1, connections: 1, sessions: 1 });
    expect(told.words.filter((word) => word === 'closed b1 taken-over')).toHaveLength(3);
  });

  it('lets in no more connections than it may hold [SPEC B13]', async () => {
    const { broker } = await startHeard({ limits: { maxConnections: 2 } });
    await base(broker.url, 'b1');
    await base(broker.url, 'b2');
    await expect(TestClient.connect(broker.url, 'koupleless@@@b3')).rejects.toThrow();
  });

  it('lets a crowd in one after the other, none refused [SPEC B13]', async () => {
    const { broker } = await startHeard({ limits: { connectsPerSecond: 50 } });
    const crowd = await Promise.all(
      Array.from({ length: 130 }, (_, index) => TestClient.connect(broker.url, `k@@@b${index}`)),
    );
    for (const client of crowd) opened.add(client, (it) => it.end());
    expect(crowd.every((client) => client.isConnected)).toBe(true);
  });
});
