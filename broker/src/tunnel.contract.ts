/** What every tunnel keeps, whichever broker carries it. Run on the embedded broker, on it from outside, and on a real mosquitto. */
import { baseSubscriptionsOf } from '@kouplet/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { connectBase, Opened, TestClient, Told, until } from './test-clients.ts';
import type { Tunnel, TunnelEvent } from './tunnel.ts';

/** A tunnel for env `dev`, not yet started, and where its bases connect once it is (an embedded broker's port is known only then). */
export interface TunnelUnderTest {
  readonly tunnel: Tunnel;
  readonly basesUrl: () => string;
}

export function keepsTheTunnelContract(name: string, open: (opened: Opened) => Promise<TunnelUnderTest>): void {
  describe(`a tunnel: ${name}`, () => {
    const opened = new Opened();
    afterEach(() => opened.closeAll());

    async function start(also: (event: TunnelEvent) => void = () => {}) {
      const told = new Told();
      const { tunnel, basesUrl } = await open(opened);
      opened.add(tunnel, (it) => it.close());
      await tunnel.start((event) => {
        told.listen(event);
        also(event);
      });
      return { tunnel, told, url: basesUrl() };
    }
    const base = async (url: string, identity: string, env = 'dev'): Promise<TestClient> =>
      opened.add(await connectBase(url, env, identity), (it) => it.end());

    it('is up when its start resolves, and says so once [SPEC B3]', async () => {
      const { told } = await start();
      expect(told.words).toEqual(['up']);
    });

    it('carries what the bases of its env say, of both generations, byte for byte and in order; not what other envs say [SPEC B4]', async () => {
      const { told, url } = await start();
      const today = await base(url, 'b1');
      const seed = await base(url, 'b2');
      const other = await base(url, 'b3', 'prod');
      await other.publish('koupleless_prod/b3/base/heart', 'not ours');
      for (let count = 0; count < 20; count++) await today.publish('koupleless_dev/b1/base/heart', `${count}`);
      const odd = Buffer.from([0, 255, 0xc3, 0x28, 10]);
      await seed.publish('koupleless/b2/base/health', odd);
      await seed.publish('koupleless/b2/base/biz', '', { qos: 0 });
      await until('all messages', () => told.messages.length >= 22);
      const heard = told.events.flatMap((event) => (event.kind === 'message' ? [event.message] : []));
      const from = (topic: string) => heard.filter((one) => one.topic === topic).map((one) => Buffer.from(one.payload));
      expect(from('koupleless_dev/b1/base/heart').map(String)).toEqual(
        Array.from({ length: 20 }, (_, count) => `${count}`),
      );
      expect(from('koupleless/b2/base/health')).toEqual([odd]);
      expect(from('koupleless/b2/base/biz')).toEqual([Buffer.alloc(0)]);
      expect(heard).toHaveLength(22);
      expect(heard.every((one) => !one.retain)).toBe(true);
    });

    it('brings a command to the one base it is for, once, and retains nothing [SPEC B5]', async () => {
      const { tunnel, told, url } = await start();
      const b1 = await base(url, 'b1');
      const b2 = await base(url, 'b2');
      if (tunnel.kind === 'embedded') await until('both sessions', () => told.words.length === 3);
      const command = new TextEncoder().encode('{"bizName":"b"}');
      expect(await tunnel.send('b1', 'koupleless_dev/b1/installBiz', command)).toBe('sent');
      await until('the command', () => b1.received.length === 1);
      // A round trip of the other base through the broker: whatever was to reach it is there by then.
      await b2.publish('koupleless_dev/b2/base/heart', 'after');
      await until('the heartbeat', () => told.messages.length === 1);
      const late = opened.add(await TestClient.connect(url, 'koupleless@@@b1'), (it) => it.end());
      await late.subscribe(...baseSubscriptionsOf('dev', 'b1', 'current'));
      await late.publish('koupleless_dev/b1/base/heart', 'after');
      await until('the second heartbeat', () => told.messages.length === 2);
      expect(b1.received.map((one) => [one.topic, one.text, one.retain])).toEqual([
        ['koupleless_dev/b1/installBiz', '{"bizName":"b"}', false],
      ]);
      expect(b2.received).toEqual([]);
      expect(late.received).toEqual([]);
    });

    it('brings baselines and commands of the seed generation to where such a base listens [SPEC B5]', async () => {
      const { tunnel, told, url } = await start();
      const seed = opened.add(await TestClient.connect(url, 'koupleless@@@b1'), (it) => it.end());
      await seed.subscribe(...baseSubscriptionsOf('dev', 'b1', 'seed'));
      if (tunnel.kind === 'embedded') await until('the session', () => told.words.includes('opened b1'));
      expect(await tunnel.send('b1', 'koupleless/b1/health', new TextEncoder().encode('{}'))).toBe('sent');
      expect(await tunnel.send('b1', 'koupleless/b1/base/baseline', new TextEncoder().encode('[]'))).toBe('sent');
      await until('both', () => seed.received.length === 2);
      expect(seed.received.map((one) => `${one.topic} ${one.text}`).sort()).toEqual([
        'koupleless/b1/base/baseline []',
        'koupleless/b1/health {}',
      ]);
    });

    it('goes on when its listener throws [SPEC B6]', async () => {
      const { told, url } = await start(() => {
        throw new Error('the listener is broken');
      });
      const b1 = await base(url, 'b1');
      await b1.publish('koupleless_dev/b1/base/heart', 'one');
      await b1.publish('koupleless_dev/b1/base/heart', 'two');
      await until('both messages', () => told.messages.length === 2);
    });

    it('answers a listener that sends from within what it was told [SPEC B6]', async () => {
      let tunnel: Tunnel | undefined;
      const outcomes: Array<Promise<string> | undefined> = [];
      const running = await start((event) => {
        if (event.kind === 'message')
          outcomes.push(tunnel?.send('b1', 'koupleless_dev/b1/health', event.message.payload));
      });
      tunnel = running.tunnel;
      const b1 = await base(running.url, 'b1');
      if (tunnel.kind === 'embedded') await until('the session', () => running.told.words.includes('opened b1'));
      await b1.publish('koupleless_dev/b1/base/heart', 'echo');
      await until('the answer', () => b1.received.length === 1);
      expect(await Promise.all(outcomes)).toEqual(['sent']);
    });

    it('says that a retained message is cleared, or that there is no link [SPEC B7]', async () => {
      const { tunnel } = await start();
      expect(await tunnel.clearRetained('koupleless_dev/gone/installBiz')).toBe('sent');
      await tunnel.close();
      expect(await tunnel.clearRetained('koupleless_dev/gone/installBiz')).toBe('down');
    });

    it('tells nothing of its own closing but that it is down: no base has left [SPEC B8]', async () => {
      const { tunnel, told, url } = await start();
      const b1 = await base(url, 'b1');
      await b1.publish('koupleless_dev/b1/base/heart', 'alive');
      await until('the heartbeat', () => told.messages.length === 1);
      await tunnel.close();
      await tunnel.close();
      expect(told.words.filter((word) => word.startsWith('closed'))).toEqual([]);
      expect(told.words.at(-1)).toBe('down');
      expect(await tunnel.send('b1', 'koupleless_dev/b1/health', new Uint8Array())).toBe('down');
    });
  });
}
