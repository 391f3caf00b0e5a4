import { once } from 'node:events';
import { generate } from 'selfsigned';
import { afterEach, describe, expect, it } from 'vitest';
import { AedesTunnel } from './aedes-tunnel.ts';
import { type Broker, type BrokerOptions, startBroker } from './broker.ts';
import { hashPassword } from './password.ts';
import { connectBase, connectPacket, Opened, rawSocket, TestClient, Told, until } from './test-clients.ts';
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

  it('gives clean sessions only and keeps no will [SPEC B12]', async () => {
    const { tunnel, told, broker } = await startHeard();
    const will = {
      topic: 'koupleless_dev/b1/base/heart',
      payload: Buffer.from('I am dead'),
      retain: true,
      qos: 1 as const,
    };
    const first = await base(broker.url, 'b1', { clean: false, will });
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
