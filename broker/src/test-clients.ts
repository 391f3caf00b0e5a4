/** MQTT clients and waiting, for this room's tests. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import mqtt, { type IClientOptions, type IClientSubscribeOptions, type MqttClient } from 'mqtt';
import type { TunnelEvent } from './tunnel.ts';

/** What a test has opened, closed in reverse order whatever happens. */
export class Opened {
  readonly #closers: Array<() => unknown> = [];

  add<T>(opened: T, close: (opened: T) => unknown): T {
    this.#closers.push(() => close(opened));
    return opened;
  }

  async closeAll(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}

/** Polls a state until it is truthy. */
export async function until<T>(what: string, look: () => T | undefined | false | null, withinMs = 5_000): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const seen = look();
    if (seen !== undefined && seen !== false && seen !== null) return seen;
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export interface Received {
  readonly topic: string;
  readonly text: string;
  readonly retain: boolean;
  readonly qos: number;
}

/** A client that never reconnects by itself and remembers all it got. */
export class TestClient {
  readonly mqtt: MqttClient;
  readonly received: Received[] = [];
  closeCount = 0;

  private constructor(client: MqttClient) {
    this.mqtt = client;
    client.on('message', (topic, payload, packet) => {
      this.received.push({ topic, text: payload.toString(), retain: packet.retain, qos: packet.qos });
    });
    client.on('error', () => {});
    client.on('close', () => {
      this.closeCount += 1;
    });
  }

  /** Rejects with the broker's refusal. */
  static async connect(url: string, clientId: string, options: IClientOptions = {}): Promise<TestClient> {
    const client = mqtt.connect(url, {
      clientId,
      clean: true,
      reconnectPeriod: 0,
      protocolVersion: 4,
      connectTimeout: 5_000,
      ...options,
    });
    const wrapped = new TestClient(client);
    await new Promise<void>((resolve, reject) => {
      client.once('connect', () => resolve());
      client.once('error', reject);
      client.once('close', () => reject(new Error('closed before it was connected')));
    });
    return wrapped;
  }

  /** The reason codes: 128 is a refusal. */
  async subscribe(...filters: readonly string[]): Promise<number[]> {
    const options: IClientSubscribeOptions = { qos: 1 };
    return new Promise((resolve) => {
      this.mqtt.subscribe([...filters], options, (_error, _granted, packet) => {
        resolve((packet?.granted ?? []).map((one) => Number(one)));
      });
    });
  }

  async publish(topic: string, text: string | Buffer, options: { qos?: 0 | 1; retain?: boolean } = {}): Promise<void> {
    await this.mqtt.publishAsync(topic, text, { qos: 1, ...options });
  }

  get isConnected(): boolean {
    return this.mqtt.connected;
  }

  async end(): Promise<void> {
    await this.mqtt.endAsync(true);
  }

  /** Its connection breaks, without a goodbye. */
  drop(): void {
    this.mqtt.stream.destroy();
  }
}

/** A base as it connects: both its subscriptions, client id `koupleless@@@<identity>`. */
export async function connectBase(
  url: string,
  env: string,
  identity: string,
  options: IClientOptions = {},
): Promise<TestClient> {
  const base = await TestClient.connect(url, `koupleless@@@${identity}`, options);
  await base.subscribe(`koupleless_${env}/${identity}/+`, `koupleless_${env}/${identity}/base/baseline`);
  return base;
}

/** A bare TCP connection, for bytes that are no MQTT. */
export async function rawSocket(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** What a tunnel told, as a list to look into. */
export class Told {
  readonly events: TunnelEvent[] = [];
  readonly listen = (event: TunnelEvent): void => {
    this.events.push(event);
  };

  get messages(): string[] {
    return this.events.flatMap((event) =>
      event.kind === 'message' ? [`${event.message.topic} ${text(event.message.payload)}`] : [],
    );
  }

  /** Sessions and ups as short words: `opened b1`, `closed b1 taken-over`, `up`, `down`. */
  get words(): string[] {
    return this.events.flatMap((event) => {
      switch (event.kind) {
        case 'message':
          return [];
        case 'session-opened':
          return [`opened ${event.baseId}`];
        case 'session-closed':
          return [`closed ${event.baseId} ${event.cause ?? ''}`];
        case 'up':
        case 'down':
          return [event.kind];
        default:
          return event satisfies never;
      }
    });
  }
}

export function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

/** An MQTT packet by hand: type and flags, then the body. */
export function packet(head: number, ...body: ReadonlyArray<Uint8Array | number[]>): Buffer {
  const bytes = Buffer.concat(body.map((part) => Buffer.from(part)));
  const length: number[] = [];
  for (let left = bytes.length; ; left = Math.floor(left / 128)) {
    length.push(left >= 128 ? (left % 128) | 0x80 : left);
    if (left < 128) break;
  }
  return Buffer.concat([Buffer.from([head, ...length]), bytes]);
}
export const field = (text: string): Buffer =>
  Buffer.concat([Buffer.from([text.length >> 8, text.length & 255]), Buffer.from(text)]);
export const connectPacket = (clientId: string, version = 4): Buffer =>
  packet(0x10, field('MQTT'), [version, 2, 0, 60], version === 5 ? [0] : [], field(clientId));
