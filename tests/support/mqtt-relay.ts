/**
 * A TCP relay between bases and their broker that knows where MQTT packets end: one message can be held on its way, and all
 * connections can be cut. It stays where it is while the broker behind it goes and comes back.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface HeldMessage {
  readonly topic: string;
  /** Lets it and everything behind it go on. */
  release(): void;
}

export interface MqttRelay {
  /** `mqtt://127.0.0.1:PORT`. */
  readonly url: string;
  /** Holds the next message on a topic that ends so, with everything behind it on that connection; resolves once there is one. */
  hold(direction: 'to-base' | 'from-base', topicEnd: string): Promise<HeldMessage>;
  /** Messages on a topic that ends so are lost, until the answer is called. */
  drop(direction: 'to-base' | 'from-base', topicEnd: string): () => void;
  /** Topics of all that was published from the near side, in order. */
  readonly published: readonly string[];
  /** Every connection breaks, and no new one is let through until `open`. */
  cut(): void;
  open(): void;
  close(): Promise<void>;
}

interface Trap {
  readonly direction: 'to-base' | 'from-base';
  readonly topicEnd: string;
  readonly caught: (held: HeldMessage) => void;
}

/** @param targetPort asked at every connection: the broker may come back elsewhere */
export async function startMqttRelay(targetPort: () => number): Promise<MqttRelay> {
  const traps = new Set<Trap>();
  const losses = new Set<Omit<Trap, 'caught'>>();
  const sockets = new Set<Socket>();
  const published: string[] = [];
  let isCut = false;

  const carry = (from: Socket, to: Socket, direction: Trap['direction']): void => {
    let rest = Buffer.alloc(0);
    let isHeld = false;
    const drain = (): void => {
      for (let length = packetLength(rest); !isHeld && length !== undefined; length = packetLength(rest)) {
        const packet = rest.subarray(0, length);
        const topic = topicOf(packet);
        if (topic !== undefined && direction === 'from-base' && !isHeld) published.push(topic);
        const trap = [...traps].find((one) => one.direction === direction && topic?.endsWith(one.topicEnd));
        if (topic !== undefined && trap !== undefined) {
          traps.delete(trap);
          isHeld = true;
          const release = (): void => {
            isHeld = false;
            rest = rest.subarray(length);
            to.write(packet);
            drain();
          };
          trap.caught({ topic, release });
          return;
        }
        rest = rest.subarray(length);
        const isLost = [...losses].some((one) => one.direction === direction && topic?.endsWith(one.topicEnd));
        if (!isLost) to.write(packet);
      }
    };
    from.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      drain();
    });
  };

  const server = createServer((near) => {
    near.on('error', () => undefined);
    if (isCut) {
      near.destroy();
      return;
    }
    const far = connect({ port: targetPort(), host: '127.0.0.1' });
    far.on('error', () => undefined);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.once('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    carry(near, far, 'from-base');
    carry(far, near, 'to-base');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    published,
    hold: (direction, topicEnd) => new Promise((caught) => traps.add({ direction, topicEnd, caught })),
    drop: (direction, topicEnd) => {
      const loss = { direction, topicEnd };
      losses.add(loss);
      return () => void losses.delete(loss);
    },
    cut: () => {
      isCut = true;
      for (const socket of sockets) socket.destroy();
    },
    open: () => {
      isCut = false;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Bytes of the first packet, or undefined where it is not all there yet. MQTT 3.1.1, 2.2.3. */
function packetLength(bytes: Buffer): number | undefined {
  let length = 0;
  for (let index = 1; index < Math.min(bytes.length, 5); index += 1) {
    const byte = bytes[index] ?? 0;
    length += (byte & 0x7f) * 128 ** (index - 1);
    if (byte < 0x80) return bytes.length >= index + 1 + length ? index + 1 + length : undefined;
  }
  return undefined;
}

/** The topic of a PUBLISH. */
function topicOf(packet: Buffer): string | undefined {
  if ((packet[0] ?? 0) >> 4 !== 3) return undefined;
  let index = 1;
  while ((packet[index] ?? 0) >= 0x80) index += 1;
  const start = index + 3;
  return packet.toString('utf8', start, start + packet.readUInt16BE(index + 1));
}
