import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { Aedes, type AedesOptions, type AedesPublishPacket, type ConnectPacket } from 'aedes';
import { generate } from 'selfsigned';
import { afterEach, describe, expect, it } from 'vitest';
import { type BaseOptions, type SimulatedBase, startBase, startFleet } from './index.ts';

/** A broker on a free port of the loopback, with everything that came over it. */
interface Broker {
  readonly url: string;
  readonly aedes: Aedes;
  readonly connects: ConnectPacket[];
  readonly published: AedesPublishPacket[];
  readonly subscribed: string[];
  /** Whether any client said DISCONNECT. */
  readonly hasGoodbye: () => boolean;
  send(topic: string, body: unknown, more?: { qos?: 0 | 1; retain?: boolean }): Promise<void>;
  close(): Promise<void>;
}

const disposals: Array<() => Promise<void> | void> = [];

afterEach(async () => {
  for (const dispose of disposals.splice(0).reverse()) await dispose();
});

async function startBroker(options: AedesOptions = {}, secure?: tls.TlsOptions): Promise<Broker> {
  const connects: ConnectPacket[] = [];
  const published: AedesPublishPacket[] = [];
  const subscribed: string[] = [];
  const sockets = new Set<net.Socket>();
  let hasGoodbye = false;
  const aedes = await Aedes.createBroker({
    preConnect: (_, packet, done) => {
      connects.push(packet);
      done(null, true);
    },
    ...options,
  });
  aedes.on('publish', (packet, client) => {
    if (client) published.push(packet);
  });
  aedes.on('subscribe', (subscriptions) =>
    subscribed.push(...subscriptions.map(({ topic, qos }) => `${topic} ${qos}`)),
  );
  const accept = (socket: net.Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    // DISCONNECT is the two bytes e0 00, alone in the last packet.
    socket.on('data', (bytes) => {
      hasGoodbye ||= bytes.length >= 2 && bytes.at(-2) === 0xe0 && bytes.at(-1) === 0;
    });
    aedes.handle(socket);
  };
  const server = secure ? tls.createServer(secure, accept) : net.createServer(accept);
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const broker: Broker = {
    url: `${secure ? 'mqtts' : 'mqtt'}://${secure ? 'localhost' : '127.0.0.1'}:${port}`,
    aedes,
    connects,
    published,
    subscribed,
    hasGoodbye: () => hasGoodbye,
    send: (topic, body, { qos = 0, retain = false } = {}) =>
      new Promise((resolve, reject) => {
        const payload = typeof body === 'string' ? body : JSON.stringify(body);
        const packet = { cmd: 'publish', topic, payload, qos, retain, dup: false } as const;
        aedes.publish(packet, (error) => (error ? reject(error) : resolve()));
      }),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await new Promise<void>((resolve) => aedes.close(resolve));
    },
  };
  disposals.push(broker.close);
  return broker;
}

async function start(broker: Broker, options: Partial<BaseOptions> = {}): Promise<SimulatedBase> {
  const base = await startBase({
    broker: broker.url,
    identity: 'b1',
    reconnectFirstMs: 20,
    reconnectMaxMs: 100,
    ...options,
  });
  disposals.push(() => base.stop());
  return base;
}

