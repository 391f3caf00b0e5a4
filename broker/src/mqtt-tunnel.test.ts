import { generate, type SubjectAltNameEntry } from 'selfsigned';
import { afterEach, describe, expect, it } from 'vitest';
import { type Broker, type BrokerOptions, startBroker } from './broker.ts';
import { MqttTunnel, type MqttTunnelOptions } from './mqtt-tunnel.ts';
import { freePort, hasMosquitto, Mosquitto, Relay } from './test-brokers.ts';
import { connectBase, Opened, TestClient, Told, until } from './test-clients.ts';
import { readUsers } from './users.ts';

const opened = new Opened();
afterEach(() => opened.closeAll());

/** Seconds made short, in their proportions. */
const times = { canaryEveryMs: 60, blindAfterMs: 250, backOffFirstMs: 20, backOffCapMs: 100, connectTimeoutMs: 500 };

async function startOurs(options: BrokerOptions = {}): Promise<Broker> {
  return opened.add(await startBroker({ port: 0, openController: true, ...options }), (it) => it.close());
}

function tunnelTo(url: string, options: Partial<MqttTunnelOptions> = {}) {
  const told = new Told();
  const tunnel = opened.add(new MqttTunnel({ url, env: 'dev', times, startTimeoutMs: 5_000, ...options }), (it) =>
    it.close(),
  );
  return { told, tunnel, start: () => tunnel.start(told.listen) };
}

const base = async (url: string, identity: string): Promise<TestClient> =>
  opened.add(await connectBase(url, 'dev', identity), (client) => client.end());
const relayTo = async (port: () => number): Promise<Relay> =>
  opened.add(await new Relay(port).listen(), (it) => it.close());
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('a tunnel that only listens', () => {
  it('hears the bases, and a listener of it hears nothing from it, though it be told to speak [SPEC B22]', async () => {
    const { url } = await startOurs();
    const everything = opened.add(await TestClient.connect(url, 'kouplet-controller@@@all'), (it) => it.end());
    await everything.subscribe('koupleless_dev/#', 'koupleless/#');
    const { told, tunnel, start } = tunnelTo(url, { listensOnly: true });
    await start();
    expect(await tunnel.send('b1', 'koupleless_dev/b1/health', bytes('{}'))).toBe('down');
    expect(await tunnel.clearRetained('koupleless_dev/b1/installBiz')).toBe('down');
    const b1 = await base(url, 'b1');
    await b1.publish('koupleless_dev/b1/base/heart', 'one');
    await until('the heartbeat', () => told.messages.length === 1);
    // Several canaries' time later it still hears, without one.
    const later = performance.now() + 3 * times.blindAfterMs;
    await until('a while', () => performance.now() > later);
    await b1.publish('koupleless_dev/b1/base/heart', 'two');
    await until('the second', () => told.messages.length === 2);
    expect(told.words).toEqual(['up']);
    expect(everything.received.map(({ topic, text }) => `${topic} ${text}`)).toEqual([
      'koupleless_dev/b1/base/heart one',
      'koupleless_dev/b1/base/heart two',
    ]);
  });
});

describe('a client id of one’s own', () => {
  it('is the one that the broker sees, whatever is in it, and is named where the broker refuses it [SPEC O16]', async () => {
    const { url } = await startOurs();
    const clientId = 'kouplet-controller@@@a/b+#';
    const { told, start } = tunnelTo(url, { clientId });
    await start();
    expect(told.words).toEqual(['up']);
    // The newer of two with the same one is let in, and the older cut off.
    opened.add(await TestClient.connect(url, clientId), (client) => client.end());
    await until('it is cut off', () => told.words.length > 1);
    await expect(tunnelTo(url, { clientId: 'shop@@@mc-1' }).start()).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('(client id "shop@@@mc-1")'),
    });
    await expect(tunnelTo(url, { clientId: 'shop' }).start()).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('refused our client id "shop"'),
    });
  });
});

