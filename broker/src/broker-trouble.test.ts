import { once } from 'node:events';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { AedesTunnel } from './aedes-tunnel.ts';
import { type Broker, type BrokerOptions, startBroker } from './broker.ts';
import {
  connectBase,
  connectPacket,
  field,
  Opened,
  packet,
  rawSocket,
  TestClient,
  Told,
  until,
} from './test-clients.ts';

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
    // 32 MB, of which the sockets' own buffers take what they take: what waits in our memory is bounded.
    const outcomes = new Set<string>();
    for (let count = 0; count < 256; count++)
      outcomes.add(await tunnel.send('frozen', 'koupleless_dev/frozen/installBiz', large));
    expect([...outcomes]).toEqual(['sent', 'no-session']);
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