/** Polls a state with a deadline, and fails with what it was instead. */
async function until<T>(read: () => T, isRight: (value: T) => boolean, withinMs = 5000): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const value = read();
    if (isRight(value)) return value;
    if (performance.now() > deadline) throw new Error(`still ${JSON.stringify(value)} after ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const topics = (broker: Broker) => broker.published.map((packet) => packet.topic);
const answers = (broker: Broker) =>
  broker.published
    .filter((packet) => packet.topic.endsWith('/bizOperation'))
    .map((packet) => JSON.parse(packet.payload.toString()).data.response.code);
const biz1 = { bizName: 'biz1', bizVersion: '1', bizUrl: 'https://modules.example/biz1-1.jar' };

describe('a base on its broker', () => {
  it('[SPEC S17] connects, subscribes and speaks as a Java base does', async () => {
    const broker = await startBroker();
    const base = await start(broker, { username: 'u', password: 'p', env: 'Prod', clientPrefix: 'mine' });
    expect(base.isConnected).toBe(true);
    expect(broker.connects).toMatchObject([
      { clientId: 'mine@@@b1', clean: true, keepalive: 60, protocolVersion: 4, username: 'u' },
    ]);
    expect(broker.connects[0]?.will).toBeUndefined();
    expect(broker.subscribed).toEqual(['koupleless_prod/b1/+ 1', 'koupleless_prod/b1/base/baseline 1']);
    await until(
      () => topics(broker),
      (told) => told.length === 2,
    );
    expect(topics(broker)).toEqual(['koupleless_prod/b1/base/queryBaseline', 'koupleless_prod/b1/base/heart']);
    for (const packet of broker.published) expect(packet).toMatchObject({ qos: 1, retain: false });
  });

  it('[SPEC S17] speaks the topics of the seed where it is told to', async () => {
    const broker = await startBroker();
    const base = await start(broker, { generation: 'seed' });
    await broker.send('koupleless/b1/installBiz', biz1);
    await until(
      () => answers(broker),
      (told) => told.length === 1,
    );
    expect(base.installedKeys()).toEqual(['biz1:1']);
    expect(topics(broker).at(-1)).toBe('koupleless/b1/base/bizOperation');
  });

  it('[SPEC S21] installs and uninstalls over the wire, and remembers what it was told, retained and all', async () => {
    const broker = await startBroker();
    await broker.send('koupleless_dev/b1/installBiz', biz1, { qos: 1, retain: true });
    const base = await start(broker);
    await until(
      () => base.installedKeys(),
      (keys) => keys.length === 1,
    );
    expect(base.list()).toEqual([{ name: 'biz1', version: '1', key: 'biz1:1', state: 'ACTIVATED', url: biz1.bizUrl }]);
    await broker.send('koupleless_dev/b1/uninstallBiz', { bizName: 'biz1', bizVersion: '1' });
    await until(
      () => base.installedKeys(),
      (keys) => keys.length === 0,
    );
    await broker.send('koupleless_dev/b1/switchBiz', {});
    await until(
      () => base.log,
      (log) => log.length === 3,
    );
    expect(base.log).toMatchObject([
      { command: 'installBiz', key: 'biz1:1', url: biz1.bizUrl, retained: true, qos: 1 },
      { command: 'uninstallBiz', key: 'biz1:1', retained: false, qos: 0 },
      { command: 'unsupported', topic: 'koupleless_dev/b1/switchBiz' },
    ]);
  });

  it('[SPEC S21] its log keeps the latest only', async () => {
    const broker = await startBroker();
    const base = await start(broker, { logLimit: 3 });
    for (const index of [1, 2, 3, 4, 5])
      await broker.send('koupleless_dev/b1/uninstallBiz', { bizName: 'b', bizVersion: index });
    await until(
      () => answers(broker),
      (told) => told.length === 5,
    );
    expect(base.log.map((each) => each.key)).toEqual(['b:3', 'b:4', 'b:5']);
  });

  it('[SPEC S22] stop and kill look alike: no DISCONNECT, gone at once, and nothing comes back', async () => {
    const broker = await startBroker();
    const [one, other] = [await start(broker), await start(broker, { identity: 'b2' })];
    await Promise.all([one.stop(), one.stop()]);
    other.kill();
    await until(
      () => broker.aedes.connectedClients,
      (count) => count === 0,
    );
    expect(broker.hasGoodbye()).toBe(false);
    expect([one.isConnected, one.list(), other.isConnected]).toEqual([false, [], false]);
    expect(broker.connects).toHaveLength(2);
  });
});

describe('a first connect that fails', () => {
  it('[SPEC S19] nothing listens there', async () => {
    const broker = await startBroker();
    await broker.close();
    await expect(startBase({ broker: broker.url.replace('//', '//user:secret@') })).rejects.toThrow(
      /^nothing listens at mqtt:\/\/127\.0\.0\.1:\d+: is the broker running\?$/,
    );
  });

  it('[SPEC S19] credentials are refused', async () => {
    const authenticate: AedesOptions['authenticate'] = (_, __, ___, done) =>
      done(Object.assign(new Error('no'), { returnCode: 5 }), false);
    const broker = await startBroker({ authenticate });
    await expect(startBase({ broker: broker.url, identity: 'b1', password: 'secret', username: 'u' })).rejects.toThrow(
      /refused koupleless@@@b1: check user name and password/,
    );
    await expect(startFleet({ broker: broker.url, count: 3 })).rejects.toThrow(/refused koupleless@@@base-/);
    await until(
      () => broker.aedes.connectedClients,
      (count) => count === 0,
    );
  });

  it('[SPEC S19] the subscription is refused', async () => {
    const broker = await startBroker({ authorizeSubscribe: (_, __, done) => done(null, null) });
    await expect(startBase({ broker: broker.url, identity: 'b1' })).rejects.toThrow(
      /refused the subscription to koupleless_dev\/b1\/\+/,
    );
  });

  it('[SPEC S19] a certificate is trusted only with its CA', async () => {
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
    });
    const broker = await startBroker({}, { key, cert });
    await expect(startBase({ broker: broker.url, identity: 'b1' })).rejects.toThrow(/not trusted \(\w+\): give the CA/);
    expect((await start(broker, { ca: cert })).isConnected).toBe(true);
  });

  it('[SPEC S19] an identity or env that can be none is told before anything is opened', async () => {
    await expect(startBase({ broker: 'mqtt://127.0.0.1:1', identity: 'a/b' })).rejects.toThrow(/identity "a\/b"/);
    await expect(startBase({ broker: 'mqtt://127.0.0.1:1', env: 'a.b' })).rejects.toThrow(/env "a\.b" must be/);
  });

  it('[SPEC S19] one that is told to be patient comes up with its broker', async () => {
    const broker = await startBroker();
    let isOpen = false;
    broker.aedes.preConnect = (_, __, done) => done(null, isOpen);
    const base = await start(broker, { retryFirstConnect: true });
    expect(base.isConnected).toBe(false);
    isOpen = true;
    await until(
      () => base.isConnected,
      (isUp) => isUp,
    );
  });
});

describe('a connection that breaks', () => {
  it('[SPEC S18] is tried again after 1, 2, 4 … times the first wait, up to the longest', async () => {
    const attempts: number[] = [];
    const server = net.createServer((socket) => {
      attempts.push(performance.now());
      socket.on('error', () => undefined);
      socket.destroy();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    disposals.push(() => void server.close());
    const broker = `mqtt://127.0.0.1:${port}`;
    const base = await startBase({ broker, retryFirstConnect: true, reconnectFirstMs: 20, reconnectMaxMs: 80 });
    disposals.push(() => base.stop());
    await until(
      () => attempts.length,
      (count) => count >= 6,
    );
    const waits = attempts.slice(1, 6).map((at, index) => at - (attempts[index] ?? at));
    for (const [index, least] of [20, 40, 80, 80, 80].entries()) expect(waits[index]).toBeGreaterThan(least - 2);
  });

  it('[SPEC S3] [SPEC S20] what ends during a partition answers nobody, and the modules are still there after it', async () => {
    const broker = await startBroker();
    const base = await start(broker);
    await broker.send('koupleless_dev/b1/installBiz', { ...biz1, bizUrl: `${biz1.bizUrl}?kouplet-delay=100ms` });
    await until(
      () => base.list(),
      (list) => list.length === 1,
    );
    base.faults.partition(300);
    await until(
      () => base.isConnected,
      (isUp) => !isUp,
    );
    await until(
      () => base.installedKeys(),
      (keys) => keys.length === 1,
    );
    expect(base.isConnected).toBe(false);
    await until(
      () => base.isConnected,
      (isUp) => isUp,
    );
    await broker.send('koupleless_dev/b1/queryAllBiz', {});
    await until(
      () => topics(broker).at(-1),
      (topic) => topic === 'koupleless_dev/b1/base/simpleBiz',
    );
    expect(answers(broker)).toEqual([]);
    expect(base.processes).toBe(1);
  });

  it('[SPEC S20] a restart is a new process: baseline asked again, list empty, run time back', async () => {
    const broker = await startBroker();
    const base = await start(broker);
    await broker.send('koupleless_dev/b1/installBiz', biz1);
    await until(
      () => base.installedKeys(),
      (keys) => keys.length === 1,
    );
    base.faults.restart();
    await until(
      () => topics(broker).filter((topic) => topic.endsWith('/queryBaseline')).length,
      (count) => count === 2,
    );
    expect([base.processes, base.list()]).toEqual([2, []]);
  });

  it('[SPEC S12] a module that crashes its base takes the others with it, and all is well the second time', async () => {
    const broker = await startBroker();
    const base = await start(broker);
    const crashing = {
      bizName: 'bad',
      bizVersion: '1',
      bizUrl: 'https://modules.example/bad-1.jar?kouplet-crash=20ms',
    };
    await broker.send('koupleless_dev/b1/installBiz', biz1);
    await until(
      () => base.installedKeys(),
      (keys) => keys.length === 1,
    );
    await broker.send('koupleless_dev/b1/installBiz', crashing);
    await until(
      () => [base.processes, base.isConnected],
      ([count, isUp]) => count === 2 && isUp === true,
    );
    expect(base.list()).toEqual([]);
    await broker.send('koupleless_dev/b1/installBiz', crashing);
    await until(
      () => base.installedKeys(),
      (keys) => keys.length === 1,
    );
  });
});

