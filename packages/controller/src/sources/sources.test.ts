import type { SendOutcome, Tunnel, TunnelEvent } from '@kouplet/broker';
import { afterEach, describe, expect, test } from 'vitest';
import { SteppedClock } from '../testing/stepped-clock.ts';
import { ApiLink } from './link.ts';
import { NodeNames } from './node-names.ts';
import { stalls } from './stalls.ts';
import { fromTunnel, inputsOf, type TunnelSourceOptions } from './tunnel.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const heartbeat = bytes('{"data":{"baseMetadata":{"identity":"b1"},"state":"activated"},"publishTimestamp":1}');

function listening() {
  const cleared: string[] = [];
  const rejected: string[] = [];
  const heard: string[] = [];
  let listener: (event: TunnelEvent) => void = () => {};
  const tunnel: Tunnel = {
    kind: 'embedded',
    start: async (told) => {
      listener = told;
    },
    send: async (): Promise<SendOutcome> => 'sent',
    clearRetained: async (topic): Promise<SendOutcome> => {
      cleared.push(topic);
      return 'sent';
    },
    close: async () => {},
  };
  const options: TunnelSourceOptions = {
    tunnel,
    env: 'dev',
    onMessage: (kind) => heard.push(kind),
    onRejection: ({ code }) => rejected.push(code),
    onLeftover: () => {},
    onStarted: () => {},
    onStartFailed: () => {},
  };
  const message = (topic: string, payload: Uint8Array, retain = false): TunnelEvent => ({
    kind: 'message',
    message: { topic, payload, retain },
  });
  return { options, cleared, rejected, heard, message, tell: (event: TunnelEvent) => listener(event) };
}

describe('the tunnel', () => {
  test('a message of a base is an input of that base', () => {
    const { options, heard, message } = listening();
    expect(inputsOf(options, message('koupleless_dev/b1/base/heart', heartbeat))).toMatchObject([
      { scope: 'base', baseId: 'b1', body: { kind: 'message', generation: 'current', message: { kind: 'heartbeat' } } },
    ]);
    expect(inputsOf(options, message('koupleless/b1/base/heart', heartbeat))).toMatchObject([
      { body: { generation: 'seed' } },
    ]);
    expect(heard).toEqual(['heartbeat', 'heartbeat']);
  });

  test.each([
    ['no topic of ours', 'x/y/z', heartbeat, 'unknown-topic', false],
    ['nothing at all', 'koupleless_dev/b1/base/heart', bytes(''), 'empty', true],
    ['no JSON', 'koupleless_dev/b1/base/heart', bytes('{'), 'not-json', true],
    ['of another base than its topic', 'koupleless_dev/b2/base/heart', heartbeat, 'identity-mismatch', true],
    ['of another env', 'koupleless_prod/b1/base/heart', heartbeat, 'unknown-topic', false],
  ])('what is %s is counted, told to its base where there is one, and nothing else [SPEC E11]', (_, topic, payload, code, isTold) => {
    const { options, rejected, message } = listening();
    const inputs = inputsOf(options, message(topic, payload));
    expect(rejected).toEqual([code]);
    expect(inputs.map(({ body }) => body.kind)).toEqual(isTold ? ['rejected'] : []);
  });

  test('a retained command that upstream left behind is cleared; our own and empty ones are not [SPEC E12]', () => {
    const { options, cleared, rejected, message } = listening();
    const topic = 'koupleless_dev/b1/installBiz';
    for (const event of [
      message(topic, bytes('{}'), true),
      message(topic, bytes('{}')),
      message(topic, bytes(''), true),
    ]) {
      expect(inputsOf(options, event)).toEqual([]);
    }
    expect(cleared).toEqual([topic]);
    expect(rejected).toEqual([]);
  });

  test('sessions and the link are inputs; a session of what can be no base is none', () => {
    const { options, tell } = listening();
    const seen: unknown[] = [];
    fromTunnel(options).subscribe((input) => seen.push(input));
    tell({ kind: 'up' });
    tell({ kind: 'session-opened', baseId: 'b1', sessionId: 's1' });
    tell({ kind: 'session-closed', baseId: 'b1', sessionId: 's1', reason: 'FIN' });
    tell({ kind: 'session-opened', baseId: 'a/b', sessionId: 's2' });
    tell({ kind: 'down', reason: 'no canary' });
    expect(seen).toEqual([
      { scope: 'fleet', body: { kind: 'link-up', link: 'tunnel' } },
      { scope: 'base', baseId: 'b1', body: { kind: 'session-opened', sessionId: 's1' } },
      { scope: 'base', baseId: 'b1', body: { kind: 'session-closed', sessionId: 's1' } },
      { scope: 'fleet', body: { kind: 'link-down', link: 'tunnel', reason: 'no canary' } },
    ]);
  });
});