describe('an external broker that cannot be had', () => {
  it('is refused at once, in one line that says what to do [SPEC B16]', async () => {
    const users = readUsers(
      'users: [{name: ctl, password: right, role: controller}, {name: b, password: b, identity: b}]',
      'u',
    );
    const { url } = await startOurs({ users });
    const refusal = (options: Partial<MqttTunnelOptions>, at = url) => tunnelTo(at, options).start();
    await expect(refusal({ username: 'ctl', password: 'wrong' })).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringMatching(
        /^the broker mqtt:\/\/127\.0\.0\.1:\d+ refused user and password .*--mqtt-password-file/,
      ),
    });
    await expect(refusal({ username: 'b', password: 'b' })).rejects.toMatchObject({ code: 'refused' });
    await expect(refusal({}, 'mqtt://no-such-host.invalid')).rejects.toMatchObject({
      code: expect.stringMatching(/^(bad-address|unreachable)$/),
    });
    const { told, start } = tunnelTo(url, { username: 'ctl', password: 'right' });
    await start();
    expect(told.words).toEqual(['up']);
  });

  it.each([
    ['no address', 'broker', {}, 'bad-address'],
    ['another protocol', 'http://127.0.0.1', {}, 'bad-address'],
    ['a stray percent sign', 'mqtt://a:%zz@127.0.0.1', {}, 'bad-address'],
    ['a certificate without its key', 'mqtts://127.0.0.1', { cert: 'x' }, 'bad-tls'],
    ['a CA without TLS', 'mqtt://127.0.0.1', { ca: 'x' }, 'bad-tls'],
  ])('is refused before any connection when its options are %s, and no password is told [SPEC B16]', (_name, url, more, code) => {
    expect(() => new MqttTunnel({ url, env: 'dev', ...more })).toThrow(expect.objectContaining({ code }));
    expect(() => new MqttTunnel({ url, env: 'dev', ...more })).not.toThrow(/zz/);
  });

  it('is refused when it lets a user in whose own messages do not come back [SPEC B16]', async () => {
    const users = readUsers('users: [{name: base, password: base, identity: "*"}]', 'u');
    const { url } = await startOurs({ users });
    await expect(tunnelTo(url, { username: 'base', password: 'base' }).start()).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('let user "base" read and write koupleless_dev/#'),
    });
  });

  it('verifies certificates: an unknown authority and a wrong name are refused, the right one is accepted [SPEC B17]', async () => {
    const made = (altName: SubjectAltNameEntry) =>
      generate([{ name: 'commonName', value: 'broker' }], {
        keySize: 2048,
        extensions: [{ name: 'subjectAltName', altNames: [altName] }],
      });
    const right = await made({ type: 7, ip: '127.0.0.1' });
    const other = await made({ type: 2, value: 'elsewhere.example' });
    const { url } = await startOurs({ tls: { cert: right.cert, key: right.private } });
    const elsewhere = await startOurs({ tls: { cert: other.cert, key: other.private } });
    await expect(tunnelTo(url).start()).rejects.toMatchObject({
      code: 'tls-refused',
      message: expect.stringContaining('--mqtt-ca'),
    });
    await expect(tunnelTo(elsewhere.url, { ca: other.cert }).start()).rejects.toMatchObject({
      code: 'tls-refused',
      message: expect.stringContaining('another name'),
    });
    await expect(tunnelTo(url, { ca: 'no certificate' }).start()).rejects.toMatchObject({
      code: expect.stringMatching(/tls/),
    });
    const { told, start } = tunnelTo(url, { ca: right.cert });
    await start();
    expect(told.words).toEqual(['up']);
  });

  it('is waited for while it is merely not there yet, and given up after the time for that [SPEC B16]', async () => {
    const port = await freePort();
    const waits: string[] = [];
    const { told, start } = tunnelTo(`mqtt://127.0.0.1:${port}`, { onWaiting: (reason) => waits.push(reason) });
    const starting = start();
    await until('a failed attempt', () => waits.length > 0);
    await startOurs({ port });
    await starting;
    expect(told.words).toEqual(['up']);
    expect(waits[0]).toBe(`the broker mqtt://127.0.0.1:${port} is not there (connection refused)`);

    const never = tunnelTo(`mqtt://127.0.0.1:${await freePort()}`, { startTimeoutMs: 100 });
    await expect(never.start()).rejects.toMatchObject({ code: 'unreachable' });
    expect(never.told.words).toEqual([]);
  });

  it('is waited for when something listens there that is no broker, not answered for [SPEC B16]', async () => {
    const mute = await relayTo(() => 1);
    mute.freeze();
    await expect(tunnelTo(mute.url, { startTimeoutMs: 300 }).start()).rejects.toMatchObject({ code: 'unreachable' });
  });
});

