/**
 * The other side of the broker benchmark, in processes of its own: bases that behave, and bases that do not. Driven by messages over IPC:
 * `{ start: Load }`, then `'take'` for what was measured since the last one. Clocks are compared across processes by `hrtime`, which is the machine's.
 */
import { connect, type Socket } from 'node:net';
import mqtt, { type MqttClient } from 'mqtt';

export type Load =
  /** Beat now and then and take commands whose payload is the time they were sent. */
  | { readonly kind: 'bases'; readonly port: number; readonly count: number; readonly beatEveryMs: number }
  /** Publish heartbeats as fast as the broker takes them. */
  | { readonly kind: 'ingest'; readonly port: number; readonly count: number; readonly qos: 0 | 1 }
  /** Subscribe and never read again. */
  | { readonly kind: 'frozen'; readonly port: number; readonly count: number }
  /** Write heartbeats as fast as the socket takes them, whatever anybody says. */
  | { readonly kind: 'flooding'; readonly port: number; readonly count: number }
  /** Connect, subscribe, break off, again, at once. */
  | { readonly kind: 'reconnecting'; readonly port: number; readonly count: number };

export interface Taken {
  readonly latenciesMs: readonly number[];
  readonly attempts: number;
}

/** A heartbeat of the usual size. */
export const beat = JSON.stringify({
  publishTimestamp: 1_700_000_000_000,
  data: {
    baseMetadata: { identity: 'b0', name: 'base', clusterName: 'default', version: '1.0.0' },
    localIP: '192.168.1.1',
    localHostName: 'host-1.example',
    networkInfo: { localIP: '192.168.1.1', localHostName: 'host-1.example' },
    state: 'ACTIVATED',
  },
});

let latenciesMs: number[] = [];
let attempts = 0;

const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;

function field(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length >> 8, text.length & 255]), Buffer.from(text)]);
}
function packet(head: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const length = body.length < 128 ? [body.length] : [(body.length % 128) | 0x80, body.length >> 7];
  return Buffer.concat([Buffer.from([head, ...length]), body]);
}
const connectPacket = (identity: string): Buffer =>
  packet(0x10, field('MQTT'), Buffer.from([4, 2, 0, 60]), field(`koupleless@@@${identity}`));
const subscribePacket = (identity: string): Buffer =>
  packet(0x82, Buffer.from([0, 1]), field(`koupleless_dev/${identity}/+`), Buffer.from([1]));
const beatPacket = (identity: string): Buffer =>
  packet(0x30, field(`koupleless_dev/${identity}/base/heart`), Buffer.from(beat));

function connected(port: number, identity: string): Promise<MqttClient> {
  const client = mqtt.connect({
    host: '127.0.0.1',
    port,
    protocol: 'mqtt',
    clientId: `koupleless@@@${identity}`,
    reconnectPeriod: 1_000,
    keepalive: 60,
  });
  client.on('error', () => {});
  return new Promise((resolve) => client.once('connect', () => resolve(client)));
}

/** A socket that has sent its CONNECT and SUBSCRIBE. */
function opened(port: number, identity: string, onReady: (socket: Socket) => void): Socket {
  const socket = connect({ port, host: '127.0.0.1' }, () => {
    socket.write(Buffer.concat([connectPacket(identity), subscribePacket(identity)]));
  });
  socket.on('error', () => {});
  socket.once('data', () => onReady(socket));
  return socket;
}

async function start(load: Load): Promise<void> {
  const identities = Array.from({ length: load.count }, (_, index) => `${load.kind}-${index}`);
  switch (load.kind) {
    case 'bases':
      for (let from = 0; from < identities.length; from += 50) {
        await Promise.all(
          identities.slice(from, from + 50).map(async (identity) => {
            const client = await connected(load.port, identity);
            client.on('message', (_topic, payload) => latenciesMs.push(nowMs() - Number(payload.toString())));
            await client.subscribeAsync(`koupleless_dev/${identity}/+`, { qos: 1 });
            const send = (): unknown =>
              client.connected && client.publish(`koupleless_dev/${identity}/base/heart`, beat, { qos: 1 });
            setTimeout(() => setInterval(send, load.beatEveryMs), Math.random() * load.beatEveryMs);
          }),
        );
      }
      return;
    case 'ingest':
      for (const identity of identities) {
        opened(load.port, identity, (socket) => {
          socket.resume();
          const many = Buffer.concat(
            Array.from({ length: 8 }, (_, index) =>
              load.qos === 0
                ? beatPacket(identity)
                : packet(
                    0x32,
                    field(`koupleless_dev/${identity}/base/heart`),
                    Buffer.from([1, index]),
                    Buffer.from(beat),
                  ),
            ),
          );
          const pump = (): void => {
            while (socket.writable && socket.write(many)) attempts += 8;
          };
          socket.on('drain', pump);
          pump();
        });
      }
      return;
    case 'frozen':
      for (const identity of identities) {
        const again = (): void => {
          attempts += 1;
          const socket = opened(load.port, identity, (it) => it.pause());
          socket.once('close', () => setTimeout(again, 1_000));
        };
        again();
      }
      return;
    case 'flooding':
      for (const identity of identities) {
        const again = (): void => {
          const socket = opened(load.port, identity, (it) => {
            it.resume();
            const many = Buffer.concat(Array.from({ length: 32 }, () => beatPacket(identity)));
            const pump = (): void => {
              while (it.writable && it.write(many)) attempts += 32;
            };
            it.on('drain', pump);
            pump();
          });
          socket.once('close', () => setTimeout(again, 100));
        };
        again();
      }
      return;
    case 'reconnecting':
      for (const identity of identities) {
        const again = (): void => {
          attempts += 1;
          const socket = opened(load.port, identity, (it) => it.destroy());
          socket.once('close', () => setImmediate(again));
        };
        again();
      }
      return;
    default:
      load satisfies never;
  }
}

process.on('message', (message: { readonly start: Load } | 'take') => {
  if (message === 'take') {
    const taken: Taken = { latenciesMs, attempts };
    latenciesMs = [];
    attempts = 0;
    process.send?.(taken);
    return;
  }
  void start(message.start).then(() => process.send?.('started'));
});
process.on('disconnect', () => process.exit(0));