describe('faults arranged from outside', () => {
  it('[SPEC S20] commands and answers get lost, installs fail, and then all is as before', async () => {
    const broker = await startBroker();
    const base = await start(broker);
    const install = () => broker.send('koupleless_dev/b1/installBiz', biz1);
    const list = async () => {
      const before = topics(broker).filter((topic) => topic.endsWith('/simpleBiz')).length;
      await broker.send('koupleless_dev/b1/queryAllBiz', {});
      await until(
        () => topics(broker).filter((topic) => topic.endsWith('/simpleBiz')).length,
        (count) => count > before,
      );
      return base.installedKeys();
    };
    base.faults.dropCommands();
    await install();
    expect(await list()).toEqual([]);
    base.faults.failInstalls(1, 404);
    await install();
    await until(
      () => answers(broker),
      (told) => told.length === 1,
    );
    expect(answers(broker)).toEqual(['FAILED']);
    base.faults.dropAnswers();
    await install();
    await until(
      () => base.installedKeys(),
      (keys) => keys.length === 1,
    );
    await install();
    await until(
      () => answers(broker),
      (told) => told.length === 2,
    );
    expect(base.log.filter((each) => each.command === 'installBiz')).toHaveLength(4);
    expect(() => base.faults.failInstalls(1, 'never')).toThrow(/no such failure: never/);
  });

  it('[SPEC S20] a frozen heart is silent while questions are answered; a mute base says nothing at all', async () => {
    const broker = await startBroker();
    const base = await start(broker, { heartbeatMs: 20 });
    await until(
      () => topics(broker).filter((topic) => topic.endsWith('/heart')).length,
      (count) => count > 2,
    );
    base.faults.freezeHeartbeats();
    await broker.send('koupleless_dev/b1/health', {});
    await until(
      () => topics(broker).at(-1),
      (topic) => topic?.endsWith('/base/health') === true,
    );
    const before = broker.published.length;
    base.faults.mute();
    await broker.send('koupleless_dev/b1/installBiz', biz1);
    await until(
      () => base.installedKeys(),
      (keys) => keys.length === 1,
    );
    expect(broker.published).toHaveLength(before);
    base.faults.mute(false);
    base.faults.freezeHeartbeats(false);
    await until(
      () => broker.published.length,
      (count) => count > before,
    );
  });

  it('[SPEC S20] hanging downloads are let go, and operations can be slowed', async () => {
    const broker = await startBroker();
    const base = await start(broker);
    await broker.send('koupleless_dev/b1/installBiz', { ...biz1, bizUrl: `${biz1.bizUrl}?kouplet-hang=1` });
    await until(
      () => base.log.length,
      (count) => count === 1,
    );
    base.faults.releaseHung();
    await until(
      () => answers(broker),
      (told) => told.length === 1,
    );
    expect(answers(broker)).toEqual(['FAILED']);
    base.faults.delay(3_600_000);
    await broker.send('koupleless_dev/b1/installBiz', biz1);
    await broker.send('koupleless_dev/b1/installBiz', biz1);
    await until(
      () => answers(broker),
      (told) => told.length === 2,
    );
    expect(base.installedKeys()).toEqual([]);
  });
});

describe('a fleet', () => {
  it('[SPEC S23] many bases in one process, each with its own name and address; stopped together', async () => {
    const broker = await startBroker();
    const fleet = await startFleet({ broker: broker.url, count: 300, heartbeatMs: 60_000 });
    disposals.push(() => fleet.kill());
    expect(fleet.bases.map((base) => base.identity).slice(0, 3)).toEqual(['base-1', 'base-2', 'base-3']);
    expect(new Set(fleet.bases.map((base) => base.facts.ip)).size).toBe(300);
    expect(fleet.bases.every((base) => base.isConnected)).toBe(true);
    expect(fleet.get('base-300')).toBe(fleet.bases[299]);
    await broker.send('koupleless_dev/base-7/installBiz', biz1);
    await until(
      () => fleet.get('base-7')?.installedKeys().length,
      (count) => count === 1,
    );
    await fleet.stop();
    await until(
      () => broker.aedes.connectedClients,
      (count) => count === 0,
    );
  });
});