describe('an external broker that goes away and returns', () => {
  it('is down once, up again after, and every base is heard as before, of both generations [SPEC B18]', async () => {
    const port = await freePort();
    const broker = await startBroker({ port, openController: true });
    const { told, tunnel, start } = tunnelTo(`mqtt://127.0.0.1:${port}`);
    await start();
    const url = broker.url;
    await broker.close();
    await until('down', () => told.words.includes('down'));
    expect(await tunnel.send('b1', 'koupleless_dev/b1/health', bytes('{}'))).toBe('down');
    await new Promise((resolve) => setImmediate(resolve));
    await startOurs({ port });
    await until('up', () => told.words.at(-1) === 'up');
    const b1 = await base(url, 'b1');
    await b1.publish('koupleless_dev/b1/base/simpleBiz', 'today');
    await b1.publish('koupleless/b1/base/biz', 'seed');
    await until('both', () => told.messages.length === 2);
    expect(await tunnel.send('b1', 'koupleless_dev/b1/health', bytes('{}'))).toBe('sent');
    // What could not be sent meanwhile is not sent now.
    await until('the question', () => b1.received.length > 0);
    expect(b1.received).toHaveLength(1);
    expect(told.words).toEqual(['up', 'down', 'up']);
  });

  it('is down, too, when nothing comes through an open connection, and up when it does again [SPEC B18]', async () => {
    const broker = await startOurs();
    const relay = await relayTo(() => broker.port);
    const { told, tunnel, start } = tunnelTo(relay.url);
    await start();
    relay.freeze();
    await until('blind', () => told.words.includes('down'));
    expect(await tunnel.send('b1', 'koupleless_dev/b1/health', bytes('{}'))).toBe('down');
    expect(relay.accepted).toBe(1);
    relay.thaw();
    await until('seeing', () => told.words.at(-1) === 'up');
    expect(told.words).toEqual(['up', 'down', 'up']);
  });

  it('is left and sought anew when its connection stays mute for long [SPEC B18]', async () => {
    const broker = await startOurs();
    const relay = await relayTo(() => broker.port);
    const { told, start } = tunnelTo(relay.url);
    await start();
    relay.freeze();
    await until('another connection', () => relay.accepted > 1);
    relay.thaw();
    await until('seeing', () => told.words.at(-1) === 'up');
  });

  it('is tried again and again, not faster than the back-off [SPEC B18]', async () => {
    const broker = await startOurs();
    const relay = await relayTo(() => broker.port);
    const { told, start } = tunnelTo(relay.url, {
      times: { ...times, backOffFirstMs: 10, backOffCapMs: 40 },
      random: () => 1,
    });
    await start();
    relay.shut();
    const shutAt = performance.now();
    await until('ten attempts', () => relay.accepted >= 11);
    expect(performance.now() - shutAt).toBeGreaterThan(10 + 20 + 6 * 40);
    relay.open();
    await until('up', () => told.words.at(-1) === 'up');
    expect(told.words).toEqual(['up', 'down', 'up']);
  });

  it('ends a start that is still waiting when it is closed [SPEC B8]', async () => {
    const { tunnel, told, start } = tunnelTo(`mqtt://127.0.0.1:${await freePort()}`);
    const starting = start();
    await tunnel.close();
    await expect(starting).rejects.toMatchObject({ code: 'unreachable' });
    expect(told.words).toEqual([]);
  });

  it('has a bounded number of commands that it has not acknowledged [SPEC B19]', async () => {
    const broker = await startOurs();
    const relay = await relayTo(() => broker.port);
    const { tunnel, start } = tunnelTo(relay.url, { times: { ...times, blindAfterMs: 60_000 } });
    await start();
    relay.freeze();
    const outcomes = await Promise.all(
      Array.from({ length: 1_200 }, () => tunnel.send('b1', 'koupleless_dev/b1/health', bytes('{}'))),
    );
    expect(outcomes.filter((outcome) => outcome === 'sent')).toHaveLength(1_000);
    expect(outcomes.at(-1)).toBe('down');
  });
});

describe.skipIf(!hasMosquitto())('a real mosquitto (skipped where none is installed)', () => {
  it('shows upstream’s retained commands as retained, and forgets them once they are cleared [SPEC B7]', async () => {
    const mosquitto = opened.add(await Mosquitto.start(), (it) => it.stop());
    const url = `mqtt://127.0.0.1:${mosquitto.port}`;
    const upstream = opened.add(await TestClient.connect(url, 'koupleless@@@upstream'), (it) => it.end());
    const topics = ['koupleless_dev/b1/installBiz', 'koupleless/b2/uninstallBiz', 'koupleless_dev/b1/base/baseline'];
    for (const topic of topics) await upstream.publish(topic, '{}', { retain: true });
    await upstream.publish('koupleless_prod/b1/installBiz', '{}', { retain: true });
    const { told, tunnel, start } = tunnelTo(url);
    await start();
    const retained = () =>
      new Set(
        told.events.flatMap((event) => (event.kind === 'message' && event.message.retain ? [event.message.topic] : [])),
      );
    await until('all leftovers', () => retained().size === 3);
    expect([...retained()].sort()).toEqual([...topics].sort());
    for (const topic of topics) expect(await tunnel.clearRetained(topic)).toBe('sent');

    // Its own commands and those of others come by while it looks, and are none of its business.
    await upstream.publish('koupleless_dev/b1/health', '{}');
    const later = opened.add(await TestClient.connect(url, 'later'), (it) => it.end());
    await later.subscribe('koupleless_dev/#', 'koupleless/#');
    await upstream.publish('koupleless_dev/b1/base/heart', 'alive');
    await until('the heartbeat', () => later.received.some((one) => one.text === 'alive'));
    expect(later.received.filter((one) => one.retain)).toEqual([]);
    await until('the heartbeat', () => told.messages.includes('koupleless_dev/b1/base/heart alive'));
    expect(told.messages.filter((message) => message.startsWith('koupleless_dev/b1/health'))).toEqual([]);
  });
});
