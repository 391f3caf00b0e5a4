/** A bare Aedes for the simulator's tests, and bases on it: everything that came over it is kept, and all of it ends with the test. */
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { Aedes, type AedesOptions, type AedesPublishPacket, type ConnectPacket } from 'aedes';
import { afterEach } from 'vitest';
import { type BaseOptions, type SimulatedBase, startBase } from '../index.ts';

/** A broker on a free port of the loopback, with everything that came over it. */
export interface Broker {
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

export const disposals: Array<() => Promise<void> | void> = [];

afterEach(async () => {
  for (const dispose of disposals.splice(0).reverse()) await dispose();
});

export async function startBroker(options: AedesOptions = {}, secure?: tls.TlsOptions): Promise<Broker> {
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

export async function start(broker: Broker, options: Partial<BaseOptions> = {}): Promise<SimulatedBase> {
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
export async function until<T>(read: () => T, isRight: (value: T) => boolean, withinMs = 5000): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const value = read();
    if (isRight(value)) return value;
    if (performance.now() > deadline) throw new Error(`still ${JSON.stringify(value)} after ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const topics = (broker: Broker) => broker.published.map((packet) => packet.topic);
export const answers = (broker: Broker) =>
  broker.published
    .filter((packet) => packet.topic.endsWith('/bizOperation'))
    .map((packet) => JSON.parse(packet.payload.toString()).data.response.code);
export const biz1 = { bizName: 'biz1', bizVersion: '1', bizUrl: 'https://modules.example/biz1-1.jar' };
