import { afterEach, describe, expect, it } from 'vitest';
import { AedesTunnel, type AedesTunnelOptions } from './aedes-tunnel.ts';
import { connectBase, Opened, TestClient, Told, until } from './test-clients.ts';

const opened = new Opened();
afterEach(() => opened.closeAll());

async function startTunnel(options: Partial<AedesTunnelOptions> = {}) {
  const told = new Told();
  const tunnel = opened.add(new AedesTunnel({ env: 'dev', port: 0, ...options }), (it) => it.close());
  await tunnel.start(told.listen);
  return { tunnel, told, url: tunnel.broker?.url ?? '' };
}

async function base(url: string, identity: string, env = 'dev'): Promise<TestClient> {
  return opened.add(await connectBase(url, env, identity), (client) => client.end());
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('the sessions of bases, as the embedded broker tells them', () => {
  it('opens a session when the base has subscribed, not before, so that the first command reaches it [SPEC B1]', async () => {
    const { tunnel, told, url } = await startTunnel();
    const client = opened.add(await TestClient.connect(url, 'koupleless@@@b1'), (it) => it.end());
    await client.publish('koupleless_dev/b1/base/heart', 'alive');
    await until('the heartbeat', () => told.messages.length === 1);
    expect(told.words).toEqual(['up']);
    expect(await tunnel.send('b1', 'koupleless_dev/b1/health', bytes('{}'))).toBe('no-session');

    const answers: Promise<string>[] = [];
    const opening = until('the session', () => told.words.includes('opened b1'));
    void client.subscribe('koupleless_dev/b1/+');
    await opening;
    answers.push(tunnel.send('b1', 'koupleless_dev/b1/health', bytes('{}')));
    expect(await Promise.all(answers)).toEqual(['sent']);
    await until('the command', () => client.received.some((one) => one.topic === 'koupleless_dev/b1/health'));
    expect(client.received).toEqual([{ topic: 'koupleless_dev/b1/health', text: '{}', retain: false, qos: 0 }]);
  });

  it('closes the older session before the newer opens when a base takes its own place [SPEC B2]', async () => {
    const { told, url } = await startTunnel();
    await base(url, 'b1');
    await base(url, 'b1');
    await until('both sessions', () => told.words.filter((word) => word === 'opened b1').length === 2);
    expect(told.words).toEqual(['up', 'opened b1', 'closed b1 taken-over', 'opened b1']);
    const ids = told.events.flatMap((event) => (event.kind === 'session-opened' ? [event.sessionId] : []));
    expect(new Set(ids).size).toBe(2);
  });
});
