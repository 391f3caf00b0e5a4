import { afterEach, describe, expect, it } from 'vitest';
import { AedesTunnel, type AedesTunnelOptions } from './aedes-tunnel.ts';
import { connectBase, field, Opened, packet, rawSocket, TestClient, Told, until } from './test-clients.ts';

const opened = new Opened();
afterEach(() => opened.closeAll());

async function startTunnel(options: Partial<AedesTunnelOptions> = {}) {
  const told = new Told();
  const tunnel = opened.add(new AedesTunnel({ env: 'dev', port: 0, ...options }), (it) => it.close());
  await tunnel.start(told.listen);
  const port = tunnel.broker?.port ?? 0;
  return { tunnel, told, port, url: tunnel.broker?.url ?? '' };
}

const connectAs = async (url: string, clientId: string): Promise<TestClient> =>
  opened.add(await TestClient.connect(url, clientId), (client) => client.end());
const base = async (url: string, identity: string): Promise<TestClient> =>
  opened.add(await connectBase(url, 'dev', identity), (client) => client.end());
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('the sessions of bases, as the embedded broker tells them', () => {
  it('opens a session when the base has subscribed, not before, so that the first command reaches it [SPEC B1]', async () => {
    const { tunnel, told, url } = await startTunnel();
    const client = await connectAs(url, 'koupleless@@@b1');
    await client.publish('koupleless_dev/b1/base/heart', 'alive');
    await until('the heartbeat', () => told.messages.length === 1);
    expect(told.words).toEqual(['up']);
    expect(await tunnel.send('b1', 'koupleless_dev/b1/health', bytes('{}'))).toBe('no-session');

    await client.subscribe('koupleless_dev/b1/+');
    expect(told.words).toEqual(['up', 'opened b1']);
    expect(await tunnel.send('b1', 'koupleless_dev/b1/health', bytes('{}'))).toBe('sent');
    await until('the command', () => client.received.length === 1);
    expect(client.received).toEqual([{ topic: 'koupleless_dev/b1/health', text: '{}', retain: false, qos: 0 }]);
  });

  it('reaches a base by a command sent from within the opening of its session [SPEC B1]', async () => {
    const told = new Told();
    const tunnel: AedesTunnel = opened.add(new AedesTunnel({ env: 'dev', port: 0 }), (it) => it.close());
    await tunnel.start((event) => {
      told.listen(event);
      if (event.kind === 'session-opened') void tunnel.send(event.baseId, 'koupleless_dev/b1/queryAllBiz', bytes('{}'));
    });
    const b1 = await base(tunnel.broker?.url ?? '', 'b1');
    await until('the question', () => b1.received.length === 1);
  });

  it('opens no session for another environment, and none twice for both generations of topics [SPEC B1]', async () => {
    const { told, url } = await startTunnel();
    const b1 = await connectAs(url, 'koupleless@@@b1');
    await b1.subscribe('koupleless_prod/b1/+');
    await b1.subscribe('koupleless/b1/+');
    await b1.subscribe('koupleless_dev/b1/+');
    expect(told.words).toEqual(['up', 'opened b1']);
    await b1.end();
    await until('the close', () => told.words.length === 3);
    expect(told.words).toEqual(['up', 'opened b1', 'closed b1 closed']);
  });

  it('closes the older session before the newer opens when a base takes its own place [SPEC B2]', async () => {
    const { tunnel, told, url } = await startTunnel();
    const older = await base(url, 'b1');
    const newer = await base(url, 'b1');
    expect(told.words).toEqual(['up', 'opened b1', 'closed b1 taken-over', 'opened b1']);
    const ids = told.events.flatMap((event) => ('sessionId' in event ? [event.sessionId] : []));
    expect(ids[0]).toBe(ids[1]);
    expect(ids[2]).not.toBe(ids[0]);
    expect(await tunnel.send('b1', 'koupleless_dev/b1/health', bytes('{}'))).toBe('sent');
    await until('the command', () => newer.received.length === 1);
    expect(older.received).toEqual([]);
    expect(older.isConnected).toBe(false);
  });

  it('gives the seat to the newest also where the client ids differ but for the identity [SPEC B2]', async () => {
    const { told, url } = await startTunnel();
    const older = await connectAs(url, 'one@@@b1');
    await older.subscribe('koupleless_dev/b1/+');
    const newer = await connectAs(url, 'two@@@b1');
    await newer.subscribe('koupleless_dev/b1/+');
    expect(told.words).toEqual(['up', 'opened b1', 'closed b1 taken-over', 'opened b1']);
    await until('the older is gone', () => !older.isConnected);
  });

  it('tells the close of a connection that breaks without a goodbye [SPEC B2]', async () => {
    const { told, url } = await startTunnel();
    const b1 = await base(url, 'b1');
    b1.drop();
    await until('the close', () => told.words.includes('closed b1 closed'));
  });

  it('tells the close of one that falls silent, though it asked for no keep-alive [SPEC B2] [SPEC B12]', async () => {
    const { told, port } = await startTunnel({ limits: { maxKeepAliveSeconds: 1 } });
    const socket = opened.add(await rawSocket(port), (it) => it.destroy());
    const keepAlive = [0, 0];
    socket.write(packet(0x10, field('MQTT'), [4, 2], keepAlive, field('koupleless@@@b2')));
    socket.write(packet(0x82, [0, 1], field('koupleless_dev/b2/+'), [1]));
    await until('the session', () => told.words.includes('opened b2'));
    await until('its end', () => told.words.includes('closed b2 silent'));
  });

  it('closes the session of a base that no longer listens [SPEC B2]', async () => {
    const { tunnel, told, url } = await startTunnel();
    const b1 = await base(url, 'b1');
    await b1.mqtt.unsubscribeAsync('koupleless_dev/b1/+');
    await until('the close', () => told.words.includes('closed b1 unsubscribed'));
    expect(await tunnel.send('b1', 'koupleless_dev/b1/health', bytes('{}'))).toBe('no-session');
    await b1.subscribe('koupleless_dev/b1/+');
    expect(told.words.at(-1)).toBe('opened b1');
  });

  it('finds every base again after the broker was stopped and started on its port [SPEC B2]', async () => {
    const first = await startTunnel();
    await base(first.url, 'b1');
    await first.tunnel.close();
    const second = await startTunnel({ port: first.port });
    await base(second.url, 'b1');
    expect(second.told.words).toEqual(['up', 'opened b1']);
    const ids = [first, second].flatMap(({ told }) =>
      told.events.flatMap((event) => (event.kind === 'session-opened' ? [event.sessionId] : [])),
    );
    expect(new Set(ids).size).toBe(2);
  });

  it('sends nothing to a base that is addressed by the topic of another [SPEC B5]', async () => {
    const { tunnel, url } = await startTunnel();
    const b1 = await base(url, 'b1');
    expect(await tunnel.send('b2', 'koupleless_dev/b1/installBiz', bytes('{}'))).toBe('no-session');
    expect(await tunnel.send('nobody', 'koupleless_dev/nobody/installBiz', bytes('{}'))).toBe('no-session');
    await b1.publish('koupleless_dev/b1/base/heart', 'after');
    expect(b1.received).toEqual([]);
  });
});
