import { once } from 'node:events';
import net from 'node:net';
import type { AedesOptions } from 'aedes';
import { generate } from 'selfsigned';
import { describe, expect, it } from 'vitest';
import { startBase, startFleet } from './index.ts';
import { answers, biz1, disposals, start, startBroker, topics, until } from './testing/test-broker.ts';

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

  it('[SPEC S21] remembers what an install hands over', async () => {
    const broker = await startBroker();
    const base = await start(broker);
    await broker.send('koupleless_dev/b1/installBiz', { ...biz1, args: ['-x'], envs: { A: '1' } });
    await until(
      () => base.installedKeys(),
      (keys) => keys.length === 1,
    );
    expect(base.log).toMatchObject([{ command: 'installBiz', args: ['-x'], envs: { A: '1' } }]);
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

  it('[SPEC S19] a broker that wants a client certificate is told apart, and gets it', async () => {
    const pair = await generate([{ name: 'commonName', value: 'localhost' }], {
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
    });
    const { private: key, cert } = pair;
    const broker = await startBroker({}, { key, cert, requestCert: true, ca: cert });
    await expect(startBase({ broker: broker.url, identity: 'b1', ca: cert })).rejects.toThrow(
      /wants a client certificate/,
    );
    const other = await generate([{ name: 'commonName', value: 'other' }]);
    const wrong = { ca: cert, cert: other.cert, key: other.private };
    await expect(startBase({ broker: broker.url, identity: 'b1', ...wrong })).rejects.toThrow(
      /wants a client certificate|closed the connection/,
    );
    expect((await start(broker, { ca: cert, cert, key })).isConnected).toBe(true);
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
