/** Certificates on both sides, and users, passwords and certificates that change while the broker runs. */
import { generate } from 'selfsigned';
import { afterEach, describe, expect, it } from 'vitest';
import { AedesTunnel } from './aedes-tunnel.ts';
import type { BrokerOptions } from './broker.ts';
import { startBroker } from './broker.ts';
import { MqttTunnel } from './mqtt-tunnel.ts';
import { hasMosquitto, Mosquitto } from './test-brokers.ts';
import { connectBase, Opened, type TestClient, Told, until } from './test-clients.ts';
import { readUsers } from './users.ts';

const opened = new Opened();
afterEach(() => opened.closeAll());

/** An authority that is the server too, and a client's certificate of it. */
async function certificates(clientName: string) {
  const made = await generate([{ name: 'commonName', value: 'authority' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    clientCertificate: { cn: clientName },
    extensions: [
      { name: 'basicConstraints', cA: true },
      { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
    ],
  });
  const { cert, private: key, clientcert = '', clientprivate = '' } = made;
  return { server: { cert, key }, ca: cert, client: { cert: clientcert, key: clientprivate, ca: cert } };
}

async function startHeard(options: BrokerOptions) {
  const told = new Told();
  const tunnel = opened.add(new AedesTunnel({ env: 'dev', port: 0, ...options }), (it) => it.close());
  await tunnel.start(told.listen);
  const { broker } = tunnel;
  if (broker === undefined) throw new Error('not started');
  return { told, broker };
}

const base = async (url: string, identity: string, options = {}): Promise<TestClient> =>
  opened.add(await connectBase(url, 'dev', identity, options), (client) => client.end());
const orders = { username: 'orders', password: 'p' };

describe('client certificates', () => {
  it('without one of the authority nobody comes in; with one the user still has to be right [SPEC B20]', async () => {
    const [ours, others] = [await certificates('orders'), await certificates('orders')];
    const users = readUsers('users: [{name: orders, password: p, identity: b*, certificate: orders}]', 'u');
    const { broker } = await startHeard({ tls: { ...ours.server, clientCa: ours.ca }, users });
    await expect(base(broker.url, 'b1', { ...orders, ca: ours.ca })).rejects.toThrow();
    await expect(base(broker.url, 'b1', { ...orders, ...others.client, ca: ours.ca })).rejects.toThrow();
    await expect(base(broker.url, 'b1', { username: 'orders', password: 'x', ...ours.client })).rejects.toThrow();
    await base(broker.url, 'b1', { ...orders, ...ours.client });
    expect(broker.counts().sessions).toBe(1);
  });

  it('a user who is bound to a certificate is refused with another’s [SPEC B20]', async () => {
    const ours = await certificates('somebody');
    const users = readUsers(
      'users: [{name: orders, password: p, identity: b1, certificate: orders}, {name: free, password: p, identity: b2}]',
      'u',
    );
    const { broker } = await startHeard({ tls: { ...ours.server, clientCa: ours.ca }, users });
    await expect(base(broker.url, 'b1', { ...orders, ...ours.client })).rejects.toMatchObject({ code: 5 });
    await base(broker.url, 'b2', { username: 'free', password: 'p', ...ours.client });
  });

  it('our own is shown to an external broker that wants one [SPEC B20]', async () => {
    const ours = await certificates('controller');
    const broker = opened.add(
      await startBroker({ port: 0, openController: true, tls: { ...ours.server, clientCa: ours.ca } }),
      (it) => it.close(),
    );
    await expectUp(broker.url, ours);
  });

  it.skipIf(!hasMosquitto())('and to mosquitto [SPEC B20]', async () => {
    const ours = await certificates('controller');
    const mosquitto = opened.add(await Mosquitto.start({ ...ours.server, clientCa: ours.ca }), (it) => it.stop());
    await expectUp(`mqtts://127.0.0.1:${mosquitto.port}`, ours);
  });

  async function expectUp(url: string, { ca, client }: Awaited<ReturnType<typeof certificates>>): Promise<void> {
    const times = { canaryEveryMs: 60, blindAfterMs: 500, backOffFirstMs: 20, connectTimeoutMs: 1_000 };
    const without = new MqttTunnel({ url, env: 'dev', times, startTimeoutMs: 300, ca });
    await expect(without.start(() => undefined)).rejects.toThrow(/wants? a client certificate/);
    await without.close();
    const others = (await certificates('controller')).client;
    const wrong = new MqttTunnel({ url, env: 'dev', times, startTimeoutMs: 300, ...others, ca });
    await expect(wrong.start(() => undefined)).rejects.toThrow(/wants? (a|another) client certificate/);
    await wrong.close();
    const told = new Told();
    const tunnel = opened.add(new MqttTunnel({ url, env: 'dev', times, ...client }), (it) => it.close());
    await tunnel.start(told.listen);
    expect(told.words).toEqual(['up']);
  }
});

describe('users that change', () => {
  const file = (text: string) => readUsers(`users: [${text}]`, 'u');
  const b1 = '{name: orders, password: p, identity: b1}';

  it('whoever is removed, gets another password or loses the identity is cut; nobody else notices [SPEC B21]', async () => {
    const others = ['removed', 'password', 'identity', 'kept'].map((name) => ({ username: name, password: 'p' }));
    const of = (name: string, password = 'p', identity = name) =>
      `{name: ${name}, password: ${password}, identity: ${identity}}`;
    const { told, broker } = await startHeard({
      users: file(['removed', 'password', 'identity', 'kept'].map((name) => of(name)).join(', ')),
    });
    const bases = await Promise.all(others.map((user) => base(broker.url, user.username, user)));
    broker.renew({ users: file([of('password', 'new'), of('identity', 'p', 'x'), of('kept')].join(', ')) });
    await until('three are cut', () => bases.filter((one) => one.isConnected).length === 1);
    expect(told.words.filter((word) => word.startsWith('closed')).sort()).toEqual([
      'closed identity cut',
      'closed password cut',
      'closed removed cut',
    ]);
    expect(bases[3]?.isConnected).toBe(true);
    await expect(base(broker.url, 'password', { username: 'password', password: 'p' })).rejects.toMatchObject({
      code: 4,
    });
    await base(broker.url, 'password', { username: 'password', password: 'new' });
  });

  it('a password that was right before is not remembered as right [SPEC B21]', async () => {
    const { broker } = await startHeard({ users: file(b1) });
    await base(broker.url, 'b1', orders);
    broker.renew({ users: file(b1.replace('password: p', 'password: q')) });
    await expect(base(broker.url, 'b1', orders)).rejects.toMatchObject({ code: 4 });
  });

  it('handshakes take the new certificate, open connections stay, and one that does not fit changes nothing [SPEC B21]', async () => {
    const [first, second] = [await certificates('a'), await certificates('a')];
    const { broker } = await startHeard({ tls: first.server });
    const early = await base(broker.url, 'b1', { ca: first.ca });
    expect(() => broker.renew({ tls: { cert: first.server.cert, key: second.server.key } })).toThrow(/certificate/);
    await base(broker.url, 'b2', { ca: first.ca });
    broker.renew({ tls: second.server });
    await expect(base(broker.url, 'b3', { ca: first.ca })).rejects.toThrow();
    await base(broker.url, 'b3', { ca: second.ca });
    expect(early.isConnected).toBe(true);
  });

  it('our own password at an external broker is read anew before each connection [SPEC B21]', async () => {
    const withPassword = (password: string) => file(`{name: ctl, password: ${password}, role: controller}`);
    const broker = opened.add(await startBroker({ port: 0, users: withPassword('one') }), (it) => it.close());
    let password = 'one';
    let reads = 0;
    const told = new Told();
    const tunnel = opened.add(
      new MqttTunnel({
        url: broker.url,
        env: 'dev',
        times: { canaryEveryMs: 60, blindAfterMs: 500, backOffFirstMs: 20, backOffCapMs: 60 },
        credentials: () => {
          reads += 1;
          if (password === '') throw new Error('the file is being written');
          return { username: 'ctl', password };
        },
      }),
      (it) => it.close(),
    );
    await tunnel.start(told.listen);
    password = '';
    broker.renew({ users: withPassword('two') });
    const before = reads;
    await until('it was tried with what was read last', () => reads >= before + 2);
    password = 'two';
    await until('it is up again', () => told.words.filter((word) => word === 'up').length === 2);
    expect(told.words).toEqual(['up', 'down', 'up']);
  });
});