describe('a stall', () => {
  const subscriptions: Array<{ unsubscribe(): void }> = [];
  afterEach(() => {
    for (const subscription of subscriptions.splice(0)) subscription.unsubscribe();
  });

  test('is told when the process stood still for more than two seconds, and not otherwise [SPEC E13]', async () => {
    const clock = new SteppedClock();
    const told: unknown[] = [];
    const subscription = stalls(clock).subscribe((input) => told.push(input));
    subscriptions.push(subscription);
    await clock.pass(60_000);
    clock.standStill(1_900);
    await clock.pass(1_000);
    expect(told).toEqual([]);
    clock.standStill(5_000);
    await clock.pass(1_000);
    expect(told).toMatchObject([{ scope: 'fleet', body: { kind: 'stalled' } }]);
    clock.sleep(-60_000);
    clock.sleep(2_000);
    await clock.pass(1_000);
    expect(told).toHaveLength(1);
    clock.sleep(60_000);
    await clock.pass(1_000);
    expect(told).toHaveLength(2);
    subscription.unsubscribe();
    expect(clock.pending).toBe(0);
  });
});

describe('the link to the API', () => {
  function linked() {
    const clock = new SteppedClock();
    const told: Array<[boolean, string]> = [];
    const link = new ApiLink(clock, ['pods', 'nodes'], (isUp, reason) => told.push([isUp, reason]));
    return { clock, told, link };
  }
  const watching = { kind: 'watching', resourceVersion: '1' } as const;
  const away = { kind: 'backing-off', reason: 'connection refused', forMs: 500, next: 'watch' } as const;

  test('is up once all are watching, and down when one has not been for two seconds [SPEC E14]', async () => {
    const { clock, told, link } = linked();
    link.told('pods', watching);
    expect(told).toEqual([]);
    link.told('nodes', watching);
    expect(told).toEqual([[true, '']]);
    link.told('pods', away);
    await clock.pass(1_999);
    expect(told).toHaveLength(1);
    await clock.pass(1);
    expect(told[1]).toEqual([false, 'pods: connection refused']);
    await clock.pass(60_000);
    link.told('pods', watching);
    expect(told.slice(1).map(([isUp]) => isUp)).toEqual([false, true]);
  });

  test('once stopped it waits for nothing: reflectors that end after it hold no process open', async () => {
    const { clock, told, link } = linked();
    link.told('pods', watching);
    link.told('nodes', watching);
    link.stop();
    link.told('pods', { kind: 'stopped' });
    expect(clock.pending).toBe(0);
    expect(told).toHaveLength(1);
  });

  test('a watch that is back at once was no blindness', async () => {
    const { clock, told, link } = linked();
    link.told('pods', watching);
    link.told('nodes', watching);
    for (let i = 0; i < 10; i += 1) {
      link.told('nodes', away);
      await clock.pass(1_000);
      link.told('nodes', watching);
      await clock.pass(1_000);
    }
    expect(told).toHaveLength(1);
    link.told('nodes', away);
    link.stop();
    await clock.pass(10_000);
    expect(told).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });
});

test('an oddly named base is told from its Node’s annotation, a plain one from the name', () => {
  const names = new NodeNames('dev');
  expect(names.baseOf('vnode.10.0.0.1.dev')).toBe('10.0.0.1');
  expect(names.isOurs('vnode.b1.dev')).toBe(true);
  expect(names.isOurs('vnode.b1.prod')).toBe(false);
  expect(names.isOurs('worker-1')).toBe(false);
  expect(names.baseOf('worker-1')).toBeUndefined();
});
